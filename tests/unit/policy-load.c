/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy-text.h"

/* What a text that is grammar may say: keys, kinds of values and names. */

START_TEST(a_policy_needs_gateway_roles_and_hosts)
{
	assert_refused(
	        "networks = { };\n",
	        "a.conf: there is no \"gateway\"; as in gateway = { inside = [ \"lan0\" ]; }\n"
	        "a.conf: there are no \"roles\"; as in roles = { desk = { outbound = "
	        "[ \"http\" ]; }; }\n"
	        "a.conf: there are no \"hosts\"; as in hosts = ( { name = \"www1\"; role = "
	        "\"web\"; address = \"192.0.2.80\"; } )\n");
	assert_refused("gateway = { mode = \"audit\"; }; " NOBODY,
	               "a.conf:1: gateway has no \"inside\"; name the interfaces with protected "
	               "hosts behind them, as in inside = [ \"lan0\" ]\n");
	assert_refused("gateway = { inside = [ ]; }; " NOBODY,
	               "a.conf:1: \"inside\" names no interface, so nothing would be protected; as "
	               "in inside = [ \"lan0\" ]\n");
}
END_TEST

START_TEST(unknown_keys_are_named_with_the_nearest_known_one)
{
	assert_refused(
	        "gatewy = { };\n" GATEWAY NOBODY,
	        "a.conf:1: unknown key \"gatewy\" in the file; did you mean \"gateway\" (the "
	        "gateway)?\n");
	assert_refused("gateway = { inside = \"lan0\";\n modus = 1;\n zebra = 2; };\n" NOBODY,
	               "a.conf:2: unknown key \"modus\" in gateway; did you mean \"mode\" (enforce "
	               "or audit)?\n"
	               "a.conf:3: unknown key \"zebra\" in gateway; the keys there are inside, "
	               "mode, refuse, check_source, nflog_group, contact_group, own_table, ledger, "
	               "processes, pickup\n");
	assert_refused(
	        GATEWAY "hosts = ( );\nroles = { r = { outbund = [ ];\n"
	                "outbound = ( { services = \"http\"; } ); }; };\n"
	                "services = { s = { prots = \"tcp/1\"; }; };\n"
	                "networks = { n = { adress = \"192.0.2.1\"; }; };\n",
	        "a.conf:2: unknown key \"outbund\" in a role; did you mean \"outbound\" (what "
	        "its hosts may initiate)?\n"
	        "a.conf:3: unknown key \"services\" in an outbound entry; did you mean "
	        "\"service\" (what may be initiated)?\n"
	        "a.conf:4: unknown key \"prots\" in a service; did you mean \"ports\" "
	        "(literals and names of other services)?\n"
	        "a.conf:5: unknown key \"adress\" in a network; did you mean \"address\" "
	        "(addresses, prefixes and ranges)?\n");
	assert_refused(GATEWAY ROLE "\nhosts = ( { name = \"h\"; role = \"r\"; self = true;\n"
	                            "adres = \"192.0.2.1\"; } );\n",
	               "a.conf:3: unknown key \"adres\" in a host; did you mean \"address\" "
	               "(addresses, prefixes and ranges)?\n");
}
END_TEST

