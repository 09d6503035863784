/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/loader.h"

#include <errno.h>
#include <string.h>

enum service_key {
	SERVICE_PORTS,
	SERVICE_HELPER,
};
#define SERVICE_KEY_COUNT (SERVICE_HELPER + 1)

static const struct key key_items[SERVICE_KEY_COUNT] = {
        [SERVICE_PORTS] = {"ports", VALUE_STRINGS, "[ \"tcp/21\" ]",
                           "literals and names of other services"},
        [SERVICE_HELPER] = {"helper", VALUE_STRING, "\"ftp\"",
                            "the conntrack helper that its connections get"},
};
static const struct keys keys = {"a service", key_items, SERVICE_KEY_COUNT};

static int read_ports(const struct context *context, const config_setting_t *setting,
                      struct service *service)
{
	int r = setting_words(context, setting, &service->ports);
	if (r < 0)
		return r;
	if (!service->ports.count)
		problems_add(context->problems, service->at,
		             "service \"%s\" stands for nothing; give it ports, as in "
		             "[ \"tcp/587\" ]",
		             service->name);
	return 0;
}

static int read_group(const struct context *context, const config_setting_t *group,
                      struct service *service)
{
	struct field fields[SERVICE_KEY_COUNT];
	settings_match(context, group, &keys, fields);
	if (fields[SERVICE_HELPER].setting) {
		struct word helper;
		int r = setting_word(context, fields[SERVICE_HELPER].setting, &helper);
		if (r < 0)
			return r;
		service->helper = helper.text;
	}
	if (!fields[SERVICE_PORTS].present)
		problems_add(context->problems, service->at,
		             "service \"%s\" has no \"ports\", as in ports = [ \"tcp/21\" ]",
		             service->name);
	if (!fields[SERVICE_PORTS].setting)
		return 0;
	return read_ports(context, fields[SERVICE_PORTS].setting, service);
}

static int read_service(struct loader *loader, const config_setting_t *setting,
                        struct service *ret_service)
{
	const struct context *context = &loader->context;
	struct service service = {
	        .name = arena_strdup(context->arena, config_setting_name(setting)),
	        .at = setting_at(context, setting),
	        .shipped = loader->shipped,
	};
	if (!service.name)
		return -ENOMEM;
	check_name(context, service.at, "service", service.name);

	struct key key = {service.name, VALUE_DEFINITION, "[ \"tcp/587\" ]", ""};
	if (setting_fits(context, setting, &key)) {
		int r = config_setting_type(setting) == CONFIG_TYPE_GROUP
		                ? read_group(context, setting, &service)
		                : read_ports(context, setting, &service);
		if (r < 0)
			return r;
	}
	*ret_service = service;
	return 0;
}

/* The shipped service that the operator's definition takes the place of, or NULL. */
static struct service *shipped_twin(struct loader *loader, const struct service *service)
{
	for (size_t i = 0; !service->shipped && i < loader->shipped_count; i++) {
		struct service *known = &loader->services.items[i];
		if (known->shipped && strcmp(known->name, service->name) == 0)
			return known;
	}
	return NULL;
}

int load_services(struct loader *loader, const config_setting_t *group)
{
	for (int i = 0; i < config_setting_length(group); i++) {
		struct service service;
		int r = read_service(loader, config_setting_get_elem(group, (unsigned)i), &service);
		if (r < 0)
			return r;

		struct service *place = shipped_twin(loader, &service);
		if (!place)
			place = ARRAY_ADD(&loader->services);
		if (!place)
			return -ENOMEM;
		*place = service;
		if (service.shipped)
			loader->shipped_count = loader->services.count;
	}
	return 0;
}
