/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "egressctl.h"

#include "base/array.h"
#include "base/cleanup.h"
#include "base/spelling.h"
#include "control/service.h"
#include "local_time.h"
#include "plain.h"
#include "verbs.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>

#define BIT(option) (1u << (option))

struct verb {
	const char *name;
	const char *words_text; /* as help shows them */
	int words;              /* at least */
	int words_most;         /* at most */
	unsigned options;       /* bits of those that it takes */
	enum outcome (*run)(const struct command *command);
	const char *help;
};

static const struct verb verbs[] = {
        {"status", "", 0, 0, 0, verb_status, "how things are, and who was blocked most"},
        {"roles", "", 0, 0, 0, verb_roles, "what each role may initiate and be reached on"},
        {"hosts", "", 0, 0, BIT(OPTION_ROLE), verb_hosts, "hosts with their addresses and roles"},
        {"blocked", "", 0, 0,
         BIT(OPTION_SOURCE) | BIT(OPTION_HOST) | BIT(OPTION_ROLE) | BIT(OPTION_SINCE) |
                 BIT(OPTION_BY) | BIT(OPTION_LINES),
         verb_blocked, "what was blocked, the latest first"},
        {"explain", "SRC DST SERVICE", 3, 3, BIT(OPTION_INTERFACE) | BIT(OPTION_MAC), verb_explain,
         "what would become of a connection, and why"},
        {"check", "FILE", 1, 1, 0, verb_check, "look for mistakes in a configuration (no daemon)"},
        {"table", "FILE", 1, 1, 0, verb_table, "the table it would load, as nft text (no daemon)"},
        {"reload", "", 0, 0, 0, verb_reload, "put the configuration in force again"},
        {"assign", "ADDRESS ROLE", 2, 2, BIT(OPTION_FOR) | BIT(OPTION_WHY), verb_assign,
         "give an address a role at once, without the file"},
        {"unassign", "ADDRESS", 1, 1, 0, verb_unassign, "take it away again"},
        {"assignments", "", 0, 0, 0, verb_assignments, "who has a role like that, by whom and why"},
        {"permit", "HOST SERVICE [to DEST]", 2, 4, BIT(OPTION_FOR) | BIT(OPTION_WHY), verb_permit,
         "let a host (or address) initiate it for a while"},
        {"revoke", "ID", 1, 1, 0, verb_revoke, "end a permit before its time"},
        {"permits", "", 0, 0, 0, verb_permits, "what is permitted for a while, by whom and why"},
        {"quarantine", "HOST", 1, 1, BIT(OPTION_FOR) | BIT(OPTION_WHY), verb_quarantine,
         "nothing that a host (or address) sends goes anywhere"},
        {"release", "HOST", 1, 1, 0, verb_release, "let it out again"},
        {"quarantined", "", 0, 0, 0, verb_quarantined, "who is in quarantine, by whom and why"},
        {"alarms", "[show|ack|clear ID]", 0, 2, BIT(OPTION_ALL), verb_alarms,
         "what somebody should look at; all about one"},
        {"watch", "", 0, 0, BIT(OPTION_ALARMS), verb_watch, "tell what happens, as it happens"},
};

static const struct {
	const char *name;
	const char *value;
	const char *help;
} verb_options[OPTION_COUNT] = {
        [OPTION_SOURCE] = {"source", "ADDRESS", "only this source"},
        [OPTION_HOST] = {"host", "NAME", "only this host"},
        [OPTION_ROLE] = {"role", "NAME", "only this role"},
        [OPTION_SINCE] = {"since", "TIME", "10min, 2h, today, yesterday or \"2026-11-22 14:00\""},
        [OPTION_INTERFACE] = {"interface", "NAME", "where it comes in, instead of by the route"},
        [OPTION_MAC] = {"mac", "MAC", "from this MAC, instead of the right one"},
        [OPTION_FOR] = {"for", "TIME", "how long: 90s, 30m, 8h, 2h30m or 7d"},
        [OPTION_WHY] = {"why", "TEXT", "what for; shown wherever it is"},
        [OPTION_ALL] = {"all", NULL, "those that are over, too"},
        [OPTION_ALARMS] = {"alarms", NULL, "only alarms; with --json in the names of ECS"},
        [OPTION_LINES] = {"lines", NULL, "each as one line of JSON"},
        [OPTION_BY] = {"by", "WHAT", "sums by source, destination, host, service, ..."},
};

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

static const char exit_text[] =
        "Exit status:\n"
        "  0  done; explain: the policy permits it; check: no mistakes\n"
        "  1  refused or failed; explain: the policy blocks it, whatever the mode;\n"
        "     check, table: the file has mistakes\n"
        "  2  wrong usage\n"
        "  3  no daemon answers\n";

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

