/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../runner.h"
#include "numbers.h"
#include "past-fixture.h"
#include "track/ledger.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define ENTRIES 20000 /* more than are kept */
#define EVERY   (50 * USEC_PER_MSEC)

static void begin(struct run *run, const char *directory)
{
	begin_writing_every(run, directory, EVERY);
}

static void note(struct run *run, uint32_t number)
{
	struct packet packet = {.protocol = 6, .has_ports = true, .destination_port = 25};
	const uint8_t source[4] = {10, (uint8_t)(number >> 16), (uint8_t)(number >> 8),
	                           (uint8_t)number};
	const uint8_t destination[4] = {203, 0, 113, 9};
	packet.source = address_from_bytes(FAMILY_IPV4, source);
	packet.destination = address_from_bytes(FAMILY_IPV4, destination);
	struct ledger *ledger = events_ledger(run->events);
	const struct ledger_entry *entry = ledger_note(ledger, &packet, REASON_ROLE, "pc", "desk",
	                                               NULL, true, 1000000 + number);
	if (number % 3 == 0)
		ledger_note_passed(ledger, entry);
}

START_TEST(the_latest_entries_are_kept_and_the_sum_of_all_stays_true)
{
	char directory[] = "/tmp/egressd-test-XXXXXX", path[64];
	struct run run;
	ck_assert_ptr_nonnull(mkdtemp(directory));
	begin(&run, directory);
	for (uint32_t i = 0; i < ENTRIES; i++)
		note(&run, i);
	struct ledger_totals before = ledger_totals(events_ledger(run.events));
	past_keep(run.past);
	end(&run);

	begin(&run, directory);
	struct ledger_totals after = ledger_totals(events_ledger(run.events));
	ck_assert_uint_eq(after.packets, before.packets);
	ck_assert_uint_eq(after.attempts, before.attempts);
	ck_assert_uint_eq(after.packets, ENTRIES);
	ck_assert_uint_eq(after.passed, before.passed);
	ck_assert_uint_eq(after.passed, (ENTRIES + 2) / 3);
	ck_assert_uint_eq(ledger_count(events_ledger(run.events)), PAST_LEDGER_ENTRIES);
	const struct ledger_entry *latest = ledger_first(events_ledger(run.events), NULL);
	ck_assert_uint_eq(ledger_noted(latest)->last, 1000000 + ENTRIES - 1);
	end(&run);
	snprintf(path, sizeof(path), "%s/" PAST_LEDGER_NAME, directory);
	struct stat st;
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 0777, 0600);
	unlink(path);
	rmdir(directory);
}
END_TEST

START_TEST(a_file_of_before_outcomes_were_kept_is_read_as_if_nothing_had_passed)
{
	static const char text[] =
	        "{\"version\": 1, \"other_attempts\": 5, \"other_packets\": 6, \"other_entries\": "
	        "1,"
	        " \"items\": [\n{\"source\": \"10.0.0.1\", \"to\": {\"address\": \"203.0.113.9\","
	        " \"protocol\": 6, \"port\": 25}, \"reason\": \"role\", \"host\": \"pc\", \"role\":"
	        " \"desk\", \"attempts\": 3, \"packets\": 4, \"first\": 1, \"last\": 2,"
	        " \"source_port\": 9, \"mac\": null, \"uid\": null, \"gid\": null}\n]}\n";
	char directory[] = "/tmp/egressd-test-XXXXXX", path[64];
	struct run run;
	ck_assert_ptr_nonnull(mkdtemp(directory));
	snprintf(path, sizeof(path), "%s/" PAST_LEDGER_NAME, directory);
	FILE *out = fopen(path, "w");
	ck_assert_ptr_nonnull(out);
	fputs(text, out);
	ck_assert_int_eq(fclose(out), 0);
	ck_assert_int_eq(chmod(path, 0600), 0);

	begin(&run, directory);
	struct ledger_totals totals = ledger_totals(events_ledger(run.events));
	ck_assert_uint_eq(totals.attempts, 8);
	ck_assert_uint_eq(totals.passed, 0);
	const struct ledger_entry *entry = ledger_first(events_ledger(run.events), NULL);
	ck_assert_ptr_nonnull(entry);
	ck_assert_uint_eq(ledger_noted(entry)->attempts, 3);
	ck_assert_uint_eq(ledger_noted(entry)->passed, 0);
	end(&run);
	unlink(path);
	rmdir(directory);
}
END_TEST

