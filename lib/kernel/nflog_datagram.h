/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_KERNEL_NFLOG_DATAGRAM_H
#define EGRESSD_KERNEL_NFLOG_DATAGRAM_H

#include "base/record.h"
#include "kernel/nflog.h"

/*
 * The records of one datagram of the packet log, and what their numbers tell of those that are
 * missing. It needs no socket, so that what came from one can be read again.
 */
struct nflog_numbers {
	bool counting; /* a numbered record was seen, and the next has this number */
	uint32_t next;
	struct nflog_counts counts;
};

/*
 * Gives the records of a datagram to the callback; messages that are none are passed over. `now`
 * stands in for a time that the kernel did not give. Its length may say anything.
 */
void nflog_datagram_read(struct nflog_numbers *numbers, const void *datagram, size_t length,
                         usec_t now, nflog_callback_t callback, void *userdata);

#endif