static void print_help(FILE *out)
{
	fputs("Usage: egressctl [OPTION]... VERB [WORD]...\n"
	      "Asks egressd what it does and whom it blocks, and changes what it permits.\n"
	      "\n"
	      "Verbs and their options:\n",
	      out);
	for (size_t i = 0; i < ELEMENTS_OF(verbs); i++) {
		const struct verb *verb = &verbs[i];
		int width = fprintf(out, "  %s %s", verb->name, verb->words_text);
		fprintf(out, "%*s%s\n", width < 28 ? 28 - width : 1, "", verb->help);
		for (unsigned o = 0; o < OPTION_COUNT; o++) {
			if (!(verb->options & BIT(o)))
				continue;
			const char *value = verb_options[o].value;
			width = fprintf(out, "    --%s %s", verb_options[o].name,
			                value ? value : "");
			fprintf(out, "%*s%s\n", width < 28 ? 28 - width : 1, "",
			        verb_options[o].help);
		}
	}
	fprintf(out,
	        "\n"
	        "Options:\n"
	        "  -j, --json                print the daemon's answer as JSON\n"
	        "  -s, --socket PATH         instead of %s\n"
	        "  -h, --help                print this\n"
	        "      --version             print the version\n"
	        "\n"
	        "%s",
	        EGRESSD_SOCKET, exit_text);
}

static const struct verb *find_verb(const char *name)
{
	for (size_t i = 0; i < ELEMENTS_OF(verbs); i++)
		if (strcmp(verbs[i].name, name) == 0)
			return &verbs[i];
	return NULL;
}

static const char *nearest_verb(const char *name)
{
	struct spelling spelling = {.written = name};
	for (size_t i = 0; i < ELEMENTS_OF(verbs); i++)
		spelling_offer(&spelling, verbs[i].name);
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

/* For a shell: what the last of the words may become, a line each. */
static void print_completions(int count, char **words, FILE *out)
{
	const char *last = count ? words[count - 1] : "";
	const struct verb *verb = NULL;
	for (int i = 0; i < count - 1 && !verb; i++)
		verb = find_verb(words[i]);

	if (!verb && *last != '-') {
		for (size_t i = 0; i < ELEMENTS_OF(verbs); i++)
			if (strncmp(verbs[i].name, last, strlen(last)) == 0)
				fprintf(out, "%s\n", verbs[i].name);
		return;
	}
	if (strncmp(last, "--", 2) != 0)
		return;
	for (size_t i = 0; i < ELEMENTS_OF(program_options); i++)
		if (strncmp(program_options[i].name, last + 2, strlen(last + 2)) == 0)
			fprintf(out, "--%s\n", program_options[i].name);
	for (unsigned o = 0; o < OPTION_COUNT; o++)
		if (verb && verb->options & BIT(o) &&
		    strncmp(verb_options[o].name, last + 2, strlen(last + 2)) == 0)
			fprintf(out, "--%s\n", verb_options[o].name);
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

/* Holds the words and options against the verb. */
static enum outcome check_usage(const struct command *command, const struct verb *verb, int words)
{
	if (words < verb->words || words > verb->words_most) {
		complain(command, "usage: egressctl %s%s%s", verb->name,
		         *verb->words_text ? " " : "", verb->words_text);
		return OUTCOME_USAGE;
	}
	for (unsigned o = 0; o < OPTION_COUNT; o++) {
		if (command->options[o] && !(verb->options & BIT(o))) {
			complain(command, "%s takes no option --%s", verb->name,
			         verb_options[o].name);
			return OUTCOME_USAGE;
		}
	}
	return OUTCOME_DONE;
}

static enum outcome run_verb(struct command *command, int count, char **words)
{
	const struct verb *verb = count ? find_verb(words[0]) : NULL;
	if (!count) {
		print_help(command->errors);
		return OUTCOME_USAGE;
	}
	if (!verb) {
		const char *nearest = nearest_verb(words[0]);
		complain(command, "there is no verb \"%s\"%s%s%s", words[0],
		         nearest ? "; did you mean \"" : "; see egressctl --help",
		         nearest ? nearest : "", nearest ? "\"?" : "");
		return OUTCOME_USAGE;
	}
	command->words = words + 1;
	enum outcome outcome = check_usage(command, verb, count - 1);
	return outcome == OUTCOME_DONE ? verb->run(command) : outcome;
}

enum outcome egressctl_run(int argc, char **argv, FILE *out, FILE *errors, usec_t now)
{
	struct command command = {.socket = EGRESSD_SOCKET, .errors = errors, .now = now};
	struct option list[ALL_OPTIONS + 1];
	bool json = false;

	if (argc > 1 && strcmp(argv[1], "--complete") == 0) {
		print_completions(argc - 2, argv + 2, out);
		return OUTCOME_DONE;
	}

	list_options(list);
	optind = 0; /* from the start, whatever was read before */
	for (int code; (code = getopt_long(argc, argv, ":hjs:", list, NULL)) != -1;) {
		if (code == CODE_HELP) {
			print_help(out);
			return OUTCOME_DONE;
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

	command.writer = writer_to(out, json);
	enum outcome outcome = run_verb(&command, argc - optind, argv + optind);
	if (fflush(out) != 0 || ferror(out)) {
		complain(&command, "the answer could not be written");
		return OUTCOME_REFUSED;
	}
	return outcome;
}
