/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "last_good.h"

#include "copies.h"
#include "journal.h"
#include "policy/load.h"
#include "policy/meaning.h"
#include "state_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PIECE ((size_t)64 * 1024)

struct last_good {
	const char *directory;
	struct health *health;
	void (*settled)(void *userdata);
	void (*reload)(void *userdata);
	void *userdata;
	sd_event_source *timer;
	usec_t wait;                   /* after the next failure */
	struct snapshot_writer writer; /* of the configuration that is being loaded */
	FILE *waiting; /* the one in force, in memory until it is written; or NULL */
	bool missed;   /* the one in force could not even be held in memory */
	char digest[sizeof(((struct snapshot *)NULL)->digest)]; /* of what was written last */
	const struct policy *policy;      /* in force; NULL: none of files that were copied */
	char meaning[MEANING_TEXT_BYTES]; /* of the last copy on the disk; empty: not known */
	char waiting_meaning[MEANING_TEXT_BYTES]; /* without `policy`: of what waits; likewise */
	bool distrusted;                          /* the last copy cannot be loaded */
};

static void close_file(FILE **file)
{
	if (*file)
		fclose(*file);
	*file = NULL;
}

static void fail(struct last_good *last, const char *why)
{
	bool known = last->health->faults[FAULT_KEPT];
	health_fault(last->health, FAULT_KEPT,
	             "no copy of the configuration in force is kept in %s (%s): should the files "
	             "be damaged at the next start, there is none to fall back on; this is tried "
	             "again",
	             last->directory, why);
	if (!known)
		journal(LOG_WARNING, "%s/" LAST_GOOD_NAME " cannot be written: %s", last->directory,
		        why);
}

static int copy(FILE *from, FILE *to)
{
	_cleanup_free_ char *piece = malloc(PIECE);
	if (!piece)
		return -ENOMEM;
	rewind(from);
	for (size_t n; (n = fread(piece, 1, PIECE, from)) > 0;)
		if (fwrite(piece, 1, n, to) != n)
			return errno ? -errno : -EIO;
	return ferror(from) ? -EIO : 0;
}

/*
 * The last copy gets its second name when it is a policy of its own, and worth to be kept. Whatever
 * becomes of the daemon, there is a whole copy at each step.
 */
static int keep_before(const struct last_good *last, const char *meaning)
{
	char digest[sizeof(last->digest)];
	if (last->distrusted || !copy_digest(last->directory, digest) ||
	    strcmp(digest, last->digest) == 0 ||
	    (last->meaning[0] && strcmp(last->meaning, meaning) == 0))
		return 0;
	return copy_keep_before(last->directory);
}

static int write_waiting(struct last_good *last)
{
	char meaning[MEANING_TEXT_BYTES];
	_cleanup_(state_draft_freep) struct state_draft *draft = NULL;
	memcpy(meaning, last->waiting_meaning, sizeof(meaning));
	if (last->policy && policy_meaning(last->policy, meaning) < 0)
		meaning[0] = '\0'; /* it counts as another policy then */
	int r = state_draft_new(last->directory, LAST_GOOD_NAME, &draft);
	if (r < 0)
		return r;
	FILE *out = state_draft_out(draft);
	r = copy(last->waiting, out);
	if (r == 0 && (fflush(out) != 0 || fsync(fileno(out)) < 0))
		r = -errno;
	if (r == 0)
		r = keep_before(last, meaning);
	if (r == 0)
		r = state_draft_keep(TAKE_POINTER(draft), true);
	if (r < 0)
		return r;
	memcpy(last->meaning, meaning, sizeof(meaning));
	last->distrusted = false;
	return 0;
}

static void keep_in(struct last_good *last, usec_t span)
{
	if (sd_event_source_set_time_relative(last->timer, span) < 0 ||
	    sd_event_source_set_enabled(last->timer, SD_EVENT_ONESHOT) < 0)
		fail(last, "no timer could be set");
}

static void keep_again(struct last_good *last)
{
	keep_in(last, last->wait);
	last->wait = last->wait * 2 < LAST_GOOD_AGAIN_MAX ? last->wait * 2 : LAST_GOOD_AGAIN_MAX;
}

static void keep(struct last_good *last)
{
	if (!last->waiting)
		return;
	int r = write_waiting(last);
	if (r < 0) {
		fail(last, strerror(-r));
		keep_again(last);
		return;
	}
	close_file(&last->waiting);
	last->wait = LAST_GOOD_AGAIN;
	health_clear(last->health, FAULT_KEPT);
}

