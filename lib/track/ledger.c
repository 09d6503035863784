/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "track/ledger.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct ledger_entry {
	struct ledger_noted noted;
	const char *lent; /* the host's name, until ledger_keep_names(); NULL: it is among these: */
	char names[2 * LEDGER_NAME_BYTES]; /* for ledger_host() and ledger_role() */
	uint8_t unused[16];                /* so that the next one begins a cache line, too */
};

_Static_assert(offsetof(struct ledger_key, source) == 0, "a key begins with the source");
_Static_assert(offsetof(struct ledger_noted, key) == 0, "what is noted begins with the key");
_Static_assert(offsetof(struct ledger_entry, noted) == 0, "an entry begins with what is noted");
/* Noting a packet is to touch two cache lines; with names of usual length it does. */
_Static_assert(offsetof(struct ledger_entry, names) <= 112, "little room for names in two lines");
_Static_assert(sizeof(struct ledger_noted) == 104, "what is noted has grown");
_Static_assert(sizeof(struct ledger_entry) == 256, "entries begin amid a cache line");
_Static_assert(sizeof(struct ledger_key) == 2 * sizeof(struct address) + 8, "key has padding");

struct ledger {
	struct recent *entries; /* of struct ledger_entry */
	struct ledger_totals totals;
};

int ledger_new(size_t max, struct ledger **ret_ledger)
{
	_cleanup_(ledger_freep) struct ledger *ledger = calloc(1, sizeof(*ledger));
	if (!ledger)
		return -ENOMEM;
	int r = recent_new_fair(max, sizeof(struct address), sizeof(struct ledger_key),
	                        sizeof(struct ledger_entry), &ledger->entries);
	if (r < 0)
		return r;
	/* Two empty names; what is behind them is never looked at. */
	recent_zero_only(ledger->entries, offsetof(struct ledger_entry, names) + 2);
	*ret_ledger = TAKE_POINTER(ledger);
	return 0;
}

struct ledger *ledger_free(struct ledger *ledger)
{
	if (ledger) {
		recent_free(ledger->entries);
		free(ledger);
	}
	return NULL;
}

/* The role stands right behind the host, so that both are in the line of what is counted. */
const char *ledger_host(const struct ledger_entry *entry)
{
	return entry->lent ? entry->lent : entry->names;
}

const char *ledger_role(const struct ledger_entry *entry)
{
	return entry->names + strlen(entry->names) + 1;
}

/* Names are stored cut, so they are compared cut. */
static bool same_name(const char *name, const char *wanted)
{
	return strncmp(name, wanted, LEDGER_NAME_BYTES - 1) == 0;
}

/* Returns where the next one goes. */
static char *put_name(char *to, const char *name)
{
	size_t n = strnlen(name, LEDGER_NAME_BYTES - 1);
	memcpy(to, name, n);
	to[n] = '\0';
	return to + n + 1;
}

static void set_names(struct ledger_entry *entry, const char *host, const char *role)
{
	entry->lent = NULL;
	(void)put_name(put_name(entry->names, host ? host : ""), role ? role : "");
}

static void lend_name(struct ledger_entry *entry, const char *host, const char *role)
{
	entry->lent = host;
	entry->names[0] = '\0';
	(void)put_name(entry->names + 1, role ? role : "");
}

static void keep_name(struct ledger_entry *entry)
{
	char role[LEDGER_NAME_BYTES];
	if (!entry->lent)
		return;
	(void)put_name(role, ledger_role(entry));
	set_names(entry, entry->lent, role);
}

/* The entries are the ledger's to change; to look one up would be another use of it. */
static struct ledger_entry *own(const struct ledger_entry *entry)
{
	return (struct ledger_entry *)(uintptr_t)entry;
}

void ledger_keep_names_of(struct ledger *ledger, const struct ledger_entry *entry)
{
	keep_name(own(entry));
}

void ledger_keep_names(struct ledger *ledger)
{
	for (const struct ledger_entry *entry = recent_first(ledger->entries); entry;
	     entry = recent_next(ledger->entries, entry))
		keep_name(own(entry));
}

/* Names hardly ever change, and to compare is quicker than to write. */
static bool has_names(const struct ledger_entry *entry, const char *host, const char *role)
{
	if (!entry->lent || entry->lent != host)
		if (!same_name(ledger_host(entry), host ? host : ""))
			return false;
	return same_name(ledger_role(entry), role ? role : "");
}

/* What has to make room for the next entry is summed up. */
static void make_room(struct ledger *ledger)
{
	const struct ledger_entry *victim = recent_victim(ledger->entries);
	if (victim) {
		ledger->totals.other_attempts += victim->noted.attempts;
		ledger->totals.other_passed += victim->noted.passed;
		ledger->totals.other_packets += victim->noted.packets;
		ledger->totals.other_entries++;
	}
}

/* Adds an entry of another ledger, of which nothing is there. */
static void put(struct ledger *ledger, const struct ledger_noted *noted, const char *host,
                const char *role)
{
	make_room(ledger);
	struct ledger_entry *entry = recent_add(ledger->entries, &noted->key);
	entry->noted = *noted;
	set_names(entry, host, role);
	if (noted->packets > 1)
		(void)recent_use(ledger->entries, &noted->key);
}

int ledger_resize(struct ledger **ledger, size_t max)
{
	_cleanup_(ledger_freep) struct ledger *resized = NULL;
	int r = ledger_new(max, &resized);
	if (r < 0)
		return r;

	resized->totals = (*ledger)->totals;
	for (const struct ledger_entry *entry = recent_last((*ledger)->entries); entry;
	     entry = recent_previous((*ledger)->entries, entry)) {
		put(resized, &entry->noted, ledger_host(entry), ledger_role(entry));
	}
	ledger_free(*ledger);
	*ledger = TAKE_POINTER(resized);
	return 0;
}

