/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ruleset/recover.h"

#include "base/arena.h"
#include "base/index.h"
#include "policy/policy.h"
#include "policy/request_text.h"
#include "ruleset/names.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What a request of the list is about: only one of a kind is about the same. */
struct subject {
	const char *text; /* the address or the host's name */
	size_t position;  /* in the list */
};

struct recovery {
	struct requests *requests;
	usec_t now;
	struct recovered recovered;
	/* Of each kind but permits: to search the list each time would take the square of it. */
	struct known {
		ARRAY(struct subject) subjects;
		struct index index;
	} known[REQUEST_KIND_COUNT];
	struct arena *arena; /* has their texts */
};

/* An end is up to a second later in the kernel than it was asked for, and so is what is left. */
#define END_SLACK (3 * USEC_PER_SEC)

/*
 * What is left is true whatever was done to the clock. If the end that the comment tells agrees, it
 * is that, and the element need not be put there anew.
 */
static usec_t end_of(const struct recovery *recovery, const struct life *life, usec_t told)
{
	usec_t end = recovery->now + life->left * USEC_PER_SEC;
	usec_t last = told + USEC_PER_SEC - 1; /* that is told as the same second */
	if (!life->timeout)
		return 0;
	bool agrees = last > end ? last - end <= END_SLACK : end - last <= END_SLACK;
	return told && agrees && last > recovery->now ? last : end;
}

static bool ends_later(usec_t a, usec_t b)
{
	return b && (!a || a > b);
}

static char *copy_fitting(const char *text, size_t max)
{
	return text && request_text_fits(text, max) ? strdup(text) : NULL;
}

static const char *subject_of(const struct request_entry *entry,
                              char buffer[static ADDRESS_TEXT_MAX])
{
	if (entry->kind == REQUEST_ASSIGN)
		return address_print(&entry->address, buffer);
	return entry->kind == REQUEST_QUARANTINE ? entry->host : "";
}

/* The request of that place becomes known by what it is about. 0 or -ENOMEM. */
static int note_subject(struct recovery *recovery, size_t position)
{
	const struct request_entry *entry = &recovery->requests->list.items[position];
	char buffer[ADDRESS_TEXT_MAX];
	if (entry->kind == REQUEST_PERMIT)
		return 0;
	char *text = arena_strdup(recovery->arena, subject_of(entry, buffer));
	struct subject *subject = text ? ARRAY_ADD(&recovery->known[entry->kind].subjects) : NULL;
	if (!subject)
		return -ENOMEM;
	*subject = (struct subject){text, position};
	return 0;
}

/* As requests_before(). */
static struct request_entry *find_before(struct recovery *recovery,
                                         const struct request_entry *entry)
{
	struct known *known = &recovery->known[entry->kind];
	char buffer[ADDRESS_TEXT_MAX];
	const struct subject *subject =
	        index_find(&known->index, known->subjects.items, known->subjects.count,
	                   sizeof(*subject), subject_of(entry, buffer));
	return subject ? &recovery->requests->list.items[subject->position] : NULL;
}

/*
 * Adds one, whose subject is filled in and who lasts as the element does. Of a host there are as
 * many elements as addresses: it is one request.
 */
static int add(struct recovery *recovery, struct request_entry *entry, const struct life *life,
               const struct request_words *words, size_t *count)
{
	entry->since = recovery->now;
	entry->until = end_of(recovery, life, words->until);
	if (entry->until && entry->until <= entry->since)
		return 0;
	struct request_entry *before = find_before(recovery, entry);
	if (before) {
		if (before->uid == REQUEST_UID_UNKNOWN && ends_later(entry->until, before->until))
			before->until = entry->until;
		return 0;
	}

	entry->uid = REQUEST_UID_UNKNOWN;
	entry->user = copy_fitting(words->user, REQUEST_USER_MAX);
	entry->why = copy_fitting(words->why, REQUEST_WHY_MAX);
	if (!entry->user)
		entry->user = strdup("unknown");
	if (!entry->user)
		return -ENOMEM;
	entry->automatic =
	        entry->kind == REQUEST_QUARANTINE && strcmp(entry->user, REQUEST_USER_OWN) == 0;
	int r = requests_append(recovery->requests, entry);
	if (r < 0)
		return r;
	++*count;
	return note_subject(recovery, recovery->requests->list.count - 1);
}

static enum family family_of(const struct set *set)
{
	return set->type == SET_IPV4 ? FAMILY_IPV4 : FAMILY_IPV6;
}

static struct address address_of(const struct set *set, const struct element *element)
{
	struct address address = {.family = family_of(set)};
	memcpy(address.bytes, element->key, family_length(address.family));
	return address;
}

