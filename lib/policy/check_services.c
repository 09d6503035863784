/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/checker.h"

#include "base/cleanup.h"
#include "base/protocol.h"
#include "policy/literal.h"
#include "policy/references.h"

#include <errno.h>
#include <string.h>

/* The service that a word names; its own name inside a definition is none. */
static const struct service *named_service(struct checker *checker, const char *text,
                                           const struct service *self)
{
	size_t index;
	uint8_t protocol;
	if (!names_find(&checker->services, text, &index))
		return NULL;
	const struct service *service = &checker->policy->services.items[index];
	return service == self && protocol_parse(text, &protocol) == 0 ? NULL : service;
}

static void report_unknown(struct checker *checker, const struct word *word)
{
	if (checker->partial)
		return;
	const char *nearest = names_nearest(&checker->services, word->text, checker->problems);
	if (nearest)
		problems_add(checker->problems, word->at,
		             "unknown service \"%s\"; did you mean \"%s\"?", word->text, nearest);
	else
		problems_add(checker->problems, word->at,
		             "unknown service \"%s\"; define it in services, or write a literal "
		             "such as \"tcp/8443\"",
		             word->text);
}

static int add_items(item_array *items, const struct service_item *more, size_t count)
{
	if (ARRAY_RESERVE(items, items->count + count) < 0)
		return -ENOMEM;
	if (count)
		memcpy(items->items + items->count, more, count * sizeof(*more));
	items->count += count;
	return 0;
}

int check_service_word(struct checker *checker, const struct word *word, const struct service *self,
                       item_array *items)
{
	const struct service *service = named_service(checker, word->text, self);
	if (service)
		return add_items(items, service->resolved.items, service->resolved.count);

	struct service_item item;
	char hint[HINT_MAX];
	switch (literal_parse(word->text, &item, hint)) {
	case LITERAL_OK:
		return add_items(items, &item, 1);
	case LITERAL_NONE:
		report_unknown(checker, word);
		return 0;
	case LITERAL_WRONG:
		problems_add(checker->problems, word->at, "%s", hint);
		return 0;
	}
	abort(); /* no other value is ever made */
}

struct ordered_item {
	struct service_item item;
	size_t order;
};

static int compare_items(const struct service_item *a, const struct service_item *b)
{
	if (a->protocol != b->protocol)
		return a->protocol < b->protocol ? -1 : 1;
	if (a->from != b->from)
		return a->from < b->from ? -1 : 1;
	if (a->to != b->to)
		return a->to < b->to ? -1 : 1;
	return strcmp(a->helper ? a->helper : "", b->helper ? b->helper : "");
}

static int compare_by_item(const void *a, const void *b)
{
	const struct ordered_item *x = a, *y = b;
	int c = compare_items(&x->item, &y->item);
	return c ? c : (x->order > y->order) - (x->order < y->order);
}

static int compare_by_order(const void *a, const void *b)
{
	const struct ordered_item *x = a, *y = b;
	return (x->order > y->order) - (x->order < y->order);
}

int check_keep_items(struct checker *checker, item_array *items, struct service_items *ret_items)
{
	size_t count = items->count, kept = 0;
	*ret_items = (struct service_items){};
	if (!count)
		return 0;

	_cleanup_free_ struct ordered_item *ordered = calloc(count, sizeof(*ordered));
	if (!ordered)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++)
		ordered[i] = (struct ordered_item){items->items[i], i};
	qsort(ordered, count, sizeof(*ordered), compare_by_item);
	for (size_t i = 0; i < count; i++)
		if (!i || compare_items(&ordered[kept - 1].item, &ordered[i].item) != 0)
			ordered[kept++] = ordered[i];
	qsort(ordered, kept, sizeof(*ordered), compare_by_order);

	for (size_t i = 0; i < kept; i++)
		items->items[i] = ordered[i].item;
	ret_items->items =
	        arena_copy(checker->policy->arena, items->items, kept, sizeof(*items->items));
	if (!ret_items->items)
		return -ENOMEM;
	ret_items->count = kept;
	return 0;
}

static int resolve(struct checker *checker, struct service *service,
                   const struct referrer *referrer)
{
	item_array items = {};
	int r = 0;
	for (size_t i = 0, next = 0; r == 0 && i < service->ports.count; i++) {
		const struct word *word = &service->ports.items[i];
		if (named_service(checker, word->text, service) && referrer->items[next++].loops)
			continue;
		r = check_service_word(checker, word, service, &items);
	}
	if (r == 0 && service->helper)
		check_helper(checker, service, items.items, items.count);
	if (r == 0)
		r = check_keep_items(checker, &items, &service->resolved);
	ARRAY_DONE(&items);
	return r;
}

/* The references of one service to others, in the order of its words. */
static int collect(struct checker *checker, const struct service *service,
                   struct referrer *ret_referrer)
{
	struct policy *policy = checker->policy;
	struct referrer referrer = {.name = service->name};
	if (service->ports.count) {
		referrer.items =
		        arena_alloc(policy->arena, service->ports.count, sizeof(*referrer.items));
		if (!referrer.items)
			return -ENOMEM;
	}
	for (size_t i = 0; i < service->ports.count; i++) {
		const struct word *word = &service->ports.items[i];
		const struct service *other = named_service(checker, word->text, service);
		if (other)
			referrer.items[referrer.count++] = (struct reference){
			        .to = (size_t)(other - policy->services.items),
			        .at = word->at,
			};
	}
	*ret_referrer = referrer;
	return 0;
}

int check_services(struct checker *checker)
{
	struct policy *policy = checker->policy;
	size_t count = policy->services.count;
	_cleanup_free_ struct referrer *referrers = calloc(count + 1, sizeof(*referrers));
	_cleanup_free_ size_t *order = calloc(count + 1, sizeof(*order));
	if (!referrers || !order)
		return -ENOMEM;

	int r = 0;
	for (size_t i = 0; r == 0 && i < count; i++)
		r = collect(checker, &policy->services.items[i], &referrers[i]);
	if (r == 0)
		r = references_order(referrers, count, "services", checker->problems, order);
	for (size_t i = 0; r == 0 && i < count; i++)
		r = resolve(checker, &policy->services.items[order[i]], &referrers[order[i]]);
	return r;
}
