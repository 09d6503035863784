/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/host_pieces.h"
#include "policy/load_detection.h"
#include "policy/loader.h"
#include "policy/parser_room.h"
#include "policy/syntax.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum file_key {
	FILE_GATEWAY,
	FILE_INCLUDE,
	FILE_SERVICES,
	FILE_NETWORKS,
	FILE_BLOCKLIST,
	FILE_ROLES,
	FILE_HOSTS,
	FILE_DETECTION,
	FILE_ON_ALARM,
};
#define FILE_KEY_COUNT (FILE_ON_ALARM + 1)

static const struct key key_items[FILE_KEY_COUNT] = {
        [FILE_GATEWAY] = {"gateway", VALUE_GROUP, "{ inside = [ \"lan0\" ]; }", "the gateway"},
        [FILE_INCLUDE] = {"include", VALUE_STRINGS, "[ \"roles.d/*.conf\" ]", "further files"},
        [FILE_SERVICES] = {"services", VALUE_GROUP, "{ submission = [ \"tcp/587\" ]; }",
                           "protocols and ports under a name"},
        [FILE_NETWORKS] = {"networks", VALUE_GROUP, "{ loghost = [ \"192.0.2.53\" ]; }",
                           "destinations under a name"},
        [FILE_BLOCKLIST] = {"blocklist", VALUE_STRINGS, "[ \"badlist\" ]",
                            "to whom nobody may initiate"},
        [FILE_ROLES] = {"roles", VALUE_GROUP, "{ desk = { outbound = [ \"http\" ]; }; }",
                        "what hosts may initiate"},
        [FILE_HOSTS] = {"hosts", VALUE_GROUPS,
                        "( { name = \"www1\"; role = \"web\"; address = \"192.0.2.80\"; } )",
                        "who has which role"},
        [FILE_DETECTION] = {"detection", VALUE_GROUP, "{ beacon = { span = \"60s\"; }; }",
                            "from when on attempts are an alarm"},
        [FILE_ON_ALARM] = {"on_alarm", VALUE_GROUP, "{ unit = \"egressd-alarm@.service\"; }",
                           "who is told of alarms"},
};
static const struct keys keys = {"the file", key_items, FILE_KEY_COUNT};

/* Roles and hosts may be spread over files; an empty one in some file is still one. */
static void note_first(struct loader *loader, const struct field *field, struct location *first)
{
	if (field->setting && !first->line)
		*first = setting_at(&loader->context, field->setting);
}

/* True when nothing of that name came before, which is reported. */
static bool is_first(struct loader *loader, const config_setting_t *setting, struct location *first)
{
	struct location at = setting_at(&loader->context, setting);
	if (!first->line) {
		*first = at;
		return true;
	}
	problems_add(loader->context.problems, at, "\"%s\" is already defined at %s:%u",
	             config_setting_name(setting), first->file, first->line);
	return false;
}

static int load_blocklist(struct loader *loader, const config_setting_t *setting)
{
	if (!is_first(loader, setting, &loader->blocklist_at))
		return 0;
	return setting_words(&loader->context, setting, &loader->policy->blocklist);
}

/* What becomes of attempts: when they are an alarm, and who is told. */
static int load_alarms(struct loader *loader, const config_setting_t *detection,
                       const config_setting_t *on_alarm)
{
	struct policy *policy = loader->policy;
	struct location told_at = policy->on_alarm.at;
	if (detection && is_first(loader, detection, &loader->detection_at))
		load_detection(&loader->context, detection, &policy->detection);
	if (on_alarm && is_first(loader, on_alarm, &told_at))
		/* A copy of before comes into force whatever became of the program since. */
		return load_on_alarm(&loader->context, on_alarm,
		                     !loader->alone && !loader->origin.snapshot, &policy->on_alarm);
	return 0;
}

static int load_includes(struct loader *loader, const config_setting_t *setting,
                         struct words *ret_includes)
{
	if (!loader->alone)
		return setting_words(&loader->context, setting, ret_includes);
	problems_add(loader->context.problems, setting_at(&loader->context, setting),
	             "a text that is read from no file cannot include files");
	return 0;
}