/* Lets the loop turn for so long. */
static void turn(struct run *run, usec_t time)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	usec_t end = (usec_t)now.tv_sec * USEC_PER_SEC + (usec_t)now.tv_nsec / 1000 + time;
	do {
		ck_assert_int_ge(sd_event_run(run->event, 10 * USEC_PER_MSEC), 0);
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while ((usec_t)now.tv_sec * USEC_PER_SEC + (usec_t)now.tv_nsec / 1000 < end);
}

/* Raises an alarm about a host of its own, and gives its number. */
static uint64_t raise_alarm(struct run *run, const char *host)
{
	struct alarm news = {
	        .cause = {.kind = ALARM_TRIPWIRE}, .attempts = 1, .first = 1, .last = 1};
	alarm_name(news.cause.host, sizeof(news.cause.host), host);
	const struct alarm *alarm = alarm_book_raise(alarms_book(run->alarms), &news);
	ck_assert_ptr_nonnull(alarm);
	return alarm->id;
}

static void clean_up(const char *directory)
{
	static const char *const names[] = {PAST_ALARMS_NAME, PAST_LEDGER_NAME, NUMBERS_NAME};
	char path[96];
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", directory, names[i]);
		unlink(path);
	}
	ck_assert_msg(rmdir(directory) == 0, "nothing else is left in %s", directory);
}

START_TEST(a_daemon_killed_at_any_moment_never_uses_a_number_again)
{
	char directory[] = "/tmp/egressd-test-XXXXXX", host[16];
	uint64_t last = 0;
	struct run run;
	ck_assert_ptr_nonnull(mkdtemp(directory));
	for (unsigned kill = 0; kill < 20; kill++) {
		begin(&run, directory);
		for (unsigned i = 0; i < kill * 17; i++) {
			snprintf(host, sizeof(host), "pc%u-%u", kill, i);
			uint64_t id = raise_alarm(&run, host);
			ck_assert_uint_gt(id, last);
			last = id;
		}
		end(&run); /* without a word */
	}
	/* Only what was set aside is skipped. */
	ck_assert_uint_le(last, 20 * 19 / 2 * 17 + 20 * NUMBERS_AT_ONCE);
	clean_up(directory);
}
END_TEST

START_TEST(a_daemon_that_ends_in_order_skips_no_number)
{
	char directory[] = "/tmp/egressd-test-XXXXXX";
	struct run run;
	ck_assert_ptr_nonnull(mkdtemp(directory));
	begin(&run, directory);
	ck_assert_uint_eq(raise_alarm(&run, "pc1"), 1);
	past_keep(run.past);
	end(&run);
	begin(&run, directory);
	ck_assert_uint_eq(raise_alarm(&run, "pc2"), 2);
	end(&run);
	clean_up(directory);
}
END_TEST

static void write_text(const char *directory, const char *name, const char *text)
{
	char path[96];
	snprintf(path, sizeof(path), "%s/%s", directory, name);
	FILE *out = fopen(path, "we");
	ck_assert_ptr_nonnull(out);
	ck_assert_int_ge(fputs(text, out), 0);
	ck_assert_int_eq(fclose(out), 0);
	ck_assert_int_eq(chmod(path, 0600), 0);
}

START_TEST(alarms_of_a_version_without_the_file_of_numbers_keep_theirs)
{
	char directory[] = "/tmp/egressd-test-XXXXXX";
	struct run run;
	ck_assert_ptr_nonnull(mkdtemp(directory));
	write_text(directory, PAST_ALARMS_NAME, "{\"version\": 1, \"next_id\": 7, \"items\": []}");
	begin(&run, directory);
	/* It may have been killed after it had used some more. */
	ck_assert_uint_eq(raise_alarm(&run, "pc1"), 7 + NUMBERS_AT_ONCE);
	end(&run);
	clean_up(directory);
}
END_TEST

