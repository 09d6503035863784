/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy-text.h"
#include "requests.h"

#include "policy/judge.h"

#include <netinet/in.h>

/* What was asked for at run time, judged. The gateway's host and "desk" have the same permissions
 * as in tests/golden/runtime.conf, of which the table is tested. */
static const char office[] =
        "gateway = { inside = [ \"lan0\" ]; };\n"                                        /* 1 */
        "networks = { bad = [ \"203.0.113.64/26\" ]; };\n"                               /* 2 */
        "blocklist = [ \"bad\" ];\n"                                                     /* 3 */
        "roles = {\n"                                                                    /* 4 */
        "  desk = { inbound = [ ]; outbound = ( \"http\",\n"                             /* 5 */
        "    { service = \"ssh\"; to = [ \"role:admin\", \"host:printers\" ]; } ); };\n" /* 6 */
        "  admin = { outbound = [ \"ssh\" ]; };\n"                                       /* 7 */
        "  print = { inbound = ( { service = \"tcp/9100\"; from = \"role:desk\"; } ); };\n"
        "  router = { outbound = [ \"ntp\" ]; };\n"                                     /* 9 */
        "};\n"                                                                          /* 10 */
        "hosts = (\n"                                                                   /* 11 */
        "  { name = \"office\"; role = \"desk\"; address = \"192.168.0.0/24\"; },\n"    /* 12 */
        "  { name = \"bound\"; role = \"desk\"; address = \"192.168.5.0/24\";\n"        /* 13 */
        "    mac = \"52:54:00:00:00:05\"; },\n"                                         /* 14 */
        "  { name = \"root\"; role = \"admin\"; address = \"192.168.0.9\"; },\n"        /* 15 */
        "  { name = \"printers\"; role = \"print\"; address = \"192.168.2.0/28\"; },\n" /* 16 */
        "  { name = \"roaming\"; role = \"desk\"; mac = \"52:54:00:00:00:77\"; },\n"    /* 17 */
        "  { name = \"gateway\"; role = \"router\"; self = true; }\n"                   /* 18 */
        ");\n";

#define DESK     "192.168.0.20"
#define GUEST    "192.168.0.50" /* in the office's range */
#define STRANGER "192.168.99.1" /* nobody's */
#define OUTSIDE  "203.0.113.9"
#define BAD      "203.0.113.66"
#define ROAMING  "52:54:00:00:00:77"
#define TCP      IPPROTO_TCP

static struct policy *policy;
static struct requests requests;

static void setup(void)
{
	policy = assert_loads(office);
	requests = (struct requests){.next_id = 1};
}

static void teardown(void)
{
	policy = policy_free(policy);
	requests_done(&requests);
}

static void assign(const char *address, const char *role)
{
	ask(&requests, assignment_of(address, role, 0));
	bind_all(policy, &requests, ASKED_AT);
}

static void permit(const char *host, const char *service, const char *to)
{
	ask(&requests, permit_of(host, service, to, HOUR));
	bind_all(policy, &requests, ASKED_AT);
}

struct question {
	enum origin origin;
	const char *source, *destination;
	uint16_t port; /* of tcp */
	const char *mac;
	bool spoofed;
};

static struct judgement judge_it(struct question q)
{
	struct connection connection = {
	        .origin = q.origin,
	        .source = address_of(q.source),
	        .destination = address_of(q.destination),
	        .protocol = IPPROTO_TCP,
	        .has_port = true,
	        .port = q.port,
	        .has_mac = q.mac != NULL,
	        .spoofed = q.spoofed,
	};
	struct judgement judgement;
	if (q.mac)
		ck_assert_int_eq(mac_parse(q.mac, &connection.mac), 0);
	judge(policy, &connection, &judgement);
	return judgement;
}

/* at: the file that decided, which for a request is who asked. */
static void assert_permitted(struct question q, const char *at)
{
	struct judgement j = judge_it(q);
	ck_assert_msg(j.permitted, "%s to %s port %u is blocked: %s", q.source, q.destination,
	              q.port, reason_name(j.offences[0].reason));
	ck_assert_str_eq(j.at.file, at);
}

static void assert_blocked(struct question q, enum reason reason)
{
	struct judgement j = judge_it(q);
	ck_assert_msg(!j.permitted, "%s to %s port %u is permitted", q.source, q.destination,
	              q.port);
	ck_assert_str_eq(reason_name(j.offences[0].reason), reason_name(reason));
}

