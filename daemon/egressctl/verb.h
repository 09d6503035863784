/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSCTL_VERB_H
#define EGRESSCTL_VERB_H

#include "egressctl.h"

/* What the command line may say: each verb with its words and options. */

#define VERB_WORDS_MOST 4

/* What a word, or the value of an option, stands for: what may be offered in its place. */
enum word_kind {
	WORD_FREE, /* nobody but the operator knows */
	WORD_FILE,
	WORD_HOST,
	WORD_ROLE,
	WORD_SERVICE,
	WORD_TO, /* the word "to" */
	WORD_DESTINATION,
	WORD_ASSIGNED,    /* an address with a role by assignment */
	WORD_QUARANTINED, /* a host or address in quarantine */
	WORD_PERMIT,      /* the number of a permit */
	WORD_CLOSE,       /* the word "close" */
	WORD_DEED,        /* what to do with an alarm */
	WORD_ALARM,       /* the number of an alarm */
	WORD_FIELD,       /* by which is summed up */
	WORD_INTERFACE,
	WORD_TIME,
};

struct verb {
	const char *name;
	const char *words_text; /* as help shows them */
	int words;              /* at least */
	int words_most;         /* at most */
	unsigned options;       /* bits of those that it takes, by verb_option */
	unsigned required;      /* bits of those among them that have to be given */
	enum outcome (*run)(const struct command *command);
	const char *help;                      /* in a few words */
	const char *details;                   /* what its own help says besides; lines, or NULL */
	enum word_kind kinds[VERB_WORDS_MOST]; /* of its words */
};

struct verb_option_text {
	const char *name;
	const char *value; /* as help shows it; NULL: it has none */
	const char *help;
	enum word_kind kind; /* of its value */
};

/* All verbs, in the order of the help; ended by one without a name. */
extern const struct verb verbs[];

/* By verb_option. */
extern const struct verb_option_text verb_options[OPTION_COUNT];

/* The verb of that name, or NULL. */
const struct verb *verb_find(const char *name);

/* True when the verb takes that option. */
static inline bool verb_takes(const struct verb *verb, unsigned option)
{
	return verb->options >> option & 1;
}

/* How it is called, "egressctl assign ADDRESS ROLE [--for TIME] [--why TEXT]"; from malloc, NULL
 * without memory. */
char *verb_usage(const struct verb *verb);

#endif
