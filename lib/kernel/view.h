/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_KERNEL_VIEW_H
#define EGRESSD_KERNEL_VIEW_H

#include "kernel/socket.h"
#include "ruleset/ruleset.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What is known of the table without reading it again. Part of a struct kernel; start from {}. */
struct view {
	struct ruleset *table; /* NULL: nothing was read so far */
	uint32_t generation;   /* for which it is true; 0: for none */
	uint64_t number;
	size_t learned;
	uint64_t batches; /* kernel_batches() */
	bool unsettled;   /* something was sent since, which may have changed the table */
};
void view_done(struct view *view);

/*
 * What was last read of the table, and for which generation; NULL when nothing was. It belongs to
 * the kernel and lasts until the next kernel_keep_view(), which takes over what it is given.
 */
const struct ruleset *kernel_view(struct kernel *kernel, uint32_t *ret_generation);
void kernel_keep_view(struct kernel *kernel, struct ruleset *table, uint32_t generation);

/*
 * Whatever is known of the table may not hold any more, but for the elements of sets that are too
 * large to be read: that they are still there is to be seen by a sample.
 */
void kernel_doubt_view(struct kernel *kernel);

/*
 * The view itself, to be changed as a commit of ours changed the table, which made that generation;
 * NULL when there is none. What it learned that way is added up, and the sum returned, until
 * another view is kept.
 */
struct ruleset *kernel_change_view(struct kernel *kernel, uint32_t generation);
size_t kernel_view_learned(struct kernel *kernel, size_t elements);

/*
 * Says that the view is true for that generation as well, because only other tables have changed.
 * False when there is none, or when it may be our own commits that changed ours since.
 */
bool kernel_view_outlasts(struct kernel *kernel, uint32_t generation);

/*
 * How many batches were sent so far that the kernel took, or may have taken: when that grew, the
 * table may be another one, whatever became of the answer. kernel_note_batch() counts one.
 */
uint64_t kernel_batches(struct kernel *kernel);
void kernel_note_batch(struct kernel *kernel);

/* A number of the view: each that is kept or changed has another one. */
uint64_t kernel_view_number(struct kernel *kernel);

#endif
