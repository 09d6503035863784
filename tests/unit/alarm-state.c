/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../runner.h"
#include "alarm_fields.h"
#include "alarm_json.h"
#include "alarm_reply.h"
#include "detection_limits.h"
#include "helper.h"
#include "journal_socket.h"
#include "ledger_json.h"
#include "memory.h"

#include <check.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define NOW ((usec_t)1795356131 * USEC_PER_SEC) /* 2026-11-22 14:02:11 UTC */

static struct address address_of(const char *text)
{
	struct address address = {};
	ck_assert_int_eq(address_parse(text, &address), 0);
	return address;
}

/* An alarm with something in every field. */
static struct alarm full_alarm(void)
{
	const struct endpoint to = {.address = address_of("203.0.113.9"),
	                            .port = 25,
	                            .protocol = IPPROTO_TCP,
	                            .has_port = true};
	struct alarm alarm = {
	        .id = 42,
	        .cause = {.kind = ALARM_BEACON, .destination = to, .has_destination = true},
	        .severity = SEVERITY_WARNING,
	        .state = ALARM_ACKNOWLEDGED,
	        .source = address_of("192.168.0.7"),
	        .has_source = true,
	        .destination = to,
	        .has_destination = true,
	        .mac = {{0x52, 0x54, 0, 1, 2, 3}},
	        .has_mac = true,
	        .attempts = 7,
	        .passed = 4,
	        .first = NOW - 90 * USEC_PER_SEC,
	        .last = NOW,
	        .changed = NOW - USEC_PER_SEC,
	        .quiet = 3600 * USEC_PER_SEC,
	        .silence = 60 * USEC_PER_SEC,
	        .period = 30 * USEC_PER_SEC,
	        .expected = {NOW + 30 * USEC_PER_SEC, NOW + 60 * USEC_PER_SEC,
	                     NOW + 90 * USEC_PER_SEC},
	        .has_score = true,
	        .score = {.timestamps = {1, 0.25, 2},
	                  .sizes = {0.5, -0.25, 0},
	                  .histogram = 0.75,
	                  .duration = 0.5,
	                  .total = 0.688,
	                  .category = RITA_BASE,
	                  .window = RITA_WINDOW_SHORT},
	        .distinct = 3,
	        .succeeded = 2,
	        .span = USEC_PER_SEC,
	        .danger = 2,
	        .acknowledged = {.time = NOW - USEC_PER_SEC, .uid = 1000, .user = "alice"},
	        .cleared = {.time = NOW, .uid = UINT32_MAX - 1, .user = "4294967294"},
	};
	alarm.has_origin = true;
	alarm.origin = to;
	alarm.target_count = 2;
	alarm.all_targets = 50;
	alarm.targets[0] = (struct alarm_target){address_of("203.0.113.9"), 20};
	alarm.targets[1] = (struct alarm_target){address_of("2001:db8::9"), 300};
	alarm_name(alarm.cause.host, sizeof(alarm.cause.host), "pc7");
	alarm_name(alarm.host, sizeof(alarm.host), "pc7");
	alarm_name(alarm.role, sizeof(alarm.role), "desk");
	alarm_name(alarm.interface, sizeof(alarm.interface), "lan0");
	alarm_name(alarm.detail, sizeof(alarm.detail), "http, dns to loghost");
	for (uint16_t i = 0; i < 20; i++) {
		struct evidence_attempt attempt = {.time = NOW - i,
		                                   .source = alarm.source,
		                                   .destination = to,
		                                   .source_port = (uint16_t)(4000 + i),
		                                   .uid = i % 2 ? i : 0,
		                                   .has_uid = i % 2,
		                                   .passed = i % 3 == 0};
		attempt.destination.port = (uint16_t)(20 + i);
		evidence_note(&alarm.evidence, &attempt);
	}
	return alarm;
}

