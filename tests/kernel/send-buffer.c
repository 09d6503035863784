/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../runner.h"
#include "table-fixture.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>

/*
 * A batch is one send, however long: the socket's send buffer has to hold it. An element of an
 * address map takes at least 40 bytes of a batch and less than 256.
 */
#define ELEMENT_LEAST 40
#define ELEMENT_MOST  256

static size_t limit; /* net.core.wmem_max, as it was before any namespace was entered */

/* Gives the socket the smallest buffer that there is. */
static size_t shrink(void)
{
	int bytes;
	socklen_t length = sizeof(bytes);

	ck_assert_int_eq(kernel_send_buffer(kernel, 2048), 0);
	ck_assert_int_eq(
	        getsockopt(kernel_commit_fd(kernel), SOL_SOCKET, SO_SNDBUF, &bytes, &length), 0);
	ck_assert_int_lt(bytes, 16384);
	return (size_t)bytes;
}

START_TEST(a_send_buffer_of_two_kilobytes_grows_with_the_batch)
{
	size_t bytes = shrink();
	struct ruleset *few = sample_addresses(1);
	struct ruleset *many = sample_addresses(2 * bytes / ELEMENT_LEAST);
	struct applied applied;

	ck_assert_uint_eq(sample_apply(kernel, few).attempts, 1);
	shrink();
	applied = sample_apply(kernel, many);
	ck_assert_uint_eq(applied.attempts, 1);
	sample_check(kernel, many);
	shrink();
	applied = sample_apply(kernel, few);
	ck_assert_uint_eq(applied.attempts, 1);
	sample_check(kernel, few);
	ruleset_free(few);
	ruleset_free(many);
}
END_TEST

START_TEST(a_batch_as_large_as_the_system_allows_goes_without_any_privilege)
{
	/* SO_SNDBUF gives twice what is asked for, up to twice the limit. */
	struct ruleset *wanted = sample_addresses(limit / ELEMENT_MOST);

	shrink();
	ck_assert_uint_eq(sample_apply(kernel, wanted).elements_added, limit / ELEMENT_MOST);
	sample_check(kernel, wanted);
	ruleset_free(wanted);
}
END_TEST

START_TEST(after_a_batch_that_was_too_big_the_same_socket_sends_a_smaller_one)
{
	struct ruleset *too_big = sample_addresses(limit * 2 / ELEMENT_LEAST);
	struct ruleset *wanted = sample_addresses(5000);
	struct applied applied;

	if (namespace_has_force_options()) {
		printf("skipped: without a user namespace the kernel gives us any send buffer\n");
	} else {
		ck_assert_int_eq(table_apply(kernel, too_big, &applied), APPLY_REFUSED);
		ck_assert_int_eq(applied.refusal.error, -EMSGSIZE);
		ck_assert_uint_eq(sample_apply(kernel, wanted).elements_added, 5000);
		sample_check(kernel, wanted);
	}
	ruleset_free(too_big);
	ruleset_free(wanted);
}
END_TEST

START_TEST(with_privilege_a_batch_may_be_larger_than_the_system_allows)
{
	size_t count = limit * 2 / ELEMENT_LEAST;
	struct ruleset *wanted = sample_addresses(count);

	shrink();
	ck_assert_uint_eq(sample_apply(kernel, wanted).elements_added, count);
	sample_check(kernel, wanted);
	ruleset_free(wanted);
}
END_TEST

static size_t read_limit(void)
{
	FILE *file = fopen("/proc/sys/net/core/wmem_max", "re");
	size_t bytes = 0;

	if (file && fscanf(file, "%zu", &bytes) != 1)
		bytes = 0;
	if (file)
		fclose(file);
	return bytes;
}

int main(void)
{
	Suite *suite = suite_create("kernel send buffer");
	TCase *poor = tcase_create("in a user namespace");
	TCase *rich = tcase_create("as root");

	if (!namespace_possible()) {
		puts("skipped: neither user nor network namespaces may be made here");
		return 77;
	}
	limit = read_limit();
	tcase_set_timeout(poor, 120);
	tcase_add_checked_fixture(poor, setup, teardown);
	tcase_add_test(poor, a_send_buffer_of_two_kilobytes_grows_with_the_batch);
	suite_add_tcase(suite, poor);
	tcase_set_timeout(rich, 120);
	tcase_add_checked_fixture(rich, setup_network, teardown);
	suite_add_tcase(suite, rich);
	if (limit > 0 && limit <= 8 * 1024 * 1024) {
		tcase_add_test(poor,
		               a_batch_as_large_as_the_system_allows_goes_without_any_privilege);
		tcase_add_test(poor,
		               after_a_batch_that_was_too_big_the_same_socket_sends_a_smaller_one);
		if (namespace_network_possible())
			tcase_add_test(rich,
			               with_privilege_a_batch_may_be_larger_than_the_system_allows);
		else
			puts("skipped: a larger send buffer is only root's to ask for");
	} else {
		puts("skipped: net.core.wmem_max is too large to be exceeded");
	}
	return run_suite(suite);
}
