/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "track/newcomer.h"

#include "track/recent.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct newcomers {
	struct recent *table;
};

int newcomers_new(size_t max, const struct tag_secret *secret, struct newcomers **ret_newcomers)
{
	_cleanup_(newcomers_freep) struct newcomers *newcomers = calloc(1, sizeof(*newcomers));
	if (!newcomers)
		return -ENOMEM;
	int r = recent_new(max, sizeof(struct address), sizeof(struct newcomer), &newcomers->table);
	if (r < 0)
		return r;
	recent_set_secret(newcomers->table, secret);
	/* Attempts behind the count are never looked at. */
	recent_zero_only(newcomers->table, offsetof(struct newcomer, attempts));
	*ret_newcomers = TAKE_POINTER(newcomers);
	return 0;
}

struct newcomers *newcomers_free(struct newcomers *newcomers)
{
	if (newcomers) {
		recent_free(newcomers->table);
		free(newcomers);
	}
	return NULL;
}

void newcomers_expect(const struct newcomers *newcomers, struct recent_place place)
{
	recent_expect_at(newcomers->table, place);
}

void newcomers_approach(const struct newcomers *newcomers, struct recent_place place)
{
	(void)recent_approach(newcomers->table, place, sizeof(struct newcomer));
}

struct newcomer *newcomers_get(struct newcomers *newcomers, const struct address *source,
                               struct recent_place place)
{
	struct newcomer *newcomer = recent_use_at(newcomers->table, source, place);
	return newcomer ? newcomer : recent_add_at(newcomers->table, source, place);
}

bool newcomer_keep(struct newcomer *newcomer, const struct evidence_attempt *attempt,
                   uint32_t bytes)
{
	bool fits = newcomer->count < NEWCOMER_ATTEMPTS;
	if (fits)
		newcomer->count++;
	else
		memmove(newcomer->attempts, newcomer->attempts + 1,
		        (NEWCOMER_ATTEMPTS - 1) * sizeof(newcomer->attempts[0]));
	newcomer->attempts[newcomer->count - 1] = (struct newcomer_attempt){
	        .time = attempt->time,
	        .destination = attempt->destination,
	        .bytes = bytes,
	        .source_port = attempt->source_port,
	        .passed = attempt->passed,
	};
	return fits;
}

bool newcomer_repeats(const struct newcomer *newcomer, const struct evidence_attempt *attempt,
                      usec_t apart)
{
	for (uint32_t i = 0; i < newcomer->count; i++) {
		const struct newcomer_attempt *kept = &newcomer->attempts[i];
		if (attempt->time >= kept->time && attempt->time - kept->time >= apart &&
		    memcmp(&kept->destination, &attempt->destination, sizeof(kept->destination)) ==
		            0)
			return true;
	}
	return false;
}