START_TEST(an_alarm_that_was_written_is_read_again_to_the_byte)
{
	struct alarm alarm = full_alarm(), again;
	json_t *json = alarm_to_json(&alarm);
	ck_assert_ptr_nonnull(json);
	ck_assert_int_eq(alarm_from_json(json, &again), 0);
	json_t *second = alarm_to_json(&again);
	ck_assert(json_equal(json, second));
	ck_assert_mem_eq(&alarm.cause, &again.cause, sizeof(alarm.cause));
	ck_assert_mem_eq(&alarm.evidence.attempts, &again.evidence.attempts,
	                 sizeof(alarm.evidence.attempts));
	ck_assert_double_eq(alarm.score.total, again.score.total);
	ck_assert_str_eq(again.acknowledged.user, "alice");
	ck_assert_uint_eq(again.cleared.uid, UINT32_MAX - 1);

	/* An earlier egressd did not keep who acknowledged it. */
	json_object_del(json, "acknowledged");
	json_object_del(json, "cleared");
	ck_assert_uint_eq(again.silence, alarm.silence);
	ck_assert_mem_eq(again.targets, alarm.targets, sizeof(alarm.targets));
	ck_assert_uint_eq(again.all_targets, 50);
	ck_assert_mem_eq(&again.origin, &alarm.origin, sizeof(alarm.origin));
	json_object_del(json, "targets");
	json_object_del(json, "origin");
	json_object_del(json, "silence");
	ck_assert_int_eq(alarm_from_json(json, &again), 0);
	ck_assert_uint_eq(again.silence, 0);
	ck_assert(!again.acknowledged.time && !again.cleared.time);
	json_decref(json);
	json_decref(second);

	struct alarm plain = {.id = 1, .cause = {.kind = ALARM_TAMPER}};
	json = alarm_to_json(&plain);
	ck_assert_int_eq(alarm_from_json(json, &again), 0);
	ck_assert(!again.has_source && !again.has_mac && !again.has_score);
	json_decref(json);
}
END_TEST

START_TEST(an_alarm_of_before_outcomes_were_kept_is_read_as_if_nothing_had_passed)
{
	struct alarm alarm = full_alarm(), again;
	json_t *json = alarm_to_json(&alarm);
	json_t *evidence = json_object_get(json, "evidence"), *item;
	size_t i;
	json_object_del(json, "passed");
	json_array_foreach(json_object_get(evidence, "attempts"), i, item)
	        json_object_del(item, "passed");
	json_array_foreach(json_object_get(evidence, "services"), i, item)
	        json_object_del(item, "passed");
	ck_assert_int_eq(alarm_from_json(json, &again), 0);
	ck_assert_uint_eq(again.attempts, 7);
	ck_assert_uint_eq(again.passed, 0);
	for (i = 0; i < again.evidence.service_count; i++)
		ck_assert_uint_eq(again.evidence.services[i].passed, 0);
	for (i = 0; i < again.evidence.attempt_count; i++)
		ck_assert(!again.evidence.attempts[i].passed);
	json_object_set_new(json, "passed", json_integer(8));
	ck_assert_msg(alarm_from_json(json, &again) == -EINVAL, "more passed than there were");
	json_decref(json);
}
END_TEST

/* Every field of an object is taken away, and made something that it cannot be. */
START_TEST(an_alarm_with_a_field_that_is_missing_or_wrong_is_none)
{
	struct alarm alarm = full_alarm(), again;
	json_t *whole = alarm_to_json(&alarm);
	const char *key;
	json_t *value;
	unsigned refused = 0;
	json_object_foreach(whole, key, value)
	{
		json_t *broken = json_copy(whole);
		json_object_set_new(broken, key, json_string("\x01\x02"));
		refused += alarm_from_json(broken, &again) == -EINVAL;
		json_object_set_new(broken, key, json_integer(-5));
		(void)alarm_from_json(broken, &again); /* and no crash, whatever it says */
		json_object_del(broken, key);
		(void)alarm_from_json(broken, &again);
		json_decref(broken);
	}
	ck_assert_uint_ge(refused, 19);
	ck_assert_int_eq(alarm_from_json(NULL, &again), -EINVAL);
	json_decref(whole);
}
END_TEST

