/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy-text.h"

#include <time.h>

/* What follows from a policy once names are resolved, and what cannot be resolved. */

#define HOSTS(list) GATEWAY ROLE "hosts = (\n" list " );\n"
#define ROLES(list) GATEWAY "hosts = ( ); roles = {\n" list " };\n"

START_TEST(unknown_names_are_named_with_the_nearest)
{
	assert_refused(
	        GATEWAY "networks = { admin = \"192.0.2.1\"; };\nroles = { desk = {\n"
	                "outbound = ( { service = \"ssh\"; to = [ \"amdin\",\n\"host:pc1\",\n"
	                "\"role:desc\",\n\"pc\",\n\"desk\",\n\"elsewhere\",\n\"host:xyzzy\" "
	                "]; } );\ninherits = [ \"dsk\", \"zebra\" ]; }; };\n"
	                "hosts = ( { name = \"pc\"; role = \"deks\"; mac = "
	                "\"52:54:00:00:00:01\"; },\n{ name = \"pc2\"; role = \"zebra\"; address "
	                "= \"192.0.2.2\"; } );\nblocklist = [ \"admn\", \"host:pc2\" ];",
	        "a.conf:3: unknown network \"amdin\"; did you mean \"admin\"?\n"
	        "a.conf:4: unknown host \"pc1\"; did you mean \"pc\"?\n"
	        "a.conf:5: unknown role \"desc\"; did you mean \"desk\"?\n"
	        "a.conf:6: unknown network \"pc\"; did you mean \"host:pc\"?\n"
	        "a.conf:7: unknown network \"desk\"; did you mean \"role:desk\"?\n"
	        "a.conf:8: unknown network \"elsewhere\"\n"
	        "a.conf:9: unknown host \"xyzzy\"\n"
	        "a.conf:10: role \"desk\" inherits the unknown role \"dsk\"; did you mean "
	        "\"desk\"?\n"
	        "a.conf:10: role \"desk\" inherits the unknown role \"zebra\"\n"
	        "a.conf:11: host \"pc\" has the unknown role \"deks\"; did you mean \"desk\"?\n"
	        "a.conf:12: host \"pc2\" has the unknown role \"zebra\"\n"
	        "a.conf:13: unknown network \"admn\"; did you mean \"admin\"?\n"
	        "a.conf:13: \"host:pc2\": the blocklist takes networks and addresses only\n");
}
END_TEST

START_TEST(a_host_without_an_address_cannot_be_a_peer)
{
	assert_refused(GATEWAY "roles = { r = { outbound = ( { service = \"ssh\"; to = [\n"
	                       "\"host:m\",\n\"host:s\" ]; } ); }; }; hosts = (\n"
	                       "{ name = \"m\"; role = \"r\"; mac = \"52:54:00:00:00:01\"; },\n"
	                       "{ name = \"s\"; role = \"r\"; self = true; } );",
	               "a.conf:2: host \"m\" has no address by which it could be told\n"
	               "a.conf:3: host \"s\" has no address by which it could be told\n");
}
END_TEST

START_TEST(nothing_follows_from_a_section_that_could_not_be_read)
{
	assert_refused(
	        GATEWAY "services = 1;\nroles = { r = { outbound = \"own\"; inherits = \"q\"; "
	                "}; }; hosts = ( { name = \"h\"; role = \"x\"; self = true; } );\n",
	        "a.conf:1: \"services\" must be a group, as in { submission = [ \"tcp/587\" ]; "
	        "}\n");
}
END_TEST

START_TEST(peers_are_resolved_to_what_they_name)
{
	struct policy *policy = assert_loads(
	        GATEWAY
	        "networks = { n = [ \"192.0.2.0/24\" ]; };\n"
	        "roles = { r = { outbound = ( { service = \"ssh\"; to = [ \"n\", \"fe80::1\", "
	        "\"host:h\", \"role:r\", \"192.0.2.1-192.0.2.5\" ]; }, \"http\" ); }; };\n"
	        "hosts = ( { name = \"h\"; role = \"r\"; address = \"192.0.2.80\"; } );\n"
	        "blocklist = [ \"n\", \"0.0.0.0/0\" ];");
	const struct permission *permission = policy->roles.items[0].may_initiate.items[0];
	ck_assert(!permission->any_peer);
	ck_assert_uint_eq(permission->peer_count, 5);
	ck_assert_int_eq(permission->resolved_peers[0].kind, PEER_NETWORK);
	ck_assert_ptr_eq(permission->resolved_peers[0].network, &policy->networks.items[0]);
	ck_assert_int_eq(permission->resolved_peers[1].kind, PEER_RANGE);
	ck_assert_int_eq(permission->resolved_peers[2].kind, PEER_HOST);
	ck_assert_ptr_eq(permission->resolved_peers[2].host, &policy->hosts.items[0]);
	ck_assert_int_eq(permission->resolved_peers[3].kind, PEER_ROLE);
	ck_assert_ptr_eq(permission->resolved_peers[3].role, &policy->roles.items[0]);
	ck_assert_uint_eq(permission->resolved_peers[4].at.line, 2);
	ck_assert(policy->roles.items[0].may_initiate.items[1]->any_peer);
	ck_assert_uint_eq(policy->blocked_peer_count, 2);
	ck_assert_int_eq(policy->blocked_peers[1].kind, PEER_RANGE);
	policy_free(policy);
}
END_TEST

