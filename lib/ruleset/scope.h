/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_RULESET_SCOPE_H
#define EGRESSD_RULESET_SCOPE_H

#include "base/address.h"
#include "base/array.h"
#include "ruleset/diff.h"

/*
 * Whose connections a change may deny: those with an end in one of the ranges, or all. An end is
 * the source or the destination, as the packets have them that a rule judges.
 */
struct scope {
	bool all;
	ARRAY(struct address_range) ranges; /* sorted and disjoint; unused when it is all */
};

/* Releases what is held; the struct may be used again. */
void scope_done(struct scope *scope);

/*
 * The scope of a delta. Only elements come and go in it, and each has an address: then it is these
 * addresses; else it is all. Steps that deny nothing (delta_can_deny()) widen no scope. 0 or
 * -ENOMEM.
 */
int delta_scope(const struct delta *delta, struct scope *ret_scope);

/* True when the scope is all, or the address lies in one of its ranges (logarithmic). */
bool scope_contains(const struct scope *scope, const struct address *address);

#endif