START_TEST(more_evidence_than_there_is_room_for_is_refused)
{
	struct alarm alarm = full_alarm(), again;
	json_t *json = alarm_to_json(&alarm);
	json_t *attempts = json_object_get(json_object_get(json, "evidence"), "attempts");
	json_array_append(attempts, json_array_get(attempts, 0));
	ck_assert_int_eq(alarm_from_json(json, &again), -EINVAL);
	json_decref(json);
}
END_TEST

START_TEST(an_entry_of_the_ledger_is_read_again_to_the_byte)
{
	struct ledger_saved saved = {
	        .noted =
	                {
	                        .key = {.source = address_of("2001:db8::7"),
	                                .destination = address_of("2001:db8:ffff::9"),
	                                .port = 25,
	                                .protocol = IPPROTO_TCP,
	                                .reason = REASON_ROLE,
	                                .has_port = true},
	                        .attempts = 3,
	                        .passed = 2,
	                        .packets = 9,
	                        .first = NOW - 5,
	                        .last = NOW,
	                        .source_port = 40000,
	                        .has_mac = true,
	                        .mac = {{1, 2, 3, 4, 5, 6}},
	                        .has_uid = true,
	                        .uid = UINT32_MAX - 1,
	                        .gid = 33,
	                },
	        .host = "pc7",
	        .role = "desk",
	};
	struct ledger_saved again;
	json_t *json = ledger_saved_to_json(&saved);
	ck_assert_int_eq(ledger_saved_from_json(json, &again), 0);
	ck_assert_mem_eq(&saved.noted.key, &again.noted.key, sizeof(saved.noted.key));
	ck_assert_str_eq(again.host, "pc7");
	ck_assert_str_eq(again.role, "desk");
	ck_assert_uint_eq(again.noted.passed, 2);
	json_t *second = ledger_saved_to_json(&again);
	ck_assert(json_equal(json, second));
	json_decref(second);
	ck_assert(again.noted.has_uid);
	ck_assert_uint_eq(again.noted.uid, UINT32_MAX - 1);
	ck_assert_uint_eq(again.noted.gid, 33);

	/* An earlier egressd did not keep users. */
	json_object_del(json, "uid");
	json_object_del(json, "gid");
	ck_assert_int_eq(ledger_saved_from_json(json, &again), 0);
	ck_assert(!again.noted.has_uid);

	json_object_set_new(json, "passed", json_integer(4));
	ck_assert_msg(ledger_saved_from_json(json, &again) == -EINVAL, "more passed than tried");
	json_object_set_new(json, "passed", json_integer(3));
	ck_assert_int_eq(ledger_saved_from_json(json, &again), 0);

	json_object_set_new(json, "source", json_string("192.0.2.1"));
	ck_assert_msg(ledger_saved_from_json(json, &again) == -EINVAL, "two families in one");
	json_decref(json);
}
END_TEST

START_TEST(what_the_detectors_need_is_kept_with_an_entry_and_no_nonsense_is_believed)
{
	struct memory memory = {
	        .saved = {.noted = {.key = {.source = address_of("192.0.2.7"),
	                                    .destination = address_of("203.0.113.9"),
	                                    .port = 25,
	                                    .protocol = IPPROTO_TCP,
	                                    .reason = REASON_ROLE,
	                                    .has_port = true},
	                            .attempts = 3,
	                            .packets = 9,
	                            .first = NOW - 5,
	                            .last = NOW}},
	        .beat_count = BEACON_BEATS,
	};
	struct memory again;
	for (unsigned i = 0; i < BEACON_BEATS; i++)
		memory.beats[i] = NOW + i * USEC_PER_SEC;
	json_t *json = memory_to_json(&memory);
	ck_assert_int_eq(memory_from_json(json, &again), 0);
	ck_assert_uint_eq(again.beat_count, BEACON_BEATS);
	ck_assert_mem_eq(again.beats, memory.beats, sizeof(memory.beats));

	json_t *beats = json_object_get(json, "beats");
	json_array_append_new(beats, json_integer(NOW + 99 * USEC_PER_SEC));
	ck_assert_int_eq(memory_from_json(json, &again), -EINVAL);
	json_array_clear(beats);
	json_array_append_new(beats, json_integer(NOW));
	json_array_append_new(beats, json_integer(NOW - 1));
	ck_assert_int_eq(memory_from_json(json, &again), -EINVAL);
	json_object_set_new(json, "beats", json_string("x"));
	ck_assert_int_eq(memory_from_json(json, &again), -EINVAL);

	/* An earlier egressd kept none. */
	json_object_del(json, "beats");
	ck_assert_int_eq(memory_from_json(json, &again), 0);
	ck_assert_uint_eq(again.beat_count, 0);
	json_decref(json);
}
END_TEST

