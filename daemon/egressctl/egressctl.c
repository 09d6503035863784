/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "egressctl.h"

#include "base/array.h"
#include "base/cleanup.h"
#include "base/spelling.h"
#include "completion.h"
#include "control/service.h"
#include "help.h"
#include "local_time.h"
#include "plain.h"
#include "verb.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>

/* What getopt_long() gives for options of the program; those of verbs come after. */
enum {
	CODE_HELP = 'h',
	CODE_SOCKET = 's',
	CODE_JSON = 'j',
	CODE_VERSION = 256,
	CODE_VERB_OPTION,
};

static const struct option program_options[] = {
        {"json", no_argument, NULL, CODE_JSON},
        {"socket", required_argument, NULL, CODE_SOCKET},
        {"help", no_argument, NULL, CODE_HELP},
        {"version", no_argument, NULL, CODE_VERSION},
};

#define ALL_OPTIONS (ELEMENTS_OF(program_options) + OPTION_COUNT)

void complain(const struct command *command, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	_cleanup_free_ char *safe =
	        local_times(plain_format(plain_is_utf8(), true, format, arguments));
	va_end(arguments);
	fprintf(command->errors, "egressctl: %s\n", safe ? safe : "out of memory");
}

void complain_at(const struct command *command, const char *file, int64_t line, const char *text)
{
	char number[32] = "";
	if (line > 0)
		snprintf(number, sizeof(number), ":%lld", (long long)line);
	_cleanup_free_ char *safe_file = plain_copy(file, plain_is_utf8(), true);
	_cleanup_free_ char *safe_text = local_times(plain_copy(text, plain_is_utf8(), true));
	if (!safe_file || !safe_text)
		fputs("out of memory\n", command->errors);
	else
		fprintf(command->errors, "%s%s%s%s\n", safe_file, number, *file ? ": " : "",
		        safe_text);
}

static const char *nearest_verb(const char *name)
{
	struct spelling spelling = {.written = name};
	for (const struct verb *verb = verbs; verb->name; verb++)
		spelling_offer(&spelling, verb->name);
	return spelling.nearest;
}

static void list_options(struct option list[static ALL_OPTIONS + 1])
{
	memcpy(list, program_options, sizeof(program_options));
	list += ELEMENTS_OF(program_options);
	for (int i = 0; i < OPTION_COUNT; i++)
		*list++ = (struct option){verb_options[i].name,
		                          verb_options[i].value ? required_argument : no_argument,
		                          NULL, CODE_VERB_OPTION + i};
	*list = (struct option){};
}

/* What getopt_long() did not like, in the words of this program. */
static enum outcome complain_option(const struct command *command, char **argv, int code)
{
	const char *option = argv[optind - 1];
	if (code == ':')
		complain(command, "%s needs a value; see egressctl --help", option);
	else
		complain(command, "there is no option %s; see egressctl --help", option);
	return OUTCOME_USAGE;
}

enum outcome complain_usage(const struct command *command)
{
	_cleanup_free_ char *usage = verb_usage(command->verb);
	complain(command, "usage: %s", usage ? usage : "out of memory");
	return OUTCOME_USAGE;
}

/* Holds the words and options against the verb. */
static enum outcome check_usage(const struct command *command, const struct verb *verb, int words)
{
	if (words < verb->words || words > verb->words_most)
		return complain_usage(command);
	for (unsigned o = 0; o < OPTION_COUNT; o++) {
		if (command->options[o] && !verb_takes(verb, o)) {
			complain(command, "%s takes no option --%s", verb->name,
			         verb_options[o].name);
			return OUTCOME_USAGE;
		}
	}
	return OUTCOME_DONE;
}

static enum outcome run_verb(struct command *command, int count, char **words)
{
	const struct verb *verb = count ? verb_find(words[0]) : NULL;
	if (!count) {
		help_print(command->errors);
		return OUTCOME_USAGE;
	}
	if (!verb) {
		const char *nearest = nearest_verb(words[0]);
		complain(command, "there is no verb \"%s\"%s%s%s", words[0],
		         nearest ? "; did you mean \"" : "; see egressctl --help",
		         nearest ? nearest : "", nearest ? "\"?" : "");
		return OUTCOME_USAGE;
	}
	command->verb = verb;
	command->words = words + 1;
	enum outcome outcome = check_usage(command, verb, count - 1);
	return outcome == OUTCOME_DONE ? verb->run(command) : outcome;
}

enum outcome egressctl_run(int argc, char **argv, FILE *out, FILE *errors, usec_t now)
{
	struct command command = {.socket = EGRESSD_SOCKET, .errors = errors, .now = now};
	struct option list[ALL_OPTIONS + 1];
	bool json = false, help = false;

	if (argc > 1 && strcmp(argv[1], "--complete") == 0) {
		completion_print(argc - 2, argv + 2, out);
		return OUTCOME_DONE;
	}

	list_options(list);
	optind = 0; /* from the start, whatever was read before */
	for (int code; (code = getopt_long(argc, argv, ":hjs:", list, NULL)) != -1;) {
		if (code == CODE_HELP) {
			help = true;
		} else if (code == CODE_VERSION) {
			fputs("egressctl " EGRESSD_VERSION "\n", out);
			return OUTCOME_DONE;
		} else if (code == CODE_JSON) {
			json = true;
		} else if (code == CODE_SOCKET) {
			command.socket = optarg;
		} else if (code >= CODE_VERB_OPTION && code < CODE_VERB_OPTION + OPTION_COUNT) {
			command.options[code - CODE_VERB_OPTION] = optarg ? optarg : "";
		} else {
			return complain_option(&command, argv, code);
		}
	}

	if (help) {
		const struct verb *verb = optind < argc ? verb_find(argv[optind]) : NULL;
		if (verb)
			help_print_verb(verb, out);
		else
			help_print(out);
		return OUTCOME_DONE;
	}
	command.writer = writer_to(out, json);
	enum outcome outcome = run_verb(&command, argc - optind, argv + optind);
	if (fflush(out) != 0 || ferror(out)) {
		complain(&command, "the answer could not be written");
		return OUTCOME_REFUSED;
	}
	return outcome;
}
