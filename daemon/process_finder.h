/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_PROCESS_FINDER_H
#define EGRESSD_PROCESS_FINDER_H

#include "base/cleanup.h"
#include "track/ledger.h"
#include "track/processes.h"

#include <stddef.h>
#include <stdint.h>
#include <systemd/sd-event.h>

/*
 * Asks egressd-processes (processes/question.h) which process made an attempt of the gateway
 * itself. Nothing here waits: what cannot be sent at once is left out, what is not answered in time
 * is given up, and a helper that is gone is looked for again, slower each time. All is counted.
 */
struct process_finder;

#define PROCESS_QUESTIONS_MAX      64 /* that may wait for their answers */
#define PROCESS_QUESTIONS_A_SECOND 50
#define PROCESS_ANSWER_TIME        (2 * USEC_PER_SEC)

/* Told of each answer: the processes, or one without pid when none was to be seen any more. */
typedef void (*process_found_t)(const struct process_seen *seen, size_t count, void *userdata);

/* Told what is wrong with the helper when that changes; NULL: nothing. */
typedef void (*process_trouble_t)(const char *trouble, void *userdata);

/* A finder that asks nobody yet. The path is borrowed. 0 or a negative errno. */
int process_finder_new(sd_event *event, const char *path, process_found_t found,
                       process_trouble_t trouble, void *userdata,
                       struct process_finder **ret_finder);

/* Takes NULL, returns NULL. */
struct process_finder *process_finder_free(struct process_finder *finder);
DEFINE_CLEANUP(struct process_finder *, process_finder_free)

/* Connects to the helper, or lets it go. */
void process_finder_want(struct process_finder *finder, bool wanted);

/* Asks about an attempt that was just made; interface is the ifindex it was to leave by, or 0. */
void process_finder_ask(struct process_finder *finder, const struct ledger_noted *noted,
                        uint32_t interface);

struct process_counts {
	uint64_t attempts; /* of the gateway itself while it was wanted; all others are of these */
	uint64_t found;    /* a process */
	uint64_t gone;     /* before it could be looked at */
	uint64_t failed;   /* to look for it */
	uint64_t unanswered; /* as the helper was not there, or too slow */
	uint64_t left_out;   /* as there were too many */
};
struct process_counts process_finder_counts(const struct process_finder *finder);

#endif
