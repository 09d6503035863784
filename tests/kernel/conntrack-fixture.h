/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_TESTS_KERNEL_CONNTRACK_FIXTURE_H
#define EGRESSD_TESTS_KERNEL_CONNTRACK_FIXTURE_H

#include "namespace.h"
#include "traffic.h"

#include <check.h>
#include <stddef.h>

/* A namespace in which everything is tracked, and a socket to its conntrack. */
static struct conntrack *conntrack;

static inline void setup(void)
{
	namespace_enter();
	traffic_start();
	ck_assert_int_eq(conntrack_open(0, &conntrack), 0);
}

static inline void teardown(void)
{
	conntrack = conntrack_free(conntrack);
}

static inline size_t count_flows(void)
{
	struct traffic_flows flows = traffic_flows(conntrack);
	size_t count = flows.list.count;

	ARRAY_DONE(&flows.list);
	return count;
}

#endif
