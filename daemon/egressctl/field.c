/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "field.h"

#include "base/cleanup.h"
#include "base/protocol.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *field_text(const json_t *object, const char *name, const char *otherwise)
{
	const char *text = json_string_value(json_object_get(object, name));
	return text ? text : otherwise;
}

int64_t field_number(const json_t *object, const char *name)
{
	return json_integer_value(json_object_get(object, name));
}

char *field_join(const json_t *object, const char *name, const char *separator)
{
	const json_t *array = json_object_get(object, name), *item;
	size_t length = 1, i;
	json_array_foreach(array, i, item) length += json_string_length(item) + strlen(separator);

	char *joined = malloc(length), *end = joined;
	if (!joined)
		return NULL;
	*end = '\0';
	json_array_foreach(array, i, item)
	{
		if (!json_is_string(item))
			continue;
		if (end > joined)
			end = stpcpy(end, separator);
		end = stpcpy(end, json_string_value(item));
	}
	return joined;
}

int64_t field_packets(const json_t *object, const char *name)
{
	return field_number(json_object_get(object, name), "packets");
}

int64_t field_bytes(const json_t *object, const char *name)
{
	return field_number(json_object_get(object, name), "bytes");
}

/* "/25", "/echo-request", or nothing for a protocol that has neither ports nor types. */
static void print_port(const char *protocol, const json_t *port, char *buffer, size_t size)
{
	json_int_t number = json_integer_value(port);
	const char *type = NULL;
	uint8_t code;

	if (number >= 0 && number <= UINT8_MAX && protocol_parse(protocol, &code) == 0 &&
	    protocol_has_types(code))
		type = icmp_type_name(code, (uint8_t)number);
	if (!json_is_integer(port))
		*buffer = '\0';
	else if (type)
		snprintf(buffer, size, "/%s", type);
	else
		snprintf(buffer, size, "/%lld", (long long)number);
}

char *field_service(const json_t *blocked, size_t *ret_traffic)
{
	const char *protocol = field_text(blocked, "protocol", "?");
	const char *service = field_text(blocked, "service", NULL);
	char port[64], *text;

	print_port(protocol, json_object_get(blocked, "port"), port, sizeof(port));
	if (asprintf(&text, "%s%s%s%s%s", protocol, port, service ? " (" : "",
	             service ? service : "", service ? ")" : "") < 0)
		return NULL;
	*ret_traffic = strlen(protocol) + strlen(port);
	return text;
}
