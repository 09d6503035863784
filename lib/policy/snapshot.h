/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_POLICY_SNAPSHOT_H
#define EGRESSD_POLICY_SNAPSHOT_H

#include "base/array.h"
#include "base/time.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/*
 * All files of a configuration in one, as they were when it was read: the main file, what it
 * includes and the lists that it names, in the order in which they were read. In the file that is
 *
 *     egressd configuration 1
 *     file PATH-LENGTH TEXT-LENGTH
 *     PATH
 *     TEXT
 *     ...
 *     end DIGEST TIME
 *
 * where the digest is the policy's and the time is in microseconds since 1970.
 */

#define SNAPSHOT_BYTES_MAX ((size_t)256 * 1024 * 1024)

struct snapshot_file {
	const char *path;
	const char *text; /* no NUL follows it */
	size_t length;
};

/* Start from {}; release with snapshot_done(). */
struct snapshot {
	ARRAY(struct snapshot_file)
	files;           /* at least one; pointers into the text that was parsed */
	char digest[65]; /* of the policy */
	usec_t time;     /* when it came into force */
};
void snapshot_done(struct snapshot *snapshot);

#define SNAPSHOT_BROKEN 1

/*
 * Takes a snapshot's text apart, which is changed for that and has to outlive it. 0;
 * SNAPSHOT_BROKEN when it is cut short or no snapshot; -ENOMEM. Whether the files are those of the
 * digest shows when the policy is loaded.
 */
int snapshot_parse(char *text, size_t length, struct snapshot *ret_snapshot);

/*
 * The digest of a snapshot's file, from its first SNAPSHOT_HEAD_BYTES bytes and its last `length`
 * ones, SNAPSHOT_TAIL_MAX or as many as there are. False when these are not those of a snapshot.
 */
#define SNAPSHOT_HEAD_BYTES ((size_t)24)
#define SNAPSHOT_TAIL_MAX   ((size_t)96)
bool snapshot_digest(const char head[static SNAPSHOT_HEAD_BYTES], const char *tail, size_t length,
                     char ret_digest[static sizeof(((struct snapshot *)NULL)->digest)]);

/* One that is being written. Start from {.out = ...}; whether all went well, ferror(3) knows. */
struct snapshot_writer {
	FILE *out;
	size_t bytes;
	bool oversize; /* it would be larger than SNAPSHOT_BYTES_MAX and is left incomplete */
};

void snapshot_begin(struct snapshot_writer *writer);
void snapshot_add(struct snapshot_writer *writer, const char *path, const char *text,
                  size_t length);
void snapshot_end(struct snapshot_writer *writer, const char *digest, usec_t time);

#endif
