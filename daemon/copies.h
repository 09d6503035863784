/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_COPIES_H
#define EGRESSD_COPIES_H

#include "base/place.h"
#include "policy/snapshot.h"

#include <stdbool.h>

/*
 * The copies of good configurations in the state directory, newest first: LAST_GOOD_NAME, and
 * LAST_GOOD_BEFORE_NAME, the one before. At any moment at least one of them is whole.
 */
enum copy {
	COPY_LAST,
	COPY_BEFORE,
};
#define COPY_COUNT (COPY_BEFORE + 1)

#define COPY_MAX (SNAPSHOT_BYTES_MAX + (size_t)16 * 1024 * 1024) /* bytes of a file */

/* The file's name in the state directory. */
const char *copy_name(enum copy copy);

/* A snapshot that was read, and the text that it points into. Start from {}. */
struct kept {
	struct snapshot snapshot;
	char *text;
};
void kept_done(struct kept *kept);

/*
 * Reads a copy. 0; -ENOENT: there is none; STATE_FILE_BROKEN: the file is damaged, or others may
 * write to it, then *ret_wrong (from malloc) says why, and where the file was moved; or another
 * negative errno.
 */
int copy_read(const char *directory, enum copy copy, struct kept *ret_kept, char **ret_wrong);

/* Reads the last one without moving a damaged file. 0, STATE_FILE_BROKEN or a negative errno. */
int copy_peek(const char *directory, struct kept *ret_kept);

/*
 * Finds the digest of the last copy in the file's first and last bytes. False when there is no
 * copy, or when it is not whole or not egressd's.
 */
bool copy_digest(const char *directory,
                 char ret_digest[static sizeof(((struct snapshot *)NULL)->digest)]);

/*
 * Makes the last copy the one before as well, which replaces that in one step; a new last one is to
 * be put in its place next. 0 or a negative errno, -ENOENT when there is no last one.
 */
int copy_keep_before(const char *directory);

#endif