#define INSIDE(...) ((struct question){ORIGIN_INSIDE, __VA_ARGS__})

START_TEST(an_address_assigned_within_a_range_may_what_its_role_may)
{
	assert_blocked(INSIDE(GUEST, OUTSIDE, 22), REASON_ROLE);
	assign(GUEST, "admin");
	assert_permitted(INSIDE(GUEST, OUTSIDE, 22), "a.conf");
	assert_blocked(INSIDE(GUEST, OUTSIDE, 80), REASON_ROLE);
	assert_permitted(INSIDE(DESK, OUTSIDE, 80), "a.conf");
}
END_TEST

START_TEST(an_assigned_address_that_was_nobodys_is_no_longer_unassigned)
{
	assert_blocked(INSIDE(STRANGER, OUTSIDE, 80), REASON_UNASSIGNED);
	assign(STRANGER, "desk");
	assert_permitted(INSIDE(STRANGER, OUTSIDE, 80), "a.conf");
	assert_blocked(INSIDE(STRANGER, OUTSIDE, 25), REASON_ROLE);
	ck_assert_str_eq(judge_it(INSIDE(STRANGER, OUTSIDE, 25)).source->name, STRANGER);
}
END_TEST

START_TEST(the_macs_of_the_range_around_it_do_not_bind_an_assigned_address)
{
	assert_blocked(INSIDE("192.168.5.5", OUTSIDE, 80, ROAMING), REASON_IMPOSTOR);
	assign("192.168.5.5", "desk");
	assert_permitted(INSIDE("192.168.5.5", OUTSIDE, 80, ROAMING), "a.conf");
	assert_blocked(INSIDE("192.168.5.6", OUTSIDE, 80, ROAMING), REASON_IMPOSTOR);
}
END_TEST

START_TEST(role_and_host_peers_follow_an_assignment)
{
	assert_blocked(INSIDE(DESK, "192.168.2.3", 22), REASON_INBOUND); /* to host:printers */
	assert_blocked(INSIDE(DESK, "192.168.2.3", 9100), REASON_ROLE);
	assign("192.168.2.3", "admin"); /* now to role:admin */
	assert_permitted(INSIDE(DESK, "192.168.2.3", 22), "a.conf");
	assign("192.168.2.3", "router"); /* now to neither */
	assert_blocked(INSIDE(DESK, "192.168.2.3", 22), REASON_ROLE);
	assign(STRANGER, "admin");
	assert_permitted(INSIDE(DESK, STRANGER, 22), "a.conf");
}
END_TEST

START_TEST(inbound_of_the_assigned_role_is_judged)
{
	struct question outside = {ORIGIN_OUTSIDE, OUTSIDE, GUEST, 22};
	assert_blocked(outside, REASON_INBOUND);
	assign(GUEST, "admin"); /* which has no inbound */
	ck_assert(judge_it(outside).permitted);
	assign(GUEST, "print");
	outside.port = 9100;
	assert_blocked(outside, REASON_INBOUND);
	assign(STRANGER, "desk"); /* from role:desk */
	permit(STRANGER, "tcp/9100", NULL);
	assert_permitted(INSIDE(STRANGER, GUEST, 9100), "a.conf");
}
END_TEST

START_TEST(a_permit_of_a_host_is_for_all_its_addresses_and_no_others)
{
	permit("office", "tcp/8710", OUTSIDE);
	assert_permitted(INSIDE(DESK, OUTSIDE, 8710), "permitted by alice");
	assert_blocked(INSIDE(DESK, "203.0.113.10", 8710), REASON_ROLE);
	assert_blocked(INSIDE(DESK, OUTSIDE, 8711), REASON_ROLE);
	assert_blocked(INSIDE("192.168.0.9", OUTSIDE, 8710), REASON_ROLE);
	assert_blocked(INSIDE("192.168.5.5", OUTSIDE, 8710, "52:54:00:00:00:05"), REASON_ROLE);
	assign(GUEST, "desk");
	assert_blocked(INSIDE(GUEST, OUTSIDE, 8710), REASON_ROLE);
}
END_TEST