static const char *field(const struct alarm_field *fields, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(fields[i].name, name) == 0)
			return fields[i].value;
	return NULL;
}

START_TEST(fields_say_who_changed_an_alarm_and_how_it_worsened)
{
	struct alarm alarm = full_alarm();
	struct alarm_field fields[ALARM_FIELDS_MAX];
	size_t count = alarm_fields(&alarm, ALARM_CHANGE_ACKNOWLEDGED, fields);
	ck_assert_str_eq(field(fields, count, "EGRESSD_BY"), "alice");
	ck_assert_str_eq(field(fields, count, "EGRESSD_BY_UID"), "1000");
	ck_assert_ptr_null(field(fields, count, "EGRESSD_WORSENED"));

	alarm.worsening =
	        (struct alarm_worsening){.severity = SEVERITY_NOTICE, .danger = 1, .service = true};
	count = alarm_fields(&alarm, ALARM_CHANGE_WORSENED, fields);
	ck_assert_str_eq(field(fields, count, "EGRESSD_WORSENED"),
	                 "severity from notice to warning, psad's danger level from 1 to 2, now "
	                 "tcp/39, too");
	ck_assert_ptr_null(field(fields, count, "EGRESSD_BY"));

	alarm.cleared.time = 0;
	count = alarm_fields(&alarm, ALARM_CHANGE_CLEARED, fields);
	ck_assert_msg(!field(fields, count, "EGRESSD_BY"), "it cleared by itself");
}
END_TEST

START_TEST(fields_of_an_alarm_are_printable_ascii_whatever_it_says)
{
	struct alarm alarm = full_alarm();
	struct alarm_field fields[ALARM_FIELDS_MAX];
	alarm_name(alarm.interface, sizeof(alarm.interface), "lan\n0\xff; rm -rf");
	size_t count = alarm_fields(&alarm, ALARM_CHANGE_OPENED, fields);
	ck_assert_str_eq(field(fields, count, "EGRESSD_INTERFACE"), "lan?0?; rm -rf");
	ck_assert_str_eq(field(fields, count, "EGRESSD_ALARM_ID"), "42");
	ck_assert_str_eq(field(fields, count, "EGRESSD_CHANGE"), "opened");
	ck_assert_str_eq(field(fields, count, "EGRESSD_PORT"), "25");
	ck_assert_str_eq(field(fields, count, "EGRESSD_ATTEMPTS"), "7");
	ck_assert_str_eq(field(fields, count, "EGRESSD_PASSED"), "4");
	ck_assert_str_eq(field(fields, count, "EGRESSD_LAST"), "2026-11-22T14:02:11Z");
	ck_assert_str_eq(field(fields, count, "EGRESSD_UID"), "19");
	ck_assert_ptr_null(field(fields, count, "EGRESSD_SCORE"));
}
END_TEST

