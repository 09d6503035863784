/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/cleanup.h"
#include "kernel/batch.h"
#include "kernel/encode.h"
#include "policy/load.h"
#include "policy/print.h"
#include "policy/runtime.h"
#include "ruleset/compile.h"
#include "ruleset/diff.h"
#include "ruleset/print.h"
#include "ruleset/scope.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/*
 * From the file to the batch, with the n-th allocation failing, for all n: each ends in -ENOMEM, or
 * in the very same result where it was one that could be done without; and the sanitizer sees a
 * leak. The linker has every allocation of ours, and of nobody else, go through here.
 */

static unsigned long count, fail_at;

static bool fails(void)
{
	return ++count == fail_at;
}

void *__real_malloc(size_t size);
void *__real_calloc(size_t number, size_t size);
void *__real_realloc(void *old, size_t size);
void *__real_reallocarray(void *old, size_t number, size_t size);
char *__real_strdup(const char *text);
char *__real_strndup(const char *text, size_t size);
int __real_vasprintf(char **ret_text, const char *format, va_list arguments);
FILE *__real_open_memstream(char **text, size_t *size);

void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t number, size_t size);
void *__wrap_realloc(void *old, size_t size);
void *__wrap_reallocarray(void *old, size_t number, size_t size);
char *__wrap_strdup(const char *text);
char *__wrap_strndup(const char *text, size_t size);
int __wrap_vasprintf(char **ret_text, const char *format, va_list arguments);
FILE *__wrap_open_memstream(char **text, size_t *size);

void *__wrap_malloc(size_t size)
{
	return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t number, size_t size)
{
	return fails() ? NULL : __real_calloc(number, size);
}

void *__wrap_realloc(void *old, size_t size)
{
	return fails() ? NULL : __real_realloc(old, size);
}

void *__wrap_reallocarray(void *old, size_t number, size_t size)
{
	return fails() ? NULL : __real_reallocarray(old, number, size);
}

char *__wrap_strdup(const char *text)
{
	return fails() ? NULL : __real_strdup(text);
}

char *__wrap_strndup(const char *text, size_t size)
{
	return fails() ? NULL : __real_strndup(text, size);
}

int __wrap_vasprintf(char **ret_text, const char *format, va_list arguments)
{
	return fails() ? -1 : __real_vasprintf(ret_text, format, arguments);
}

FILE *__wrap_open_memstream(char **text, size_t *size)
{
	return fails() ? NULL : __real_open_memstream(text, size);
}

static void require(bool condition, const char *what)
{
	if (condition)
		return;
	fprintf(stderr, "allocation %lu: %s\n", fail_at, what);
	abort();
}

/* What comes of it all; equal for equal input. */
struct result {
	size_t rules, steps, batch_bytes, policy_bytes, table_bytes;
};

static int print_both(const struct policy *policy, const struct ruleset *ruleset,
                      struct result *result)
{
	_cleanup_free_ char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	if (!out)
		return -ENOMEM;
	int r = policy_print(policy, out);
	fflush(out);
	result->policy_bytes = size;
	if (r == 0)
		r = ruleset_print(ruleset, out);
	if (fclose(out) != 0)
		r = -ENOMEM;
	result->table_bytes = size - result->policy_bytes;
	return r;
}

static int encode(const struct delta *delta, struct result *result)
{
	_cleanup_(batch_done) struct batch batch = {};
	int r = batch_encode(&batch, delta, 1, 1);
	result->steps = delta->steps.count;
	result->batch_bytes = batch.wire.length;
	return r;
}

static int compare(const struct policy *policy, const struct ruleset *ruleset,
                   struct result *result)
{
	_cleanup_(ruleset_freep) struct ruleset *closed = NULL;
	_cleanup_(delta_freep) struct delta *first = NULL, *change = NULL;
	_cleanup_(scope_done) struct scope scope = {};
	int r = ruleset_closed(&closed);
	if (r == 0)
		r = ruleset_diff(NULL, ruleset, &first);
	if (r == 0)
		r = ruleset_diff(closed, ruleset, &change);
	if (r == 0)
		r = delta_scope(change, &scope);
	if (r == 0)
		r = encode(change, result);
	if (r == 0)
		r = encode(first, result);
	return r;
}

