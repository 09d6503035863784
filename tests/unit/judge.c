/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../runner.h"
#include "policy-text.h"

#include "policy/judge.h"

#include <check.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

static const char office[] =
        "gateway = { inside = [ \"lan0\", \"dmz*\" ]; };\n"                              /* 1 */
        "networks = { loghost = [ \"192.0.2.53\" ]; bad = [ \"203.0.113.64/26\" ]; };\n" /* 2 */
        "blocklist = [ \"bad\" ];\n"                                                     /* 3 */
        "roles = {\n"                                                                    /* 4 */
        "  server = { outbound = ( { service = \"syslog\"; to = \"loghost\"; } );\n"     /* 5 */
        "             inbound = ( { service = \"ssh\"; from = \"role:admin\"; } ); };\n" /* 6 */
        "  web = { inherits = [ \"server\" ]; inbound = [ \"http\" ]; };\n"              /* 7 */
        "  desk = { inbound = [ ]; outbound = [ \"http\", \"ftp\", \"ping\" ]; };\n"     /* 8 */
        "  admin = { outbound = [ \"ssh\", \"http\" ]; mode = \"audit\"; };\n"           /* 9 */
        "};\n"                                                                           /* 10 */
        "hosts = (\n"                                                                    /* 11 */
        "  { name = \"www\"; role = \"web\"; address = \"192.0.2.80\"; },\n"             /* 12 */
        "  { name = \"lan\"; role = \"desk\"; address = \"192.168.0.0/24\"; },\n"        /* 13 */
        "  { name = \"root\"; role = \"admin\"; address = \"192.168.0.9\";\n"            /* 14 */
        "    mac = \"52:54:00:00:00:09\"; },\n"                                          /* 15 */
        "  { name = \"roaming\"; role = \"desk\"; mac = \"52:54:00:00:00:77\"; }\n"      /* 16 */
        ");\n";

/* One connection, written down for reading. */
struct question {
	enum origin origin;
	const char *source, *destination;
	uint8_t protocol;
	uint16_t port;
	const char *mac;
	bool spoofed;
};

static struct judgement ask_of(const struct policy *policy, struct question q)
{
	struct connection c = {
	        .origin = q.origin,
	        .protocol = q.protocol,
	        .has_port = q.protocol != IPPROTO_GRE,
	        .port = q.port,
	        .has_mac = q.mac != NULL,
	        .spoofed = q.spoofed,
	};
	struct judgement judgement;
	ck_assert_int_eq(address_parse(q.source, &c.source), 0);
	ck_assert_int_eq(address_parse(q.destination, &c.destination), 0);
	if (q.mac)
		ck_assert_int_eq(mac_parse(q.mac, &c.mac), 0);
	judge(policy, &c, &judgement);
	/* Whoever knows but the reason and the ends comes to the same mode. */
	for (size_t i = 0; i < judgement.offence_count; i++) {
		const struct offence *offence = &judgement.offences[i];
		ck_assert_int_eq(judged_mode(policy, offence->reason,
		                             offence->role ? offence->role->name : NULL,
		                             offence->reason == REASON_INBOUND
		                                     ? judgement.destination
		                                     : judgement.source),
		                 offence->mode);
	}
	return judgement;
}

static struct policy *policy;

static void load_office(void)
{
	struct problems problems = {};
	int r = policy_load_text("office.conf", office, strlen(office), &problems, &policy);
	problems_print(&problems, stdout);
	ck_assert_int_eq(r, 0);
	problems_done(&problems);
}

static void drop_office(void)
{
	policy = policy_free(policy);
}

static void assert_permitted(struct question q, unsigned line)
{
	struct judgement j = ask_of(policy, q);
	ck_assert_msg(j.permitted && j.passes, "%s to %s port %u is blocked", q.source,
	              q.destination, q.port);
	ck_assert_uint_eq(j.at.line, line);
}

static void assert_blocked(struct question q, enum reason reason, const char *role, unsigned line)
{
	struct judgement j = ask_of(policy, q);
	ck_assert_msg(!j.permitted, "%s to %s port %u is permitted", q.source, q.destination,
	              q.port);
	ck_assert_str_eq(reason_name(j.offences[0].reason), reason_name(reason));
	if (role)
		ck_assert_str_eq(j.offences[0].role->name, role);
	else
		ck_assert_ptr_null(j.offences[0].role);
	ck_assert_uint_eq(j.offences[0].at.line, line);
}

#define DESK    "192.168.0.20"
#define ADMIN   "192.168.0.9"
#define MAC     "52:54:00:00:00:09"
#define WWW     "192.0.2.80"
#define OUTSIDE "203.0.113.9"

