/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "verbs.h"

#include "base/problems.h"
#include "plain.h"
#include "policy/load.h"
#include "units.h"

#include <errno.h>
#include <string.h>

/* JSON is UTF-8, which names of files and words in them need not be. */
static json_t *as_json(const char *text)
{
	_cleanup_free_ char *safe = plain_copy(text, true, false);
	return safe ? json_string(safe) : NULL;
}

/* The problems as the daemon's PolicyRejected has them; NULL without memory. */
static json_t *problems_to_json(const struct problems *problems)
{
	json_t *list = json_array();
	ARRAY_FOREACH (problem, &problems->list)
		json_array_append_new(
		        list, json_pack("{s:o, s:I, s:o}", "file", as_json(problem->file), "line",
		                        (json_int_t)problem->line, "text", as_json(problem->text)));
	return list;
}

static void print_json(const struct command *command, const struct policy *policy,
                       const struct problems *problems)
{
	json_t *answer = json_pack("{s:b, s:o}", "good", policy != NULL, "problems",
	                           problems_to_json(problems));
	if (policy && answer) {
		json_object_set_new(answer, "hosts", json_integer((json_int_t)policy->hosts.count));
		json_object_set_new(answer, "roles", json_integer((json_int_t)policy->roles.count));
		json_object_set_new(answer, "mode", json_string(mode_name(policy->gateway.mode)));
	}
	writer_json(&command->writer, answer, false);
	json_decref(answer);
}

static void print_good(const struct command *command, const struct policy *policy)
{
	int64_t hosts = (int64_t)policy->hosts.count, roles = (int64_t)policy->roles.count;
	writer_line(&command->writer, COLOUR_GOOD, "%s: good: %lld %s, %lld %s, mode %s",
	            command->words[0], (long long)hosts, plural(hosts, "host", "hosts"),
	            (long long)roles, plural(roles, "role", "roles"),
	            mode_name(policy->gateway.mode));
}

static void print_problems(const struct command *command, const struct problems *problems)
{
	const struct writer *writer = &command->writer;
	int64_t count = (int64_t)(problems->list.count + problems->left_out);
	ARRAY_FOREACH (problem, &problems->list) {
		if (problem->line)
			writer_line(writer, COLOUR_NONE, "%s:%u: %s", problem->file, problem->line,
			            problem->text);
		else
			writer_line(writer, COLOUR_NONE, "%s%s%s", problem->file,
			            *problem->file ? ": " : "", problem->text);
	}
	if (problems->incomplete)
		writer_line(writer, COLOUR_NONE, "(there was no memory to note all)");
	writer_line(writer, COLOUR_BAD, "%s: %lld %s", command->words[0], (long long)count,
	            plural(count, "problem", "problems"));
}

enum outcome verb_check(const struct command *command)
{
	_cleanup_(policy_freep) struct policy *policy = NULL;
	struct problems problems = {};
	int r = policy_load(command->words[0], NULL, &problems, &policy);
	if (r < 0)
		complain(command, "%s: %s", command->words[0], strerror(-r));
	else if (command->writer.json)
		print_json(command, policy, &problems);
	else if (policy)
		print_good(command, policy);
	else
		print_problems(command, &problems);
	problems_done(&problems);
	return policy ? OUTCOME_DONE : OUTCOME_REFUSED;
}
