/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/load_detection.h"
#include "policy/load_quarantine.h"
#include "policy/loader.h"

#include <errno.h>

enum role_key {
	ROLE_INHERITS,
	ROLE_OUTBOUND,
	ROLE_INBOUND,
	ROLE_MODE,
	ROLE_TRIPWIRE,
	ROLE_DETECTION,
	ROLE_THROTTLE,
	ROLE_QUARANTINE,
};
#define ROLE_KEY_COUNT (ROLE_QUARANTINE + 1)

#define ENTRIES_EXAMPLE(peer) "( \"http\", { service = [ \"ssh\" ]; " peer " = [ \"admin\" ]; } )"

static const struct key role_items[ROLE_KEY_COUNT] = {
        [ROLE_INHERITS] = {"inherits", VALUE_STRINGS, "[ \"server\" ]",
                           "roles whose permissions this one has too"},
        [ROLE_OUTBOUND] = {"outbound", VALUE_ENTRIES, ENTRIES_EXAMPLE("to"),
                           "what its hosts may initiate"},
        [ROLE_INBOUND] = {"inbound", VALUE_ENTRIES, ENTRIES_EXAMPLE("from"),
                          "what may be initiated to its hosts"},
        [ROLE_MODE] = {"mode", VALUE_STRING, "\"audit\"", "enforce or audit"},
        [ROLE_TRIPWIRE] = {"tripwire", VALUE_BOOLEAN, "true",
                           "alarm at the first attempt of one of its hosts"},
        [ROLE_DETECTION] = {"detection", VALUE_GROUP, "{ severity = { beacon = \"notice\"; }; }",
                            "from when on attempts of its hosts are an alarm"},
        [ROLE_THROTTLE] = {"throttle", VALUE_GROUP, "{ destinations = 100; per = \"10s\"; }",
                           "how fast a host may contact new destinations"},
        [ROLE_QUARANTINE] = {"quarantine", VALUE_GROUP,
                             "{ on = [ \"beacon\", \"scan\" ]; for = \"1h\"; }",
                             "which alarms put a host in quarantine"},
};
static const struct keys role_keys = {"a role", role_items, ROLE_KEY_COUNT};

enum throttle_key {
	THROTTLE_DESTINATIONS,
	THROTTLE_PER,
};
#define THROTTLE_KEY_COUNT (THROTTLE_PER + 1)

static const struct key throttle_items[THROTTLE_KEY_COUNT] = {
        [THROTTLE_DESTINATIONS] = {"destinations", VALUE_NUMBER, "100", "how many new ones"},
        [THROTTLE_PER] = {"per", VALUE_STRING, "\"10s\"", "in how much time"},
};
static const struct keys throttle_keys = {"throttle", throttle_items, THROTTLE_KEY_COUNT};

enum entry_key {
	ENTRY_SERVICE,
	ENTRY_PEERS,
	ENTRY_OTHER_PEERS,
};
#define ENTRY_KEY_COUNT (ENTRY_OTHER_PEERS + 1)

static const struct key outbound_items[ENTRY_KEY_COUNT] = {
        [ENTRY_SERVICE] = {"service", VALUE_STRINGS, "[ \"syslog\" ]", "what may be initiated"},
        [ENTRY_PEERS] = {"to", VALUE_STRINGS, "[ \"loghost\" ]", "to whom"},
        [ENTRY_OTHER_PEERS] = {"from", VALUE_REFUSED, "",
                               "\"from\" has no meaning in outbound; write \"to\" for whom its "
                               "hosts may reach"},
};
static const struct key inbound_items[ENTRY_KEY_COUNT] = {
        [ENTRY_SERVICE] = {"service", VALUE_STRINGS, "[ \"ssh\" ]", "what may be initiated"},
        [ENTRY_PEERS] = {"from", VALUE_STRINGS, "[ \"admin\" ]", "from whom"},
        [ENTRY_OTHER_PEERS] = {"to", VALUE_REFUSED, "",
                               "\"to\" has no meaning in inbound; write \"from\" for who may reach "
                               "its hosts"},
};
static const struct keys outbound_keys = {"an outbound entry", outbound_items, ENTRY_KEY_COUNT};
static const struct keys inbound_keys = {"an inbound entry", inbound_items, ENTRY_KEY_COUNT};

/* A group { service; to | from }. */
static int read_entry(const struct context *context, const config_setting_t *group,
                      const struct keys *keys, struct permission *permission)
{
	struct field fields[ENTRY_KEY_COUNT];
	settings_match(context, group, keys, fields);

	permission->group = true;
	permission->any_peer = !fields[ENTRY_PEERS].present && !fields[ENTRY_OTHER_PEERS].present;
	if (fields[ENTRY_SERVICE].setting) {
		int r = setting_words(context, fields[ENTRY_SERVICE].setting,
		                      &permission->services);
		if (r < 0)
			return r;
	}
	if (!fields[ENTRY_SERVICE].present ||
	    (fields[ENTRY_SERVICE].setting && !permission->services.count))
		problems_add(context->problems, permission->at,
		             "this entry names no service; as in service = [ \"ssh\" ]");
	if (!fields[ENTRY_PEERS].setting)
		return 0;

	int r = setting_words(context, fields[ENTRY_PEERS].setting, &permission->peers);
	if (r < 0)
		return r;
	if (!permission->peers.count)
		problems_add(context->problems, permission->at,
		             "\"%s\" is empty, so nobody is meant; leave it out to mean anybody",
		             keys->items[ENTRY_PEERS].name);
	return 0;
}

