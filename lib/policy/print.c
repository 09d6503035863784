/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/print.h"

#include "policy/load_detection.h"
#include "policy/load_quarantine.h"
#include "policy/span_word.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#define IN_A_LINE_MAX 8 /* addresses of a network; more have a line each */

/* A string in quotes, such that libconfig reads the same back. */
static void print_string(const char *text, FILE *out)
{
	fputc('"', out);
	for (const char *p = text; *p; p++) {
		unsigned char c = (unsigned char)*p;
		if (c == '"' || c == '\\')
			fprintf(out, "\\%c", c);
		else if (c < ' ' || c == 0x7f)
			fprintf(out, "\\x%02x", c);
		else
			fputc(c, out);
	}
	fputc('"', out);
}

static void print_words(const struct words *words, FILE *out)
{
	fputs("[ ", out);
	for (size_t i = 0; i < words->count; i++) {
		fputs(i ? ", " : "", out);
		print_string(words->items[i].text, out);
	}
	fputs(words->count ? " ]" : "]", out);
}

static void print_mode(enum mode mode, const char *before, FILE *out)
{
	if (mode != MODE_UNSET)
		fprintf(out, "%smode = \"%s\";", before, mode_name(mode));
}

static const char *refuse_name(enum refuse refuse)
{
	switch (refuse) {
	case REFUSE_REJECT:
		return "reject";
	case REFUSE_DROP:
		return "drop";
	}
	abort(); /* no other value is ever made */
}

static const char *check_source_name(enum check_source check)
{
	switch (check) {
	case CHECK_SOURCE_CONNECTION:
		return "connection";
	case CHECK_SOURCE_PACKET:
		return "packet";
	}
	abort(); /* no other value is ever made */
}

static void print_gateway(const struct gateway *gateway, FILE *out)
{
	char span[SPAN_WORD_TEXT_MAX];
	fputs("gateway = {\n\tinside = ", out);
	print_words(&gateway->inside, out);
	fputs(";", out);
	print_mode(gateway->mode, "\n\t", out);
	fprintf(out, "\n\trefuse = \"%s\";\n\tcheck_source = \"%s\";\n\tnflog_group = %u;\n",
	        refuse_name(gateway->refuse), check_source_name(gateway->check_source),
	        gateway->nflog_group);
	if (gateway->contact_group != CONTACT_GROUP_DEFAULT)
		fprintf(out, "\tcontact_group = %u;\n", gateway->contact_group);
	if (gateway->pickup != PICKUP_SPAN_DEFAULT)
		fprintf(out, "\tpickup = \"%s\";\n",
		        gateway->pickup ? span_word_print(gateway->pickup, span) : "0s");
	fprintf(out, "\town_table = %s;\n", gateway->own_table ? "true" : "false");
	fprintf(out, "\tledger = { entries = %u; attempts = %u; };\n", gateway->ledger.entries,
	        gateway->ledger.attempts);
	fputs(gateway->processes ? "\tprocesses = true;\n};\n" : "};\n", out);
}

static void print_services(const struct policy *policy, FILE *out)
{
	size_t own = 0;
	for (size_t i = 0; i < policy->services.count; i++)
		own += !policy->services.items[i].shipped;
	if (!own)
		return;

	fputs("services = {\n", out);
	for (size_t i = 0; i < policy->services.count; i++) {
		const struct service *service = &policy->services.items[i];
		if (service->shipped)
			continue;
		fprintf(out, "\t%s = ", service->name);
		if (service->helper)
			fputs("{ ports = ", out);
		print_words(&service->ports, out);
		if (service->helper) {
			fputs("; helper = ", out);
			print_string(service->helper, out);
			fputs("; }", out);
		}
		fputs(";\n", out);
	}
	fputs("};\n", out);
}

/* Literals first, then what the list files held, as if it had been written here. */
static void print_network(const struct network *network, FILE *out)
{
	size_t written = network->addresses.count, count = written + network->listed_count;
	const char *separator = count > IN_A_LINE_MAX ? ",\n\t\t" : ", ";
	fprintf(out, "\t%s = [", network->name);
	for (size_t i = 0; i < count; i++) {
		char range[RANGE_TEXT_MAX];
		fputs(i ? separator : " ", out);
		print_string(i < written ? network->addresses.items[i].text
		                         : range_print(&network->listed[i - written], range),
		             out);
	}
	fputs(" ];\n", out);
}

