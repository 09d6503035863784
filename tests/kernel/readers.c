/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../runner.h"
#include "namespace.h"
#include "sample.h"

#include "kernel/counters.h"
#include "kernel/generation.h"
#include "kernel/nflog.h"
#include "ruleset/build.h"

#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <netinet/ip.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#define GROUP 100
#define NOW   UINT64_C(1234567890)

static struct kernel *kernel;

static void setup(void)
{
	namespace_enter();
	ck_assert_int_eq(kernel_open(&kernel), 0);
	namespace_loopback_up();
}

static void teardown(void)
{
	kernel = kernel_free(kernel);
}

/* Counts, logs and remembers every packet that this namespace sends out. */
static void apply_output_rules(uint32_t size)
{
	struct builder b = {.ruleset = ruleset_new()};
	struct location nowhere = {};

	ck_assert_ptr_nonnull(b.ruleset);
	b.ruleset->exists = true;
	build_counter(&b, "sent", nowhere);
	build_counter(&b, "unused", nowhere);
	build_set(&b,
	          &(struct set){.name = "seen", .type = SET_IPV4, .dynamic = true, .size = size});
	build_base_chain(&b, "output", NULL, HOOK_OUTPUT, 0, false);
	RULE(&b, "output", NULL, nowhere, {.kind = MATCH_PROTOCOL, .value = IPPROTO_UDP},
	     {.kind = ACTION_COUNTER, .name = "sent"},
	     {.kind = ACTION_LOG, .value = GROUP, .name = "egressd role desk"},
	     {.kind = ACTION_COUNT_SOURCE, .family = FAMILY_IPV4, .name = "seen"});
	ck_assert_int_eq(build_finish(&b), 0);
	sample_apply(kernel, b.ruleset);
	ruleset_free(b.ruleset);
}

START_TEST(named_counters_tell_every_packet)
{
	struct counter_values *values;

	apply_output_rules(100);
	namespace_send_udp(9, 123);
	ck_assert_int_eq(counters_read(kernel, &values), 0);
	ck_assert_uint_eq(values->list.count, 2);
	ck_assert_str_eq(values->list.items[0].name, "sent");
	ck_assert_uint_eq(values->list.items[0].packets, 123);
	ck_assert_uint_eq(values->list.items[0].bytes, 123 * 29);
	ck_assert_uint_eq(values->list.items[1].packets, 0);
	counter_values_free(values);
}
END_TEST

START_TEST(a_table_that_is_not_there_has_no_counters)
{
	struct counter_values *values;
	struct counted_elements *elements;

	ck_assert_int_eq(counters_read(kernel, &values), 0);
	ck_assert_uint_eq(values->list.count, 0);
	ck_assert_int_eq(counted_elements_read("seen", 1000, &elements), -ENOENT);
	counter_values_free(values);
}
END_TEST

START_TEST(dynamic_elements_tell_their_packets)
{
	static const uint8_t localhost[4] = {127, 0, 0, 1};
	struct counted_elements *elements;

	apply_output_rules(100);
	namespace_send_udp(9, 45);
	ck_assert_int_eq(counted_elements_read("seen", 1000, &elements), 0);
	ck_assert_uint_eq(elements->list.count, 1);
	ck_assert_mem_eq(elements->list.items[0].key, localhost, sizeof(localhost));
	ck_assert_uint_eq(elements->list.items[0].packets, 45);
	ck_assert_uint_eq(elements->list.items[0].bytes, 45 * 29);
	counted_elements_free(elements);
}
END_TEST

START_TEST(no_more_elements_are_read_than_asked_for)
{
	struct counted_elements *elements;
	struct counted_element element;
	uint8_t key[4] = {127, 0, 0, 1}, other[4] = {127, 0, 0, 2};

	apply_output_rules(1000);
	namespace_send_udp(9, 7);
	ck_assert_int_eq(namespace_run("nft add element inet egressd seen "
	                               "'{ 10.0.0.1 counter packets 1 bytes 2, 10.0.0.2 counter }'",
	                               NULL),
	                 0);
	ck_assert_int_eq(counted_elements_read("seen", 3, &elements), 0);
	ck_assert_uint_eq(elements->list.count, 3);
	counted_elements_free(elements);
	ck_assert_int_eq(counted_elements_read("seen", 2, &elements), COUNTED_MORE);
	counted_elements_free(elements);

	ck_assert_int_eq(counted_element_find(kernel, "seen", key, sizeof(key), &element), 0);
	ck_assert_uint_eq(element.packets, 7);
	ck_assert_mem_eq(element.key, key, sizeof(key));
	ck_assert_int_eq(counted_element_find(kernel, "seen", other, sizeof(other), &element),
	                 -ENOENT);
}
END_TEST

