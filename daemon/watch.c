/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "watch.h"

#include "base/array.h"
#include "trail.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define EVENTS                                                                                     \
	(IN_CLOSE_WRITE | IN_MOVED_TO | IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_ATTRIB |        \
	 IN_DELETE_SELF | IN_MOVE_SELF)

#define FOLLOW_TRIES 8 /* while directories come and go under our feet */

/* What stat(2) says that changes with a file. */
struct looks {
	bool exists;
	dev_t device;
	ino_t inode;
	off_t size;
	struct timespec modified;
	struct timespec changed;
};

/* One path that is watched. */
struct target {
	char *path;
	enum trail_end end;
	struct looks looks;
};

/* A name that matters in a directory that the kernel watches. */
struct place {
	int descriptor; /* of inotify */
	char *name;     /* NULL: every name */
};

typedef ARRAY(struct target) target_list;
typedef ARRAY(struct place) place_list;

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

static void targets_done(target_list *list)
{
	ARRAY_FOREACH (t, list)
		free(t->path);
	ARRAY_DONE(list);
}

static void places_done(place_list *list)
{
	ARRAY_FOREACH (p, list)
		free(p->name);
	ARRAY_DONE(list);
}

static struct looks looks_of(const struct stat *st)
{
	return (struct looks){
	        .exists = true,
	        .device = st->st_dev,
	        .inode = st->st_ino,
	        .size = st->st_size,
	        .modified = st->st_mtim,
	        .changed = st->st_ctim,
	};
}

static struct looks look_at(const char *path)
{
	struct stat st;
	return stat(path, &st) < 0 ? (struct looks){} : looks_of(&st);
}

