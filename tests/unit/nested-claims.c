/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy-text.h"

#include "ruleset/compile.h"
#include "ruleset/hosts.h"

#include <errno.h>
#include <time.h>

/*
 * Claims that nest at random, with the ends of the address space among them, against a naive search
 * for the narrowest one: what policy_host_at(), the segments and the compiled maps say of an
 * address is the same. EGRESSD_SEED repeats a run, EGRESSD_ROUNDS makes it longer.
 */

#define CLAIMS_MAX     48 /* of both families */
#define HOSTS_MAX      24
#define ROLES          6
#define RANDOM_PROBES  64 /* a family and round, beside the edges of all claims */
#define ROUNDS_DEFAULT 100

/* An address of either family as a number. */
__extension__ typedef unsigned __int128 number;

struct model_claim {
	enum family family;
	number from, to;
	unsigned host;
};

struct model {
	struct model_claim claims[CLAIMS_MAX];
	size_t count;
	unsigned host_role[HOSTS_MAX]; /* the number in its name */
	bool host_has_mac[HOSTS_MAX];
};

static uint64_t first_seed;
static uint64_t state; /* of splitmix64 */

static uint64_t chance64(void)
{
	uint64_t z = state += 0x9e3779b97f4a7c15u;
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

static unsigned below(unsigned limit)
{
	return (unsigned)(chance64() % limit);
}

/* A number from 0 to `last`, in all orders of magnitude. */
static number chance_up_to(number last)
{
	number n = ((number)chance64() << 64) | chance64();
	n >>= below(128);
	return last == ~(number)0 ? n : n % (last + 1);
}

static number end_of(enum family family)
{
	return family == FAMILY_IPV4 ? UINT32_MAX : ~(number)0;
}

static struct address address_of(enum family family, number n)
{
	uint8_t bytes[16];
	size_t length = family_length(family);
	for (size_t i = length; i-- > 0; n >>= 8)
		bytes[i] = (uint8_t)n;
	return address_from_bytes(family, bytes);
}

static bool is_single(const struct model_claim *claim)
{
	return claim->from == claim->to;
}

/* Neither the same as one that is there, nor crossing it. */
static bool fits(const struct model *model, const struct model_claim *new)
{
	for (size_t i = 0; i < model->count; i++) {
		const struct model_claim *old = &model->claims[i];
		if (old->family != new->family || new->to < old->from || old->to < new->from)
			continue;
		bool inside = old->from <= new->from &&new->to <= old->to;
		bool around = new->from <= old->from && old->to <= new->to;
		if (inside == around) /* equal, or crossing */
			return false;
	}
	return true;
}

static void claim(struct model *model, enum family family, number from, number to)
{
	struct model_claim new = {family, from, to, below(HOSTS_MAX)};
	if (model->count < CLAIMS_MAX && fits(model, &new))
		model->claims[model->count++] = new;
}

/* The whole of the space, its ends, and prefixes that end with it: where carrying goes wrong. */
static void claim_ends(struct model *model, enum family family)
{
	number end = end_of(family);
	number edges[][2] = {
	        {0, end},
	        {end, end},
	        {0, 0},
	        {end - (end >> 4), end},
	        {end - (end >> 8), end},
	        {1, end - 1},
	        {0, end >> 1},
	        {(end >> 1) + 1, end},
	};
	for (size_t i = 0; i < ELEMENTS_OF(edges); i++)
		if (below(2))
			claim(model, family, edges[i][0], edges[i][1]);
}

/* A claim in another one, or beside it, often sharing an end with it. */
static void claim_somewhere(struct model *model, enum family family)
{
	struct model_claim around = {family, 0, end_of(family), 0};
	if (model->count && below(4)) {
		const struct model_claim *other = &model->claims[below((unsigned)model->count)];
		if (other->family == family)
			around = *other;
	}
	number width = around.to - around.from;
	number part = chance_up_to(width), left = chance_up_to(width - part);

	switch (below(7)) {
	case 0: /* its first addresses */
		claim(model, family, around.from, around.from + part);
		break;
	case 1: /* its last ones */
		claim(model, family, around.to - part, around.to);
		break;
	case 2:
		claim(model, family, around.from, around.from);
		break;
	case 3:
		claim(model, family, around.to, around.to);
		break;
	case 4: /* right after it */
		if (around.to < end_of(family))
			claim(model, family, around.to + 1,
			      around.to + 1 + chance_up_to(end_of(family) - around.to - 1));
		break;
	case 5: /* right before it */
		if (around.from > 0)
			claim(model, family, around.from - 1 - chance_up_to(around.from - 1),
			      around.from - 1);
		break;
	case 6:
		claim(model, family, around.from + left, around.from + left + part);
		break;
	}
}

static void make_model(struct model *model)
{
	*model = (struct model){};
	for (unsigned i = 0; i < HOSTS_MAX; i++) {
		model->host_role[i] = below(ROLES);
		model->host_has_mac[i] = below(4) == 0;
	}
	for (int family = 0; family < FAMILY_COUNT; family++)
		claim_ends(model, (enum family)family);
	unsigned tries = 8 + below(80);
	for (unsigned i = 0; i < tries; i++)
		claim_somewhere(model, below(2) ? FAMILY_IPV4 : FAMILY_IPV6);
}

/* Every other role is judged inbound. */
static bool is_judged(unsigned role)
{
	return role % 2 == 0;
}

static void write_host(const struct model *model, unsigned host, FILE *out)
{
	const char *before = "address = [ ";
	for (size_t i = 0; i < model->count; i++) {
		const struct model_claim *claim = &model->claims[i];
		struct address_range range = {address_of(claim->family, claim->from),
		                              address_of(claim->family, claim->to)};
		char text[RANGE_TEXT_MAX];
		if (claim->host != host)
			continue;
		fprintf(out, "%s\"%s\"", before, range_print(&range, text));
		before = ", ";
	}
	if (before[0] == ',')
		fputs(" ]; ", out);
	/* A host needs an address or a MAC. */
	if (before[0] != ',' || model->host_has_mac[host])
		fprintf(out, "mac = [ \"02:00:00:00:00:%02x\" ]; ", host);
}

static char *write_policy(const struct model *model)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	ck_assert_ptr_nonnull(out);
	fputs("gateway = { inside = [ \"lan0\" ]; };\nroles = {\n", out);
	for (unsigned role = 0; role < ROLES; role++)
		fprintf(out, "r%u = { outbound = [ \"tcp/%u\" ]; %s };\n", role, role + 1,
		        is_judged(role) ? "inbound = [ ];" : "");
	fputs("};\nhosts = (\n", out);
	for (unsigned host = 0; host < HOSTS_MAX; host++) {
		fprintf(out, "{ name = \"h%u\"; role = \"r%u\"; ", host, model->host_role[host]);
		write_host(model, host, out);
		fprintf(out, "}%s\n", host + 1 < HOSTS_MAX ? "," : "");
	}
	fputs(");\n", out);
	ck_assert_int_eq(fclose(out), 0);
	return text;
}

