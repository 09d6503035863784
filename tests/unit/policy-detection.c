/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../runner.h"
#include "policy-text.h"
#include "policy/span_word.h"

#include <errno.h>

#define WHOLE GATEWAY NOBODY

START_TEST(spans_are_read_and_written_with_their_units)
{
	static const struct {
		const char *text;
		usec_t span;
	} good[] = {
	        {"500ms", 500 * USEC_PER_MSEC},
	        {"10s", 10 * USEC_PER_SEC},
	        {"5m", 300 * USEC_PER_SEC},
	        {"2h30m", 9000 * USEC_PER_SEC},
	        {"7d", 7 * 86400 * USEC_PER_SEC},
	        {"1m500ms", 60 * USEC_PER_SEC + 500 * USEC_PER_MSEC},
	};
	static const char *const bad[] = {"",    "10",  "s",    "10 s",  "5min", "1m1h",
	                                  "-5s", "5s5", "1h1h", "0x10s", "1.5h", "5S"};
	char text[SPAN_WORD_TEXT_MAX];
	usec_t span = 77;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		ck_assert_int_eq(span_word_parse(good[i].text, &span), 0);
		ck_assert_uint_eq(span, good[i].span);
		ck_assert_str_eq(span_word_print(span, text), good[i].text);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_msg(span_word_parse(bad[i], &span) == -EINVAL, "%s", bad[i]);
	ck_assert_int_eq(span_word_parse("366d", &span), -ERANGE);
	ck_assert_int_eq(span_word_parse("99999999999999999999999s", &span), -ERANGE);
	ck_assert_str_eq(span_word_print(0, text), "0s");
}
END_TEST

START_TEST(thresholds_are_read_for_all_and_for_a_role)
{
	struct policy *policy = assert_loads(
	        GATEWAY "detection = { beacon = { attempts = 6; span = \"2m\"; }; quiet = \"12h\";"
	                " severity = { scan = \"warning\"; }; };"
	                "roles = { printer = { detection = { severity = { beacon = \"notice\"; };"
	                " strangers = 5; }; }; }; hosts = ( );");
	const struct detection *all = &policy->detection, *own = &policy->roles.items[0].detection;
	ck_assert(all->given[DETECTION_BEACON_ATTEMPTS]);
	ck_assert_uint_eq(all->values[DETECTION_BEACON_ATTEMPTS], 6);
	ck_assert_uint_eq(all->values[DETECTION_BEACON_SPAN], 120 * USEC_PER_SEC);
	ck_assert_uint_eq(all->values[DETECTION_QUIET], 12 * 3600 * USEC_PER_SEC);
	ck_assert_uint_eq(all->values[DETECTION_SEVERITY_SCAN], 1);
	ck_assert(!all->given[DETECTION_SCAN_HOSTS]);
	ck_assert(own->given[DETECTION_SEVERITY_BEACON]);
	ck_assert_uint_eq(own->values[DETECTION_SEVERITY_BEACON], 0);
	ck_assert_uint_eq(own->values[DETECTION_STRANGERS], 5);
	ck_assert(!own->given[DETECTION_BEACON_ATTEMPTS]);
	policy_free(policy);
}
END_TEST

START_TEST(what_is_printed_reads_the_same_again)
{
	static const char text[] =
	        GATEWAY "detection = { beacon = { attempts = 6; span = \"1m30s\"; };"
	                " trw = { enabled = true; benign = 75; };"
	                " severity = { scan = \"warning\"; }; quiet = \"12h\"; };"
	                "on_alarm = { command = \"/usr/lib/tell\"; user = \"nobody\"; };"
	                "roles = { r = { detection = { scan = { ports = 20; }; }; }; };"
	                "hosts = ( );";
	struct policy *policy = assert_loads(text);
	char *first = NULL, *second = NULL;
	size_t size;
	FILE *out = open_memstream(&first, &size);
	ck_assert_int_eq(policy_print(policy, out), 0);
	fclose(out);
	policy_free(policy);
	ck_assert_ptr_nonnull(strstr(
	        first,
	        "detection = { beacon = { attempts = 6; span = \"1m30s\"; "
	        "}; trw = { enabled = true; benign = 75; }; severity = { scan = \"warning\"; }; "
	        "quiet = \"12h\"; };\n"));
	ck_assert_ptr_nonnull(
	        strstr(first, "on_alarm = { command = \"/usr/lib/tell\"; user = \"nobody\"; };\n"));
	ck_assert_ptr_nonnull(strstr(first, "\t\tdetection = { scan = { ports = 20; }; };\n"));

	policy = assert_loads(first);
	out = open_memstream(&second, &size);
	ck_assert_int_eq(policy_print(policy, out), 0);
	fclose(out);
	ck_assert_str_eq(first, second);
	policy_free(policy);
	free(first);
	free(second);
}
END_TEST

