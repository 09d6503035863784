/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/loader.h"

#include "policy/span_word.h"

#include <errno.h>
#include <net/if.h>
#include <string.h>

static const struct key key_items[GATEWAY_KEY_COUNT] = {
        [GATEWAY_INSIDE] = {"inside", VALUE_STRINGS, "[ \"lan0\", \"dmz*\" ]",
                            "the interfaces with protected hosts behind them"},
        [GATEWAY_MODE] = {"mode", VALUE_STRING, "\"enforce\"", "enforce or audit"},
        [GATEWAY_REFUSE] = {"refuse", VALUE_STRING, "\"reject\"", "reject or drop"},
        [GATEWAY_CHECK_SOURCE] = {"check_source", VALUE_STRING, "\"connection\"",
                                  "connection or packet: when source addresses are checked"},
        [GATEWAY_NFLOG_GROUP] = {"nflog_group", VALUE_NUMBER, "100",
                                 "where blocked packets are reported to the daemon"},
        [GATEWAY_CONTACT_GROUP] = {"contact_group", VALUE_NUMBER, "101",
                                   "where permitted first contacts are told, for detection.trw"},
        [GATEWAY_OWN_TABLE] = {"own_table", VALUE_BOOLEAN, "true",
                               "whether the kernel is to keep all others from changing the table"},
        [GATEWAY_LEDGER] = {"ledger", VALUE_GROUP, "{ entries = 16384; attempts = 65536; }",
                            "how much is remembered of what was blocked"},
        [GATEWAY_PROCESSES] = {"processes", VALUE_BOOLEAN, "true",
                               "whether it is looked for which processes of the gateway itself try "
                               "what is blocked"},
        [GATEWAY_PICKUP] = {"pickup", VALUE_STRING, "\"2m\"",
                            "how long the first start after a boot picks up older connections"},
};
enum ledger_key {
	LEDGER_ENTRIES,
	LEDGER_ATTEMPTS,
};
#define LEDGER_KEY_COUNT (LEDGER_ATTEMPTS + 1)

static const struct key ledger_items[LEDGER_KEY_COUNT] = {
        [LEDGER_ENTRIES] = {"entries", VALUE_NUMBER, "16384", "how many entries are listed"},
        [LEDGER_ATTEMPTS] = {"attempts", VALUE_NUMBER, "65536",
                             "by how many attempts packets sent again are known"},
};
static const struct keys ledger_keys = {"ledger", ledger_items, LEDGER_KEY_COUNT};

static const struct keys keys = {"gateway", key_items, GATEWAY_KEY_COUNT};

