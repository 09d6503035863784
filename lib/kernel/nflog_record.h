/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_KERNEL_NFLOG_RECORD_H
#define EGRESSD_KERNEL_NFLOG_RECORD_H

#include "base/record.h"

/*
 * Reads one message of the kernel's packet log (NFULNL_MSG_PACKET). ret_record borrows from the
 * message; *ret_sequence is NFULA_SEQ, when *ret_has_sequence. `now` stands in for a time that the
 * kernel did not give. The message must be as long as its header says. 0, or -EBADMSG for a message
 * that is no record, then nothing is written.
 */
struct nlmsghdr;
int nflog_record_read(const struct nlmsghdr *message, usec_t now, struct record *ret_record,
                      bool *ret_has_sequence, uint32_t *ret_sequence);

#endif