static void print_networks(const struct policy *policy, FILE *out)
{
	if (!policy->networks.count)
		return;
	fputs("networks = {\n", out);
	for (size_t i = 0; i < policy->networks.count; i++)
		print_network(&policy->networks.items[i], out);
	fputs("};\n", out);
}

static void print_permission(const struct permission *permission, const char *peers, FILE *out)
{
	if (!permission->group) {
		print_string(permission->services.items[0].text, out);
		return;
	}
	fputs("{ service = ", out);
	print_words(&permission->services, out);
	if (!permission->any_peer) {
		fprintf(out, "; %s = ", peers);
		print_words(&permission->peers, out);
	}
	fputs("; }", out);
}

static void print_permissions(const struct permissions *permissions, const char *key,
                              const char *peers, FILE *out)
{
	fprintf(out, "\t\t%s = (", key);
	for (size_t i = 0; i < permissions->count; i++) {
		fputs(i ? ",\n\t\t\t" : " ", out);
		print_permission(&permissions->items[i], peers, out);
	}
	fputs(" );\n", out);
}

static void print_throttle(const struct throttle *throttle, FILE *out)
{
	char per[SPAN_WORD_TEXT_MAX];
	if (throttle->destinations)
		fprintf(out, "\t\tthrottle = { destinations = %u; per = \"%s\"; };\n",
		        throttle->destinations, span_word_print(throttle->per, per));
}

static void print_role(const struct role *role, FILE *out)
{
	fprintf(out, "\t%s = {\n", role->name);
	if (role->inherits.count) {
		fputs("\t\tinherits = ", out);
		print_words(&role->inherits, out);
		fputs(";\n", out);
	}
	if (role->outbound.count)
		print_permissions(&role->outbound, "outbound", "to", out);
	if (role->has_inbound)
		print_permissions(&role->inbound, "inbound", "from", out);
	if (role->mode != MODE_UNSET)
		fprintf(out, "\t\tmode = \"%s\";\n", mode_name(role->mode));
	if (role->tripwire)
		fputs("\t\ttripwire = true;\n", out);
	print_throttle(&role->throttle, out);
	print_quarantine(&role->quarantine, "\t\t", out);
	print_detection(&role->detection, "\t\t", out);
	fputs("\t};\n", out);
}

static void print_host(const struct host *host, FILE *out)
{
	char text[RANGE_TEXT_MAX], mac[MAC_TEXT_MAX];
	fprintf(out, "\t{ name = \"%s\"; role = \"%s\";", host->name, host->role->name);
	for (size_t i = 0; i < host->range_count; i++)
		fprintf(out, "%s\"%s\"%s", i ? ", " : " address = [ ",
		        range_print(&host->ranges[i].range, text),
		        i + 1 < host->range_count ? "" : " ];");
	for (size_t i = 0; i < host->mac_count; i++)
		fprintf(out, "%s\"%s\"%s", i ? ", " : " mac = [ ", mac_print(&host->macs[i], mac),
		        i + 1 < host->mac_count ? "" : " ];");
	if (host->self)
		fputs(" self = true;", out);
	print_mode(host->mode, " ", out);
	fputs(" }", out);
}

static void print_told(const char *name, const char *value, FILE *out)
{
	if (!value)
		return;
	fprintf(out, " %s = ", name);
	print_string(value, out);
	fputs(";", out);
}

static void print_on_alarm(const struct on_alarm *on_alarm, FILE *out)
{
	if (!on_alarm->at.line)
		return;
	fputs("on_alarm = {", out);
	print_told("unit", on_alarm->unit, out);
	print_told("command", on_alarm->command, out);
	print_told("user", on_alarm->user, out);
	fputs(" };\n", out);
}

int policy_print(const struct policy *policy, FILE *out)
{
	print_gateway(&policy->gateway, out);
	print_services(policy, out);
	print_networks(policy, out);
	if (policy->blocklist.count) {
		fputs("blocklist = ", out);
		print_words(&policy->blocklist, out);
		fputs(";\n", out);
	}
	print_detection(&policy->detection, "", out);
	print_on_alarm(&policy->on_alarm, out);
	fputs("roles = {\n", out);
	for (size_t i = 0; i < policy->roles.count; i++)
		print_role(&policy->roles.items[i], out);
	fputs("};\nhosts = (\n", out);
	for (size_t i = 0; i < policy->hosts.count; i++) {
		print_host(&policy->hosts.items[i], out);
		fputs(i + 1 < policy->hosts.count ? ",\n" : "\n", out);
	}
	fputs(");\n", out);
	return ferror(out) ? -EIO : 0;
}