START_TEST(what_follows_from_a_misspelt_key_is_not_told_and_what_else_is_wrong_is)
{
	assert_refused(GATEWAY "\nrolse = { desk = { outbound = [ \"htpp\" ]; }; };\n"
	                       "hosts = ( { name = \"a\"; role = \"desk\"; self = true; },\n"
	                       "{ name = \"b\"; role = \"desc\"; address = \"::2\"; } );\n",
	               "a.conf:2: unknown key \"rolse\" in the file; did you mean \"roles\" (what "
	               "hosts may initiate)?\n"
	               "a.conf:2: unknown service \"htpp\"; did you mean \"http\"?\n"
	               "a.conf:4: host \"b\" has the unknown role \"desc\"; did you mean "
	               "\"desk\"?\n");
	assert_refused(
	        "gateway = { insde = \"lan0\"; };\n"
	        "netwroks = { n = [ \"192.0.2.1\" ]; }; blocklist = [ \"n\" ];\n"
	        "roles = { r = { }; }; hots = ( { name = \"a\"; role = \"r\"; self = true; } );\n",
	        "a.conf:1: unknown key \"insde\" in gateway; did you mean \"inside\" "
	        "(the interfaces with protected hosts behind them)?\n"
	        "a.conf:2: unknown key \"netwroks\" in the file; did you mean \"networks\" "
	        "(destinations under a name)?\n"
	        "a.conf:3: unknown key \"hots\" in the file; did you mean \"hosts\" (who has "
	        "which role)?\n");
	/* Both are there: what was in the misspelt one is not known. */
	assert_refused(GATEWAY "\nrolse = { desk = { }; }; roles = { web = { }; };\n"
	                       "hosts = ( { name = \"a\"; role = \"desk\"; self = true; } );\n",
	               "a.conf:2: unknown key \"rolse\" in the file; did you mean \"roles\" (what "
	               "hosts may initiate)?\n");
	assert_refused("gateway = { insde = 5; };\n" NOBODY,
	               "a.conf:1: unknown key \"insde\" in gateway; did you mean \"inside\" "
	               "(the interfaces with protected hosts behind them)?\n");
}
END_TEST

START_TEST(values_of_the_wrong_kind_are_told_what_they_must_be)
{
	assert_refused(
	        "gateway = { inside = 5; mode = 1; refuse = [ ]; nflog_group = \"1\"; };\n"
	        "roles = ( );\nhosts = { };\nservices = 1;\nnetworks = \"x\";\n"
	        "blocklist = 5;\ninclude = ( 5 );\n",
	        "a.conf:1: \"inside\" must be a list of strings, as in [ \"lan0\", \"dmz*\" ]\n"
	        "a.conf:1: \"mode\" must be a string, as in \"enforce\"\n"
	        "a.conf:1: \"refuse\" must be a string, as in \"reject\"\n"
	        "a.conf:1: \"nflog_group\" must be a whole number, as in 100\n"
	        "a.conf:2: \"roles\" must be a group, as in { desk = { outbound = "
	        "[ \"http\" ]; }; }\n"
	        "a.conf:3: \"hosts\" must be a list of groups, as in ( { name = \"www1\"; role "
	        "= \"web\"; address = \"192.0.2.80\"; } )\n"
	        "a.conf:4: \"services\" must be a group, as in { submission = [ \"tcp/587\" ]; "
	        "}\n"
	        "a.conf:5: \"networks\" must be a group, as in { loghost = [ \"192.0.2.53\" ]; "
	        "}\n"
	        "a.conf:6: \"blocklist\" must be a list of strings, as in [ \"badlist\" ]\n"
	        "a.conf:7: \"include\" must be a list of strings, as in [ "
	        "\"roles.d/*.conf\" ]\n");
	assert_refused(
	        GATEWAY "\nroles = { r = { outbound = (\n \"http\",\n 5 ); inherits = true;\n"
	                "tripwire = 1; mode = true; inbound = ( { service = 1; from = 2; } ); "
	                "};\nq = [ ]; };\n"
	                "hosts = ( { name = 1; role = 2; address = 3; mac = 4; self = 5; mode "
	                "= 6; },\n \"x\" );\n",
	        "a.conf:4: \"outbound\" must be a list of strings and groups, as in ( "
	        "\"http\", { service = [ \"ssh\" ]; to = [ \"admin\" ]; } )\n"
	        "a.conf:4: \"inherits\" must be a list of strings, as in [ \"server\" ]\n"
	        "a.conf:5: \"tripwire\" must be true or false, as in true\n"
	        "a.conf:5: \"mode\" must be a string, as in \"audit\"\n"
	        "a.conf:5: \"service\" must be a list of strings, as in [ \"ssh\" ]\n"
	        "a.conf:5: \"from\" must be a list of strings, as in [ \"admin\" ]\n"
	        "a.conf:6: \"q\" must be a group, as in { outbound = [ \"http\" ]; }\n"
	        "a.conf:8: \"hosts\" must be a list of groups, as in ( { name = \"www1\"; role "
	        "= \"web\"; address = \"192.0.2.80\"; } )\n");
	assert_refused(
	        GATEWAY ROLE "\nhosts = ( { name = 1; role = 2; address = 3; mac = 4; self = "
	                     "5; mode = 6; } );\n",
	        "a.conf:2: \"name\" must be a string, as in \"www1\"\n"
	        "a.conf:2: \"role\" must be a string, as in \"web\"\n"
	        "a.conf:2: \"address\" must be a list of strings, as in [ \"192.0.2.80\", "
	        "\"2001:db8::80\" ]\n"
	        "a.conf:2: \"mac\" must be a list of strings, as in [ \"52:54:00:12:34:56\" ]\n"
	        "a.conf:2: \"self\" must be true or false, as in true\n"
	        "a.conf:2: \"mode\" must be a string, as in \"audit\"\n");
}
END_TEST

