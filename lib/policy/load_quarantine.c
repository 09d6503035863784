/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/load_quarantine.h"

#include "base/array.h"
#include "base/spelling.h"
#include "policy/span_word.h"

#include <errno.h>
#include <string.h>

enum quarantine_key {
	QUARANTINE_ON,
	QUARANTINE_FOR,
	QUARANTINE_MOST,
};
#define QUARANTINE_KEY_COUNT (QUARANTINE_MOST + 1)

static const struct key items[QUARANTINE_KEY_COUNT] = {
        [QUARANTINE_ON] = {"on", VALUE_STRINGS, "[ \"beacon\", \"scan\" ]", "which alarms"},
        [QUARANTINE_FOR] = {"for", VALUE_STRING, "\"1h\"", "for how long"},
        [QUARANTINE_MOST] = {"most", VALUE_NUMBER, "8", "so many hosts of the role at a time"},
};
static const struct keys keys = {"quarantine", items, QUARANTINE_KEY_COUNT};

static const char *const causes[QUARANTINE_CAUSE_COUNT] = {
        [QUARANTINE_ON_TRIPWIRE] = "tripwire", [QUARANTINE_ON_BEACON] = "beacon",
        [QUARANTINE_ON_SCAN] = "scan",         [QUARANTINE_ON_PORTSCAN] = "portscan",
        [QUARANTINE_ON_THROTTLE] = "throttle",
};

const char *quarantine_cause_name(enum quarantine_cause cause)
{
	return causes[cause];
}

/* Alarms of which the one who is named may be innocent. */
static bool accuses_others(const char *word)
{
	static const char *const words[] = {"impostor", "spoofed", "unassigned", "trw"};
	for (size_t i = 0; i < ELEMENTS_OF(words); i++)
		if (strcmp(words[i], word) == 0)
			return true;
	return false;
}

static void report_unknown(const struct context *context, const struct word *word)
{
	struct spelling spelling = {.written = word->text};
	if (accuses_others(word->text)) {
		problems_add(context->problems, word->at,
		             "\"%s\" may be the doing of somebody else than the host, and so puts "
		             "nobody in quarantine",
		             word->text);
		return;
	}
	for (size_t i = 0; i < QUARANTINE_CAUSE_COUNT; i++)
		spelling_offer(&spelling, causes[i]);
	if (spelling.nearest)
		problems_add(context->problems, word->at,
		             "no alarm \"%s\" puts a host in quarantine; did you mean \"%s\"?",
		             word->text, spelling.nearest);
	else
		problems_add(context->problems, word->at,
		             "no alarm \"%s\" puts a host in quarantine; it is \"tripwire\", "
		             "\"beacon\", \"scan\", \"portscan\" or \"throttle\"",
		             word->text);
}

static void read_cause(const struct context *context, const struct word *word, bool *on)
{
	for (size_t i = 0; i < QUARANTINE_CAUSE_COUNT; i++) {
		if (strcmp(causes[i], word->text) != 0)
			continue;
		on[i] = true;
		return;
	}
	report_unknown(context, word);
}

int load_quarantine(const struct context *context, const config_setting_t *group,
                    struct self_quarantine *quarantine)
{
	struct field fields[QUARANTINE_KEY_COUNT];
	struct words words = {};
	uint64_t most = QUARANTINE_MOST_DEFAULT;
	usec_t span = QUARANTINE_SPAN_DEFAULT;
	settings_match(context, group, &keys, fields);

	*quarantine = (struct self_quarantine){.at = setting_at(context, group)};
	if (!fields[QUARANTINE_ON].present)
		problems_add(context->problems, quarantine->at,
		             "this quarantine does not say on which alarms; as in on = %s",
		             items[QUARANTINE_ON].example);
	if (fields[QUARANTINE_ON].setting) {
		int r = setting_words(context, fields[QUARANTINE_ON].setting, &words);
		if (r < 0)
			return r;
	}
	for (size_t i = 0; i < words.count; i++)
		read_cause(context, &words.items[i], quarantine->on);
	if (fields[QUARANTINE_FOR].setting)
		setting_span(context, fields[QUARANTINE_FOR].setting, QUARANTINE_SPAN_LEAST,
		             QUARANTINE_SPAN_MOST, &span);
	if (fields[QUARANTINE_MOST].setting)
		setting_count(context, fields[QUARANTINE_MOST].setting, 1, QUARANTINE_MOST_MOST,
		              &most);
	quarantine->span = span;
	quarantine->most = (uint32_t)most;
	return 0;
}

void print_quarantine(const struct self_quarantine *quarantine, const char *indent, FILE *out)
{
	char span[SPAN_WORD_TEXT_MAX];
	const char *before = " ";
	if (!quarantine->at.line)
		return;
	fprintf(out, "%squarantine = { on = [", indent);
	for (size_t i = 0; i < QUARANTINE_CAUSE_COUNT; i++) {
		if (!quarantine->on[i])
			continue;
		fprintf(out, "%s\"%s\"", before, causes[i]);
		before = ", ";
	}
	fprintf(out, " ]; for = \"%s\"; most = %u; };\n", span_word_print(quarantine->span, span),
	        quarantine->most);
}