static int on_time(sd_event_source *source, uint64_t time, void *userdata)
{
	struct last_good *last = userdata;
	bool fault = last->health->faults[FAULT_KEPT];
	if (last->missed)
		last->reload(last->userdata);
	keep(last);
	if (fault != (last->health->faults[FAULT_KEPT] != NULL))
		last->settled(last->userdata);
	return 0;
}

int last_good_new(sd_event *event, const char *directory, struct health *health,
                  void (*settled)(void *userdata), void (*reload)(void *userdata), void *userdata,
                  struct last_good **ret_last)
{
	_cleanup_(last_good_freep) struct last_good *last = calloc(1, sizeof(*last));
	if (!last)
		return -ENOMEM;
	last->directory = directory;
	last->health = health;
	last->settled = settled;
	last->reload = reload;
	last->userdata = userdata;
	last->wait = LAST_GOOD_AGAIN;
	int r = sd_event_add_time_relative(event, &last->timer, CLOCK_MONOTONIC, 0, 0, on_time,
	                                   last);
	if (r >= 0)
		r = sd_event_source_set_enabled(last->timer, SD_EVENT_OFF);
	if (r < 0)
		return r;
	*ret_last = TAKE_POINTER(last);
	return 0;
}

struct last_good *last_good_free(struct last_good *last)
{
	if (!last)
		return NULL;
	keep(last);
	sd_event_source_disable_unref(last->timer);
	close_file(&last->writer.out);
	close_file(&last->waiting);
	free(last);
	return NULL;
}

struct snapshot_writer *last_good_begin(struct last_good *last)
{
	close_file(&last->writer.out);
	last->writer = (struct snapshot_writer){};

	_cleanup_close_ int fd = memfd_create("egressd-last-good", MFD_CLOEXEC);
	if (fd >= 0)
		last->writer.out = fdopen(fd, "w+");
	last->missed = !last->writer.out;
	if (last->missed) {
		fail(last, strerror(errno));
		keep_again(last);
		return NULL;
	}
	TAKE_FD(fd);
	snapshot_begin(&last->writer);
	return &last->writer;
}

/* What was written last, or waits to be. */
static bool is_there(const struct last_good *last)
{
	char digest[sizeof(last->digest)];
	return last->waiting ||
	       (copy_digest(last->directory, digest) && strcmp(digest, last->digest) == 0);
}

void last_good_end(struct last_good *last, const struct policy *policy, usec_t time)
{
	FILE *out = last->writer.out;
	const char *digest = policy ? policy->digest : NULL;
	bool kept = digest && strcmp(digest, last->digest) == 0 && is_there(last);
	if (policy) {
		last->policy = policy;
		last->waiting_meaning[0] = '\0';
	}
	if (kept && !last->waiting)
		health_clear(last->health, FAULT_KEPT);
	if (!digest || !out || kept) {
		close_file(&last->writer.out);
		return;
	}

	snapshot_end(&last->writer, digest, time);
	last->writer.out = NULL;
	close_file(&last->waiting);
	last->digest[0] = '\0';
	if (last->writer.oversize) {
		fail(last, "its files are larger than 256 MiB");
		close_file(&out);
		return;
	}
	if (fflush(out) != 0 || ferror(out)) {
		fail(last, strerror(ENOMEM));
		close_file(&out);
		last->missed = true;
		keep_again(last);
		return;
	}
	last->waiting = out;
	snprintf(last->digest, sizeof(last->digest), "%s", digest);
	keep_in(last, LAST_GOOD_AFTER);
}

void last_good_forget(struct last_good *last, const struct policy *policy)
{
	if (!policy || last->policy != policy)
		return;
	if (!last->waiting || policy_meaning(policy, last->waiting_meaning) < 0)
		last->waiting_meaning[0] = '\0';
	last->policy = NULL;
}

struct policy *last_good_other(struct last_good *last, const struct policy *policy)
{
	_cleanup_(kept_done) struct kept kept = {};
	const struct policy_origin origin = {.snapshot = &kept.snapshot};
	struct policy *other = NULL;
	struct problems problems = {};
	char digest[sizeof(last->digest)];
	if (!copy_digest(last->directory, digest) || strcmp(digest, policy->digest) == 0)
		return NULL;
	if (copy_peek(last->directory, &kept) != 0 ||
	    policy_load_from(&origin, &problems, &other) != 0)
		other = NULL;
	problems_done(&problems);
	if (!other || policy_meaning(other, last->meaning) < 0)
		last->meaning[0] = '\0';
	return other;
}

void last_good_distrust(struct last_good *last)
{
	last->distrusted = true;
}
