/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "verb.h"

#include "base/cleanup.h"
#include "base/place.h"
#include "duration.h"
#include "verbs.h"

#include <stdlib.h>
#include <string.h>

#define BIT(option) (1u << (option))

#define DESTINATION_FORMS                                                                          \
	"DEST is an address (203.0.113.9), a prefix (203.0.113.0/24), a range\n"                   \
	"(203.0.113.1-203.0.113.9), a network of the configuration by its name, host:NAME\n"       \
	"or role:NAME. Without it, it is anywhere.\n"
#define SERVICE_FORMS                                                                              \
	"SERVICE is a name (smtp) or a literal: tcp/25, udp/5000-5999, icmp/echo-request,\n"       \
	"gre.\n"
#define SPAN_FORMS "TIME is " DURATION_FORMS ".\n"

const struct verb verbs[] = {
        {.name = "status",
         .words_text = "",
         .run = verb_status,
         .help = "how things are, and who is blocked or audited most"},
        {.name = "roles",
         .words_text = "",
         .run = verb_roles,
         .help = "what each role may initiate and be reached on"},
        {.name = "hosts",
         .words_text = "",
         .options = BIT(OPTION_ROLE),
         .run = verb_hosts,
         .help = "hosts with their addresses and roles"},
        {.name = "blocked",
         .words_text = "",
         .options = BIT(OPTION_SOURCE) | BIT(OPTION_HOST) | BIT(OPTION_ROLE) | BIT(OPTION_SINCE) |
                    BIT(OPTION_BY) | BIT(OPTION_LINES) | BIT(OPTION_LAST),
         .run = verb_blocked,
         .help = "what was blocked or audited, the latest first",
         .details =
                 "TIME is a span before now (" DURATION_FORMS "), today, yesterday,\n"
                 "14:00, 2026-11-22 or \"2026-11-22 14:00\", in local time. What was last tried\n"
                 "then or later is listed, and its attempts are those of all times.\n"
                 "Passed are attempts that audit let pass; the others were blocked.\n"
                 "WHAT is source, destination, host, service, reason or role.\n"
                 "For the reason inbound, the role is that of the destination.\n"
                 "Times in JSON are microseconds since 1970-01-01 00:00 UTC.\n"},
        {.name = "explain",
         .words_text = "SRC DST SERVICE",
         .words = 3,
         .words_most = 3,
         .options = BIT(OPTION_INTERFACE) | BIT(OPTION_MAC),
         .run = verb_explain,
         .help = "what would become of a connection, and why",
         .details = "SRC and DST are addresses, or hosts that have one.\n" SERVICE_FORMS
                    "It ends with 0 when the policy permits it, and with 1 when it does not.\n",
         .kinds = {WORD_HOST, WORD_HOST, WORD_SERVICE}},
        {.name = "check",
         .words_text = "FILE",
         .words = 1,
         .words_most = 1,
         .run = verb_check,
         .help = "look for mistakes in a configuration (no daemon)",
         .details = "It ends with 0 when there are none; warnings are no mistakes.\n",
         .kinds = {WORD_FILE}},
        {.name = "table",
         .words_text = "FILE",
         .words = 1,
         .words_most = 1,
         .run = verb_table,
         .help = "the table it would load, as nft text (no daemon)",
         .kinds = {WORD_FILE}},
        {.name = "reload",
         .words_text = "",
         .run = verb_reload,
         .help = "put the configuration in force again"},
        {.name = "restore",
         .words_text = "[COPY [FILE]]",
         .words_most = 2,
         .run = verb_restore,
         .help = "put back the files of the policy before",
         .details =
                 "COPY is a copy of a good configuration that egressd keeps, or the folder of the\n"
                 "copies (" EGRESSD_STATE "): then it is the newest one that is another\n"
                 "policy than the files are. FILE is the main file of the configuration\n"
                 "(" EGRESSD_CONFIG ").\n"
                 "The files of the copy are written to the folder of FILE, and reloaded. A file\n"
                 "that is replaced is kept as NAME.TIME.old; so is a file that an include\n"
                 "pattern matches and the copy lacks. Only root may do this.\n",
         .kinds = {WORD_FILE, WORD_FILE}},
        {.name = "assign",
         .words_text = "ADDRESS ROLE",
         .words = 2,
         .words_most = 2,
         .options = BIT(OPTION_FOR) | BIT(OPTION_WHY),
         .run = verb_assign,
         .help = "give an address a role at once, without the file",
         .details = "It takes the place of an assignment that the address has, and lasts until\n"
                    "egressctl unassign unless --for is given.\n" SPAN_FORMS,
         .kinds = {WORD_FREE, WORD_ROLE}},
        {.name = "unassign",
         .words_text = "ADDRESS",
         .words = 1,
         .words_most = 1,
         .run = verb_unassign,
         .help = "take it away again",
         .kinds = {WORD_ASSIGNED}},
        {.name = "assignments",
         .words_text = "",
         .run = verb_assignments,
         .help = "who has a role like that, by whom and why"},
        {.name = "permit",
         .words_text = "HOST SERVICE [to DEST]",
         .words = 2,
         .words_most = 4,
         .options = BIT(OPTION_FOR) | BIT(OPTION_WHY),
         .required = BIT(OPTION_FOR) | BIT(OPTION_WHY),
         .run = verb_permit,
         .help = "let a host (or address) initiate it for a while",
         .details = "HOST is a host of the configuration or an address.\n" SERVICE_FORMS
                 DESTINATION_FORMS
                    "The blocklist and the destination's inbound still judge.\n" SPAN_FORMS,
         .kinds = {WORD_HOST, WORD_SERVICE, WORD_TO, WORD_DESTINATION}},
        {.name = "revoke",
         .words_text = "ID",
         .words = 1,
         .words_most = 1,
         .run = verb_revoke,
         .help = "end a permit before its time",
         .kinds = {WORD_PERMIT}},
        {.name = "permits",
         .words_text = "",
         .run = verb_permits,
         .help = "what is permitted for a while, by whom and why"},
        {.name = "quarantine",
         .words_text = "HOST",
         .words = 1,
         .words_most = 1,
         .options = BIT(OPTION_FOR) | BIT(OPTION_WHY),
         .run = verb_quarantine,
         .help = "nothing that a host (or address) sends goes anywhere",
         .details =
                 "HOST is a host of the configuration, with all its addresses, or one address.\n"
                 "It takes the place of a quarantine that HOST is in, and lasts until egressctl\n"
                 "release unless --for is given.\n" SPAN_FORMS,
         .kinds = {WORD_HOST}},
        {.name = "release",
         .words_text = "HOST",
         .words = 1,
         .words_most = 1,
         .run = verb_release,
         .help = "let it out again",
         .details = "HOST is as it was put in quarantine; see egressctl quarantined.\n",
         .kinds = {WORD_QUARANTINED}},
        {.name = "quarantined",
         .words_text = "",
         .run = verb_quarantined,
         .help = "who is in quarantine, by whom and why"},
        {.name = "pickup",
         .words_text = "[close]",
         .words_most = 1,
         .options = BIT(OPTION_FOR) | BIT(OPTION_WHY),
         .run = verb_pickup,
         .help = "list, or begin to pick up, older connections",
         .details = "Without --for, list the connections that were picked up: they are older than\n"
                    "the kernel's table of connections, and their server sent first.\n"
                    "With --for, open the pickup window for up to 1h, as a fail-over script does:\n"
                    "such a connection continues if the policy permits its client to initiate it.\n"
                    "close ends the window; what was picked up continues.\n" SPAN_FORMS,
         .kinds = {WORD_CLOSE}},
        {.name = "alarms",
         .words_text = "[show|ack|clear ID]",
         .words_most = 2,
         .options = BIT(OPTION_ALL),
         .run = verb_alarms,
         .help = "what somebody should look at; all about one",
         .details = "show ID is all that is known about one; ack ID says that somebody looks\n"
                    "after it, which goes on counting in silence; clear ID says that it is over.\n",
         .kinds = {WORD_DEED, WORD_ALARM}},
        {.name = "watch",
         .words_text = "",
         .options = BIT(OPTION_ALARMS),
         .run = verb_watch,
         .help = "tell what happens, as it happens"},
        {},
};