START_TEST(thresholds_are_those_of_the_role_else_of_all_else_the_standard_ones)
{
	struct detection all = {}, own = {};
	all.given[DETECTION_BEACON_ATTEMPTS] = own.given[DETECTION_BEACON_ATTEMPTS] = true;
	all.values[DETECTION_BEACON_ATTEMPTS] = 6;
	own.values[DETECTION_BEACON_ATTEMPTS] = 9;
	all.given[DETECTION_SEVERITY_SCAN] = true;
	all.values[DETECTION_SEVERITY_SCAN] = SEVERITY_NOTICE;
	struct thresholds of_all = thresholds_of(&all, NULL), of_role = thresholds_of(&all, &own);
	ck_assert_uint_eq(of_all.beacon.attempts, 6);
	ck_assert_uint_eq(of_role.beacon.attempts, 9);
	ck_assert_int_eq(of_role.severity[ALARM_SCAN], SEVERITY_NOTICE);
	ck_assert_uint_eq(of_role.beacon.span, thresholds_standard.beacon.span);
	ck_assert_uint_eq(of_role.quiet, thresholds_standard.quiet);

	/* Each key reaches a threshold of its own. */
	for (unsigned i = 0; i < DETECTION_KEY_COUNT; i++) {
		struct detection one = {};
		one.given[i] = true;
		one.values[i] = i == DETECTION_SEVERITY_QUARANTINE ? 2 : i == DETECTION_TRW_ENABLED;
		struct thresholds changed = thresholds_of(&one, NULL);
		ck_assert_msg(memcmp(&changed, &thresholds_standard, sizeof(changed)) != 0,
		              "key %u", i);
	}
}
END_TEST

/* What the journal would read. */
static int bind_journal(struct sockaddr_un *address, char directory[static 32])
{
	strcpy(directory, "/tmp/egressd-test-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(directory));
	*address = (struct sockaddr_un){.sun_family = AF_UNIX};
	snprintf(address->sun_path, sizeof(address->sun_path), "%s/socket", directory);
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)address, sizeof(*address)), 0);
	return fd;
}

START_TEST(a_record_reaches_the_journal_with_its_fields)
{
	static const char expected[] = "MESSAGE=hello\nTWO\n\x05\0\0\0\0\0\0\0a\nb=c\n";
	const struct journal_field fields[] = {
	        {"MESSAGE", "hello"}, {"NONE", NULL}, {"TWO", "a\nb=c"}};
	struct sockaddr_un address;
	char directory[32], got[256];
	int fd = bind_journal(&address, directory);
	ck_assert_int_eq(journal_socket_send(address.sun_path, fields, 3, 0), 0);
	ssize_t n = recv(fd, got, sizeof(got), MSG_DONTWAIT);
	ck_assert_int_eq(n, sizeof(expected) - 1);
	ck_assert_mem_eq(got, expected, sizeof(expected) - 1);
	close(fd);
	unlink(address.sun_path);
	rmdir(directory);
}
END_TEST

