/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/load.h"
#include "policy/print.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/*
 * A configuration text: it is refused with a problem, or it is a policy that, printed and loaded
 * again, is printed the same.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
	if (!condition)
		abort();
}

/* The policy of a text, or NULL when it has mistakes. */
static struct policy *load(const char *text, size_t size)
{
	struct problems problems = {};
	struct policy *policy = NULL;
	int r = policy_load_text("fuzz.conf", text, size, &problems, &policy);
	if (r == POLICY_REJECTED)
		require(!policy && problems.list.count);
	else
		require(r == 0 && policy && problems_empty(&problems));
	for (size_t i = 0; i < problems.list.count; i++)
		require(problems.list.items[i].text[0] && problems.list.items[i].file[0]);
	problems_done(&problems);
	return policy;
}

static char *print(const struct policy *policy, size_t *ret_size)
{
	char *text = NULL;
	FILE *stream = open_memstream(&text, ret_size);
	require(stream && policy_print(policy, stream) == 0 && fclose(stream) == 0);
	return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct policy *policy = load((const char *)data, size);
	if (!policy)
		return 0;

	size_t first_size, second_size;
	char *first = print(policy, &first_size);
	struct policy *again = load(first, first_size);
	require(again);
	char *second = print(again, &second_size);
	require(first_size == second_size && memcmp(first, second, first_size) == 0);
	require(again->hosts.count == policy->hosts.count);
	for (unsigned family = 0; family < FAMILY_COUNT; family++)
		require(again->claims[family].count == policy->claims[family].count);

	free(second);
	policy_free(again);
	free(first);
	policy_free(policy);
	return 0;
}
