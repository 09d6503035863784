/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../runner.h"
#include "track/scan.h"

#include "random.h"
#include "track/contact_queue.h"
#include "track/danger.h"
#include "track/thresholds.h"
#include "track/trw.h"

#include <check.h>
#include <errno.h>

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
	return scans_note_host(scans, &stream, &thresholds_standard.scan,
	                       START + (usec_t)(seconds * (double)USEC_PER_SEC), ret_scan);
}

static bool note_port(struct scans *scans, uint32_t host, uint16_t port, double seconds,
                      struct scan *ret_scan)
{
	struct stream stream = stream_to(host, port);
	return scans_note_port(scans, &stream, &thresholds_standard.scan,
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
		ck_assert_int_eq(scans_note_host(scans, &stream, &limits, START + i, &scan),
		                 i >= SCAN_DISTINCT_MAX);
	}
}
END_TEST

static struct trw_limits known(void)
{
	struct trw_limits limits = thresholds_standard.trw;
	limits.enabled = true;
	return limits;
}

static struct trw *new_trw(size_t sources, size_t contacts)
{
	struct trw *trw = NULL;
	ck_assert_int_eq(trw_new(sources, contacts, &trw), 0);
	trw_know(trw, START);
	return trw;
}

/* A contact of the one source there is. */
static bool contact(struct trw *trw, const struct trw_limits *limits, uint32_t host, bool permitted,
                    usec_t seconds, struct trw_walk *ret_walk)
{
	struct address source = address_of(10, 1);
	struct address destination = address_of(203, host);
	return trw_note(trw, &source, &destination, permitted, limits,
	                START + seconds * USEC_PER_SEC, ret_walk);
}

START_TEST(four_failed_first_contacts_in_a_row_tell_a_scanner)
{
	_cleanup_(trw_freep) struct trw *trw = new_trw(16, 1024);
	struct trw_limits limits = known();
	struct trw_walk walk = {};
	for (unsigned i = 0; i < 3; i++) {
		ck_assert(!contact(trw, &limits, i, false, 10 * i, &walk));
		/* Again the same is no first contact. */
		ck_assert(!contact(trw, &limits, i, false, 10 * i + 1, &walk));
	}
	ck_assert(contact(trw, &limits, 3, false, 30, &walk));
	ck_assert_uint_eq(walk.failed, 4);
	ck_assert_uint_eq(walk.succeeded, 0);
}
END_TEST

START_TEST(a_good_contact_takes_back_a_failed_one)
{
	_cleanup_(trw_freep) struct trw *trw = new_trw(16, 1024);
	struct trw_limits limits = known();
	struct trw_walk walk = {};
	uint32_t host = 0;
	for (unsigned i = 0; i < 100; i++) {
		ck_assert(!contact(trw, &limits, host++, false, i, &walk));
		ck_assert(!contact(trw, &limits, host++, true, i, &walk));
	}
	/* Three more than the good ones are 64, one more is 256. */
	for (unsigned i = 0; i < 3; i++)
		ck_assert(!contact(trw, &limits, host++, false, 200, &walk));
	ck_assert(contact(trw, &limits, host++, false, 200, &walk));
}
END_TEST

START_TEST(good_contacts_are_no_credit_that_lasts)
{
	_cleanup_(trw_freep) struct trw *trw = new_trw(16, 1024);
	struct trw_limits limits = known();
	struct trw_walk walk = {};
	uint32_t host = 0;
	/* Every four good ones end in "benign", and a new walk begins. */
	for (unsigned i = 0; i < 400; i++)
		contact(trw, &limits, host++, true, i, &walk);
	for (unsigned i = 0; i < 3; i++)
		ck_assert(!contact(trw, &limits, host++, false, 500, &walk));
	ck_assert(contact(trw, &limits, host++, false, 500, &walk));
}
END_TEST

START_TEST(after_a_day_a_contact_is_a_first_one_again)
{
	_cleanup_(trw_freep) struct trw *trw = new_trw(16, 1024);
	struct trw_limits limits = known();
	struct trw_walk walk = {};
	for (unsigned i = 0; i < 3; i++)
		contact(trw, &limits, i, false, i, &walk);
	ck_assert(!contact(trw, &limits, 0, false, 80000, &walk));
	/* Not yet forgotten, for it was tried again in between. */
	ck_assert(!contact(trw, &limits, 0, false, 86402, &walk));
	ck_assert(contact(trw, &limits, 1, false, 86402, &walk));
}
END_TEST

