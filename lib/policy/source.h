/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_POLICY_SOURCE_H
#define EGRESSD_POLICY_SOURCE_H

#include "base/cleanup.h"
#include "base/problems.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>

#define SOURCE_BYTES_MAX ((size_t)64 * 1024 * 1024)
#define SOURCE_REFUSED   1 /* a problem says why */

/* A file's text as it was at one moment; two NUL follow its length bytes. */
struct source {
	char *text;
	size_t length;
	dev_t device;
	ino_t inode;
	struct stat status; /* of that moment */
};

/*
 * Reads a file that the configuration is made of: a regular one, of root or of our own user,
 * which nobody else may write, of SOURCE_BYTES_MAX at most, and not changed while it was read.
 * at is the line that names the file, or line 0 for a file that no other one names.
 *
 * 0: *ret_source is the caller's, to be released with source_done(). SOURCE_REFUSED; or -ENOMEM,
 * -EMFILE, -ENFILE, which are no fault of the file.
 */
int source_read(const char *path, struct location at, struct problems *problems,
                struct source *ret_source);

/* What editors of other systems write before UTF-8, and libconfig takes for a mistake. */
static inline bool starts_with_mark(const char *text, size_t length)
{
	return length >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0;
}
#define BYTE_ORDER_MARK_TEXT "the file begins with a UTF-8 byte order mark; save it without one"

/* True for those three, as errno has them. */
bool is_shortage(int error);

/* Releases the text; an empty struct source is fine. */
void source_done(struct source *source);

#endif