START_TEST(counters_and_dynamic_elements_survive_a_change_of_the_table)
{
	struct counted_elements *elements;
	struct counter_values *values;

	apply_output_rules(100);
	namespace_send_udp(9, 10);
	ck_assert_int_eq(namespace_run("nft add rule inet egressd output accept", NULL), 0);
	apply_output_rules(100);
	namespace_send_udp(9, 10);
	ck_assert_int_eq(counters_read(kernel, &values), 0);
	ck_assert_uint_eq(values->list.items[0].packets, 20);
	ck_assert_int_eq(counted_elements_read("seen", 1000, &elements), 0);
	ck_assert_uint_eq(elements->list.items[0].packets, 20);
	counter_values_free(values);
	counted_elements_free(elements);
}
END_TEST

struct seen {
	size_t records;
	bool wrong;
};

static void check_record(const struct record *record, struct seen *seen)
{
	static const char *prefix = "egressd role desk";
	struct iphdr header = {};

	seen->records++;
	if (record->payload_length >= sizeof(header))
		memcpy(&header, record->payload, sizeof(header));
	if (strcmp(record->prefix, prefix) != 0 || header.version != 4 ||
	    header.protocol != IPPROTO_UDP || ntohl(header.daddr) != INADDR_LOOPBACK ||
	    record->has_mac || record->interface != 0 || !record->has_uid ||
	    record->uid != getuid() || record->time != NOW)
		seen->wrong = true;
}

static void check_records(const struct record *records, size_t count, void *userdata)
{
	ck_assert_uint_le(count, NFLOG_BATCH);
	for (size_t i = 0; i < count; i++)
		check_record(&records[i], userdata);
}

/* Reads until nothing comes for as long as the kernel may hold a partial batch back. */
static void read_all(struct nflog *nflog, struct seen *seen)
{
	struct pollfd wait = {.fd = nflog_fd(nflog), .events = POLLIN};

	while (poll(&wait, 1, 300) > 0)
		ck_assert_int_ge(nflog_read(nflog, SIZE_MAX, NOW, check_records, seen), 0);
}

START_TEST(every_logged_packet_becomes_a_record)
{
	struct seen seen = {};
	struct nflog *nflog;

	apply_output_rules(100);
	ck_assert_int_eq(nflog_open(GROUP, 0, &nflog), 0);
	namespace_send_udp(9, 1000);
	read_all(nflog, &seen);
	ck_assert_uint_eq(seen.records, 1000);
	ck_assert(!seen.wrong);
	ck_assert_uint_eq(nflog_counts(nflog).received, 1000);
	ck_assert_uint_eq(nflog_counts(nflog).lost, 0);
	nflog_free(nflog);
}
END_TEST

START_TEST(a_lone_packet_is_reported_within_a_tenth_of_a_second)
{
	struct seen seen = {};
	struct nflog *nflog;
	struct pollfd wait = {.events = POLLIN};

	apply_output_rules(100);
	ck_assert_int_eq(nflog_open(GROUP, 0, &nflog), 0);
	wait.fd = nflog_fd(nflog);
	namespace_send_udp(9, 1);
	ck_assert_int_eq(poll(&wait, 1, 100), 1);
	ck_assert_int_eq(nflog_read(nflog, 10, NOW, check_records, &seen), 0);
	ck_assert_uint_eq(seen.records, 1);
	nflog_free(nflog);
}
END_TEST

START_TEST(a_reader_stops_at_its_budget)
{
	struct seen seen = {};
	struct nflog *nflog;

	apply_output_rules(100);
	ck_assert_int_eq(nflog_open(GROUP, 0, &nflog), 0);
	namespace_send_udp(9, 2000);
	ck_assert_int_eq(nflog_read(nflog, 1, NOW, check_records, &seen), NFLOG_MORE);
	ck_assert_uint_ge(seen.records, 1);
	ck_assert_uint_lt(seen.records, 2000);
	read_all(nflog, &seen);
	ck_assert_uint_eq(seen.records, 2000);
	nflog_free(nflog);
}
END_TEST

START_TEST(what_an_overrun_loses_is_counted_to_the_packet)
{
	struct seen seen = {};
	struct nflog *nflog;
	struct nflog_counts counts;

	apply_output_rules(100);
	ck_assert_int_eq(nflog_open(GROUP, 4096, &nflog), 0);
	namespace_send_udp(9, 1);
	read_all(nflog, &seen);
	namespace_send_udp(9, 20000);
	read_all(nflog, &seen);
	/* The last loss shows in the number of the next record. */
	namespace_send_udp(9, 1);
	read_all(nflog, &seen);
	counts = nflog_counts(nflog);
	ck_assert_uint_gt(counts.lost, 0);
	ck_assert_uint_gt(counts.overruns, 0);
	ck_assert_uint_eq(counts.received + counts.lost, 20002);
	ck_assert(!seen.wrong);
	nflog_free(nflog);
}
END_TEST

