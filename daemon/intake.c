/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "intake.h"

#include "policy/judge.h"
#include "track/attempt.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Records taken together: what they need of the tables fits into the nearest cache. */
#define BATCH POLICY_AT_ONCE

/* The prefix of a record, and what it says: most records have the same as the one before. */
struct heading {
	char prefix[LOG_PREFIX_MAX];
	bool ours;
	enum reason reason;
	const char *role; /* into prefix, or NULL */
};

struct intake {
	struct intake_hooks hooks;
	void *userdata;
	const struct policy *policy; /* borrowed, or NULL */
	struct attempts *attempts;
	struct ledger *ledger;
	struct ledger_limits limits; /* of these two */
	struct heading heading;
	uint64_t received;
};

int intake_new(const struct intake_hooks *hooks, void *userdata, struct intake **ret_intake)
{
	_cleanup_(intake_freep) struct intake *intake = calloc(1, sizeof(*intake));
	if (!intake)
		return -ENOMEM;
	intake->hooks = *hooks;
	intake->userdata = userdata;
	intake->limits = (struct ledger_limits){LEDGER_ENTRIES_DEFAULT, LEDGER_ATTEMPTS_DEFAULT};

	int r = attempts_new(intake->limits.attempts, &intake->attempts);
	if (r >= 0)
		r = ledger_new(intake->limits.entries, &intake->ledger);
	if (r < 0)
		return r;
	*ret_intake = TAKE_POINTER(intake);
	return 0;
}

struct intake *intake_free(struct intake *intake)
{
	if (intake) {
		ledger_free(intake->ledger);
		attempts_free(intake->attempts);
		free(intake);
	}
	return NULL;
}

int intake_use_policy(struct intake *intake, const struct policy *policy)
{
	struct ledger_limits *limits = &intake->limits;
	int r = 0;

	if (policy != intake->policy)
		ledger_keep_names(intake->ledger);
	intake->policy = policy;
	if (!policy)
		return 0;
	const struct ledger_limits *wanted = &policy->gateway.ledger;
	if (wanted->entries != limits->entries) {
		r = ledger_resize(&intake->ledger, wanted->entries);
		if (r < 0)
			return r;
		limits->entries = wanted->entries;
	}
	if (wanted->attempts != limits->attempts) {
		r = attempts_resize(intake->attempts, wanted->attempts);
		if (r < 0)
			return r;
		limits->attempts = wanted->attempts;
	}
	return 0;
}

/* A record of ours, taken apart. */
struct blocked {
	const struct record *record;
	const char *role; /* into its prefix, or NULL */
	enum reason reason;
	struct packet packet;
	struct expected_attempt attempt;
	struct expected_entry entry;
	struct expected_source source;
	const struct host *host;        /* at the address of its source */
	const struct host *destination; /* looked up for `inbound` alone, which is its own */
};

/* The host of the source: by its address, or by its MAC where that alone is known of a host. */
static const struct host *source_of(const struct intake *intake, const struct blocked *blocked)
{
	const struct record *record = blocked->record;
	enum reason reason = blocked->reason;
	/* A forged address is nobody's: naming its owner would accuse the wrong one. */
	if (!intake->policy || reason == REASON_SPOOFED)
		return NULL;

	const struct host *host = blocked->host;
	if (!host && record->has_mac && intake->policy->sole_mac_count)
		host = policy_host_by_mac(intake->policy, &record->mac);
	if (!host && !record->interface && reason != REASON_UNASSIGNED)
		host = intake->policy->self;
	return host;
}

/*
 * Audit let the packet pass, as far as this reason goes: another one may have stopped it after
 * that, and then that one has a record of its own. By the policy that is in force now, which may be
 * another one than when the kernel judged the packet, a moment ago.
 */
static bool has_passed(const struct intake *intake, const struct blocked *blocked,
                       const struct host *source)
{
	const struct policy *policy = intake->policy;
	bool own = !blocked->record->interface && policy && policy->self;
	const struct host *host = blocked->reason == REASON_INBOUND ? blocked->destination
	                          : own                             ? policy->self
	                                                            : source;
	return policy && judged_mode(policy, blocked->reason, blocked->role, host) == MODE_AUDIT;
}

static void read_heading(struct heading *heading, const char *prefix)
{
	size_t length = strlen(prefix);
	heading->ours = false;
	heading->prefix[0] = '\0';
	if (length >= sizeof(heading->prefix))
		return; /* longer than the kernel takes one from a rule */
	memcpy(heading->prefix, prefix, length + 1);
	heading->ours = log_prefix_parse(heading->prefix, &heading->reason, &heading->role) == 0;
}

