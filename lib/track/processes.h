/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_TRACK_PROCESSES_H
#define EGRESSD_TRACK_PROCESSES_H

#include "base/cleanup.h"
#include "base/time.h"
#include "track/alarm.h"
#include "track/endpoint.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Which processes of the gateway itself made its attempts, as far as that was seen. Bounded: the
 * one that was seen longest ago makes room.
 */
struct processes;

/* Bytes, with the NUL; longer texts are cut. */
#define PROCESS_NAME_MAX       32
#define PROCESS_EXECUTABLE_MAX 256
#define PROCESS_COMMAND_MAX    256
#define PROCESS_UNIT_MAX       128

/* A process, or for pid 0 attempts whose process was not to be seen any more. Texts may be empty.
 * It borrows nothing. */
struct process_seen {
	struct stream stream; /* from which address of the gateway, and where to */
	uint32_t uid;         /* of the user whose socket it was */
	uint32_t pid;
	usec_t started; /* when the process started; 0: unknown */
	usec_t first;   /* attempts, the first and the last one that it was seen to make */
	usec_t last;
	uint64_t attempts;
	char name[PROCESS_NAME_MAX];
	char executable[PROCESS_EXECUTABLE_MAX];
	char command[PROCESS_COMMAND_MAX];
	char unit[PROCESS_UNIT_MAX];
};

/* Room for max of them. 0, -EINVAL for no room, -ENOMEM. */
int processes_new(size_t max, struct processes **ret_processes);

/* Takes NULL, returns NULL. */
struct processes *processes_free(struct processes *processes);
DEFINE_CLEANUP(struct processes *, processes_free)

/*
 * Notes an attempt at seen->last: one more of that process, user and stream, whose texts become
 * those given, or the first one.
 */
void processes_note(struct processes *processes, const struct process_seen *seen);

/* What was seen of a stream, the latest first: from NULL to the first, then on; NULL at the end.
 * They last until the next is noted. */
const struct process_seen *processes_of_stream(const struct processes *processes,
                                               const struct stream *stream,
                                               const struct process_seen *previous);

/*
 * The same for an alarm: those that made attempts in its time, at its destination if it is about
 * one. None for alarms about others than the gateway itself.
 */
const struct process_seen *processes_of_alarm(const struct processes *processes,
                                              const struct alarm *alarm,
                                              const struct process_seen *previous);

#endif
