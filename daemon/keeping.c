/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "keeping.h"

#include "journal.h"
#include "kernel/read.h"
#include "requests_file.h"
#include "ruleset/recover.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct keeping {
	struct enforcement *enforcement;
	struct health *health;
	const char *directory;
	keeping_told_t told;
	void *userdata;
	sd_event *event; /* borrowed */
	/* The next time that the list is written or read; NULL: none is set. */
	sd_event_source *timer;
	bool hardening; /* and then it is to be brought to the disk */
	bool unread;    /* that of an earlier run could not be read yet: nothing is written */
	struct requests gone; /* taken back while it is unread */
};

#define HARDEN_AFTER (100 * USEC_PER_MSEC)
#define KEEP_AT_MOST (60 * USEC_PER_SEC)
#define KEEP_LEAST   (1 * USEC_PER_SEC)
#define KEEP_AGAIN   (5 * USEC_PER_SEC) /* after a failure */
#define READ_AGAIN   (1 * USEC_PER_SEC) /* likewise */

#define TABLE_TRIES 16 /* of each of which table_read() makes some more */

static struct requests *list_of(const struct keeping *keeping)
{
	return &keeping->enforcement->requests;
}

static usec_t now_of(const struct keeping *keeping)
{
	return lasting_clock_now(&keeping->enforcement->clock);
}

/* Writes the list into the state directory; false when it could not be, which is then a fault. */
static bool write_list(struct keeping *keeping, bool durable)
{
	if (keeping->unread)
		return false;
	list_of(keeping)->as_of = now_of(keeping);
	int r = requests_file_write(keeping->directory, list_of(keeping), durable);
	if (r == 0) {
		health_clear(keeping->health, FAULT_STATE);
		return true;
	}
	bool known = keeping->health->faults[FAULT_STATE];
	health_fault(
	        keeping->health, FAULT_STATE,
	        "assignments, permits and quarantines are in force, and will be lost at a restart: "
	        "%s/" REQUESTS_FILE_NAME " cannot be written (%s)",
	        keeping->directory, strerror(-r));
	if (!known)
		journal(LOG_WARNING,
		        "%s/" REQUESTS_FILE_NAME
		        " cannot be written (%s): assignments, permits and "
		        "quarantines are in force, and will be lost at a restart",
		        keeping->directory, strerror(-r));
	return false;
}

static int on_time(sd_event_source *source, uint64_t now, void *userdata);

/* Writes or reads the list, in a while. */
static int go_on_in(struct keeping *keeping, usec_t span)
{
	keeping->timer = sd_event_source_unref(keeping->timer);
	return sd_event_add_time_relative(keeping->event, &keeping->timer, CLOCK_MONOTONIC, span,
	                                  span / 10, on_time, keeping);
}

/*
 * What is to end is kept anew now and then, with the time: should the machine's clock be behind at
 * the next start, no request gets back much of the time that it had already.
 */
static void keep_time(struct keeping *keeping)
{
	usec_t next = requests_next_end(list_of(keeping)), now = now_of(keeping);
	usec_t span = next > now ? (next - now) / 8 : 0;
	keeping->timer = sd_event_source_unref(keeping->timer);
	if (!next)
		return;
	if (span > KEEP_AT_MOST)
		span = KEEP_AT_MOST;
	(void)go_on_in(keeping, span < KEEP_LEAST ? KEEP_LEAST : span);
}

static void harden_soon(struct keeping *keeping)
{
	keeping->hardening = go_on_in(keeping, HARDEN_AFTER) >= 0;
}

bool keeping_save(struct keeping *keeping, bool durable)
{
	if (keeping->unread)
		return false;
	if (!write_list(keeping, durable)) {
		keeping->hardening = go_on_in(keeping, KEEP_AGAIN) >= 0;
		return false;
	}
	if (durable) {
		keeping->hardening = false;
		keep_time(keeping);
		return true;
	}
	if (!keeping->hardening)
		harden_soon(keeping);
	return keeping->hardening || write_list(keeping, true);
}

/* What was taken from the kernel's table, as half a sentence; `how` stands at its end. */
static void print_recovered(const struct recovered *recovered, const char *how, FILE *out)
{
	size_t quarantines = recovered->quarantines, assignments = recovered->assignments;
	fprintf(out, "of what the kernel's table tells, %zu %s and %zu %s are in force %s",
	        quarantines, quarantines == 1 ? "quarantine" : "quarantines", assignments,
	        assignments == 1 ? "assignment" : "assignments", how);
	if (recovered->permits)
		fprintf(out, "; %zu %s over, and would have to be asked for again",
		        recovered->permits, recovered->permits == 1 ? "permit is" : "permits are");
	if (recovered->untold)
		fprintf(out,
		        "; of %zu entries of its quarantines it does not tell whom they hold, and "
		        "these are released",
		        recovered->untold);
}