START_TEST(a_permit_of_an_address_is_for_that_one_whoever_it_belongs_to)
{
	permit(GUEST, "tcp/8710", NULL);
	permit(STRANGER, "tcp/8710", NULL);
	permit("192.168.5.5", "tcp/8710", NULL);
	assert_permitted(INSIDE(GUEST, OUTSIDE, 8710), "permitted by alice");
	assert_blocked(INSIDE(DESK, OUTSIDE, 8710), REASON_ROLE);
	assign(GUEST, "admin");
	assert_permitted(INSIDE(GUEST, OUTSIDE, 8710), "permitted by alice");
	assert_permitted(INSIDE(STRANGER, OUTSIDE, 8710), "permitted by alice");
	assert_blocked(INSIDE(STRANGER, OUTSIDE, 80), REASON_UNASSIGNED);
	assert_blocked(INSIDE("192.168.5.5", OUTSIDE, 8710, ROAMING), REASON_IMPOSTOR);
	assert_permitted(INSIDE("192.168.5.5", OUTSIDE, 8710, "52:54:00:00:00:05"),
	                 "permitted by alice");
}
END_TEST

START_TEST(a_permit_of_a_host_with_only_a_mac_is_for_that_mac_on_nobodys_address)
{
	permit("roaming", "tcp/8710", NULL);
	assert_permitted(INSIDE(STRANGER, OUTSIDE, 8710, ROAMING), "permitted by alice");
	assert_blocked(INSIDE(STRANGER, OUTSIDE, 8710, "52:54:00:00:00:78"), REASON_UNASSIGNED);
	assert_blocked(INSIDE(DESK, OUTSIDE, 8710, ROAMING), REASON_ROLE);
}
END_TEST

START_TEST(a_permit_of_the_gateway_is_for_its_own_connections_only)
{
	permit("gateway", "tcp/8710", NULL);
	struct question own = {ORIGIN_SELF, "192.0.2.1", OUTSIDE, 8710};
	assert_permitted(own, "permitted by alice");
	own.port = 8711;
	assert_blocked(own, REASON_ROLE);
	assert_blocked(INSIDE("192.0.2.1", OUTSIDE, 8710), REASON_UNASSIGNED);
}
END_TEST

START_TEST(what_comes_before_the_role_blocks_in_spite_of_a_permit)
{
	permit("office", "tcp/8710", NULL);
	permit("gateway", "tcp/8710", NULL);
	permit(STRANGER, "tcp/8710", NULL);
	assert_blocked(INSIDE(DESK, BAD, 8710), REASON_BLOCKLIST);
	assert_blocked(INSIDE(STRANGER, BAD, 8710), REASON_UNASSIGNED);
	assert_blocked((struct question){ORIGIN_SELF, "192.0.2.1", BAD, 8710}, REASON_BLOCKLIST);
	struct question spoofed = {ORIGIN_INSIDE, DESK, OUTSIDE, 8710, NULL, true};
	assert_blocked(spoofed, REASON_SPOOFED);
}
END_TEST

START_TEST(the_destination_may_still_say_no_to_what_a_permit_permits)
{
	permit("office", "tcp/8710", NULL);
	assert_blocked(INSIDE(DESK, "192.168.2.3", 8710), REASON_INBOUND);
	permit(STRANGER, "tcp/8710", NULL);
	assert_blocked(INSIDE(STRANGER, "192.168.2.3", 8710), REASON_INBOUND);
}
END_TEST

static void quarantine(const char *host)
{
	ask(&requests, quarantine_of(host, HOUR));
	bind_all(policy, &requests, ASKED_AT);
}

static const struct role *role_blamed(struct question q)
{
	struct judgement j = judge_it(q);
	ck_assert(!j.permitted && !j.passes && j.offence_count == 1);
	ck_assert_str_eq(reason_name(j.offences[0].reason), "quarantine");
	ck_assert_str_eq(j.offences[0].at.file, "put in quarantine by alice");
	return j.offences[0].role;
}