/* What systemd does for a daemon that restarts: keeps the socket, while nobody reads it. */
static int leave_behind(struct nflog *nflog)
{
	int kept = dup(nflog_fd(nflog));
	ck_assert_int_ge(kept, 0);
	nflog_free(nflog);
	return kept;
}

START_TEST(a_socket_that_was_left_behind_has_all_that_was_logged_meanwhile)
{
	struct seen seen = {};
	struct nflog *nflog;

	apply_output_rules(100);
	ck_assert_int_eq(nflog_open(GROUP, 0, &nflog), 0);
	namespace_send_udp(9, 10);
	read_all(nflog, &seen);
	int kept = leave_behind(nflog);
	namespace_send_udp(9, 1000);
	ck_assert_int_eq(nflog_adopt(kept, GROUP, 0, &nflog), 0);
	ck_assert_int_eq(nflog_fd(nflog), kept);
	namespace_send_udp(9, 100);
	read_all(nflog, &seen);
	ck_assert_uint_eq(seen.records, 1110);
	ck_assert_uint_eq(nflog_counts(nflog).received, 1100);
	ck_assert_uint_eq(nflog_counts(nflog).lost, 0);
	ck_assert(!seen.wrong);
	nflog_free(nflog);
}
END_TEST

START_TEST(what_a_socket_that_was_left_behind_had_no_room_for_is_counted)
{
	struct seen seen = {};
	struct nflog *nflog;

	apply_output_rules(100);
	ck_assert_int_eq(nflog_open(GROUP, 4096, &nflog), 0);
	int kept = leave_behind(nflog);
	namespace_send_udp(9, 20000);
	ck_assert_int_eq(nflog_adopt(kept, GROUP, 0, &nflog), 0);
	read_all(nflog, &seen);
	namespace_send_udp(9, 1);
	read_all(nflog, &seen);
	struct nflog_counts counts = nflog_counts(nflog);
	ck_assert_uint_gt(counts.lost, 0);
	ck_assert_uint_gt(counts.overruns, 0);
	ck_assert_uint_eq(counts.received + counts.lost, 20001);
	ck_assert(!seen.wrong);
	/* Its buffer is that of any other reader by now. */
	namespace_send_udp(9, 2000);
	read_all(nflog, &seen);
	ck_assert_uint_eq(nflog_counts(nflog).received, counts.received + 2000);
	nflog_free(nflog);
}
END_TEST

START_TEST(a_socket_that_was_not_bound_to_the_group_is_bound_when_it_is_adopted)
{
	struct seen seen = {};
	struct nflog *nflog;

	apply_output_rules(100);
	ck_assert_int_eq(nflog_open(GROUP + 1, 0, &nflog), 0);
	ck_assert_int_eq(nflog_adopt(leave_behind(nflog), GROUP, 0, &nflog), 0);
	namespace_send_udp(9, 10);
	read_all(nflog, &seen);
	ck_assert_uint_eq(seen.records, 10);
	nflog_free(nflog);
}
END_TEST

START_TEST(a_group_that_another_reads_is_said_to_be_taken)
{
	struct nflog *first, *second;

	ck_assert_int_eq(nflog_open(GROUP, 0, &first), 0);
	ck_assert_int_eq(nflog_open(GROUP, 0, &second), NFLOG_TAKEN);
	nflog_free(first);
	ck_assert_int_eq(nflog_open(GROUP, 0, &second), 0);
	nflog_free(second);
}
END_TEST

struct events {
	size_t count;
	struct generation_event last;
};

static void keep_event(const struct generation_event *event, void *userdata)
{
	struct events *events = userdata;

	events->count++;
	events->last = *event;
}

/*
 * What a process is called in the first namespace of processes, which is what the kernel tells;
 * from within another one that cannot be found out. PROC_PID_INIT_INO of the kernel (proc_ns.h).
 */
static bool knows_its_pid(void)
{
	struct stat namespace;

	return stat("/proc/self/ns/pid", &namespace) == 0 && namespace.st_ino == 0xEFFFFFFC;
}

