/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_PROCESSES_PROC_H
#define EGRESSD_PROCESSES_PROC_H

#include "processes/question.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* A process, as /proc had it (proc(5)); texts may be empty, and are as others chose them. */
struct process {
	pid_t pid;
	uint64_t started; /* microseconds since 1970; 0: unknown */
	char name[PROCESS_NAME_BYTES];
	char executable[PROCESS_EXECUTABLE_BYTES];
	char command[PROCESS_COMMAND_BYTES]; /* arguments with spaces in between */
	char unit[PROCESS_UNIT_BYTES];       /* of systemd */
};

struct holders {
	struct process items[PROCESSES_TOLD]; /* the one with the lowest pid comes first */
	size_t count;
	size_t denied; /* processes that we may not look into */
};

/*
 * Looks for the processes that have the socket of that inode open, at most PROCESSES_TOLD. Each is
 * held fast while it is read, so that its pid cannot become another's, and told only if it has the
 * socket before and after. To look into those of others takes CAP_SYS_PTRACE and
 * CAP_DAC_READ_SEARCH. 0; -ETIME when there was too much to look through, with those found so far;
 * or a negative errno.
 */
int proc_find_holders(uint32_t inode, struct holders *ret_holders);

#endif
