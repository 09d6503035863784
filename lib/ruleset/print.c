/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ruleset/print.h"

#include "base/protocol.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <string.h>

static const char *family_word(enum family family)
{
	return family == FAMILY_IPV4 ? "ip" : "ip6";
}

/* Of nft's `l3proto`. */
static const char *families_word(uint8_t families)
{
	if (families == FAMILIES_BOTH)
		return "inet";
	return family_word(families == FAMILY_BIT(FAMILY_IPV4) ? FAMILY_IPV4 : FAMILY_IPV6);
}

static const char *side_word(enum side side)
{
	return side == SIDE_SOURCE ? "saddr" : "daddr";
}

/* nft calls protocol 58 ipv6-icmp; names that only we use are written as numbers. */
static void print_protocol(uint8_t protocol, FILE *out)
{
	static const uint8_t known[] = {IPPROTO_TCP,  IPPROTO_UDP,  IPPROTO_ICMP,
	                                IPPROTO_SCTP, IPPROTO_DCCP, IPPROTO_GRE,
	                                IPPROTO_ESP,  IPPROTO_AH,   IPPROTO_UDPLITE};
	char text[PROTOCOL_TEXT_MAX];

	if (protocol == IPPROTO_ICMPV6)
		fputs("ipv6-icmp", out);
	else if (memchr(known, protocol, sizeof(known)))
		fputs(protocol_print(protocol, text), out);
	else
		fprintf(out, "%u", protocol);
}

static void print_address_bytes(enum family family, const uint8_t *bytes, FILE *out)
{
	char text[ADDRESS_TEXT_MAX];
	struct address address = address_from_bytes(family, bytes);
	fputs(address_print(&address, text), out);
}

static void print_port(const uint8_t *bytes, FILE *out)
{
	fprintf(out, "%u", bytes[0] << 8 | bytes[1]);
}

static void print_ether(const uint8_t *bytes, FILE *out)
{
	char text[MAC_TEXT_MAX];
	struct mac mac;
	memcpy(mac.bytes, bytes, sizeof(mac.bytes));
	fputs(mac_print(&mac, text), out);
}

static void print_type(uint8_t protocol, uint8_t type, FILE *out)
{
	const char *name = icmp_type_name(protocol, type);
	if (name)
		fputs(name, out);
	else
		fprintf(out, "%u", type);
}

static void print_service(const uint8_t *bytes, FILE *out)
{
	print_protocol(bytes[0], out);
	fputs(" . ", out);
	print_port(bytes + 4, out);
}

static void print_key(const struct set *set, const struct element *element, FILE *out)
{
	const uint8_t *key = element->key;
	struct address_range range;

	switch (set->type) {
	case SET_IFNAME:
		fprintf(out, "\"%.16s\"", (const char *)key);
		return;
	case SET_IPV4:
	case SET_IPV6: {
		enum family family = set->type == SET_IPV4 ? FAMILY_IPV4 : FAMILY_IPV6;
		char text[RANGE_TEXT_MAX];
		range.from = address_from_bytes(family, key);
		range.to = set->interval ? address_from_bytes(family, element->to) : range.from;
		fputs(range_print(&range, text), out);
		return;
	}
	case SET_PROTOCOL:
		print_protocol(key[0], out);
		return;
	case SET_PORT:
		print_port(key, out);
		if (set->interval && memcmp(key, element->to, 2) != 0) {
			fputc('-', out);
			print_port(element->to, out);
		}
		return;
	case SET_ICMP_TYPE:
		print_type(IPPROTO_ICMP, key[0], out);
		return;
	case SET_ICMPV6_TYPE:
		print_type(IPPROTO_ICMPV6, key[0], out);
		return;
	case SET_ETHER:
		print_ether(key, out);
		return;
	case SET_SERVICE:
		print_service(key, out);
		return;
	case SET_IPV4_SERVICE:
		print_address_bytes(FAMILY_IPV4, key, out);
		fputs(" . ", out);
		print_service(key + 4, out);
		return;
	case SET_IPV6_SERVICE:
		print_address_bytes(FAMILY_IPV6, key, out);
		fputs(" . ", out);
		print_service(key + 16, out);
		return;
	case SET_IPV4_ETHER:
		print_address_bytes(FAMILY_IPV4, key, out);
		fputs(" . ", out);
		print_ether(key + 4, out);
		return;
	case SET_IPV6_ETHER:
		print_address_bytes(FAMILY_IPV6, key, out);
		fputs(" . ", out);
		print_ether(key + 16, out);
		return;
	case SET_IPV4_PAIR:
	case SET_IPV6_PAIR:
	case SET_IPV4_FLOW:
	case SET_IPV6_FLOW:
		return; /* elements are not ours */
	}
}

