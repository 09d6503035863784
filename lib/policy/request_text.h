/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_POLICY_REQUEST_TEXT_H
#define EGRESSD_POLICY_REQUEST_TEXT_H

#include "policy/request.h"

/* Requests of run time as words: what may be in one, and what is told of one. */

/* Whether a text that somebody gave is one line, not empty, and no longer than max bytes. */
bool request_text_fits(const char *text, size_t max);

/*
 * One line of who, why and until when, for people and for comments of the kernel's table:
 * "until 2026-11-22 18:00:00 UTC, by alice: printer repair". Cut to fit, at a whole character.
 */
#define REQUEST_TEXT_MAX 128
const char *request_describe(const struct request_entry *request,
                             char text[static REQUEST_TEXT_MAX]);

#endif