static bool is_empty(const struct recovered *recovered)
{
	return !recovered->quarantines && !recovered->assignments && !recovered->permits &&
	       !recovered->untold;
}

/* The table as it is, which others may keep from being read by changing rules all the while. */
static int read_table(struct kernel *kernel, const struct ruleset **ret_table)
{
	uint32_t generation;
	int r = -EBUSY;
	for (unsigned i = 0; i < TABLE_TRIES && r == -EBUSY; i++)
		r = table_view(kernel, ret_table, &generation);
	return r;
}

/* From the table of an earlier run, if there is one, beside what is in the list; 0 or an errno. */
static int recover(struct keeping *keeping, struct recovered *ret_recovered)
{
	const struct ruleset *table;
	uint32_t generation;
	bool exists;
	*ret_recovered = (struct recovered){};
	int r = table_exists(keeping->enforcement->kernel, &exists, &generation);
	if (r < 0 || !exists)
		return r;
	r = read_table(keeping->enforcement->kernel, &table);
	if (r == 0)
		r = ruleset_recover(table, now_of(keeping), list_of(keeping), ret_recovered);
	return r;
}

/* A list that was not read as it should be: what is wrong, and what is done about it. */
static void tell_unread(struct keeping *keeping, int result, const char *text,
                        const struct recovered *recovered)
{
	_cleanup_free_ char *sentence = NULL;
	size_t size;
	health_fault(keeping->health, FAULT_REQUESTS, "%s/" REQUESTS_FILE_NAME " was not read",
	             keeping->directory);
	FILE *out = open_memstream(&sentence, &size);
	if (!out)
		return;
	if (result < 0)
		fprintf(out, "%s/" REQUESTS_FILE_NAME " cannot be read (%s)", keeping->directory,
		        strerror(-result));
	else if (text)
		fputs(text, out);
	else
		fprintf(out, "%s/" REQUESTS_FILE_NAME " is missing", keeping->directory);
	if (!is_empty(recovered)) {
		fputs("; ", out);
		print_recovered(recovered, result == REQUESTS_FILE_SPARE ? "too" : "instead", out);
	} else if (result == REQUESTS_FILE_BROKEN) {
		fputs("; what it held has to be asked for again", out);
	}
	if (fclose(out) != 0)
		return;
	journal(LOG_ERR, "%s", sentence);
	health_fault(keeping->health, FAULT_REQUESTS, "%s; %s", sentence,
	             result < 0 ? "it is read as soon as that is possible, and until then nothing "
	                          "that is asked for is kept"
	                        : "this is said until egressd is started again");
}

/* No request gets back time that it had already. */
static void take_up_time(struct keeping *keeping)
{
	struct requests *requests = list_of(keeping);
	ARRAY_FOREACH (request, &requests->list)
		lasting_clock_floor(&keeping->enforcement->clock, request->since);
	lasting_clock_floor(&keeping->enforcement->clock, requests->as_of);
}

int keeping_restore(struct keeping *keeping)
{
	_cleanup_free_ char *text = NULL;
	struct recovered recovered = {};
	struct requests *requests = list_of(keeping);

	int result = requests_file_read(keeping->directory, now_of(keeping), requests, &text);
	take_up_time(keeping);
	if (result == REQUESTS_FILE_WHOLE) {
		keeping->unread = false;
		if (requests_next_end(requests) || requests_file_is_soft(keeping->directory))
			harden_soon(keeping);
		return 0;
	}
	int r = recover(keeping, &recovered);
	if (r < 0) {
		journal(LOG_CRIT,
		        "Who is in quarantine can neither be read from %s/" REQUESTS_FILE_NAME
		        " (%s) nor from the kernel's table (%s), which therefore stays as it is",
		        keeping->directory,
		        result < 0 ? strerror(-result)
		        : text     ? text
		                   : "missing",
		        strerror(-r));
		return r;
	}
	keeping->unread = result < 0;
	if (result != REQUESTS_FILE_NONE || !is_empty(&recovered))
		tell_unread(keeping, result, text, &recovered);
	if (keeping->unread)
		return go_on_in(keeping, READ_AGAIN);
	if (requests->list.count)
		harden_soon(keeping);
	return 0;
}

