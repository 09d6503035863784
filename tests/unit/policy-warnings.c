/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy-text.h"
#include "policy/warnings.h"

#include <sys/stat.h>
#include <unistd.h>

static void assert_warnings_of(struct policy *policy, const char *expected)
{
	struct problems warnings = {};
	policy_warnings(policy, &warnings);
	char *found = problems_text(&warnings);
	ck_assert_str_eq(found, expected);
	free(found);
	problems_done(&warnings);
	policy_free(policy);
}

/* The policy is in force all the same. */
static void assert_warnings(const char *text, const char *expected)
{
	assert_warnings_of(assert_loads(text), expected);
}

START_TEST(an_address_that_nobody_sends_from_is_a_warning)
{
	assert_warnings(GATEWAY ROLE
	                "\nhosts = (\n"
	                "{ name = \"a\"; role = \"r\"; address = [ \"192.0.2.1\",\n"
	                "  \"224.0.0.5\" ]; },\n"
	                "{ name = \"b\"; role = \"r\"; address = \"255.255.255.255\"; },\n"
	                "{ name = \"c\"; role = \"r\"; address = \"127.0.0.0/8\"; },\n"
	                "{ name = \"d\"; role = \"r\"; address = \"::\"; },\n"
	                "{ name = \"e\"; role = \"r\"; address = \"ff02::1-ff02::2\"; } );",
	                "a.conf:4: 224.0.0.5 of host \"a\" is a multicast address, from which "
	                "nobody sends; write the address of its interface\n"
	                "a.conf:5: 255.255.255.255 of host \"b\" is the broadcast address, from "
	                "which nobody sends; write the address of its interface\n"
	                "a.conf:6: 127.0.0.0/8 of host \"c\" is a loopback address, which never "
	                "leaves its machine; write the address of its interface\n"
	                "a.conf:7: :: of host \"d\" is no address of a host; write the address of "
	                "its interface\n"
	                "a.conf:8: ff02::1-ff02::2 of host \"e\" is a multicast address, from "
	                "which nobody sends; write the address of its interface\n");
}
END_TEST

START_TEST(whoever_is_anybody_and_the_gateway_itself_are_no_warning)
{
	assert_warnings(GATEWAY ROLE
	                "blocklist = [ \"10.0.0.0/8\", \"203.0.113.9\", \"192.0.2.254\" ];"
	                "hosts = ( { name = \"all\"; role = \"r\"; address = [ \"0.0.0.0/0\", "
	                "\"::/0\" ]; }, { name = \"gateway\"; role = \"r\"; self = true; address = "
	                "[ \"127.0.0.1\", \"192.0.2.254\" ]; } );",
	                "");
}
END_TEST

START_TEST(a_blocklist_that_holds_own_hosts_is_a_warning_with_the_host)
{
	assert_warnings(
	        GATEWAY ROLE
	        "networks = { bad = [ \"2001:db8::/32\", \"198.51.100.0/24\",\n"
	        "  \"192.168.0.0/16\" ]; };\n"
	        "blocklist = [ \"bad\", \"203.0.113.0/24\",\n"
	        "  \"192.0.2.7\" ];\n"
	        "hosts = (\n"
	        "{ name = \"office\"; role = \"r\"; address = [ \"192.168.7.0/24\" ]; },\n"
	        "{ name = \"www\"; role = \"r\"; address = [ \"192.0.2.0/24\",\n"
	        "  \"2001:db8::80\" ]; } );",
	        "a.conf:3: the blocklist holds 192.168.0.0/16 (network \"bad\"), and with "
	        "it addresses of host \"office\" (a.conf:6) and of others: nobody inside "
	        "may initiate to them; take them out, and write whom a host may be reached "
	        "by as inbound of its role\n"
	        "a.conf:4: the blocklist holds 192.0.2.7, and with it addresses of host "
	        "\"www\" (a.conf:7): nobody inside may initiate to them; take them out, and "
	        "write whom a host may be reached by as inbound of its role\n");
}
END_TEST

static void write_file(const char *path, const char *text)
{
	FILE *file = fopen(path, "we");
	ck_assert_ptr_nonnull(file);
	ck_assert_int_ge(fputs(text, file), 0);
	ck_assert_int_eq(fclose(file), 0);
}

static struct policy *load(const char *path)
{
	struct problems problems = {};
	struct policy *policy = NULL;
	ck_assert_int_eq(policy_load(path, NULL, &problems, &policy), 0);
	problems_done(&problems);
	return policy;
}

START_TEST(a_list_without_an_entry_is_a_warning)
{
	char folder[] = "/tmp/egressd-warnings-XXXXXX";
	ck_assert_ptr_nonnull(mkdtemp(folder));
	ck_assert_int_eq(chdir(folder), 0);
	umask(022);
	write_file("a.conf", GATEWAY NOBODY "networks = {\n"
	                                    "  bad = { file = [ \"full.txt\", \"empty.txt\" ]; };\n"
	                                    "  worse = { file = \"empty.txt\"; }; };");
	write_file("full.txt", "192.0.2.7 # somebody\n");
	write_file("empty.txt", "# <html>nothing here\n\n");
	assert_warnings_of(
	        load("a.conf"),
	        "a.conf:3: the list \"empty.txt\" has no entry, so network \"bad\" is "
	        "only what else it has; write an address, prefix or range a line, or take "
	        "the list out\n"
	        "a.conf:4: the list \"empty.txt\" has no entry, so network \"worse\" is "
	        "nobody; write an address, prefix or range a line, or take the list out\n");
	ck_assert_int_eq(unlink("a.conf") | unlink("full.txt") | unlink("empty.txt"), 0);
	ck_assert_int_eq(chdir("/"), 0);
	ck_assert_int_eq(rmdir(folder), 0);
}
END_TEST

START_TEST(a_helper_that_finds_nothing_to_follow_is_a_warning)
{
	assert_warnings(
	        GATEWAY ROLE "\nservices = { a = { ports = \"udp/5000\"; helper = \"H.245\"; "
	                     "}; };\nhosts = ( { name = \"a\"; role = \"r\"; address = "
	                     "\"192.0.2.1\"; } );",
	        "a.conf:2: the helper \"H.245\" of service \"a\" finds nothing to follow in "
	        "udp: the kernel assigns it to the tcp connections that \"Q.931\" agrees on; "
	        "write helper = \"Q.931\" and a tcp port, such as \"tcp/1720\"\n");
}
END_TEST

START_TEST(shipped_configurations_are_without_warnings)
{
	assert_warnings_of(load(EGRESSD_SOURCE_ROOT "/conf/egressd.conf"), "");
	assert_warnings_of(load(EGRESSD_SOURCE_ROOT "/conf/examples/dmz.conf"), "");
	assert_warnings_of(load(EGRESSD_SOURCE_ROOT "/conf/examples/office.conf"), "");
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("policy-warnings");
	tcase_add_test(tests, an_address_that_nobody_sends_from_is_a_warning);
	tcase_add_test(tests, whoever_is_anybody_and_the_gateway_itself_are_no_warning);
	tcase_add_test(tests, a_blocklist_that_holds_own_hosts_is_a_warning_with_the_host);
	tcase_add_test(tests, a_list_without_an_entry_is_a_warning);
	tcase_add_test(tests, a_helper_that_finds_nothing_to_follow_is_a_warning);
	tcase_add_test(tests, shipped_configurations_are_without_warnings);
	return run_tests(tests);
}
