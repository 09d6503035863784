/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_POLICY_SPAN_WORD_H
#define EGRESSD_POLICY_SPAN_WORD_H

#include "base/time.h"

/* Spans of time as they are written in the configuration. */

#define SPAN_WORD_MAX (365 * 24 * 60 * 60 * USEC_PER_SEC)

/*
 * Reads "500ms", "10s", "5m", "2h30m" or "7d": each number with its unit, larger ones first. 0,
 * -EINVAL for what is no span, -ERANGE for one of more than SPAN_WORD_MAX.
 */
int span_word_parse(const char *text, usec_t *ret_span);

/* Writes it in the same way and returns buffer. What is less than a millisecond is left out. */
#define SPAN_WORD_TEXT_MAX 48
const char *span_word_print(usec_t span, char buffer[static SPAN_WORD_TEXT_MAX]);

#endif