START_TEST(each_mistake_in_an_address_has_its_own_hint)
{
	assert_refused(
	        HOSTS("{ name = \"h\"; role = \"r\"; address = [ \"192.0.2.65/27\",\n"
	              "\"192.0.2.0/33\",\n\"2001:db8::/129\",\n\"192.0.2.0/255.255.255.0\",\n"
	              "\"192.0.2.9-192.0.2.1\",\n\"192.0.2.1-2001:db8::1\",\n\"192.0.2\",\n"
	              "\"2001:db8::1/64\" ]; }"),
	        "a.conf:2: 192.0.2.65/27 has host bits set; did you mean 192.0.2.64/27, or "
	        "192.0.2.65 for the one address?\n"
	        "a.conf:3: 192.0.2.0/33: the length of the prefix must be 0 to 32\n"
	        "a.conf:4: 2001:db8::/129: the length of the prefix must be 0 to 128\n"
	        "a.conf:5: 192.0.2.0/255.255.255.0: a netmask is not understood; write the "
	        "length of the prefix, as in 192.0.2.0/24\n"
	        "a.conf:6: 192.0.2.9-192.0.2.1 is backwards; did you mean "
	        "192.0.2.1-192.0.2.9?\n"
	        "a.conf:7: 192.0.2.1-2001:db8::1 goes from one of IPv4 and IPv6 to the other\n"
	        "a.conf:8: \"192.0.2\" is no address; write one as 192.0.2.1, 192.0.2.0/24, "
	        "192.0.2.1-192.0.2.9 or 2001:db8::/64\n"
	        "a.conf:9: 2001:db8::1/64 has host bits set; did you mean 2001:db8::/64, or "
	        "2001:db8::1 for the one address?\n");
	assert_refused(ROLES("") "networks = { n = [\n\"192.0.2.300\" ]; }; blocklist =\n"
	                         "\"192.0.2.1/8\";",
	               "a.conf:4: \"192.0.2.300\" is no address; write one as 192.0.2.1, "
	               "192.0.2.0/24, 192.0.2.1-192.0.2.9 or 2001:db8::/64\n"
	               "a.conf:4: 192.0.2.1/8 has host bits set; did you mean 192.0.0.0/8, or "
	               "192.0.2.1 for the one address?\n");
}
END_TEST

START_TEST(equal_and_crossing_claims_name_both_places)
{
	assert_refused(
	        HOSTS("{ name = \"a\"; role = \"r\"; address = [ \"192.0.2.80\",\n"
	              "\"192.0.2.0-192.0.2.20\" ]; },\n"
	              "{ name = \"b\"; role = \"r\"; address = [ \"192.0.2.80\",\n"
	              "\"192.0.2.10-192.0.2.30\",\n\"2001:db8::/64\",\n\"2001:db8::/64\" ]; }"),
	        "a.conf:4: 192.0.2.80 is already host \"a\" at a.conf:2\n"
	        "a.conf:5: 192.0.2.10-192.0.2.30 crosses 192.0.2.0-192.0.2.20, which is "
	        "already host \"a\" at a.conf:3; one must lie within the other\n"
	        "a.conf:7: 2001:db8::/64 is already host \"b\" at a.conf:6\n");
	/* The one written later is to blame, wherever it sorts. */
	assert_refused(
	        HOSTS("{ name = \"a\"; role = \"r\"; address = \"192.0.2.10-192.0.2.30\"; },\n"
	              "{ name = \"b\"; role = \"r\"; address = \"192.0.2.0-192.0.2.20\"; }"),
	        "a.conf:3: 192.0.2.0-192.0.2.20 crosses 192.0.2.10-192.0.2.30, which is "
	        "already host \"a\" at a.conf:2; one must lie within the other\n");
}
END_TEST