START_TEST(numbers_that_cannot_be_known_or_kept_are_the_time_of_day)
{
	char directory[] = "/tmp/egressd-test-XXXXXX", nowhere[64], command[96];
	struct run run;
	ck_assert_ptr_nonnull(mkdtemp(directory));
	write_text(directory, NUMBERS_NAME, "{\"version\": 1, \"next_nu");
	begin(&run, directory);
	uint64_t first = raise_alarm(&run, "pc1"), second = raise_alarm(&run, "pc2");
	ck_assert_uint_ge(first, (uint64_t)time(NULL) * USEC_PER_SEC - 60 * USEC_PER_SEC);
	ck_assert_uint_eq(second, first + 1);
	end(&run);

	/* The directory cannot be made: each number is later than the one before. */
	snprintf(nowhere, sizeof(nowhere), "%s/lib/state", directory);
	begin(&run, nowhere);
	uint64_t third = raise_alarm(&run, "pc1");
	ck_assert_uint_gt(third, second);
	end(&run);
	begin(&run, nowhere);
	ck_assert_uint_gt(raise_alarm(&run, "pc1"), third);
	end(&run);
	snprintf(command, sizeof(command), "rm %s/" NUMBERS_NAME ".broken-*", directory);
	ck_assert_int_eq(system(command), 0);
	clean_up(directory);
}
END_TEST

START_TEST(a_daemon_that_is_killed_keeps_what_was_written_meanwhile)
{
	char directory[] = "/tmp/egressd-test-XXXXXX";
	struct run run;
	ck_assert_ptr_nonnull(mkdtemp(directory));
	begin(&run, directory);
	alarms_take_tampering(run.alarms, "nft (pid 7) deleted the table");
	past_note_alarm(run.past, false);
	for (uint32_t i = 0; i < 1000; i++)
		note(&run, i);
	turn(&run, 2 * USEC_PER_SEC);
	end(&run); /* without a word */

	begin(&run, directory);
	ck_assert_uint_eq(ledger_count(events_ledger(run.events)), 1000);
	const struct alarm *alarm = alarm_book_next(alarms_book(run.alarms), 0);
	ck_assert_ptr_nonnull(alarm);
	ck_assert_str_eq(alarm->detail, "nft (pid 7) deleted the table");
	ck_assert_uint_eq(alarms_open(run.alarms), 1);
	end(&run);
	clean_up(directory);
}
END_TEST

/* An attempt, from a source that is no host, of which the detectors learn. */
static void try(struct run *run, usec_t time)
{
	struct packet packet = {.protocol = 6, .has_ports = true, .destination_port = 8443};
	const uint8_t source[4] = {10, 0, 0, 7}, destination[4] = {203, 0, 113, 9};
	const struct sighting sighting = {};
	packet.source = address_from_bytes(FAMILY_IPV4, source);
	packet.destination = address_from_bytes(FAMILY_IPV4, destination);
	const struct ledger_entry *entry = ledger_note(events_ledger(run->events), &packet,
	                                               REASON_ROLE, "", "desk", NULL, true, time);
	alarms_take_attempt(run->alarms, ledger_noted(entry), &sighting);
}

START_TEST(a_beacon_is_named_though_the_daemon_restarts_between_its_attempts)
{
	char directory[] = "/tmp/egressd-test-XXXXXX";
	usec_t start = (usec_t)time(NULL) * USEC_PER_SEC - 6 * 3600 * USEC_PER_SEC;
	struct run run;
	ck_assert_ptr_nonnull(mkdtemp(directory));
	for (unsigned i = 0; i < 6; i++) {
		begin(&run, directory);
		past_remind(run.past, NULL);
		try(&run, start + i * 3600 * USEC_PER_SEC);
		ck_assert_uint_eq(alarms_open(run.alarms), i >= 3);
		past_note_alarm(run.past, false);
		past_keep(run.past);
		end(&run);
	}
	begin(&run, directory);
	const struct alarm *alarm = alarm_book_next(alarms_book(run.alarms), 0);
	ck_assert_int_eq(alarm->cause.kind, ALARM_BEACON);
	ck_assert_uint_eq(alarm->attempts, 6);
	ck_assert_uint_eq(alarm->period, 3600 * USEC_PER_SEC);
	end(&run);
	clean_up(directory);
}
END_TEST

