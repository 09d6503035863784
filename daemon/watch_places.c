/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "watch_places.h"

#include "base/cleanup.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>

#define EVENTS                                                                                     \
	(IN_CLOSE_WRITE | IN_MOVED_TO | IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_ATTRIB |        \
	 IN_DELETE_SELF | IN_MOVE_SELF)

#define FOLLOW_TRIES 8 /* while directories come and go under our feet */

void places_done(place_list *list)
{
	ARRAY_FOREACH (p, list)
		free(p->name);
	ARRAY_DONE(list);
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

bool places_name_matters(const place_list *list, int descriptor, const char *name)
{
	return holds_place(list, descriptor, name) || holds_place(list, descriptor, NULL);
}

bool places_hold(const place_list *list, int descriptor)
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
		if (!places_hold(kept, p->descriptor))
			inotify_rm_watch(fd, p->descriptor);
}

int places_arm(place_list *list, int fd, const target_list *targets, bool *ret_blind)
{
	struct survey survey = {.fd = fd};
	ARRAY_FOREACH (target, targets) {
		int r = survey_target(&survey, target);
		if (r < 0) {
			drop_watches(fd, &survey.places, list);
			places_done(&survey.places);
			return r;
		}
	}

	int fresh = 0;
	ARRAY_FOREACH (p, &survey.places)
		if (!places_name_matters(list, p->descriptor, p->name))
			fresh = 1;

	drop_watches(fd, list, &survey.places);
	places_done(list);
	*list = survey.places;
	*ret_blind = survey.blind;
	return fresh;
}