/*
 * Makes one list of that which could be read at last and the one that is in force. Of what both
 * have, the file knows more than the table did; but what was asked for since then, or taken back,
 * is newer. 0, -ENOMEM or -ENOSPC: then nothing is changed.
 */
static int merge(struct keeping *keeping, struct requests *file)
{
	struct requests *list = list_of(keeping);
	if (file->list.count + list->list.count > REQUESTS_MAX)
		return -ENOSPC;
	if (ARRAY_RESERVE(&file->list, file->list.count + list->list.count) < 0)
		return -ENOMEM;

	ARRAY_FOREACH (gone, &keeping->gone.list) {
		struct request_entry *before = requests_before(file, gone);
		if (before)
			requests_remove(file, before->id);
	}
	ARRAY_FOREACH (request, &list->list) {
		const struct request_entry *before = requests_before(file, request);
		if (before && request->uid == REQUEST_UID_UNKNOWN) {
			request_done(request);
			continue;
		}
		uint64_t id = request->id;
		if (requests_by_id(file, id))
			request->id = 0;
		(void)requests_add(file, request); /* there is room */
		if (request->kind == REQUEST_PERMIT && request->id != id)
			journal(LOG_NOTICE,
			        "Permit %" PRIu64 " is permit %" PRIu64
			        " now: an earlier one has that number",
			        id, request->id);
	}
	if (file->next_id < list->next_id)
		file->next_id = list->next_id;
	ARRAY_DONE(&list->list);
	*list = *file;
	*file = (struct requests){};
	requests_done(&keeping->gone);
	return 0;
}

void keeping_note_gone(struct keeping *keeping, const struct request_entry *request)
{
	if (!keeping->unread || request->kind == REQUEST_PERMIT)
		return;
	struct request_entry *gone = ARRAY_ADD(&keeping->gone.list);
	if (!gone)
		return; /* then it comes back, and somebody has to say so again */
	gone->kind = request->kind;
	gone->address = request->address;
	gone->host = request->host ? strdup(request->host) : NULL;
	if (request->host && !gone->host)
		keeping->gone.list.count--;
}

/* Once more, after the start; true when there was no more to wait for. */
static bool read_again(struct keeping *keeping)
{
	_cleanup_free_ char *text = NULL;
	struct requests file;
	int result = requests_file_read(keeping->directory, now_of(keeping), &file, &text);
	int r = result < 0 ? result : merge(keeping, &file);
	requests_done(&file);
	if (r < 0)
		return false;

	keeping->unread = false;
	take_up_time(keeping);
	if (text)
		health_fault(keeping->health, FAULT_REQUESTS,
		             "%s; this is said until egressd is started again", text);
	else
		health_clear(keeping->health, FAULT_REQUESTS);
	journal(text ? LOG_ERR : LOG_NOTICE, "%s",
	        text ? text : "The requests of an earlier run could be read now, and are in force");
	return true;
}

static int on_time(sd_event_source *source, uint64_t now, void *userdata)
{
	struct keeping *keeping = userdata;
	bool read = keeping->unread;
	if (read && !read_again(keeping)) {
		(void)go_on_in(keeping, READ_AGAIN);
		return 0;
	}
	bool fault = keeping->health->faults[FAULT_STATE];
	/* It takes the place of one that is on the disk already. */
	bool done = write_list(keeping, true);
	keeping->hardening = !done;
	keeping->timer = sd_event_source_unref(keeping->timer);
	if (done)
		keep_time(keeping);
	else
		(void)go_on_in(keeping, KEEP_AGAIN);
	if (read || fault == done)
		keeping->told(read, keeping->userdata);
	return 0;
}

int keeping_new(sd_event *event, struct enforcement *enforcement, struct health *health,
                const char *directory, keeping_told_t told, void *userdata,
                struct keeping **ret_keeping)
{
	struct keeping *keeping = calloc(1, sizeof(*keeping));
	if (!keeping)
		return -ENOMEM;
	keeping->event = event;
	keeping->enforcement = enforcement;
	keeping->health = health;
	keeping->directory = directory;
	keeping->told = told;
	keeping->userdata = userdata;
	keeping->unread = true;
	*ret_keeping = keeping;
	return 0;
}

struct keeping *keeping_free(struct keeping *keeping)
{
	if (!keeping)
		return NULL;
	if (keeping->hardening || requests_next_end(list_of(keeping)))
		write_list(keeping, true);
	sd_event_source_unref(keeping->timer);
	requests_done(&keeping->gone);
	free(keeping);
	return NULL;
}