START_TEST(quarantine_is_the_first_of_all_reasons_and_holds_in_audit)
{
	quarantine(DESK);
	quarantine("office");
	quarantine(STRANGER);
	struct question q = {ORIGIN_INSIDE, DESK, OUTSIDE, 80, NULL, false};
	ck_assert_str_eq(role_blamed(q)->name, "desk");
	q.spoofed = true;
	ck_assert_str_eq(role_blamed(q)->name, "desk");
	q = (struct question){ORIGIN_INSIDE, GUEST, BAD, 80, NULL, false};
	ck_assert_str_eq(role_blamed(q)->name, "desk");
	q = (struct question){ORIGIN_INSIDE, STRANGER, OUTSIDE, 80, NULL, false};
	ck_assert_ptr_null(role_blamed(q));
	policy->gateway.mode = MODE_AUDIT;
	ck_assert_ptr_null(role_blamed(q));
}
END_TEST

START_TEST(a_host_in_quarantine_is_what_belongs_to_it_after_the_most_specific_won)
{
	quarantine("office");
	assign(GUEST, "admin");
	assert_permitted((struct question){ORIGIN_INSIDE, "192.168.0.9", OUTSIDE, 22, NULL, false},
	                 "a.conf");
	assert_permitted((struct question){ORIGIN_INSIDE, GUEST, OUTSIDE, 22, NULL, false},
	                 "a.conf");
	quarantine(GUEST);
	struct question q = {ORIGIN_INSIDE, GUEST, OUTSIDE, 22, NULL, false};
	ck_assert_str_eq(role_blamed(q)->name, "admin");
}
END_TEST

START_TEST(a_host_with_only_a_mac_is_stopped_by_it_whatever_address_it_takes)
{
	quarantine("roaming");
	struct question q = {ORIGIN_INSIDE, STRANGER, OUTSIDE, 80, ROAMING, false};
	ck_assert_str_eq(role_blamed(q)->name, "desk");
	q.source = DESK;
	ck_assert_str_eq(role_blamed(q)->name, "desk");
	q.mac = NULL;
	assert_permitted(q, "a.conf");
}
END_TEST

START_TEST(what_does_not_come_from_inside_is_not_in_quarantine)
{
	quarantine(DESK);
	assert_blocked((struct question){ORIGIN_SELF, DESK, OUTSIDE, 80, NULL, false}, REASON_ROLE);
	struct judgement j =
	        judge_it((struct question){ORIGIN_OUTSIDE, DESK, OUTSIDE, 80, NULL, false});
	ck_assert(j.permitted);
}
END_TEST

START_TEST(a_permit_may_name_the_hosts_of_a_role)
{
	permit("office", "tcp/8710", "role:admin");
	assert_permitted(INSIDE(DESK, "192.168.0.9", 8710), "permitted by alice");
	assert_blocked(INSIDE(DESK, STRANGER, 8710), REASON_ROLE);
	assign(STRANGER, "admin");
	assert_permitted(INSIDE(DESK, STRANGER, 8710), "permitted by alice");
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("judge");
	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, an_address_assigned_within_a_range_may_what_its_role_may);
	tcase_add_test(tests, an_assigned_address_that_was_nobodys_is_no_longer_unassigned);
	tcase_add_test(tests, the_macs_of_the_range_around_it_do_not_bind_an_assigned_address);
	tcase_add_test(tests, role_and_host_peers_follow_an_assignment);
	tcase_add_test(tests, inbound_of_the_assigned_role_is_judged);
	tcase_add_test(tests, a_permit_of_a_host_is_for_all_its_addresses_and_no_others);
	tcase_add_test(tests, a_permit_of_an_address_is_for_that_one_whoever_it_belongs_to);
	tcase_add_test(tests,
	               a_permit_of_a_host_with_only_a_mac_is_for_that_mac_on_nobodys_address);
	tcase_add_test(tests, a_permit_of_the_gateway_is_for_its_own_connections_only);
	tcase_add_test(tests, what_comes_before_the_role_blocks_in_spite_of_a_permit);
	tcase_add_test(tests, the_destination_may_still_say_no_to_what_a_permit_permits);
	tcase_add_test(tests, quarantine_is_the_first_of_all_reasons_and_holds_in_audit);
	tcase_add_test(tests,
	               a_host_in_quarantine_is_what_belongs_to_it_after_the_most_specific_won);
	tcase_add_test(tests, a_host_with_only_a_mac_is_stopped_by_it_whatever_address_it_takes);
	tcase_add_test(tests, what_does_not_come_from_inside_is_not_in_quarantine);
	tcase_add_test(tests, a_permit_may_name_the_hosts_of_a_role);
	return run_tests(tests);
}
