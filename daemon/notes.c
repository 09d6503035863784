/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "notes.h"

#include "base/array.h"
#include "kernel/route.h"
#include "policy/runtime.h"
#include "question.h"
#include "replies.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DESTINATIONS_MOST 256 /* of a permit are looked at; a network may have a million */
#define FINDINGS_MOST     16

struct notes {
	json_t *list;
	bool incomplete; /* there was no memory for all */
};

__attribute__((format(printf, 2, 3))) static void note(struct notes *notes, const char *format, ...)
{
	_cleanup_free_ char *text = NULL;
	va_list arguments;
	va_start(arguments, format);
	if (vasprintf(&text, format, arguments) < 0)
		text = NULL;
	va_end(arguments);
	if (!text || json_array_append_new(notes->list, reply_string(text)) < 0)
		notes->incomplete = true;
}

static json_t *finish(struct notes *notes)
{
	if (notes->incomplete) {
		json_decref(notes->list);
		return NULL;
	}
	return notes->list;
}

/* What comes from elsewhere than from inside is not judged by who sends it. */
static void note_place(struct notes *notes, const struct policy *policy,
                       const struct address *address)
{
	struct route route;
	char text[ADDRESS_TEXT_MAX];
	if (route_lookup(address, &route) != 0 || route.local ||
	    policy_is_inside(policy, route.interface))
		return;
	note(notes,
	     "%s is behind %s, which is no inside interface: what it initiates is not judged",
	     address_print(address, text), route.interface);
}

static void note_quarantine(struct notes *notes, const struct quarantine *quarantine,
                            const char *name, const char *consequence)
{
	char text[ADDRESS_TEXT_MAX];
	if (quarantine)
		note(notes, "%s is in quarantine: %s, until egressctl release %s", name,
		     consequence,
		     quarantine->host ? quarantine->host->name
		                      : address_print(&quarantine->address, text));
}

/* An address that belongs to the host, in that family: what is true of it is true of the others. */
static bool address_of(const struct policy *policy, const struct host *host, enum family family,
                       struct address *ret_address)
{
	for (uint32_t i = 0; i < host->range_count; i++) {
		const struct address *address = &host->ranges[i].range.from;
		if (address->family == family && policy_host_at(policy, address) == host) {
			*ret_address = *address;
			return true;
		}
	}
	return false;
}

/* What is said of one destination after the other; of those alike only the first is told of. */
struct review {
	struct notes *notes;
	struct question question;
	bool has_source[FAMILY_COUNT];
	struct address sources[FAMILY_COUNT];
	struct {
		enum reason reason;
		const struct role *role;
	} findings[FINDINGS_MOST];
	size_t finding_count;
	size_t destination_count;
};

static bool is_new(struct review *review, const struct offence *offence)
{
	for (size_t i = 0; i < review->finding_count; i++)
		if (review->findings[i].reason == offence->reason &&
		    review->findings[i].role == offence->role)
			return false;
	if (review->finding_count == FINDINGS_MOST)
		return false;
	review->findings[review->finding_count].reason = offence->reason;
	review->findings[review->finding_count++].role = offence->role;
	return true;
}

static void note_offence(struct review *review, const struct offence *offence)
{
	const struct question *question = &review->question;
	char text[ADDRESS_TEXT_MAX];
	const char *still = offence->mode == MODE_AUDIT ? "would still be blocked, but for audit,"
	                                                : "still blocked";
	address_print(&question->connection.destination, text);

	switch (offence->reason) {
	case REASON_BLOCKLIST:
		note(review->notes, "%s to %s: it is on the blocklist (%s:%u)", still, text,
		     offence->at.file, offence->at.line);
		return;
	case REASON_INBOUND:
		note(review->notes, "%s to %s: role %s may not be reached on %s (%s:%u)", still,
		     text, offence->role->name, question->service, offence->at.file,
		     offence->at.line);
		return;
	case REASON_QUARANTINE: /* said of the host */
	case REASON_SPOOFED:
	case REASON_UNASSIGNED:
	case REASON_IMPOSTOR:
	case REASON_ROLE:
	case REASON_THROTTLE:
		return; /* not with a permit, and the right MAC at the right place */
	}
}

static void review_destination(struct review *review, const struct address *address)
{
	struct question *question = &review->question;
	const struct policy *policy = question->policy;
	struct judgement judgement;
	char text[ADDRESS_TEXT_MAX];

	if (!review->has_source[address->family] || review->destination_count == DESTINATIONS_MOST)
		return;
	review->destination_count++;
	question->connection.source = review->sources[address->family];
	question->connection.destination = *address;
	question->connection.has_mac = false;
	if (question_find_mac(question, NULL) < 0 || question_judge(question, &judgement) < 0)
		return;
	for (size_t i = 0; i < judgement.offence_count && !judgement.passes; i++)
		if (is_new(review, &judgement.offences[i]))
			note_offence(review, &judgement.offences[i]);
	/* One is enough to look for what is wrong. */
	const struct quarantine *quarantine = policy_quarantine(policy, address, NULL, NULL);
	const struct offence answers = {.reason = REASON_QUARANTINE};
	if (quarantine && is_new(review, &answers))
		note_quarantine(review->notes, quarantine, address_print(address, text),
		                "its answers are dropped");
}