/* False for a record of another program, which may log to the same group, and for no packet. */
static bool dissect(struct intake *intake, const struct record *record, struct blocked *ret_blocked)
{
	struct heading *heading = &intake->heading;
	if (strcmp(heading->prefix, record->prefix) != 0)
		read_heading(heading, record->prefix);
	if (!heading->ours)
		return false;
	intake->received++;
	ret_blocked->record = record;
	ret_blocked->reason = heading->reason;
	ret_blocked->role =
	        heading->role ? record->prefix + (heading->role - heading->prefix) : NULL;
	return packet_dissect(record->payload, record->payload_length, &ret_blocked->packet) == 0;
}

static void expect(const struct intake *intake, struct blocked *blocked)
{
	const struct packet *packet = &blocked->packet;
	attempts_expect(intake->attempts, packet, blocked->reason, &blocked->attempt);
	ledger_expect(intake->ledger, packet, blocked->reason, &blocked->entry);
	if (intake->hooks.expect)
		blocked->source = intake->hooks.expect(&packet->source, intake->userdata);
}

static inline void touch(const void *at)
{
	(void)*(const volatile char *)at;
}

/*
 * What will be asked of the hosts is read here, from the first bytes to the last: that waits for
 * memory once for all of them, where what was only prefetched had not come in time.
 */
static void touch_hosts(const struct host *const *hosts, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (hosts[i])
			touch(hosts[i]);
	for (size_t i = 0; i < count; i++)
		if (hosts[i])
			touch(&hosts[i]->one_machine);
}

/* Whose inbound it was that blocked some of them. */
static void find_destinations(const struct intake *intake, struct blocked *blocked, size_t count)
{
	const struct address *destinations[BATCH];
	const struct host *hosts[BATCH] = {};
	size_t asked[BATCH], n = 0;
	for (size_t i = 0; i < count; i++) {
		blocked[i].destination = NULL;
		if (blocked[i].reason != REASON_INBOUND)
			continue;
		asked[n] = i;
		destinations[n++] = &blocked[i].packet.destination;
	}
	if (!intake->policy || !n)
		return;
	policy_hosts_at(intake->policy, destinations, n, hosts);
	for (size_t i = 0; i < n; i++)
		blocked[asked[i]].destination = hosts[i];
	touch_hosts(hosts, n);
}

static void find_hosts(const struct intake *intake, struct blocked *blocked, size_t count)
{
	const struct address *sources[BATCH];
	const struct host *hosts[BATCH] = {};
	for (size_t i = 0; i < count; i++)
		sources[i] = &blocked[i].packet.source;
	if (intake->policy && count)
		policy_hosts_at(intake->policy, sources, count, hosts);
	for (size_t i = 0; i < count; i++)
		blocked[i].host = hosts[i];
	touch_hosts(hosts, count);
	find_destinations(intake, blocked, count);
}

static void note(struct intake *intake, const struct blocked *blocked)
{
	const struct record *record = blocked->record;
	const struct packet *packet = &blocked->packet;
	bool fresh = attempts_note_expected(intake->attempts, &blocked->attempt, record->time) ==
	             ATTEMPT_NEW;
	const struct host *source = source_of(intake, blocked);
	const struct sighting sighting = {
	        .host = source,
	        .passed = fresh && has_passed(intake, blocked, source),
	        .interface = record->interface,
	        .leaves_by = record->leaves_by,
	        .bytes = packet->total_length,
	        .expected = intake->hooks.expect ? &blocked->source : NULL,
	};
	const struct ledger_entry *entry = ledger_note_expected(
	        intake->ledger, &blocked->entry, packet, sighting.host ? sighting.host->name : NULL,
	        blocked->role, record->has_mac ? &record->mac : NULL, fresh, record->time);
	if (sighting.passed)
		ledger_note_passed(intake->ledger, entry);
	if (sighting.host && !policy_has_host(intake->policy, sighting.host))
		ledger_keep_names_of(intake->ledger, entry); /* it may go before the policy does */
	if (record->has_uid)
		ledger_note_user(intake->ledger, entry, record->uid, record->gid);
	if (fresh && intake->hooks.attempt)
		intake->hooks.attempt(entry, &sighting, intake->userdata);
}

static void take_batch(struct intake *intake, const struct record *records, size_t count)
{
	struct blocked blocked[BATCH];
	size_t ours = 0;
	for (size_t i = 0; i < count; i++)
		if (dissect(intake, &records[i], &blocked[ours]))
			expect(intake, &blocked[ours++]);
	find_hosts(intake, blocked, ours);
	for (size_t i = 0; i < ours && intake->hooks.approach; i++) {
		const struct stream stream = ledger_stream(&blocked[i].entry.key);
		intake->hooks.approach(&blocked[i].source, &stream, intake->userdata);
	}
	for (size_t i = 0; i < ours; i++)
		note(intake, &blocked[i]);
}

void intake_take(struct intake *intake, const struct record *records, size_t count)
{
	for (; count > BATCH; records += BATCH, count -= BATCH)
		take_batch(intake, records, BATCH);
	take_batch(intake, records, count);
}

uint64_t intake_received(const struct intake *intake)
{
	return intake->received;
}

struct ledger *intake_ledger(struct intake *intake)
{
	return intake->ledger;
}
