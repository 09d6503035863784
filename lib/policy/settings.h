/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_POLICY_SETTINGS_H
#define EGRESSD_POLICY_SETTINGS_H

#include "base/arena.h"
#include "base/problems.h"
#include "base/time.h"
#include "policy/policy.h"

#include <libconfig.h>
#include <stdbool.h>
#include <stddef.h>

/* Inside the room: settings of libconfig held against what may stand where. */

enum value_kind {
	VALUE_STRING,
	VALUE_STRINGS, /* a list of strings, or one string */
	VALUE_BOOLEAN,
	VALUE_NUMBER,
	VALUE_GROUP,
	VALUE_GROUPS,     /* a list of groups */
	VALUE_ENTRIES,    /* a list of strings and groups, or one of them */
	VALUE_REFUSED,    /* belongs elsewhere: the description is what to say about it */
	VALUE_DEFINITION, /* a list of strings, one string, or a group */
};

/* One key that a group may have. A table of them is the grammar of that group. */
struct key {
	const char *name;
	enum value_kind kind;
	const char *example;     /* of a value, as it would be written */
	const char *description; /* what it is for, in a few words */
};

struct keys {
	const char *where; /* "gateway", "a role": the group as problems call it */
	const struct key *items;
	size_t count;
};

/* What a group has for one key of its table. */
struct field {
	bool present;
	bool lost; /* more than `setting` was probably meant to be this, and was reported */
	const config_setting_t
	        *setting; /* NULL: absent, or of the wrong kind, which was reported */
};

struct context {
	struct arena *arena;
	struct problems *problems;
	const char *file;    /* that the settings come from; lives in the arena */
	unsigned first_line; /* of it, which libconfig calls line 1 */
};

/* Where a setting stands. */
struct location setting_at(const struct context *context, const config_setting_t *setting);

/* True when the setting is of the kind; else the problem says how it would be. */
bool setting_fits(const struct context *context, const config_setting_t *setting,
                  const struct key *key);

/*
 * Sorts the settings of a group to ret_fields, one for each key; reports what does not fit. A key
 * that is none is taken for the one that is most like it, if that is not there: what follows from a
 * slip of the pen is not told beside it, and what else is wrong is.
 */
void settings_match(const struct context *context, const config_setting_t *group,
                    const struct keys *keys, struct field *ret_fields);

/* How many strings a setting has that is one string or a list of them; and each. */
unsigned setting_string_count(const config_setting_t *setting);
const config_setting_t *setting_string(const config_setting_t *setting, unsigned index);

/* The string, or the strings, of a setting that fits; 0 or -ENOMEM. */
int setting_word(const struct context *context, const config_setting_t *setting,
                 struct word *ret_word);
int setting_words(const struct context *context, const config_setting_t *setting,
                  struct words *ret_words);

/*
 * The number, or the span of time, of a setting that fits; false when it is none or not within
 * least to most, which is reported.
 */
bool setting_count(const struct context *context, const config_setting_t *setting, uint64_t least,
                   uint64_t most, uint64_t *ret_count);
bool setting_span(const struct context *context, const config_setting_t *setting, usec_t least,
                  usec_t most, usec_t *ret_span);

/* The mode written there; MODE_UNSET when it is none, which is reported. */
enum mode setting_mode(const struct context *context, const config_setting_t *setting);

/* Reports a name that is not [A-Za-z][A-Za-z0-9_-]* of NAME_MAX_BYTES at most. */
void check_name(const struct context *context, struct location at, const char *what,
                const char *name);

#endif
