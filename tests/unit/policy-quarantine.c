/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy-text.h"

#define ROLES(list) GATEWAY "hosts = ( ); roles = {\n" list " };\n"
#define HOUR        (3600 * USEC_PER_SEC)

static const struct self_quarantine *of_role(const struct policy *policy, const char *name)
{
	const struct role *role = policy_role(policy, name);
	ck_assert_ptr_nonnull(role);
	return role->quarantined;
}

static void assert_on(const struct self_quarantine *quarantine, const char *expected, usec_t span,
                      uint32_t most)
{
	char text[128] = "";
	ck_assert_ptr_nonnull(quarantine);
	for (unsigned i = 0; i < QUARANTINE_CAUSE_COUNT; i++)
		if (quarantine->on[i])
			snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s ",
			         quarantine_cause_name((enum quarantine_cause)i));
	ck_assert_str_eq(text, expected);
	ck_assert_uint_eq(quarantine->span, span);
	ck_assert_uint_eq(quarantine->most, most);
}

START_TEST(a_role_names_the_alarms_that_put_a_host_in_quarantine)
{
	struct policy *policy = assert_loads(ROLES(
	        "a = { quarantine = { on = [ \"scan\", \"beacon\" ]; for = \"90s\"; most = 3; }; "
	        "};\n"
	        "b = { quarantine = { on = \"tripwire\"; }; };\n"
	        "c = { quarantine = { on = [ \"throttle\", \"portscan\" ]; for = \"365d\"; }; };\n"
	        "d = { };\n"));
	assert_on(of_role(policy, "a"), "beacon scan ", 90 * USEC_PER_SEC, 3);
	assert_on(of_role(policy, "b"), "tripwire ", HOUR, 8);
	assert_on(of_role(policy, "c"), "portscan throttle ", 365 * 24 * HOUR, 8);
	ck_assert_ptr_null(of_role(policy, "d"));
	policy_free(policy);
}
END_TEST

START_TEST(a_role_has_its_own_or_that_of_those_it_inherits_from)
{
	struct policy *policy =
	        assert_loads(ROLES("web = { inherits = \"server\"; };\n"
	                           "shop = { inherits = [ \"plain\", \"web\" ]; };\n"
	                           "off = { inherits = \"web\"; quarantine = { on = [ ]; }; };\n"
	                           "plain = { };\n"
	                           "server = { quarantine = { on = \"tripwire\"; }; };\n"));
	assert_on(of_role(policy, "web"), "tripwire ", HOUR, 8);
	assert_on(of_role(policy, "shop"), "tripwire ", HOUR, 8);
	assert_on(of_role(policy, "off"), "", HOUR, 8);
	policy_free(policy);
	assert_refused(ROLES("heir = { inherits = [ \"x\", \"y\" ]; };\n"
	                     "x = { quarantine = { on = \"scan\"; }; };\n"
	                     "y = { quarantine = { on = \"scan\"; for = \"2h\"; }; };\n"),
	               "a.conf:2: role \"heir\" inherits two quarantines that differ, of a.conf:3 "
	               "and a.conf:4; give it one of its own\n");
}
END_TEST

static const struct {
	const char *quarantine;
	const char *problem;
} mistakes[] = {
        {"{ for = \"1h\"; }", "this quarantine does not say on which alarms; as in on = [ "
                              "\"beacon\", \"scan\" ]"},
        {"{ on = \"beakon\"; }", "no alarm \"beakon\" puts a host in quarantine; did you mean "
                                 "\"beacon\"?"},
        {"{ on = \"everything\"; }",
         "no alarm \"everything\" puts a host in quarantine; it is \"tripwire\", \"beacon\", "
         "\"scan\", \"portscan\" or \"throttle\""},
        {"{ on = [ \"impostor\" ]; }", "\"impostor\" may be the doing of somebody else than the "
                                       "host, and so puts nobody in quarantine"},
        {"{ on = [ ]; for = \"500ms\"; }",
         "\"for\" is 500ms, which is out of range; it must be 1s to 365d"},
        {"{ on = [ ]; most = 0; }", "\"most\" is 0, which is out of range; it must be 1 to 1000"},
        {"{ on = [ ]; fore = \"1h\"; }",
         "unknown key \"fore\" in quarantine; did you mean \"for\" (for how long)?"},
        {"true", "\"quarantine\" must be a group, as in { on = [ \"beacon\", \"scan\" ]; for = "
                 "\"1h\"; }"},
};

START_TEST(a_mistake_is_told_with_its_line_and_what_would_be_right)
{
	char text[512], expected[512];
	snprintf(text, sizeof(text), ROLES("r = {\n quarantine = %s; };"), mistakes[_i].quarantine);
	snprintf(expected, sizeof(expected), "a.conf:3: %s\n", mistakes[_i].problem);
	assert_refused(text, expected);
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("quarantine");
	tcase_add_test(tests, a_role_names_the_alarms_that_put_a_host_in_quarantine);
	tcase_add_test(tests, a_role_has_its_own_or_that_of_those_it_inherits_from);
	tcase_add_loop_test(tests, a_mistake_is_told_with_its_line_and_what_would_be_right, 0,
	                    (int)ELEMENTS_OF(mistakes));
	return run_tests(tests);
}
