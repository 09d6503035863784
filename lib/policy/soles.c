/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/soles.h"

#include <errno.h>
#include <endian.h>
#include <string.h>

struct sole {
	uint32_t address; /* its four bytes */
	uint32_t claim;   /* index, plus 1; 0: free */
};

/* Addresses that follow each other are spread evenly (Knuth, TAOCP 3, 6.4). */
static size_t place_of(const struct soles *soles, uint32_t address)
{
	uint32_t hash = be32toh(address) * 0x9e3779b1;
	return (size_t)((uint64_t)hash * soles->size >> 32);
}

static uint32_t word_of(const struct address *address)
{
	uint32_t word;
	memcpy(&word, address->bytes, sizeof(word));
	return word;
}

static bool is_sole(const struct claim *claim)
{
	const struct address_range *range = &claim->written->range;
	return range->from.family == FAMILY_IPV4 && range_is_single(range);
}

static size_t next(const struct soles *soles, size_t place)
{
	return place + 1 < soles->size ? place + 1 : 0;
}

int soles_make(struct arena *arena, const struct claims *claims, struct soles *ret_soles)
{
	size_t count = 0;
	for (size_t i = 0; i < claims->count; i++)
		count += is_sole(&claims->items[i]);

	/* One of three places is free, and of two one. */
	struct soles soles = {.size = count + (count + 1) / 2, .all = count == claims->count};
	if (count) {
		soles.items = arena_alloc(arena, soles.size, sizeof(*soles.items));
		if (!soles.items)
			return -ENOMEM;
	}
	for (size_t i = 0; i < claims->count; i++) {
		if (!is_sole(&claims->items[i]))
			continue;
		uint32_t address = word_of(&claims->items[i].written->range.from);
		size_t place = place_of(&soles, address);
		while (soles.items[place].claim)
			place = next(&soles, place);
		soles.items[place] = (struct sole){address, (uint32_t)i + 1};
	}
	*ret_soles = soles;
	return 0;
}

const struct claim *soles_find(const struct soles *soles, const struct claims *claims,
                               const struct address *address)
{
	if (!soles->size || address->family != FAMILY_IPV4)
		return NULL;
	uint32_t word = word_of(address);
	for (size_t place = place_of(soles, word); soles->items[place].claim;
	     place = next(soles, place))
		if (soles->items[place].address == word)
			return &claims->items[soles->items[place].claim - 1];
	return NULL;
}

void soles_prefetch(const struct soles *soles, const struct address *address)
{
	if (soles->size && address->family == FAMILY_IPV4)
		__builtin_prefetch(&soles->items[place_of(soles, word_of(address))]);
}
