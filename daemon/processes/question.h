/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_PROCESSES_QUESTION_H
#define EGRESSD_PROCESSES_QUESTION_H

#include <stdint.h>

/*
 * What egressd and egressd-processes say to each other, on a Unix socket that keeps messages apart
 * (SOCK_SEQPACKET): one question a message, and one answer for each, in their order. Both run on
 * one machine, so numbers are as it has them.
 *
 * An answer is a JSON object of at most PROCESS_ANSWER_MAX bytes, of which all text is one line of
 * UTF-8 without control characters:
 *
 *	number		that of the question
 *	result		"found": processes that hold the socket, at that moment
 *			"gone": there is no such socket any more, or its user is another
 *			"unseen": there is, but no process was seen to hold it
 *			"failed": it could not be looked for; error says why
 *	denied		how many processes could not be looked into
 *	processes	a list of at most PROCESSES_TOLD objects: pid, name, executable, command,
 *			unit and started (microseconds since 1970); all but pid may be null
 */
#define PROCESS_SOCKET     "/run/egressd/processes"
#define PROCESS_PROTOCOL   1
#define PROCESS_ANSWER_MAX 16384
#define PROCESSES_TOLD     4

/* Texts are cut to these, with "..." at their end; bytes, with the NUL. */
#define PROCESS_NAME_BYTES       32
#define PROCESS_EXECUTABLE_BYTES 256
#define PROCESS_COMMAND_BYTES    256
#define PROCESS_UNIT_BYTES       128

struct process_question {
	uint64_t number;
	uint32_t version; /* PROCESS_PROTOCOL */
	uint32_t uid;     /* whose socket it is (NFULA_UID) */
	uint32_t interface;
	uint16_t local_port;
	uint16_t remote_port;
	uint8_t family;    /* 4 or 6 */
	uint8_t protocol;  /* IPPROTO_TCP or IPPROTO_UDP */
	uint8_t unused[6]; /* zero */
	uint8_t local[16]; /* network byte order; behind IPv4 there are zeros */
	uint8_t remote[16];
};
_Static_assert(sizeof(struct process_question) == 64, "the question has padding");

#endif