START_TEST(claims_nest_like_brackets)
{
	struct policy *policy = assert_loads(
	        HOSTS("{ name = \"in\"; role = \"r\"; address = \"10.1.2.3\"; },\n"
	              "{ name = \"all\"; role = \"r\"; address = [ \"0.0.0.0/0\", \"::/0\", "
	              "\"10.0.0.0/8\" ]; },\n"
	              "{ name = \"mid\"; role = \"r\"; address = [ \"10.1.0.0/16\", "
	              "\"10.0.0.0\", \"255.255.255.255\" ]; }"));
	static const struct {
		const char *range, *host;
		ptrdiff_t parent;
	} expected[] = {
	        {"0.0.0.0/0", "all", -1},  {"10.0.0.0/8", "all", 0}, {"10.0.0.0", "mid", 1},
	        {"10.1.0.0/16", "mid", 1}, {"10.1.2.3", "in", 3},    {"255.255.255.255", "mid", 0},
	};
	const struct claims *claims = &policy->claims[FAMILY_IPV4];
	ck_assert_uint_eq(claims->count, ELEMENTS_OF(expected));
	for (size_t i = 0; i < claims->count; i++) {
		char text[RANGE_TEXT_MAX];
		ck_assert_str_eq(range_print(&claims->items[i].written->range, text),
		                 expected[i].range);
		ck_assert_str_eq(claims->items[i].host->name, expected[i].host);
		ck_assert_int_eq(claims->items[i].parent, expected[i].parent);
	}
	ck_assert_uint_eq(policy->claims[FAMILY_IPV6].count, 1);
	policy_free(policy);
}
END_TEST

START_TEST(macs_are_macs_and_tell_hosts_without_address_apart)
{
	assert_refused(
	        HOSTS("{ name = \"a\"; role = \"r\"; mac = [ \"52:54:00:12:34\",\n"
	              "\"01:00:5e:00:00:01\" ]; },\n"
	              "{ name = \"b\"; role = \"r\"; mac = \"52-54-00-00-00-0A\"; },\n"
	              "{ name = \"c\"; role = \"r\"; mac = \"52:54:00:00:00:0a\"; },\n"
	              "{ name = \"d\"; role = \"r\"; mac = \"52:54:00:00:00:0a\"; address = "
	              "\"192.0.2.1\"; }"),
	        "a.conf:2: \"52:54:00:12:34\" is no MAC; write one as 52:54:00:12:34:56\n"
	        "a.conf:3: 01:00:5e:00:00:01 is a group address, from which no host sends\n"
	        "a.conf:5: host \"c\" has no address but the MAC 52:54:00:00:00:0a, which is "
	        "already host \"b\" at a.conf:4\n");
}
END_TEST

START_TEST(the_gateway_is_one_host)
{
	assert_refused(
	        HOSTS("{ name = \"a\"; role = \"r\"; self = true; },\n"
	              "{ name = \"b\"; role = \"r\"; self = true; }"),
	        "a.conf:3: host \"b\" is the gateway too; host \"a\" at a.conf:2 already is\n");
	struct policy *policy = assert_loads(HOSTS("{ name = \"a\"; role = \"r\"; self = true; }"));
	ck_assert_ptr_eq(policy->self, &policy->hosts.items[0]);
	policy_free(policy);
}
END_TEST

START_TEST(a_host_name_stands_once)
{
	assert_refused(HOSTS("{ name = \"a\"; role = \"r\"; address = \"192.0.2.1\"; },\n"
	                     "{ name = \"a\"; role = \"r\"; address = \"192.0.2.2\"; }"),
	               "a.conf:3: host \"a\" is already defined at a.conf:2\n");
}
END_TEST

START_TEST(inherits_is_a_union_and_a_diamond_counts_once)
{
	struct policy *policy = assert_loads(
	        ROLES("d = { inherits = [ \"b\", \"c\" ]; outbound = [ \"tcp/4\" ]; };\n"
	              "b = { inherits = \"a\"; outbound = [ \"tcp/2\" ]; };\n"
	              "c = { inherits = \"a\"; outbound = [ \"tcp/3\" ]; inbound = [ ]; };\n"
	              "a = { outbound = [ \"tcp/1\" ]; tripwire = true; mode = \"audit\"; };"));
	const struct role *d = policy_role(policy, "d"), *b = policy_role(policy, "b");
	ck_assert_uint_eq(d->may_initiate.count, 4);
	static const uint16_t ports[] = {4, 2, 3, 1};
	for (size_t i = 0; i < ELEMENTS_OF(ports); i++)
		ck_assert_uint_eq(d->may_initiate.items[i]->resolved.items[0].from, ports[i]);
	ck_assert(d->judged_inbound);
	ck_assert_uint_eq(d->may_be_reached.count, 0);
	ck_assert(d->is_tripwire);
	ck_assert(!b->judged_inbound);
	ck_assert_int_eq(d->effective_mode, MODE_ENFORCE);
	ck_assert_int_eq(policy_role(policy, "a")->effective_mode, MODE_AUDIT);
	ck_assert_uint_eq(d->index, 0);
	ck_assert_uint_eq(b->index, 1);
	policy_free(policy);
}
END_TEST

