/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "method_change.h"

#include "notes.h"
#include "replies.h"

#include <errno.h>

static int answer_permit(struct request *request, const struct request_entry *entry,
                         const struct changed *changed, const struct control *control)
{
	return answer_changed(request,
	                      json_pack("{so so}", "permit", reply_permit(entry), "notes",
	                                notes_on_permit(control->enforcement->policy, entry)),
	                      changed, control);
}

static int answer_revoke(struct request *request, const struct request_entry *entry,
                         const struct changed *changed, const struct control *control)
{
	return answer_changed(request, json_pack("{so}", "permit", reply_permit(entry)), changed,
	                      control);
}

int method_permit(struct request *request, json_t *parameters, void *userdata)
{
	const struct asked asked = {
	        .kind = REQUEST_PERMIT,
	        .kind_name = "permit",
	        .host = parameter_string(parameters, "host"),
	        .service = parameter_string(parameters, "service"),
	        .to = parameter_string(parameters, "to"),
	        .why = parameter_string(parameters, "why"),
	        .lasts = true,
	        .seconds = json_integer_value(json_object_get(parameters, "seconds")),
	};
	return change_add(request, userdata, &asked, answer_permit);
}

int method_revoke(struct request *request, json_t *parameters, void *userdata)
{
	const struct control *control = userdata;
	json_int_t id = json_integer_value(json_object_get(parameters, "id"));
	const struct request_entry *entry =
	        id > 0 ? requests_by_id(&control->enforcement->requests, (uint64_t)id) : NULL;

	if (!entry || entry->kind != REQUEST_PERMIT)
		return request_error(request, "io.egressd.NoSuchPermit",
		                     json_pack("{sI}", "id", id));
	return change_remove(request, control, entry, answer_revoke);
}

int method_list_permits(struct request *request, json_t *parameters, void *userdata)
{
	const struct control *control = userdata;
	_cleanup_(json_release) json_t *list = json_array();

	ARRAY_FOREACH (entry, &control->enforcement->requests.list)
		if (entry->kind == REQUEST_PERMIT &&
		    json_array_append_new(list, reply_permit(entry)) < 0)
			return -ENOMEM;
	return request_reply(request, json_pack("{sO}", "permits", list));
}
