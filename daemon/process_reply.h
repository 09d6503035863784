/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_PROCESS_REPLY_H
#define EGRESSD_PROCESS_REPLY_H

#include "track/processes.h"

#include <jansson.h>

/* Parts of replies, each a new reference; NULL without memory. */

/* A Process of io.egressd. */
json_t *process_reply(const struct process_seen *seen);

/* The one that tried this last, or null. processes may be NULL. */
json_t *process_last_reply(const struct processes *processes, const struct stream *stream);

/* Those behind an alarm, the latest first. processes may be NULL. */
json_t *process_alarm_reply(const struct processes *processes, const struct alarm *alarm);

/* One sentence about it. */
#define PROCESS_SENTENCE_MAX 640
const char *process_sentence(const struct process_seen *seen,
                             char buffer[static PROCESS_SENTENCE_MAX]);

#endif
