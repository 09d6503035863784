/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernel/nflog_datagram.h"

#include "kernel/attribute.h"
#include "kernel/nflog_record.h"

static bool read_record(struct nflog_numbers *numbers, const struct nlmsghdr *message, usec_t now,
                        struct record *ret_record)
{
	bool has_sequence;
	uint32_t sequence;

	/* An error is the answer to what an adopted socket was set to, see nflog_adopt(). */
	if (message->nlmsg_type == NLMSG_DONE || message->nlmsg_type == NLMSG_NOOP ||
	    message->nlmsg_type == NLMSG_ERROR)
		return false;
	if (nflog_record_read(message, now, ret_record, &has_sequence, &sequence) < 0) {
		numbers->counts.bad++;
		return false;
	}
	/* Numbers start when they are switched on, so the first one seen tells of no loss. */
	if (has_sequence) {
		if (numbers->counting)
			numbers->counts.lost += (uint32_t)(sequence - numbers->next);
		numbers->counting = true;
		numbers->next = sequence + 1;
	}
	numbers->counts.received++;
	return true;
}

void nflog_datagram_read(struct nflog_numbers *numbers, const void *datagram, size_t length,
                         usec_t now, nflog_callback_t callback, void *userdata)
{
	struct record records[NFLOG_BATCH];
	size_t count = 0;

	for (size_t at = 0; at + sizeof(struct nlmsghdr) <= length;) {
		const void *start = (const uint8_t *)datagram + at;
		const struct nlmsghdr *message = start;

		if (message->nlmsg_len < sizeof(*message) || message->nlmsg_len > length - at)
			break;
		if (read_record(numbers, message, now, &records[count]) && ++count == NFLOG_BATCH) {
			callback(records, count, userdata);
			count = 0;
		}
		at = netlink_align(at + message->nlmsg_len);
	}
	if (count)
		callback(records, count, userdata);
}
