/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/loader.h"

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

static int read_role(const struct context *context, const struct field *field, struct host *host)
{
	if (!field->present)
		problems_add(context->problems, host->at, "host \"%s\" has no \"role\"",
		             host->name);
	if (!field->setting)
		return 0;
	return setting_word(context, field->setting, &host->role_name);
}

/* Something must tell its packets from those of others. */
static void check_identity(const struct context *context, const struct field *fields,
                           const struct host *host)
{
	bool unreadable = (fields[HOST_ADDRESS].present && !fields[HOST_ADDRESS].setting) ||
	                  (fields[HOST_MAC].present && !fields[HOST_MAC].setting) ||
	                  (fields[HOST_SELF].present && !fields[HOST_SELF].setting);
	if (!unreadable && !host->addresses.count && !host->mac_words.count && !host->self)
		problems_add(context->problems, host->at,
		             "host \"%s\" needs an \"address\", a \"mac\" or self = true",
		             host->name);
}

static int read_host(const struct context *context, const config_setting_t *group,
                     struct host *host)
{
	struct field fields[HOST_KEY_COUNT];
	settings_match(context, group, &keys, fields);

	int r = read_name(context, &fields[HOST_NAME], host);
	if (r == 0)
		r = read_role(context, &fields[HOST_ROLE], host);
	if (r == 0 && fields[HOST_ADDRESS].setting)
		r = setting_words(context, fields[HOST_ADDRESS].setting, &host->addresses);
	if (r == 0 && fields[HOST_MAC].setting)
		r = setting_words(context, fields[HOST_MAC].setting, &host->mac_words);
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
		int r = read_host(&loader->context, setting, host);
		if (r < 0)
			return r;
	}
	return 0;
}
