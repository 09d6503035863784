/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy-text.h"

#include <netinet/in.h>

/* What literals and services mean, and how services follow from each other. */

#define ROLES(list) GATEWAY "hosts = ( ); roles = {\n" list " };\n"

START_TEST(a_literal_says_what_would_be_right)
{
	static const struct {
		const char *literal, *problem;
	} cases[] = {
	        {"tcp",
	         "\"tcp\" lacks a port; write \"tcp/80\", or \"tcp/1-65535\" for every port"},
	        {"icmp", "\"icmp\" lacks a type; write \"icmp/echo-request\""},
	        {"80", "\"80\" lacks its protocol; write \"tcp/80\" or \"udp/80\""},
	        {"tcp/0", "\"tcp/0\": a port must be 1 to 65535"},
	        {"tcp/65536", "\"tcp/65536\": a port must be 1 to 65535"},
	        {"udp/1-4294967297", "\"udp/1-4294967297\": a port must be 1 to 65535"},
	        {"tcp/90-80", "\"tcp/90-80\" is backwards; did you mean \"tcp/80-90\"?"},
	        {"tcp/80:90", "\"tcp/80:90\": a range of ports is written \"tcp/80-90\""},
	        {"tcp/", "\"tcp/\" has no port; write one as \"tcp/80\", a range as "
	                 "\"tcp/1024-65535\""},
	        {"tcp/80-", "\"tcp/80-\" has no port; write one as \"tcp/80\", a range as "
	                    "\"tcp/1024-65535\""},
	        {"sctp/80,81", "\"sctp/80,81\" has no port; write one as \"sctp/80\", a range as "
	                       "\"sctp/1024-65535\""},
	        {"80/tcp", "\"80/tcp\" is the wrong way round; did you mean \"tcp/80\"?"},
	        {"TCP/80", "\"TCP/80\": protocols are written in lower case, as in \"tcp/80\""},
	        {"tpc/80", "\"tpc/80\": unknown protocol \"tpc\"; did you mean \"tcp/80\"?"},
	        {"foobar/80", "\"foobar/80\": unknown protocol \"foobar\"; it is tcp, udp, icmp, "
	                      "icmpv6, sctp, dccp, udplite, or ip with a number"},
	        {"gre/1", "\"gre/1\": gre has no ports; write \"gre\""},
	        {"icmp/echo-reqest",
	         "\"icmp/echo-reqest\": unknown type; did you mean \"icmp/echo-request\"?"},
	        {"icmp/256", "\"icmp/256\": unknown type; write its name, as in "
	                     "\"icmp/echo-request\", or its number, 0 to 255"},
	        {"ip/6", "\"ip/6\" is tcp, which has ports; write \"tcp/PORT\""},
	        {"ip/58", "\"ip/58\" is icmpv6, which has types; write \"icmpv6/TYPE\""},
	        {"ip/256", "\"ip/256\": a protocol has a number of 0 to 255, as in \"ip/99\""},
	        {"ip/x", "\"ip/x\": a protocol has a number of 0 to 255, as in \"ip/99\""},
	        {"htpp", "unknown service \"htpp\"; did you mean \"http\"?"},
	        {"", "unknown service \"\"; define it in services, or write a literal such as "
	             "\"tcp/8443\""},
	        {"no-such-thing-at-all", "unknown service \"no-such-thing-at-all\"; define it in "
	                                 "services, or write a literal such as \"tcp/8443\""},
	};
	for (size_t i = 0; i < ELEMENTS_OF(cases); i++) {
		char *text = NULL, *expected = NULL;
		ck_assert_int_gt(
		        asprintf(&text, ROLES("r = { outbound = [ \"%s\" ]; };"), cases[i].literal),
		        0);
		ck_assert_int_gt(asprintf(&expected, "a.conf:2: %s\n", cases[i].problem), 0);
		assert_refused(text, expected);
		free(text);
		free(expected);
	}
}
END_TEST

