/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/literal.h"

#include "base/protocol.h"
#include "base/spelling.h"

#include <stdbool.h>
#include <stdarg.h>
#include <string.h>
#include <strings.h>

#define DIGITS   "0123456789"
#define PORT_MAX 65535u
#define SHOWN    "%.40s"

__attribute__((format(printf, 2, 3))) static enum literal wrong(char hint[static HINT_MAX],
                                                                const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(hint, HINT_MAX, format, arguments);
	va_end(arguments);
	return LITERAL_WRONG;
}

/* The whole number at the start of text; how many bytes it takes, 0 when it has no such number. */
static size_t parse_number(const char *text, unsigned *ret_number)
{
	size_t digits = strspn(text, DIGITS);
	unsigned number = 0;
	for (size_t i = 0; i < digits; i++)
		if (number <= PORT_MAX)
			number = number * 10 + (unsigned)(text[i] - '0');
	if (digits)
		*ret_number = number;
	return digits;
}

static enum literal parse_ports(const char *text, const char *ports, uint8_t protocol,
                                struct service_item *ret_item, char hint[static HINT_MAX])
{
	char name[PROTOCOL_TEXT_MAX];
	protocol_print(protocol, name);

	unsigned from = 0, to = 0;
	size_t n = parse_number(ports, &from);
	const char *rest = ports + n;
	to = from;
	if (n && (*rest == '-' || *rest == ':')) {
		bool colon = *rest == ':';
		size_t m = parse_number(rest + 1, &to);
		n = m ? n + 1 + m : 0;
		rest = ports + n;
		if (n && !*rest && colon)
			return wrong(hint,
			             "\"" SHOWN "\": a range of ports is written \"%s/%u-%u\"",
			             text, name, from, to);
	}
	if (!n || *rest)
		return wrong(hint,
		             "\"" SHOWN "\" has no port; write one as \"%s/80\", a range as "
		             "\"%s/1024-65535\"",
		             text, name, name);
	if (from == 0 || from > PORT_MAX || to > PORT_MAX)
		return wrong(hint, "\"" SHOWN "\": a port must be 1 to %u", text, PORT_MAX);
	if (from > to)
		return wrong(hint, "\"" SHOWN "\" is backwards; did you mean \"%s/%u-%u\"?", text,
		             name, to, from);
	*ret_item = (struct service_item){protocol, (uint16_t)from, (uint16_t)to, NULL};
	return LITERAL_OK;
}

static enum literal parse_type(const char *text, const char *name, uint8_t protocol,
                               struct service_item *ret_item, char hint[static HINT_MAX])
{
	uint8_t type;
	if (icmp_type_parse(protocol, name, &type) == 0) {
		*ret_item = (struct service_item){protocol, type, type, NULL};
		return LITERAL_OK;
	}

	char protocol_name[PROTOCOL_TEXT_MAX];
	protocol_print(protocol, protocol_name);
	struct spelling spelling = {.written = name};
	const char *known;
	for (unsigned i = 0; (known = icmp_type_name_at(protocol, i)); i++)
		spelling_offer(&spelling, known);
	if (spelling.nearest)
		return wrong(hint, "\"" SHOWN "\": unknown type; did you mean \"%s/%s\"?", text,
		             protocol_name, spelling.nearest);
	return wrong(hint,
	             "\"" SHOWN "\": unknown type; write its name, as in \"%s/echo-request\", or "
	             "its number, 0 to 255",
	             text, protocol_name);
}