START_TEST(the_mode_comes_from_the_host_then_its_role_then_the_gateway)
{
	struct policy *policy = assert_loads(
	        "gateway = { inside = \"lan0\"; mode = \"audit\"; };\n"
	        "roles = { plain = { }; strict = { mode = \"enforce\"; }; };\nhosts = (\n"
	        "{ name = \"a\"; role = \"plain\"; address = \"192.0.2.1\"; },\n"
	        "{ name = \"b\"; role = \"strict\"; address = \"192.0.2.2\"; },\n"
	        "{ name = \"c\"; role = \"strict\"; address = \"192.0.2.3\"; mode = \"audit\"; } "
	        ");");
	static const enum mode expected[] = {MODE_AUDIT, MODE_ENFORCE, MODE_AUDIT};
	for (size_t i = 0; i < ELEMENTS_OF(expected); i++)
		ck_assert_int_eq(policy->hosts.items[i].effective_mode, expected[i]);
	ck_assert_int_eq(policy->hosts.items[2].role->effective_mode, MODE_ENFORCE);
	policy_free(policy);
}
END_TEST

START_TEST(networks_are_merged_to_disjoint_ranges)
{
	struct policy *policy = assert_loads(ROLES(
	        "") "networks = { n = [ \"192.0.2.128/25\", \"2001:db8::1\", \"192.0.2.0/25\", "
	            "\"192.0.2.7\" ]; empty = [ ]; };");
	const struct network *n = policy_network(policy, "n");
	char text[RANGE_TEXT_MAX];
	ck_assert_uint_eq(n->range_count, 2);
	ck_assert_str_eq(range_print(&n->ranges[0], text), "192.0.2.0/24");
	ck_assert_str_eq(range_print(&n->ranges[1], text), "2001:db8::1");
	ck_assert_uint_eq(policy_network(policy, "empty")->range_count, 0);
	policy_free(policy);
}
END_TEST

/* The seconds of processor time to load that many hosts, some of which hold the next 15. */
static double seconds_for(unsigned hosts)
{
	char *text = NULL;
	size_t size = 0;
	FILE *stream = open_memstream(&text, &size);
	ck_assert_ptr_nonnull(stream);
	fputs(GATEWAY "roles = {", stream);
	for (unsigned i = 0; i < 500; i++)
		fprintf(stream, "r%u = { };\n", i);
	fputs("}; hosts = (\n", stream);
	for (unsigned i = 0; i < hosts; i++)
		fprintf(stream,
		        "%s{ name = \"h%u\"; role = \"r%u\"; address = \"10.%u.%u.%u%s\"; }",
		        i ? ",\n" : "", i, i % 500, i >> 16, i >> 8 & 255, i & 255,
		        i & 15 ? "" : "/28");
	fputs(");\n", stream);
	fclose(stream);

	struct timespec begin, end;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &begin);
	struct policy *policy = assert_loads(text);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &end);
	ck_assert_uint_eq(policy->claims[FAMILY_IPV4].count, hosts);
	policy_free(policy);
	free(text);
	return (double)(end.tv_sec - begin.tv_sec) + (double)(end.tv_nsec - begin.tv_nsec) / 1e9;
}

START_TEST(the_time_to_load_grows_with_the_hosts_and_not_with_their_square)
{
	double few = seconds_for(10000), many = seconds_for(100000);
	ck_assert_double_lt(many, 40 * few + 1);
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("check");
	tcase_set_timeout(tests, 120);
	tcase_add_test(tests, unknown_names_are_named_with_the_nearest);
	tcase_add_test(tests, a_host_without_an_address_cannot_be_a_peer);
	tcase_add_test(tests, nothing_follows_from_a_section_that_could_not_be_read);
	tcase_add_test(tests, peers_are_resolved_to_what_they_name);
	tcase_add_test(tests, each_mistake_in_an_address_has_its_own_hint);
	tcase_add_test(tests, equal_and_crossing_claims_name_both_places);
	tcase_add_test(tests, claims_nest_like_brackets);
	tcase_add_test(tests, macs_are_macs_and_tell_hosts_without_address_apart);
	tcase_add_test(tests, the_gateway_is_one_host);
	tcase_add_test(tests, a_host_name_stands_once);
	tcase_add_test(tests, inherits_is_a_union_and_a_diamond_counts_once);
	tcase_add_test(tests, the_mode_comes_from_the_host_then_its_role_then_the_gateway);
	tcase_add_test(tests, networks_are_merged_to_disjoint_ranges);
	tcase_add_test(tests, the_time_to_load_grows_with_the_hosts_and_not_with_their_square);
	return run_tests(tests);
}
