/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "method_change.h"

#include "gateway_address.h"
#include "notes.h"
#include "replies.h"

#include <errno.h>

static int answer_assign(struct request *request, const struct request_entry *entry,
                         const struct changed *changed, const struct control *control)
{
	const struct policy *policy = control->enforcement->policy;
	return answer_changed(
	        request,
	        json_pack("{so so so}", "assignment", reply_assignment(entry), "replaced",
	                  changed->replaced.id ? reply_assignment(&changed->replaced) : json_null(),
	                  "notes", notes_on_assignment(policy, &entry->address)),
	        changed, control);
}

static int answer_unassign(struct request *request, const struct request_entry *entry,
                           const struct changed *changed, const struct control *control)
{
	const struct policy *policy = control->enforcement->policy;
	return answer_changed(request,
	                      json_pack("{so so}", "assignment", reply_assignment(entry), "notes",
	                                notes_on_unassigned(policy, &entry->address)),
	                      changed, control);
}

/* The gateway never sends from inside, so that such a role would be nobody's. */
static int refuse_own(struct request *request, const char *address)
{
	struct problems problems = {};
	problems_add(&problems, (struct location){"assign", 0},
	             "%s is an address of the gateway itself; what the gateway initiates is judged "
	             "by a host with self = true in the configuration",
	             address);
	json_t *list = reply_problems(&problems);
	problems_done(&problems);
	return request_error(request, "io.egressd.RequestRejected",
	                     json_pack("{so}", "problems", list));
}

int method_assign(struct request *request, json_t *parameters, void *userdata)
{
	const struct control *control = userdata;
	const struct policy *policy = control->enforcement->policy;
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
	/* What a host with self = true claims has its own refusal. */
	const struct claim *claim = policy ? policy_claim_at(policy, &address) : NULL;
	if (policy && !(claim && claim->host->self) && gateway_has_address(&address) > 0)
		return refuse_own(request, parameter_string(parameters, "address"));
	return change_add(request, control, &asked, answer_assign);
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
	return change_remove(request, control, entry, answer_unassign);
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
