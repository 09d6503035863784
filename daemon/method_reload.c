/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "method_change.h"

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

static int done(struct request *request, const struct policy *policy, const struct outcome *outcome)
{
	const struct standing *difference = &outcome->difference;
	char verified[VERIFIED_TEXT_MAX];
	return request_reply(
	        request,
	        json_pack("{sb sI sI sI sI sI sI sf ss sI sI sf sf sf so ss}", "changed",
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
	                  "verified", verified_text(outcome, verified)));
}

int method_reload(struct request *request, json_t *parameters, void *userdata)
{
	const struct control *control = userdata;
	struct outcome outcome = {};

	control->reload(control->reload_userdata, &outcome);
	int r = outcome.result == LOAD_DONE
	                ? done(request, control->enforcement->policy, &outcome)
	                : answer_failure(request, &outcome, "io.egressd.PolicyRejected",
	                                 "The configuration could not be loaded");
	outcome_done(&outcome);
	return r;
}
