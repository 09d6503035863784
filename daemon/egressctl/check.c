/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "verbs.h"

#include "base/problems.h"
#include "plain.h"
#include "policy/load.h"
#include "policy/warnings.h"
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
                       const struct problems *problems, const struct problems *warnings)
{
	json_t *answer =
	        json_pack("{s:b, s:o, s:o}", "good", policy != NULL, "problems",
	                  problems_to_json(problems), "warnings", problems_to_json(warnings));
	if (policy && answer) {
		json_object_set_new(answer, "hosts", json_integer((json_int_t)policy->hosts.count));
		json_object_set_new(answer, "roles", json_integer((json_int_t)policy->roles.count));
		json_object_set_new(answer, "mode", json_string(mode_name(policy->gateway.mode)));
	}
	writer_json(&command->writer, answer, false);
	json_decref(answer);
}

/* One a line, with what stands between file and text. */
static void print_list(const struct command *command, const struct problems *problems,
                       const char *what)
{
	const struct writer *writer = &command->writer;
	ARRAY_FOREACH (problem, &problems->list) {
		if (problem->line)
			writer_line(writer, COLOUR_NONE, "%s:%u: %s%s", problem->file,
			            problem->line, what, problem->text);
		else
			writer_line(writer, COLOUR_NONE, "%s%s%s%s", problem->file,
			            *problem->file ? ": " : "", what, problem->text);
	}
	if (problems->incomplete)
		writer_line(writer, COLOUR_NONE, "(there was no memory to note all)");
}

static int64_t count_of(const struct problems *problems)
{
	return (int64_t)(problems->list.count + problems->left_out);
}

static void print_good(const struct command *command, const struct policy *policy,
                       const struct problems *warnings)
{
	int64_t hosts = (int64_t)policy->hosts.count, roles = (int64_t)policy->roles.count;
	char warned[48] = "";
	print_list(command, warnings, "warning: ");
	if (count_of(warnings))
		snprintf(warned, sizeof(warned), "; %lld %s", (long long)count_of(warnings),
		         plural(count_of(warnings), "warning", "warnings"));
	writer_line(&command->writer, *warned ? COLOUR_WARNING : COLOUR_GOOD,
	            "%s: good: %lld %s, %lld %s, mode %s%s", command->words[0], (long long)hosts,
	            plural(hosts, "host", "hosts"), (long long)roles,
	            plural(roles, "role", "roles"), mode_name(policy->gateway.mode), warned);
}

static void print_problems(const struct command *command, const struct problems *problems)
{
	const struct writer *writer = &command->writer;
	int64_t count = count_of(problems);
	print_list(command, problems, "");
	writer_line(writer, COLOUR_BAD, "%s: %lld %s", command->words[0], (long long)count,
	            plural(count, "problem", "problems"));
}

enum outcome verb_check(const struct command *command)
{
	_cleanup_(policy_freep) struct policy *policy = NULL;
	struct problems problems = {}, warnings = {};
	int r = policy_load(command->words[0], NULL, &problems, &policy);
	if (policy)
		policy_warnings(policy, &warnings);
	if (r < 0)
		complain(command, "%s: %s", command->words[0], strerror(-r));
	else if (command->writer.json)
		print_json(command, policy, &problems, &warnings);
	else if (policy)
		print_good(command, policy, &warnings);
	else
		print_problems(command, &problems);
	problems_done(&problems);
	problems_done(&warnings);
	return policy ? OUTCOME_DONE : OUTCOME_REFUSED;
}
