/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "methods.h"

#include "replies.h"

#include <string.h>

static int refused(struct request *request, const struct refusal *refusal)
{
	return request_error(
	        request, "io.egressd.KernelRefused",
	        json_pack("{so so so}", "file", reply_optional(refusal->at.file), "line",
	                  refusal->at.line ? json_integer(refusal->at.line) : json_null(), "text",
	                  reply_string(refusal->text)));
}

static int done(struct request *request, const struct policy *policy, const struct outcome *outcome)
{
	const struct standing *difference = &outcome->difference;
	return request_reply(
	        request,
	        json_pack("{sb sI sI sI sI sI sI sf ss sI sI sf sf sf}", "changed",
	                  outcome->changed, "elements_added",
	                  (json_int_t)difference->elements_added, "elements_deleted",
	                  (json_int_t)difference->elements_deleted, "rules_added",
	                  (json_int_t)difference->rules_added, "rules_deleted",
	                  (json_int_t)difference->rules_deleted, "hosts",
	                  (json_int_t)policy->hosts.count, "roles", (json_int_t)policy->roles.count,
	                  "milliseconds", outcome->milliseconds, "text",
	                  outcome->changed ? "The policy is in force; the kernel's table was read "
	                                     "back and is as wanted."
	                                   : "The policy is in force; the kernel's table already "
	                                     "was as wanted.",
	                  "flows_cut", (json_int_t)outcome->revocation.cut, "flows_kept",
	                  (json_int_t)outcome->revocation.kept, "judging_milliseconds",
	                  outcome->judging_milliseconds, "cutting_milliseconds",
	                  outcome->cutting_milliseconds, "closing_milliseconds",
	                  outcome->closing_milliseconds));
}

int method_reload(struct request *request, json_t *parameters, void *userdata)
{
	const struct control *control = userdata;
	struct outcome outcome = {};
	int r = 0;

	control->reload(control->reload_userdata, &outcome);
	switch (outcome.result) {
	case LOAD_DONE:
		r = done(request, control->enforcement->policy, &outcome);
		break;
	case LOAD_REJECTED:
		r = request_error(request, "io.egressd.PolicyRejected",
		                  json_pack("{so}", "problems", reply_problems(&outcome.problems)));
		break;
	case LOAD_REFUSED:
		r = refused(request, &outcome.applied.refusal);
		break;
	case LOAD_FAILED:
		r = request_failed(request, "The configuration could not be loaded: %s",
		                   strerror(-outcome.error));
		break;
	}
	outcome_done(&outcome);
	return r;
}
