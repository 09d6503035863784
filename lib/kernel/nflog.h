/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_KERNEL_NFLOG_H
#define EGRESSD_KERNEL_NFLOG_H

#include "base/cleanup.h"
#include "base/record.h"

#include <stddef.h>
#include <stdint.h>

/* The reader of the packet log (NFLOG): one group, a socket of its own. */
struct nflog;

enum nflog_result {
	NFLOG_TAKEN = 1, /* another process reads that group */
	NFLOG_MORE,      /* the budget is used up, and there may be more to read */
};

/*
 * What was read since nflog_open() or nflog_adopt() returned. A loss shows in the number of the
 * next record, and until that comes only as an overrun; records for which the kernel found no
 * memory show nowhere.
 */
struct nflog_counts {
	uint64_t received;
	uint64_t lost;     /* gaps in the records' numbers */
	uint64_t overruns; /* episodes of losing: the socket's buffer was full */
	uint64_t bad;      /* messages that were no records */
};

/* The longest that the kernel keeps a record back while it waits for more. */
#define NFLOG_DELAY (20 * USEC_PER_MSEC)

#define NFLOG_COPY_RANGE 128 /* bytes of a packet; a rule's own snaplen can only be less */

/*
 * Binds the group in the network namespace of the calling thread, with a receive buffer of that
 * many bytes where the system allows it (0: NFLOG_RECEIVE_BYTES). 0, NFLOG_TAKEN, or a negative
 * errno. Without CAP_NET_ADMIN the answer is the same as for a group that is taken: EPERM.
 */
#define NFLOG_RECEIVE_BYTES (32 * 1024 * 1024)
int nflog_open(uint16_t group, size_t receive_bytes, struct nflog **ret_nflog);
/*
 * Goes on with the socket that a reader of that group left behind in the same network namespace:
 * what is queued in it is read as if it had never been away, and numbers are compared from the
 * first record on. fd belongs to it from then on, also after a failure. 0 or a negative errno.
 */
int nflog_adopt(int fd, uint16_t group, size_t receive_bytes, struct nflog **ret_nflog);

/*
 * From now on the kernel sends each record at once, in a message of its own: for records that are
 * few and must not be late. Only for one that was opened. 0 or a negative errno.
 */
int nflog_hurry(struct nflog *nflog);

/* Takes NULL, returns NULL. */
struct nflog *nflog_free(struct nflog *nflog);
DEFINE_CLEANUP(struct nflog *, nflog_free)

/* The file descriptor, readable when there are records; it stays the reader's. */
int nflog_fd(const struct nflog *nflog);

/*
 * Called with records in the order in which they came, NFLOG_BATCH at most, which last until it
 * returns: who sees several at once need not wait for memory at each of them.
 */
#define NFLOG_BATCH 32
typedef void (*nflog_callback_t)(const struct record *records, size_t count, void *userdata);

/*
 * Reads what is there without waiting, until at least `budget` records were given to the callback.
 * `now` is the time of records to which the kernel gave none. 0: all is read; NFLOG_MORE; or a
 * negative errno. An overrun is counted, and no error.
 */
int nflog_read(struct nflog *nflog, size_t budget, usec_t now, nflog_callback_t callback,
               void *userdata);

struct nflog_counts nflog_counts(const struct nflog *nflog);

#endif
