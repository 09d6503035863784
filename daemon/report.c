/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report.h"

#include "base/cleanup.h"
#include "base/printable.h"
#include "clock.h"
#include "journal.h"
#include "lacking_helpers.h"
#include "process_reply.h"
#include "replies.h"
#include "track/alarm_text.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-daemon.h>

#define ATTEMPT_TEXT_MAX 384
#define WARNINGS_TOLD    20 /* in the journal, one by one */

void report_event(struct server *server, const char *kind, json_t *attempt, const char *text)
{
	server_publish(server,
	               json_pack("{ss sI so so}", "kind", kind, "time",
	                         (json_int_t)clock_realtime(), "attempt",
	                         attempt ? attempt : json_null(), "text", reply_string(text)));
}

void report_attempt(struct server *server, const struct ledger_entry *entry, bool passed,
                    json_t *attempt)
{
	const struct ledger_key *key = &ledger_noted(entry)->key;
	const char *host = ledger_host(entry);
	char source[ADDRESS_TEXT_MAX], destination[ADDRESS_TEXT_MAX], service[SERVICE_TEXT_MAX];
	char text[ATTEMPT_TEXT_MAX];

	address_print(&key->source, source);
	snprintf(text, sizeof(text), "%s%s%s%s tried %s to %s: %s for the reason %s%s",
	         host ? host : "", host && *host ? " (" : "", source, host && *host ? ")" : "",
	         service_text(key->protocol, key->has_port, key->port, service),
	         address_print(&key->destination, destination),
	         passed ? "would be blocked" : "was blocked", reason_name((enum reason)key->reason),
	         passed ? ", but audit let it pass" : "");
	server_publish(server, json_pack("{ss sI so so sb}", "kind", "blocked", "time",
	                                 (json_int_t)clock_realtime(), "attempt", attempt, "text",
	                                 reply_string(text), "passed", passed));
}

/* One sentence about how things are, for systemd and for people. */
static const char *describe(const struct health *health, const struct policy *policy, char *buffer,
                            size_t size)
{
	const char *state = state_name(health->state);
	const char *fault = NULL;
	for (size_t i = 0; i < FAULT_COUNT && !fault; i++)
		fault = health->faults[i];

	if (policy)
		snprintf(buffer, size, "%s: %zu hosts in %zu roles%s%s", state, policy->hosts.count,
		         policy->roles.count, fault ? "; " : "", fault ? fault : "");
	else
		snprintf(buffer, size, "%s%s%s", state, fault ? ": " : "", fault ? fault : "");
	return buffer;
}

/* A gateway that lost something is to be found by the priority alone. */
static int state_priority(enum state state)
{
	switch (state) {
	case STATE_CLOSED:
		return LOG_ERR;
	case STATE_DEGRADED:
		return LOG_WARNING;
	case STATE_AUDIT:
	case STATE_ENFORCING:
		return LOG_NOTICE;
	}
	abort(); /* no other value is ever made */
}

void report_state(struct server *server, const struct health *health, const struct policy *policy,
                  bool changed)
{
	char text[512];

	describe(health, policy, text, sizeof(text));
	sd_notifyf(false, "STATUS=%s", text);
	if (changed) {
		journal(state_priority(health->state), "State: %s", text);
		report_event(server, "state", NULL, text);
	}
}

void report_processes(struct server *server, const struct process_seen *seen, size_t count)
{
	char text[PROCESS_SENTENCE_MAX];

	for (size_t i = 0; i < count && server_wants(server, "process"); i++)
		server_publish(server,
		               json_pack("{ss sI so so so}", "kind", "process", "time",
		                         (json_int_t)clock_realtime(), "attempt", json_null(),
		                         "text", reply_string(process_sentence(&seen[i], text)),
		                         "process", process_reply(&seen[i])));
}

const char *verified_text(const struct outcome *outcome, char buffer[static VERIFIED_TEXT_MAX])
{
	const struct applied *applied = &outcome->applied;

	if (outcome->flows_error)
		snprintf(buffer, VERIFIED_TEXT_MAX,
		         "the policy is, but the fast path is not back yet: %s",
		         strerror(-outcome->flows_error));
	else if (!outcome->changed)
		snprintf(buffer, VERIFIED_TEXT_MAX, "nothing had to be changed");
	else if (applied->whole && applied->sets_sampled)
		snprintf(buffer, VERIFIED_TEXT_MAX,
		         "the whole table read back, %zu elements of %zu sets; of %zu larger ones "
		         "%zu elements looked up",
		         applied->elements_read, applied->sets_read, applied->sets_sampled,
		         applied->elements_sampled);
	else if (applied->whole)
		snprintf(buffer, VERIFIED_TEXT_MAX,
		         "the whole table read back, %zu elements of %zu sets",
		         applied->elements_read, applied->sets_read);
	else if (applied->sets_sampled)
		snprintf(buffer, VERIFIED_TEXT_MAX,
		         "what changed read back; in %zu large %s %zu elements looked up",
		         applied->sets_sampled, applied->sets_sampled == 1 ? "set" : "sets",
		         applied->elements_sampled);
	else
		snprintf(buffer, VERIFIED_TEXT_MAX, "what changed read back");
	return buffer;
}

