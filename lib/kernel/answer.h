/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_KERNEL_ANSWER_H
#define EGRESSD_KERNEL_ANSWER_H

#include "kernel/socket.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Inside the room: what is known of the answer to one request while its datagrams are read. Start
 * from {} with the sequence number of the request, and who is given the messages (or NULL).
 */
struct answer {
	uint32_t sequence;
	bool ended; /* by an acknowledgement, an error or the end of the dump */
	int result; /* 0, or the first failure: the kernel's, reply's, or answer_fail()'s errno */
	kernel_reply_t reply;
	void *userdata;
};

/*
 * Reads a datagram of so many bytes, aligned as netlink's are: whole messages, see datagram.h. What
 * answers another request is passed over. -EINTR: the dump was not consistent; -EBADMSG: a message
 * was cut short.
 */
void answer_read(struct answer *answer, const void *datagram, size_t length);

/* Notes a negative errno as the result, unless there is one already: the rest is only read away. */
void answer_fail(struct answer *answer, int error);

#endif
