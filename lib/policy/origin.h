/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_POLICY_ORIGIN_H
#define EGRESSD_POLICY_ORIGIN_H

#include "base/array.h"
#include "policy/policy.h"
#include "policy/snapshot.h"

#include <sys/stat.h>

/*
 * Every path that loading looked at: files, and directories in which an include pattern was
 * searched. Whoever wants to know of changes watches these. Start from {}.
 */
struct source_paths {
	ARRAY(char *) files;       /* paths as opened, the main file first */
	ARRAY(struct stat) states; /* of each of them, as it was read; zero: it was not */
	ARRAY(char *) directories; /* of include patterns */
};
void source_paths_done(struct source_paths *paths);

/* Where a configuration is read from, and what is to be noted of it on the way. */
struct policy_origin {
	const char *file;                /* the main file; without meaning for a snapshot */
	const struct snapshot *snapshot; /* read from this instead of the disk; may be NULL */
	struct snapshot_writer *copy;    /* gets each file as it was read; may be NULL */
	struct source_paths *paths;      /* as above; may be NULL */
	const struct policy *before; /* the policy in force, without mistakes: what is written as it
	                              * was in that need not be read again; may be NULL */
};

#endif