START_TEST(a_single_string_and_both_kinds_of_brackets_make_a_list)
{
	struct policy *policy = assert_loads(
	        "gateway = { inside = ( \"lan0\", \"dmz*\" ); nflog_group = 7L; };\n"
	        "services = { a = \"tcp/1\"; b = ( \"tcp/2\" ); c = [ \"tcp/3\" ]; };\n"
	        "roles = { r = { outbound = \"a\"; inbound = { service = \"b\"; from = \"::1\"; }; "
	        "}; };\nhosts = ( { name = \"h\"; role = \"r\"; address = \"192.0.2.1\"; } )");
	ck_assert_uint_eq(policy->gateway.inside.count, 2);
	ck_assert_uint_eq(policy->gateway.nflog_group, 7);
	ck_assert_uint_eq(policy->roles.items[0].outbound.items[0].resolved.items[0].from, 1);
	ck_assert_uint_eq(policy->roles.items[0].inbound.items[0].resolved.items[0].from, 2);
	ck_assert_uint_eq(policy->roles.items[0].inbound.items[0].peer_count, 1);
	policy_free(policy);
}
END_TEST

START_TEST(a_string_is_found_in_the_line_where_it_stands)
{
	struct policy *policy =
	        assert_loads(GATEWAY ROLE "\nhosts = ( { name = \"h\"; role = \"r\";\n"
	                                  "address = [\n\"192.0.2.1\"\n,\n"
	                                  "\"192.0.2.2\" # the last\n\n]\n; }\n);\n");
	ck_assert_uint_eq(policy->hosts.items[0].at.line, 2);
	ck_assert_uint_eq(policy->hosts.items[0].ranges[0].line, 4);
	ck_assert_uint_eq(policy->hosts.items[0].ranges[1].line, 6);
	policy_free(policy);
}
END_TEST

START_TEST(what_is_not_written_has_its_default)
{
	struct policy *policy = assert_loads(GATEWAY NOBODY);
	ck_assert_int_eq(policy->gateway.mode, MODE_ENFORCE);
	ck_assert_int_eq(policy->gateway.refuse, REFUSE_REJECT);
	ck_assert_uint_eq(policy->gateway.nflog_group, NFLOG_GROUP_DEFAULT);
	ck_assert_uint_eq(policy->gateway.contact_group, CONTACT_GROUP_DEFAULT);
	ck_assert_uint_eq(policy->gateway.pickup, PICKUP_SPAN_DEFAULT);
	ck_assert_uint_eq(policy->hosts.count, 0);
	ck_assert_uint_eq(strlen(policy->digest), 64);
	policy_free(policy);
}
END_TEST

