/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "party.h"

#include <stdio.h>
#include <stdlib.h>

#define RANGES_SHOWN 3

static const struct location at_explain = {"explain", 0};

/* What a word stands for in each family: no address, the one, or more than one. */
struct party {
	const char *word;
	const struct host *host; /* NULL: it is an address */
	struct {
		unsigned count; /* 2 stands for all that are more */
		struct address address;
	} of[FAMILY_COUNT];
};

static void add_range(struct party *party, const struct address_range *range)
{
	enum family family = range->from.family;
	party->of[family].count += range_is_single(range) && !party->of[family].count ? 1 : 2;
	party->of[family].address = range->from;
}

static int read_word(const struct policy *policy, const char *word, struct problems *problems,
                     struct party *ret_party)
{
	struct address_range range;
	*ret_party = (struct party){.word = word};

	if (address_parse(word, &range.from) == 0) {
		range.to = range.from;
		add_range(ret_party, &range);
		return 0;
	}
	ret_party->host = policy_host(policy, word);
	if (!ret_party->host) {
		const char *nearest = policy_nearest_host(policy, word);
		if (!nearest)
			return PARTY_UNKNOWN;
		problems_add(problems, at_explain,
		             "\"%.64s\" is no address and no host; did you mean \"%s\"?", word,
		             nearest);
		return PARTY_WRONG;
	}
	for (uint32_t i = 0; i < ret_party->host->range_count; i++)
		add_range(ret_party, &ret_party->host->ranges[i].range);
	return 0;
}

/* Says which addresses a host has, of which one has to be chosen. */
static void refuse_host(const struct party *party, struct problems *problems)
{
	const struct host *host = party->host;
	_cleanup_free_ char *ranges = NULL;
	char text[RANGE_TEXT_MAX];
	size_t size;
	FILE *out = open_memstream(&ranges, &size);

	for (uint32_t i = 0; out && i < host->range_count && i < RANGES_SHOWN; i++)
		fprintf(out, "%s%s", i ? ", " : "", range_print(&host->ranges[i].range, text));
	if (out && host->range_count > RANGES_SHOWN)
		fputs(", ...", out);
	if (!out || fclose(out) != 0 || !host->range_count)
		problems_add(problems, at_explain, "%s is a host without an address; name one",
		             host->name);
	else
		problems_add(problems, at_explain, "%s is a host: %s; name one address of it",
		             host->name, ranges);
}

int parties_find(const struct policy *policy, const char *const words[static 2],
                 struct problems *problems, struct address ret_addresses[static 2],
                 unsigned *ret_word)
{
	struct party parties[2];
	for (unsigned i = 0; i < 2; i++) {
		*ret_word = i;
		int r = read_word(policy, words[i], problems, &parties[i]);
		if (r)
			return r;
	}
	for (int family = 0; family < FAMILY_COUNT; family++) {
		if (parties[0].of[family].count != 1 || parties[1].of[family].count != 1)
			continue;
		ret_addresses[0] = parties[0].of[family].address;
		ret_addresses[1] = parties[1].of[family].address;
		return 0;
	}
	if (!parties[0].host && !parties[1].host)
		return PARTY_APART;

	/* It is a host that does not have one address in the other's family. */
	for (unsigned i = 0; i < 2; i++) {
		bool fits = false;
		for (int family = 0; family < FAMILY_COUNT; family++)
			fits |= parties[i].of[family].count == 1 && parties[!i].of[family].count;
		if (parties[i].host && !fits) {
			*ret_word = i;
			refuse_host(&parties[i], problems);
			return PARTY_WRONG;
		}
	}
	return PARTY_APART;
}