START_TEST(a_role_permits_its_services_and_nothing_else)
{
	assert_permitted((struct question){ORIGIN_INSIDE, DESK, OUTSIDE, IPPROTO_TCP, 80}, 8);
	assert_blocked((struct question){ORIGIN_INSIDE, DESK, OUTSIDE, IPPROTO_TCP, 25},
	               REASON_ROLE, "desk", 8);
	assert_blocked((struct question){ORIGIN_INSIDE, DESK, OUTSIDE, IPPROTO_UDP, 80},
	               REASON_ROLE, "desk", 8);
	assert_blocked((struct question){ORIGIN_INSIDE, DESK, OUTSIDE, IPPROTO_GRE, 0}, REASON_ROLE,
	               "desk", 8);
}
END_TEST

START_TEST(what_a_throttle_counts_is_not_for_the_policy_to_judge)
{
	struct throttle one = {.destinations = 1, .per = USEC_PER_SEC, .role = "desk"};
	policy->roles.items[2].throttled = &one;
	ck_assert_str_eq(policy->roles.items[2].name, "desk");
	for (unsigned i = 1; i < 10; i++) {
		char to[ADDRESS_TEXT_MAX];
		snprintf(to, sizeof(to), "203.0.113.%u", i);
		assert_permitted((struct question){ORIGIN_INSIDE, DESK, to, IPPROTO_TCP, 80}, 8);
	}
}
END_TEST

START_TEST(a_group_permits_its_service_only_to_its_destination)
{
	assert_permitted((struct question){ORIGIN_INSIDE, WWW, "192.0.2.53", IPPROTO_UDP, 514}, 5);
	assert_blocked((struct question){ORIGIN_INSIDE, WWW, OUTSIDE, IPPROTO_UDP, 514},
	               REASON_ROLE, "web", 7);
}
END_TEST

START_TEST(an_inherited_inbound_permits_beside_the_own_one)
{
	assert_permitted((struct question){ORIGIN_OUTSIDE, OUTSIDE, WWW, IPPROTO_TCP, 80}, 7);
	assert_permitted((struct question){ORIGIN_INSIDE, ADMIN, WWW, IPPROTO_TCP, 22, MAC}, 6);
	assert_blocked((struct question){ORIGIN_OUTSIDE, OUTSIDE, WWW, IPPROTO_TCP, 22},
	               REASON_INBOUND, "web", 7);
}
END_TEST

START_TEST(an_empty_inbound_is_judged_and_permits_nothing)
{
	assert_blocked((struct question){ORIGIN_OUTSIDE, OUTSIDE, DESK, IPPROTO_TCP, 80},
	               REASON_INBOUND, "desk", 8);
}
END_TEST

START_TEST(a_role_without_inbound_may_be_reached_by_anybody)
{
	assert_permitted((struct question){ORIGIN_OUTSIDE, OUTSIDE, ADMIN, IPPROTO_TCP, 9}, 0);
}
END_TEST

START_TEST(the_most_specific_host_wins)
{
	ck_assert_str_eq(
	        policy_host_at(policy, &(struct address){FAMILY_IPV4, {192, 168, 0, 9}})->name,
	        "root");
	ck_assert_str_eq(
	        policy_host_at(policy, &(struct address){FAMILY_IPV4, {192, 168, 0, 10}})->name,
	        "lan");
	ck_assert_ptr_null(
	        policy_host_at(policy, &(struct address){FAMILY_IPV4, {192, 168, 1, 0}}));
}
END_TEST

START_TEST(the_first_reason_that_applies_is_the_one_counted)
{
	struct question q = {ORIGIN_INSIDE, ADMIN, "203.0.113.65", IPPROTO_TCP, 25, NULL, true};
	assert_blocked(q, REASON_SPOOFED, NULL, 1);
	q.spoofed = false;
	assert_blocked(q, REASON_IMPOSTOR, "admin", 14);
	q.mac = MAC;
	assert_blocked(q, REASON_BLOCKLIST, "admin", 3);
	q.destination = OUTSIDE;
	assert_blocked(q, REASON_ROLE, "admin", 9);
	q.source = "10.0.0.1";
	assert_blocked(q, REASON_UNASSIGNED, NULL, 1);
}
END_TEST

START_TEST(a_host_with_only_a_mac_is_tried_when_the_address_is_nobodys)
{
	struct question q = {ORIGIN_INSIDE, "10.0.0.1", OUTSIDE,
	                     IPPROTO_TCP,   80,         "52:54:00:00:00:77"};
	assert_permitted(q, 8);
	/* The address of another host goes before the MAC: that host says what it may. */
	q.source = WWW;
	assert_blocked(q, REASON_ROLE, "web", 7);
}
END_TEST