/* As nft writes times: "1d2h3m4s", without what is zero. */
static void print_timeout(uint32_t seconds, FILE *out)
{
	static const struct {
		uint32_t seconds;
		char letter;
	} units[] = {{86400, 'd'}, {3600, 'h'}, {60, 'm'}, {1, 's'}};

	fputs(" timeout ", out);
	for (size_t i = 0; i < ELEMENTS_OF(units); i++) {
		if (seconds >= units[i].seconds)
			fprintf(out, "%u%c", seconds / units[i].seconds, units[i].letter);
		seconds %= units[i].seconds;
	}
}

static void print_set(const struct set *set, FILE *out)
{
	fprintf(out, "\t%s %s {\n\t\ttype %s%s\n", set->map ? "map" : "set", set->name,
	        set_type_name(set->type), set->map ? " : verdict" : "");
	if (set->size)
		fprintf(out, "\t\tsize %u\n", set->size);
	if (set->learning)
		fprintf(out, "\t\tflags dynamic,timeout\n");
	if (set->limit.rate)
		fprintf(out, "\t\tlimit rate %" PRIu64 "/%s burst %u packets\n", set->limit.rate,
		        limit_unit_name(set->limit.unit), set->limit.burst);
	if (set->interval || set->timed)
		fprintf(out, "\t\tflags %s%s%s\n", set->interval ? "interval" : "",
		        set->interval && set->timed ? "," : "", set->timed ? "timeout" : "");
	if (set->timeout)
		fprintf(out, "\t\ttimeout %u%c\n",
		        set->timeout % 60 ? set->timeout : set->timeout / 60,
		        set->timeout % 60 ? 's' : 'm');
	else if (set->dynamic)
		fprintf(out, "\t\tflags dynamic\n\t\tcounter\n");
	if (set->comment)
		fprintf(out, "\t\tcomment \"%s\"\n", set->comment);

	const char *before = "\t\telements = { ";
	ARRAY_FOREACH (element, &set->elements) {
		fputs(before, out);
		print_key(set, element, out);
		if (set->timed && element->life->timeout)
			print_timeout(element->life->timeout, out);
		if (set->timed && element->life->comment)
			fprintf(out, " comment \"%s\"", element->life->comment);
		if (set->map && element_chain(set, element))
			fprintf(out, " : goto %s", element_chain(set, element));
		before = ",\n\t\t\t     ";
	}
	if (set->elements.count)
		fprintf(out, " }\n");
	fprintf(out, "\t}\n\n");
}

/* The key of a flow, that of the statement's side first. */
static void print_flow(const struct statement *s, FILE *out)
{
	bool forth = s->side == SIDE_SOURCE;
	fprintf(out, "%s %s . meta l4proto . th %s . %s %s . th %s", family_word(s->family),
	        forth ? "saddr" : "daddr", forth ? "sport" : "dport", family_word(s->family),
	        forth ? "daddr" : "saddr", forth ? "dport" : "sport");
}

