/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "parameter.h"

#include "base/address.h"
#include "field.h"
#include "policy/literal.h"

#include <string.h>

/* An address that can be read was refused because it does not go with the source. */
static void complain_address(const struct command *command, const json_t *sent, const char *value)
{
	struct address address;
	if (address_parse(value, &address) < 0)
		complain(command,
		         "\"%s\" is no address; write one as 192.0.2.7 or 2001:db8::7 (egressctl "
		         "hosts has those of all hosts)",
		         value);
	else
		complain(command, "%s is %s, which %s is not: no connection has both", value,
		         address.family == FAMILY_IPV4 ? "IPv4" : "IPv6",
		         field_text(sent, "source", "the source"));
}

static void complain_service(const struct command *command, const json_t *sent, const char *value)
{
	struct service_item item;
	char hint[HINT_MAX];

	enum literal literal = literal_parse(value, &item, hint);
	if (literal == LITERAL_OK)
		complain(command, "%s does not exist between %s and %s: it is of the other family",
		         value, field_text(sent, "source", "the source"),
		         field_text(sent, "destination", "the destination"));
	else if (literal == LITERAL_WRONG && strchr(value, '/'))
		complain(command, "\"%s\" is no service: %s", value, hint);
	else
		complain(command,
		         "\"%s\" is no service: a name such as smtp, or a literal such as tcp/25",
		         value);
}

void complain_parameter(const struct command *command, const json_t *sent, const char *name)
{
	const char *value = field_text(sent, name, NULL);

	if (!value)
		complain(command, "the daemon cannot make sense of the %s", name);
	else if (strcmp(name, "source") == 0 || strcmp(name, "destination") == 0 ||
	         strcmp(name, "address") == 0)
		complain_address(command, sent, value);
	else if (strcmp(name, "service") == 0)
		complain_service(command, sent, value);
	else if (strcmp(name, "mac") == 0)
		complain(command, "\"%s\" is no MAC; write one as 52:54:00:12:34:56", value);
	else
		complain(command, "the daemon cannot make sense of the %s \"%s\"", name, value);
}