static enum literal parse_by_number(const char *text, const char *number,
                                    struct service_item *ret_item, char hint[static HINT_MAX])
{
	unsigned value = 0;
	size_t n = parse_number(number, &value);
	if (!n || number[n] || value > UINT8_MAX)
		return wrong(hint,
		             "\"" SHOWN "\": a protocol has a number of 0 to 255, as in "
		             "\"ip/99\"",
		             text);
	uint8_t protocol = (uint8_t)value;
	char name[PROTOCOL_TEXT_MAX];
	protocol_print(protocol, name);
	if (protocol_has_ports(protocol))
		return wrong(hint, "\"" SHOWN "\" is %s, which has ports; write \"%s/PORT\"", text,
		             name, name);
	if (protocol_has_types(protocol))
		return wrong(hint, "\"" SHOWN "\" is %s, which has types; write \"%s/TYPE\"", text,
		             name, name);
	*ret_item = (struct service_item){.protocol = protocol};
	return LITERAL_OK;
}

/* A word without a slash. */
static enum literal parse_bare(const char *text, struct service_item *ret_item,
                               char hint[static HINT_MAX])
{
	uint8_t protocol;
	if (*text && strspn(text, DIGITS) == strlen(text))
		return wrong(hint,
		             "\"" SHOWN "\" lacks its protocol; write \"tcp/" SHOWN "\" or "
		             "\"udp/" SHOWN "\"",
		             text, text, text);
	if (protocol_parse(text, &protocol) < 0)
		return LITERAL_NONE;
	if (protocol_has_ports(protocol))
		return wrong(hint,
		             "\"%s\" lacks a port; write \"%s/80\", or \"%s/1-65535\" for "
		             "every port",
		             text, text, text);
	if (protocol_has_types(protocol))
		return wrong(hint, "\"%s\" lacks a type; write \"%s/echo-request\"", text, text);
	*ret_item = (struct service_item){.protocol = protocol};
	return LITERAL_OK;
}

/* What stands before the slash is no protocol. */
static enum literal wrong_protocol(const char *text, const char *name, const char *rest,
                                   char hint[static HINT_MAX])
{
	uint8_t protocol;
	if (*name && strspn(name, DIGITS) == strlen(name) && protocol_parse(rest, &protocol) == 0)
		return wrong(hint, "\"" SHOWN "\" is the wrong way round; did you mean \"%s/%s\"?",
		             text, rest, name);

	struct spelling spelling = {.written = name};
	const char *known;
	for (unsigned i = 0; (known = protocol_name_at(i)); i++) {
		if (strcasecmp(name, known) == 0)
			return wrong(hint,
			             "\"" SHOWN "\": protocols are written in lower case, as "
			             "in \"%s/" SHOWN "\"",
			             text, known, rest);
		spelling_offer(&spelling, known);
	}
	if (spelling.nearest)
		return wrong(hint,
		             "\"" SHOWN "\": unknown protocol \"%s\"; did you mean \"%s/" SHOWN
		             "\"?",
		             text, name, spelling.nearest, rest);
	return wrong(hint,
	             "\"" SHOWN "\": unknown protocol \"%s\"; it is tcp, udp, icmp, icmpv6, "
	             "sctp, dccp, udplite, or ip with a number",
	             text, name);
}

enum literal literal_parse(const char *text, struct service_item *ret_item,
                           char hint[static HINT_MAX])
{
	const char *slash = strchr(text, '/');
	if (!slash)
		return parse_bare(text, ret_item, hint);

	char name[PROTOCOL_TEXT_MAX];
	size_t length = (size_t)(slash - text);
	if (length >= sizeof(name))
		length = sizeof(name) - 1;
	memcpy(name, text, length);
	name[length] = '\0';

	uint8_t protocol;
	if (strcmp(name, "ip") == 0)
		return parse_by_number(text, slash + 1, ret_item, hint);
	if (protocol_parse(name, &protocol) < 0)
		return wrong_protocol(text, name, slash + 1, hint);
	if (protocol_has_ports(protocol))
		return parse_ports(text, slash + 1, protocol, ret_item, hint);
	if (protocol_has_types(protocol))
		return parse_type(text, slash + 1, protocol, ret_item, hint);
	return wrong(hint, "\"" SHOWN "\": %s has no ports; write \"%s\"", text, name, name);
}
