/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ruleset/ruleset.h"

#include "base/index.h"

#include <stdlib.h>
#include <string.h>

bool rule_counts(const struct ruleset *ruleset, const struct rule *rule)
{
	switch (rule->when) {
	case RULE_ALWAYS:
		return true;
	case RULE_JUDGING:
		return ruleset->phase == PHASE_JUDGING;
	}
	abort(); /* no other value is ever made */
}

struct ruleset_names {
	struct index counters, helpers, sets, chains, files;
};

static struct ruleset_names *names_free(struct ruleset_names *names)
{
	if (!names)
		return NULL;
	index_done(&names->counters);
	index_done(&names->helpers);
	index_done(&names->sets);
	index_done(&names->chains);
	index_done(&names->files);
	free(names);
	return NULL;
}

struct ruleset *ruleset_new(void)
{
	_cleanup_(ruleset_freep) struct ruleset *ruleset = calloc(1, sizeof(*ruleset));
	if (!ruleset)
		return NULL;
	ruleset->references = 1;
	ruleset->arena = arena_new();
	ruleset->names = calloc(1, sizeof(*ruleset->names));
	if (!ruleset->arena || !ruleset->names)
		return NULL;
	return TAKE_POINTER(ruleset);
}

struct ruleset *ruleset_hold(const struct ruleset *ruleset)
{
	struct ruleset *held = (struct ruleset *)ruleset; /* only to count who has it */
	held->references++;
	return held;
}

struct ruleset *ruleset_in_phase(struct ruleset *of, enum phase phase)
{
	struct ruleset *ruleset = ruleset_new();
	if (!ruleset)
		return NULL;
	of->references++;
	ruleset->names = names_free(ruleset->names);
	ruleset->of = of;
	ruleset->phase = phase;
	ruleset->exists = of->exists;
	ruleset->flags = of->flags;
	ruleset->comment = of->comment;
	ruleset->names = of->names;
	memcpy(&ruleset->counters, &of->counters, sizeof(of->counters));
	memcpy(&ruleset->helpers, &of->helpers, sizeof(of->helpers));
	memcpy(&ruleset->sets, &of->sets, sizeof(of->sets));
	memcpy(&ruleset->chains, &of->chains, sizeof(of->chains));
	memcpy(&ruleset->files, &of->files, sizeof(of->files));
	return ruleset;
}

static void free_objects(struct ruleset *ruleset)
{
	ARRAY_FOREACH (set, &ruleset->sets)
		ARRAY_DONE(&set->elements);
	ARRAY_FOREACH (chain, &ruleset->chains)
		ARRAY_DONE(&chain->rules);
	ARRAY_DONE(&ruleset->counters);
	ARRAY_DONE(&ruleset->helpers);
	ARRAY_DONE(&ruleset->sets);
	ARRAY_DONE(&ruleset->chains);
	ARRAY_DONE(&ruleset->files);
	names_free(ruleset->names);
}

struct ruleset *ruleset_free(struct ruleset *ruleset)
{
	if (!ruleset || --ruleset->references > 0)
		return NULL;

	if (ruleset->of)
		ruleset_free(ruleset->of);
	else
		free_objects(ruleset);
	ARRAY_DONE(&ruleset->foreign);
	ARRAY_DONE(&ruleset->objects);
	arena_free(ruleset->arena);
	free(ruleset);
	return NULL;
}

/* The fields of a key, in nft's spelling, and the bytes that each takes in the key. */
static const struct set_type_row {
	const char *name;
	size_t key_length;
} set_types[] = {
        [SET_IFNAME] = {"ifname", 16},
        [SET_IPV4] = {"ipv4_addr", 4},
        [SET_IPV6] = {"ipv6_addr", 16},
        [SET_PROTOCOL] = {"inet_proto", 1},
        [SET_PORT] = {"inet_service", 2},
        [SET_ICMP_TYPE] = {"icmp_type", 1},
        [SET_ICMPV6_TYPE] = {"icmpv6_type", 1},
        [SET_ETHER] = {"ether_addr", 6},
        [SET_SERVICE] = {"inet_proto . inet_service", 8},
        [SET_IPV4_SERVICE] = {"ipv4_addr . inet_proto . inet_service", 12},
        [SET_IPV6_SERVICE] = {"ipv6_addr . inet_proto . inet_service", 24},
        [SET_IPV4_ETHER] = {"ipv4_addr . ether_addr", 12},
        [SET_IPV6_ETHER] = {"ipv6_addr . ether_addr", 24},
        [SET_IPV4_PAIR] = {"ipv4_addr . ipv4_addr", 8},
        [SET_IPV6_PAIR] = {"ipv6_addr . ipv6_addr", 32},
        [SET_IPV4_FLOW] = {"ipv4_addr . inet_proto . inet_service . ipv4_addr . inet_service", 20},
        [SET_IPV6_FLOW] = {"ipv6_addr . inet_proto . inet_service . ipv6_addr . inet_service", 44},
};

