/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "field.h"

#include "base/cleanup.h"

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

char *field_join(const json_t *object, const char *name)
{
	const json_t *array = json_object_get(object, name), *item;
	size_t length = 1, i;
	json_array_foreach(array, i, item) length += json_string_length(item) + 2;

	char *joined = malloc(length), *end = joined;
	if (!joined)
		return NULL;
	*end = '\0';
	json_array_foreach(array, i, item)
	{
		if (!json_is_string(item))
			continue;
		if (end > joined)
			end = stpcpy(end, ", ");
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

char *field_service(const json_t *blocked, bool brief)
{
	const char *protocol = field_text(blocked, "protocol", "?");
	const char *service = field_text(blocked, "service", NULL);
	const json_t *port = json_object_get(blocked, "port");
	char number[32] = "", *text;

	if (brief && service)
		return strdup(service);
	if (json_is_integer(port))
		snprintf(number, sizeof(number), "/%lld", (long long)json_integer_value(port));
	int r = service ? asprintf(&text, "%s%s (%s)", protocol, number, service)
	                : asprintf(&text, "%s%s", protocol, number);
	return r < 0 ? NULL : text;
}
