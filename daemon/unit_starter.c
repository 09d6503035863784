/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "unit_starter.h"

#include "base/time.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-bus.h>

#define UNIT_NAME_MAX 256
#define ANSWER_USEC   (10 * USEC_PER_SEC)

struct unit_starter {
	sd_event *event;
	sd_bus *bus; /* NULL: not connected */
	unit_answered_t answered;
	void *userdata;
};

/* A call on its way: which unit it is about. */
struct start {
	struct unit_starter *starter;
	char unit[UNIT_NAME_MAX];
};

int unit_starter_new(sd_event *event, unit_answered_t answered, void *userdata,
                     struct unit_starter **ret_starter)
{
	struct unit_starter *starter = calloc(1, sizeof(*starter));
	if (!starter)
		return -ENOMEM;
	starter->event = event;
	starter->answered = answered;
	starter->userdata = userdata;
	*ret_starter = starter;
	return 0;
}

static void disconnect(struct unit_starter *starter)
{
	starter->bus = sd_bus_close_unref(starter->bus);
}

struct unit_starter *unit_starter_free(struct unit_starter *starter)
{
	if (starter) {
		disconnect(starter);
		free(starter);
	}
	return NULL;
}

/* Connects without waiting: what is sent is queued until somebody answers. */
static int connect_bus(struct unit_starter *starter)
{
	if (starter->bus && sd_bus_is_open(starter->bus) > 0)
		return 0;
	disconnect(starter);
	int r = sd_bus_open_system(&starter->bus);
	if (r >= 0)
		r = sd_bus_set_method_call_timeout(starter->bus, ANSWER_USEC);
	if (r >= 0)
		r = sd_bus_attach_event(starter->bus, starter->event, SD_EVENT_PRIORITY_NORMAL);
	if (r < 0)
		disconnect(starter);
	return r;
}

static int on_answer(sd_bus_message *message, void *userdata, sd_bus_error *ret_error)
{
	struct start *start = userdata;
	const sd_bus_error *error = sd_bus_message_get_error(message);
	const char *why = error && error->message ? error->message : error ? error->name : NULL;
	start->starter->answered(start->unit, why, start->starter->userdata);
	return 0;
}

void unit_starter_start(struct unit_starter *starter, const char *template, uint64_t instance)
{
	const char *at = strchr(template, '@');
	struct start *start = calloc(1, sizeof(*start));
	if (!start) {
		starter->answered(template, strerror(ENOMEM), starter->userdata);
		return;
	}
	start->starter = starter;
	snprintf(start->unit, sizeof(start->unit), "%.*s%" PRIu64 "%s",
	         (int)(at ? at + 1 - template : 0), template, instance, at ? at + 1 : template);

	sd_bus_slot *slot = NULL;
	int r = connect_bus(starter);
	if (r >= 0)
		r = sd_bus_call_method_async(starter->bus, &slot, "org.freedesktop.systemd1",
		                             "/org/freedesktop/systemd1",
		                             "org.freedesktop.systemd1.Manager", "StartUnit",
		                             on_answer, start, "ss", start->unit, "replace");
	if (r >= 0) {
		/* The slot lasts as long as the call, and takes what belongs to it along. */
		sd_bus_slot_set_destroy_callback(slot, free);
		sd_bus_slot_set_floating(slot, true);
		sd_bus_slot_unref(slot);
		return;
	}
	starter->answered(start->unit, strerror(-r), starter->userdata);
	free(start);
}
