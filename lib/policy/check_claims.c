/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/checker.h"

#include "base/cleanup.h"
#include "policy/soles.h"

#include <errno.h>

/* First address first, widest first, and of equal ones the one that was written first. */
static int compare_claims(const void *a, const void *b)
{
	const struct claim *x = a, *y = b;
	const struct address_range *p = &x->written->range, *q = &y->written->range;
	int c = address_compare(&p->from, &q->from);
	if (!c)
		c = address_compare(&q->to, &p->to);
	if (!c)
		c = (x->host > y->host) - (x->host < y->host);
	if (!c)
		c = (x->written > y->written) - (x->written < y->written);
	return c;
}

/* As they are in many a file that a program wrote. */
static bool are_sorted(const struct claims *claims)
{
	for (size_t i = 1; i < claims->count; i++)
		if (compare_claims(&claims->items[i - 1], &claims->items[i]) > 0)
			return false;
	return true;
}

static int collect(struct policy *policy, enum family family, struct claims *ret_claims)
{
	size_t count = 0;
	for (size_t i = 0; i < policy->hosts.count; i++)
		for (size_t j = 0; j < policy->hosts.items[i].range_count; j++)
			count += policy->hosts.items[i].ranges[j].range.from.family == family;

	*ret_claims = (struct claims){};
	if (!count)
		return 0;
	ret_claims->items = arena_alloc(policy->arena, count, sizeof(*ret_claims->items));
	if (!ret_claims->items)
		return -ENOMEM;
	for (size_t i = 0; i < policy->hosts.count; i++) {
		const struct host *host = &policy->hosts.items[i];
		for (size_t j = 0; j < host->range_count; j++)
			if (host->ranges[j].range.from.family == family)
				ret_claims->items[ret_claims->count++] =
				        (struct claim){host, &host->ranges[j], -1};
	}
	if (!are_sorted(ret_claims))
		qsort(ret_claims->items, count, sizeof(*ret_claims->items), compare_claims);
	return 0;
}

static bool is_equal(const struct claim *a, const struct claim *b)
{
	const struct address_range *p = &a->written->range, *q = &b->written->range;
	return address_compare(&p->from, &q->from) == 0 && address_compare(&p->to, &q->to) == 0;
}

/* Two claims that cannot both stand; the one that was written later is to blame. */
static void report(struct checker *checker, const struct claim *a, const struct claim *b)
{
	bool b_later = b->host != a->host ? b->host > a->host : b->written > a->written;
	const struct claim *later = b_later ? b : a, *first = b_later ? a : b;
	struct location later_at = claim_location(later), first_at = claim_location(first);
	char text[RANGE_TEXT_MAX], other[RANGE_TEXT_MAX];
	range_print(&later->written->range, text);
	range_print(&first->written->range, other);
	if (is_equal(a, b))
		problems_add(checker->problems, later_at, "%s is already host \"%s\" at %s:%u",
		             text, first->host->name, first_at.file, first_at.line);
	else
		problems_add(checker->problems, later_at,
		             "%s crosses %s, which is already host \"%s\" at %s:%u; one must lie "
		             "within the other",
		             text, other, first->host->name, first_at.file, first_at.line);
}

/* Finds the claim around each one; a claim that cannot stand is taken out. */
static int nest(struct checker *checker, struct claims *claims)
{
	/* The claims around the present one, the innermost last. */
	_cleanup_free_ size_t *around = calloc(claims->count + 1, sizeof(*around));
	if (!around)
		return -ENOMEM;

	size_t depth = 0, kept = 0;
	for (size_t i = 0; i < claims->count; i++) {
		struct claim claim = claims->items[i];
		const struct address_range *range = &claim.written->range;
		while (depth && address_compare(&claims->items[around[depth - 1]].written->range.to,
		                                &range->from) < 0)
			depth--;
		if (depth) {
			const struct claim *outer = &claims->items[around[depth - 1]];
			bool within = address_compare(&range->to, &outer->written->range.to) <= 0;
			if (!within || is_equal(outer, &claim)) {
				report(checker, outer, &claim);
				continue;
			}
			claim.parent = (ptrdiff_t)around[depth - 1];
		}
		claims->items[kept] = claim;
		around[depth++] = kept++;
	}
	claims->count = kept;
	return 0;
}

static int note_starts(struct arena *arena, struct claims *claims)
{
	if (!claims->count)
		return 0;
	claims->starts = arena_alloc(arena, claims->count, sizeof(*claims->starts));
	if (!claims->starts)
		return -ENOMEM;
	for (size_t i = 0; i < claims->count; i++)
		claims->starts[i] = address_start(&claims->items[i].written->range.from);
	return 0;
}

int check_claims(struct checker *checker)
{
	for (unsigned family = 0; family < FAMILY_COUNT; family++) {
		struct claims *claims = &checker->policy->claims[family];
		int r = collect(checker->policy, (enum family)family, claims);
		if (r == 0)
			r = nest(checker, claims);
		if (r == 0)
			r = note_starts(checker->policy->arena, claims);
		if (r == 0)
			r = soles_make(checker->policy->arena, claims, &claims->soles);
		if (r < 0)
			return r;
	}
	return 0;
}
