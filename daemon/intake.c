/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "intake.h"

#include "track/attempt.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The prefix of a record, and what it says: most records have the same as the one before. */
struct heading {
	char prefix[LOG_PREFIX_MAX];
	bool ours;
	enum reason reason;
	const char *role; /* into prefix, or NULL */
};

struct intake {
	intake_attempt_t attempt;
	void *userdata;
	const struct policy *policy; /* borrowed, or NULL */
	struct attempts *attempts;
	struct ledger *ledger;
	struct ledger_limits limits; /* of these two */
	struct heading heading;
	uint64_t received;
};

int intake_new(intake_attempt_t attempt, void *userdata, struct intake **ret_intake)
{
	_cleanup_(intake_freep) struct intake *intake = calloc(1, sizeof(*intake));
	if (!intake)
		return -ENOMEM;
	intake->attempt = attempt;
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
		r = attempts_resize(&intake->attempts, wanted->attempts);
		if (r < 0)
			return r;
		limits->attempts = wanted->attempts;
	}
	return 0;
}

/* The host of the source: by its address, or by its MAC where that alone is known of a host. */
static const struct host *find_source(const struct intake *intake, const struct record *record,
                                      const struct packet *packet, enum reason reason)
{
	/* A forged address is nobody's: naming its owner would accuse the wrong one. */
	if (!intake->policy || reason == REASON_SPOOFED)
		return NULL;

	const struct host *host = policy_host_at(intake->policy, &packet->source);
	if (!host && record->has_mac)
		host = policy_host_by_mac(intake->policy, &record->mac);
	if (!host && !record->interface && reason != REASON_UNASSIGNED)
		host = intake->policy->self;
	return host;
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

static void take(struct intake *intake, const struct record *record)
{
	struct heading *heading = &intake->heading;
	struct packet packet;

	if (strcmp(heading->prefix, record->prefix) != 0)
		read_heading(heading, record->prefix);
	/* Other programs may log to the same group; those records are not ours. */
	if (!heading->ours)
		return;
	intake->received++;
	if (packet_dissect(record->payload, record->payload_length, &packet) < 0)
		return;

	enum reason reason = heading->reason;
	bool fresh = attempts_note(intake->attempts, &packet, reason, record->time) == ATTEMPT_NEW;
	const struct sighting sighting = {
	        .host = find_source(intake, record, &packet, reason),
	        .interface = record->interface,
	        .bytes = packet.total_length,
	};
	const struct ledger_entry *entry = ledger_note(
	        intake->ledger, &packet, reason, sighting.host ? sighting.host->name : NULL,
	        heading->role, record->has_mac ? &record->mac : NULL, fresh, record->time);
	if (record->has_uid)
		ledger_note_user(intake->ledger, entry, record->uid, record->gid);
	if (fresh)
		intake->attempt(entry, &sighting, intake->userdata);
}

void intake_take(struct intake *intake, const struct record *records, size_t count)
{
	for (size_t i = 0; i < count; i++)
		take(intake, &records[i]);
}

uint64_t intake_received(const struct intake *intake)
{
	return intake->received;
}

struct ledger *intake_ledger(struct intake *intake)
{
	return intake->ledger;
}