static void print_statement(const struct statement *s, FILE *out)
{
	const char *star = s->wildcard ? "*" : "";
	const char *port = s->swapped ? "sport" : "dport";

	switch (s->kind) {
	case MATCH_CT_ESTABLISHED:
		fputs("ct state established", out);
		return;
	case MATCH_CT_KNOWN:
		fputs("ct state established,related", out);
		return;
	case MATCH_CT_NEW:
		fputs("ct state new", out);
		return;
	case MATCH_CT_REPLY:
		fputs("ct direction reply", out);
		return;
	case MATCH_CT_HELPER:
		fprintf(out, "ct helper \"%s\"", s->name);
		return;
	case MATCH_IIFNAME:
		fprintf(out, "iifname \"%s%s\"", s->name, star);
		return;
	case MATCH_OIFNAME:
		fprintf(out, "oifname \"%s%s\"", s->name, star);
		return;
	case MATCH_IIFNAME_SET:
		fprintf(out, "iifname @%s", s->name);
		return;
	case MATCH_FIB_MISSING:
		fputs("fib saddr . iif oif missing", out);
		return;
	case MATCH_FIB_OIFNAME:
		fprintf(out, "fib saddr oifname \"%s%s\"", s->name, star);
		return;
	case MATCH_FIB_UNICAST:
		fputs("fib daddr type unicast", out);
		return;
	case MATCH_FIB_OWN:
		fputs("fib saddr type local", out);
		return;
	case MATCH_FAMILY:
		fprintf(out, "meta nfproto %s", s->family == FAMILY_IPV4 ? "ipv4" : "ipv6");
		return;
	case MATCH_PROTOCOL:
		fputs("meta l4proto ", out);
		print_protocol((uint8_t)s->value, out);
		return;
	case MATCH_PROTOCOL_SET:
		fprintf(out, "meta l4proto @%s", s->name);
		return;
	case MATCH_TCP_ACK:
		fputs("tcp flags & (fin | syn | rst | ack) == ack", out);
		return;
	case MATCH_TCP_NO_SYN:
		fputs("tcp flags & syn == 0x0", out);
		return;
	case MATCH_SERVICE_SET:
		fprintf(out, "meta l4proto . th %s @%s", port, s->name);
		return;
	case MATCH_PORT_SET:
		print_protocol((uint8_t)s->value, out);
		fprintf(out, " %s @%s", port, s->name);
		return;
	case MATCH_ICMP_TYPE_SET:
		fprintf(out, "icmp type @%s", s->name);
		return;
	case MATCH_ICMPV6_TYPE_SET:
		fprintf(out, "icmpv6 type @%s", s->name);
		return;
	case MATCH_ADDRESS_SET:
		fprintf(out, "%s %s %s@%s", family_word(s->family), side_word(s->side),
		        s->inverted ? "!= " : "", s->name);
		return;
	case MATCH_ADDRESS_SERVICE_SET:
		fprintf(out, "%s %s . meta l4proto . th %s @%s", family_word(s->family),
		        side_word(s->side), port, s->name);
		return;
	case MATCH_ADDRESS_ETHER_SET:
		fprintf(out, "%s saddr . ether saddr @%s", family_word(s->family), s->name);
		return;
	case MATCH_ETHER_SET:
		fprintf(out, "ether saddr @%s", s->name);
		return;
	case MATCH_FLOW_SET:
		print_flow(s, out);
		fprintf(out, " @%s", s->name);
		return;
	case MATCH_PAIR_SET:
		fprintf(out, "%s saddr . %s daddr @%s", family_word(s->family),
		        family_word(s->family), s->name);
		return;
	case VMAP_ADDRESS:
		fprintf(out, "%s %s vmap @%s", family_word(s->family), side_word(s->side), s->name);
		return;
	case VMAP_ETHER:
		fprintf(out, "ether saddr vmap @%s", s->name);
		return;
	case ACTION_COUNTER:
		fprintf(out, "counter name \"%s\"", s->name);
		return;
	case ACTION_LOG:
		fprintf(out, "log prefix \"%s\" group %u snaplen %u", s->name, s->value,
		        LOG_SNAPLEN);
		return;
	case ACTION_COUNT_SOURCE:
		fprintf(out, "add @%s { %s saddr }", s->name, family_word(s->family));
		return;
	case ACTION_LIMIT_SOURCE:
		fprintf(out, "update @%s { %s saddr }", s->name, family_word(s->family));
		return;
	case ACTION_ADD_PAIR:
		fprintf(out, "add @%s { %s saddr . %s daddr }", s->name, family_word(s->family),
		        family_word(s->family));
		return;
	case ACTION_UPDATE_FLOW:
		fprintf(out, "update @%s { ", s->name);
		print_flow(s, out);
		fputs(" }", out);
		return;
	case ACTION_HELPER:
		fprintf(out, "ct helper set \"%s\"", s->name);
		return;
	case VERDICT_ACCEPT:
		fputs("accept", out);
		return;
	case VERDICT_DROP:
		fputs("drop", out);
		return;
	case VERDICT_RETURN:
		fputs("return", out);
		return;
	case VERDICT_JUMP:
		fprintf(out, "jump %s", s->name);
		return;
	case VERDICT_GOTO:
		fprintf(out, "goto %s", s->name);
		return;
	case VERDICT_REJECT_RESET:
		fputs("reject with tcp reset", out);
		return;
	case VERDICT_REJECT_ADMIN:
		fputs("reject with icmpx admin-prohibited", out);
		return;
	}
}

