/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_WATCH_PLACES_H
#define EGRESSD_WATCH_PLACES_H

#include "base/array.h"
#include "watch_targets.h"

#include <stdbool.h>

/* Where inotify(7) listens: the directories that decide what the targets' paths lead to. */

/* A name that matters in a directory that the kernel watches. */
struct place {
	int descriptor; /* of inotify */
	char *name;     /* NULL: every name */
};

/* Start from {}. */
typedef ARRAY(struct place) place_list;
void places_done(place_list *list);

/*
 * Watches what the targets' paths lead to now, over that inotify descriptor (-1: there is none, and
 * no place can be watched). 1 when that takes in a name that did not matter before, else 0;
 * *ret_blind says whether some place cannot be watched. -ENOMEM, then all is as it was.
 */
int places_arm(place_list *list, int fd, const target_list *targets, bool *ret_blind);

/* True when that name (NULL: each) in that directory is one that matters. */
bool places_name_matters(const place_list *list, int descriptor, const char *name);

/* True when any name in that directory does, whichever it is. */
bool places_hold(const place_list *list, int descriptor);

#endif
