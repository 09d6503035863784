/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy-text.h"

#include <errno.h>

START_TEST(a_policy_is_printed_as_a_person_would_write_it)
{
	struct policy *policy = assert_loads(
	        "gateway={inside=\"lan0\";mode=\"audit\";refuse=\"drop\";check_source=\"packet\";"
	        "nflog_group=7;own_table=false;"
	        "ledger={entries=1000;};processes=true;};"
	        "services={web=(\"http\",\"https\");x={ports=\"tcp/21\";helper=\"ftp\";};};"
	        "networks={n=[\"192.0.2.0/24\",\"::1\"];e=[];};blocklist=\"n\";"
	        "roles={a={};b={inherits=\"a\";outbound=(\"web\",{service=[\"ssh\",\"x\"];to=\"n\";"
	        "},"
	        "{service=\"ntp\";});inbound=[];mode=\"enforce\";tripwire=true;"
	        "throttle={per=\"1m\";};quarantine={for=\"2h\";on=[\"scan\",\"beacon\"];};};};"
	        "hosts=({name=\"h\";role=\"b\";address=[\"192.0.2.1\"];mac=\"52:54:00:00:00:01\";"
	        "mode=\"audit\";},{name=\"g\";role=\"a\";self=true;});");
	char *text = policy_text(policy);
	ck_assert_str_eq(
	        text,
	        "gateway = {\n"
	        "\tinside = [ \"lan0\" ];\n"
	        "\tmode = \"audit\";\n"
	        "\trefuse = \"drop\";\n"
	        "\tcheck_source = \"packet\";\n"
	        "\tnflog_group = 7;\n"
	        "\town_table = false;\n"
	        "\tledger = { entries = 1000; attempts = 65536; };\n"
	        "\tprocesses = true;\n"
	        "};\n"
	        "services = {\n"
	        "\tweb = [ \"http\", \"https\" ];\n"
	        "\tx = { ports = [ \"tcp/21\" ]; helper = \"ftp\"; };\n"
	        "};\n"
	        "networks = {\n"
	        "\tn = [ \"192.0.2.0/24\", \"::1\" ];\n"
	        "\te = [ ];\n"
	        "};\n"
	        "blocklist = [ \"n\" ];\n"
	        "roles = {\n"
	        "\ta = {\n"
	        "\t};\n"
	        "\tb = {\n"
	        "\t\tinherits = [ \"a\" ];\n"
	        "\t\toutbound = ( \"web\",\n"
	        "\t\t\t{ service = [ \"ssh\", \"x\" ]; to = [ \"n\" ]; },\n"
	        "\t\t\t{ service = [ \"ntp\" ]; } );\n"
	        "\t\tinbound = ( );\n"
	        "\t\tmode = \"enforce\";\n"
	        "\t\ttripwire = true;\n"
	        "\t\tthrottle = { destinations = 100; per = \"1m\"; };\n"
	        "\t\tquarantine = { on = [ \"beacon\", \"scan\" ]; for = \"2h\"; most = 8; };\n"
	        "\t};\n"
	        "};\n"
	        "hosts = (\n"
	        "\t{ name = \"h\"; role = \"b\"; address = [ \"192.0.2.1\" ]; mac = [ "
	        "\"52:54:00:00:00:01\" ]; mode = \"audit\"; },\n"
	        "\t{ name = \"g\"; role = \"a\"; self = true; }\n"
	        ");\n");
	struct policy *again = assert_loads(text);
	char *same = policy_text(again);
	ck_assert_str_eq(same, text);
	free(same);
	free(text);
	policy_free(again);
	policy_free(policy);
}
END_TEST

START_TEST(the_shipped_configurations_come_back_the_same)
{
	static const char *const files[] = {"egressd.conf", "examples/dmz.conf",
	                                    "examples/office.conf"};
	for (size_t i = 0; i < ELEMENTS_OF(files); i++) {
		char *path = NULL;
		ck_assert_int_gt(asprintf(&path, EGRESSD_SOURCE_ROOT "/conf/%s", files[i]), 0);
		struct problems problems = {};
		struct policy *policy = NULL;
		ck_assert_int_eq(policy_load(path, NULL, &problems, &policy), 0);
		char *text = policy_text(policy);
		struct policy *again = assert_loads(text);
		char *same = policy_text(again);
		ck_assert_str_eq(same, text);
		ck_assert_uint_eq(again->hosts.count, policy->hosts.count);
		ck_assert_uint_eq(again->services.count, policy->services.count);
		free(same);
		free(text);
		policy_free(again);
		policy_free(policy);
		problems_done(&problems);
		free(path);
	}
}
END_TEST

START_TEST(a_full_disk_is_an_error)
{
	struct policy *policy = assert_loads(GATEWAY NOBODY);
	FILE *full = fopen("/dev/full", "we");
	ck_assert_ptr_nonnull(full);
	setvbuf(full, NULL, _IONBF, 0);
	ck_assert_int_eq(policy_print(policy, full), -EIO);
	fclose(full);
	policy_free(policy);
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("print");
	tcase_add_test(tests, a_policy_is_printed_as_a_person_would_write_it);
	tcase_add_test(tests, the_shipped_configurations_come_back_the_same);
	tcase_add_test(tests, a_full_disk_is_an_error);
	return run_tests(tests);
}
