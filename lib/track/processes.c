/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "track/processes.h"

#include <errno.h>
#include <string.h>

/* The latest comes first. */
struct processes {
	size_t max;
	size_t count;
	struct process_seen *items;
};

int processes_new(size_t max, struct processes **ret_processes)
{
	_cleanup_(processes_freep) struct processes *processes = NULL;
	if (!max)
		return -EINVAL;
	processes = calloc(1, sizeof(*processes));
	if (!processes)
		return -ENOMEM;
	processes->max = max;
	processes->items = calloc(max, sizeof(*processes->items));
	if (!processes->items)
		return -ENOMEM;
	*ret_processes = TAKE_POINTER(processes);
	return 0;
}

struct processes *processes_free(struct processes *processes)
{
	if (processes) {
		free(processes->items);
		free(processes);
	}
	return NULL;
}

static bool is_same(const struct process_seen *a, const struct process_seen *b)
{
	return a->pid == b->pid && a->uid == b->uid && a->started == b->started &&
	       memcmp(&a->stream, &b->stream, sizeof(a->stream)) == 0;
}

void processes_note(struct processes *processes, const struct process_seen *seen)
{
	struct process_seen noted = *seen;
	size_t at = 0;
	while (at < processes->count && !is_same(&processes->items[at], seen))
		at++;

	noted.first = seen->last;
	noted.attempts = 1;
	if (at < processes->count) {
		const struct process_seen *known = &processes->items[at];
		noted.attempts += known->attempts;
		if (known->first < noted.first)
			noted.first = known->first;
		if (known->last > noted.last)
			noted.last = known->last;
	} else if (processes->count < processes->max) {
		processes->count++;
	} else {
		at--;
	}
	memmove(processes->items + 1, processes->items, at * sizeof(*processes->items));
	processes->items[0] = noted;
}

static size_t behind(const struct processes *processes, const struct process_seen *previous)
{
	return previous ? (size_t)(previous - processes->items) + 1 : 0;
}

const struct process_seen *processes_of_stream(const struct processes *processes,
                                               const struct stream *stream,
                                               const struct process_seen *previous)
{
	for (size_t i = behind(processes, previous); i < processes->count; i++)
		if (memcmp(&processes->items[i].stream, stream, sizeof(*stream)) == 0)
			return &processes->items[i];
	return NULL;
}

/* What came in by no interface is the gateway's own. */
static bool is_own(const struct alarm *alarm)
{
	return alarm->has_source && !alarm->interface[0] && alarm->evidence.attempt_count &&
	       alarm->evidence.attempts[0].has_uid;
}

static bool belongs(const struct process_seen *seen, const struct alarm *alarm)
{
	const struct alarm_cause *cause = &alarm->cause;
	if (seen->last < alarm->first || seen->first > alarm->last)
		return false;
	return !cause->has_destination || memcmp(&seen->stream.destination, &cause->destination,
	                                         sizeof(cause->destination)) == 0;
}

const struct process_seen *processes_of_alarm(const struct processes *processes,
                                              const struct alarm *alarm,
                                              const struct process_seen *previous)
{
	for (size_t i = behind(processes, previous); is_own(alarm) && i < processes->count; i++)
		if (belongs(&processes->items[i], alarm))
			return &processes->items[i];
	return NULL;
}
