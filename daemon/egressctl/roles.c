/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "verbs.h"

#include "ask.h"
#include "field.h"
#include "policy/span_word.h"
#include "units.h"

#include <stdio.h>

/* Permissions, set apart by more than the commas that they have in them; `none` when there are
 * none. */
static void print_permissions(const struct command *command, const char *name, const json_t *role,
                              const char *field, const char *none)
{
	_cleanup_free_ char *list = field_join(role, field, "; ");
	writer_field(&command->writer, name, COLOUR_NONE, "%s",
	             list ? (*list ? list : none) : "(out of memory)");
}

static void print_inherits(const struct command *command, const json_t *role)
{
	_cleanup_free_ char *list = field_join(role, "inherits", ", ");
	if (!list || *list)
		writer_field(&command->writer, "  from", COLOUR_NONE, "%s",
		             list ? list : "(out of memory)");
}

static void print_throttle(const struct command *command, const json_t *role)
{
	const json_t *throttle = json_object_get(role, "throttle");
	char per[SPAN_WORD_TEXT_MAX];
	if (json_is_object(throttle))
		writer_field(&command->writer, "  throttle", COLOUR_NONE,
		             "%lld new destinations in %s",
		             (long long)field_number(throttle, "destinations"),
		             span_word_print((usec_t)field_number(throttle, "per"), per));
}

static void print_quarantine(const struct command *command, const json_t *role)
{
	const json_t *quarantine = json_object_get(role, "quarantine");
	char span[SPAN_WORD_TEXT_MAX];
	_cleanup_free_ char *on = NULL;
	if (!json_is_object(quarantine))
		return;
	on = field_join(quarantine, "on", ", ");
	writer_field(&command->writer, "  alarms", COLOUR_NONE,
	             "%s: quarantine for %s, %lld at most", on && *on ? on : "nothing",
	             span_word_print((usec_t)field_number(quarantine, "span"), span),
	             (long long)field_number(quarantine, "most"));
}

static void print_role(const struct command *command, const json_t *role)
{
	const struct writer *writer = &command->writer;
	char packets[UNIT_TEXT_MAX], bytes[UNIT_TEXT_MAX];
	int64_t hosts = field_number(role, "hosts"), blocked = field_packets(role, "blocked");

	writer_line(writer, COLOUR_BOLD, "%s", field_text(role, "name", "?"));
	writer_field(writer, "  hosts", COLOUR_NONE, "%lld, mode %s%s%s%s", (long long)hosts,
	             field_text(role, "mode", "?"),
	             field_text(role, "declared", NULL) ? " (its own)" : "",
	             json_is_true(json_object_get(role, "tripwire")) ? ", tripwire" : "",
	             json_is_true(json_object_get(role, "trw")) ? ", trw" : "");
	print_inherits(command, role);
	print_permissions(command, "  outbound", role, "outbound", "nothing");
	print_permissions(command, "  inbound", role, "inbound",
	                  json_is_array(json_object_get(role, "inbound")) ? "nothing"
	                                                                  : "not judged");
	print_throttle(command, role);
	print_quarantine(command, role);
	writer_field(writer, "  permitted", COLOUR_NONE, "%s packets, %s",
	             count_print(field_packets(role, "permitted"), packets),
	             bytes_print(field_bytes(role, "permitted"), bytes));
	int64_t audited = field_number(role, "hosts_in_audit");
	char passed[64] = "";
	if (audited && audited >= hosts)
		snprintf(passed, sizeof(passed), ", and audit lets them pass");
	else if (audited)
		snprintf(passed, sizeof(passed), ", and audit lets those of %lld %s pass",
		         (long long)audited, plural(audited, "host", "hosts"));
	writer_field(writer, "  blocked", blocked ? COLOUR_WARNING : COLOUR_NONE,
	             "%s packets, %s%s", count_print(blocked, packets),
	             bytes_print(field_bytes(role, "blocked"), bytes), passed);
	writer_field(writer, "  at", COLOUR_NONE, "%s:%lld", field_text(role, "file", "?"),
	             (long long)field_number(role, "line"));
}

static void print_roles(const struct command *command, const json_t *answer)
{
	const json_t *role;
	size_t i;
	json_array_foreach(json_object_get(answer, "roles"), i, role)
	{
		if (i)
			writer_gap(&command->writer);
		print_role(command, role);
	}
}

enum outcome verb_roles(const struct command *command)
{
	return ask_and_print(command, "ListRoles", json_object(), ASK_USEC, print_roles);
}
