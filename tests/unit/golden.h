/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_TESTS_GOLDEN_H
#define EGRESSD_TESTS_GOLDEN_H

#include "base/cleanup.h"
#include "ruleset/print.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

/*
 * What a table is compiled to is held against golden files, tests/golden/NAME.nft. With
 * EGRESSD_GOLDEN=write in the environment they are written anew: read the difference before
 * committing it.
 */

static inline char *read_file(const char *path)
{
	FILE *in = fopen(path, "re");
	ck_assert_msg(in != NULL, "%s cannot be read", path);
	char *text = NULL;
	size_t size = 0;
	ssize_t n = getdelim(&text, &size, '\0', in);
	ck_assert_int_gt(n, 0);
	fclose(in);
	return text;
}

static inline char *print_ruleset(const struct ruleset *ruleset)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	ck_assert_int_eq(ruleset_print(ruleset, out), 0);
	fclose(out);
	return text;
}

static inline void assert_golden(const char *text, const char *name)
{
	_cleanup_free_ char *path = NULL;
	ck_assert_int_gt(asprintf(&path, "%s/tests/golden/%s", EGRESSD_SOURCE_ROOT, name), 0);
	const char *wish = getenv("EGRESSD_GOLDEN");
	if (wish && strcmp(wish, "write") == 0) {
		FILE *out = fopen(path, "we");
		ck_assert_ptr_nonnull(out);
		fputs(text, out);
		fclose(out);
		return;
	}
	_cleanup_free_ char *expected = read_file(path);
	ck_assert_str_eq(text, expected);
}

#endif
