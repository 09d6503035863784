/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_REPORT_H
#define EGRESSD_REPORT_H

#include "enforcement.h"
#include "guard.h"
#include "health.h"
#include "server.h"
#include "track/alarm.h"
#include "track/ledger.h"
#include "track/processes.h"

#include <stdint.h>

/* What came of a change, told to whom it concerns: the journal, the monitors, our health. */

/*
 * The event of a new attempt, which it takes over, with a sentence about it. Passed: audit let it
 * pass.
 */
void report_attempt(struct server *server, const struct ledger_entry *entry, bool passed,
                    json_t *attempt);

/* An event for all monitors; takes over the attempt (NULL: it is about none). */
void report_event(struct server *server, const char *kind, json_t *attempt, const char *text);

/* How things are, in one sentence: to systemd, and when it changed to the others as well. */
void report_state(struct server *server, const struct health *health, const struct policy *policy,
                  bool changed);

/* Processes that were seen behind what the gateway itself tried, for the monitors. */
void report_processes(struct server *server, const struct process_seen *seen, size_t count);

/* How it was made sure that the kernel's table is as wanted, as half a sentence. */
#define VERIFIED_TEXT_MAX 160
const char *verified_text(const struct outcome *outcome, char buffer[static VERIFIED_TEXT_MAX]);

/* What loading the configuration came to. */
void report_load(struct server *server, const struct enforcement *enforcement,
                 const struct outcome *outcome);

/*
 * Who changed our table, what he did and how it ended, as a sentence without its full stop: "nft
 * (pid 4711) made the table dormant; it was put right within 1.2 ms".
 */
#define TAMPERING_SENTENCE_MAX ALARM_DETAIL_BYTES
void report_tampering(const struct suspicion *suspicion, const struct outcome *outcome,
                      char buffer[static TAMPERING_SENTENCE_MAX]);

/* The same told to the journal and the monitors. */
void report_repair(struct server *server, const char *sentence);

/* What is said of somebody who changes it again and again. */
void report_fight_health(struct health *health, const struct suspicion *suspicion);

/* What a commit says about our health, whatever it was made for. */
void report_commit_health(struct health *health, const struct outcome *outcome);

/* Helpers of the policy that the kernel lacks; news of them go to the journal. */
void report_helpers_health(struct health *health, const struct policy *policy);

/* The same for the configuration in that file, which was loaded. */
void report_configuration_health(struct health *health, const char *file,
                                 const struct outcome *outcome);

/* A notice of what in the configuration in force, of that file, is hardly meant; of the first. */
void report_warnings_health(struct health *health, const char *file,
                            const struct problems *warnings);

#endif
