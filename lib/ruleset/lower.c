/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ruleset/lower.h"

#include "base/protocol.h"

#include <assert.h>
#include <errno.h>
#include <netinet/in.h> /* before linux/netfilter.h, which else brings definitions of its own */
#include <linux/if_arp.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <stdlib.h>
#include <string.h>

/* linux/netfilter/nf_conntrack_common.h: NF_CT_STATE_BIT(IP_CT_ESTABLISHED), (IP_CT_RELATED) */
#define CT_STATE_ESTABLISHED (1u << 1)
#define CT_STATE_RELATED     (1u << 2)
#define CT_STATE_NEW         (1u << 3)
#define CT_DIRECTION_REPLY   1
#define CT_HELPER_NAME_BYTES 16 /* NF_CT_HELPER_NAME_LEN */
#define INTERFACE_NAME_BYTES 16 /* IFNAMSIZ */

/* The TCP header: RFC 9293, section 3.1. */
#define TCP_FLAGS_OFFSET 13
#define TCP_FIN          0x01
#define TCP_SYN          0x02
#define TCP_RST          0x04
#define TCP_ACK          0x10

/* What a rule being lowered has already made sure of: dependencies are written only once. */
struct lowering {
	struct op ops[OPS_MAX];
	size_t count;
	uint8_t family;   /* NFPROTO_*, or 0 */
	uint8_t protocol; /* or 0 */
	bool ethernet;
};

static struct op *add(struct lowering *l, enum op_kind kind)
{
	assert(l->count < OPS_MAX);
	struct op *op = &l->ops[l->count++];
	*op = (struct op){.kind = kind, .reg = NFT_REG_1};
	return op;
}

static void add_meta(struct lowering *l, uint32_t key, unsigned slot)
{
	struct op *op = add(l, OP_META);
	op->key = key;
	op->reg = register_number(slot);
}

static void add_payload(struct lowering *l, uint32_t base, uint32_t offset, uint32_t length,
                        unsigned slot)
{
	struct op *op = add(l, OP_PAYLOAD);
	op->key = base;
	op->offset = offset;
	op->length = length;
	op->reg = register_number(slot);
}

static void add_compare(struct lowering *l, uint32_t how, const void *data, size_t length)
{
	struct op *op = add(l, OP_CMP);
	assert(length <= sizeof(op->data));
	op->key = how;
	op->length = (uint32_t)length;
	memcpy(op->data, data, length);
}

static struct op *add_lookup(struct lowering *l, const char *set, bool verdict)
{
	struct op *op = add(l, OP_LOOKUP);
	op->name = set;
	op->verdict = verdict;
	return op;
}

static void need_family(struct lowering *l, uint8_t family)
{
	if (l->family == family)
		return;
	add_meta(l, NFT_META_NFPROTO, 0);
	add_compare(l, NFT_CMP_EQ, &family, sizeof(family));
	l->family = family;
}

static void need_protocol(struct lowering *l, uint8_t protocol)
{
	if (l->protocol == protocol)
		return;
	add_meta(l, NFT_META_L4PROTO, 0);
	add_compare(l, NFT_CMP_EQ, &protocol, sizeof(protocol));
	l->protocol = protocol;
}

static void need_ethernet(struct lowering *l)
{
	if (l->ethernet)
		return;
	uint16_t type = ARPHRD_ETHER;
	add_meta(l, NFT_META_IIFTYPE, 0);
	add_compare(l, NFT_CMP_EQ, &type, sizeof(type));
	l->ethernet = true;
}

static void load_address(struct lowering *l, enum family family, enum side side, unsigned slot)
{
	bool ipv4 = family == FAMILY_IPV4;
	uint32_t length = (uint32_t)family_length(family);
	uint32_t source = ipv4 ? 12 : 8; /* offset in the header: RFC 791, RFC 8200 */
	add_payload(l, NFT_PAYLOAD_NETWORK_HEADER, side == SIDE_SOURCE ? source : source + length,
	            length, slot);
}

static uint8_t nfproto(enum family family)
{
	return family == FAMILY_IPV4 ? NFPROTO_IPV4 : NFPROTO_IPV6;
}