/* Everything in one file but what it includes. */
static int walk(struct loader *loader, const config_setting_t *root, struct words *ret_includes)
{
	struct field fields[FILE_KEY_COUNT];
	settings_match(&loader->context, root, &keys, fields);
	for (size_t i = 0; i < FILE_KEY_COUNT; i++)
		if (fields[i].lost || (fields[i].present && !fields[i].setting))
			loader->partial = true;
	note_first(loader, &fields[FILE_ROLES], &loader->roles_at);
	note_first(loader, &fields[FILE_HOSTS], &loader->hosts_at);

	int r = 0;
	if (fields[FILE_GATEWAY].setting)
		r = load_gateway(loader, fields[FILE_GATEWAY].setting);
	if (r == 0 && fields[FILE_SERVICES].setting)
		r = load_services(loader, fields[FILE_SERVICES].setting);
	if (r == 0 && fields[FILE_NETWORKS].setting)
		r = load_networks(loader, fields[FILE_NETWORKS].setting);
	if (r == 0 && fields[FILE_BLOCKLIST].setting)
		r = load_blocklist(loader, fields[FILE_BLOCKLIST].setting);
	if (r == 0 && fields[FILE_ROLES].setting)
		r = load_roles(loader, fields[FILE_ROLES].setting);
	if (r == 0 && fields[FILE_HOSTS].setting)
		r = load_hosts(loader, fields[FILE_HOSTS].setting);
	if (r == 0)
		r = load_alarms(loader, fields[FILE_DETECTION].setting,
		                fields[FILE_ON_ALARM].setting);
	if (r == 0 && fields[FILE_INCLUDE].setting)
		r = load_includes(loader, fields[FILE_INCLUDE].setting, ret_includes);
	return r;
}

static void report_parse_error(struct loader *loader, const config_t *config)
{
	const char *text = config_error_text(config);
	problems_add(loader->context.problems,
	             (struct location){loader->context.file,
	                               loader->context.first_line - 1 +
	                                       (unsigned)config_error_line(config)},
	             "%s%s", text ? text : "the file cannot be understood",
	             text && strstr(text, "mismatched element")
	                     ? ": values of one list in [ ] must be of one kind"
	                     : "");
}

/* Has libconfig read a text whose first line is that line of the file, and walks the result. */
static int read_text(struct loader *loader, const char *text, unsigned line,
                     struct words *ret_includes)
{
	config_t config;
	int r = 0;
	if (!room_to_parse(text, strlen(text)))
		return -ENOMEM;
	config_init(&config);
	loader->context.first_line = line;
	if (config_read_string(&config, text)) {
		r = walk(loader, config_root_setting(&config), ret_includes);
	} else {
		report_parse_error(loader, &config);
		loader->partial = true;
	}
	config_destroy(&config);
	return r;
}

/* The hosts of one piece of the list. */
static int read_piece(struct loader *loader, const struct pieces *pieces, const char *text,
                      const struct piece *piece)
{
	struct words none = {}; /* there is nothing in it but hosts */
	int r = host_pieces_begin(loader, text + piece->begin, piece->end - piece->begin,
	                          piece->line);
	if (r != 0)
		return r < 0 ? r : 0;
	_cleanup_free_ char *own = pieces_text(pieces, text, piece);
	r = own ? read_text(loader, own, piece->line, &none) : -ENOMEM;
	host_pieces_end(loader);
	return r;
}

static int read_pieces(struct loader *loader, const struct pieces *pieces, const char *text,
                       size_t length, struct words *ret_includes)
{
	if (pieces->list.count < 2)
		return read_text(loader, text, 1, ret_includes);

	char *frame = pieces_frame(pieces, text, length);
	if (!frame)
		return -ENOMEM;
	int r = read_text(loader, frame, 1, ret_includes);
	free(frame);
	for (size_t i = 1; r == 0 && i < pieces->list.count; i++)
		r = read_piece(loader, pieces, text, &pieces->list.items[i]);
	return r;
}

int load_parsed(struct loader *loader, const char *file, char *text, size_t length,
                struct words *ret_includes)
{
	_cleanup_(pieces_done) struct pieces pieces = {.name = key_items[FILE_HOSTS].name};
	int r = syntax_check(file, text, &length, loader->context.problems, &pieces);
	if (r < 0)
		return r;
	if (r == SYNTAX_REFUSED) {
		loader->partial = true;
		return 0;
	}
	loader->context.file = file;
	return read_pieces(loader, &pieces, text, length, ret_includes);
}

/* A file that was cut off must not become a policy that knows nobody. */
void load_check_required(struct loader *loader)
{
	struct problems *problems = loader->context.problems;
	const struct gateway *gateway = &loader->policy->gateway;
	struct location file = {loader->policy->file, 0};
	if (loader->partial)
		return;
	if (!gateway->at.line)
		problems_add(problems, file,
		             "there is no \"gateway\"; as in gateway = { inside = [ \"lan0\" ]; }");
	else if (!loader->gateway_keys[GATEWAY_INSIDE].line)
		problems_add(problems, gateway->at,
		             "gateway has no \"inside\"; name the interfaces with protected hosts "
		             "behind them, as in inside = [ \"lan0\" ]");
	if (!loader->roles_at.line)
		problems_add(problems, file, "there are no \"roles\"; as in roles = %s",
		             key_items[FILE_ROLES].example);
	if (!loader->hosts_at.line)
		problems_add(problems, file, "there are no \"hosts\"; as in hosts = %s",
		             key_items[FILE_HOSTS].example);
}
