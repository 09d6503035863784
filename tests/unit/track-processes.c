/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../runner.h"
#include "track/processes.h"

#include <check.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

static struct processes *processes;

static void setup(void)
{
	ck_assert_int_eq(processes_new(4, &processes), 0);
}

static void teardown(void)
{
	processes = processes_free(processes);
}

static struct stream stream_to(uint16_t port)
{
	struct stream stream = {
	        .destination = {.port = port, .protocol = IPPROTO_TCP, .has_port = 1}};
	ck_assert_int_eq(address_parse("198.51.100.1", &stream.source), 0);
	ck_assert_int_eq(address_parse("203.0.113.7", &stream.destination.address), 0);
	return stream;
}

static void note(uint32_t pid, uint16_t port, usec_t now, const char *name)
{
	struct process_seen seen = {.stream = stream_to(port), .uid = 33, .pid = pid, .last = now};
	strcpy(seen.name, name);
	processes_note(processes, &seen);
}

static const struct process_seen *first(uint16_t port)
{
	const struct stream stream = stream_to(port);
	return processes_of_stream(processes, &stream, NULL);
}

START_TEST(attempts_of_one_process_add_up_and_its_latest_name_counts)
{
	note(7, 25, 1000, "sh");
	note(7, 25, 3000, "wget");
	note(7, 25, 2000, "wget"); /* answers may come late */
	const struct process_seen *seen = first(25);
	ck_assert_uint_eq(seen->attempts, 3);
	ck_assert_uint_eq(seen->first, 1000);
	ck_assert_uint_eq(seen->last, 3000);
	ck_assert_str_eq(seen->name, "wget");
	ck_assert_ptr_null(first(26));
}
END_TEST

START_TEST(another_process_user_start_or_destination_is_another_entry)
{
	struct process_seen seen = {.stream = stream_to(25), .uid = 33, .pid = 7, .last = 1};
	processes_note(processes, &seen);
	seen.uid++;
	processes_note(processes, &seen);
	seen.started = 5; /* the pid was given to another one */
	processes_note(processes, &seen);
	note(7, 26, 1, "");
	const struct stream stream = stream_to(25);
	unsigned n = 0;
	for (const struct process_seen *s = first(25); s;
	     s = processes_of_stream(processes, &stream, s)) {
		ck_assert_uint_eq(s->attempts, 1);
		n++;
	}
	ck_assert_uint_eq(n, 3);
}
END_TEST

START_TEST(the_latest_come_first_and_the_one_seen_longest_ago_makes_room)
{
	for (uint32_t pid = 1; pid <= 4; pid++)
		note(pid, 25, pid, "");
	note(1, 25, 5, ""); /* now 2 was seen longest ago */
	note(5, 25, 6, "");
	const struct stream stream = stream_to(25);
	const uint32_t wanted[] = {5, 1, 4, 3};
	const struct process_seen *seen = NULL;
	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
		seen = processes_of_stream(processes, &stream, seen);
		ck_assert_ptr_nonnull(seen);
		ck_assert_uint_eq(seen->pid, wanted[i]);
	}
	ck_assert_ptr_null(processes_of_stream(processes, &stream, seen));
}
END_TEST

/* An alarm about the gateway itself from 2000 to 4000. */
static struct alarm own_alarm(void)
{
	struct alarm alarm = {
	        .cause = {.kind = ALARM_TRIPWIRE}, .has_source = true, .first = 2000, .last = 4000};
	const struct evidence_attempt attempt = {.time = 4000, .has_uid = true, .uid = 33};
	evidence_note(&alarm.evidence, &attempt);
	return alarm;
}

static unsigned count(const struct alarm *alarm)
{
	unsigned n = 0;
	for (const struct process_seen *s = processes_of_alarm(processes, alarm, NULL); s;
	     s = processes_of_alarm(processes, alarm, s))
		n++;
	return n;
}

START_TEST(an_alarm_has_the_processes_of_its_time_and_destination)
{
	struct alarm alarm = own_alarm();
	note(1, 25, 1999, "");
	note(2, 25, 2000, "");
	note(3, 26, 4000, "");
	note(4, 25, 4001, "");
	ck_assert_uint_eq(count(&alarm), 2);
	alarm.cause.destination = stream_to(25).destination;
	alarm.cause.has_destination = true;
	ck_assert_uint_eq(count(&alarm), 1);
}
END_TEST

START_TEST(an_alarm_about_somebody_else_has_none)
{
	struct alarm alarm = own_alarm();
	note(2, 25, 2000, "");
	strcpy(alarm.interface, "lan0");
	ck_assert_uint_eq(count(&alarm), 0);
	alarm = own_alarm();
	alarm.evidence.attempts[0].has_uid = false;
	ck_assert_uint_eq(count(&alarm), 0);
	alarm = own_alarm();
	alarm.has_source = false;
	ck_assert_uint_eq(count(&alarm), 0);
}
END_TEST

START_TEST(there_must_be_room_for_one)
{
	struct processes *none = NULL;
	ck_assert_int_eq(processes_new(0, &none), -EINVAL);
	ck_assert_ptr_null(none);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("track-processes");
	TCase *tests = tcase_create("processes");
	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, attempts_of_one_process_add_up_and_its_latest_name_counts);
	tcase_add_test(tests, another_process_user_start_or_destination_is_another_entry);
	tcase_add_test(tests, the_latest_come_first_and_the_one_seen_longest_ago_makes_room);
	tcase_add_test(tests, an_alarm_has_the_processes_of_its_time_and_destination);
	tcase_add_test(tests, an_alarm_about_somebody_else_has_none);
	tcase_add_test(tests, there_must_be_room_for_one);
	suite_add_tcase(suite, tests);
	return run_suite(suite);
}