/* What the kernel takes for an interface name (dev_valid_name()), and nft for one in quotes. */
static bool is_interface_name(const char *name)
{
	for (const char *p = name; *p; p++)
		if (*p <= ' ' || *p >= 0x7f || strchr("/:\"\\", *p))
			return false;
	return *name && strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

static void check_interface(const struct context *context, const struct word *word)
{
	const char *name = word->text;
	const char *star = strchr(name, '*');
	if (strcmp(name, "*") == 0)
		problems_add(context->problems, word->at,
		             "\"*\" would be every interface, the outside too; name the inside "
		             "ones, as in \"lan*\"");
	else if (star && star[1])
		problems_add(context->problems, word->at,
		             "\"%s\" cannot be an interface; \"*\" may only stand at the end",
		             name);
	else if (strlen(name) >= IF_NAMESIZE)
		problems_add(context->problems, word->at,
		             "\"%s\" is too long for an interface; %d bytes are the most", name,
		             IF_NAMESIZE - 1);
	else if (!is_interface_name(name))
		problems_add(context->problems, word->at, "\"%s\" cannot be an interface", name);
}

static void check_inside(const struct context *context, const struct gateway *gateway,
                         struct location at)
{
	const struct words *inside = &gateway->inside;
	if (!inside->count)
		problems_add(context->problems, at,
		             "\"inside\" names no interface, so nothing would be protected; as in "
		             "inside = [ \"lan0\" ]");
	for (size_t i = 0; i < inside->count; i++) {
		size_t j = 0;
		while (j < i && strcmp(inside->items[i].text, inside->items[j].text) != 0)
			j++;
		if (j < i)
			problems_add(context->problems, inside->items[i].at,
			             "\"%s\" is already named at %s:%u", inside->items[i].text,
			             inside->items[j].at.file, inside->items[j].at.line);
		else
			check_interface(context, &inside->items[i]);
	}
}

static void read_refuse(const struct context *context, const config_setting_t *setting,
                        struct gateway *gateway)
{
	const char *text = config_setting_get_string(setting);
	if (strcmp(text, "reject") == 0)
		gateway->refuse = REFUSE_REJECT;
	else if (strcmp(text, "drop") == 0)
		gateway->refuse = REFUSE_DROP;
	else
		problems_add(context->problems, setting_at(context, setting),
		             "unknown refuse \"%s\"; it is \"reject\" or \"drop\"", text);
}

static void read_check_source(const struct context *context, const config_setting_t *setting,
                              struct gateway *gateway)
{
	const char *text = config_setting_get_string(setting);
	if (strcmp(text, "connection") == 0)
		gateway->check_source = CHECK_SOURCE_CONNECTION;
	else if (strcmp(text, "packet") == 0)
		gateway->check_source = CHECK_SOURCE_PACKET;
	else
		problems_add(context->problems, setting_at(context, setting),
		             "unknown check_source \"%s\"; it is \"connection\" or \"packet\"",
		             text);
}

static long long read_number(const config_setting_t *setting)
{
	return config_setting_type(setting) == CONFIG_TYPE_INT64 ? config_setting_get_int64(setting)
	                                                         : config_setting_get_int(setting);
}

static void read_limit(const struct context *context, const config_setting_t *setting,
                       uint32_t *limit)
{
	if (!setting)
		return;
	long long value = read_number(setting);
	if (value < LEDGER_LIMIT_LEAST || value > LEDGER_LIMIT_MOST)
		problems_add(context->problems, setting_at(context, setting),
		             "\"%s\" of ledger is %lld, which is out of range; it must be %d to %d",
		             config_setting_name(setting), value, LEDGER_LIMIT_LEAST,
		             LEDGER_LIMIT_MOST);
	else
		*limit = (uint32_t)value;
}

static void read_ledger(const struct context *context, const config_setting_t *group,
                        struct ledger_limits *limits)
{
	struct field fields[LEDGER_KEY_COUNT];
	settings_match(context, group, &ledger_keys, fields);
	read_limit(context, fields[LEDGER_ENTRIES].setting, &limits->entries);
	read_limit(context, fields[LEDGER_ATTEMPTS].setting, &limits->attempts);
}

static void read_log_group(const struct context *context, const config_setting_t *setting,
                           uint16_t *log_group)
{
	long long group = read_number(setting);
	if (group < 1 || group > UINT16_MAX)
		problems_add(context->problems, setting_at(context, setting),
		             "%s %lld is out of range; it must be 1 to %d",
		             config_setting_name(setting), group, UINT16_MAX);
	else
		*log_group = (uint16_t)group;
}

static void read_pickup(const struct context *context, const config_setting_t *setting,
                        struct gateway *gateway)
{
	const char *text = config_setting_get_string(setting);
	usec_t span;
	int r = span_word_parse(text, &span);
	if (r == -EINVAL)
		problems_add(
		        context->problems, setting_at(context, setting),
		        "pickup \"%s\" is not a span of time; as in pickup = \"2m\", or \"0s\" to "
		        "switch it off",
		        text);
	else if (r < 0 || span > PICKUP_SPAN_MAX || span % USEC_PER_SEC)
		problems_add(
		        context->problems, setting_at(context, setting),
		        "pickup \"%s\" is out of range; it must be whole seconds, \"0s\" to \"1h\"",
		        text);
	else
		gateway->pickup = span;
}

/* A key that another file has given already is reported, and not taken again. */
static void drop_repeated(struct loader *loader, struct field *fields,
                          const config_setting_t *group)
{
	for (size_t i = 0; i < GATEWAY_KEY_COUNT; i++) {
		if (!fields[i].present)
			continue;
		const config_setting_t *setting =
		        fields[i].setting ? fields[i].setting
		                          : config_setting_get_member(group, key_items[i].name);
		/* One that is misspelt and of the wrong kind is somewhere in the group. */
		struct location at = setting_at(&loader->context, setting ? setting : group);
		struct location *first = &loader->gateway_keys[i];
		if (!first->line) {
			*first = at;
			continue;
		}
		problems_add(loader->context.problems, at,
		             "\"%s\" of gateway is already defined at %s:%u", key_items[i].name,
		             first->file, first->line);
		fields[i].setting = NULL;
	}
}

int load_gateway(struct loader *loader, const config_setting_t *group)
{
	const struct context *context = &loader->context;
	struct gateway *gateway = &loader->policy->gateway;
	struct field fields[GATEWAY_KEY_COUNT];
	settings_match(context, group, &keys, fields);
	drop_repeated(loader, fields, group);

	if (!gateway->at.line)
		gateway->at = setting_at(context, group);
	if (fields[GATEWAY_INSIDE].setting) {
		int r = setting_words(context, fields[GATEWAY_INSIDE].setting, &gateway->inside);
		if (r < 0)
			return r;
		check_inside(context, gateway, setting_at(context, fields[GATEWAY_INSIDE].setting));
	}
	if (fields[GATEWAY_MODE].setting) {
		enum mode mode = setting_mode(context, fields[GATEWAY_MODE].setting);
		if (mode != MODE_UNSET)
			gateway->mode = mode;
	}
	if (fields[GATEWAY_REFUSE].setting)
		read_refuse(context, fields[GATEWAY_REFUSE].setting, gateway);
	if (fields[GATEWAY_CHECK_SOURCE].setting)
		read_check_source(context, fields[GATEWAY_CHECK_SOURCE].setting, gateway);
	if (fields[GATEWAY_NFLOG_GROUP].setting)
		read_log_group(context, fields[GATEWAY_NFLOG_GROUP].setting, &gateway->nflog_group);
	if (fields[GATEWAY_CONTACT_GROUP].setting)
		read_log_group(context, fields[GATEWAY_CONTACT_GROUP].setting,
		               &gateway->contact_group);
	if (fields[GATEWAY_OWN_TABLE].setting)
		gateway->own_table = config_setting_get_bool(fields[GATEWAY_OWN_TABLE].setting);
	if (fields[GATEWAY_LEDGER].setting)
		read_ledger(context, fields[GATEWAY_LEDGER].setting, &gateway->ledger);
	if (fields[GATEWAY_PICKUP].setting)
		read_pickup(context, fields[GATEWAY_PICKUP].setting, gateway);
	if (fields[GATEWAY_PROCESSES].setting) {
		gateway->processes = config_setting_get_bool(fields[GATEWAY_PROCESSES].setting);
		gateway->processes_at = setting_at(context, fields[GATEWAY_PROCESSES].setting);
	}
	return 0;
}