START_TEST(a_commit_is_one_event_that_names_its_process)
{
	struct generation_monitor *monitor;
	struct events events = {};
	uint32_t generation;

	ck_assert_int_eq(generation_monitor_open(&monitor), 0);
	apply_output_rules(100);
	ck_assert_int_eq(generation_monitor_read(monitor, keep_event, &events), 0);
	ck_assert_uint_eq(events.count, 1);
	ck_assert_int_eq(kernel_generation(kernel, &generation), 0);
	ck_assert_uint_eq(events.last.generation, generation);
	uint32_t own = events.last.pid;
	ck_assert_uint_ne(own, 0);
	if (knows_its_pid())
		ck_assert_uint_eq(own, (uint32_t)getpid());

	ck_assert_int_eq(namespace_run("nft add table inet other", NULL), 0);
	ck_assert_int_eq(generation_monitor_read(monitor, keep_event, &events), 0);
	ck_assert_uint_eq(events.count, 2);
	ck_assert_str_eq(events.last.process, "nft");
	ck_assert_uint_ne(events.last.pid, own);
	generation_monitor_free(monitor);
}
END_TEST

START_TEST(a_commit_of_many_elements_overruns_no_monitor)
{
	struct ruleset *wanted = sample_addresses(20000);
	struct generation_monitor *monitor;
	struct events events = {};
	int bytes = 4096;

	ck_assert_int_eq(generation_monitor_open(&monitor), 0);
	ck_assert_int_eq(setsockopt(generation_monitor_fd(monitor), SOL_SOCKET, SO_RCVBUF, &bytes,
	                            sizeof(bytes)),
	                 0);
	sample_apply(kernel, wanted);
	ck_assert_int_eq(generation_monitor_read(monitor, keep_event, &events), 0);
	ck_assert_uint_eq(events.count, 1);
	generation_monitor_free(monitor);
	ruleset_free(wanted);
}
END_TEST

START_TEST(lost_events_are_told_as_unknown_changes_and_the_monitor_goes_on)
{
	struct generation_monitor *monitor;
	struct events events = {};
	int bytes = 2304;

	ck_assert_int_eq(generation_monitor_open(&monitor), 0);
	ck_assert_int_eq(setsockopt(generation_monitor_fd(monitor), SOL_SOCKET, SO_RCVBUF, &bytes,
	                            sizeof(bytes)),
	                 0);
	for (unsigned i = 0; i < 30; i++) {
		struct applied applied;
		struct ruleset *wanted = sample_rules(1);

		sample_apply(kernel, wanted);
		ck_assert_int_eq(table_remove(kernel, &applied), 0);
		ruleset_free(wanted);
	}
	ck_assert_int_eq(generation_monitor_read(monitor, keep_event, &events), GENERATION_UNKNOWN);
	ck_assert_uint_lt(events.count, 60);
	ck_assert_int_eq(namespace_run("nft add table inet other", NULL), 0);
	ck_assert_int_eq(generation_monitor_read(monitor, keep_event, &events), 0);
	ck_assert_str_eq(events.last.process, "nft");
	generation_monitor_free(monitor);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("kernel readers");
	TCase *counters = tcase_create("counters"), *nflog = tcase_create("nflog");
	TCase *generation = tcase_create("generation");

	if (!namespace_possible()) {
		puts("skipped: neither user nor network namespaces may be made here");
		return 77;
	}
	tcase_add_checked_fixture(counters, setup, teardown);
	tcase_add_test(counters, named_counters_tell_every_packet);
	tcase_add_test(counters, a_table_that_is_not_there_has_no_counters);
	tcase_add_test(counters, dynamic_elements_tell_their_packets);
	tcase_add_test(counters, no_more_elements_are_read_than_asked_for);
	tcase_add_test(counters, counters_and_dynamic_elements_survive_a_change_of_the_table);
	suite_add_tcase(suite, counters);

	tcase_set_timeout(nflog, 30);
	tcase_add_checked_fixture(nflog, setup, teardown);
	tcase_add_test(nflog, every_logged_packet_becomes_a_record);
	tcase_add_test(nflog, a_lone_packet_is_reported_within_a_tenth_of_a_second);
	tcase_add_test(nflog, a_reader_stops_at_its_budget);
	tcase_add_test(nflog, a_socket_that_was_left_behind_has_all_that_was_logged_meanwhile);
	tcase_add_test(nflog, what_a_socket_that_was_left_behind_had_no_room_for_is_counted);
	tcase_add_test(nflog, a_socket_that_was_not_bound_to_the_group_is_bound_when_it_is_adopted);
	tcase_add_test(nflog, what_an_overrun_loses_is_counted_to_the_packet);
	tcase_add_test(nflog, a_group_that_another_reads_is_said_to_be_taken);
	suite_add_tcase(suite, nflog);

	tcase_set_timeout(generation, 30);
	tcase_add_checked_fixture(generation, setup, teardown);
	tcase_add_test(generation, a_commit_is_one_event_that_names_its_process);
	tcase_add_test(generation, a_commit_of_many_elements_overruns_no_monitor);
	tcase_add_test(generation, lost_events_are_told_as_unknown_changes_and_the_monitor_goes_on);
	suite_add_tcase(suite, generation);
	return run_suite(suite);
}
