/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_POLICY_LOAD_H
#define EGRESSD_POLICY_LOAD_H

#include "base/problems.h"
#include "policy/policy.h"
#include "policy/snapshot.h"

#include <sys/stat.h>

#define POLICY_REJECTED 1 /* the text has mistakes; they are in problems */

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

/*
 * Reads the configuration file with all it includes and the lists it names, and checks it.
 *
 * 0: *ret_policy is the checked policy, owned by the caller. POLICY_REJECTED: every mistake that
 * could be found is in problems. Negative errno: not even that (-ENOMEM). paths is filled in all
 * three cases as far as loading came, and may be NULL.
 */
int policy_load(const char *file, struct source_paths *paths, struct problems *problems,
                struct policy **ret_policy);

/* Where a configuration is read from, and what is to be noted of it on the way. */
struct policy_origin {
	const char *file;                /* the main file; without meaning for a snapshot */
	const struct snapshot *snapshot; /* read from this instead of the disk; may be NULL */
	struct snapshot_writer *copy;    /* gets each file as it was read; may be NULL */
	struct source_paths *paths;      /* as above; may be NULL */
	const struct policy *before; /* the policy in force, without mistakes: what is written as it
	                              * was in that need not be read again; may be NULL */
};

/*
 * The same from there. Problems and the policy name the files by the paths that they had when the
 * snapshot was made; a snapshot whose files are not those of its digest is rejected.
 */
int policy_load_from(const struct policy_origin *origin, struct problems *problems,
                     struct policy **ret_policy);

/*
 * The same for a text in memory, under the name by which problems call it. It stands alone: an
 * include or a list file in it is a mistake.
 */
int policy_load_text(const char *name, const char *text, size_t length, struct problems *problems,
                     struct policy **ret_policy);

#endif
