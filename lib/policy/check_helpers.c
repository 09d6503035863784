/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/checker.h"

#include "base/protocol.h"
#include "base/spelling.h"

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define MODULE_PREFIX "nf_conntrack_"
#define LIST_TEXT_MAX 256

/* Appends `, "NAME"`; the last two words of the list are joined by the conjunction. */
static void list_kind(char text[static LIST_TEXT_MAX], const struct helper_kind *kind,
                      const char *separator)
{
	size_t length = strlen(text);
	snprintf(text + length, LIST_TEXT_MAX - length, "%s\"%s\"", length ? separator : "",
	         kind->name);
}

/* True for the name in other letters, and for the kernel module's name with or without prefix. */
static bool means(const struct helper_kind *kind, const char *written)
{
	return strcasecmp(written, kind->name) == 0 || strcasecmp(written, kind->module) == 0 ||
	       strcasecmp(written, kind->module + strlen(MODULE_PREFIX)) == 0;
}

static void report_unknown(struct checker *checker, const struct service *service)
{
	struct spelling spelling = {.written = service->helper};
	char meant[LIST_TEXT_MAX] = "", all[LIST_TEXT_MAX] = "";
	for (size_t i = 0; i < HELPER_KIND_COUNT; i++) {
		spelling_offer(&spelling, helper_kinds[i].name);
		list_kind(all, &helper_kinds[i], i + 1 < HELPER_KIND_COUNT ? ", " : " and ");
		if (means(&helper_kinds[i], service->helper))
			list_kind(meant, &helper_kinds[i], " or ");
	}
	if (!*meant && spelling.nearest)
		list_kind(meant, helper_kind(spelling.nearest), "");
	if (*meant)
		problems_add(checker->problems, service->at,
		             "unknown helper \"%s\" of service \"%s\"; did you mean %s?",
		             service->helper, service->name, meant);
	else
		problems_add(checker->problems, service->at,
		             "unknown helper \"%s\" of service \"%s\"; there are %s",
		             service->helper, service->name, all);
}

/* "udp/21", "udp/5000-5010", "icmp/8" or "gre". */
#define ITEM_TEXT_MAX (PROTOCOL_TEXT_MAX + 16)
static const char *print_item(const struct service_item *item, uint8_t protocol,
                              char buffer[static ITEM_TEXT_MAX])
{
	char name[PROTOCOL_TEXT_MAX];
	protocol_print(protocol, name);
	if (!protocol_has_ports(item->protocol) && !protocol_has_types(item->protocol))
		snprintf(buffer, ITEM_TEXT_MAX, "%s", name);
	else if (item->from == item->to)
		snprintf(buffer, ITEM_TEXT_MAX, "%s/%u", name, item->from);
	else
		snprintf(buffer, ITEM_TEXT_MAX, "%s/%u-%u", name, item->from, item->to);
	return buffer;
}

/* The name of the kind that the kernel gives such a helper's connections by, or NULL. */
static const char *assigned_by(const struct helper_kind *kind)
{
	for (size_t i = 0; i < HELPER_KIND_COUNT; i++)
		for (size_t j = 0; j < HELPER_FOLLOWERS_MAX && helper_kinds[i].followers[j]; j++)
			if (helper_kinds[i].tcp &&
			    strcmp(helper_kinds[i].followers[j], kind->name) == 0)
				return helper_kinds[i].name;
	return NULL;
}

static void report_protocol(struct checker *checker, const struct service *service,
                            const struct helper_kind *kind, const struct service_item *item)
{
	char written[ITEM_TEXT_MAX], right[ITEM_TEXT_MAX];
	const char *only = !kind || (kind->tcp && kind->udp) ? "tcp and udp"
	                   : kind->tcp                       ? "tcp"
	                                                     : "udp";
	print_item(item, item->protocol, written);
	const char *other = kind ? assigned_by(kind) : NULL;
	if (other && item->protocol == IPPROTO_TCP)
		problems_add(
		        checker->problems, service->at,
		        "service \"%s\" cannot have the helper \"%s\" for \"%s\": the kernel "
		        "assigns it to what the helper \"%s\" agrees on; write helper = \"%s\"",
		        service->name, kind->name, written, other, other);
	else if (kind && !(kind->tcp && kind->udp) && protocol_has_ports(item->protocol))
		problems_add(checker->problems, service->at,
		             "service \"%s\" cannot have the helper \"%s\", which is for %s only; "
		             "write \"%s\" instead of \"%s\", or take the helper out",
		             service->name, service->helper, only,
		             print_item(item, kind->tcp ? IPPROTO_TCP : IPPROTO_UDP, right),
		             written);
	else
		problems_add(checker->problems, service->at,
		             "service \"%s\" cannot have the helper \"%s\", which is for %s only; "
		             "move \"%s\" to a service without a helper",
		             service->name, service->helper, only, written);
}

void check_helper(struct checker *checker, const struct service *service,
                  struct service_item *items, size_t count)
{
	const struct helper_kind *kind = helper_kind(service->helper);
	const struct service_item *wrong = NULL;

	if (!kind)
		report_unknown(checker, service);
	for (size_t i = 0; i < count; i++) {
		struct service_item *item = &items[i];
		if (item->helper)
			continue;
		bool fits = kind ? helper_kind_families(kind, item->protocol) != 0
		                 : item->protocol == IPPROTO_TCP || item->protocol == IPPROTO_UDP;
		if (!fits && !wrong)
			wrong = item;
		item->helper = service->helper;
	}
	if (wrong)
		report_protocol(checker, service, kind, wrong);
}
