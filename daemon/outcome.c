/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "outcome.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void outcome_done(struct outcome *outcome)
{
	problems_done(&outcome->problems);
	problems_done(&outcome->warnings);
	problems_done(&outcome->over);
	free(outcome->refused_file);
	*outcome = (struct outcome){};
}

bool outcome_in_force(const struct outcome *outcome)
{
	return outcome->result == LOAD_DONE || outcome->result == LOAD_UNVERIFIED;
}

/* What is enforced since a change that did not come into force. */
static const char *rest_text(const struct outcome *outcome)
{
	if (outcome->unverified)
		return outcome->taken_back
		               ? "; the change was taken back, and the table from before is "
		                 "enforced, but not verified"
		               : "; the table from before is enforced, but not verified";
	return outcome->taken_back ? "; the change was taken back" : "";
}

const char *outcome_text(const struct outcome *outcome, char buffer[static OUTCOME_TEXT_MAX])
{
	const char *what = outcome->result == LOAD_FAILED ? strerror(-outcome->error)
	                                                  : outcome->applied.refusal.text;
	bool enforced = outcome->result == LOAD_UNVERIFIED;

	snprintf(buffer, OUTCOME_TEXT_MAX, "%s%s%s%s%s", what,
	         enforced ? "; it is enforced, but not verified" : rest_text(outcome),
	         outcome->stuck[0] ? " (" : "", outcome->stuck, outcome->stuck[0] ? ")" : "");
	return buffer;
}

bool outcome_is_unseen(const struct outcome *outcome)
{
	return outcome->result == LOAD_REFUSED && outcome->applied.refusal.error == -EBUSY &&
	       !outcome->tampering[0];
}

void outcome_fail(struct outcome *outcome, int error)
{
	outcome->result = LOAD_FAILED;
	outcome->error = error;
}

void outcome_refuse(struct outcome *outcome)
{
	struct location *at = &outcome->applied.refusal.at;
	outcome->result = LOAD_REFUSED;
	outcome->refused_file = at->file ? strdup(at->file) : NULL;
	at->file = outcome->refused_file;
}

void outcome_refuse_others(struct outcome *outcome, int error, const char *text)
{
	struct refusal *refusal = &outcome->applied.refusal;
	*refusal = (struct refusal){.error = error};
	snprintf(refusal->text, sizeof(refusal->text), "%s", text);
	outcome_refuse(outcome);
}