static bool same_time(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

static bool same_looks(const struct looks *a, const struct looks *b)
{
	return a->exists == b->exists && a->device == b->device && a->inode == b->inode &&
	       a->size == b->size && same_time(&a->modified, &b->modified) &&
	       same_time(&a->changed, &b->changed);
}

static bool holds_place(const place_list *list, int descriptor, const char *name)
{
	ARRAY_FOREACH (p, list) {
		if (p->descriptor != descriptor || !p->name != !name)
			continue;
		if (!name || strcmp(p->name, name) == 0)
			return true;
	}
	return false;
}

static bool name_matters(const place_list *list, int descriptor, const char *name)
{
	return holds_place(list, descriptor, name) || holds_place(list, descriptor, NULL);
}

static bool holds_descriptor(const place_list *list, int descriptor)
{
	ARRAY_FOREACH (p, list)
		if (p->descriptor == descriptor)
			return true;
	return false;
}

/* What one look at all targets finds. */
struct survey {
	int fd;
	place_list places;
	bool blind; /* some place cannot be watched */
};

static int add_place(const char *directory, const char *name, void *userdata)
{
	struct survey *survey = userdata;
	int descriptor = inotify_add_watch(survey->fd, directory, EVENTS | IN_ONLYDIR);
	if (descriptor < 0) {
		if (errno == ENOENT || errno == ENOTDIR)
			return -errno;
		survey->blind = true;
		return 0;
	}
	if (holds_place(&survey->places, descriptor, name))
		return 0;

	_cleanup_free_ char *copy = name ? strdup(name) : NULL;
	struct place *place = !name || copy ? ARRAY_ADD(&survey->places) : NULL;
	if (!place)
		return -ENOMEM;
	*place = (struct place){descriptor, TAKE_POINTER(copy)};
	return 0;
}

static int survey_target(struct survey *survey, const struct target *target)
{
	for (unsigned tries = 0; tries < FOLLOW_TRIES; tries++) {
		int r = trail_follow(target->path, target->end, add_place, survey);
		if (r == 0 || r == -ENOMEM)
			return r;
		if (r != -ENOENT && r != -ENOTDIR)
			break;
	}
	survey->blind = true;
	return 0;
}

/* Ends the kernel's watches that `from` has and `kept` has not. */
static void drop_watches(int fd, const place_list *from, const place_list *kept)
{
	ARRAY_FOREACH (p, from)
		if (!holds_descriptor(kept, p->descriptor))
			inotify_rm_watch(fd, p->descriptor);
}

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

/*
 * Watches what the paths lead to now. 1 when that takes in a name that did not matter before, else
 * 0; *ret_blind says whether some place cannot be watched. -ENOMEM, then all is as it was.
 */
static int arm(struct watch *watch, const target_list *list, bool *ret_blind)
{
	open_inotify(watch);
	struct survey survey = {.fd = watch->fd};
	ARRAY_FOREACH (target, list) {
		int r = survey_target(&survey, target);
		if (r < 0) {
			drop_watches(watch->fd, &survey.places, &watch->places);
			places_done(&survey.places);
			return r;
		}
	}

	int fresh = 0;
	ARRAY_FOREACH (p, &survey.places)
		if (!name_matters(&watch->places, p->descriptor, p->name))
			fresh = 1;

	drop_watches(watch->fd, &watch->places, &survey.places);
	places_done(&watch->places);
	watch->places = survey.places;
	*ret_blind = survey.blind;
	return fresh;
}

/* What the owner reads from here on cannot change unseen; what was seen before is old. */
static void begin_anew(struct watch *watch)
{
	bool blind;
	watch->pending = watch->supposed = false;
	(void)arm(watch, &watch->targets, &blind); /* without memory the poll tries again */
	ARRAY_FOREACH (t, &watch->targets)
		t->looks = look_at(t->path);
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
		return holds_descriptor(&watch->places, event->wd);
	return name_matters(&watch->places, event->wd, event->name);
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
	ARRAY_FOREACH (t, &watch->targets) {
		struct looks looks = look_at(t->path);
		if (!same_looks(&looks, &t->looks))
			change = true;
	}
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

static const struct target *find_target(const target_list *list, const char *path,
                                        enum trail_end end)
{
	ARRAY_FOREACH (t, list)
		if (t->end == end && strcmp(t->path, path) == 0)
			return t;
	return NULL;
}

/* What was watched before keeps the looks it had: a change since then is still to be told. */
static int add_targets(target_list *list, const target_list *before, const char *const *paths,
                       size_t count, enum trail_end end)
{
	for (size_t i = 0; i < count; i++) {
		if (find_target(list, paths[i], end))
			continue;
		_cleanup_free_ char *path = strdup(paths[i]);
		struct target *target = path ? ARRAY_ADD(list) : NULL;
		if (!target)
			return -ENOMEM;
		const struct target *old = find_target(before, path, end);
		target->looks = old ? old->looks : look_at(path);
		target->end = end;
		target->path = TAKE_POINTER(path);
	}
	return 0;
}

int watch_set(struct watch *watch, const char *const *files, size_t file_count,
              const char *const *directories, size_t directory_count)
{
	target_list list = {};
	bool blind = false;
	int r = add_targets(&list, &watch->targets, files, file_count, TRAIL_FILE);
	if (r == 0)
		r = add_targets(&list, &watch->targets, directories, directory_count,
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

/* True for a file that is as it was when it was read. */
static bool is_unchanged(const struct target *target, const char *const *files,
                         const struct stat *states, size_t count)
{
	for (size_t i = 0; target->end == TRAIL_FILE && i < count; i++) {
		if (strcmp(files[i], target->path) != 0)
			continue;
		struct looks then = looks_of(&states[i]), now = look_at(target->path);
		return same_looks(&then, &now);
	}
	return false;
}

void watch_were_read(struct watch *watch, const char *const *files, const struct stat *states,
                     size_t count)
{
	if (!watch->pending || !watch->supposed)
		return;
	ARRAY_FOREACH (target, &watch->targets)
		if (!is_unchanged(target, files, states, count))
			return;
	if (sd_event_source_set_enabled(watch->timer, SD_EVENT_OFF) >= 0)
		watch->pending = watch->supposed = false;
}