size_t set_key_length(enum set_type type)
{
	return set_types[type].key_length;
}

const char *set_type_name(enum set_type type)
{
	return set_types[type].name;
}

const char *limit_unit_name(uint64_t unit)
{
	static const struct {
		uint64_t seconds;
		const char *name;
	} units[] = {
	        {1, "second"}, {60, "minute"}, {3600, "hour"}, {86400, "day"}, {604800, "week"}};

	for (size_t i = 0; i < ELEMENTS_OF(units); i++)
		if (units[i].seconds == unit)
			return units[i].name;
	return NULL;
}

const struct life *life_copy(struct arena *arena, const struct life *life)
{
	struct life *copy = arena_copy(arena, life, 1, sizeof(*life));
	if (!copy || !life->comment)
		return copy;
	copy->comment = arena_strdup(arena, life->comment);
	return copy->comment ? copy : NULL;
}

struct location element_location(const struct ruleset *ruleset, const struct element *element)
{
	if (!element->file || element->file > ruleset->files.count)
		return (struct location){};
	return (struct location){ruleset->files.items[element->file - 1], element->line};
}

int element_compare(const struct element *a, const struct element *b)
{
	return memcmp(a->bytes, b->bytes, sizeof(a->bytes));
}

static int compare_elements(const void *a, const void *b)
{
	return element_compare(a, b);
}

size_t set_kernel_count(const struct set *set)
{
	static const uint8_t last[16] = {[0 ... 15] = 0xff};
	size_t count = set->elements.count;
	if (!set->interval || !count)
		return count;
	bool endless =
	        memcmp(set->elements.items[count - 1].to, last, set_key_length(set->type)) == 0;
	return (2 * count - endless) / 2;
}

/* In order, and no two equal: as addresses come from a policy, whose claims are sorted. */
static bool is_sorted(const struct set *set)
{
	for (size_t i = 1; i < set->elements.count; i++)
		if (element_compare(&set->elements.items[i - 1], &set->elements.items[i]) >= 0)
			return false;
	return true;
}

void set_sort(struct set *set)
{
	if (is_sorted(set))
		return;

	qsort(set->elements.items, set->elements.count, sizeof(struct element), compare_elements);

	size_t last = 0;
	for (size_t i = 1; i < set->elements.count; i++)
		if (element_compare(&set->elements.items[last], &set->elements.items[i]) != 0)
			set->elements.items[++last] = set->elements.items[i];
	set->elements.count = last + 1;
}

/* What is called so in one of the arrays. A table without objects may be without an index. */
#define FIND(ruleset, field, name)                                                                 \
	((ruleset)->field.count == 0                                                               \
	         ? NULL                                                                            \
	         : index_find(&(ruleset)->names->field, (ruleset)->field.items,                    \
	                      (ruleset)->field.count, sizeof(*(ruleset)->field.items), (name)))

struct set *ruleset_set(const struct ruleset *ruleset, const char *name)
{
	return FIND(ruleset, sets, name);
}

struct chain *ruleset_chain(const struct ruleset *ruleset, const char *name)
{
	return FIND(ruleset, chains, name);
}

struct counter *ruleset_counter(const struct ruleset *ruleset, const char *name)
{
	return FIND(ruleset, counters, name);
}

struct helper *ruleset_helper(const struct ruleset *ruleset, const char *name)
{
	return FIND(ruleset, helpers, name);
}

const char **ruleset_file(const struct ruleset *ruleset, const char *name)
{
	return FIND(ruleset, files, name);
}
