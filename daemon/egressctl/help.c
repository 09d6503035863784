/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "help.h"

#include "base/cleanup.h"
#include "control/service.h"

#include <ctype.h>
#include <stdlib.h>

static const char exit_text[] =
        "Exit status:\n"
        "  0  done; explain: the policy permits it; check: no mistakes\n"
        "  1  refused or failed; explain: the policy blocks it, whatever the mode;\n"
        "     check, table: the file has mistakes; a change that is in force and could\n"
        "     not be verified, which is then said\n"
        "  2  wrong usage\n"
        "  3  no daemon answers\n";

static void print_program_options(FILE *out)
{
	fprintf(out,
	        "  -j, --json                print the daemon's answer as JSON\n"
	        "  -s, --socket PATH         instead of %s\n"
	        "  -h, --help                print this; VERB --help tells more of that verb\n"
	        "      --version             print the version\n",
	        EGRESSD_SOCKET);
}

static void print_verb_options(const struct verb *verb, const char *indent, FILE *out)
{
	for (unsigned i = 0; i < OPTION_COUNT; i++) {
		if (!verb_takes(verb, i))
			continue;
		const char *value = verb_options[i].value;
		int width =
		        fprintf(out, "%s--%s %s", indent, verb_options[i].name, value ? value : "");
		fprintf(out, "%*s%s\n", width < 28 ? 28 - width : 1, "", verb_options[i].help);
	}
}

void help_print(FILE *out)
{
	fputs("Usage: egressctl [OPTION]... VERB [WORD]...\n"
	      "Asks egressd what it does and whom it blocks, and changes what it permits.\n"
	      "\n"
	      "Verbs and their options:\n",
	      out);
	for (const struct verb *verb = verbs; verb->name; verb++) {
		int width = fprintf(out, "  %s %s", verb->name, verb->words_text);
		fprintf(out, "%*s%s\n", width < 28 ? 28 - width : 1, "", verb->help);
		print_verb_options(verb, "    ", out);
	}
	fputs("\nOptions:\n", out);
	print_program_options(out);
	fprintf(out, "\n%s", exit_text);
}

void help_print_verb(const struct verb *verb, FILE *out)
{
	_cleanup_free_ char *usage = verb_usage(verb);
	fprintf(out, "Usage: %s\n%c%s.\n", usage ? usage : verb->name, toupper(*verb->help),
	        verb->help + 1);
	if (verb->details)
		fprintf(out, "\n%s", verb->details);
	fputs("\nOptions:\n", out);
	print_verb_options(verb, "      ", out);
	print_program_options(out);
}
