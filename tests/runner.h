/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_TESTS_RUNNER_H
#define EGRESSD_TESTS_RUNNER_H

#include <check.h>
#include <stdlib.h>

/* Runs a suite, as loudly as CK_VERBOSITY says, and releases it; what main() returns. */
static inline int run_suite(Suite *suite)
{
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

#endif