static void review_host(struct review *review, const struct host *host)
{
	struct address address;
	for (int family = 0; family < FAMILY_COUNT; family++)
		if (address_of(review->question.policy, host, (enum family)family, &address))
			review_destination(review, &address);
}

static void review_role(struct review *review, const struct role *role)
{
	const struct policy *policy = review->question.policy;
	for (size_t i = 0; i < policy->hosts.count; i++)
		if (policy->hosts.items[i].role == role &&
		    review->destination_count < DESTINATIONS_MOST)
			review_host(review, &policy->hosts.items[i]);
	for (size_t i = 0; policy->runtime && i < policy->runtime->assignments.count; i++)
		if (policy->runtime->assignments.items[i].host.role == role)
			review_destination(review, &policy->runtime->assignments.items[i].address);
}

static void review_peer(struct review *review, const struct peer *peer)
{
	switch (peer->kind) {
	case PEER_RANGE:
		review_destination(review, &peer->range.from);
		return;
	case PEER_NETWORK:
		for (size_t i = 0; i < peer->network->range_count &&
		                   review->destination_count < DESTINATIONS_MOST;
		     i++)
			review_destination(review, &peer->network->ranges[i].from);
		return;
	case PEER_HOST:
		review_host(review, peer->host);
		return;
	case PEER_ROLE:
		review_role(review, peer->role);
		return;
	}
}

static const struct permit *find_permit(const struct policy *policy, uint64_t id)
{
	for (size_t i = 0; policy->runtime && i < policy->runtime->permits.count; i++)
		if (policy->runtime->permits.items[i].id == id)
			return &policy->runtime->permits.items[i];
	return NULL;
}

/* From where it is initiated: the address that may, or one of each family of the host that may. */
static void find_sources(struct review *review, const struct permit *permit)
{
	for (int family = 0; family < FAMILY_COUNT; family++) {
		struct address *source = &review->sources[family];
		if (permit->host) {
			review->has_source[family] = address_of(
			        review->question.policy, permit->host, (enum family)family, source);
		} else if (permit->address.family == (enum family)family) {
			review->has_source[family] = true;
			*source = permit->address;
		}
	}
}

/* The host's place and its quarantine; true when it is judged at all. */
static void note_sources(struct review *review, const struct permit *permit, const char *name)
{
	const struct policy *policy = review->question.policy;
	const struct mac *mac = permit->host && permit->host->mac_count ? permit->host->macs : NULL;
	const struct quarantine *quarantine = NULL;

	for (int family = 0; family < FAMILY_COUNT; family++) {
		if (!review->has_source[family])
			continue;
		if (!permit->host || !permit->host->self)
			note_place(review->notes, policy, &review->sources[family]);
		if (!quarantine)
			quarantine = policy_quarantine(policy, &review->sources[family], mac, NULL);
	}
	note_quarantine(review->notes, quarantine, name, "nothing that it sends goes anywhere");
}

json_t *notes_on_permit(const struct policy *policy, const struct request_entry *entry)
{
	struct notes notes = {.list = json_array()};
	struct review review = {.notes = &notes, .question.policy = policy};
	const struct permit *permit = find_permit(policy, entry->id);

	if (!notes.list || !permit || question_find_service(&review.question, entry->service) < 0)
		return notes.list;
	review.question.connection.origin =
	        permit->host && permit->host->self ? ORIGIN_SELF : ORIGIN_INSIDE;
	find_sources(&review, permit);
	note_sources(&review, permit, entry->host);
	for (size_t i = 0; i < permit->permission.peer_count; i++)
		review_peer(&review, &permit->permission.resolved_peers[i]);
	return finish(&notes);
}

json_t *notes_on_assignment(const struct policy *policy, const struct address *address)
{
	struct notes notes = {.list = json_array()};
	const struct claim *claim = policy_claim_at(policy, address);
	char text[ADDRESS_TEXT_MAX];

	if (!notes.list)
		return NULL;
	if (claim)
		note(&notes, "it goes before host %s (role %s), to which %s belongs otherwise",
		     claim->host->name, claim->host->role->name, address_print(address, text));
	note_place(&notes, policy, address);
	note_quarantine(&notes, policy_quarantine(policy, address, NULL, NULL),
	                address_print(address, text), "nothing that it sends goes anywhere");
	return finish(&notes);
}

json_t *notes_on_unassigned(const struct policy *policy, const struct address *address)
{
	struct notes notes = {.list = json_array()};
	const struct claim *claim = policy_claim_at(policy, address);

	if (!notes.list)
		return NULL;
	if (claim)
		note(&notes, "it belongs to host %s again, with role %s", claim->host->name,
		     claim->host->role->name);
	else
		note(&notes, "it is no host now: what it initiates is unassigned");
	return finish(&notes);
}
