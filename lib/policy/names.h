/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_POLICY_NAMES_H
#define EGRESSD_POLICY_NAMES_H

#include "base/array.h"
#include "base/index.h"
#include "base/problems.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * Inside the room: an index of the names of one kind, for look-ups while a policy is checked. Add
 * all, check once, then find. Names are borrowed. Start from {}.
 */
struct named {
	const char *name;
	struct location at;
	size_t index; /* of what bears it */
};

struct names {
	ARRAY(struct named) list; /* in the order of their indexes */
	struct index index;
};

/* Adds a name; an empty one, which was reported before, is left out. 0 or -ENOMEM. */
int names_add(struct names *names, const char *name, struct location at, size_t index);

/* Reports every name that an earlier index has: "WHAT "name" is already defined". */
void names_check(struct names *names, const char *what, struct problems *problems);

/* The lowest index with that name; false when there is none. */
bool names_find(struct names *names, const char *name, size_t *ret_index);

/*
 * The name nearest to what was written, or NULL; also when problems has no room left for it, since
 * the search takes long.
 */
const char *names_nearest(const struct names *names, const char *written,
                          const struct problems *problems);

void names_done(struct names *names);

#endif
