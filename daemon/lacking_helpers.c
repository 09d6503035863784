/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lacking_helpers.h"

#include "base/array.h"
#include "kernel/helpers.h"
#include "policy/runtime.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>

#define NAME_BYTES 32
#define ASKED_MAX  (HELPER_KIND_COUNT * 2 * FAMILY_COUNT)

/* Questions to the kernel: each is about one kind, protocol and family. */
struct question {
	const struct helper_kind *kind;
	uint8_t protocol, family;
};

static void need_items(struct helper_set *needed, const struct service_items *items)
{
	for (size_t i = 0; i < items->count; i++) {
		const struct service_item *item = &items->items[i];
		const struct helper_kind *kind = item->helper ? helper_kind(item->helper) : NULL;
		if (kind)
			helper_set_add(needed, kind, item->protocol,
			               helper_kind_families(kind, item->protocol));
	}
}

static void need_list(struct helper_set *needed, const struct permission_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		need_items(needed, &list->items[i]->resolved);
}

static void need_policy(struct helper_set *needed, const struct policy *policy)
{
	for (size_t i = 0; i < policy->roles.count; i++) {
		need_list(needed, &policy->roles.items[i].may_initiate);
		need_list(needed, &policy->roles.items[i].may_be_reached);
	}
	for (size_t i = 0; policy->runtime && i < policy->runtime->permits.count; i++)
		need_items(needed, &policy->runtime->permits.items[i].permission.resolved);
}

static size_t list_questions(const struct helper_set *needed, const struct helper_set *found,
                             struct question questions[static ASKED_MAX])
{
	static const uint8_t protocols[] = {IPPROTO_TCP, IPPROTO_UDP};
	size_t count = 0;
	for (size_t i = 0; i < HELPER_KIND_COUNT; i++) {
		for (size_t j = 0; j < ELEMENTS_OF(protocols); j++) {
			const struct helper_kind *kind = &helper_kinds[i];
			uint8_t families = helper_set_families(needed, kind, protocols[j]) &
			                   (uint8_t)~helper_set_families(found, kind, protocols[j]);
			for (int family = 0; family < FAMILY_COUNT; family++)
				if (families & FAMILY_BIT(family))
					questions[count++] = (struct question){kind, protocols[j],
					                                       FAMILY_BIT(family)};
		}
	}
	return count;
}

int lacking_helpers_find(struct kernel *kernel, struct helper_set *found, struct policy *policy)
{
	struct helper_set needed = {};
	struct question questions[ASKED_MAX];
	struct helper helpers[ASKED_MAX];
	char names[ASKED_MAX][NAME_BYTES];
	bool lacking[ASKED_MAX];

	policy->lacking_helpers = (struct helper_set){};
	need_policy(&needed, policy);
	size_t count = list_questions(&needed, found, questions);
	for (size_t i = 0; i < count; i++) {
		snprintf(names[i], sizeof(names[i]), "question_%zu", i);
		helpers[i] = (struct helper){.name = names[i],
		                             .kind = questions[i].kind->name,
		                             .protocol = questions[i].protocol,
		                             .families = questions[i].family};
	}
	int r = helpers_ask(kernel, helpers, count, lacking);
	for (size_t i = 0; r >= 0 && i < count; i++)
		helper_set_add(lacking[i] ? &policy->lacking_helpers : found, questions[i].kind,
		               questions[i].protocol, questions[i].family);
	return r;
}

char *lacking_helpers_text(const struct policy *policy)
{
	_cleanup_free_ char *list = NULL;
	size_t size = 0, count = 0;
	char *text;

	FILE *out = open_memstream(&list, &size);
	if (!out)
		return NULL;
	for (size_t i = 0; i < HELPER_KIND_COUNT; i++) {
		const struct helper_kind *kind = &helper_kinds[i];
		uint8_t families =
		        helper_set_families(&policy->lacking_helpers, kind, IPPROTO_TCP) |
		        helper_set_families(&policy->lacking_helpers, kind, IPPROTO_UDP);
		if (families)
			fprintf(out, "%s\"%s\" (module %s)", count++ ? ", " : "", kind->name,
			        kind->module);
	}
	int r = ferror(out);
	if (fclose(out) != 0 || r || !count ||
	    asprintf(&text,
	             "the kernel lacks the conntrack %s %s: services with it are permitted, but "
	             "the further connections that they agree on are not; load the module, "
	             "then `egressctl reload`",
	             count == 1 ? "helper" : "helpers", list) < 0)
		return NULL;
	return text;
}
