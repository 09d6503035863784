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

/*
 * The same of what is asked for a host, where it stands at one of the host's addresses: "host www1,
 * until 2026-11-22 18:00:00 UTC, by alice: a worm".
 */
const char *request_mark(const char *host, const char *description,
                         char text[static REQUEST_TEXT_MAX]);

/* What both of these wrote, read again; what they cut off is missing. Not to be copied. */
struct request_words {
	char text[REQUEST_TEXT_MAX]; /* the others stand in it; NULL: it does not tell */
	const char *host;
	usec_t until; /* 0: it does not tell */
	const char *user;
	const char *why;
};
void request_read(const char *text, struct request_words *ret_words);

#endif
