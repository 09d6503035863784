/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sample.h"

#include "kernel/read.h"
#include "ruleset/build.h"
#include "ruleset/diff.h"

#include <arpa/inet.h>
#include <check.h>
#include <netinet/in.h>
#include <string.h>

static const struct location nowhere;

static struct builder start(void)
{
	struct builder b = {.ruleset = ruleset_new()};

	ck_assert_ptr_nonnull(b.ruleset);
	b.ruleset->exists = true;
	return b;
}

static void element(struct builder *b, const char *set, const void *key, size_t length,
                    const char *chain)
{
	build_element(b, set, key, length, chain, nowhere);
}

static void build_sets(struct builder *b)
{
	static const struct set sets[] = {
	        {.name = "inside", .type = SET_IFNAME, .comment = "inside interfaces"},
	        {.name = "host4", .type = SET_IPV4},
	        {.name = "host6", .type = SET_IPV6},
	        {.name = "protocols", .type = SET_PROTOCOL},
	        {.name = "ports", .type = SET_PORT, .interval = true, .comment = "port ranges"},
	        {.name = "types4", .type = SET_ICMP_TYPE},
	        {.name = "types6", .type = SET_ICMPV6_TYPE},
	        {.name = "ethers", .type = SET_ETHER},
	        {.name = "services", .type = SET_SERVICE},
	        {.name = "to4", .type = SET_IPV4_SERVICE},
	        {.name = "to6", .type = SET_IPV6_SERVICE},
	        {.name = "mac4", .type = SET_IPV4_ETHER},
	        {.name = "mac6", .type = SET_IPV6_ETHER},
	        {.name = "net4", .type = SET_IPV4, .interval = true},
	        {.name = "net6", .type = SET_IPV6, .interval = true},
	        {.name = "source4", .type = SET_IPV4, .map = true, .comment = "who is who"},
	        {.name = "source_net6", .type = SET_IPV6, .map = true, .interval = true},
	        {.name = "source_mac", .type = SET_ETHER, .map = true},
	        {.name = "lent4", .type = SET_IPV4, .timed = true, .size = 100},
	        {.name = "lent_source6", .type = SET_IPV6, .map = true, .timed = true},
	        {.name = "lent_ports", .type = SET_PORT, .interval = true, .timed = true},
	        {.name = "seen4", .type = SET_IPV4, .dynamic = true, .size = 1000},
	        {.name = "seen6", .type = SET_IPV6, .dynamic = true, .size = 65535},
	        {.name = "rate4",
	         .type = SET_IPV4,
	         .dynamic = true,
	         .learning = true,
	         .timeout = 10,
	         .limit = {.rate = 10, .unit = 1, .burst = 100},
	         .size = 1000},
	        {.name = "rate6",
	         .type = SET_IPV6,
	         .dynamic = true,
	         .learning = true,
	         .timeout = 3600,
	         .limit = {.rate = 8640000, .unit = 604800, .burst = 5},
	         .size = 1000},
	        {.name = "pair4",
	         .type = SET_IPV4_PAIR,
	         .dynamic = true,
	         .learning = true,
	         .timeout = 300,
	         .size = 1000},
	        {.name = "pair6",
	         .type = SET_IPV6_PAIR,
	         .dynamic = true,
	         .learning = true,
	         .timeout = 300,
	         .size = 1000},
	};

	for (size_t i = 0; i < ELEMENTS_OF(sets); i++)
		ck_assert(build_set(b, &sets[i]));
}

