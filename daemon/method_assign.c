/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "method_change.h"

#include "replies.h"

#include <errno.h>

static int answer(struct request *request, const struct request_entry *entry,
                  const struct changed *changed, const struct control *control)
{
	return answer_changed(request, "assignment", reply_assignment(entry), changed, control);
}

int method_assign(struct request *request, json_t *parameters, void *userdata)
{
	const json_t *seconds = json_object_get(parameters, "seconds");
	struct address address;
	const struct asked asked = {
	        .kind = REQUEST_ASSIGN,
	        .kind_name = "assign",
	        .address = &address,
	        .role = parameter_string(parameters, "role"),
	        .why = parameter_string(parameters, "why"),
	        .lasts = seconds != NULL,
	        .seconds = json_integer_value(seconds),
	};

	if (address_parse(parameter_string(parameters, "address"), &address) < 0)
		return request_invalid_parameter(request, "address");
	return change_add(request, userdata, &asked, answer);
}

int method_unassign(struct request *request, json_t *parameters, void *userdata)
{
	const struct control *control = userdata;
	const char *text = parameter_string(parameters, "address");
	struct address address;

	if (address_parse(text, &address) < 0)
		return request_invalid_parameter(request, "address");
	const struct request_entry *entry =
	        requests_assignment(&control->enforcement->requests, &address);
	if (!entry)
		return request_error(request, "io.egressd.NoSuchAssignment",
		                     json_pack("{ss}", "address", text));
	return change_remove(request, control, entry, answer);
}

int method_list_assignments(struct request *request, json_t *parameters, void *userdata)
{
	const struct control *control = userdata;
	_cleanup_(json_release) json_t *list = json_array();

	ARRAY_FOREACH (entry, &control->enforcement->requests.list)
		if (entry->kind == REQUEST_ASSIGN &&
		    json_array_append_new(list, reply_assignment(entry)) < 0)
			return -ENOMEM;
	return request_reply(request, json_pack("{sO}", "assignments", list));
}