/* The narrowest claim around an address, found by looking at all of them; NULL: none. */
static const struct model_claim *narrowest(const struct model *model, enum family family,
                                           number address, bool with_singles)
{
	const struct model_claim *found = NULL;
	for (size_t i = 0; i < model->count; i++) {
		const struct model_claim *claim = &model->claims[i];
		if (claim->family != family || address < claim->from || claim->to < address ||
		    (!with_singles && is_single(claim)))
			continue;
		if (!found || claim->to - claim->from < found->to - found->from)
			found = claim;
	}
	return found;
}

/* What a round compares: the same claims in all the forms that they take. */
struct round {
	unsigned number;
	struct model model;
	char *text;
	struct policy *policy;
	struct ruleset *ruleset;
	struct segments all[FAMILY_COUNT], wide[FAMILY_COUNT];
};

static void assert_host(const struct round *round, const char *what, enum family family,
                        number address, const struct host *host, const struct model_claim *expected)
{
	char name[16] = "nobody", at[ADDRESS_TEXT_MAX];
	struct address where = address_of(family, address);
	if (expected)
		snprintf(name, sizeof(name), "h%u", expected->host);
	ck_assert_msg(strcmp(host ? host->name : "nobody", name) == 0,
	              "EGRESSD_SEED=%llu, round %u: %s says that %s belongs to %s, not to %s\n%s",
	              (unsigned long long)first_seed, round->number, what,
	              address_print(&where, at), host ? host->name : "nobody", name, round->text);
}

