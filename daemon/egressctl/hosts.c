/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "verbs.h"

#include "ask.h"
#include "columns.h"
#include "field.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static const struct column host_columns[] = {
        {"Host", false, YIELD_FIRST}, {"Role", false, YIELD_FIRST},
        {"Mode", false, YIELD_NEVER}, {"Addresses", false, YIELD_NEVER},
        {"MAC", false, YIELD_NEVER},  {},
};

#define MODE_TEXT_MAX 48

/* "enforce", as the gateway; "audit (host)" and "audit (role)", as these say. */
static const char *mode_print(const json_t *host, char buffer[static MODE_TEXT_MAX])
{
	const char *from = field_text(host, "mode_from", "gateway");
	bool own = strcmp(from, "gateway") != 0;
	snprintf(buffer, MODE_TEXT_MAX, "%.16s%s%.16s%s", field_text(host, "mode", "?"),
	         own ? " (" : "", own ? from : "", own ? ")" : "");
	return buffer;
}

/* A host takes a row for each of its addresses and MACs, side by side. */
static void add_host(struct columns *columns, const json_t *host)
{
	const json_t *addresses = json_object_get(host, "addresses");
	const json_t *macs = json_object_get(host, "macs");
	size_t rows = json_array_size(addresses);
	char mode[MODE_TEXT_MAX];
	if (json_array_size(macs) > rows)
		rows = json_array_size(macs);

	for (size_t i = 0; i == 0 || i < rows; i++) {
		const char *address = json_string_value(json_array_get(addresses, i));
		const char *mac = json_string_value(json_array_get(macs, i));
		if (i == 0 && !address)
			address =
			        json_is_true(json_object_get(host, "self")) ? "(the gateway)" : "-";
		columns_add(columns, COLOUR_NONE, "%s", i ? "" : field_text(host, "name", "?"));
		columns_add(columns, COLOUR_NONE, "%s", i ? "" : field_text(host, "role", "?"));
		columns_add(columns, COLOUR_NONE, "%s", i ? "" : mode_print(host, mode));
		columns_add(columns, COLOUR_NONE, "%s", address ? address : "");
		columns_add(columns, COLOUR_NONE, "%s", mac ? mac : i ? "" : "-");
	}
}

static void print_hosts(const struct command *command, const json_t *answer)
{
	struct columns columns;
	const json_t *host;
	size_t i;

	columns_init(&columns, &command->writer, host_columns);
	json_array_foreach(json_object_get(answer, "hosts"), i, host) add_host(&columns, host);
	columns_print(&columns);
	columns_done(&columns);
}

enum outcome verb_hosts(const struct command *command)
{
	return ask_and_print(command, "ListHosts",
	                     json_pack("{s:o}", "role", ask_option(command, OPTION_ROLE)), ASK_USEC,
	                     print_hosts);
}
