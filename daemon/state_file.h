/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_STATE_FILE_H
#define EGRESSD_STATE_FILE_H

#include "base/cleanup.h"
#include "base/time.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/*
 * Files in the state directory, mode 0600: whole at any time, whatever happens. One that others may
 * write to is not believed, and one that cannot be understood is set aside, never written over.
 */

#define STATE_FILE_BROKEN 1 /* it cannot be read, or is not to be believed */

/* What is wrong with a file, for the operator. */
struct state_wrong {
	char text[256];
};

/* Notes it; returns STATE_FILE_BROKEN. */
int state_wrong(struct state_wrong *wrong, const char *format, ...)
        __attribute__((format(printf, 2, 3)));

/*
 * Reads a file of at most max bytes; *ret_text is from malloc. 0; STATE_FILE_BROKEN; -ENOENT when
 * there is no file, or no directory; -ENOMEM. Any other negative errno: the directory or the file
 * cannot be opened or read, which may pass.
 */
int state_file_read(const char *directory, const char *name, size_t max, struct state_wrong *wrong,
                    char **ret_text, size_t *ret_length);

/*
 * Opens such a file for reading and gives its size in bytes, which is at most max; the caller owns
 * the descriptor. Returns what state_file_read() returns.
 */
int state_file_open(const char *directory, const char *name, size_t max, struct state_wrong *wrong,
                    int *ret_fd, size_t *ret_size);

/*
 * Moves a file out of the way, as "NAME.broken-" and the time `now`, under a name that nothing has
 * yet. Tells in a half sentence what came of it, and returns 0 or a negative errno.
 */
#define STATE_ASIDE_TEXT 160
int state_file_set_aside(const char *directory, const char *name, usec_t now,
                         char text[static STATE_ASIDE_TEXT]);

/* The next version of a file, while it is being written. */
struct state_draft;

/* Begins one, and makes the directory if that alone is missing; what is written to
 * state_draft_out() is in nobody's way. 0 or a negative errno. */
int state_draft_new(const char *directory, const char *name, struct state_draft **ret_draft);
FILE *state_draft_out(struct state_draft *draft);

/*
 * Puts it in the place of the file that is there, and frees it. 0, or a negative errno: then it may
 * be the old one still. durable: it is on the disk when this returns, which may take the disk's
 * time; else a loss of power may leave a torn one.
 */
int state_draft_keep(struct state_draft *draft, bool durable);

/* Drops it; takes NULL, returns NULL. */
struct state_draft *state_draft_free(struct state_draft *draft);
DEFINE_CLEANUP(struct state_draft *, state_draft_free)

/*
 * All of that at once. While the last version is not on the disk for sure, the last one that is
 * stays beside it, as NAME and STATE_SPARE: should a loss of power tear the one, there is the
 * other. Where that cannot be made it is durable anyway.
 */
#define STATE_SPARE "~"
int state_file_write(const char *directory, const char *name, const char *text, bool durable);

#endif