START_TEST(a_literal_is_read_as_it_is_meant)
{
	static const struct {
		const char *literal;
		struct service_item item;
	} cases[] = {
	        {"tcp/80", {IPPROTO_TCP, 80, 80, NULL}},
	        {"udp/1024-65535", {IPPROTO_UDP, 1024, 65535, NULL}},
	        {"sctp/1", {IPPROTO_SCTP, 1, 1, NULL}},
	        {"dccp/5", {IPPROTO_DCCP, 5, 5, NULL}},
	        {"udplite/6", {IPPROTO_UDPLITE, 6, 6, NULL}},
	        {"icmp/echo-request", {IPPROTO_ICMP, 8, 8, NULL}},
	        {"icmpv6/8", {IPPROTO_ICMPV6, 8, 8, NULL}},
	        {"icmpv6/echo-request", {IPPROTO_ICMPV6, 128, 128, NULL}},
	        {"gre", {IPPROTO_GRE, 0, 0, NULL}},
	        {"esp", {IPPROTO_ESP, 0, 0, NULL}},
	        {"ip/99", {99, 0, 0, NULL}},
	        {"ip/47", {IPPROTO_GRE, 0, 0, NULL}},
	};
	for (size_t i = 0; i < ELEMENTS_OF(cases); i++) {
		char *text = NULL;
		ck_assert_int_gt(
		        asprintf(&text, ROLES("r = { outbound = [ \"%s\" ]; };"), cases[i].literal),
		        0);
		struct policy *policy = assert_loads(text);
		const struct permission *permission = policy->roles.items[0].may_initiate.items[0];
		ck_assert_uint_eq(permission->resolved.count, 1);
		ck_assert_uint_eq(permission->resolved.items[0].protocol, cases[i].item.protocol);
		ck_assert_uint_eq(permission->resolved.items[0].from, cases[i].item.from);
		ck_assert_uint_eq(permission->resolved.items[0].to, cases[i].item.to);
		ck_assert_ptr_null(permission->resolved.items[0].helper);
		policy_free(policy);
		free(text);
	}
}
END_TEST

START_TEST(a_service_is_followed_to_its_literals_each_once)
{
	struct policy *policy = assert_loads(
	        ROLES("") "services = { c = [ \"b\", \"tcp/3\", \"tcp/1\" ]; a = \"tcp/1\";\n"
	                  "b = [ \"a\", \"tcp/2\", \"a\" ]; esp = [ \"esp\", \"udp/4500\" ];\n"
	                  "vpn = [ \"esp\" ]; };");
	const struct service_items *c = &policy_service(policy, "c")->resolved;
	ck_assert_uint_eq(c->count, 3);
	ck_assert_uint_eq(c->items[0].from, 1);
	ck_assert_uint_eq(c->items[1].from, 2);
	ck_assert_uint_eq(c->items[2].from, 3);
	const struct service_items *vpn = &policy_service(policy, "vpn")->resolved;
	ck_assert_uint_eq(vpn->count, 2);
	ck_assert_uint_eq(vpn->items[0].protocol, IPPROTO_ESP);
	policy_free(policy);
}
END_TEST

START_TEST(the_innermost_helper_stays_with_a_literal)
{
	struct policy *policy =
	        assert_loads(ROLES("") "services = {\n"
	                               "x = { ports = [ \"ftp\", \"tcp/99\" ]; helper "
	                               "= \"irc\"; }; };");
	const struct service_items *x = &policy_service(policy, "x")->resolved;
	ck_assert_uint_eq(x->count, 2);
	ck_assert_str_eq(x->items[0].helper, "ftp");
	ck_assert_str_eq(x->items[1].helper, "irc");
	policy_free(policy);
}
END_TEST

START_TEST(helpers_are_known_ones_and_for_tcp_and_udp)
{
	assert_refused(
	        ROLES("") "services = {\na = { ports = \"tcp/21\"; helper = \"ftpp\"; };\n"
	                  "b = { ports = \"tcp/21\"; helper = \"zebra\"; };\n"
	                  "c = { ports = [ \"tcp/21\", \"ping\" ]; helper = \"ftp\"; };\n"
	                  "d = [ ];\ne = { ports = \"udp/21\"; helper = \"ftp\"; };\n"
	                  "f = { ports = \"udp/69\"; helper = \"tftp\"; };\n"
	                  "g = { ports = \"udp/6667-6669\"; helper = \"irc\"; };\n"
	                  "h = { ports = \"gre\"; helper = \"sip\"; };\n"
	                  "i = { ports = \"tcp/1720\"; helper = \"H.245\"; }; };",
	        "a.conf:4: unknown helper \"ftpp\" of service \"a\"; did you mean \"ftp\"?\n"
	        "a.conf:5: unknown helper \"zebra\" of service \"b\"; there are \"ftp\", "
	        "\"tftp\", \"sip\", \"irc\", \"pptp\", \"amanda\", \"snmp\", \"netbios-ns\", "
	        "\"sane\", \"RAS\", \"Q.931\" and \"H.245\"\n"
	        "a.conf:6: service \"c\" cannot have the helper \"ftp\", which is for tcp "
	        "only; move \"icmp/8\" to a service without a helper\n"
	        "a.conf:7: service \"d\" stands for nothing; give it ports, as in "
	        "[ \"tcp/587\" ]\n"
	        "a.conf:8: service \"e\" cannot have the helper \"ftp\", which is for tcp "
	        "only; write \"tcp/21\" instead of \"udp/21\", or take the helper out\n"
	        "a.conf:10: service \"g\" cannot have the helper \"irc\", which is for tcp "
	        "only; write \"tcp/6667-6669\" instead of \"udp/6667-6669\", or take the "
	        "helper out\n"
	        "a.conf:11: service \"h\" cannot have the helper \"sip\", which is for tcp "
	        "and udp only; move \"gre\" to a service without a helper\n"
	        "a.conf:12: service \"i\" cannot have the helper \"H.245\" for "
	        "\"tcp/1720\": the kernel assigns it to what the helper \"Q.931\" agrees on; "
	        "write helper = \"Q.931\"\n");
}
END_TEST

