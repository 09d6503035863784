/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernel/nflog_record.h"

#include "kernel/attribute.h"

#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_log.h>
#include <string.h>

/* True when the attribute is exactly as long as what it is to hold. */
static inline bool read_value(const struct nlattr *attribute, void *ret_value, size_t size)
{
	if (attribute_length(attribute) != size)
		return false;
	memcpy(ret_value, attribute_payload(attribute), size);
	return true;
}

static inline bool read_number(const struct nlattr *attribute, uint32_t *ret_number)
{
	uint32_t number;
	if (!read_value(attribute, &number, sizeof(number)))
		return false;
	*ret_number = ntohl(number);
	return true;
}

static void read_time(const struct nlattr *attribute, usec_t *time)
{
	struct nfulnl_msg_packet_timestamp stamp;
	uint64_t sec, usec, sum;

	if (!read_value(attribute, &stamp, sizeof(stamp)))
		return;
	sec = be64toh(stamp.sec);
	usec = be64toh(stamp.usec);
	if (usec >= USEC_PER_SEC || __builtin_mul_overflow(sec, USEC_PER_SEC, &sum) ||
	    __builtin_add_overflow(sum, usec, &sum))
		return;
	*time = sum;
}

static bool read_mac(const struct nlattr *attribute, struct mac *ret_mac)
{
	struct nfulnl_msg_packet_hw hardware;

	if (!read_value(attribute, &hardware, sizeof(hardware)) ||
	    ntohs(hardware.hw_addrlen) != sizeof(ret_mac->bytes))
		return false;
	memcpy(ret_mac->bytes, hardware.hw_addr, sizeof(ret_mac->bytes));
	return true;
}

/* In one pass, without a table of all attributes: in a flood this is done for each packet. */
int nflog_record_read(const struct nlmsghdr *message, usec_t now, struct record *ret_record,
                      bool *ret_has_sequence, uint32_t *ret_sequence)
{
	size_t skip = sizeof(struct nlmsghdr) + netlink_align(sizeof(struct nfgenmsg));
	const size_t length = message->nlmsg_len;
	struct record *record = ret_record;
	bool has_gid = false, has_sequence = false;
	const struct nlattr *attribute;
	const char *prefix;

	if (message->nlmsg_type != (NFNL_SUBSYS_ULOG << 8 | NFULNL_MSG_PACKET) || length < skip)
		return -EBADMSG;

	*record = (struct record){.time = now, .prefix = ""};
	for (size_t at = skip; (attribute = attribute_at(message, length, at));
	     at = netlink_align(at + attribute->nla_len)) {
		switch (attribute->nla_type & NLA_TYPE_MASK) {
		case NFULA_PREFIX:
			prefix = attribute_string(attribute);
			record->prefix = prefix ? prefix : "";
			break;
		case NFULA_PAYLOAD:
			record->payload = attribute_payload(attribute);
			record->payload_length = attribute_length(attribute);
			break;
		case NFULA_HWADDR:
			record->has_mac = read_mac(attribute, &record->mac);
			break;
		case NFULA_IFINDEX_INDEV:
			(void)read_number(attribute, &record->interface);
			break;
		case NFULA_IFINDEX_OUTDEV:
			(void)read_number(attribute, &record->leaves_by);
			break;
		case NFULA_UID:
			record->has_uid = read_number(attribute, &record->uid);
			break;
		case NFULA_GID:
			has_gid = read_number(attribute, &record->gid);
			break;
		case NFULA_TIMESTAMP:
			read_time(attribute, &record->time);
			break;
		case NFULA_SEQ:
			has_sequence = read_number(attribute, ret_sequence);
			break;
		default:
			break;
		}
	}
	record->has_uid &= has_gid;
	*ret_has_sequence = has_sequence;
	return 0;
}
