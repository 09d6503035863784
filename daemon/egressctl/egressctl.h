/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSCTL_H
#define EGRESSCTL_H

#include "base/time.h"
#include "writer.h"

#include <stdint.h>
#include <stdio.h>

/* How the program ends. */
enum outcome {
	OUTCOME_DONE = 0,
	OUTCOME_REFUSED = 1, /* refused, failed, or the answer to the question is no */
	OUTCOME_USAGE = 2,
	OUTCOME_NO_DAEMON = 3,
};

/* Options of single verbs. */
enum verb_option {
	OPTION_SOURCE,
	OPTION_HOST,
	OPTION_ROLE,
	OPTION_SINCE,
	OPTION_INTERFACE,
	OPTION_MAC,
	OPTION_FOR,
	OPTION_WHY,
	OPTION_ALL, /* without a value; so are the next ones */
	OPTION_ALARMS,
	OPTION_LINES,
	OPTION_BY, /* with one */
	OPTION_LAST,
};
#define OPTION_COUNT (OPTION_LAST + 1)

struct verb;

/* What a verb is given: its words are borrowed from the command line. */
struct command {
	const struct verb *verb;
	const char *socket;
	const char *options[OPTION_COUNT]; /* NULL: not given; "" for one without value */
	char **words; /* behind the verb, as many as it takes; NULL ends them */
	struct writer writer;
	FILE *errors;
	usec_t now;
};

/* Does what the command line says: answers go to `out`, complaints to `errors`. */
enum outcome egressctl_run(int argc, char **argv, FILE *out, FILE *errors, usec_t now);

/* Writes "egressctl: ..." and a line's end, safe on a terminal. */
void complain(const struct command *command, const char *format, ...)
        __attribute__((format(printf, 2, 3)));

/* Writes how the verb is used; gives OUTCOME_USAGE. */
enum outcome complain_usage(const struct command *command);

/* Writes "file:line: text", or what there is of it, in the same way. */
void complain_at(const struct command *command, const char *file, int64_t line, const char *text);

#endif
