/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sums.h"

#include "base/array.h"
#include "base/cleanup.h"
#include "base/spelling.h"
#include "columns.h"
#include "field.h"
#include "units.h"

#include <stdlib.h>
#include <string.h>

const char *const sums_fields[] = {"source", "destination", "host", "service",
                                   "reason", "role",        NULL};

const char sums_passed_note[] =
        "Passed: attempts that would be blocked, but that audit let pass; the others were blocked.";

const char *sums_field(const struct command *command, const char *by)
{
	struct spelling spelling = {.written = by};
	for (const char *const *field = sums_fields; *field; field++) {
		if (strcmp(by, *field) == 0)
			return *field;
		spelling_offer(&spelling, *field);
	}
	complain(command, "nothing is summed up by \"%s\"%s%s%s", by,
	         spelling.nearest
	                 ? "; did you mean \""
	                 : "; it is one of source, destination, host, service, reason, role",
	         spelling.nearest ? spelling.nearest : "", spelling.nearest ? "\"?" : "");
	return NULL;
}

/* What an entry has in that field, from malloc; "-" for nothing. */
static char *value_of(const json_t *blocked, const char *by)
{
	size_t traffic;
	return strcmp(by, "service") == 0 ? field_service(blocked, &traffic)
	                                  : strdup(field_text(blocked, by, "-"));
}

static void add_to(json_t *sum, const json_t *blocked)
{
	static const char *const counts[] = {"attempts", "passed", "packets"};
	/* Of daemons that keep no outcome nothing is said of it. */
	for (size_t i = 0; i < ELEMENTS_OF(counts); i++)
		if (json_object_get(blocked, counts[i]))
			json_object_set_new(sum, counts[i],
			                    json_integer(field_number(sum, counts[i]) +
			                                 field_number(blocked, counts[i])));
	json_object_set_new(sum, "entries", json_integer(field_number(sum, "entries") + 1));

	int64_t first = field_number(blocked, "first"), last = field_number(blocked, "last");
	if (!field_number(sum, "first") || first < field_number(sum, "first"))
		json_object_set_new(sum, "first", json_integer(first));
	if (last > field_number(sum, "last"))
		json_object_set_new(sum, "last", json_integer(last));
}

/* The most attempts first; then the latest. */
static int compare(const void *a, const void *b)
{
	const json_t *x = *(json_t *const *)a, *y = *(json_t *const *)b;
	static const char *const order[] = {"attempts", "last"};
	for (size_t i = 0; i < ELEMENTS_OF(order); i++) {
		int64_t left = field_number(x, order[i]), right = field_number(y, order[i]);
		if (left != right)
			return left > right ? -1 : 1;
	}
	return 0;
}

/* The sums of an object as a sorted array, which shares them. */
static json_t *sorted(json_t *by_value)
{
	size_t count = 0;
	_cleanup_free_ json_t **items = calloc(json_object_size(by_value) + 1, sizeof(*items));
	const char *key;
	json_t *sum, *list = json_array();
	if (!items)
		return NULL;
	json_object_foreach(by_value, key, sum) items[count++] = sum;
	qsort(items, count, sizeof(*items), compare);
	for (size_t i = 0; i < count; i++)
		json_array_append(list, items[i]);
	return list;
}

json_t *sums_of(const json_t *blocked, const char *by)
{
	json_t *by_value = json_object(), *list;
	const json_t *entry;
	size_t i;

	json_array_foreach(blocked, i, entry)
	{
		_cleanup_free_ char *value = value_of(entry, by);
		json_t *sum = value ? json_object_get(by_value, value) : NULL;
		if (value && !sum) {
			sum = json_pack("{ss}", by, value);
			json_object_set_new(by_value, value, sum);
		}
		if (sum)
			add_to(sum, entry);
	}
	list = sorted(by_value);
	json_decref(by_value);
	return list;
}

/* True when audit let any of it pass. */
static bool has_passed(const json_t *sums)
{
	const json_t *sum;
	size_t i;
	json_array_foreach(sums, i, sum) if (field_number(sum, "passed") > 0) return true;
	return false;
}

void sums_print(const struct command *command, const json_t *sums, const char *by)
{
	char title[16];
	snprintf(title, sizeof(title), "%c%s", by[0] - 'a' + 'A', by + 1);
	bool audited = has_passed(sums);
	struct column list[8];
	struct columns columns;
	const json_t *sum;
	size_t i, n = 0;

	list[n++] = (struct column){title, false, YIELD_FIRST};
	list[n++] = (struct column){"Attempts", true, YIELD_NEVER};
	if (audited)
		list[n++] = (struct column){"Passed", true, YIELD_NEVER};
	list[n++] = (struct column){"Packets", true, YIELD_NEVER};
	list[n++] = (struct column){"First", false, YIELD_AWAY};
	list[n++] = (struct column){"Last", false, YIELD_NEVER};
	list[n] = (struct column){};

	columns_init(&columns, &command->writer, list);
	json_array_foreach(sums, i, sum)
	{
		char count[UNIT_TEXT_MAX], ago[UNIT_TEXT_MAX];
		columns_add(&columns, COLOUR_NONE, "%s", field_text(sum, by, "?"));
		columns_add(&columns, COLOUR_NONE, "%s",
		            count_print(field_number(sum, "attempts"), count));
		if (audited)
			columns_add(&columns, COLOUR_NONE, "%s",
			            count_print(field_number(sum, "passed"), count));
		columns_add(&columns, COLOUR_NONE, "%s",
		            count_print(field_number(sum, "packets"), count));
		columns_add(&columns, COLOUR_NONE, "%s",
		            ago_print(field_number(sum, "first"), command->now, ago));
		columns_add(&columns, COLOUR_NONE, "%s",
		            ago_print(field_number(sum, "last"), command->now, ago));
	}
	columns_print(&columns);
	columns_done(&columns);
	if (audited)
		writer_line(&command->writer, COLOUR_NONE, "%s", sums_passed_note);
}
