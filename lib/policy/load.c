/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/load.h"

#include "policy/check.h"
#include "policy/host_pieces.h"
#include "policy/include.h"
#include "policy/load_detection.h"
#include "policy/loader.h"
#include "policy/parser_room.h"
#include "policy/syntax.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SHIPPED_NAME "services.conf (shipped)"

extern const char services_conf[]; /* conf/services.conf */

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

void source_paths_done(struct source_paths *paths)
{
	ARRAY_FOREACH (file, &paths->files)
		free(*file);
	ARRAY_DONE(&paths->files);
	ARRAY_DONE(&paths->states);
	ARRAY_FOREACH (directory, &paths->directories)
		free(*directory);
	ARRAY_DONE(&paths->directories);
}

int loader_note_file(struct loader *loader, const char *path)
{
	if (!loader->origin.paths)
		return 0;
	_cleanup_free_ char *copy = strdup(path);
	char **place = copy && ARRAY_ADD(&loader->origin.paths->states)
	                       ? ARRAY_ADD(&loader->origin.paths->files)
	                       : NULL;
	if (!place)
		return -ENOMEM;
	*place = TAKE_POINTER(copy);
	return 0;
}

/* The file that was noted last was read in that state. */
static void note_state(struct loader *loader, const struct stat *status)
{
	struct source_paths *paths = loader->origin.paths;
	if (paths && paths->states.count)
		paths->states.items[paths->states.count - 1] = *status;
}

int loader_note_directory(struct loader *loader, const char *path)
{
	if (!loader->origin.paths)
		return 0;
	ARRAY_FOREACH (known, &loader->origin.paths->directories)
		if (strcmp(*known, path) == 0)
			return 0;
	_cleanup_free_ char *copy = strdup(path);
	char **place = copy ? ARRAY_ADD(&loader->origin.paths->directories) : NULL;
	if (!place)
		return -ENOMEM;
	*place = TAKE_POINTER(copy);
	return 0;
}

/* The next file of the snapshot, which has to be this one. */
static int read_kept(struct loader *loader, const char *path, struct location at,
                     struct source *ret_source)
{
	const struct snapshot *snapshot = loader->origin.snapshot;
	const struct snapshot_file *file = loader->next < snapshot->files.count
	                                           ? &snapshot->files.items[loader->next++]
	                                           : NULL;
	if (!file || strcmp(file->path, path) != 0) {
		problems_add(loader->context.problems, at.line ? at : (struct location){path, 0},
		             "%s: is not where it should be in what was kept", path);
		return SOURCE_REFUSED;
	}
	char *text = malloc(file->length + 2);
	if (!text)
		return -ENOMEM;
	memcpy(text, file->text, file->length);
	text[file->length] = text[file->length + 1] = '\0';
	*ret_source = (struct source){.text = text, .length = file->length, .inode = loader->next};
	return 0;
}

int loader_read(struct loader *loader, const char *path, struct location at,
                struct source *ret_source)
{
	if (loader->origin.snapshot)
		return read_kept(loader, path, at, ret_source);
	int r = source_read(path, at, loader->context.problems, ret_source);
	if (r == 0)
		note_state(loader, &ret_source->status);
	if (r == 0 && loader->origin.copy)
		snapshot_add(loader->origin.copy, path, ret_source->text, ret_source->length);
	return r;
}

int loader_path(struct loader *loader, const char *base, const char *named, const char **ret_path)
{
	const char *slash = strrchr(base, '/');
	int folder = slash && named[0] != '/' ? (int)(slash - base + 1) : 0;
	char *path = arena_printf(loader->context.arena, "%.*s%s", folder, base, named);
	if (!path)
		return -ENOMEM;
	*ret_path = path;
	return 0;
}

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
		if (fields[i].present && !fields[i].setting)
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

static int load_memory(struct loader *loader, const char *name, const char *text, size_t length)
{
	char *file = arena_strdup(loader->context.arena, name);
	_cleanup_free_ char *copy = malloc(length + 2);
	if (!file || !copy)
		return -ENOMEM;
	memcpy(copy, text, length);
	copy[length] = copy[length + 1] = '\0';

	struct words includes = {};
	return load_parsed(loader, file, copy, length, &includes);
}