static void lower_ct_state(struct lowering *l, uint32_t bits)
{
	uint32_t zero = 0;
	add(l, OP_CT)->key = NFT_CT_STATE;
	struct op *mask = add(l, OP_BITWISE);
	mask->length = sizeof(bits);
	memcpy(mask->data, &bits, sizeof(bits));
	add_compare(l, NFT_CMP_NEQ, &zero, sizeof(zero));
}

/* A wildcard compares only the letters before the star. */
static void compare_interface(struct lowering *l, const struct statement *s)
{
	char name[INTERFACE_NAME_BYTES] = "";
	size_t n = strnlen(s->name, sizeof(name) - 1);
	memcpy(name, s->name, n);
	add_compare(l, NFT_CMP_EQ, name, s->wildcard ? n : sizeof(name));
}

static void lower_fib(struct lowering *l, uint32_t result, uint32_t flags)
{
	struct op *op = add(l, OP_FIB);
	op->key = result;
	op->flags = flags;
}

static void compare_number(struct lowering *l, uint32_t number)
{
	add_compare(l, NFT_CMP_EQ, &number, sizeof(number));
}

static void lower_verdict(struct lowering *l, int32_t verdict, const char *chain)
{
	struct op *op = add(l, OP_VERDICT);
	op->key = (uint32_t)verdict;
	op->name = chain;
	op->reg = NFT_REG_VERDICT;
}

static void lower_reject(struct lowering *l, uint32_t type, uint32_t code)
{
	struct op *op = add(l, OP_REJECT);
	op->key = type;
	op->flags = code;
}

static void lower_icmp_type(struct lowering *l, uint8_t family, uint8_t protocol, const char *set)
{
	need_family(l, family);
	need_protocol(l, protocol);
	add_payload(l, NFT_PAYLOAD_TRANSPORT_HEADER, 0, 1, 0);
	add_lookup(l, set, false);
}

/* Loads both ends of a flow, that of the statement's side first. */
static void load_flow(struct lowering *l, const struct statement *s, unsigned after_address)
{
	bool forth = s->side == SIDE_SOURCE;
	uint32_t source_port = 0, destination_port = 2; /* in the header: RFC 9293, RFC 768 */

	need_family(l, nfproto(s->family));
	load_address(l, s->family, s->side, 0);
	add_meta(l, NFT_META_L4PROTO, after_address);
	add_payload(l, NFT_PAYLOAD_TRANSPORT_HEADER, forth ? source_port : destination_port, 2,
	            after_address + 1);
	load_address(l, s->family, forth ? SIDE_DESTINATION : SIDE_SOURCE, after_address + 2);
	add_payload(l, NFT_PAYLOAD_TRANSPORT_HEADER, forth ? destination_port : source_port, 2,
	            2 * after_address + 2);
}

static void lower_tcp_flags(struct lowering *l, uint8_t mask, uint8_t value)
{
	need_protocol(l, IPPROTO_TCP);
	add_payload(l, NFT_PAYLOAD_TRANSPORT_HEADER, TCP_FLAGS_OFFSET, sizeof(mask), 0);
	struct op *op = add(l, OP_BITWISE);
	op->length = sizeof(mask);
	op->data[0] = mask;
	add_compare(l, NFT_CMP_EQ, &value, sizeof(value));
}

/* The port that names the service: the destination's, or the source's when the ends are swapped. */
static void load_service_port(struct lowering *l, const struct statement *s, unsigned slot)
{
	add_payload(l, NFT_PAYLOAD_TRANSPORT_HEADER, s->swapped ? 0 : 2, 2, slot);
}

static void load_pair(struct lowering *l, enum family family, unsigned after_address)
{
	need_family(l, nfproto(family));
	load_address(l, family, SIDE_SOURCE, 0);
	load_address(l, family, SIDE_DESTINATION, after_address);
}

/* The key is in the first register. */
static void add_to_set(struct lowering *l, const char *set, uint32_t how)
{
	struct op *op = add(l, OP_DYNSET);
	op->name = set;
	op->key = how;
}