static void build_elements(struct builder *b)
{
	element(b, "inside", "lan0\0\0\0\0\0\0\0\0\0\0\0", 16, NULL);
	element(b, "inside", "a-longest-name0", 16, NULL);
	element(b, "host4", "\300\0\2\1", 4, NULL);
	element(b, "host6", "\40\1\15\270\0\0\0\0\0\0\0\0\0\0\0\1", 16, NULL);
	element(b, "protocols", "\57", 1, NULL);
	element(b, "protocols", "\377", 1, NULL);
	build_range(b, "ports", "\0\0", "\0\12", 2, NULL, nowhere);
	build_range(b, "ports", "\0\120", "\0\120", 2, NULL, nowhere);
	build_range(b, "ports", "\4\0", "\377\377", 2, NULL, nowhere);
	element(b, "types4", "\10", 1, NULL);
	element(b, "types6", "\200", 1, NULL);
	element(b, "ethers", "\122\124\0\22\64\126", 6, NULL);
	element(b, "services", "\6\0\0\0\0\120\0\0", 8, NULL);
	element(b, "services", "\21\0\0\0\0\65\0\0", 8, NULL);
	element(b, "to4", "\300\0\2\1\6\0\0\0\0\120\0\0", 12, NULL);
	element(b, "to6", "\40\1\15\270\0\0\0\0\0\0\0\0\0\0\0\1\6\0\0\0\0\120\0\0", 24, NULL);
	element(b, "mac4", "\300\0\2\1\122\124\0\22\64\126\0\0", 12, NULL);
	element(b, "mac6", "\40\1\15\270\0\0\0\0\0\0\0\0\0\0\0\1\122\124\0\22\64\126\0\0", 24,
	        NULL);
	build_range(b, "net4", "\300\0\2\100", "\300\0\2\137", 4, NULL, nowhere);
	build_range(b, "net4", "\360\0\0\0", "\377\377\377\377", 4, NULL, nowhere);
	build_range(b, "net6", "\40\1\15\270\0\0\0\0\0\0\0\0\0\0\0\0",
	            "\40\1\15\270\0\0\0\0\377\377\377\377\377\377\377\377", 16, NULL, nowhere);
	element(b, "source4", "\300\0\2\1", 4, "role_desk");
	element(b, "source4", "\300\0\2\2", 4, "refuse");
	build_range(b, "source_net6", "\40\1\15\270\0\0\0\0\0\0\0\0\0\0\0\0",
	            "\40\1\15\270\0\0\0\0\0\0\0\0\0\0\0\377", 16, "role_desk", nowhere);
	build_range(b, "source_net6", "\40\1\15\270\0\0\0\0\0\0\0\0\0\0\1\0",
	            "\40\1\15\270\0\0\0\0\0\0\0\0\0\0\1\377", 16, "refuse", nowhere);
	element(b, "source_mac", "\122\124\0\22\64\126", 6, "role_desk");
	element(b, "lent4", "\300\0\2\11", 4, NULL);
	b->life.comment = "by alice: a 'quotation'";
	element(b, "lent4", "\300\0\2\10", 4, NULL);
	element(b, "lent_source6", "\40\1\15\270\0\0\0\0\0\0\0\0\0\0\0\11", 16, "refuse");
	build_range(b, "lent_ports", "\0\100", "\0\120", 2, NULL, nowhere);
	b->life.comment = NULL;
}

static void build_role(struct builder *b)
{
	const struct statement done = {.kind = VERDICT_GOTO, .name = "refuse"};

	RULE(b, "role_desk", NULL, nowhere, {.kind = MATCH_PROTOCOL_SET, .name = "protocols"},
	     done);
	RULE(b, "role_desk", "web", nowhere, {.kind = MATCH_SERVICE_SET, .name = "services"}, done);
	RULE(b, "role_desk", NULL, nowhere,
	     {.kind = MATCH_PORT_SET, .value = IPPROTO_TCP, .name = "ports"}, done);
	RULE(b, "role_desk", NULL, nowhere,
	     {.kind = MATCH_PORT_SET, .value = IPPROTO_UDP, .name = "ports"},
	     {.kind = MATCH_ADDRESS_SET,
	      .family = FAMILY_IPV4,
	      .side = SIDE_DESTINATION,
	      .name = "net4"},
	     done);
	RULE(b, "role_desk", NULL, nowhere,
	     {.kind = MATCH_ADDRESS_SET, .family = FAMILY_IPV4, .inverted = true, .name = "lent4"},
	     {.kind = MATCH_PORT_SET, .value = IPPROTO_UDP, .name = "lent_ports"}, done);
	RULE(b, "role_desk", NULL, nowhere,
	     {.kind = VMAP_ADDRESS,
	      .family = FAMILY_IPV6,
	      .side = SIDE_SOURCE,
	      .name = "lent_source6"});
	RULE(b, "role_desk", NULL, nowhere, {.kind = MATCH_ICMP_TYPE_SET, .name = "types4"}, done);
	RULE(b, "role_desk", NULL, nowhere, {.kind = MATCH_ICMPV6_TYPE_SET, .name = "types6"},
	     done);
	for (unsigned i = 0; i < 4; i++) {
		enum family family = i & 1 ? FAMILY_IPV6 : FAMILY_IPV4;
		enum side side = i & 2 ? SIDE_SOURCE : SIDE_DESTINATION;

		RULE(b, "role_desk", NULL, nowhere,
		     {.kind = MATCH_ADDRESS_SET,
		      .family = family,
		      .side = side,
		      .name = i & 1 ? "net6" : "host4"},
		     done);
		RULE(b, "role_desk", NULL, nowhere,
		     {.kind = MATCH_ADDRESS_SERVICE_SET,
		      .family = family,
		      .side = side,
		      .name = i & 1 ? "to6" : "to4"},
		     done);
	}
	RULE(b, "role_desk", NULL, nowhere,
	     {.kind = MATCH_ADDRESS_ETHER_SET, .family = FAMILY_IPV4, .name = "mac4"}, done);
	RULE(b, "role_desk", NULL, nowhere,
	     {.kind = MATCH_ADDRESS_ETHER_SET, .family = FAMILY_IPV6, .name = "mac6"}, done);
	RULE(b, "role_desk", NULL, nowhere, {.kind = MATCH_ETHER_SET, .name = "ethers"}, done);
	RULE(b, "role_desk", NULL, nowhere, {.kind = MATCH_SERVICE_SET, .name = "services"},
	     {.kind = ACTION_HELPER, .name = "ftp"}, {.kind = VERDICT_RETURN});
	RULE(b, "role_desk", NULL, nowhere, {.kind = ACTION_COUNTER, .name = "blocked_role_desk"},
	     {.kind = ACTION_LOG, .value = 100, .name = "egressd role desk"}, done);
}

