/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_CONTROL_PARAMETERS_H
#define EGRESSD_CONTROL_PARAMETERS_H

#include <jansson.h>
#include <stdbool.h>

#define PARAMETERS_WRONG 1 /* one of them is unknown, missing or of another type */

enum parameter_type {
	PARAMETER_STRING,
	PARAMETER_INT,
	PARAMETER_BOOL,
};

/* One parameter that a method takes; a table of them ends with one that has no name. */
struct parameter {
	const char *name;
	enum parameter_type type;
	bool required;
};

/*
 * Holds the parameters of a call against a method's table (NULL: it takes none). Optional ones
 * that are null are removed, so that json_object_get() gives NULL for whatever was not given.
 *
 * 0: all is well. PARAMETERS_WRONG: *ret_name is the first one that is not, borrowed from the
 * table or from the parameters.
 */
int parameters_check(json_t *parameters, const struct parameter *table, const char **ret_name);

#endif
