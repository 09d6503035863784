/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_METHOD_CHANGE_H
#define EGRESSD_METHOD_CHANGE_H

#include "methods.h"

/* What the methods that change something have in common: how they are asked and how they answer. */

#define SECONDS_MAX ((int64_t)3650 * 24 * 60 * 60)

/* A request as a client words it; all borrowed, NULL for what its kind does not have. */
struct asked {
	enum request_kind kind;
	const char *kind_name; /* "assign", "permit" or "quarantine", in problems */
	const struct address *address;
	const char *role;
	const char *host;
	const char *service;
	const char *to;
	const char *why;
	bool lasts;      /* for so long, and not for good */
	int64_t seconds; /* as given */
};

/* Answers with what was asked for, or what was ended, and what came of it. */
typedef int (*change_answer_t)(struct request *request, const struct request_entry *entry,
                               const struct changed *changed, const struct control *control);

/* Checks a request, puts it in force and answers, whatever comes of it. As struct method.call(). */
int change_add(struct request *request, const struct control *control, const struct asked *asked,
               change_answer_t answer);

/* Ends one that is in the list, and answers. As struct method.call(). */
int change_remove(struct request *request, const struct control *control,
                  const struct request_entry *entry, change_answer_t answer);

/* The reply of all of them: what is peculiar to the method (taken over; NULL: there was no memory)
 * and what came of it. */
int answer_changed(struct request *request, json_t *stolen, const struct changed *changed,
                   const struct control *control);

/*
 * Answers with the error that fits an outcome other than LOAD_DONE: `rejected` is the full name for
 * one with problems, `failed` the beginning of a sentence.
 */
int answer_failure(struct request *request, const struct outcome *outcome, const char *rejected,
                   const char *failed);

/* io.egressd.NoPolicy. */
int answer_no_policy(struct request *request);

/* The kernel's counters could not be read, for that negative errno. */
int answer_no_counters(struct request *request, int error);

#endif
