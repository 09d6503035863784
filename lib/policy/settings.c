/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/settings.h"

#include "base/spelling.h"
#include "policy/span_word.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

struct location setting_at(const struct context *context, const config_setting_t *setting)
{
	return (struct location){context->file,
	                         context->first_line - 1 + config_setting_source_line(setting)};
}

static bool is_string(const config_setting_t *setting)
{
	return config_setting_type(setting) == CONFIG_TYPE_STRING;
}

static bool is_group(const config_setting_t *setting)
{
	return config_setting_type(setting) == CONFIG_TYPE_GROUP;
}

static bool is_list(const config_setting_t *setting)
{
	return config_setting_type(setting) == CONFIG_TYPE_LIST ||
	       config_setting_type(setting) == CONFIG_TYPE_ARRAY;
}

static const char *kind_name(enum value_kind kind)
{
	switch (kind) {
	case VALUE_STRING:
		return "a string";
	case VALUE_STRINGS:
		return "a list of strings";
	case VALUE_BOOLEAN:
		return "true or false";
	case VALUE_NUMBER:
		return "a whole number";
	case VALUE_GROUP:
		return "a group";
	case VALUE_GROUPS:
		return "a list of groups";
	case VALUE_ENTRIES:
		return "a list of strings and groups";
	case VALUE_DEFINITION:
		return "a list of strings or a group";
	case VALUE_REFUSED:
		return "left out";
	}
	abort(); /* no other value is ever made */
}

/* The first element of a list that does not belong there, or NULL. */
static const config_setting_t *misfit(const config_setting_t *list, bool strings, bool groups)
{
	for (int i = 0; i < config_setting_length(list); i++) {
		const config_setting_t *element = config_setting_get_elem(list, (unsigned)i);
		if (!(strings && is_string(element)) && !(groups && is_group(element)))
			return element;
	}
	return NULL;
}

/* NULL when the value is of the kind, else the part of it that is not. */
static const config_setting_t *wrong_part(const config_setting_t *setting, enum value_kind kind)
{
	bool strings = false, groups = false;
	bool fits = false; /* as a single value */
	switch (kind) {
	case VALUE_STRING:
		return is_string(setting) ? NULL : setting;
	case VALUE_BOOLEAN:
		return config_setting_type(setting) == CONFIG_TYPE_BOOL ? NULL : setting;
	case VALUE_NUMBER:
		return config_setting_type(setting) == CONFIG_TYPE_INT ||
		                       config_setting_type(setting) == CONFIG_TYPE_INT64
		               ? NULL
		               : setting;
	case VALUE_GROUP:
		return is_group(setting) ? NULL : setting;
	case VALUE_REFUSED:
		return setting;
	case VALUE_STRINGS:
		strings = true;
		fits = is_string(setting);
		break;
	case VALUE_GROUPS:
		groups = true;
		break;
	case VALUE_ENTRIES:
		strings = groups = true;
		fits = is_string(setting) || is_group(setting);
		break;
	case VALUE_DEFINITION:
		strings = true;
		fits = is_string(setting) || is_group(setting);
		break;
	}
	if (fits)
		return NULL;
	return is_list(setting) ? misfit(setting, strings, groups) : setting;
}

bool setting_fits(const struct context *context, const config_setting_t *setting,
                  const struct key *key)
{
	const config_setting_t *wrong = wrong_part(setting, key->kind);
	if (!wrong)
		return true;
	if (key->kind == VALUE_REFUSED)
		problems_add(context->problems, setting_at(context, wrong), "%s", key->description);
	else
		problems_add(context->problems, setting_at(context, wrong),
		             "\"%s\" must be %s, as in %s", key->name, kind_name(key->kind),
		             key->example);
	return false;
}

/* Says so, with the key that may be meant; its number, or keys->count when none is. */
static size_t report_unknown(const struct context *context, const config_setting_t *setting,
                             const struct keys *keys)
{
	const char *name = config_setting_name(setting);
	struct spelling spelling = {.written = name};
	for (size_t i = 0; i < keys->count; i++)
		if (keys->items[i].kind != VALUE_REFUSED)
			spelling_offer(&spelling, keys->items[i].name);
	for (size_t i = 0; spelling.nearest && i < keys->count; i++) {
		if (spelling.nearest != keys->items[i].name)
			continue;
		problems_add(context->problems, setting_at(context, setting),
		             "unknown key \"%s\" in %s; did you mean \"%s\" (%s)?", name,
		             keys->where, spelling.nearest, keys->items[i].description);
		return i;
	}

	char known[256] = "";
	for (size_t i = 0, n = 0; i < keys->count && n < sizeof(known); i++)
		if (keys->items[i].kind != VALUE_REFUSED)
			n += (size_t)snprintf(known + n, sizeof(known) - n, "%s%s", i ? ", " : "",
			                      keys->items[i].name);
	problems_add(context->problems, setting_at(context, setting),
	             "unknown key \"%s\" in %s; the keys there are %s", name, keys->where, known);
	return keys->count;
}

static size_t find_key(const struct keys *keys, const char *name)
{
	size_t k = 0;
	while (k < keys->count && strcmp(name, keys->items[k].name) != 0)
		k++;
	return k;
}

