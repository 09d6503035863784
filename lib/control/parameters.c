/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/parameters.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

static bool has_type(const json_t *value, enum parameter_type type)
{
	switch (type) {
	case PARAMETER_STRING:
		return json_is_string(value);
	case PARAMETER_INT:
		return json_is_integer(value);
	case PARAMETER_BOOL:
		return json_is_boolean(value);
	}
	abort(); /* no other value is ever made */
}

static const struct parameter *find(const struct parameter *table, const char *name)
{
	for (; table && table->name; table++)
		if (strcmp(table->name, name) == 0)
			return table;
	return NULL;
}

int parameters_check(json_t *parameters, const struct parameter *table, const char **ret_name)
{
	const char *name;
	json_t *value;
	json_object_foreach(parameters, name, value)
	{
		if (!find(table, name)) {
			*ret_name = name;
			return PARAMETERS_WRONG;
		}
	}

	for (; table && table->name; table++) {
		value = json_object_get(parameters, table->name);
		if (json_is_null(value) && !table->required) {
			json_object_del(parameters, table->name);
			continue;
		}
		if (value ? !has_type(value, table->type) : table->required) {
			*ret_name = table->name;
			return PARAMETERS_WRONG;
		}
	}
	return 0;
}
