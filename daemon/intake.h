/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_INTAKE_H
#define EGRESSD_INTAKE_H

#include "base/cleanup.h"
#include "base/record.h"
#include "policy/policy.h"
#include "track/detect.h"
#include "track/ledger.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * From records of blocked packets to attempts in the ledger. This is where a flood of them ends, so
 * it takes several at once: what the second one needs comes from memory while the first is noted.
 */
struct intake;

/* What is known of the packet that began an attempt, beside its entry. */
struct sighting {
	const struct host *host; /* of its source; NULL: nobody's, or not to be accused */
	uint32_t interface;      /* ifindex it came in on; 0: the gateway's own */
	uint32_t leaves_by;      /* ifindex it was to leave by; 0: none yet */
	uint32_t bytes;          /* 0: unknown */
	bool passed;             /* audit let it pass, as far as the reason of its entry goes */
	const struct expected_source *expected; /* as intake_expect_t told; NULL without it */
};

/* Called for each new attempt; what it is given lasts until the callback returns. */
typedef void (*intake_attempt_t)(const struct ledger_entry *entry, const struct sighting *sighting,
                                 void *userdata);

/* Called some time before an attempt of that source may begin; see detect_expect(). */
typedef struct expected_source (*intake_expect_t)(const struct address *source, void *userdata);

/* Called some time later, but still before the attempt; see detect_approach(). */
typedef void (*intake_approach_t)(const struct expected_source *expected,
                                  const struct stream *stream, void *userdata);

struct intake_hooks {
	intake_expect_t expect; /* NULL, as is the next one: nobody needs to know */
	intake_approach_t approach;
	intake_attempt_t attempt; /* or NULL */
};

/* The hooks are copied. 0, -ENOMEM, or what attempts_new() and ledger_new() say. */
int intake_new(const struct intake_hooks *hooks, void *userdata, struct intake **ret_intake);

/* Takes NULL, returns NULL. */
struct intake *intake_free(struct intake *intake);
DEFINE_CLEANUP(struct intake *, intake_free)

/*
 * The policy in force: sources are given their names by it, and its limits hold from now on. It is
 * borrowed until the next one is told; NULL for none. 0, or -ENOMEM: then the limits are those of
 * before.
 */
int intake_use_policy(struct intake *intake, const struct policy *policy);

/* Takes records in the order in which they came; those of other programs are passed over. */
void intake_take(struct intake *intake, const struct record *records, size_t count);

/* How many were ours. */
uint64_t intake_received(const struct intake *intake);

/* What was blocked so far; to be asked for anew each time, as a change of its limits replaces it.
 */
struct ledger *intake_ledger(struct intake *intake);

#endif