const struct verb_option_text verb_options[OPTION_COUNT] = {
        [OPTION_SOURCE] = {"source", "ADDRESS", "only this source", WORD_FREE},
        [OPTION_HOST] = {"host", "NAME", "only this host", WORD_HOST},
        [OPTION_ROLE] = {"role", "NAME", "only this role", WORD_ROLE},
        [OPTION_SINCE] = {"since", "TIME", "30min, 2h30m, today or \"2026-11-22 14:00\"",
                          WORD_TIME},
        [OPTION_INTERFACE] = {"interface", "NAME", "where it comes in, instead of by the route",
                              WORD_INTERFACE},
        [OPTION_MAC] = {"mac", "MAC", "from this MAC, instead of the right one", WORD_FREE},
        [OPTION_FOR] = {"for", "TIME", "how long: 90s, 30min, 2h30m, 7d or 2w", WORD_FREE},
        [OPTION_WHY] = {"why", "TEXT", "what for; shown wherever it is", WORD_FREE},
        [OPTION_ALL] = {"all", NULL, "those that are over, too", WORD_FREE},
        [OPTION_ALARMS] = {"alarms", NULL, "only alarms; with --json in the names of ECS",
                           WORD_FREE},
        [OPTION_LINES] = {"lines", NULL, "each as one line of JSON", WORD_FREE},
        [OPTION_LAST] = {"last", "NUMBER", "only so many, the latest", WORD_FREE},
        [OPTION_BY] = {"by", "WHAT", "sums by source, destination, host, service, ...", WORD_FIELD},
};

const struct verb *verb_find(const char *name)
{
	for (const struct verb *verb = verbs; verb->name; verb++)
		if (strcmp(verb->name, name) == 0)
			return verb;
	return NULL;
}

char *verb_usage(const struct verb *verb)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	if (!out)
		return NULL;
	fprintf(out, "egressctl %s%s%s", verb->name, *verb->words_text ? " " : "",
	        verb->words_text);
	for (unsigned i = 0; i < OPTION_COUNT; i++) {
		const char *value = verb_options[i].value;
		bool required = verb->required >> i & 1;
		if (verb_takes(verb, i))
			fprintf(out, " %s--%s%s%s%s", required ? "" : "[", verb_options[i].name,
			        value ? " " : "", value ? value : "", required ? "" : "]");
	}
	if (fclose(out) != 0) {
		free(text);
		return NULL;
	}
	return text;
}