static void build_throttle(struct builder *b)
{
	for (int i = 0; i < FAMILY_COUNT; i++) {
		enum family family = (enum family)i;
		const char *pair = family == FAMILY_IPV4 ? "pair4" : "pair6";
		const char *rate = family == FAMILY_IPV4 ? "rate4" : "rate6";

		RULE(b, "role_desk", NULL, nowhere,
		     {.kind = MATCH_PAIR_SET, .family = family, .name = pair},
		     {.kind = VERDICT_RETURN});
		RULE(b, "role_desk", NULL, nowhere,
		     {.kind = ACTION_LIMIT_SOURCE, .family = family, .name = rate},
		     {.kind = ACTION_ADD_PAIR, .family = family, .name = pair},
		     {.kind = VERDICT_RETURN});
	}
}

static void build_bases(struct builder *b)
{
	const struct statement accept = {.kind = VERDICT_ACCEPT};

	RULE(b, "prerouting", NULL, nowhere, {.kind = MATCH_FIB_UNICAST}, accept);
	RULE(b, "prerouting", NULL, nowhere, {.kind = MATCH_IIFNAME, .name = "lan0"}, accept);
	RULE(b, "prerouting", NULL, nowhere, {.kind = MATCH_FIB_MISSING},
	     {.kind = VERDICT_GOTO, .name = "refuse"});
	RULE(b, "prerouting", NULL, nowhere, {.kind = MATCH_FIB_OIFNAME, .name = "lan0"}, accept);
	RULE(b, "prerouting", NULL, nowhere,
	     {.kind = MATCH_FIB_OIFNAME, .name = "dmz", .wildcard = true}, accept);
	RULE(b, "forward", "fast path", nowhere, {.kind = MATCH_CT_ESTABLISHED}, accept);
	RULE(b, "forward", NULL, nowhere, {.kind = MATCH_CT_KNOWN},
	     {.kind = MATCH_CT_HELPER, .name = "ftp"}, accept);
	RULE(b, "forward", NULL, nowhere, {.kind = MATCH_CT_REPLY}, accept);
	RULE(b, "forward", NULL, nowhere, {.kind = MATCH_IIFNAME_SET, .name = "inside"},
	     {.kind = VERDICT_JUMP, .name = "role_desk"});
	RULE(b, "forward", NULL, nowhere, {.kind = MATCH_IIFNAME, .name = "dmz", .wildcard = true},
	     {.kind = MATCH_OIFNAME, .name = "wan0"}, accept);
	RULE(b, "forward", NULL, nowhere, {.kind = MATCH_OIFNAME, .name = "ppp", .wildcard = true},
	     {.kind = MATCH_FAMILY, .family = FAMILY_IPV6}, {.kind = VERDICT_DROP});
	RULE(b, "forward", NULL, nowhere,
	     {.kind = VMAP_ADDRESS, .family = FAMILY_IPV4, .side = SIDE_SOURCE, .name = "source4"});
	RULE(b, "forward", NULL, nowhere,
	     {.kind = VMAP_ADDRESS,
	      .family = FAMILY_IPV6,
	      .side = SIDE_DESTINATION,
	      .name = "source_net6"});
	RULE(b, "output", NULL, nowhere, {.kind = VMAP_ETHER, .name = "source_mac"});
}

struct ruleset *sample_everything(void)
{
	struct builder b = start();

