/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSCTL_COMPLETION_H
#define EGRESSCTL_COMPLETION_H

#include <stdio.h>

/*
 * For a shell: what the last of the words may become, a line each, or the line ":files" where it is
 * one. Names and numbers are asked of the daemon that the words before it mean; where none answers
 * within a second there are none, and nothing is complained about.
 */
void completion_print(int count, char **words, FILE *out);

#define COMPLETION_FILES ":files"

#endif
