/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernel/nflog_datagram.h"

#include "kernel/nflog_record.h"

#include <libmnl/libmnl.h>
#include <limits.h>

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
	const struct nlmsghdr *message = datagram;
	int left = length < INT_MAX ? (int)length : INT_MAX;
	struct record records[NFLOG_BATCH];
	size_t count = 0;

	for (; mnl_nlmsg_ok(message, left); message = mnl_nlmsg_next(message, &left)) {
		if (read_record(numbers, message, now, &records[count]))
			count++;
		if (count == NFLOG_BATCH) {
			callback(records, count, userdata);
			count = 0;
		}
	}
	if (count)
		callback(records, count, userdata);
}