/* True for a set of addresses that take a role, which is that. */
static bool is_of_role(const struct set *set, char role[static NAME_MAX_BYTES + 1])
{
	size_t prefix = strlen(SET_ASSIGNED_TO), length = strlen(set->name);
	if (strncmp(set->name, SET_ASSIGNED_TO, prefix) != 0 || set->interval ||
	    (set->type != SET_IPV4 && set->type != SET_IPV6) || length < prefix + 3 ||
	    length - prefix - 2 > NAME_MAX_BYTES)
		return false;
	snprintf(role, NAME_MAX_BYTES + 1, "%.*s", (int)(length - prefix - 2), set->name + prefix);
	return request_text_fits(role, NAME_MAX_BYTES);
}

static int recover_assignment(struct recovery *recovery, const struct set *set,
                              const struct element *element, const char *role)
{
	const struct life *life = element->life;
	struct request_words words;
	struct request_entry entry = {
	        .kind = REQUEST_ASSIGN,
	        .address = address_of(set, element),
	        .role = strdup(role),
	};
	request_read(life->comment ? life->comment : "", &words);
	int r = entry.role ? add(recovery, &entry, life, &words, &recovery->recovered.assignments)
	                   : -ENOMEM;
	request_done(&entry);
	return r;
}

static int recover_quarantine(struct recovery *recovery, const struct set *set,
                              const struct element *element)
{
	char text[ADDRESS_TEXT_MAX];
	const struct life *life = element->life;
	struct request_words words;
	request_read(life->comment ? life->comment : "", &words);

	const char *whose = words.host;
	if (!whose && !set->interval && set->type != SET_ETHER) {
		const struct address address = address_of(set, element);
		whose = address_print(&address, text);
	}
	if (!whose || !request_text_fits(whose, NAME_MAX_BYTES)) {
		recovery->recovered.untold++;
		return 0;
	}
	struct request_entry entry = {.kind = REQUEST_QUARANTINE, .host = strdup(whose)};
	int r = entry.host ? add(recovery, &entry, life, &words, &recovery->recovered.quarantines)
	                   : -ENOMEM;
	request_done(&entry);
	if (r == -ENOSPC)
		recovery->recovered.untold++;
	return r;
}

static bool is_of_quarantine(const struct set *set)
{
	return strncmp(set->name, SET_QUARANTINED, strlen(SET_QUARANTINED)) == 0;
}

/* True for a set that is as we make them, and was read. */
static bool is_ours(const struct set *set)
{
	return set->timed && !set->map && !set->foreign && !set->unread &&
	       (set->type == SET_IPV4 || set->type == SET_IPV6 || set->type == SET_ETHER);
}

static int recover_set(struct recovery *recovery, const struct set *set)
{
	char role[NAME_MAX_BYTES + 1];
	bool assigned = is_of_role(set, role), quarantined = is_of_quarantine(set);
	if (!is_ours(set)) {
		recovery->recovered.untold += quarantined;
		return 0;
	}
	ARRAY_FOREACH (element, &set->elements) {
		int r = 0;
		if (assigned)
			r = recover_assignment(recovery, set, element, role);
		else if (quarantined)
			r = recover_quarantine(recovery, set, element);
		if (r < 0 && r != -ENOSPC)
			return r;
	}
	return 0;
}

static void note_permit(struct recovery *recovery, const struct chain *chain)
{
	struct request_words words;
	char *end;
	if (strncmp(chain->name, CHAIN_PERMIT, strlen(CHAIN_PERMIT)) != 0)
		return;
	const char *number = chain->name + strlen(CHAIN_PERMIT);
	unsigned long long id = strtoull(number, &end, 10);
	if (end == number || *end || id >= UINT64_MAX / 4)
		return;
	if (id >= recovery->requests->next_id)
		recovery->requests->next_id = id + 1;
	request_read(chain->comment ? chain->comment : "", &words);
	if (!requests_by_id(recovery->requests, id) && words.until > recovery->now)
		recovery->recovered.permits++;
}

static void recovery_done(struct recovery *recovery)
{
	for (size_t i = 0; i < REQUEST_KIND_COUNT; i++) {
		ARRAY_DONE(&recovery->known[i].subjects);
		index_done(&recovery->known[i].index);
	}
	arena_free(recovery->arena);
}

int ruleset_recover(const struct ruleset *table, usec_t now, struct requests *requests,
                    struct recovered *ret_recovered)
{
	_cleanup_(recovery_done) struct recovery recovery = {
	        .requests = requests,
	        .now = now,
	        .arena = arena_new(),
	};
	if (!recovery.arena)
		return -ENOMEM;
	for (size_t i = 0; i < requests->list.count; i++) {
		int r = note_subject(&recovery, i);
		if (r < 0)
			return r;
	}
	/* First, for what they leave is what the others are numbered by. */
	ARRAY_FOREACH (chain, &table->chains)
		note_permit(&recovery, chain);
	ARRAY_FOREACH (set, &table->sets) {
		int r = recover_set(&recovery, set);
		if (r < 0)
			return r;
	}
	*ret_recovered = recovery.recovered;
	return 0;
}
