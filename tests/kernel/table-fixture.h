/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_TESTS_KERNEL_TABLE_FIXTURE_H
#define EGRESSD_TESTS_KERNEL_TABLE_FIXTURE_H

#include "namespace.h"
#include "sample.h"

#include "kernel/read.h"
#include "ruleset/build.h"

#include <arpa/inet.h>
#include <check.h>
#include <stdbool.h>
#include <stdint.h>

/* A namespace without a table, and who makes one in it. */
static struct kernel *kernel;

static inline void setup(void)
{
	namespace_enter();
	ck_assert_int_eq(kernel_open(&kernel), 0);
}

/* The same where root keeps what root may. */
static inline void setup_network(void)
{
	namespace_enter_network();
	ck_assert_int_eq(kernel_open(&kernel), 0);
}

static inline void teardown(void)
{
	kernel = kernel_free(kernel);
}

/* A table being written. */
static inline struct builder begin(void)
{
	struct builder b = {.ruleset = ruleset_new()};

	ck_assert_ptr_nonnull(b.ruleset);
	b.ruleset->exists = true;
	return b;
}

static inline struct ruleset *finish(struct builder *b)
{
	ck_assert_int_eq(build_finish(b), 0);
	return b->ruleset;
}

/* So many different rules, or addresses from the first one on. */
static inline void add_rules(struct builder *b, const char *chain, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		RULE(b, chain, NULL, (struct location){}, {.kind = MATCH_PROTOCOL, .value = i + 1},
		     {.kind = VERDICT_ACCEPT});
}

static inline void add_addresses(struct builder *b, const char *set, const char *chain,
                                 uint32_t first, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		uint32_t key = htonl(first + i);

		build_element(b, set, &key, sizeof(key), chain, (struct location){});
	}
}

/* Begin, one message, end, and the number that the first of these began to count from. */
#define BATCH_OF_ONE 4

/* Messages to the kernel since that number was given out, but for those of the batch. */
static inline unsigned requests_since(uint32_t sequence, unsigned batch)
{
	return kernel_sequence(kernel) - sequence - 1 - batch;
}

static inline bool table_is_there(void)
{
	bool exists;
	uint32_t generation;

	ck_assert_int_eq(table_exists(kernel, &exists, &generation), 0);
	return exists;
}

#endif
