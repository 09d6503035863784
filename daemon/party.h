/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_PARTY_H
#define EGRESSD_PARTY_H

#include "base/problems.h"
#include "policy/policy.h"

/* Who is meant by a word of a person: an address, or a host that has one. */

#define PARTY_UNKNOWN 1 /* a word is neither, and like no host's name */
#define PARTY_APART   2 /* two addresses are of different families */
#define PARTY_WRONG   3 /* the problem says what is wrong */

/*
 * Finds the addresses that two words stand for, of one family: of hosts that have one address of
 * each, IPv4. *ret_word is the number of the word that an answer other than 0 is about.
 */
int parties_find(const struct policy *policy, const char *const words[static 2],
                 struct problems *problems, struct address ret_addresses[static 2],
                 unsigned *ret_word);

#endif
