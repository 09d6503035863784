/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "process_reply.h"

#include "base/protocol.h"
#include "replies.h"

#include <stdio.h>

json_t *process_reply(const struct process_seen *seen)
{
	const struct endpoint *to = &seen->stream.destination;
	char source[ADDRESS_TEXT_MAX], destination[ADDRESS_TEXT_MAX], protocol[PROTOCOL_TEXT_MAX];
	return json_pack(
	        "{so so so so so so sI ss ss ss so sI sI sI}", "pid",
	        seen->pid ? json_integer(seen->pid) : json_null(), "name",
	        reply_optional(seen->name), "executable", reply_optional(seen->executable),
	        "command", reply_optional(seen->command), "unit", reply_optional(seen->unit),
	        "started", seen->started ? json_integer((json_int_t)seen->started) : json_null(),
	        "uid", (json_int_t)seen->uid, "source", address_print(&seen->stream.source, source),
	        "destination", address_print(&to->address, destination), "protocol",
	        protocol_print(to->protocol, protocol), "port",
	        to->has_port ? json_integer(to->port) : json_null(), "attempts",
	        (json_int_t)seen->attempts, "first", (json_int_t)seen->first, "last",
	        (json_int_t)seen->last);
}

json_t *process_last_reply(const struct processes *processes, const struct stream *stream)
{
	const struct process_seen *seen =
	        processes ? processes_of_stream(processes, stream, NULL) : NULL;
	return seen ? process_reply(seen) : json_null();
}

json_t *process_alarm_reply(const struct processes *processes, const struct alarm *alarm)
{
	json_t *list = json_array();
	const struct process_seen *seen =
	        processes ? processes_of_alarm(processes, alarm, NULL) : NULL;
	for (; seen; seen = processes_of_alarm(processes, alarm, seen)) {
		if (json_array_append_new(list, process_reply(seen)) < 0) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

const char *process_sentence(const struct process_seen *seen,
                             char buffer[static PROCESS_SENTENCE_MAX])
{
	const struct endpoint *to = &seen->stream.destination;
	char destination[ADDRESS_TEXT_MAX], protocol[PROTOCOL_TEXT_MAX];
	protocol_print(to->protocol, protocol);
	address_print(&to->address, destination);
	if (seen->pid)
		snprintf(buffer, PROCESS_SENTENCE_MAX,
		         "pid %u (%s%s%s) of uid %u tried %s/%u to %s", seen->pid,
		         seen->executable[0] ? seen->executable : seen->name,
		         seen->unit[0] ? ", " : "", seen->unit, seen->uid, protocol, to->port,
		         destination);
	else
		snprintf(
		        buffer, PROCESS_SENTENCE_MAX,
		        "a process of uid %u tried %s/%u to %s; it had closed its socket before it "
		        "could be looked at",
		        seen->uid, protocol, to->port, destination);
	return buffer;
}
