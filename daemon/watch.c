/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "watch.h"

#include "watch_places.h"
#include "watch_targets.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <unistd.h>

struct watch {
	sd_event *event;
	watch_changed changed;
	void *userdata;
	usec_t quiet;
	usec_t cap;
	usec_t poll;

	int fd;     /* of inotify; -1: there was none to be had so far */
	bool blind; /* some place is not watched */
	sd_event_source *io;
	sd_event_source *timer;
	sd_event_source *poll_timer;

	target_list targets;
	place_list places;
	bool pending;         /* a change waits to be told */
	bool supposed;        /* it is none that was seen, only new files to be watched */
	usec_t pending_since; /* CLOCK_MONOTONIC */
};

static int on_inotify(sd_event_source *source, int fd, uint32_t revents, void *userdata);

/* A user has only so many of them: without one the poll sees what changes, and this is tried again.
 */
static void open_inotify(struct watch *watch)
{
	if (watch->fd >= 0)
		return;
	_cleanup_close_ int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (fd >= 0 &&
	    sd_event_add_io(watch->event, &watch->io, fd, EPOLLIN, on_inotify, watch) >= 0)
		watch->fd = TAKE_FD(fd);
}

/* As places_arm(): watches what the paths lead to now. */
static int arm(struct watch *watch, const target_list *list, bool *ret_blind)
{
	open_inotify(watch);
	return places_arm(&watch->places, watch->fd, list, ret_blind);
}

/* What the owner reads from here on cannot change unseen; what was seen before is old. */
static void begin_anew(struct watch *watch)
{
	bool blind;
	watch->pending = watch->supposed = false;
	(void)arm(watch, &watch->targets, &blind); /* without memory the poll tries again */
	targets_look(&watch->targets);
}

static void tell(struct watch *watch)
{
	begin_anew(watch);
	watch->changed(watch->userdata);
}

static int set_timer(sd_event_source *timer, usec_t at)
{
	int r = sd_event_source_set_time(timer, at);
	if (r < 0)
		return r;
	return sd_event_source_set_enabled(timer, SD_EVENT_ONESHOT);
}

/* Puts the telling off until it is quiet. */
static void put_off(struct watch *watch)
{
	usec_t now;
	int r = sd_event_now(watch->event, CLOCK_MONOTONIC, &now);
	if (r >= 0) {
		if (!watch->pending)
			watch->pending_since = now;
		watch->pending = true;
		usec_t at = now + watch->quiet, latest = watch->pending_since + watch->cap;
		r = set_timer(watch->timer, at < latest ? at : latest);
	}
	if (r < 0)
		tell(watch); /* early rather than never */
}

static void note_change(struct watch *watch)
{
	watch->supposed = false;
	put_off(watch);
}

static bool matters(const struct watch *watch, const struct inotify_event *event)
{
	if (event->mask & IN_Q_OVERFLOW)
		return true;
	/* Without a name it is about the directory itself, and it may be gone. */
	if (!event->len)
		return places_hold(&watch->places, event->wd);
	return places_name_matters(&watch->places, event->wd, event->name);
}

static int on_inotify(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	struct watch *watch = userdata;
	_Alignas(struct inotify_event) char buffer[16384];

	ssize_t n = read(fd, buffer, sizeof(buffer));
	if (n <= 0)
		return 0;

	bool change = false;
	const struct inotify_event *event;
	for (const char *p = buffer; p < buffer + n; p += sizeof(*event) + event->len) {
		event = (const struct inotify_event *)(const void *)p;
		if (matters(watch, event))
			change = true;
	}
	if (change)
		note_change(watch);
	return 0;
}

static int on_timer(sd_event_source *source, usec_t usec, void *userdata)
{
	tell(userdata);
	return 0;
}

/* How often files are looked at, which is all that tells of a change to who is blind. */
static usec_t poll_pause(const struct watch *watch)
{
	return watch->blind && watch->poll > WATCH_POLL_BLIND ? WATCH_POLL_BLIND : watch->poll;
}

