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

static bool read_time(const struct nlattr *attribute, usec_t *ret_time)
{
	struct nfulnl_msg_packet_timestamp stamp;
	size_t length;
	const uint8_t *bytes = attribute_bytes(attribute, &length);
	uint64_t sec, usec, time;

	if (!bytes || length != sizeof(stamp))
		return false;
	memcpy(&stamp, bytes, sizeof(stamp));
	sec = be64toh(stamp.sec);
	usec = be64toh(stamp.usec);
	if (usec >= USEC_PER_SEC || __builtin_mul_overflow(sec, USEC_PER_SEC, &time) ||
	    __builtin_add_overflow(time, usec, &time))
		return false;
	*ret_time = time;
	return true;
}

static bool read_mac(const struct nlattr *attribute, struct mac *ret_mac)
{
	struct nfulnl_msg_packet_hw hardware;
	size_t length;
	const uint8_t *bytes = attribute_bytes(attribute, &length);

	if (!bytes || length != sizeof(hardware))
		return false;
	memcpy(&hardware, bytes, sizeof(hardware));
	if (ntohs(hardware.hw_addrlen) != sizeof(ret_mac->bytes))
		return false;
	memcpy(ret_mac->bytes, hardware.hw_addr, sizeof(ret_mac->bytes));
	return true;
}

int nflog_record_read(const struct nlmsghdr *message, usec_t now, struct record *ret_record,
                      bool *ret_has_sequence, uint32_t *ret_sequence)
{
	struct record record = {.time = now};
	struct attributes attributes;
	const char *prefix;

	if (message->nlmsg_type != (NFNL_SUBSYS_ULOG << 8 | NFULNL_MSG_PACKET) ||
	    message->nlmsg_len < sizeof(struct nlmsghdr) + sizeof(struct nfgenmsg))
		return -EBADMSG;
	attributes_of_message(&attributes, message);

	prefix = attribute_string(attributes.at[NFULA_PREFIX]);
	record.prefix = prefix ? prefix : "";
	record.payload = attribute_bytes(attributes.at[NFULA_PAYLOAD], &record.payload_length);
	record.has_mac = read_mac(attributes.at[NFULA_HWADDR], &record.mac);
	(void)attribute_u32(attributes.at[NFULA_IFINDEX_INDEV], &record.interface);
	(void)attribute_u32(attributes.at[NFULA_IFINDEX_OUTDEV], &record.leaves_by);
	record.has_uid = attribute_u32(attributes.at[NFULA_UID], &record.uid) &&
	                 attribute_u32(attributes.at[NFULA_GID], &record.gid);
	(void)read_time(attributes.at[NFULA_TIMESTAMP], &record.time);

	*ret_has_sequence = attribute_u32(attributes.at[NFULA_SEQ], ret_sequence);
	*ret_record = record;
	return 0;
}