static int loader_start(struct loader *loader, const char *file, struct problems *problems)
{
	_cleanup_(arena_freep) struct arena *arena = arena_new();
	struct policy *policy = arena ? arena_alloc(arena, 1, sizeof(*policy)) : NULL;
	loader->scratch = arena_new();
	if (!policy || !loader->scratch)
		return -ENOMEM;
	policy->file = arena_strdup(arena, file);
	if (!policy->file)
		return -ENOMEM;
	policy->gateway.mode = MODE_ENFORCE;
	policy->gateway.refuse = REFUSE_REJECT;
	policy->gateway.check_source = CHECK_SOURCE_CONNECTION;
	policy->gateway.nflog_group = NFLOG_GROUP_DEFAULT;
	policy->gateway.contact_group = CONTACT_GROUP_DEFAULT;
	policy->gateway.own_table = true;
	policy->gateway.ledger =
	        (struct ledger_limits){LEDGER_ENTRIES_DEFAULT, LEDGER_ATTEMPTS_DEFAULT};

	digest_start(&loader->digest);
	loader->context.problems = problems;
	loader->context.arena = arena;
	loader->policy = policy;
	policy->arena = TAKE_POINTER(arena);

	bool alone = loader->alone;
	loader->shipped = loader->alone = true;
	int r = load_memory(loader, SHIPPED_NAME, services_conf, strlen(services_conf));
	loader->shipped = false;
	loader->alone = alone;
	return r;
}

static void loader_done(struct loader *loader)
{
	ARRAY_DONE(&loader->services);
	ARRAY_DONE(&loader->networks);
	ARRAY_DONE(&loader->roles);
	ARRAY_DONE(&loader->hosts);
	ARRAY_DONE(&loader->host_roles);
	ARRAY_DONE(&loader->pieces);
	arena_free(loader->scratch);
	ARRAY_DONE(&loader->visited);
	policy_free(loader->policy);
}

/* A file that was cut off must not become a policy that knows nobody. */
static void check_required(struct loader *loader)
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

/* Moves what was collected into the arena. */
static int settle(struct loader *loader)
{
	struct policy *policy = loader->policy;
	struct arena *arena = policy->arena;
#define SETTLE(part)                                                                               \
	policy->part.count = loader->part.count;                                                   \
	policy->part.items = ARENA_KEEP(arena, &loader->part);                                     \
	if (policy->part.count && !policy->part.items)                                             \
	return -ENOMEM
	SETTLE(services);
	SETTLE(networks);
	SETTLE(roles);
	SETTLE(hosts);
	SETTLE(pieces);
#undef SETTLE
	return 0;
}

static size_t found(const struct problems *problems)
{
	return problems->list.count + problems->left_out;
}

/* Ends the digest; that of a snapshot has to be what it was. */
static void end_digest(struct loader *loader)
{
	const struct snapshot *snapshot = loader->origin.snapshot;
	char *digest = loader->policy->digest;
	digest_end(&loader->digest, digest);
	if (snapshot && strcmp(snapshot->digest, digest) != 0)
		problems_add(loader->context.problems, (struct location){loader->policy->file, 0},
		             "what was kept of it is not what it was: the digest is another");
}

static int finish(struct loader *loader, size_t found_before, struct policy **ret_policy)
{
	struct problems *problems = loader->context.problems;
	end_digest(loader);
	check_required(loader);
	int r = settle(loader);
	if (r < 0)
		return r;
	r = policy_check(loader->policy, loader->host_roles.items, loader->partial, problems);
	if (r < 0)
		return r;
	if (problems->incomplete)
		return -ENOMEM;
	if (found(problems) > found_before) {
		problems_sort(problems);
		return POLICY_REJECTED;
	}
	*ret_policy = TAKE_POINTER(loader->policy);
	return 0;
}

int policy_load_from(const struct policy_origin *origin, struct problems *problems,
                     struct policy **ret_policy)
{
	const struct snapshot *snapshot = origin->snapshot;
	_cleanup_(loader_done) struct loader loader = {.origin = *origin};
	size_t before = found(problems);
	int r = loader_start(&loader, snapshot ? snapshot->files.items[0].path : origin->file,
	                     problems);
	if (r == 0)
		r = load_file(&loader, loader.policy->file, (struct location){}, 0);
	if (r < 0)
		return r;
	return finish(&loader, before, ret_policy);
}

int policy_load(const char *file, struct source_paths *paths, struct problems *problems,
                struct policy **ret_policy)
{
	const struct policy_origin origin = {.file = file, .paths = paths};
	return policy_load_from(&origin, problems, ret_policy);
}

int policy_load_text(const char *name, const char *text, size_t length, struct problems *problems,
                     struct policy **ret_policy)
{
	_cleanup_(loader_done) struct loader loader = {.alone = true};
	size_t before = found(problems);
	int r = loader_start(&loader, name, problems);
	if (r < 0)
		return r;
	digest_add(&loader.digest, text, length);
	r = load_memory(&loader, loader.policy->file, text, length);
	if (r < 0)
		return r;
	return finish(&loader, before, ret_policy);
}
