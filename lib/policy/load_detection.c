/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/load_detection.h"

#include "base/array.h"
#include "policy/span_word.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#define SECOND USEC_PER_SEC
#define DAY    (24 * 60 * 60 * SECOND)

enum value_word {
	WORD_COUNT,
	WORD_SPAN,
	WORD_SEVERITY,
	WORD_FLAG,
};

/* The grammar: which group each is in (NULL: in detection itself), and what it may be. */
static const struct rule {
	const char *group;
	const char *name;
	enum value_word word;
	uint64_t least, most;
	const char *example;
	const char *description;
} rules[DETECTION_KEY_COUNT] = {
        [DETECTION_BEACON_ATTEMPTS] = {"beacon", "attempts", WORD_COUNT, 4, 25, "4",
                                       "how many attempts it takes"},
        [DETECTION_BEACON_SPAN] = {"beacon", "span", WORD_SPAN, SECOND, DAY, "\"60s\"",
                                   "for how long they must be regular"},
        [DETECTION_BEACON_SHARE] = {"beacon", "share", WORD_COUNT, 50, 100, "80",
                                    "percent of the gaps that must be near their median"},
        [DETECTION_BEACON_NEAR] = {"beacon", "near", WORD_COUNT, 1, 50, "10",
                                   "percent by which these may differ from it"},
        [DETECTION_BEACON_WIDE_GAPS] = {"beacon", "wide_gaps", WORD_COUNT, 3, 24, "8",
                                        "from how many gaps on they may differ by more"},
        [DETECTION_BEACON_WIDE] = {"beacon", "wide", WORD_COUNT, 1, 50, "25",
                                   "percent by which they may differ then"},
        [DETECTION_BEACON_HOST_BEACONS] = {"beacon", "host_beacons", WORD_COUNT, 1, 16, "8",
                                           "how many of one host are told at a time"},
        [DETECTION_SCAN_HOSTS] = {"scan", "hosts", WORD_COUNT, 2, 64, "25",
                                  "distinct hosts on one port"},
        [DETECTION_SCAN_SPAN] = {"scan", "span", WORD_SPAN, SECOND, DAY, "\"5m\"", "within this"},
        [DETECTION_SCAN_SLOW_HOSTS] = {"scan", "slow_hosts", WORD_COUNT, 2, 64, "25",
                                       "distinct hosts of one who takes his time"},
        [DETECTION_SCAN_SLOW_SPAN] = {"scan", "slow_span", WORD_SPAN, SECOND, 7 * DAY, "\"1h\"",
                                      "within this"},
        [DETECTION_SCAN_PORTS] = {"scan", "ports", WORD_COUNT, 2, 64, "15",
                                  "distinct ports of one host"},
        [DETECTION_SCAN_PORTS_SPAN] = {"scan", "ports_span", WORD_SPAN, SECOND, DAY, "\"5m\"",
                                       "within this"},
        [DETECTION_TRW_ENABLED] = {"trw", "enabled", WORD_FLAG, 0, 1, "true",
                                   "whether first contacts are judged, permitted ones told for it"},
        [DETECTION_TRW_DETECTION] = {"trw", "detection", WORD_COUNT, 51, 99, "99",
                                     "percent of scanners that are to be told"},
        [DETECTION_TRW_FALSE_ALARM] = {"trw", "false_alarm", WORD_COUNT, 1, 49, "1",
                                       "percent of others that may be taken for one"},
        [DETECTION_TRW_BENIGN] = {"trw", "benign", WORD_COUNT, 51, 99, "80",
                                  "percent of others' first contacts that succeed"},
        [DETECTION_TRW_SCANNER] = {"trw", "scanner", WORD_COUNT, 1, 49, "20",
                                   "percent of a scanner's first contacts that succeed"},
        [DETECTION_TRW_MEMORY] = {"trw", "memory", WORD_SPAN, 60 * 60 * SECOND, 7 * DAY, "\"24h\"",
                                  "after this a contact is a first one again"},
#define SEVERITY(KEY, name)                                                                        \
	[DETECTION_SEVERITY_##KEY] = {"severity",                                                  \
	                              name,                                                        \
	                              WORD_SEVERITY,                                               \
	                              0,                                                           \
	                              2,                                                           \
	                              "\"notice\"",                                                \
	                              "notice, warning or critical"}
        SEVERITY(TRIPWIRE, "tripwire"),
        SEVERITY(BEACON, "beacon"),
        SEVERITY(SCAN, "scan"),
        SEVERITY(PORTSCAN, "portscan"),
        SEVERITY(TRW, "trw"),
        SEVERITY(THROTTLE, "throttle"),
        SEVERITY(UNASSIGNED, "unassigned"),
        SEVERITY(IMPOSTOR, "impostor"),
        SEVERITY(QUARANTINE, "quarantine"),
#undef SEVERITY
        [DETECTION_STRANGERS] = {NULL, "strangers", WORD_COUNT, 1, 1000, "16",
                                 "how many senders that are no hosts are told one by one"},
        [DETECTION_QUIET] = {NULL, "quiet", WORD_SPAN, SECOND, 30 * DAY, "\"24h\"",
                             "after how much silence an alarm clears by itself"},
};

static const char *const severities[DETECTION_SEVERITY_COUNT] = {"notice", "warning", "critical"};