static double seconds_now(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

START_TEST(a_journal_that_reads_nothing_does_not_hold_the_daemon_up)
{
	const struct journal_field fields[] = {{"MESSAGE", "hello"}};
	struct sockaddr_un address;
	char directory[32];
	int fd = bind_journal(&address, directory), r = 0;
	double begun = seconds_now();
	for (unsigned i = 0; i < 100000 && r == 0; i++)
		r = journal_socket_send(address.sun_path, fields, 1, 0);
	ck_assert_int_eq(r, -EAGAIN);
	double full = seconds_now();
	ck_assert_int_eq(journal_socket_send(address.sun_path, fields, 1, 20), -EAGAIN);
	ck_assert_double_lt(seconds_now() - full, 1.0);
	ck_assert_double_lt(full - begun, 5.0);
	close(fd);
	unlink(address.sun_path);
	ck_assert_int_lt(journal_socket_send(address.sun_path, fields, 1, 0), 0);
	rmdir(directory);
}
END_TEST

/* How a helper ended. */
struct ending {
	sd_event *event;
	int status;
	bool killed;
	bool ended;
};

static void on_ended(struct helper *helper, int status, bool killed, void *userdata)
{
	struct ending *ending = userdata;
	ending->status = status;
	ending->killed = killed;
	ending->ended = true;
	helper_free(helper);
	sd_event_exit(ending->event, 0);
}

static void set_up_loop(struct ending *ending)
{
	sigset_t children;
	sigemptyset(&children);
	sigaddset(&children, SIGCHLD);
	ck_assert_int_eq(sigprocmask(SIG_BLOCK, &children, NULL), 0);
	*ending = (struct ending){};
	ck_assert_int_ge(sd_event_new(&ending->event), 0);
}

START_TEST(a_helper_that_never_ends_is_killed_when_its_time_is_over)
{
	struct ending ending;
	struct helper *helper;
	char *const environment[] = {NULL};
	const struct helper_user self = {geteuid(), getegid()};
	char script[] = "/tmp/egressd-helper-XXXXXX";
	int fd = mkstemp(script);
	static const char text[] = "#!/bin/sh\ntrap '' TERM INT HUP\n/bin/sleep 600 & wait\n";
	ck_assert_int_eq(write(fd, text, sizeof(text) - 1), sizeof(text) - 1);
	ck_assert_int_eq(fchmod(fd, 0700), 0);
	close(fd);

	set_up_loop(&ending);
	double begun = seconds_now();
	ck_assert_int_eq(helper_run(ending.event, script, &self, environment, 200 * USEC_PER_MSEC,
	                            on_ended, &ending, &helper),
	                 0);
	ck_assert_int_ge(sd_event_loop(ending.event), 0);
	ck_assert(ending.ended && ending.killed);
	ck_assert(WIFSIGNALED(ending.status) && WTERMSIG(ending.status) == SIGKILL);
	ck_assert_double_ge(seconds_now() - begun, 0.2);
	ck_assert_double_lt(seconds_now() - begun, 5.0);
	sd_event_unref(ending.event);
	unlink(script);
}
END_TEST

START_TEST(what_cannot_be_executed_is_an_error_at_once)
{
	struct ending ending;
	struct helper *helper;
	char *const environment[] = {NULL};
	const struct helper_user self = {geteuid(), getegid()};
	set_up_loop(&ending);
	ck_assert_int_eq(helper_run(ending.event, "/nowhere/at/all", &self, environment,
	                            USEC_PER_SEC, on_ended, &ending, &helper),
	                 -ENOENT);
	ck_assert_int_eq(helper_run(ending.event, "/etc/passwd", &self, environment, USEC_PER_SEC,
	                            on_ended, &ending, &helper),
	                 -EACCES);
	ck_assert(!ending.ended);
	ck_assert_msg(waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD, "a child is left");
	sd_event_unref(ending.event);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("alarm-state");
	TCase *tests = tcase_create("alarm-state");
	tcase_add_test(tests, an_alarm_that_was_written_is_read_again_to_the_byte);
	tcase_add_test(tests,
	               an_alarm_of_before_outcomes_were_kept_is_read_as_if_nothing_had_passed);
	tcase_add_test(tests, an_alarm_with_a_field_that_is_missing_or_wrong_is_none);
	tcase_add_test(tests, more_evidence_than_there_is_room_for_is_refused);
	tcase_add_test(tests, an_entry_of_the_ledger_is_read_again_to_the_byte);
	tcase_add_test(tests,
	               what_the_detectors_need_is_kept_with_an_entry_and_no_nonsense_is_believed);
	tcase_add_test(tests, fields_say_who_changed_an_alarm_and_how_it_worsened);
	tcase_add_test(tests, fields_of_an_alarm_are_printable_ascii_whatever_it_says);
	tcase_add_test(tests, thresholds_are_those_of_the_role_else_of_all_else_the_standard_ones);
	tcase_add_test(tests, a_record_reaches_the_journal_with_its_fields);
	tcase_add_test(tests, a_journal_that_reads_nothing_does_not_hold_the_daemon_up);
	tcase_add_test(tests, a_helper_that_never_ends_is_killed_when_its_time_is_over);
	tcase_add_test(tests, what_cannot_be_executed_is_an_error_at_once);
	suite_add_tcase(suite, tests);
	return run_suite(suite);
}
