/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_BASE_PROBLEMS_H
#define EGRESSD_BASE_PROBLEMS_H

#include "base/array.h"
#include "base/location.h"

#include <stdbool.h>
#include <stdio.h>

#define PROBLEMS_MAX 1000 /* more are counted, not kept */

/* One mistake of the operator's: file and line, what is wrong, and what would be right. */
struct problem {
	char *file;
	unsigned line; /* 0: the file as a whole */
	char *text;
};

/*
 * All mistakes found in one go. Mistakes are data: the library collects them, the daemon writes
 * them to the journal, the tool prints them. Start from {}.
 */
struct problems {
	ARRAY(struct problem) list;
	size_t left_out; /* found after the list was full */
	bool incomplete; /* memory ran out while one was noted */
};

/* Notes a problem; strings are copied. Without memory it is counted in incomplete instead. */
void problems_add(struct problems *problems, struct location at, const char *format, ...)
        __attribute__((format(printf, 3, 4)));

/* True when nothing at all was found. */
bool problems_empty(const struct problems *problems);

/* Puts copies of the problems of `first` in front of those that are there. */
void problems_put_first(struct problems *problems, const struct problems *first);

/* Sorts by file and line, keeping the order in which they were found where these agree. */
void problems_sort(struct problems *problems);

/* Writes "file:line: text", a line each, and how many were left out. */
void problems_print(const struct problems *problems, FILE *out);

/* Releases what is held; the struct may be used again. */
void problems_done(struct problems *problems);

#endif
