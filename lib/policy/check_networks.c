/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/checker.h"

#include "policy/range_word.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

static int resolve(struct checker *checker, struct network *network)
{
	size_t count = network->addresses.count + network->listed_count;
	if (!count)
		return 0;
	/* A long list need not be there twice. */
	if (!network->addresses.count &&
	    ranges_are_merged(network->listed, network->listed_count)) {
		network->ranges = network->listed;
		network->range_count = network->listed_count;
		return 0;
	}

	ARRAY(struct address_range) ranges = {};
	if (ARRAY_RESERVE(&ranges, count) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < network->addresses.count; i++) {
		const struct word *word = &network->addresses.items[i];
		if (range_word_parse(word->text, word->at, checker->problems,
		                     &ranges.items[ranges.count]))
			ranges.count++;
	}
	if (network->listed_count)
		memcpy(ranges.items + ranges.count, network->listed,
		       network->listed_count * sizeof(*ranges.items));
	ranges.count = ranges_merge(ranges.items, ranges.count + network->listed_count);
	network->range_count = ranges.count;
	network->ranges = ARENA_KEEP(checker->policy->arena, &ranges);
	ARRAY_DONE(&ranges);
	return network->ranges || !network->range_count ? 0 : -ENOMEM;
}

int check_networks(struct checker *checker)
{
	int r = 0;
	for (size_t i = 0; r == 0 && i < checker->policy->networks.count; i++)
		r = resolve(checker, &checker->policy->networks.items[i]);
	return r;
}

/* What comes behind "host:" or "role:", or NULL. */
static const char *after(const char *text, const char *prefix)
{
	size_t n = strlen(prefix);
	return strncmp(text, prefix, n) == 0 ? text + n : NULL;
}

/* Names have none of these, and do not begin with a digit. */
static bool looks_like_address(const char *text)
{
	return isdigit((unsigned char)text[0]) || strpbrk(text, ".:/");
}

static void report_unknown(struct checker *checker, const struct word *word, const char *what,
                           const char *name, const struct names *names)
{
	size_t index;
	const char *nearest = names_nearest(names, name, checker->problems);
	if (checker->partial)
		return;
	if (names == &checker->networks && names_find(&checker->hosts, name, &index))
		problems_add(checker->problems, word->at,
		             "unknown network \"%s\"; did you mean \"host:%s\"?", name, name);
	else if (names == &checker->networks && names_find(&checker->roles, name, &index))
		problems_add(checker->problems, word->at,
		             "unknown network \"%s\"; did you mean \"role:%s\"?", name, name);
	else if (nearest)
		problems_add(checker->problems, word->at, "unknown %s \"%s\"; did you mean \"%s\"?",
		             what, name, nearest);
	else
		problems_add(checker->problems, word->at, "unknown %s \"%s\"", what, name);
}

static bool resolve_host(struct checker *checker, const struct word *word, const char *name,
                         struct peer *ret_peer)
{
	size_t index;
	if (!names_find(&checker->hosts, name, &index)) {
		report_unknown(checker, word, "host", name, &checker->hosts);
		return false;
	}
	const struct host *host = &checker->policy->hosts.items[index];
	if (!host->ranges) {
		problems_add(checker->problems, word->at,
		             "host \"%s\" has no address by which it could be told", name);
		return false;
	}
	*ret_peer = (struct peer){.kind = PEER_HOST, .host = host, .at = word->at};
	return true;
}

static bool resolve_role(struct checker *checker, const struct word *word, const char *name,
                         struct peer *ret_peer)
{
	size_t index;
	if (!names_find(&checker->roles, name, &index)) {
		report_unknown(checker, word, "role", name, &checker->roles);
		return false;
	}
	*ret_peer = (struct peer){
	        .kind = PEER_ROLE,
	        .role = &checker->policy->roles.items[index],
	        .at = word->at,
	};
	return true;
}

/* False: the word is no peer, and that was reported. */
static bool resolve_peer(struct checker *checker, const struct word *word, bool hosts,
                         struct peer *ret_peer)
{
	const char *host = after(word->text, "host:");
	const char *role = after(word->text, "role:");
	size_t index;
	if ((host || role) && !hosts) {
		problems_add(checker->problems, word->at,
		             "\"%s\": the blocklist takes networks and addresses only", word->text);
		return false;
	}
	if (host)
		return resolve_host(checker, word, host, ret_peer);
	if (role)
		return resolve_role(checker, word, role, ret_peer);
	if (names_find(&checker->networks, word->text, &index)) {
		*ret_peer = (struct peer){
		        .kind = PEER_NETWORK,
		        .network = &checker->policy->networks.items[index],
		        .at = word->at,
		};
		return true;
	}
	if (!looks_like_address(word->text)) {
		report_unknown(checker, word, "network", word->text, &checker->networks);
		return false;
	}
	*ret_peer = (struct peer){.kind = PEER_RANGE, .at = word->at};
	return range_word_parse(word->text, word->at, checker->problems, &ret_peer->range);
}

int check_peers(struct checker *checker, const struct words *words, bool hosts,
                struct peer **ret_peers, size_t *ret_count)
{
	*ret_peers = NULL;
	*ret_count = 0;
	if (!words->count)
		return 0;
	struct peer *peers = arena_alloc(checker->policy->arena, words->count, sizeof(*peers));
	if (!peers)
		return -ENOMEM;
	size_t count = 0;
	for (size_t i = 0; i < words->count; i++)
		if (resolve_peer(checker, &words->items[i], hosts, &peers[count]))
			count++;
	*ret_peers = peers;
	*ret_count = count;
	return 0;
}