START_TEST(news_of_an_alarm_is_kept_long_before_the_rest)
{
	char directory[] = "/tmp/egressd-test-XXXXXX", host[16];
	const struct person watch = {.user = "alice", .uid = 1000};
	struct run run;
	ck_assert_ptr_nonnull(mkdtemp(directory));
	begin_writing_every(&run, directory, 3600 * USEC_PER_SEC);
	for (unsigned i = 0; i < 100; i++) { /* more than one turn writes */
		snprintf(host, sizeof(host), "pc%u", i);
		raise_alarm(&run, host);
		past_note_alarm(run.past, true);
		if (i % 10 == 0) /* the first is being written meanwhile */
			ck_assert_int_ge(sd_event_run(run.event, 0), 0);
	}
	ck_assert_int_eq(alarm_book_acknowledge(alarms_book(run.alarms), 1, &watch, 2), 0);
	past_note_alarm(run.past, true);
	turn(&run, 3 * USEC_PER_SEC);
	end(&run); /* without a word */

	begin(&run, directory);
	ck_assert_uint_eq(alarms_open(run.alarms), 99);
	ck_assert_int_eq(alarm_book_get(alarms_book(run.alarms), 1)->state, ALARM_ACKNOWLEDGED);
	end(&run);
	clean_up(directory);
}
END_TEST

static char fault[PAST_FAULT_MAX];

static void on_fault(const char *text, void *userdata)
{
	snprintf(fault, sizeof(fault), "%s", text ? text : "over");
}

/* Until somebody is told of another fault than this one. */
static void turn_until_told_other_than(struct run *run, const char *this)
{
	while (strcmp(fault, this) == 0)
		ck_assert_int_ge(sd_event_run(run->event, 20 * USEC_PER_SEC), 0);
}

START_TEST(a_directory_that_cannot_be_written_to_is_said_until_it_can_be)
{
	char directory[] = "/tmp/egressd-test-XXXXXX", above[64], path[96], kept[128];
	struct run run;
	ck_assert_ptr_nonnull(mkdtemp(directory));
	snprintf(above, sizeof(above), "%s/lib", directory);
	snprintf(path, sizeof(path), "%s/state", above);
	fault[0] = '\0';
	begin(&run, path);
	past_on_fault(run.past, on_fault, NULL);
	note(&run, 1);
	turn_until_told_other_than(&run, "");
	ck_assert_ptr_nonnull(strstr(fault, "/state/" PAST_LEDGER_NAME " cannot be written"));
	past_keep(run.past);
	ck_assert_uint_eq(ledger_count(events_ledger(run.events)), 1);

	/* Nothing is noted any more, and what failed is written all the same. */
	ck_assert_int_eq(mkdir(above, 0700), 0);
	char said[PAST_FAULT_MAX];
	strcpy(said, fault);
	turn_until_told_other_than(&run, said);
	ck_assert_str_eq(fault, "over");
	end(&run);
	snprintf(kept, sizeof(kept), "%s/" PAST_LEDGER_NAME, path);
	ck_assert_int_eq(unlink(kept), 0);
	rmdir(path);
	rmdir(above);
	rmdir(directory);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("past");
	TCase *tests = tcase_create("past");
	tcase_set_timeout(tests, 60);
	tcase_add_test(tests, the_latest_entries_are_kept_and_the_sum_of_all_stays_true);
	tcase_add_test(tests, a_file_of_before_outcomes_were_kept_is_read_as_if_nothing_had_passed);
	tcase_add_test(tests, a_daemon_killed_at_any_moment_never_uses_a_number_again);
	tcase_add_test(tests, a_daemon_that_ends_in_order_skips_no_number);
	tcase_add_test(tests, alarms_of_a_version_without_the_file_of_numbers_keep_theirs);
	tcase_add_test(tests, numbers_that_cannot_be_known_or_kept_are_the_time_of_day);
	tcase_add_test(tests, a_daemon_that_is_killed_keeps_what_was_written_meanwhile);
	tcase_add_test(tests, a_beacon_is_named_though_the_daemon_restarts_between_its_attempts);
	tcase_add_test(tests, news_of_an_alarm_is_kept_long_before_the_rest);
	tcase_add_test(tests, a_directory_that_cannot_be_written_to_is_said_until_it_can_be);
	suite_add_tcase(suite, tests);
	return run_suite(suite);
}
