/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_POLICY_REFERENCES_H
#define EGRESSD_POLICY_REFERENCES_H

#include "base/problems.h"

#include <stdbool.h>
#include <stddef.h>

/* Inside the room: who refers to whom, among services or among roles. */
struct reference {
	size_t to; /* index of a referrer */
	struct location at;
	bool loops; /* set by references_order(): it leads back to where it comes from */
};

struct referrer {
	const char *name;
	struct reference *items;
	size_t count;
};

/*
 * Puts the referrers in an order in which each comes after all that it refers to. A loop is
 * reported at the line that closes it, as "loop in WHAT: a -> b -> a", and left out of account.
 * ret_order takes count indexes. 0 or -ENOMEM.
 */
int references_order(struct referrer *referrers, size_t count, const char *what,
                     struct problems *problems, size_t *ret_order);

#endif
