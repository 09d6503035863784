/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "methods.h"

#include "alarm_reply.h"
#include "clock.h"
#include "replies.h"
#include "user.h"

#include <errno.h>
#include <stdlib.h>

#define UTC_OFFSET_MOST (24 * 60 * 60) /* seconds */

/* For whom the sentences are: where the caller says that he is, or else where the daemon runs. */
static int read_reader(const json_t *parameters, struct alarm_reader *ret_reader)
{
	const json_t *offset = json_object_get(parameters, "utc_offset");
	json_int_t seconds = json_integer_value(offset);
	const json_t *since = json_object_get(parameters, "utc_offset_since");
	json_int_t before = json_integer_value(json_object_get(parameters, "utc_offset_before"));
	struct alarm_reader reader = {.now = clock_realtime()};
	if (seconds < -UTC_OFFSET_MOST || seconds > UTC_OFFSET_MOST || before < -UTC_OFFSET_MOST ||
	    before > UTC_OFFSET_MOST)
		return -EINVAL;
	if (!offset)
		reader = alarm_reader_here(reader.now);
	else
		reader.zone = (struct zone){.offset = (int)seconds, .before = (int)before};
	if (offset && json_integer_value(since) > 0)
		reader.zone.since = (usec_t)json_integer_value(since);
	*ret_reader = reader;
	return 0;
}

/* The gravest first, and among equals the latest. */
static int compare_alarms(const void *a, const void *b)
{
	const struct alarm *x = *(const struct alarm *const *)a;
	const struct alarm *y = *(const struct alarm *const *)b;
	if (x->severity != y->severity)
		return x->severity > y->severity ? -1 : 1;
	if (x->last != y->last)
		return x->last > y->last ? -1 : 1;
	return x->id < y->id ? -1 : 1;
}

int method_list_alarms(struct request *request, json_t *parameters, void *userdata)
{
	const struct control *control = userdata;
	const struct alarm_book *book = alarms_book(control->alarms);
	bool all = json_is_true(json_object_get(parameters, "all"));
	struct alarm_reader reader;
	if (read_reader(parameters, &reader) < 0)
		return request_invalid_parameter(request, "utc_offset");

	_cleanup_(json_release) json_t *list = json_array();
	_cleanup_free_ const struct alarm **sorted = calloc(ALARMS_MAX, sizeof(*sorted));
	size_t count = 0;
	if (!sorted)
		return -ENOMEM;
	for (const struct alarm *a = alarm_book_next(book, 0); a && count < ALARMS_MAX;
	     a = alarm_book_next(book, a->id))
		if (all || a->state != ALARM_CLEARED)
			sorted[count++] = a;
	qsort(sorted, count, sizeof(*sorted), compare_alarms);
	for (size_t i = 0; i < count; i++)
		if (json_array_append_new(list, alarm_reply(sorted[i], &reader)) < 0)
			return -ENOMEM;
	return request_reply(request, json_pack("{sO}", "alarms", list));
}

/* The alarm that is asked for; NULL when the request was answered. */
static const struct alarm *find_alarm(struct request *request, const json_t *parameters,
                                      const struct control *control, struct alarm_reader *reader)
{
	json_int_t id = json_integer_value(json_object_get(parameters, "id"));
	const struct alarm *alarm =
	        id > 0 ? alarm_book_get(alarms_book(control->alarms), (uint64_t)id) : NULL;

	if (read_reader(parameters, reader) < 0) {
		request_invalid_parameter(request, "utc_offset");
		return NULL;
	}
	if (!alarm)
		request_error(request, "io.egressd.NoSuchAlarm", json_pack("{sI}", "id", id));
	return alarm;
}

int method_get_alarm(struct request *request, json_t *parameters, void *userdata)
{
	const struct control *control = userdata;
	const struct processes *processes = own_processes_seen(control->processes);
	struct alarm_reader reader;
	const struct alarm *alarm = find_alarm(request, parameters, userdata, &reader);
	if (!alarm)
		return 0;
	return request_reply(request, json_pack("{so so}", "alarm", alarm_reply(alarm, &reader),
	                                        "card", alarm_card_reply(alarm, processes)));
}

/* Who calls; the name is in the buffer. */
static struct person caller_of(const struct request *request, char user[static USER_NAME_MAX])
{
	uid_t uid = request_uid(request);
	return (struct person){.user = user_name(uid, user), .uid = uid};
}

int method_ack_alarm(struct request *request, json_t *parameters, void *userdata)
{
	const struct control *control = userdata;
	struct alarm_reader reader;
	char user[USER_NAME_MAX];
	struct person by;
	const struct alarm *alarm = find_alarm(request, parameters, control, &reader);
	if (!alarm)
		return 0;

	switch (alarm->state) {
	case ALARM_CLEARED:
		return request_error(request, "io.egressd.AlarmIsOver",
		                     json_pack("{sI}", "id", (json_int_t)alarm->id));
	case ALARM_OPEN:
		by = caller_of(request, user);
		(void)alarm_book_acknowledge(alarms_book(control->alarms), alarm->id, &by,
		                             reader.now);
		break;
	case ALARM_ACKNOWLEDGED:
		break;
	}
	return request_reply(request, json_pack("{so}", "alarm", alarm_reply(alarm, &reader)));
}

int method_clear_alarm(struct request *request, json_t *parameters, void *userdata)
{
	const struct control *control = userdata;
	struct alarm_reader reader;
	char user[USER_NAME_MAX];
	const struct alarm *alarm = find_alarm(request, parameters, control, &reader);
	if (!alarm)
		return 0;
	const struct person by = caller_of(request, user);
	(void)alarm_book_clear(alarms_book(control->alarms), alarm->id, &by, reader.now);
	return request_reply(request, json_pack("{so}", "alarm", alarm_reply(alarm, &reader)));
}
