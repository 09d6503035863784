/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_POLICY_LIST_H
#define EGRESSD_POLICY_LIST_H

#include "base/address.h"
#include "base/array.h"
#include "base/problems.h"
#include "policy/source.h"

typedef ARRAY(struct address_range) range_array;

/*
 * Reads the text of a list file and adds what it holds to ranges: one address, prefix or range a
 * line; "#" and ";" begin a comment; lines may be empty. Mistakes go to problems with the line of
 * the list file. 0 or -ENOMEM.
 */
int list_read(const char *file, const struct source *source, struct problems *problems,
              range_array *ranges);

#endif
