/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_KERNEL_GENERATION_H
#define EGRESSD_KERNEL_GENERATION_H

#include "base/cleanup.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Watches who commits changes to nf_tables rules, whichever table they are in. */
struct generation_monitor;

#define COMMITTER_NAME_MAX 16 /* TASK_COMM_LEN, the end of the string included */

/* One commit (NFT_MSG_NEWGEN). The name is what the process calls itself: anything at all. */
struct generation_event {
	uint32_t generation;
	uint32_t pid; /* in the pid namespace of the socket; 0: unknown */
	char process[COMMITTER_NAME_MAX];
};

enum generation_result {
	GENERATION_UNKNOWN = 1, /* events were lost: anything may have changed */
};

/* Opens it in the network namespace of the calling thread; 0 or a negative errno. */
int generation_monitor_open(struct generation_monitor **ret_monitor);
struct generation_monitor *generation_monitor_free(struct generation_monitor *monitor);
DEFINE_CLEANUP(struct generation_monitor *, generation_monitor_free)

/* The file descriptor, readable when there are events; it stays the monitor's. */
int generation_monitor_fd(const struct generation_monitor *monitor);

typedef void (*generation_callback_t)(const struct generation_event *event, void *userdata);

/*
 * Reads what is there without waiting. 0, GENERATION_UNKNOWN when events were lost among these, or
 * a negative errno.
 */
int generation_monitor_read(struct generation_monitor *monitor, generation_callback_t callback,
                            void *userdata);

/* Reads one message; false when it tells of no commit. */
struct nlmsghdr;
bool generation_event_read(const struct nlmsghdr *message, struct generation_event *ret_event);

#endif