START_TEST(values_of_gateway_are_held_to_their_range)
{
	assert_refused("gateway = { inside = \"lan0\";\nmode = \"audits\";\nrefuse = \"deny\";\n"
	               "nflog_group = 65536; };\n" NOBODY,
	               "a.conf:2: unknown mode \"audits\"; it is \"enforce\" or \"audit\"\n"
	               "a.conf:3: unknown refuse \"deny\"; it is \"reject\" or \"drop\"\n"
	               "a.conf:4: nflog_group 65536 is out of range; it must be 1 to 65535\n");
	assert_refused("gateway = { inside = \"lan0\"; nflog_group = 0; };\n" NOBODY,
	               "a.conf:1: nflog_group 0 is out of range; it must be 1 to 65535\n");
	assert_refused("gateway = { inside = \"lan0\"; pickup = \"2 minutes\"; };\n" NOBODY,
	               "a.conf:1: pickup \"2 minutes\" is not a span of time; as in pickup = "
	               "\"2m\", or \"0s\" to switch it off\n");
	assert_refused("gateway = { inside = \"lan0\"; pickup = \"61m\"; };\n" NOBODY,
	               "a.conf:1: pickup \"61m\" is out of range; it must be whole seconds, "
	               "\"0s\" to \"1h\"\n");
	assert_refused("gateway = { inside = \"lan0\"; pickup = \"1500ms\"; };\n" NOBODY,
	               "a.conf:1: pickup \"1500ms\" is out of range; it must be whole seconds, "
	               "\"0s\" to \"1h\"\n");
	assert_refused("gateway = { inside = \"lan0\"; contact_group = 65536; };\n" NOBODY,
	               "a.conf:1: contact_group 65536 is out of range; it must be 1 to 65535\n");
	assert_refused(
	        "gateway = { inside = \"lan0\"; ledger = {\nentries = 63;\n"
	        "attempts = 1048577; }; };\n" NOBODY,
	        "a.conf:2: \"entries\" of ledger is 63, which is out of range; it must be 64 "
	        "to 1048576\n"
	        "a.conf:3: \"attempts\" of ledger is 1048577, which is out of range; it must "
	        "be 64 to 1048576\n");
}
END_TEST

START_TEST(the_ledger_has_limits_unless_written_otherwise)
{
	struct policy *policy = assert_loads(GATEWAY NOBODY);
	ck_assert_uint_eq(policy->gateway.ledger.entries, LEDGER_ENTRIES_DEFAULT);
	ck_assert_uint_eq(policy->gateway.ledger.attempts, LEDGER_ATTEMPTS_DEFAULT);
	policy_free(policy);
	policy = assert_loads("gateway = { inside = \"lan0\"; ledger = { attempts = 64; "
	                      "entries = 1048576L; }; };\n" NOBODY);
	ck_assert_uint_eq(policy->gateway.ledger.entries, 1048576);
	ck_assert_uint_eq(policy->gateway.ledger.attempts, 64);
	policy_free(policy);
	assert_refused("gateway = { inside = \"lan0\"; ledger = {\nentrys = 64; }; };\n" NOBODY,
	               "a.conf:2: unknown key \"entrys\" in ledger; did you mean \"entries\" (how "
	               "many entries are listed)?\n");
	assert_refused("gateway = { inside = \"lan0\"; ledger = 64; };\n" NOBODY,
	               "a.conf:1: \"ledger\" must be a group, as in { entries = 16384; attempts = "
	               "65536; }\n");
}
END_TEST

START_TEST(interface_names_are_such_as_the_kernel_takes)
{
	assert_refused("gateway = { inside = [ \"*\",\n\"d*z\",\n\"sixteen-letters-\",\n\"a/b\",\n"
	               "\"a b\",\n\"\",\n\"..\",\n\"lan0\",\n\"lan0\",\n\"fifteen-letters\" ]; "
	               "};\n" NOBODY,
	               "a.conf:1: \"*\" would be every interface, the outside too; name the inside "
	               "ones, as in \"lan*\"\n"
	               "a.conf:2: \"d*z\" cannot be an interface; \"*\" may only stand at the end\n"
	               "a.conf:3: \"sixteen-letters-\" is too long for an interface; 15 bytes are "
	               "the most\n"
	               "a.conf:4: \"a/b\" cannot be an interface\n"
	               "a.conf:5: \"a b\" cannot be an interface\n"
	               "a.conf:6: \"\" cannot be an interface\n"
	               "a.conf:7: \"..\" cannot be an interface\n"
	               "a.conf:9: \"lan0\" is already named at a.conf:8\n");
}
END_TEST

