/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_POLICY_INCLUDE_H
#define EGRESSD_POLICY_INCLUDE_H

#include "policy/loader.h"

/*
 * Inside the room: reads a file and, after it, the files that it includes, in the order in which
 * they are named. at is the line that names the file, line 0 for the main file; depth is how many
 * files lead to it. 0 or -ENOMEM; mistakes go to the problems.
 */
int load_file(struct loader *loader, const char *path, struct location at, unsigned depth);

#endif