START_TEST(first_contacts_are_told_of_the_roles_that_ask_for_it)
{
	struct policy *policy = assert_loads(
	        GATEWAY
	        "detection = { trw = { enabled = true; detection = 95; memory = \"12h\"; }; };"
	        "roles = { a = { }; b = { detection = { trw = { enabled = false; }; }; }; };"
	        "hosts = ( );");
	ck_assert_uint_eq(policy->detection.values[DETECTION_TRW_DETECTION], 95);
	ck_assert_uint_eq(policy->detection.values[DETECTION_TRW_MEMORY], 12 * 3600 * USEC_PER_SEC);
	ck_assert(policy_tells_contacts(policy, NULL));
	ck_assert(policy_tells_contacts(policy, policy_role(policy, "a")));
	ck_assert(!policy_tells_contacts(policy, policy_role(policy, "b")));
	policy_free(policy);

	policy = assert_loads(GATEWAY
	                      "roles = { a = { detection = { trw = { enabled = true; }; }; };"
	                      " b = { inherits = [ \"a\" ]; }; }; hosts = ( );");
	ck_assert(policy_tells_contacts(policy, policy_role(policy, "a")));
	ck_assert(!policy_tells_contacts(policy, policy_role(policy, "b")));
	policy_free(policy);

	policy = assert_loads(GATEWAY "roles = { a = { }; }; hosts = ( );");
	ck_assert(!policy_tells_contacts(policy, NULL));
	policy_free(policy);
}
END_TEST

START_TEST(two_kinds_of_records_need_two_groups)
{
	static const char one[] = "gateway = { inside = \"lan0\"; nflog_group = 101; };\n";
	char text[512];
	snprintf(text, sizeof(text), "%s%s", one, "roles = { }; hosts = ( );");
	policy_free(assert_loads(text));
	snprintf(text, sizeof(text), "%s%s", one,
	         "roles = { r = { detection = { trw = { enabled = true; }; }; }; }; hosts = ( );");
	assert_refused(text, "a.conf:1: contact_group is 101, as nflog_group is; permitted first "
	                     "contacts (detection.trw) need a group of their own, as in "
	                     "contact_group = 102\n");
}
END_TEST

static const struct {
	const char *text;
	const char *problem;
} mistakes[] = {
        {"detection = { beacons = { }; };",
         "a.conf:2: unknown key \"beacons\" in detection; did you mean \"beacon\" (regular "
         "attempts)?\n"},
        {"detection = { scan = { host = 5; }; };",
         "a.conf:2: unknown key \"host\" in scan; did you mean \"hosts\" (distinct hosts on one "
         "port)?\n"},
        {"detection = { beacon = { attempts = 3; }; };",
         "a.conf:2: \"attempts\" is 3, which is out of range; it must be 4 to 25\n"},
        {"detection = { beacon = { span = 60; }; };",
         "a.conf:2: \"span\" must be a string, as in \"60s\"\n"},
        {"detection = { quiet = \"soon\"; };", "a.conf:2: \"soon\" of \"quiet\" is no span of "
                                               "time; write it as \"90s\", \"5m\", \"1h\" or "
                                               "\"2h30m\"\n"},
        {"detection = { quiet = \"31d\"; };",
         "a.conf:2: \"quiet\" is 31d, which is out of range; it must be 1s to 30d\n"},
        {"detection = { severity = { scan = \"grave\"; }; };",
         "a.conf:2: unknown severity \"grave\" of \"scan\"; it is \"notice\", \"warning\" or "
         "\"critical\"\n"},
        {"detection = { trw = { on = true; }; };",
         "a.conf:2: unknown key \"on\" in trw; the keys there are enabled, detection, "
         "false_alarm, benign, scanner, memory\n"},
        {"detection = { trw = { enabled = 1; }; };",
         "a.conf:2: \"enabled\" must be true or false, as in true\n"},
        {"detection = { trw = { benign = 50; }; };",
         "a.conf:2: \"benign\" is 50, which is out of range; it must be 51 to 99\n"},
        {"on_alarm = { };",
         "a.conf:2: on_alarm has either a \"unit\" or a \"command\"; as in unit = "
         "\"egressd-alarm@.service\"\n"},
        {"on_alarm = { unit = \"../x@.service\"; };",
         "a.conf:2: \"../x@.service\" is no template of a service; as in unit = "
         "\"egressd-alarm@.service\"\n"},
        {"on_alarm = { unit = \"egressd-alarm.service\"; };",
         "a.conf:2: \"egressd-alarm.service\" is no template of a service; as in unit = "
         "\"egressd-alarm@.service\"\n"},
        {"on_alarm = { command = \"/bin/mail\"; };",
         "a.conf:2: on_alarm does not say as whom the command runs; as in user = \"nobody\"\n"},
        {"on_alarm = { command = \"/bin/mail\"; user = \"root\"; };",
         "a.conf:2: the command may not run as \"root\"; name a user who may do little, as in user "
         "= \"nobody\"\n"},
        {"on_alarm = { command = \"mail root\"; user = \"nobody\"; };",
         "a.conf:2: \"mail root\" is no absolute path; no shell is asked and no path is searched, "
         "as in command = \"/usr/local/lib/tell-me\"\n"},
};

START_TEST(a_mistake_is_told_with_its_line_and_what_would_be_right)
{
	char text[512];
	snprintf(text, sizeof(text), WHOLE "%s\n", mistakes[_i].text);
	assert_refused(text, mistakes[_i].problem);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("policy-detection");
	TCase *tests = tcase_create("policy-detection");
	tcase_add_test(tests, spans_are_read_and_written_with_their_units);
	tcase_add_test(tests, thresholds_are_read_for_all_and_for_a_role);
	tcase_add_test(tests, what_is_printed_reads_the_same_again);
	tcase_add_test(tests, first_contacts_are_told_of_the_roles_that_ask_for_it);
	tcase_add_test(tests, two_kinds_of_records_need_two_groups);
	tcase_add_loop_test(tests, a_mistake_is_told_with_its_line_and_what_would_be_right, 0,
	                    (int)(sizeof(mistakes) / sizeof(mistakes[0])));
	suite_add_tcase(suite, tests);
	return run_suite(suite);
}