static void journal_warnings(const char *file, const struct problems *warnings)
{
	size_t count = warnings->list.count, more = warnings->left_out;
	for (size_t i = 0; i < count && i < WARNINGS_TOLD; i++) {
		const struct problem *warning = &warnings->list.items[i];
		journal_at(LOG_WARNING, (struct location){warning->file, warning->line}, "%s",
		           warning->text);
	}
	if (count > WARNINGS_TOLD)
		more += count - WARNINGS_TOLD;
	if (more)
		journal(LOG_WARNING, "and %zu more warnings: egressctl check %s", more, file);
}

void report_load(struct server *server, const struct enforcement *enforcement,
                 const struct outcome *outcome)
{
	const struct policy *policy = enforcement->policy;
	const struct standing *difference = &outcome->difference;
	const struct refusal *refusal = &outcome->applied.refusal;
	size_t mistakes = outcome->problems.list.count + outcome->problems.left_out;
	char text[OUTCOME_TEXT_MAX + 512], sentence[OUTCOME_TEXT_MAX], verified[VERIFIED_TEXT_MAX];

	switch (outcome->result) {
	case LOAD_DONE:
		snprintf(text, sizeof(text),
		         "Policy of %s in force: %zu hosts in %zu roles; elements +%zu -%zu, rules "
		         "+%zu -%zu; %zu flows cut, %zu kept; %.1f ms; verified: %s",
		         enforcement->file, policy->hosts.count, policy->roles.count,
		         difference->elements_added, difference->elements_deleted,
		         difference->rules_added, difference->rules_deleted,
		         outcome->revocation.cut, outcome->revocation.kept, outcome->milliseconds,
		         verified_text(outcome, verified));
		journal(LOG_INFO, "%s", text);
		journal_warnings(enforcement->file, &outcome->warnings);
		report_event(server, "reload", NULL, text);
		return;
	case LOAD_REJECTED:
		journal_problems(&outcome->problems);
		snprintf(text, sizeof(text), "%s has %zu %s and is not in force%s",
		         enforcement->file, mistakes, mistakes == 1 ? "mistake" : "mistakes",
		         policy ? "; the policy from before stays" : "");
		journal(LOG_ERR, "%s", text);
		report_event(server, "reload", NULL, text);
		return;
	case LOAD_REFUSED:
	case LOAD_UNVERIFIED:
		outcome_text(outcome, sentence);
		journal_at(LOG_ERR, refusal->at, "%s", sentence);
		report_event(server, "reload", NULL, sentence);
		return;
	case LOAD_FAILED:
		snprintf(text, sizeof(text), "%s could not be loaded: %s", enforcement->file,
		         outcome_text(outcome, sentence));
		journal(LOG_ERR, "%s", text);
		report_event(server, "reload", NULL, text);
		return;
	}
}

#define WHO_MAX 128

static const char *who(const struct suspicion *suspicion, char buffer[static WHO_MAX])
{
	char name[COMMITTER_NAME_MAX * 4 + 4];

	if (!suspicion->pid)
		return "somebody";
	snprintf(buffer, WHO_MAX, "%s (pid %" PRIu32 ")%s",
	         printable(suspicion->process, name, sizeof(name)), suspicion->pid,
	         suspicion->others ? " or another process" : "");
	return buffer;
}

#define END_MAX 64 /* of the sentence: how it ended has its place, however long what was done */

void report_tampering(const struct suspicion *suspicion, const struct outcome *outcome,
                      char buffer[static TAMPERING_SENTENCE_MAX])
{
	const char *what = outcome->tampering[0] ? outcome->tampering : "changed the table";
	char name[WHO_MAX], all[TAMPERING_TEXT_MAX + 32];

	if (outcome->woken) {
		snprintf(all, sizeof(all), "made the table dormant%s%s",
		         outcome->tampering[0] ? ", " : "", outcome->tampering);
		what = all;
	}

	const char *by = who(suspicion, name);
	int room = TAMPERING_SENTENCE_MAX - END_MAX - (int)strlen(by);
	if (outcome->result == LOAD_DONE)
		snprintf(buffer, TAMPERING_SENTENCE_MAX, "%s %.*s; it was put right within %.1f ms",
		         by, room, what,
		         (double)(outcome->done - suspicion->noticed) / (double)USEC_PER_MSEC);
	else if (outcome->result == LOAD_UNVERIFIED)
		snprintf(buffer, TAMPERING_SENTENCE_MAX, "%s %.*s; it was put right, unverified",
		         by, room, what);
	else if (outcome->result == LOAD_REFUSED && outcome->applied.refusal.error == -EPERM)
		snprintf(buffer, TAMPERING_SENTENCE_MAX,
		         "%s made the table another process's own; it cannot be put right until "
		         "that ends",
		         by);
	else if (outcome_is_unseen(outcome))
		snprintf(buffer, TAMPERING_SENTENCE_MAX,
		         "perhaps, for %s changes nf_tables rules so often that it cannot be read",
		         by);
	else
		snprintf(buffer, TAMPERING_SENTENCE_MAX, "%s %.*s; it could not be put right", by,
		         room, what);
}