void ledger_expect(const struct ledger *ledger, const struct packet *packet, enum reason reason,
                   struct expected_entry *ret_expected)
{
	ret_expected->key = (struct ledger_key){
	        .source = packet->source,
	        .destination = packet->destination,
	        .port = packet->has_ports ? packet->destination_port : 0,
	        .protocol = packet->protocol,
	        .reason = (uint8_t)reason,
	        .has_port = packet->has_ports,
	};
	ret_expected->place = recent_expect(ledger->entries, &ret_expected->key);
}

const struct ledger_entry *ledger_note(struct ledger *ledger, const struct packet *packet,
                                       enum reason reason, const char *host, const char *role,
                                       const struct mac *mac, bool new_attempt, usec_t now)
{
	struct expected_entry expected;
	ledger_expect(ledger, packet, reason, &expected);
	const struct ledger_entry *entry =
	        ledger_note_expected(ledger, &expected, packet, host, role, mac, new_attempt, now);
	ledger_keep_names_of(ledger, entry);
	return entry;
}

const struct ledger_entry *ledger_note_expected(struct ledger *ledger,
                                                const struct expected_entry *expected,
                                                const struct packet *packet, const char *host,
                                                const char *role, const struct mac *mac,
                                                bool new_attempt, usec_t now)
{
	struct ledger_entry *entry =
	        recent_use_at(ledger->entries, &expected->key, expected->place);
	if (!entry) {
		make_room(ledger);
		entry = recent_add_at(ledger->entries, &expected->key, expected->place);
		entry->noted.first = now;
		entry->noted.last = now;
		lend_name(entry, host, role);
	} else if (!has_names(entry, host, role)) {
		lend_name(entry, host, role);
	}

	struct ledger_noted *noted = &entry->noted;
	noted->packets++;
	ledger->totals.packets++;
	if (new_attempt) {
		noted->attempts++;
		ledger->totals.attempts++;
	}
	/* Clocks step; what is shown must still be a span. */
	if (now < noted->first)
		noted->first = now;
	if (now > noted->last)
		noted->last = now;
	if (packet->has_ports)
		noted->source_port = packet->source_port;
	if (mac) {
		noted->mac = *mac;
		noted->has_mac = true;
	}
	noted->has_uid = false;
	return entry;
}

void ledger_note_passed(struct ledger *ledger, const struct ledger_entry *entry)
{
	struct ledger_noted *noted = &own(entry)->noted;
	if (noted->passed < LEDGER_PASSED_MAX)
		noted->passed++;
	ledger->totals.passed++;
}

void ledger_note_user(struct ledger *ledger, const struct ledger_entry *entry, uint32_t uid,
                      uint32_t gid)
{
	struct ledger_noted *noted = &own(entry)->noted;
	noted->has_uid = true;
	noted->uid = uid;
	noted->gid = gid;
}

void ledger_save(const struct ledger_entry *entry, struct ledger_saved *ret_saved)
{
	ret_saved->noted = entry->noted;
	(void)put_name(ret_saved->host, ledger_host(entry));
	(void)put_name(ret_saved->role, ledger_role(entry));
}

int ledger_restore(struct ledger *ledger, const struct ledger_saved *saved)
{
	const struct ledger_noted *noted = &saved->noted;
	if (recent_use(ledger->entries, &noted->key))
		return -EEXIST;
	put(ledger, noted, saved->host, saved->role);
	ledger->totals.attempts += noted->attempts;
	ledger->totals.passed += noted->passed;
	ledger->totals.packets += noted->packets;
	return 0;
}

void ledger_restore_others(struct ledger *ledger, uint64_t attempts, uint64_t passed,
                           uint64_t packets, uint64_t entries)
{
	ledger->totals.attempts += attempts;
	ledger->totals.passed += passed;
	ledger->totals.other_passed += passed;
	ledger->totals.packets += packets;
	ledger->totals.other_attempts += attempts;
	ledger->totals.other_packets += packets;
	ledger->totals.other_entries += entries;
}

static bool passes(const struct ledger_entry *entry, const struct ledger_filter *filter)
{
	if (!filter)
		return true;
	if (filter->source && address_compare(filter->source, &entry->noted.key.source) != 0)
		return false;
	if (filter->host && !same_name(ledger_host(entry), filter->host))
		return false;
	if (filter->role && !same_name(ledger_role(entry), filter->role))
		return false;
	if (filter->reason && *filter->reason != entry->noted.key.reason)
		return false;
	return entry->noted.last >= filter->since;
}

static const struct ledger_entry *pass_over(const struct ledger *ledger,
                                            const struct ledger_filter *filter,
                                            const struct ledger_entry *entry)
{
	while (entry && !passes(entry, filter))
		entry = recent_next(ledger->entries, entry);
	return entry;
}

const struct ledger_entry *ledger_first(const struct ledger *ledger,
                                        const struct ledger_filter *filter)
{
	return pass_over(ledger, filter, recent_first(ledger->entries));
}

const struct ledger_entry *ledger_next(const struct ledger *ledger,
                                       const struct ledger_filter *filter,
                                       const struct ledger_entry *entry)
{
	return pass_over(ledger, filter, recent_next(ledger->entries, entry));
}

size_t ledger_count(const struct ledger *ledger)
{
	return recent_count(ledger->entries);
}

struct ledger_totals ledger_totals(const struct ledger *ledger)
{
	return ledger->totals;
}
