/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy-text.h"

#define ROLES(list) GATEWAY "hosts = ( ); roles = {\n" list " };\n"

static void assert_throttled(const struct policy *policy, const char *name, uint32_t destinations,
                             usec_t per, unsigned line)
{
	const struct role *role = policy_role(policy, name);
	ck_assert_ptr_nonnull(role);
	ck_assert_ptr_nonnull(role->throttled);
	ck_assert_uint_eq(role->throttled->destinations, destinations);
	ck_assert_uint_eq(role->throttled->per, per);
	ck_assert_uint_eq(role->throttled->at.line, line);
	ck_assert_ptr_eq(role->throttled, &policy_role(policy, role->throttled->role)->throttle);
}

START_TEST(a_throttle_is_read_and_what_is_left_out_is_the_standard)
{
	struct policy *policy =
	        assert_loads(ROLES("a = { throttle = { destinations = 54; per = \"100ms\"; }; };\n"
	                           "b = { throttle = { }; };\n"
	                           "c = { throttle = { destinations = 1000000; }; };\n"
	                           "d = { throttle = { per = \"1h\"; }; };\n"
	                           "e = { };\n"));
	assert_throttled(policy, "a", 54, 100 * USEC_PER_MSEC, 2);
	assert_throttled(policy, "b", 100, 10 * USEC_PER_SEC, 3);
	assert_throttled(policy, "c", 1000000, 10 * USEC_PER_SEC, 4);
	assert_throttled(policy, "d", 100, 3600 * USEC_PER_SEC, 5);
	ck_assert_ptr_null(policy_role(policy, "e")->throttled);
	policy_free(policy);
}
END_TEST

START_TEST(a_role_has_its_own_throttle_or_that_of_those_it_inherits_from)
{
	struct policy *policy = assert_loads(ROLES(
	        "grandchild = { inherits = \"child\"; };\n"
	        "child = { inherits = [ \"plain\", \"desk\" ]; };\n"
	        "own = { inherits = [ \"desk\", \"slow\" ]; throttle = { per = \"2s\"; }; };\n"
	        "heir = { inherits = \"own\"; };\n"
	        "both = { inherits = [ \"desk\", \"same\", \"child\" ]; };\n"
	        "plain = { };\n"
	        "desk = { throttle = { destinations = 100; }; };\n"
	        "same = { throttle = { destinations = 100; per = \"10000ms\"; }; };\n"
	        "slow = { throttle = { destinations = 1; }; };\n"));
	assert_throttled(policy, "grandchild", 100, 10 * USEC_PER_SEC, 8);
	assert_throttled(policy, "child", 100, 10 * USEC_PER_SEC, 8);
	assert_throttled(policy, "own", 100, 2 * USEC_PER_SEC, 4);
	assert_throttled(policy, "heir", 100, 2 * USEC_PER_SEC, 4);
	assert_throttled(policy, "both", 100, 10 * USEC_PER_SEC, 8);
	ck_assert_ptr_null(policy_role(policy, "plain")->throttled);
	policy_free(policy);
}
END_TEST

START_TEST(two_inherited_throttles_that_differ_are_a_mistake_told_once)
{
	assert_refused(
	        ROLES("heir = { inherits = \"both\"; };\n"
	              "both = { inherits = [ \"desk\", \"slow\" ]; };\n"
	              "desk = { throttle = { }; };\n"
	              "slow = { throttle = { destinations = 1; }; };\n"),
	        "a.conf:3: role \"both\" inherits two throttles that differ, of a.conf:4 and "
	        "a.conf:5; give it one of its own\n");
}
END_TEST

START_TEST(a_loop_of_inheritance_is_told_and_nothing_else)
{
	assert_refused(ROLES("a = { inherits = \"b\"; throttle = { }; };\n"
	                     "b = { inherits = \"a\"; };\n"),
	               "a.conf:3: loop in inherits: a -> b -> a\n");
}
END_TEST

static const struct {
	const char *throttle;
	const char *problem;
} mistakes[] = {
        {"{ destinations = 0; }",
         "\"destinations\" is 0, which is out of range; it must be 1 to 1000000"},
        {"{ destinations = 1000001; }",
         "\"destinations\" is 1000001, which is out of range; it must be 1 to 1000000"},
        {"{ destinations = \"many\"; }", "\"destinations\" must be a whole number, as in 100"},
        {"{ destinations = 1.5; }", "\"destinations\" must be a whole number, as in 100"},
        {"{ per = 10; }", "\"per\" must be a string, as in \"10s\""},
        {"{ per = \"10\"; }", "\"10\" of \"per\" is no span of time; write it as \"90s\", "
                              "\"5m\", \"1h\" or \"2h30m\""},
        {"{ per = \"99ms\"; }", "\"per\" is 99ms, which is out of range; it must be 100ms to 1h"},
        {"{ per = \"2h\"; }", "\"per\" is 2h, which is out of range; it must be 100ms to 1h"},
        {"{ destination = 5; }", "unknown key \"destination\" in throttle; did you mean "
                                 "\"destinations\" (how many new ones)?"},
        {"100", "\"throttle\" must be a group, as in { destinations = 100; per = \"10s\"; }"},
        {"false", "\"throttle\" must be a group, as in { destinations = 100; per = \"10s\"; }"},
};

START_TEST(a_mistake_is_told_with_its_line_and_what_would_be_right)
{
	char text[512], expected[512];
	snprintf(text, sizeof(text), ROLES("r = {\n throttle = %s; };"), mistakes[_i].throttle);
	snprintf(expected, sizeof(expected), "a.conf:3: %s\n", mistakes[_i].problem);
	assert_refused(text, expected);
}
END_TEST

START_TEST(a_misspelt_throttle_is_recognized)
{
	assert_refused(
	        ROLES("r = { throtle = { }; };"),
	        "a.conf:2: unknown key \"throtle\" in a role; did you mean \"throttle\" (how "
	        "fast a host may contact new destinations)?\n");
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("throttle");
	tcase_add_test(tests, a_throttle_is_read_and_what_is_left_out_is_the_standard);
	tcase_add_test(tests, a_role_has_its_own_throttle_or_that_of_those_it_inherits_from);
	tcase_add_test(tests, two_inherited_throttles_that_differ_are_a_mistake_told_once);
	tcase_add_test(tests, a_loop_of_inheritance_is_told_and_nothing_else);
	tcase_add_loop_test(tests, a_mistake_is_told_with_its_line_and_what_would_be_right, 0,
	                    (int)ELEMENTS_OF(mistakes));
	tcase_add_test(tests, a_misspelt_throttle_is_recognized);
	return run_tests(tests);
}