#define GROUP_COUNT 4
static const struct key group_items[GROUP_COUNT] = {
        {"beacon", VALUE_GROUP, "{ attempts = 4; span = \"60s\"; }", "regular attempts"},
        {"scan", VALUE_GROUP, "{ hosts = 25; span = \"5m\"; }", "looking for hosts or ports"},
        {"trw", VALUE_GROUP, "{ enabled = true; }", "first contacts, most of which fail"},
        {"severity", VALUE_GROUP, "{ beacon = \"notice\"; }", "how grave alarms are"},
};

static bool is_in(const struct rule *rule, const char *group)
{
	return group ? rule->group && strcmp(rule->group, group) == 0 : !rule->group;
}

static enum value_kind kind_of(enum value_word word)
{
	switch (word) {
	case WORD_COUNT:
		return VALUE_NUMBER;
	case WORD_FLAG:
		return VALUE_BOOLEAN;
	case WORD_SPAN:
	case WORD_SEVERITY:
		break;
	}
	return VALUE_STRING;
}

static void read_severity(const struct context *context, const config_setting_t *setting,
                          const struct rule *rule, uint64_t *value, bool *given)
{
	const char *text = config_setting_get_string(setting);
	for (size_t i = 0; i < DETECTION_SEVERITY_COUNT; i++) {
		if (strcmp(text, severities[i]) == 0) {
			*value = i;
			*given = true;
			return;
		}
	}
	problems_add(context->problems, setting_at(context, setting),
	             "unknown severity \"%s\" of \"%s\"; it is \"notice\", \"warning\" or "
	             "\"critical\"",
	             text, rule->name);
}

static void read_value(const struct context *context, const config_setting_t *setting,
                       enum detection_key key, struct detection *detection)
{
	const struct rule *rule = &rules[key];
	uint64_t *value = &detection->values[key];
	bool *given = &detection->given[key];
	switch (rule->word) {
	case WORD_COUNT:
		*given |= setting_count(context, setting, rule->least, rule->most, value);
		return;
	case WORD_SPAN:
		*given |= setting_span(context, setting, rule->least, rule->most, value);
		return;
	case WORD_SEVERITY:
		read_severity(context, setting, rule, value, given);
		return;
	case WORD_FLAG:
		*value = config_setting_get_bool(setting) ? 1 : 0;
		*given = true;
		return;
	}
}

/* What of one group there is; its own groups (of detection itself) go to ret_groups. */
static void load_group(const struct context *context, const config_setting_t *setting,
                       const char *group, const char *where, struct detection *detection,
                       struct field *ret_groups)
{
	struct key items[DETECTION_KEY_COUNT + GROUP_COUNT];
	enum detection_key which[DETECTION_KEY_COUNT];
	struct field fields[DETECTION_KEY_COUNT + GROUP_COUNT];
	size_t count = 0;

	for (unsigned i = 0; i < DETECTION_KEY_COUNT; i++) {
		if (!is_in(&rules[i], group))
			continue;
		which[count] = (enum detection_key)i;
		items[count++] = (struct key){rules[i].name, kind_of(rules[i].word),
		                              rules[i].example, rules[i].description};
	}
	size_t values = count;
	for (size_t i = 0; ret_groups && i < GROUP_COUNT; i++)
		items[count++] = group_items[i];

	const struct keys keys = {where, items, count};
	settings_match(context, setting, &keys, fields);
	for (size_t i = 0; i < values; i++)
		if (fields[i].setting)
			read_value(context, fields[i].setting, which[i], detection);
	for (size_t i = 0; ret_groups && i < GROUP_COUNT; i++)
		ret_groups[i] = fields[values + i];
}

void load_detection(const struct context *context, const config_setting_t *group,
                    struct detection *detection)
{
	struct field groups[GROUP_COUNT];
	load_group(context, group, NULL, "detection", detection, groups);
	for (size_t i = 0; i < GROUP_COUNT; i++)
		if (groups[i].setting)
			load_group(context, groups[i].setting, group_items[i].name,
			           group_items[i].name, detection, NULL);
}

static void print_value(const struct rule *rule, uint64_t value, FILE *out)
{
	char span[SPAN_WORD_TEXT_MAX];
	fprintf(out, " %s = ", rule->name);
	switch (rule->word) {
	case WORD_COUNT:
		fprintf(out, "%" PRIu64 ";", value);
		return;
	case WORD_SPAN:
		fprintf(out, "\"%s\";", span_word_print(value, span));
		return;
	case WORD_SEVERITY:
		fprintf(out, "\"%s\";", severities[value]);
		return;
	case WORD_FLAG:
		fputs(value ? "true;" : "false;", out);
		return;
	}
}

/* The values of one group (NULL: those outside of any); true when there are any. */
static bool print_group(const struct detection *detection, const char *group, FILE *out)
{
	bool any = false;
	for (unsigned i = 0; i < DETECTION_KEY_COUNT; i++) {
		if (!detection->given[i] || !is_in(&rules[i], group))
			continue;
		if (group && !any)
			fprintf(out, " %s = {", group);
		any = true;
		print_value(&rules[i], detection->values[i], out);
	}
	if (group && any)
		fputs(" };", out);
	return any;
}

void print_detection(const struct detection *detection, const char *indent, FILE *out)
{
	bool any = false;
	for (unsigned i = 0; i < DETECTION_KEY_COUNT; i++)
		any |= detection->given[i];
	if (!any)
		return;
	fprintf(out, "%sdetection = {", indent);
	for (size_t i = 0; i < GROUP_COUNT; i++)
		print_group(detection, group_items[i].name, out);
	print_group(detection, NULL, out);
	fputs(" };\n", out);
}