void settings_match(const struct context *context, const config_setting_t *group,
                    const struct keys *keys, struct field *ret_fields)
{
	memset(ret_fields, 0, keys->count * sizeof(*ret_fields));
	for (int i = 0; i < config_setting_length(group); i++) {
		const config_setting_t *setting = config_setting_get_elem(group, (unsigned)i);
		size_t k = find_key(keys, config_setting_name(setting));
		if (k == keys->count)
			continue;
		ret_fields[k].present = true;
		if (setting_fits(context, setting, &keys->items[k]))
			ret_fields[k].setting = setting;
	}
	for (int i = 0; i < config_setting_length(group); i++) {
		const config_setting_t *setting = config_setting_get_elem(group, (unsigned)i);
		if (find_key(keys, config_setting_name(setting)) < keys->count)
			continue;
		size_t k = report_unknown(context, setting, keys);
		if (k == keys->count)
			continue;
		if (ret_fields[k].present)
			ret_fields[k].lost = true;
		else if (!wrong_part(setting, keys->items[k].kind))
			ret_fields[k].setting = setting;
		ret_fields[k].present = true;
	}
}

int setting_word(const struct context *context, const config_setting_t *setting,
                 struct word *ret_word)
{
	char *text = arena_strdup(context->arena, config_setting_get_string(setting));
	if (!text)
		return -ENOMEM;
	*ret_word = (struct word){text, setting_at(context, setting)};
	return 0;
}

unsigned setting_string_count(const config_setting_t *setting)
{
	return is_string(setting) ? 1 : (unsigned)config_setting_length(setting);
}

const config_setting_t *setting_string(const config_setting_t *setting, unsigned index)
{
	return is_string(setting) ? setting : config_setting_get_elem(setting, index);
}

int setting_words(const struct context *context, const config_setting_t *setting,
                  struct words *ret_words)
{
	unsigned count = setting_string_count(setting);
	if (!count) {
		*ret_words = (struct words){};
		return 0;
	}

	struct word *items = arena_alloc(context->arena, count, sizeof(*items));
	if (!items)
		return -ENOMEM;
	for (unsigned i = 0; i < count; i++) {
		int r = setting_word(context, setting_string(setting, i), &items[i]);
		if (r < 0)
			return r;
	}
	*ret_words = (struct words){items, count};
	return 0;
}

bool setting_count(const struct context *context, const config_setting_t *setting, uint64_t least,
                   uint64_t most, uint64_t *ret_count)
{
	long long number = config_setting_type(setting) == CONFIG_TYPE_INT64
	                           ? config_setting_get_int64(setting)
	                           : config_setting_get_int(setting);
	if (number < (long long)least || number > (long long)most) {
		problems_add(context->problems, setting_at(context, setting),
		             "\"%s\" is %lld, which is out of range; it must be %" PRIu64
		             " to %" PRIu64,
		             config_setting_name(setting), number, least, most);
		return false;
	}
	*ret_count = (uint64_t)number;
	return true;
}

bool setting_span(const struct context *context, const config_setting_t *setting, usec_t least,
                  usec_t most, usec_t *ret_span)
{
	const char *name = config_setting_name(setting), *text = config_setting_get_string(setting);
	char from[SPAN_WORD_TEXT_MAX], to[SPAN_WORD_TEXT_MAX];
	usec_t span;
	int r = span_word_parse(text, &span);
	if (r == -EINVAL) {
		problems_add(context->problems, setting_at(context, setting),
		             "\"%s\" of \"%s\" is no span of time; write it as \"90s\", \"5m\", "
		             "\"1h\" or \"2h30m\"",
		             text, name);
		return false;
	}
	if (r < 0 || span < least || span > most) {
		problems_add(context->problems, setting_at(context, setting),
		             "\"%s\" is %s, which is out of range; it must be %s to %s", name, text,
		             span_word_print(least, from), span_word_print(most, to));
		return false;
	}
	*ret_span = span;
	return true;
}

enum mode setting_mode(const struct context *context, const config_setting_t *setting)
{
	const char *text = config_setting_get_string(setting);
	if (strcmp(text, "enforce") == 0)
		return MODE_ENFORCE;
	if (strcmp(text, "audit") == 0)
		return MODE_AUDIT;
	problems_add(context->problems, setting_at(context, setting),
	             "unknown mode \"%s\"; it is \"enforce\" or \"audit\"", text);
	return MODE_UNSET;
}

void check_name(const struct context *context, struct location at, const char *what,
                const char *name)
{
	size_t length = strlen(name);
	if (!length || !strchr(LETTERS, name[0]) || strspn(name, LETTERS "0123456789_-") != length)
		problems_add(context->problems, at,
		             "\"%s\" cannot be the name of a %s; a name is a letter followed by "
		             "letters, digits, \"-\" and \"_\"",
		             name, what);
	else if (length > NAME_MAX_BYTES)
		problems_add(context->problems, at,
		             "the name of the %s \"%.20s...\" has %zu bytes; %d is the most", what,
		             name, length, NAME_MAX_BYTES);
}