START_TEST(a_helper_by_the_name_of_its_module_or_in_other_letters_is_told_its_own)
{
	assert_refused(
	        ROLES("") "services = {\na = { ports = \"tcp/21\"; helper = \"FTP\"; };\n"
	                  "b = { ports = \"udp/137\"; helper = "
	                  "\"nf_conntrack_netbios_ns\"; };\n"
	                  "c = { ports = \"tcp/1720\"; helper = \"h323\"; }; };",
	        "a.conf:4: unknown helper \"FTP\" of service \"a\"; did you mean \"ftp\"?\n"
	        "a.conf:5: unknown helper \"nf_conntrack_netbios_ns\" of service \"b\"; did "
	        "you mean \"netbios-ns\"?\n"
	        "a.conf:6: unknown helper \"h323\" of service \"c\"; did you mean \"RAS\" or "
	        "\"Q.931\" or \"H.245\"?\n");
}
END_TEST

START_TEST(a_port_with_a_helper_of_its_own_may_be_of_another_protocol)
{
	struct policy *policy = assert_loads(ROLES(
	        "") "services = { x = { ports = [ \"tftp\", \"tcp/6667\" ]; helper = \"irc\"; "
	            "}; };");
	const struct service_items *x = &policy_service(policy, "x")->resolved;
	ck_assert_str_eq(x->items[0].helper, "tftp");
	ck_assert_str_eq(x->items[1].helper, "irc");
	policy_free(policy);
}
END_TEST

START_TEST(loops_are_named_all_the_way_round)
{
	assert_refused(ROLES("a = { inherits = [ \"b\" ]; };\nb = { inherits = [ \"c\",\n\"d\" ]; "
	                     "};\nc = { inherits = [ \"a\" ]; };\nd = { inherits = \"d\"; };"),
	               "a.conf:5: loop in inherits: a -> b -> c -> a\n"
	               "a.conf:6: loop in inherits: d -> d\n");
	assert_refused(ROLES("") "services = {\na = [ \"tcp/1\", \"b\" ];\nb = [ \"a\" ];\n"
	                         "c = [ \"c\" ]; };",
	               "a.conf:5: loop in services: a -> b -> a\n"
	               "a.conf:6: loop in services: c -> c\n");
}
END_TEST

START_TEST(a_long_chain_is_no_loop_and_a_long_loop_is_told_in_short)
{
	char *text = NULL;
	size_t size = 0;
	FILE *stream = open_memstream(&text, &size);
	ck_assert_ptr_nonnull(stream);
	fputs(ROLES("") "services = {\n", stream);
	for (unsigned i = 0; i < 5000; i++)
		fprintf(stream, "s%u = [ \"s%u\" ];\n", i, i + 1);
	fputs("s5000 = [ \"tcp/1\" ]; };", stream);
	fclose(stream);
	struct policy *policy = assert_loads(text);
	ck_assert_uint_eq(policy_service(policy, "s0")->resolved.count, 1);
	policy_free(policy);
	free(text);

	assert_refused(
	        ROLES("") "services = {\nt0=\"t1\"; t1=\"t2\"; t2=\"t3\"; t3=\"t4\"; "
	                  "t4=\"t5\"; t5=\"t6\"; t6=\"t7\"; t7=\"t8\"; t8=\"t9\"; t9=\"t10\"; "
	                  "t10=\"t11\"; t11=\"t12\"; t12=\"t13\"; t13=\"t14\"; t14=\"t15\"; "
	                  "t15=\"t16\"; t16=\"t17\"; t17=\"t18\"; t18=\"t0\"; };",
	        "a.conf:4: loop in services: t0 -> t1 -> t2 -> t3 -> t4 -> t5 -> t6 -> t7 -> "
	        "t8 -> t9 -> t10 -> t11 -> t12 -> t13 -> t14 -> t15 -> ... -> t18 -> t0\n");
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("services");
	tcase_set_timeout(tests, 120);
	tcase_add_test(tests, a_literal_says_what_would_be_right);
	tcase_add_test(tests, a_literal_is_read_as_it_is_meant);
	tcase_add_test(tests, a_service_is_followed_to_its_literals_each_once);
	tcase_add_test(tests, the_innermost_helper_stays_with_a_literal);
	tcase_add_test(tests, helpers_are_known_ones_and_for_tcp_and_udp);
	tcase_add_test(tests,
	               a_helper_by_the_name_of_its_module_or_in_other_letters_is_told_its_own);
	tcase_add_test(tests, a_port_with_a_helper_of_its_own_may_be_of_another_protocol);
	tcase_add_test(tests, loops_are_named_all_the_way_round);
	tcase_add_test(tests, a_long_chain_is_no_loop_and_a_long_loop_is_told_in_short);
	return run_tests(tests);
}