START_TEST(names_are_letters_digits_dashes_and_underscores)
{
	assert_refused(
	        GATEWAY "\nroles = { r* = { }; }; services = { *s = \"tcp/1\"; };\n"
	                "networks = { n* = [ ]; };\n"
	                "hosts = ( { name = \"1a\"; role = \"r*\"; self = true; },\n"
	                "{ name = \"\"; role = \"r*\"; mac = \"52:54:00:00:00:01\"; } );\n",
	        "a.conf:2: \"*s\" cannot be the name of a service; a name is a letter followed "
	        "by letters, digits, \"-\" and \"_\"\n"
	        "a.conf:2: \"r*\" cannot be the name of a role; a name is a letter followed by "
	        "letters, digits, \"-\" and \"_\"\n"
	        "a.conf:3: \"n*\" cannot be the name of a network; a name is a letter followed "
	        "by letters, digits, \"-\" and \"_\"\n"
	        "a.conf:4: \"1a\" cannot be the name of a host; a name is a letter followed by "
	        "letters, digits, \"-\" and \"_\"\n"
	        "a.conf:5: \"\" cannot be the name of a host; a name is a letter followed by "
	        "letters, digits, \"-\" and \"_\"\n");

	char text[400], name[NAME_MAX_BYTES + 2] = "";
	memset(name, 'n', sizeof(name) - 1);
	snprintf(text, sizeof(text), GATEWAY "hosts = ( );\nroles = { %s = { }; };", name);
	assert_refused(text, "a.conf:2: the name of the role \"nnnnnnnnnnnnnnnnnnnn...\" has 64 "
	                     "bytes; 63 is the most\n");
	name[NAME_MAX_BYTES] = '\0';
	snprintf(text, sizeof(text), GATEWAY "hosts = ( );\nroles = { %s = { }; };", name);
	policy_free(assert_loads(text));
}
END_TEST

START_TEST(a_host_needs_a_name_a_role_and_something_to_be_told_by)
{
	assert_refused(GATEWAY ROLE "\nhosts = (\n{ },\n{ name = \"h\"; role = \"r\"; },\n"
	                            "{ name = \"g\"; self = true; } );",
	               "a.conf:3: this host has no \"name\"\n"
	               "a.conf:3: host \"\" has no \"role\"\n"
	               "a.conf:3: host \"\" needs an \"address\", a \"mac\" or self = true\n"
	               "a.conf:4: host \"h\" needs an \"address\", a \"mac\" or self = true\n"
	               "a.conf:5: host \"g\" has no \"role\"\n");
}
END_TEST

START_TEST(to_belongs_to_outbound_and_from_to_inbound)
{
	assert_refused(
	        GATEWAY "hosts = ( );\nroles = { r = {\n"
	                "outbound = ( { service = \"http\"; from = \"::1\"; } );\n"
	                "inbound = ( { service = \"http\"; to = \"::1\"; },\n"
	                "{ from = \"::1\"; },\n{ service = [ ]; },\n"
	                "{ service = \"http\"; from = [ ]; } ); }; };",
	        "a.conf:3: \"from\" has no meaning in outbound; write \"to\" for whom its "
	        "hosts may reach\n"
	        "a.conf:4: \"to\" has no meaning in inbound; write \"from\" for who may reach "
	        "its hosts\n"
	        "a.conf:5: this entry names no service; as in service = [ \"ssh\" ]\n"
	        "a.conf:6: this entry names no service; as in service = [ \"ssh\" ]\n"
	        "a.conf:7: \"from\" is empty, so nobody is meant; leave it out to mean "
	        "anybody\n");
}
END_TEST