START_TEST(without_the_good_contacts_it_tells_nothing)
{
	_cleanup_(trw_freep) struct trw *trw = new_trw(16, 1024);
	struct trw_walk walk = {};
	for (unsigned i = 0; i < 500; i++)
		ck_assert(!contact(trw, &thresholds_standard.trw, i, false, i, &walk));
}
END_TEST

START_TEST(while_good_contacts_are_missed_nothing_is_a_step_and_then_all_begin_anew)
{
	_cleanup_(trw_freep) struct trw *trw = new_trw(16, 1024);
	struct trw_limits limits = known();
	struct trw_walk walk = {};
	for (unsigned i = 0; i < 3; i++)
		ck_assert(!contact(trw, &limits, i, false, i, &walk));
	trw_doubt(trw);
	for (unsigned i = 3; i < 9; i++)
		ck_assert(!contact(trw, &limits, i, false, 10, &walk));
	trw_know(trw, START + 20 * USEC_PER_SEC);
	/* What is only told now, though it was before. */
	for (unsigned i = 9; i < 15; i++)
		ck_assert(!contact(trw, &limits, i, false, 19, &walk));
	/* These were contacted while nobody counted, but contacted they were. */
	for (unsigned i = 0; i < 15; i++)
		ck_assert(!contact(trw, &limits, i, false, 30, &walk));
	for (unsigned i = 15; i < 18; i++)
		ck_assert(!contact(trw, &limits, i, false, 40, &walk));
	ck_assert(contact(trw, &limits, 18, false, 40, &walk));
	ck_assert_uint_eq(walk.failed, 4);
}
END_TEST

START_TEST(a_source_whose_contacts_had_to_make_room_is_not_judged_as_long_as_they_would_be_known)
{
	_cleanup_(trw_freep) struct trw *trw = new_trw(16, 64);
	struct trw_limits limits = known();
	struct trw_walk walk = {};
	/* Nobody's share is more than a sixteenth of the room, while others need it. */
	for (unsigned i = 0; i < 65; i++)
		contact(trw, &limits, i, i != 0, i, &walk);
	ck_assert_uint_eq(trw_counts(trw).contacts, 1);
	ck_assert_uint_eq(trw_counts(trw).last_forgotten, START + 64 * USEC_PER_SEC);
	for (unsigned i = 100; i < 110; i++)
		ck_assert(!contact(trw, &limits, i, false, 100, &walk));

	/* Another one is judged all the same, and the same one after a day. */
	struct address other = address_of(10, 2);
	for (unsigned i = 0; i < 4; i++) {
		struct address to = address_of(203, 200 + i);
		ck_assert(trw_note(trw, &other, &to, false, &limits, START + 200 * USEC_PER_SEC,
		                   &walk) == (i == 3));
	}
	for (unsigned i = 300; i < 304; i++)
		ck_assert(contact(trw, &limits, i, false, 200000, &walk) == (i == 303));
}
END_TEST

START_TEST(a_source_is_judged_however_many_good_contacts_it_makes)
{
	_cleanup_(trw_freep) struct trw *trw = new_trw(16, 64);
	struct trw_limits limits = known();
	struct trw_walk walk = {};
	for (unsigned i = 0; i < 1000; i++)
		contact(trw, &limits, i, true, i, &walk);
	ck_assert_uint_eq(trw_counts(trw).contacts, 0);
	for (unsigned i = 1000; i < 1004; i++)
		ck_assert(contact(trw, &limits, i, false, i, &walk) == (i == 1003));
}
END_TEST

START_TEST(without_room_for_another_source_those_that_are_there_go_on_and_it_is_not_judged)
{
	_cleanup_(trw_freep) struct trw *trw = new_trw(2, 1024);
	struct trw_limits limits = known();
	struct trw_walk walk = {};
	for (unsigned i = 0; i < 4; i++) {
		for (uint32_t n = 1; n <= 3; n++) {
			struct address source = address_of(10, n), to = address_of(203, i);
			ck_assert(trw_note(trw, &source, &to, false, &limits, START + USEC_PER_SEC,
			                   &walk) == (i == 3 && n < 3));
		}
	}
	ck_assert_uint_eq(trw_counts(trw).sources, 4);
	ck_assert_uint_eq(trw_counts(trw).contacts, 0);
}
END_TEST