static void print_hook(const struct chain *chain, FILE *out)
{
	static const char *const hooks[] = {
	        [HOOK_NONE] = "",
	        [HOOK_PREROUTING] = "prerouting",
	        [HOOK_FORWARD] = "forward",
	        [HOOK_OUTPUT] = "output",
	};
	if (chain->hook == HOOK_NONE)
		return;

	fprintf(out, "\t\ttype filter hook %s priority ", hooks[chain->hook]);
	if (chain->hook == HOOK_PREROUTING && chain->priority == -300)
		fputs("raw", out);
	else if (chain->priority)
		fprintf(out, "%d", chain->priority);
	else
		fputs("filter", out);
	fprintf(out, "; policy %s;\n", chain->policy_drop ? "drop" : "accept");
}

static void print_chain(const struct ruleset *ruleset, const struct chain *chain, FILE *out)
{
	fprintf(out, "\tchain %s {\n", chain->name);
	if (chain->comment)
		fprintf(out, "\t\tcomment \"%s\"\n", chain->comment);
	print_hook(chain, out);
	ARRAY_FOREACH (rule, &chain->rules) {
		if (!rule_counts(ruleset, rule))
			continue;
		fputs("\t\t", out);
		for (size_t i = 0; i < rule->statement_count; i++) {
			const struct statement *s = &rule->statements[i];
			if (i)
				fputc(' ', out);
			print_statement(s, out);
		}
		if (rule->comment)
			fprintf(out, " comment \"%s\"", rule->comment);
		fputc('\n', out);
	}
	fprintf(out, "\t}\n");
}

int ruleset_print(const struct ruleset *ruleset, FILE *out)
{
	fprintf(out, "table inet " TABLE_NAME " {\n");
	if (ruleset->comment)
		fprintf(out, "\tcomment \"%s\"\n", ruleset->comment);
	ARRAY_FOREACH (counter, &ruleset->counters)
		fprintf(out, "\tcounter %s {\n\t\tpackets 0 bytes 0\n\t}\n\n", counter->name);
	ARRAY_FOREACH (helper, &ruleset->helpers) {
		char protocol[PROTOCOL_TEXT_MAX];
		fprintf(out,
		        "\tct helper %s {\n\t\ttype \"%s\" protocol %s\n\t\tl3proto %s\n\t}\n\n",
		        helper->name, helper->kind, protocol_print(helper->protocol, protocol),
		        families_word(helper->families));
	}
	ARRAY_FOREACH (set, &ruleset->sets)
		print_set(set, out);
	const char *before = "";
	ARRAY_FOREACH (chain, &ruleset->chains) {
		fputs(before, out);
		print_chain(ruleset, chain, out);
		before = "\n";
	}
	fprintf(out, "}\n");
	return ferror(out) ? -EIO : 0;
}
