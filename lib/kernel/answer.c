/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernel/answer.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <string.h>

void answer_fail(struct answer *answer, int error)
{
	if (answer->result >= 0)
		answer->result = error;
}

/* The number that an error, or the end of a dump, carries; -EBADMSG when it is cut short. */
static int message_error(const struct nlmsghdr *message)
{
	int error;

	if (mnl_nlmsg_get_payload_len(message) < sizeof(error))
		return -EBADMSG;
	memcpy(&error, mnl_nlmsg_get_payload(message), sizeof(error));
	return error <= 0 ? error : -EBADMSG;
}

static void answer_message(struct answer *answer, const struct nlmsghdr *message)
{
	int error;

	/* Something that an earlier, broken off answer left behind. */
	if (message->nlmsg_seq != answer->sequence)
		return;
	if (message->nlmsg_flags & NLM_F_DUMP_INTR)
		answer_fail(answer, -EINTR);

	switch (message->nlmsg_type) {
	case NLMSG_ERROR:
		answer->ended = true;
		error = message_error(message);
		if (error < 0)
			answer_fail(answer, error);
		break;
	case NLMSG_DONE:
		answer->ended = true;
		/* The kernel ends a dump with the error that stopped it, or with none at all. */
		error = mnl_nlmsg_get_payload_len(message) > 0 ? message_error(message) : 0;
		if (error < 0)
			answer_fail(answer, error);
		break;
	case NLMSG_NOOP:
	case NLMSG_OVERRUN:
		break;
	default:
		/* After a failure the rest is only read away, or the next dump would be refused. */
		if (answer->result >= 0) {
			error = answer->reply ? answer->reply(message, answer->userdata) : 0;
			if (error < 0)
				answer_fail(answer, error);
		}
		break;
	}
}

void answer_read(struct answer *answer, const void *datagram, size_t length)
{
	const struct nlmsghdr *message = datagram;
	int left = (int)length;

	for (; mnl_nlmsg_ok(message, left); message = mnl_nlmsg_next(message, &left))
		answer_message(answer, message);
}
