/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/loader.h"

#include "policy/range_word.h"

#include <errno.h>

enum host_key {
	HOST_NAME,
	HOST_ROLE,
	HOST_ADDRESS,
	HOST_MAC,
	HOST_SELF,
	HOST_MODE,
};
#define HOST_KEY_COUNT (HOST_MODE + 1)

static const struct key key_items[HOST_KEY_COUNT] = {
        [HOST_NAME] = {"name", VALUE_STRING, "\"www1\"", "what to call it"},
        [HOST_ROLE] = {"role", VALUE_STRING, "\"web\"", "the one role that it has"},
        [HOST_ADDRESS] = {"address", VALUE_STRINGS, "[ \"192.0.2.80\", \"2001:db8::80\" ]",
                          "addresses, prefixes and ranges"},
        [HOST_MAC] = {"mac", VALUE_STRINGS, "[ \"52:54:00:12:34:56\" ]",
                      "the MACs from which it may send"},
        [HOST_SELF] = {"self", VALUE_BOOLEAN, "true", "the gateway itself"},
        [HOST_MODE] = {"mode", VALUE_STRING, "\"audit\"", "enforce or audit"},
};
static const struct keys keys = {"a host", key_items, HOST_KEY_COUNT};

static int read_name(const struct context *context, const struct field *field, struct host *host)
{
	host->name = "";
	if (!field->present)
		problems_add(context->problems, host->at, "this host has no \"name\"");
	if (!field->setting)
		return 0;

	struct word name;
	int r = setting_word(context, field->setting, &name);
	if (r < 0)
		return r;
	host->name = name.text;
	check_name(context, name.at, "host", name.text);
	return 0;
}

/* Only its name, since the role may be written after its hosts. */
static int read_role(struct loader *loader, const struct field *field, struct host *host)
{
	struct context context = loader->context;
	const char **name = ARRAY_ADD(&loader->host_roles);
	if (!name)
		return -ENOMEM;
	if (!field->present)
		problems_add(context.problems, host->at, "host \"%s\" has no \"role\"", host->name);
	if (!field->setting)
		return 0;

	struct word word;
	context.arena = loader->scratch;
	int r = setting_word(&context, field->setting, &word);
	if (r < 0)
		return r;
	*name = word.text;
	host->role_line = word.at.line;
	return 0;
}

static int read_ranges(const struct context *context, const struct field *field, struct host *host)
{
	unsigned count = field->setting ? setting_string_count(field->setting) : 0;
	if (!count)
		return 0;
	host->ranges = arena_alloc(context->arena, count, sizeof(*host->ranges));
	if (!host->ranges)
		return -ENOMEM;
	bool good = true;
	for (unsigned i = 0; i < count; i++) {
		const config_setting_t *string = setting_string(field->setting, i);
		struct location at = setting_at(context, string);
		host->ranges[i].line = at.line;
		good &= range_word_parse(config_setting_get_string(string), at, context->problems,
		                         &host->ranges[i].range);
	}
	host->range_count = good ? count : 0;
	return 0;
}

static void read_mac(const struct context *context, const config_setting_t *string,
                     struct host *host)
{
	const char *text = config_setting_get_string(string);
	struct location at = setting_at(context, string);
	struct mac *mac = &host->macs[host->mac_count];
	if (mac_parse(text, mac) < 0)
		problems_add(context->problems, at,
		             "\"%s\" is no MAC; write one as 52:54:00:12:34:56", text);
	else if (mac->bytes[0] & 1)
		problems_add(context->problems, at,
		             "%s is a group address, from which no host sends", text);
	else
		host->mac_count++;
}

static int read_macs(const struct context *context, const struct field *field, struct host *host)
{
	unsigned count = field->setting ? setting_string_count(field->setting) : 0;
	if (!count)
		return 0;
	host->macs = arena_alloc(context->arena, count, sizeof(*host->macs));
	if (!host->macs)
		return -ENOMEM;
	for (unsigned i = 0; i < count; i++)
		read_mac(context, setting_string(field->setting, i), host);
	return 0;
}

/* Something must tell its packets from those of others. */
static void check_identity(const struct context *context, const struct field *fields,
                           const struct host *host)
{
	bool unreadable = (fields[HOST_ADDRESS].present && !fields[HOST_ADDRESS].setting) ||
	                  (fields[HOST_MAC].present && !fields[HOST_MAC].setting) ||
	                  (fields[HOST_SELF].present && !fields[HOST_SELF].setting);
	if (!unreadable && !host->ranges && !host->macs && !host->self)
		problems_add(context->problems, host->at,
		             "host \"%s\" needs an \"address\", a \"mac\" or self = true",
		             host->name);
}

static int read_host(struct loader *loader, const config_setting_t *group, struct host *host)
{
	const struct context *context = &loader->context;
	struct field fields[HOST_KEY_COUNT];
	settings_match(context, group, &keys, fields);

	int r = read_name(context, &fields[HOST_NAME], host);
	if (r == 0)
		r = read_role(loader, &fields[HOST_ROLE], host);
	if (r == 0)
		r = read_ranges(context, &fields[HOST_ADDRESS], host);
	if (r == 0)
		r = read_macs(context, &fields[HOST_MAC], host);
	if (r < 0)
		return r;
	if (fields[HOST_SELF].setting)
		host->self = config_setting_get_bool(fields[HOST_SELF].setting);
	if (fields[HOST_MODE].setting)
		host->mode = setting_mode(context, fields[HOST_MODE].setting);
	check_identity(context, fields, host);
	return 0;
}

int load_hosts(struct loader *loader, const config_setting_t *list)
{
	for (int i = 0; i < config_setting_length(list); i++) {
		const config_setting_t *setting = config_setting_get_elem(list, (unsigned)i);
		struct host *host = ARRAY_ADD(&loader->hosts);
		if (!host)
			return -ENOMEM;
		host->at = setting_at(&loader->context, setting);
		int r = read_host(loader, setting, host);
		if (r < 0)
			return r;
	}
	return 0;
}
