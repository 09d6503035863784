/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "method_change.h"

#include "replies.h"
#include "policy/request_text.h"
#include "requests_file.h"
#include "user.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

int answer_failure(struct request *request, const struct outcome *outcome, const char *rejected,
                   const char *failed)
{
	const struct refusal *refusal = &outcome->applied.refusal;
	char text[OUTCOME_TEXT_MAX];

	switch (outcome->result) {
	case LOAD_REJECTED:
		return request_error(
		        request, rejected,
		        json_pack("{so}", "problems", reply_problems(&outcome->problems)));
	case LOAD_REFUSED:
		return request_error(
		        request, "io.egressd.KernelRefused",
		        json_pack("{so so so sb sb}", "file", reply_optional(refusal->at.file),
		                  "line",
		                  refusal->at.line ? json_integer(refusal->at.line) : json_null(),
		                  "text", reply_string(outcome_text(outcome, text)), "taken_back",
		                  outcome->taken_back, "verified", !outcome->unverified));
	case LOAD_UNVERIFIED:
		return request_error(
		        request, "io.egressd.NotVerified",
		        json_pack("{so so so}", "file", reply_optional(refusal->at.file), "line",
		                  refusal->at.line ? json_integer(refusal->at.line) : json_null(),
		                  "text", reply_string(outcome_text(outcome, text))));
	case LOAD_FAILED:
		return request_failed(request, "%s: %s", failed, outcome_text(outcome, text));
	case LOAD_DONE:
		break;
	}
	abort(); /* that is no failure */
}

/* Notes what no request may look like, whatever the policy. */
static void check_text(struct problems *problems, const struct asked *asked, const char *what,
                       const char *text, size_t max)
{
	if (text && !request_text_fits(text, max))
		problems_add(problems, (struct location){asked->kind_name, 0},
		             "%s has to be one line of 1 to %zu bytes", what, max);
}

static void check_asked(struct problems *problems, const struct asked *asked)
{
	check_text(problems, asked, "the reason", asked->why, REQUEST_WHY_MAX);
	check_text(problems, asked, "the role", asked->role, NAME_MAX_BYTES);
	check_text(problems, asked, "the host", asked->host, NAME_MAX_BYTES);
	check_text(problems, asked, "the service", asked->service, REQUESTS_FILE_SERVICE);
	check_text(problems, asked, "the destination", asked->to, REQUESTS_FILE_TO_MAX);
	if (asked->lasts && (asked->seconds < 1 || asked->seconds > SECONDS_MAX))
		problems_add(problems, (struct location){asked->kind_name, 0},
		             "it has to last at least 1 second and at most %" PRId64
		             " days, not %" PRId64 " seconds",
		             SECONDS_MAX / (24 * 60 * 60), asked->seconds);
}

/* A copy, or NULL for NULL; *complete becomes false without memory. */
static char *copy(const char *text, bool *complete)
{
	char *copied = text ? strdup(text) : NULL;
	if (text && !copied)
		*complete = false;
	return copied;
}

static bool fill_in(struct request_entry *entry, const struct asked *asked, uid_t uid)
{
	char user[USER_NAME_MAX];
	bool complete = true;

	*entry = (struct request_entry){
	        .kind = asked->kind,
	        .uid = uid,
	        .user = copy(user_name(uid, user), &complete),
	        .why = copy(asked->why, &complete),
	        .role = copy(asked->role, &complete),
	        .host = copy(asked->host, &complete),
	        .service = copy(asked->service, &complete),
	        .to = copy(asked->to, &complete),
	};
	if (asked->address)
		entry->address = *asked->address;
	return complete;
}

int answer_no_policy(struct request *request)
{
	return request_error(request, "io.egressd.NoPolicy",
	                     json_pack("{ss}", "text", "no policy is in force"));
}

int answer_no_counters(struct request *request, int error)
{
	return request_failed(request, "The kernel's counters could not be read: %s",
	                      error == -EBUSY ? "other processes changed nf_tables rules all the "
	                                        "while; ask again"
	                                      : strerror(-error));
}

static const char rejected_name[] = "io.egressd.RequestRejected";
static const char failed_text[] = "The change could not be made, and is not in force";

int change_add(struct request *request, const struct control *control, const struct asked *asked,
               change_answer_t answer)
{
	struct problems problems = {};
	struct request_entry entry;
	struct changed changed;

	if (!control->enforcement->policy)
		return answer_no_policy(request);
	check_asked(&problems, asked);
	if (!problems_empty(&problems)) {
		json_t *list = reply_problems(&problems);
		problems_done(&problems);
		return request_error(request, rejected_name, json_pack("{so}", "problems", list));
	}
	if (!fill_in(&entry, asked, request_uid(request))) {
		request_done(&entry);
		return -ENOMEM;
	}

	changes_add(control->changes, &entry, asked->lasts ? (uint64_t)asked->seconds : 0,
	            &changed);
	int r = changed.outcome.result == LOAD_DONE
	                ? answer(request, changed.request, &changed, control)
	                : answer_failure(request, &changed.outcome, rejected_name, failed_text);
	request_done(&entry);
	changed_done(&changed);
	return r;
}

int change_remove(struct request *request, const struct control *control,
                  const struct request_entry *entry, change_answer_t answer)
{
	char user[USER_NAME_MAX];
	const struct person by = {
	        .user = user_name(request_uid(request), user),
	        .uid = request_uid(request),
	};
	struct request_entry removed = {};
	struct changed changed;

	changes_remove(control->changes, entry, &by, &removed, &changed);
	int r = changed.outcome.result == LOAD_DONE
	                ? answer(request, &removed, &changed, control)
	                : answer_failure(request, &changed.outcome, rejected_name, failed_text);
	request_done(&removed);
	changed_done(&changed);
	return r;
}

int answer_changed(struct request *request, json_t *stolen, const struct changed *changed,
                   const struct control *control)
{
	const struct outcome *outcome = &changed->outcome;
	const char *unkept = control->health->faults[FAULT_STATE];
	_cleanup_(json_release) json_t *peculiar = stolen;
	json_t *reply = json_pack(
	        "{sI sf sb so sf sf sf sf}", "flows_cut", (json_int_t)outcome->revocation.cut,
	        "milliseconds", outcome->milliseconds, "kept", changed->kept, "text",
	        reply_string(changed->kept || !unkept
	                             ? "The kernel has it, and it is kept for the next start."
	                             : unkept),
	        "judging_milliseconds", outcome->judging_milliseconds, "cutting_milliseconds",
	        outcome->cutting_milliseconds, "closing_milliseconds",
	        outcome->closing_milliseconds, "keeping_milliseconds",
	        changed->keeping_milliseconds);

	if (!peculiar || !reply || json_object_update(reply, peculiar) < 0) {
		json_decref(reply);
		return -ENOMEM;
	}
	return request_reply(request, reply);
}