START_TEST(queued_contacts_wait_for_their_time_and_keep_their_order)
{
	_cleanup_(contact_queue_freep) struct contact_queue *queue = NULL;
	ck_assert_int_eq(contact_queue_new(0, &queue), -EINVAL);
	ck_assert_int_eq(contact_queue_new(3, &queue), 0);
	ck_assert_ptr_null(contact_queue_take(queue, UINT64_MAX));
	usec_t put = 0, taken = 0;
	for (unsigned round = 0; round < 5; round++) {
		while (!contact_queue_is_full(queue))
			contact_queue_put(queue, &(struct queued_contact){.time = ++put});
		ck_assert_ptr_null(contact_queue_take(queue, taken));
		for (unsigned i = 0; i < 2; i++) {
			const struct queued_contact *first = contact_queue_take(queue, taken + 1);
			ck_assert_ptr_nonnull(first);
			ck_assert_uint_eq(first->time, ++taken);
		}
	}
	ck_assert_uint_eq(put, taken + 1);
}
END_TEST

START_TEST(danger_levels_are_those_of_psad)
{
	static const struct {
		uint64_t packets, destinations;
		unsigned level;
	} expected[] = {
	        {0, 0, 0},     {4, 9, 0},   {5, 0, 1},    {14, 1, 1},    {15, 1, 2},
	        {149, 1, 2},   {150, 1, 3}, {1499, 1, 3}, {1500, 1, 4},  {9999, 1, 4},
	        {10000, 1, 5}, {1, 10, 1},  {1, 19, 1},   {1, 20, 2},    {1, 50, 3},
	        {1, 100, 4},   {1, 499, 4}, {1, 500, 5},  {10000, 9, 5},
	};
	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++)
		ck_assert_uint_eq(danger_level(expected[i].packets, expected[i].destinations),
		                  expected[i].level);
}
END_TEST

START_TEST(distinct_destinations_are_estimated_within_some_percent)
{
	printf("seed 22\n");
	struct random random = {22};
	static const unsigned counts[] = {0, 1, 10, 20, 50, 100, 500, 1000};
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		struct destinations destinations = {};
		for (unsigned j = 0; j < counts[i]; j++) {
			uint64_t hash = random_bits(&random);
			destinations_note(&destinations, hash);
			destinations_note(&destinations, hash);
		}
		ck_assert_double_eq_tol((double)destinations_estimate(&destinations), counts[i],
		                        1 + counts[i] * 0.08);
	}
	struct destinations full = {};
	for (unsigned i = 0; i < DANGER_BITS; i++)
		destinations_note(&full, i);
	ck_assert_uint_gt(destinations_estimate(&full), 5000);
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

	c = tcase_create("threshold random walk");
	tcase_add_test(c, four_failed_first_contacts_in_a_row_tell_a_scanner);
	tcase_add_test(c, a_good_contact_takes_back_a_failed_one);
	tcase_add_test(c, good_contacts_are_no_credit_that_lasts);
	tcase_add_test(c, after_a_day_a_contact_is_a_first_one_again);
	tcase_add_test(c, without_the_good_contacts_it_tells_nothing);
	tcase_add_test(c, while_good_contacts_are_missed_nothing_is_a_step_and_then_all_begin_anew);
	tcase_add_test(
	        c,
	        a_source_whose_contacts_had_to_make_room_is_not_judged_as_long_as_they_would_be_known);
	tcase_add_test(
	        c, without_room_for_another_source_those_that_are_there_go_on_and_it_is_not_judged);
	tcase_add_test(c, a_source_is_judged_however_many_good_contacts_it_makes);
	tcase_add_test(c, queued_contacts_wait_for_their_time_and_keep_their_order);
	suite_add_tcase(suite, c);

	c = tcase_create("danger");
	tcase_add_test(c, danger_levels_are_those_of_psad);
	tcase_add_test(c, distinct_destinations_are_estimated_within_some_percent);
	suite_add_tcase(suite, c);
	return run_suite(suite);
}