static int on_poll(sd_event_source *source, usec_t usec, void *userdata)
{
	struct watch *watch = userdata;
	bool blind = true, change = arm(watch, &watch->targets, &blind) > 0;
	if (watch->blind && !blind)
		change = true; /* the owner is to hear that nothing is missed any more */
	if (targets_differ(&watch->targets))
		change = true;
	/* From when it was due, or a machine that slept would have to make up for it. */
	usec_t now = usec;
	(void)sd_event_now(watch->event, CLOCK_MONOTONIC, &now);
	int r = set_timer(source, now + poll_pause(watch));
	if (change)
		note_change(watch);
	return r;
}

int watch_new(sd_event *event, watch_changed changed, void *userdata, struct watch **ret_watch)
{
	_cleanup_(watch_freep) struct watch *watch = calloc(1, sizeof(*watch));
	if (!watch)
		return -ENOMEM;
	watch->event = sd_event_ref(event);
	watch->changed = changed;
	watch->userdata = userdata;

	watch->fd = -1;
	int r = sd_event_add_time(event, &watch->timer, CLOCK_MONOTONIC, 0, USEC_PER_MSEC, on_timer,
	                          watch);
	if (r < 0)
		return r;
	r = sd_event_source_set_enabled(watch->timer, SD_EVENT_OFF);
	if (r < 0)
		return r;
	r = sd_event_add_time(event, &watch->poll_timer, CLOCK_MONOTONIC, 0, 0, on_poll, watch);
	if (r < 0)
		return r;
	r = watch_pace(watch, WATCH_QUIET, WATCH_CAP, WATCH_POLL);
	if (r < 0)
		return r;

	*ret_watch = TAKE_POINTER(watch);
	return 0;
}

struct watch *watch_free(struct watch *watch)
{
	if (!watch)
		return NULL;
	sd_event_source_disable_unref(watch->io);
	sd_event_source_disable_unref(watch->timer);
	sd_event_source_disable_unref(watch->poll_timer);
	sd_event_unref(watch->event);
	if (watch->fd >= 0)
		close(watch->fd);
	targets_done(&watch->targets);
	places_done(&watch->places);
	free(watch);
	return NULL;
}

int watch_pace(struct watch *watch, usec_t quiet, usec_t cap, usec_t poll)
{
	usec_t now;
	int r = sd_event_now(watch->event, CLOCK_MONOTONIC, &now);
	if (r < 0)
		return r;
	r = set_timer(watch->poll_timer, now + poll);
	if (r < 0)
		return r;
	watch->quiet = quiet;
	watch->cap = cap;
	watch->poll = poll;
	return 0;
}

void watch_is_read(struct watch *watch)
{
	char buffer[16384];
	while (watch->fd >= 0 && read(watch->fd, buffer, sizeof(buffer)) > 0)
		;
	if (sd_event_source_set_enabled(watch->timer, SD_EVENT_OFF) >= 0)
		begin_anew(watch);
}

int watch_set(struct watch *watch, const char *const *files, size_t file_count,
              const char *const *directories, size_t directory_count)
{
	target_list list = {};
	bool blind = false;
	int r = targets_add(&list, &watch->targets, files, file_count, TRAIL_FILE);
	if (r == 0)
		r = targets_add(&list, &watch->targets, directories, directory_count,
		                TRAIL_DIRECTORY);
	if (r == 0)
		r = arm(watch, &list, &blind);
	watch->blind = r < 0 || blind;
	if (watch->blind) {
		usec_t now;
		if (sd_event_now(watch->event, CLOCK_MONOTONIC, &now) >= 0)
			(void)set_timer(watch->poll_timer, now + poll_pause(watch));
	}
	if (r < 0) {
		targets_done(&list);
		return r;
	}
	targets_done(&watch->targets);
	watch->targets = list;
	if (r > 0) {
		watch->supposed = watch->supposed || !watch->pending;
		put_off(watch);
	}
	return blind ? 1 : 0;
}

void watch_were_read(struct watch *watch, const char *const *files, const struct stat *states,
                     size_t count)
{
	if (!watch->pending || !watch->supposed ||
	    !targets_are(&watch->targets, files, states, count))
		return;
	if (sd_event_source_set_enabled(watch->timer, SD_EVENT_OFF) >= 0)
		watch->pending = watch->supposed = false;
}