static void lower_statement(struct lowering *l, const struct statement *s)
{
	/* Slots of a concatenation: each field begins at the next multiple of four bytes. */
	unsigned after_address = (unsigned)family_length(s->family) / NFT_REG32_SIZE;
	uint8_t number = (uint8_t)s->value;
	struct op *op;

	switch (s->kind) {
	case MATCH_CT_ESTABLISHED:
		lower_ct_state(l, CT_STATE_ESTABLISHED);
		return;
	case MATCH_CT_KNOWN:
		lower_ct_state(l, CT_STATE_ESTABLISHED | CT_STATE_RELATED);
		return;
	case MATCH_CT_NEW:
		lower_ct_state(l, CT_STATE_NEW);
		return;
	case MATCH_CT_REPLY:
		number = CT_DIRECTION_REPLY;
		add(l, OP_CT)->key = NFT_CT_DIRECTION;
		add_compare(l, NFT_CMP_EQ, &number, sizeof(number));
		return;
	case MATCH_CT_HELPER: {
		char name[CT_HELPER_NAME_BYTES] = "";
		memcpy(name, s->name, strnlen(s->name, sizeof(name) - 1));
		add(l, OP_CT)->key = NFT_CT_HELPER;
		add_compare(l, NFT_CMP_EQ, name, sizeof(name));
		return;
	}
	case MATCH_IIFNAME:
		add_meta(l, NFT_META_IIFNAME, 0);
		compare_interface(l, s);
		return;
	case MATCH_OIFNAME:
		add_meta(l, NFT_META_OIFNAME, 0);
		compare_interface(l, s);
		return;
	case MATCH_IIFNAME_SET:
		add_meta(l, NFT_META_IIFNAME, 0);
		add_lookup(l, s->name, false);
		return;
	case MATCH_FIB_MISSING:
		lower_fib(l, NFT_FIB_RESULT_OIF,
		          NFTA_FIB_F_SADDR | NFTA_FIB_F_IIF | NFTA_FIB_F_PRESENT);
		compare_number(l, 0);
		return;
	case MATCH_FIB_OIFNAME:
		lower_fib(l, NFT_FIB_RESULT_OIFNAME, NFTA_FIB_F_SADDR);
		compare_interface(l, s);
		return;
	case MATCH_FIB_UNICAST:
		lower_fib(l, NFT_FIB_RESULT_ADDRTYPE, NFTA_FIB_F_DADDR);
		compare_number(l, 1); /* RTN_UNICAST, linux/rtnetlink.h */
		return;
	case MATCH_FIB_OWN:
		lower_fib(l, NFT_FIB_RESULT_ADDRTYPE, NFTA_FIB_F_SADDR);
		compare_number(l, 2); /* RTN_LOCAL */
		return;
	case MATCH_FAMILY:
		need_family(l, nfproto(s->family));
		return;
	case MATCH_PROTOCOL:
		need_protocol(l, number);
		return;
	case MATCH_PROTOCOL_SET:
		add_meta(l, NFT_META_L4PROTO, 0);
		add_lookup(l, s->name, false);
		return;
	case MATCH_TCP_ACK:
		lower_tcp_flags(l, TCP_FIN | TCP_SYN | TCP_RST | TCP_ACK, TCP_ACK);
		return;
	case MATCH_TCP_NO_SYN:
		lower_tcp_flags(l, TCP_SYN, 0);
		return;
	case MATCH_SERVICE_SET:
		add_meta(l, NFT_META_L4PROTO, 0);
		load_service_port(l, s, 1);
		add_lookup(l, s->name, false);
		return;
	case MATCH_PORT_SET:
		need_protocol(l, number);
		load_service_port(l, s, 0);
		add_lookup(l, s->name, false);
		return;
	case MATCH_ICMP_TYPE_SET:
		lower_icmp_type(l, NFPROTO_IPV4, IPPROTO_ICMP, s->name);
		return;
	case MATCH_ICMPV6_TYPE_SET:
		lower_icmp_type(l, NFPROTO_IPV6, IPPROTO_ICMPV6, s->name);
		return;
	case MATCH_ADDRESS_SET:
	case VMAP_ADDRESS:
		need_family(l, nfproto(s->family));
		load_address(l, s->family, s->side, 0);
		op = add_lookup(l, s->name, s->kind == VMAP_ADDRESS);
		op->flags = s->inverted ? NFT_LOOKUP_F_INV : 0;
		return;
	case MATCH_ADDRESS_SERVICE_SET:
		need_family(l, nfproto(s->family));
		load_address(l, s->family, s->side, 0);
		add_meta(l, NFT_META_L4PROTO, after_address);
		load_service_port(l, s, after_address + 1);
		add_lookup(l, s->name, false);
		return;
	case MATCH_ADDRESS_ETHER_SET:
		need_family(l, nfproto(s->family));
		need_ethernet(l);
		load_address(l, s->family, SIDE_SOURCE, 0);
		add_payload(l, NFT_PAYLOAD_LL_HEADER, 6, 6, after_address);
		add_lookup(l, s->name, false);
		return;
	case MATCH_ETHER_SET:
	case VMAP_ETHER:
		need_ethernet(l);
		add_payload(l, NFT_PAYLOAD_LL_HEADER, 6, 6, 0);
		add_lookup(l, s->name, s->kind == VMAP_ETHER);
		return;
	case MATCH_FLOW_SET:
		load_flow(l, s, after_address);
		add_lookup(l, s->name, false);
		return;
	case MATCH_PAIR_SET:
		load_pair(l, s->family, after_address);
		add_lookup(l, s->name, false);
		return;
	case ACTION_COUNTER:
		add(l, OP_COUNTER)->name = s->name;
		return;
	case ACTION_LOG:
		op = add(l, OP_LOG);
		op->name = s->name;
		op->key = s->value;
		op->flags = LOG_SNAPLEN;
		return;
	case ACTION_COUNT_SOURCE:
		need_family(l, nfproto(s->family));
		load_address(l, s->family, SIDE_SOURCE, 0);
		add_to_set(l, s->name, NFT_DYNSET_OP_ADD);
		return;
	case ACTION_LIMIT_SOURCE:
		need_family(l, nfproto(s->family));
		load_address(l, s->family, SIDE_SOURCE, 0);
		add_to_set(l, s->name, NFT_DYNSET_OP_UPDATE);
		return;
	case ACTION_ADD_PAIR:
		load_pair(l, s->family, after_address);
		add_to_set(l, s->name, NFT_DYNSET_OP_ADD);
		return;
	case ACTION_UPDATE_FLOW:
		load_flow(l, s, after_address);
		add_to_set(l, s->name, NFT_DYNSET_OP_UPDATE);
		return;
	case ACTION_HELPER:
		add(l, OP_HELPER)->name = s->name;
		return;
	case VERDICT_ACCEPT:
		lower_verdict(l, NF_ACCEPT, NULL);
		return;
	case VERDICT_DROP:
		lower_verdict(l, NF_DROP, NULL);
		return;
	case VERDICT_RETURN:
		lower_verdict(l, NFT_RETURN, NULL);
		return;
	case VERDICT_JUMP:
		lower_verdict(l, NFT_JUMP, s->name);
		return;
	case VERDICT_GOTO:
		lower_verdict(l, NFT_GOTO, s->name);
		return;
	case VERDICT_REJECT_RESET:
		need_protocol(l, IPPROTO_TCP);
		lower_reject(l, NFT_REJECT_TCP_RST, 0);
		return;
	case VERDICT_REJECT_ADMIN:
		lower_reject(l, NFT_REJECT_ICMPX_UNREACH, NFT_REJECT_ICMPX_ADMIN_PROHIBITED);
		return;
	}
	abort(); /* no other kind is ever made */
}

int rule_lower(struct arena *arena, struct rule *rule)
{
	struct lowering lowering = {};
	for (size_t i = 0; i < rule->statement_count; i++)
		lower_statement(&lowering, &rule->statements[i]);

	struct op *ops = arena_copy(arena, lowering.ops, lowering.count, sizeof(*ops));
	if (!ops)
		return -ENOMEM;
	rule->code = (struct bytecode){ops, lowering.count};
	return 0;
}