START_TEST(what_audit_lets_pass_still_meets_the_destinations_inbound)
{
	struct question q = {ORIGIN_INSIDE, ADMIN, WWW, IPPROTO_TCP, 25, MAC};
	struct judgement j = ask_of(policy, q);
	ck_assert(!j.permitted && !j.passes);
	ck_assert_uint_eq(j.offence_count, 2);
	ck_assert_uint_eq(j.offences[0].reason, REASON_ROLE);
	ck_assert_uint_eq(j.offences[1].reason, REASON_INBOUND);

	q.destination = OUTSIDE;
	j = ask_of(policy, q);
	ck_assert(!j.permitted && j.passes);
	ck_assert_uint_eq(j.offence_count, 1);
}
END_TEST

START_TEST(icmp_belongs_to_ipv4_and_icmpv6_to_ipv6)
{
	assert_permitted((struct question){ORIGIN_INSIDE, DESK, OUTSIDE, IPPROTO_ICMP, 8}, 8);
	assert_blocked((struct question){ORIGIN_INSIDE, DESK, OUTSIDE, IPPROTO_ICMPV6, 128},
	               REASON_ROLE, "desk", 8);
	assert_blocked((struct question){ORIGIN_INSIDE, DESK, OUTSIDE, IPPROTO_ICMP, 13},
	               REASON_ROLE, "desk", 8);
}
END_TEST

START_TEST(a_helper_goes_with_the_service_that_assigns_it)
{
	struct judgement j =
	        ask_of(policy, (struct question){ORIGIN_INSIDE, DESK, OUTSIDE, IPPROTO_TCP, 21});
	ck_assert(j.permitted);
	ck_assert_str_eq(j.helper, "ftp");
	j = ask_of(policy, (struct question){ORIGIN_INSIDE, DESK, OUTSIDE, IPPROTO_TCP, 80});
	ck_assert_ptr_null(j.helper);
}
END_TEST

START_TEST(a_helper_goes_only_with_the_families_that_the_kernel_has_it_for)
{
	static const char text[] =
	        "gateway = { inside = \"lan0\"; };\n"
	        "services = { own = { ports = \"tcp/6667\"; helper = \"ftp\"; }; };\n"
	        "roles = { r = { outbound = [ \"irc\" ]; }; s = { outbound = [ \"irc\", \"own\" ]; "
	        "}; };\n"
	        "hosts = ( { name = \"a\"; role = \"r\"; address = [ \"192.0.2.1\", "
	        "\"2001:db8::1\" ]; },\n"
	        "          { name = \"b\"; role = \"s\"; address = \"2001:db8::2\"; } );";
	struct question over4 = {ORIGIN_INSIDE, "192.0.2.1", "203.0.113.9", IPPROTO_TCP, 6667};
	struct question over6 = {ORIGIN_INSIDE, "2001:db8::1", "2001:db8:9::9", IPPROTO_TCP, 6667};
	struct question both = {ORIGIN_INSIDE, "2001:db8::2", "2001:db8:9::9", IPPROTO_TCP, 6667};
	struct problems problems = {};
	struct policy *irc;
	ck_assert_int_eq(policy_load_text("a.conf", text, strlen(text), &problems, &irc), 0);

	ck_assert_str_eq(ask_of(irc, over4).helper, "irc");
	ck_assert(ask_of(irc, over6).permitted);
	ck_assert_ptr_null(ask_of(irc, over6).helper);
	ck_assert_str_eq(ask_of(irc, both).helper, "ftp");

	/* The same of a kernel without the module. */
	helper_set_add(&irc->lacking_helpers, helper_kind("irc"), IPPROTO_TCP, FAMILIES_BOTH);
	ck_assert(ask_of(irc, over4).permitted);
	ck_assert_ptr_null(ask_of(irc, over4).helper);
	policy_free(irc);
	problems_done(&problems);
}
END_TEST

START_TEST(a_port_that_cannot_be_seen_is_not_permitted)
{
	struct connection c = {.origin = ORIGIN_INSIDE, .protocol = IPPROTO_TCP};
	struct judgement j;
	address_parse(DESK, &c.source);
	address_parse(OUTSIDE, &c.destination);
	judge(policy, &c, &j);
	ck_assert(!j.permitted);
}
END_TEST

