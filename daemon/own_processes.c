/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "own_processes.h"

#include <errno.h>
#include <stdlib.h>

struct own_processes {
	struct process_finder *finder;
	struct processes *seen;
	process_found_t found;
	process_trouble_t trouble;
	void *userdata;
};

static void on_found(const struct process_seen *seen, size_t count, void *userdata)
{
	struct own_processes *own = userdata;
	for (size_t i = count; i > 0; i--)
		processes_note(own->seen, &seen[i - 1]);
	own->found(seen, count, own->userdata);
}

static void on_trouble(const char *trouble, void *userdata)
{
	struct own_processes *own = userdata;
	own->trouble(trouble, own->userdata);
}

int own_processes_new(sd_event *event, const char *path, process_found_t found,
                      process_trouble_t trouble, void *userdata, struct own_processes **ret_own)
{
	_cleanup_(own_processes_freep) struct own_processes *own = calloc(1, sizeof(*own));
	if (!own)
		return -ENOMEM;
	own->found = found;
	own->trouble = trouble;
	own->userdata = userdata;
	int r = processes_new(OWN_PROCESSES_MAX, &own->seen);
	if (r >= 0)
		r = process_finder_new(event, path, on_found, on_trouble, own, &own->finder);
	if (r < 0)
		return r;
	*ret_own = TAKE_POINTER(own);
	return 0;
}

struct own_processes *own_processes_free(struct own_processes *own)
{
	if (own) {
		process_finder_free(own->finder);
		processes_free(own->seen);
		free(own);
	}
	return NULL;
}

void own_processes_use_policy(struct own_processes *own, const struct policy *policy)
{
	process_finder_want(own->finder, policy && policy->gateway.processes);
}

void own_processes_take_attempt(struct own_processes *own, const struct ledger_noted *noted,
                                const struct sighting *sighting)
{
	if (!sighting->interface)
		process_finder_ask(own->finder, noted, sighting->leaves_by);
}

const struct processes *own_processes_seen(const struct own_processes *own)
{
	return own->seen;
}

struct process_counts own_processes_counts(const struct own_processes *own)
{
	return process_finder_counts(own->finder);
}