static int go(const char *file, const struct policy *before, struct problems *problems,
              struct result *result)
{
	const struct policy_origin origin = {.file = file, .before = before};
	_cleanup_(policy_freep) struct policy *policy = NULL;
	_cleanup_(ruleset_freep) struct ruleset *ruleset = NULL;
	_cleanup_(runtime_freep) struct runtime *runtime = NULL;
	struct requests requests = {.next_id = 1};
	struct problems over = {};
	int r = policy_load_from(&origin, problems, &policy);
	if (r == 0)
		r = runtime_bind(policy, &requests, 1, &over, &runtime);
	if (r == 0)
		r = ruleset_compile(policy, 1, &ruleset);
	if (r == 0) {
		ARRAY_FOREACH (chain, &ruleset->chains)
			result->rules += chain->rules.count;
		r = print_both(policy, ruleset, result);
	}
	if (r == 0)
		r = compare(policy, ruleset, result);
	problems_done(&over);
	return r;
}

static void try_all(const char *file, const struct policy *before, int expected)
{
	struct problems problems = {};
	struct result right = {};
	count = fail_at = 0;
	require(go(file, before, &problems, &right) == expected,
	        "without a failure it is another result");
	problems_done(&problems);
	unsigned long all = count, failed = 0;
	for (unsigned long n = 1; n <= all; n++) {
		struct result result = {};
		count = 0;
		fail_at = n;
		int r = go(file, before, &problems, &result);
		failed += r == -ENOMEM;
		require(r == -ENOMEM || r == expected, strerror(r < 0 ? -r : 0));
		if (r == expected)
			require(memcmp(&result, &right, sizeof(right)) == 0, "the result differs");
		problems_done(&problems);
	}
	fail_at = 0;
	require(failed > 0, "nothing ever failed");
	printf("%s: %lu allocations, %lu could not be done without\n", file, all, failed);
}

/* A list of several pieces, which a reload takes over from the policy before. */
static void try_reload(void)
{
	char file[] = "/tmp/egressd-no-memory-XXXXXX";
	FILE *out = fdopen(mkstemp(file), "w");
	require(out, "no file");
	fputs("gateway = { inside = \"lan0\"; };\nroles = { r = { }; };\nhosts = (\n", out);
	for (unsigned i = 0; i < 2000; i++)
		fprintf(out,
		        "{ name = \"h%u\"; role = \"r\"; address = \"10.0.%u.%u\"; mac = "
		        "\"52:54:00:00:00:01\"; },\n",
		        i, i / 256, i % 256);
	fputs("{ name = \"last\"; role = \"r\"; address = \"192.0.2.1\"; } );\n", out);
	require(fclose(out) == 0, "no file");

	struct problems problems = {};
	struct policy *before;
	count = fail_at = 0;
	require(policy_load(file, NULL, &problems, &before) == 0, "it is no policy");
	require(before->pieces.count > 0, "it has but one piece");
	try_all(file, before, 0);
	policy_free(before);
	unlink(file);
}

int main(void)
{
	char broken[] = "/tmp/egressd-no-memory-XXXXXX";
	int fd = mkstemp(broken);
	require(fd >= 0 &&
	                dprintf(fd, "colour = 7;\nroles = { desk = { outbound = [ \"x\" ]; }; };\n"
	                            "hosts = ( { name = \"a\"; role = \"b\"; } );\n") > 0,
	        "no file");
	close(fd);
	try_all(EGRESSD_SOURCE_ROOT "/tests/golden/everything.conf", NULL, 0);
	try_all(EGRESSD_SOURCE_ROOT "/tests/golden/runtime.conf", NULL, 0);
	try_all(broken, NULL, POLICY_REJECTED);
	try_reload();
	unlink(broken);
	return EXIT_SUCCESS;
}