START_TEST(a_text_in_memory_names_no_other_file)
{
	assert_refused(
	        GATEWAY NOBODY "include = [ \"x.conf\" ];\n"
	                       "networks = { n = { file = \"list\"; }; };",
	        "a.conf:2: a text that is read from no file cannot include files\n"
	        "a.conf:3: a text that is read from no file cannot name the list \"list\"\n");
}
END_TEST

START_TEST(the_configurations_that_are_shipped_have_no_mistakes)
{
	static const char *const files[] = {"egressd.conf", "examples/dmz.conf",
	                                    "examples/office.conf"};
	for (size_t i = 0; i < ELEMENTS_OF(files); i++) {
		char *path = NULL;
		ck_assert_int_gt(asprintf(&path, EGRESSD_SOURCE_ROOT "/conf/%s", files[i]), 0);
		struct problems problems = {};
		struct policy *policy = NULL;
		int r = policy_load(path, NULL, &problems, &policy);
		char *found = problems_text(&problems);
		ck_assert_str_eq(found, "");
		ck_assert_int_eq(r, 0);
		policy_free(policy);
		problems_done(&problems);
		free(found);
		free(path);
	}
}
END_TEST

START_TEST(shipped_services_are_there_and_the_operators_own_wins)
{
	struct policy *policy = assert_loads(GATEWAY NOBODY "services = { https = [ \"tcp/444\" ]; "
	                                                    "both = [ \"https\", \"quic\" ]; };");
	const struct service *dns = policy_service(policy, "dns");
	ck_assert_ptr_nonnull(dns);
	ck_assert(dns->shipped);
	ck_assert_str_eq(dns->at.file, "services.conf (shipped)");
	ck_assert_uint_eq(dns->resolved.count, 2);

	const struct service *https = policy_service(policy, "https");
	ck_assert(!https->shipped);
	ck_assert_uint_eq(https->resolved.items[0].from, 444);
	const struct service *both = policy_service(policy, "both");
	ck_assert_uint_eq(both->resolved.count, 2);
	ck_assert_uint_eq(both->resolved.items[0].from, 444);
	ck_assert_uint_eq(both->resolved.items[1].from, 443);
	policy_free(policy);
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("load");
	tcase_set_timeout(tests, 120);
	tcase_add_test(tests, a_policy_needs_gateway_roles_and_hosts);
	tcase_add_test(tests, unknown_keys_are_named_with_the_nearest_known_one);
	tcase_add_test(tests,
	               what_follows_from_a_misspelt_key_is_not_told_and_what_else_is_wrong_is);
	tcase_add_test(tests, values_of_the_wrong_kind_are_told_what_they_must_be);
	tcase_add_test(tests, a_single_string_and_both_kinds_of_brackets_make_a_list);
	tcase_add_test(tests, a_string_is_found_in_the_line_where_it_stands);
	tcase_add_test(tests, what_is_not_written_has_its_default);
	tcase_add_test(tests, values_of_gateway_are_held_to_their_range);
	tcase_add_test(tests, the_ledger_has_limits_unless_written_otherwise);
	tcase_add_test(tests, interface_names_are_such_as_the_kernel_takes);
	tcase_add_test(tests, names_are_letters_digits_dashes_and_underscores);
	tcase_add_test(tests, a_host_needs_a_name_a_role_and_something_to_be_told_by);
	tcase_add_test(tests, to_belongs_to_outbound_and_from_to_inbound);
	tcase_add_test(tests, a_text_in_memory_names_no_other_file);
	tcase_add_test(tests, the_configurations_that_are_shipped_have_no_mistakes);
	tcase_add_test(tests, shipped_services_are_there_and_the_operators_own_wins);
	return run_tests(tests);
}