void report_repair(struct server *server, const char *sentence)
{
	journal(LOG_WARNING, "Somebody else changed table inet egressd: %s", sentence);
	report_event(server, "repair", NULL, sentence);
}

void report_fight_health(struct health *health, const struct suspicion *suspicion)
{
	char name[WHO_MAX];

	health_fault(health, FAULT_TAMPER,
	             "%s changes the table again and again: it was put right %u times in a row, "
	             "and each time it is open until then",
	             who(suspicion, name), suspicion->before + 1);
}

/* Whether the fast path is back, after a change or after one that was taken back. */
static void report_flows_health(struct health *health, const struct outcome *outcome)
{
	if (outcome->revocation.forgotten)
		journal(LOG_WARNING,
		        "More flows were cut than the kernel remembers: packets of some of them "
		        "are going to count as attempts");
	if (outcome->flows_error)
		health_fault(health, FAULT_FLOWS,
		             "the change could not be finished (%s), so "
		             "every packet is judged, which is slower; it is tried again by itself",
		             strerror(-outcome->flows_error));
	else
		health_clear(health, FAULT_FLOWS);
}

void report_commit_health(struct health *health, const struct outcome *outcome)
{
	char sentence[OUTCOME_TEXT_MAX];

	if (outcome->result == LOAD_DONE || outcome->taken_back)
		report_flows_health(health, outcome);
	switch (outcome->result) {
	case LOAD_DONE:
		health_clear(health, FAULT_KERNEL);
		break;
	case LOAD_REJECTED:
		return; /* there was none */
	case LOAD_REFUSED:
	case LOAD_UNVERIFIED:
		health_fault(health, FAULT_KERNEL, "%s", outcome_text(outcome, sentence));
		return;
	case LOAD_FAILED:
		health_fault(health, FAULT_KERNEL, "the last commit failed: %s",
		             outcome_text(outcome, sentence));
		return;
	}

	if (outcome->applied.foreign)
		health_fault(health, FAULT_FOREIGN,
		             "somebody keeps %zu flowtables in table inet egressd: see `nft list "
		             "table inet egressd`",
		             outcome->applied.foreign);
	else
		health_clear(health, FAULT_FOREIGN);
}

void report_helpers_health(struct health *health, const struct policy *policy)
{
	_cleanup_free_ char *text = lacking_helpers_text(policy);
	const char *before = health->faults[FAULT_HELPERS];

	if (!text) {
		health_clear(health, FAULT_HELPERS);
		return;
	}
	if (!before || strcmp(before, text) != 0)
		journal(LOG_WARNING, "%s", text);
	health_fault(health, FAULT_HELPERS, "%s", text);
}

void report_configuration_health(struct health *health, const char *file,
                                 const struct outcome *outcome)
{
	const struct problem *first = outcome->problems.list.items;
	char sentence[OUTCOME_TEXT_MAX];

	switch (outcome->result) {
	case LOAD_DONE:
	case LOAD_UNVERIFIED: /* which is a fault of the kernel's table */
		health_clear(health, FAULT_CONFIG);
		health_clear(health, FAULT_POLICY);
		return;
	case LOAD_REJECTED:
		if (first && first->line)
			health_fault(health, FAULT_CONFIG,
			             "the configuration on disk is not in force; first mistake: "
			             "%s:%u: %s",
			             first->file, first->line, first->text);
		else
			health_fault(health, FAULT_CONFIG,
			             "the configuration on disk is not in force: %s: %s",
			             first ? first->file : file,
			             first ? first->text : "memory ran out");
		return;
	case LOAD_REFUSED:
	case LOAD_FAILED:
		/* A repair with the policy from before mends the table, not this. */
		health_fault(health, FAULT_CONFIG,
		             "the configuration on disk is not in force: %s; `egressctl reload` "
		             "tries again",
		             outcome_text(outcome, sentence));
		return;
	}
}

void report_warnings_health(struct health *health, const char *file,
                            const struct problems *warnings)
{
	size_t count = warnings->list.count + warnings->left_out;
	const struct problem *first = warnings->list.items;
	char more[64 + PATH_MAX] = "", line[16] = "";
	_cleanup_free_ char *text = NULL;

	if (count > 1)
		snprintf(more, sizeof(more), " (and %zu more: egressctl check %s)", count - 1,
		         file);
	if (first && first->line)
		snprintf(line, sizeof(line), ":%u", first->line);
	if (first && asprintf(&text, "%s%s: %s%s", first->file, line, first->text, more) < 0)
		text = NULL; /* undefined after a failure */
	health_notice(health, NOTICE_CONFIG, text);
}
