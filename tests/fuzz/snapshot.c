/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/load.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/*
 * The copy of the last good configuration, as the state directory has it: it is broken, or its
 * files are refused with a problem, or they are the policy of its digest.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
	if (!condition)
		abort();
}

static int load(const struct snapshot *snapshot, struct policy **ret_policy)
{
	const struct policy_origin origin = {.snapshot = snapshot};
	struct problems problems = {};
	int r = policy_load_from(&origin, &problems, ret_policy);
	require(r == 0 || (r == POLICY_REJECTED && problems.list.count));
	problems_done(&problems);
	return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct snapshot snapshot;
	char *text = malloc(size ? size : 1); /* of its size, so that a sanitizer sees its end */
	if (!text)
		return 0;
	memcpy(text, data, size);
	char digest[sizeof(snapshot.digest)] = "";
	size_t length = size < SNAPSHOT_TAIL_MAX ? size : SNAPSHOT_TAIL_MAX;
	bool ends = size >= SNAPSHOT_HEAD_BYTES &&
	            snapshot_digest(text, text + size - length, length, digest);
	int r = snapshot_parse(text, size, &snapshot);
	require(r == 0 || r == SNAPSHOT_BROKEN);
	if (r == 0) {
		struct policy *policy = NULL;
		require(snapshot.files.count > 0);
		require(ends && strcmp(digest, snapshot.digest) == 0);
		if (load(&snapshot, &policy) == 0)
			require(strcmp(policy->digest, snapshot.digest) == 0);
		policy_free(policy);
	}
	snapshot_done(&snapshot);
	free(text);
	return 0;
}
