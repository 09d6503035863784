/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ruleset/hosts.h"

#include <errno.h>

/* A sweep over the claims: those open at the moment, and the first address not yet given out. */
struct sweep {
	struct segments *segments;
	ARRAY(const struct claim *) open;
	struct address next;
	bool at_end; /* the address space ended: there is no next */
};

static int give(struct sweep *sweep, const struct claim *claim, const struct address *last)
{
	if (sweep->at_end || address_compare(&sweep->next, last) > 0)
		return 0; /* an inner claim took the rest */

	struct segment *segment = ARRAY_ADD(&sweep->segments->list);
	if (!segment)
		return -ENOMEM;
	segment->range = (struct address_range){sweep->next, *last};
	segment->host = claim->host;
	segment->at = claim_location(claim);
	return 0;
}

static int close_innermost(struct sweep *sweep)
{
	const struct claim *claim = sweep->open.items[sweep->open.count - 1];
	int r = give(sweep, claim, &claim->written->range.to);
	if (r < 0)
		return r;
	sweep->at_end = !address_next(&claim->written->range.to, &sweep->next);
	sweep->open.count--;
	return 0;
}

static int open_claim(struct sweep *sweep, const struct claim *claim)
{
	while (sweep->open.count) {
		const struct claim *outer = sweep->open.items[sweep->open.count - 1];
		if (range_contains(&outer->written->range, &claim->written->range.from)) {
			struct address before;
			if (address_previous(&claim->written->range.from, &before)) {
				int r = give(sweep, outer, &before);
				if (r < 0)
					return r;
			}
			break;
		}
		int r = close_innermost(sweep);
		if (r < 0)
			return r;
	}

	const struct claim **slot = ARRAY_ADD(&sweep->open);
	if (!slot)
		return -ENOMEM;
	*slot = claim;
	sweep->next = claim->written->range.from;
	sweep->at_end = false;
	return 0;
}

int segments_of(const struct claims *claims, bool with_singles, struct segments *ret_segments)
{
	struct segments segments = {};
	struct sweep sweep = {.segments = &segments};
	int r = 0;

	for (size_t i = 0; i < claims->count && r == 0; i++) {
		if (with_singles || !range_is_single(&claims->items[i].written->range))
			r = open_claim(&sweep, &claims->items[i]);
	}
	while (sweep.open.count && r == 0)
		r = close_innermost(&sweep);
	ARRAY_DONE(&sweep.open);

	if (r < 0) {
		ARRAY_DONE(&segments.list);
		return r;
	}
	*ret_segments = segments;
	return 0;
}