/* By looking at all: the segments' order is another check. */
static const struct host *segment_host(const struct segments *segments,
                                       const struct address *address)
{
	ARRAY_FOREACH (segment, &segments->list)
		if (range_contains(&segment->range, address))
			return segment->host;
	return NULL;
}

static const char *map_chain(const struct ruleset *ruleset, const char *name,
                             const struct address *address)
{
	const struct set *set = ruleset_set(ruleset, name);
	size_t length = family_length(address->family);
	if (!set)
		return NULL;
	ck_assert(set->map);
	ARRAY_FOREACH (element, &set->elements) {
		int from = memcmp(element->from, address->bytes, length);
		if (set->interval ? from <= 0 && memcmp(address->bytes, element->to, length) <= 0
		                  : from == 0)
			return element->chain;
	}
	return NULL;
}

/* As the kernel looks an address up: in the hash first, then in the ranges. */
static const char *look_up(const struct ruleset *ruleset, const char *side,
                           const struct address *address)
{
	char name[32];
	int digit = address->family == FAMILY_IPV4 ? 4 : 6;
	snprintf(name, sizeof(name), "%s_address%d", side, digit);
	const char *chain = map_chain(ruleset, name, address);
	if (chain)
		return chain;
	snprintf(name, sizeof(name), "%s_range%d", side, digit);
	return map_chain(ruleset, name, address);
}

static void assert_chain(const struct round *round, const char *side, enum family family,
                         number address, const char *expected)
{
	struct address where = address_of(family, address);
	char at[ADDRESS_TEXT_MAX];
	const char *chain = look_up(round->ruleset, side, &where);
	if (chain && strcmp(chain, "not_judged") == 0)
		chain = NULL; /* as good as a miss */
	ck_assert_msg(strcmp(chain ? chain : "no chain", expected) == 0,
	              "EGRESSD_SEED=%llu, round %u: as %s, %s leads to %s, not to %s\n%s",
	              (unsigned long long)first_seed, round->number, side,
	              address_print(&where, at), chain ? chain : "no chain", expected, round->text);
}

/* Of many addresses around that one, each with another of the other family: the same as alone. */
static void probe_together(const struct round *round, enum family family, number address)
{
	struct address all[POLICY_AT_ONCE];
	const struct address *each[POLICY_AT_ONCE];
	const struct host *hosts[POLICY_AT_ONCE];
	for (unsigned i = 0; i < POLICY_AT_ONCE; i++) {
		all[i] = address_of(i % 4 ? family : !family, address ^ (number)i);
		each[i] = &all[i];
	}
	policy_hosts_at(round->policy, each, POLICY_AT_ONCE, hosts);
	for (unsigned i = 0; i < POLICY_AT_ONCE; i++)
		ck_assert_ptr_eq(hosts[i], policy_host_at(round->policy, &all[i]));
}

static void probe(const struct round *round, enum family family, number address)
{
	const struct model *model = &round->model;
	const struct model_claim *expected = narrowest(model, family, address, true);
	struct address where = address_of(family, address);
	char chain[32] = "no chain";

	assert_host(round, "policy_host_at()", family, address,
	            policy_host_at(round->policy, &where), expected);
	if (round->number % 8 == 0)
		probe_together(round, family, address);
	assert_host(round, "a segment", family, address, segment_host(&round->all[family], &where),
	            expected);
	assert_host(round, "a segment without singles", family, address,
	            segment_host(&round->wide[family], &where),
	            narrowest(model, family, address, false));

	unsigned role = expected ? model->host_role[expected->host] : 0;
	if (expected && !model->host_has_mac[expected->host])
		snprintf(chain, sizeof(chain), "role_r%u", role);
	else if (expected && is_single(expected))
		snprintf(chain, sizeof(chain), "bound_r%u", role);
	else if (expected)
		snprintf(chain, sizeof(chain), "host_h%u", expected->host);
	assert_chain(round, "source", family, address, chain);

	snprintf(chain, sizeof(chain), "no chain");
	if (expected && is_judged(role))
		snprintf(chain, sizeof(chain), "inbound_r%u", role);
	assert_chain(round, "destination", family, address, chain);
}