START_TEST(the_mode_of_what_was_counted_is_that_of_the_role_when_its_host_is_of_another_by_now)
{
	const struct host *root = policy_host(policy, "root"), *www = policy_host(policy, "www");
	ck_assert_int_eq(judged_mode(policy, REASON_ROLE, "admin", root), MODE_AUDIT);
	ck_assert_int_eq(judged_mode(policy, REASON_ROLE, "admin", www), MODE_AUDIT);
	ck_assert_int_eq(judged_mode(policy, REASON_ROLE, "admin", NULL), MODE_AUDIT);
	ck_assert_int_eq(judged_mode(policy, REASON_ROLE, "desk", root), MODE_ENFORCE);
	ck_assert_int_eq(judged_mode(policy, REASON_ROLE, "gone", root), MODE_ENFORCE);
	ck_assert_int_eq(judged_mode(policy, REASON_QUARANTINE, "admin", root), MODE_ENFORCE);
	ck_assert_int_eq(judged_mode(policy, REASON_SPOOFED, NULL, root), MODE_ENFORCE);
	ck_assert_int_eq(judged_mode(policy, REASON_THROTTLE, "admin", root), MODE_AUDIT);
}
END_TEST

START_TEST(from_outside_only_a_forged_source_and_inbound_are_judged)
{
	assert_permitted(
	        (struct question){ORIGIN_OUTSIDE, OUTSIDE, "203.0.113.65", IPPROTO_TCP, 25}, 0);
	assert_blocked((struct question){ORIGIN_OUTSIDE, DESK, WWW, IPPROTO_TCP, 80, NULL, true},
	               REASON_SPOOFED, NULL, 1);
}
END_TEST

START_TEST(a_port_goes_by_the_service_that_names_it_most_closely)
{
	static const char text[] = GATEWAY
	        "services = { business = [ \"http\", \"ftp\" ]; upper = [ \"tcp/1024-65535\" ];"
	        "             own = [ \"tcp/8443\" ]; weblike = [ \"tcp/80\" ]; }; " NOBODY;
	struct problems problems = {};
	struct policy *named = NULL;
	ck_assert_int_eq(policy_load_text("a.conf", text, strlen(text), &problems, &named), 0);
	ck_assert_str_eq(policy_service_for(named, IPPROTO_TCP, 21)->name, "ftp");
	ck_assert_str_eq(policy_service_for(named, IPPROTO_TCP, 80)->name, "weblike");
	ck_assert_str_eq(policy_service_for(named, IPPROTO_TCP, 8443)->name, "own");
	ck_assert_str_eq(policy_service_for(named, IPPROTO_TCP, 40000)->name, "upper");
	ck_assert_ptr_null(policy_service_for(named, IPPROTO_UDP, 40000));
	policy_free(named);
	problems_done(&problems);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("judge");
	TCase *tests = tcase_create("judge");
	tcase_add_checked_fixture(tests, load_office, drop_office);
	tcase_add_test(tests, a_role_permits_its_services_and_nothing_else);
	tcase_add_test(tests, what_a_throttle_counts_is_not_for_the_policy_to_judge);
	tcase_add_test(tests, a_group_permits_its_service_only_to_its_destination);
	tcase_add_test(tests, an_inherited_inbound_permits_beside_the_own_one);
	tcase_add_test(tests, an_empty_inbound_is_judged_and_permits_nothing);
	tcase_add_test(tests, a_role_without_inbound_may_be_reached_by_anybody);
	tcase_add_test(tests, the_most_specific_host_wins);
	tcase_add_test(tests, the_first_reason_that_applies_is_the_one_counted);
	tcase_add_test(tests, a_host_with_only_a_mac_is_tried_when_the_address_is_nobodys);
	tcase_add_test(tests, what_audit_lets_pass_still_meets_the_destinations_inbound);
	tcase_add_test(tests, icmp_belongs_to_ipv4_and_icmpv6_to_ipv6);
	tcase_add_test(tests, a_helper_goes_with_the_service_that_assigns_it);
	tcase_add_test(tests, a_helper_goes_only_with_the_families_that_the_kernel_has_it_for);
	tcase_add_test(tests, a_port_that_cannot_be_seen_is_not_permitted);
	tcase_add_test(
	        tests,
	        the_mode_of_what_was_counted_is_that_of_the_role_when_its_host_is_of_another_by_now);
	tcase_add_test(tests, from_outside_only_a_forged_source_and_inbound_are_judged);
	tcase_add_test(tests, a_port_goes_by_the_service_that_names_it_most_closely);
	suite_add_tcase(suite, tests);
	return run_suite(suite);
}
