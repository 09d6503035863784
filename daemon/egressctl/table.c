/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "verbs.h"

#include "base/cleanup.h"
#include "base/problems.h"
#include "policy/load.h"
#include "ruleset/compile.h"
#include "ruleset/print.h"

#include <errno.h>
#include <string.h>

/* The text of the table that enforces the policy, from malloc; 0 or a negative errno. */
static int table_text(const struct policy *policy, char **ret_text)
{
	_cleanup_(ruleset_freep) struct ruleset *ruleset = NULL;
	_cleanup_free_ char *text = NULL;
	size_t length;

	int r = ruleset_compile(policy, 0, &ruleset);
	if (r < 0)
		return r;
	FILE *out = open_memstream(&text, &length);
	if (!out)
		return -errno;
	r = ruleset_print(ruleset, out);
	if (fclose(out) != 0 && r == 0)
		r = -errno;
	if (r == 0)
		*ret_text = TAKE_POINTER(text);
	return r;
}

static enum outcome print_table(const struct command *command, char *text)
{
	const struct writer *writer = &command->writer;
	if (writer->json) {
		_cleanup_(json_decrefp) json_t *answer = json_pack("{s:s}", "table", text);
		if (!answer) {
			complain(command, "the table is no UTF-8 text, or memory ran out");
			return OUTCOME_REFUSED;
		}
		writer_json(writer, answer, false);
	} else if (!writer->terminal) {
		fputs(text, writer->out); /* for nft, to the byte */
	} else {
		for (char *line; (line = strsep(&text, "\n"));)
			if (text || *line)
				writer_line(writer, COLOUR_NONE, "%s", line);
	}
	return OUTCOME_DONE;
}

enum outcome verb_table(const struct command *command)
{
	_cleanup_(policy_freep) struct policy *policy = NULL;
	_cleanup_free_ char *text = NULL;
	struct problems problems = {};

	int r = policy_load(command->words[0], NULL, &problems, &policy);
	ARRAY_FOREACH (problem, &problems.list)
		complain_at(command, problem->file, problem->line, problem->text);
	problems_done(&problems);
	if (r == 0)
		r = table_text(policy, &text);
	if (r < 0)
		complain(command, "%s: %s", command->words[0], strerror(-r));
	if (r != 0)
		return OUTCOME_REFUSED;
	return print_table(command, text);
}
