/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSCTL_RESTORATION_H
#define EGRESSCTL_RESTORATION_H

#include "base/array.h"
#include "base/cleanup.h"
#include "policy/snapshot.h"

/*
 * Puts the files of a snapshot back to where the configuration is. The snapshot was written by the
 * daemon, whose user must not gain root's rights by it: each file goes below the folder of the
 * configuration that the administrator names, and nowhere else.
 */
enum restored {
	RESTORED_SAME,    /* the file has that text already */
	RESTORED_WRITTEN, /* it was written; what was there is in `aside` */
	RESTORED_ASIDE,   /* an include pattern matches it, but the snapshot lacks it: moved away */
	RESTORED_OUTSIDE, /* it belongs elsewhere, and differs: the administrator has to restore it
	                   */
};

struct restored_file {
	char *path;
	char *aside; /* NULL: nothing was there */
	char *draft; /* the new text, until it is in place */
	enum restored what;
};

/* Start from {}; release with restoration_done(). */
struct restoration {
	ARRAY(struct restored_file) files;
	char *failed; /* the path at which it failed, or NULL */
};
void restoration_done(struct restoration *restoration);

/*
 * Writes the files so that `config` becomes the main file. `stamp` is part of the names of what is
 * moved aside: PATH.STAMP.old, or PATH.STAMP.2.old and so on where that is taken. No include
 * pattern matches these. First all texts are written beside their places, then all are put in
 * place, so that a failure to write changes nothing. 0 or a negative errno with
 * restoration->failed.
 */
int restoration_make(struct restoration *restoration, const struct snapshot *snapshot,
                     const char *config, const char *stamp);

#endif