	b.ruleset->comment = "egressd: made by a test";
	build_counter(&b, "blocked_role_desk", nowhere);
	build_counter(&b, "permitted", nowhere);
	build_helper(&b, &(struct helper){.name = "ftp",
	                                  .kind = "ftp",
	                                  .protocol = IPPROTO_TCP,
	                                  .families = FAMILIES_BOTH,
	                                  .at = nowhere});
	build_chain(&b, "refuse", NULL, nowhere);
	build_chain(&b, "role_desk", "what desks may do", nowhere);
	build_base_chain(&b, "prerouting", NULL, HOOK_PREROUTING, -90, false);
	build_base_chain(&b, "forward", "all that passes", HOOK_FORWARD, 0, true);
	build_base_chain(&b, "output", NULL, HOOK_OUTPUT, 10, false);
	build_sets(&b);
	build_elements(&b);
	RULE(&b, "refuse", NULL, nowhere,
	     {.kind = ACTION_COUNT_SOURCE, .family = FAMILY_IPV4, .name = "seen4"});
	RULE(&b, "refuse", NULL, nowhere,
	     {.kind = ACTION_COUNT_SOURCE, .family = FAMILY_IPV6, .name = "seen6"});
	RULE(&b, "refuse", NULL, nowhere, {.kind = MATCH_PROTOCOL, .value = IPPROTO_TCP},
	     {.kind = VERDICT_REJECT_RESET});
	RULE(&b, "refuse", NULL, nowhere, {.kind = VERDICT_REJECT_ADMIN});
	build_throttle(&b);
	build_role(&b);
	build_bases(&b);
	ck_assert_int_eq(build_finish(&b), 0);
	return b.ruleset;
}

struct ruleset *sample_ranges(bool map)
{
	struct builder b = start();

	build_chain(&b, "one", NULL, nowhere);
	build_chain(&b, "two", NULL, nowhere);
	build_chain(&b, "use", NULL, nowhere);
	build_set(&b, &(struct set){
	                      .name = SAMPLE_SET4, .type = SET_IPV4, .interval = true, .map = map});
	build_set(&b, &(struct set){
	                      .name = SAMPLE_SET6, .type = SET_IPV6, .interval = true, .map = map});
	RULE(&b, "use", NULL, nowhere,
	     {.kind = map ? VMAP_ADDRESS : MATCH_ADDRESS_SET,
	      .family = FAMILY_IPV4,
	      .name = SAMPLE_SET4});
	RULE(&b, "use", NULL, nowhere,
	     {.kind = map ? VMAP_ADDRESS : MATCH_ADDRESS_SET,
	      .family = FAMILY_IPV6,
	      .name = SAMPLE_SET6});
	ck_assert_int_eq(b.error, 0);
	return b.ruleset;
}

void sample_add(struct ruleset *ruleset, const char *text, const char *chain, unsigned line)
{
	struct builder b = {.ruleset = ruleset};
	struct location at = {.file = "sample.conf", .line = line};
	struct address_range range;

	ck_assert_int_eq(range_parse(text, &range), RANGE_OK);
	build_range(&b, range.from.family == FAMILY_IPV4 ? SAMPLE_SET4 : SAMPLE_SET6,
	            range.from.bytes, range.to.bytes, family_length(range.from.family), chain, at);
	ck_assert_int_eq(b.error, 0);
}

void sample_finish(struct ruleset *ruleset)
{
	struct builder b = {.ruleset = ruleset};

	ck_assert_int_eq(build_finish(&b), 0);
}

struct ruleset *sample_rules(size_t count)
{
	struct builder b = start();

	build_chain(&b, "rules", NULL, nowhere);
	for (size_t i = 0; i < count; i++)
		RULE(&b, "rules", NULL, nowhere, {.kind = MATCH_PROTOCOL, .value = IPPROTO_TCP},
		     {.kind = VERDICT_ACCEPT});
	ck_assert_int_eq(build_finish(&b), 0);
	return b.ruleset;
}

struct ruleset *sample_addresses(size_t count)
{
	struct builder b = start();

	build_chain(&b, "one", NULL, nowhere);
	build_set(&b, &(struct set){.name = "many", .type = SET_IPV4, .map = true});
	for (size_t i = 0; i < count; i++) {
		uint32_t key = htonl((uint32_t)(UINT32_C(0x0a000000) + i));

		element(&b, "many", &key, sizeof(key), "one");
	}
	ck_assert_int_eq(build_finish(&b), 0);
	return b.ruleset;
}

bool sample_differs(struct kernel *kernel, const struct ruleset *wanted)
{
	struct ruleset *have;
	struct delta *delta;
	uint32_t generation;
	bool differs;

	ck_assert_int_eq(table_read(kernel, &have, &generation), 0);
	ck_assert_int_eq(ruleset_diff(have, wanted, &delta), 0);
	differs = delta->steps.count > 0;
	delta_free(delta);
	ruleset_free(have);
	return differs;
}

void sample_check(struct kernel *kernel, const struct ruleset *wanted)
{
	ck_assert(!sample_differs(kernel, wanted));
}

struct applied sample_apply(struct kernel *kernel, struct ruleset *wanted)
{
	struct applied applied = {};
	int r = table_apply(kernel, wanted, &applied);

	ck_assert_msg(r == 0, "%d: %s", r, applied.refusal.text);
	return applied;
}
