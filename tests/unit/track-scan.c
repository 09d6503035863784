/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../runner.h"
#include "track/scan.h"

#include "random.h"
#include "track/thresholds.h"

#include <check.h>

#define START ((usec_t)1000000000 * USEC_PER_SEC)
#define TCP   6

static struct address address_of(uint8_t net, uint32_t n)
{
	const uint8_t bytes[] = {net, (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n};
	return address_from_bytes(FAMILY_IPV4, bytes);
}

static struct stream stream_to(uint32_t host, uint16_t port)
{
	return (struct stream){
	        .source = address_of(10, 1),
	        .destination = {.address = address_of(203, host),
	                        .port = port,
	                        .protocol = TCP,
	                        .has_port = 1},
	};
}

static struct scans *new_scans(size_t max)
{
	struct scans *scans = NULL;
	ck_assert_int_eq(scans_new(max, &scans), 0);
	return scans;
}

static bool note_host(struct scans *scans, uint32_t host, uint16_t port, double seconds,
                      struct scan *ret_scan)
{
	struct stream stream = stream_to(host, port);
	return scans_note_host(scans, &stream, &thresholds_standard.scan, false,
	                       START + (usec_t)(seconds * (double)USEC_PER_SEC), ret_scan);
}

static bool note_port(struct scans *scans, uint32_t host, uint16_t port, double seconds,
                      struct scan *ret_scan)
{
	struct stream stream = stream_to(host, port);
	return scans_note_port(scans, &stream, &thresholds_standard.scan, false,
	                       START + (usec_t)(seconds * (double)USEC_PER_SEC), ret_scan);
}

/* The number of the host that makes it a scan when one is tried every so many seconds; or 0. */
static unsigned first_scan(double every, struct scan *ret_scan)
{
	_cleanup_(scans_freep) struct scans *scans = new_scans(16);
	for (unsigned i = 0; i < 500; i++)
		if (note_host(scans, i, 135, every * i, ret_scan))
			return i + 1;
	return 0;
}

START_TEST(the_25th_host_on_one_port_within_5_minutes_is_an_address_scan)
{
	struct scan scan;
	ck_assert_uint_eq(first_scan(0.001, &scan), 25);
	ck_assert_uint_eq(first_scan(12.5, &scan), 25);
	ck_assert_uint_eq(scan.distinct, 25);
	ck_assert_uint_eq(scan.span, 300 * USEC_PER_SEC);
	ck_assert_uint_eq(scan.since, START);
	ck_assert_uint_eq(scan.attempts, 25);
}
END_TEST

START_TEST(slower_ones_are_seen_within_an_hour_and_slower_ones_still_are_not)
{
	struct scan scan;
	ck_assert_uint_eq(first_scan(12.6, &scan), 25);
	ck_assert_uint_eq(scan.span, 3600 * USEC_PER_SEC);
	ck_assert_uint_eq(first_scan(150, &scan), 25);
	ck_assert_uint_eq(first_scan(150.1, &scan), 0);
}
END_TEST

START_TEST(records_that_overtake_each_other_hide_no_scan)
{
	_cleanup_(scans_freep) struct scans *scans = new_scans(16);
	struct scan scan;
	for (unsigned i = 0; i < 24; i++)
		ck_assert(!note_host(scans, i, 135, i % 2 ? i : i + 1.9, &scan));
	ck_assert(note_host(scans, 24, 135, 24, &scan));
	/* But nothing is known of before the clock was set back. */
	ck_assert(!note_host(scans, 25, 135, -60, &scan));
}
END_TEST

START_TEST(the_same_host_again_is_one_host)
{
	_cleanup_(scans_freep) struct scans *scans = new_scans(16);
	struct scan scan;
	for (unsigned i = 0; i < 1000; i++)
		ck_assert(!note_host(scans, i % 24, 135, i, &scan));
	ck_assert(note_host(scans, 24, 135, 1000, &scan));
}
END_TEST

/* Held against counting all of it. */
START_TEST(the_window_slides_as_if_everything_were_remembered)
{
	printf("seed 21\n");
	struct random random = {21};
	_cleanup_(scans_freep) struct scans *scans = new_scans(16);
	enum { HOSTS = 60, ATTEMPTS = 20000 };
	double last[HOSTS];
	for (unsigned i = 0; i < HOSTS; i++)
		last[i] = -1e9;

	double now = 0;
	unsigned scanning = 0;
	for (unsigned i = 0; i < ATTEMPTS; i++) {
		/* Quick and slow times take turns. */
		now += floor(random_exponential(&random, i / 100 % 3 == 0   ? 8
		                                         : i / 100 % 3 == 1 ? 60
		                                                            : 400));
		unsigned host = random_below(&random, HOSTS);
		last[host] = now;
		unsigned quick = 0;
		unsigned slow = 0;
		for (unsigned j = 0; j < HOSTS; j++) {
			quick += now - last[j] <= 300;
			slow += now - last[j] <= 3600;
		}
		struct scan scan;
		bool is_scan = note_host(scans, host, 135, now, &scan);
		ck_assert_int_eq(is_scan, quick >= 25 || slow >= 25);
		scanning += is_scan;
	}
	ck_assert_uint_gt(scanning, ATTEMPTS / 20);
	ck_assert_uint_lt(scanning, ATTEMPTS * 19 / 20);
}
END_TEST

START_TEST(hosts_on_different_ports_are_no_address_scan)
{
	_cleanup_(scans_freep) struct scans *scans = new_scans(4096);
	struct scan scan;
	for (unsigned i = 0; i < 1000; i++)
		ck_assert(!note_host(scans, i, (uint16_t)(1000 + i), i, &scan));
}
END_TEST

START_TEST(the_15th_port_of_one_host_within_5_minutes_is_a_port_scan)
{
	_cleanup_(scans_freep) struct scans *scans = new_scans(16);
	struct scan scan;
	for (unsigned i = 0; i < 14; i++) {
		ck_assert(!note_port(scans, 1, (uint16_t)(20 + i), i, &scan));
		ck_assert(!note_port(scans, 1, (uint16_t)(20 + i), i, &scan));
		ck_assert(!note_port(scans, 2, (uint16_t)(20 + i), 22 * i, &scan));
	}
	ck_assert(!note_port(scans, 2, 99, 22 * 14, &scan)); /* 308 s after its first */
	ck_assert(note_port(scans, 1, 99, 300, &scan));
	ck_assert_uint_eq(scan.distinct, 15);
}
END_TEST

START_TEST(a_threshold_over_what_is_remembered_counts_as_that)
{
	_cleanup_(scans_freep) struct scans *scans = new_scans(16);
	struct scan_limits limits = thresholds_standard.scan;
	limits.hosts = 1000;
	limits.slow_hosts = 1000;
	struct scan scan;
	for (unsigned i = 1; i <= 100; i++) {
		struct stream stream = stream_to(i, 135);
		ck_assert_int_eq(scans_note_host(scans, &stream, &limits, false, START + i, &scan),
		                 i >= SCAN_DISTINCT_MAX);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("track-scan");
	TCase *c = tcase_create("scan");
	tcase_add_test(c, the_25th_host_on_one_port_within_5_minutes_is_an_address_scan);
	tcase_add_test(c, slower_ones_are_seen_within_an_hour_and_slower_ones_still_are_not);
	tcase_add_test(c, records_that_overtake_each_other_hide_no_scan);
	tcase_add_test(c, the_same_host_again_is_one_host);
	tcase_add_test(c, the_window_slides_as_if_everything_were_remembered);
	tcase_add_test(c, hosts_on_different_ports_are_no_address_scan);
	tcase_add_test(c, the_15th_port_of_one_host_within_5_minutes_is_a_port_scan);
	tcase_add_test(c, a_threshold_over_what_is_remembered_counts_as_that);
	suite_add_tcase(suite, c);
	return run_suite(suite);
}
