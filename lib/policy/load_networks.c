/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/loader.h"

#include "policy/list.h"

#include <errno.h>

enum network_key {
	NETWORK_ADDRESS,
	NETWORK_FILE,
};
#define NETWORK_KEY_COUNT (NETWORK_FILE + 1)

static const struct key key_items[NETWORK_KEY_COUNT] = {
        [NETWORK_ADDRESS] = {"address", VALUE_STRINGS, "[ \"192.0.2.64/27\" ]",
                             "addresses, prefixes and ranges"},
        [NETWORK_FILE] = {"file", VALUE_STRINGS, "\"lists/drop.txt\"",
                          "files with an address, prefix or range a line"},
};
static const struct keys keys = {"a network", key_items, NETWORK_KEY_COUNT};

static int read_list(struct loader *loader, const struct word *file, range_array *ranges)
{
	struct problems *problems = loader->context.problems;
	if (loader->alone) {
		problems_add(problems, file->at,
		             "a text that is read from no file cannot name the list \"%s\"",
		             file->text);
		return 0;
	}

	const char *path;
	int r = loader_path(loader, file->at.file, file->text, &path);
	if (r < 0)
		return r;
	r = loader_note_file(loader, path);
	if (r < 0)
		return r;

	_cleanup_(source_done) struct source source = {};
	r = loader_read(loader, path, file->at, &source);
	if (r == SOURCE_REFUSED)
		return 0;
	if (r < 0)
		return r;
	digest_add(&loader->digest, source.text, source.length);
	return list_read(path, &source, problems, ranges);
}

static int read_lists(struct loader *loader, struct network *network)
{
	range_array ranges = {};
	int r = 0;
	if (!network->files.count)
		return 0;
	network->file_counts = arena_alloc(loader->context.arena, network->files.count,
	                                   sizeof(*network->file_counts));
	if (!network->file_counts)
		return -ENOMEM;
	for (size_t i = 0; r == 0 && i < network->files.count; i++) {
		size_t before = ranges.count;
		r = read_list(loader, &network->files.items[i], &ranges);
		network->file_counts[i] = ranges.count - before;
	}
	if (r == 0 && ranges.count) {
		network->listed_count = ranges.count;
		network->listed = ARENA_KEEP(loader->context.arena, &ranges);
		r = network->listed ? 0 : -ENOMEM;
	}
	ARRAY_DONE(&ranges);
	return r;
}

static int read_group(struct loader *loader, const config_setting_t *group, struct network *network)
{
	const struct context *context = &loader->context;
	struct field fields[NETWORK_KEY_COUNT];
	settings_match(context, group, &keys, fields);
	if (fields[NETWORK_ADDRESS].setting) {
		int r = setting_words(context, fields[NETWORK_ADDRESS].setting,
		                      &network->addresses);
		if (r < 0)
			return r;
	}
	if (fields[NETWORK_FILE].setting) {
		int r = setting_words(context, fields[NETWORK_FILE].setting, &network->files);
		if (r < 0)
			return r;
		return read_lists(loader, network);
	}
	if (!fields[NETWORK_ADDRESS].present && !fields[NETWORK_FILE].present)
		problems_add(context->problems, network->at,
		             "network \"%s\" has neither \"address\" nor \"file\"", network->name);
	return 0;
}

int load_networks(struct loader *loader, const config_setting_t *group)
{
	const struct context *context = &loader->context;
	for (int i = 0; i < config_setting_length(group); i++) {
		const config_setting_t *setting = config_setting_get_elem(group, (unsigned)i);
		struct network *network = ARRAY_ADD(&loader->networks);
		if (!network)
			return -ENOMEM;
		network->at = setting_at(context, setting);
		network->name = arena_strdup(context->arena, config_setting_name(setting));
		if (!network->name)
			return -ENOMEM;
		check_name(context, network->at, "network", network->name);

		struct key key = {network->name, VALUE_DEFINITION, "[ \"192.0.2.64/27\" ]", ""};
		if (!setting_fits(context, setting, &key))
			continue;
		int r = config_setting_type(setting) == CONFIG_TYPE_GROUP
		                ? read_group(loader, setting, network)
		                : setting_words(context, setting, &network->addresses);
		if (r < 0)
			return r;
	}
	return 0;
}