static int read_permission(const struct context *context, const config_setting_t *setting,
                           const struct keys *keys, struct permission *permission)
{
	permission->at = setting_at(context, setting);
	if (config_setting_type(setting) == CONFIG_TYPE_GROUP)
		return read_entry(context, setting, keys, permission);
	permission->any_peer = true;
	return setting_words(context, setting, &permission->services);
}

static int read_permissions(const struct context *context, const config_setting_t *setting,
                            const struct keys *keys, struct permissions *permissions)
{
	bool is_list = config_setting_type(setting) == CONFIG_TYPE_LIST ||
	               config_setting_type(setting) == CONFIG_TYPE_ARRAY;
	size_t count = is_list ? (size_t)config_setting_length(setting) : 1;
	if (!count)
		return 0;

	permissions->items = arena_alloc(context->arena, count, sizeof(*permissions->items));
	if (!permissions->items)
		return -ENOMEM;
	permissions->count = count;
	for (size_t i = 0; i < count; i++) {
		const config_setting_t *entry =
		        is_list ? config_setting_get_elem(setting, (unsigned)i) : setting;
		int r = read_permission(context, entry, keys, &permissions->items[i]);
		if (r < 0)
			return r;
	}
	return 0;
}

static void read_throttle(const struct context *context, const config_setting_t *group,
                          struct role *role)
{
	struct field fields[THROTTLE_KEY_COUNT];
	uint64_t destinations = THROTTLE_DESTINATIONS_DEFAULT;
	usec_t per = THROTTLE_PER_DEFAULT;
	settings_match(context, group, &throttle_keys, fields);

	if (fields[THROTTLE_DESTINATIONS].setting)
		setting_count(context, fields[THROTTLE_DESTINATIONS].setting, 1,
		              THROTTLE_DESTINATIONS_MOST, &destinations);
	if (fields[THROTTLE_PER].setting)
		setting_span(context, fields[THROTTLE_PER].setting, THROTTLE_PER_LEAST,
		             THROTTLE_PER_MOST, &per);
	role->throttle = (struct throttle){(uint32_t)destinations, per, role->name,
	                                   setting_at(context, group)};
}

static int read_role(const struct context *context, const config_setting_t *group,
                     struct role *role)
{
	struct field fields[ROLE_KEY_COUNT];
	settings_match(context, group, &role_keys, fields);

	int r = 0;
	role->has_inbound = fields[ROLE_INBOUND].present;
	if (fields[ROLE_INHERITS].setting)
		r = setting_words(context, fields[ROLE_INHERITS].setting, &role->inherits);
	if (r == 0 && fields[ROLE_OUTBOUND].setting)
		r = read_permissions(context, fields[ROLE_OUTBOUND].setting, &outbound_keys,
		                     &role->outbound);
	if (r == 0 && fields[ROLE_INBOUND].setting)
		r = read_permissions(context, fields[ROLE_INBOUND].setting, &inbound_keys,
		                     &role->inbound);
	if (fields[ROLE_MODE].setting)
		role->mode = setting_mode(context, fields[ROLE_MODE].setting);
	if (fields[ROLE_TRIPWIRE].setting)
		role->tripwire = config_setting_get_bool(fields[ROLE_TRIPWIRE].setting);
	if (fields[ROLE_DETECTION].setting)
		load_detection(context, fields[ROLE_DETECTION].setting, &role->detection);
	if (fields[ROLE_THROTTLE].setting)
		read_throttle(context, fields[ROLE_THROTTLE].setting, role);
	if (r == 0 && fields[ROLE_QUARANTINE].setting)
		r = load_quarantine(context, fields[ROLE_QUARANTINE].setting, &role->quarantine);
	return r;
}

int load_roles(struct loader *loader, const config_setting_t *group)
{
	const struct context *context = &loader->context;
	for (int i = 0; i < config_setting_length(group); i++) {
		const config_setting_t *setting = config_setting_get_elem(group, (unsigned)i);
		struct role *role = ARRAY_ADD(&loader->roles);
		if (!role)
			return -ENOMEM;
		role->at = setting_at(context, setting);
		role->name = arena_strdup(context->arena, config_setting_name(setting));
		if (!role->name)
			return -ENOMEM;
		check_name(context, role->at, "role", role->name);

		struct key key = {role->name, VALUE_GROUP, "{ outbound = [ \"http\" ]; }", ""};
		if (!setting_fits(context, setting, &key))
			continue;
		int r = read_role(context, setting, role);
		if (r < 0)
			return r;
	}
	return 0;
}