/* The address and both its neighbours, where there are any. */
static void probe_around(const struct round *round, enum family family, number address)
{
	if (address > 0)
		probe(round, family, address - 1);
	probe(round, family, address);
	if (address < end_of(family))
		probe(round, family, address + 1);
}

static void assert_ascending(const struct segments *segments)
{
	for (size_t i = 0; i < segments->list.count; i++) {
		const struct address_range *range = &segments->list.items[i].range;
		ck_assert_int_le(address_compare(&range->from, &range->to), 0);
		if (i > 0)
			ck_assert_int_lt(address_compare(&segments->list.items[i - 1].range.to,
			                                 &range->from),
			                 0);
	}
}

static void round_begin(struct round *round)
{
	make_model(&round->model);
	round->text = write_policy(&round->model);
	round->policy = assert_loads(round->text);
	ck_assert_int_eq(ruleset_compile(round->policy, 0, &round->ruleset), 0);
	for (int family = 0; family < FAMILY_COUNT; family++) {
		const struct claims *claims = &round->policy->claims[family];
		ck_assert_int_eq(segments_of(claims, true, &round->all[family]), 0);
		ck_assert_int_eq(segments_of(claims, false, &round->wide[family]), 0);
		assert_ascending(&round->all[family]);
		assert_ascending(&round->wide[family]);
	}
}

static void round_end(struct round *round)
{
	for (int family = 0; family < FAMILY_COUNT; family++) {
		ARRAY_DONE(&round->all[family].list);
		ARRAY_DONE(&round->wide[family].list);
	}
	ruleset_free(round->ruleset);
	policy_free(round->policy);
	free(round->text);
}

static unsigned long long from_environment(const char *name, unsigned long long otherwise)
{
	const char *text = getenv(name);
	return text && *text ? strtoull(text, NULL, 0) : otherwise;
}

START_TEST(an_address_belongs_to_the_narrowest_claim_wherever_it_is_asked)
{
	unsigned rounds = (unsigned)from_environment("EGRESSD_ROUNDS", ROUNDS_DEFAULT);
	size_t claims = 0;

	state = first_seed;
	for (unsigned i = 0; i < rounds; i++) {
		struct round round = {.number = i};
		round_begin(&round);
		for (int family = 0; family < FAMILY_COUNT; family++) {
			number end = end_of((enum family)family);
			probe_around(&round, (enum family)family, 0);
			probe_around(&round, (enum family)family, end);
			for (unsigned j = 0; j < RANDOM_PROBES; j++)
				probe(&round, (enum family)family, chance_up_to(end));
		}
		for (size_t j = 0; j < round.model.count; j++) {
			const struct model_claim *claim = &round.model.claims[j];
			probe_around(&round, claim->family, claim->from);
			probe_around(&round, claim->family, claim->to);
		}
		claims += round.model.count;
		round_end(&round);
	}
	printf("%zu claims in %u policies\n", claims, rounds);
	ck_assert_uint_gt(claims, rounds);
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("nested claims");
	first_seed = from_environment("EGRESSD_SEED", (unsigned long long)time(NULL));
	printf("EGRESSD_SEED=%llu\n", (unsigned long long)first_seed);
	fflush(stdout);
	tcase_set_timeout(tests, 600);
	tcase_add_test(tests, an_address_belongs_to_the_narrowest_claim_wherever_it_is_asked);
	return run_tests(tests);
}
