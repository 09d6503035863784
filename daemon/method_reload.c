/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "method_change.h"

#include "base/array.h"
#include "replies.h"
#include "report.h"

static const char *sentence(const struct outcome *outcome)
{
	if (outcome->flows_error)
		return "The policy is in force, but the change could not be finished: every packet "
		       "is judged, which is slower. It is tried again by itself.";
	return outcome->changed ? "The policy is in force; the kernel's table is as wanted."
	                        : "The policy is in force; the kernel's table already was as "
	                          "wanted.";
}

/* Notices that come of the configuration; null when memory ran out. */
static json_t *notices_reply(const struct health *health)
{
	static const enum notice of_configuration[] = {NOTICE_INSIDE, NOTICE_ROUTE};
	_cleanup_(json_release) json_t *reply = json_array();
	for (size_t i = 0; i < ELEMENTS_OF(of_configuration); i++) {
		const char *text = health->notices[of_configuration[i]];
		if (text && json_array_append_new(reply, reply_string(text)) < 0)
			return NULL;
	}
	return TAKE_POINTER(reply);
}

static int done(struct request *request, const struct control *control,
                const struct outcome *outcome)
{
	const struct policy *policy = control->enforcement->policy;
	const struct standing *difference = &outcome->difference;
	char verified[VERIFIED_TEXT_MAX];
	return request_reply(
	        request,
	        json_pack("{sb sI sI sI sI sI sI sf ss sI sI sf sf sf so ss so so}", "changed",
	                  outcome->changed, "elements_added",
	                  (json_int_t)difference->elements_added, "elements_deleted",
	                  (json_int_t)difference->elements_deleted, "rules_added",
	                  (json_int_t)difference->rules_added, "rules_deleted",
	                  (json_int_t)difference->rules_deleted, "hosts",
	                  (json_int_t)policy->hosts.count, "roles", (json_int_t)policy->roles.count,
	                  "milliseconds", outcome->milliseconds, "text", sentence(outcome),
	                  "flows_cut", (json_int_t)outcome->revocation.cut, "flows_kept",
	                  (json_int_t)outcome->revocation.kept, "judging_milliseconds",
	                  outcome->judging_milliseconds, "cutting_milliseconds",
	                  outcome->cutting_milliseconds, "closing_milliseconds",
	                  outcome->closing_milliseconds, "over", reply_problems(&outcome->over),
	                  "verified", verified_text(outcome, verified), "notices",
	                  notices_reply(control->health), "warnings",
	                  reply_problems(&outcome->warnings)));
}

int method_reload(struct request *request, json_t *parameters, void *userdata)
{
	const struct control *control = userdata;
	struct outcome outcome = {};

	control->reload(control->reload_userdata, &outcome);
	int r = outcome.result == LOAD_DONE
	                ? done(request, control, &outcome)
	                : answer_failure(request, &outcome, "io.egressd.PolicyRejected",
	                                 "The configuration could not be loaded");
	outcome_done(&outcome);
	return r;
}
