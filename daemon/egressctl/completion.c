/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "completion.h"

#include "base/cleanup.h"
#include "control/client.h"
#include "control/service.h"
#include "field.h"
#include "policy/load.h"
#include "sums.h"
#include "verb.h"

#include <ctype.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define PATIENCE USEC_PER_SEC /* of somebody who has pressed Tab */

/* What the words before the last one come to. */
struct place {
	const char *socket;
	const struct verb *verb;                 /* NULL: none yet */
	bool lost;                               /* there is no such verb */
	int words;                               /* of the verb, before the last one */
	const struct verb_option_text *value_of; /* the last one is the value of this */
	bool socket_follows;                     /* or that of --socket */
	const char *typed;                       /* what there is of it */
	FILE *out;
};

/* What a shell would take apart, or a terminal not show, is not offered. */
static bool is_plain(const char *text)
{
	for (; *text; text++)
		if (!isalnum((unsigned char)*text) && !strchr(".:_-/*@", *text))
			return false;
	return true;
}

static void offer(const struct place *place, const char *before, const char *text)
{
	size_t length = strlen(before), typed = strlen(place->typed);
	if (!*text || !is_plain(text) ||
	    strncmp(before, place->typed, length < typed ? length : typed) != 0 ||
	    (typed > length && strncmp(text, place->typed + length, typed - length) != 0))
		return;
	fprintf(place->out, "%s%s\n", before, text);
}

static void offer_all(const struct place *place, const char *const *texts)
{
	for (; *texts; texts++)
		offer(place, "", *texts);
}

/* Asks for a list, and offers a field of each of its elements, a text or a number. */
static void offer_asked(const struct place *place, const char *method, const char *list,
                        const char *field, const char *before)
{
	_cleanup_(client_freep) struct client *client = NULL;
	struct reply reply;
	char name[64];
	const json_t *item;
	size_t i;

	snprintf(name, sizeof(name), EGRESSD_INTERFACE ".%s", method);
	if (client_connect(place->socket, &client) != 0 ||
	    client_set_timeout(client, PATIENCE) != 0 ||
	    client_call(client, name, json_object(), &reply) != 0)
		return;
	json_array_foreach(json_object_get(reply.parameters, list), i, item)
	{
		const json_t *value = json_object_get(item, field);
		char number[32];
		snprintf(number, sizeof(number), "%lld", (long long)json_integer_value(value));
		offer(place, before,
		      json_is_string(value) ? json_string_value(value)
		                            : (json_is_integer(value) ? number : ""));
	}
	reply_done(&reply);
}

/* Those that every configuration knows: the operator's own are in his file. */
static void offer_services(const struct place *place)
{
	static const char smallest[] =
	        "gateway = { inside = [ \"lan0\" ]; }; roles = { r = { outbound = [ ]; }; };\n"
	        "hosts = ( { name = \"h\"; role = \"r\"; address = [ \"192.0.2.1\" ]; } );\n";
	_cleanup_(policy_freep) struct policy *policy = NULL;
	struct problems problems = {};

	policy_load_text("services", smallest, strlen(smallest), &problems, &policy);
	problems_done(&problems);
	for (size_t i = 0; policy && i < policy->services.count; i++)
		offer(place, "", policy->services.items[i].name);
}

static void offer_interfaces(const struct place *place)
{
	struct if_nameindex *interfaces = if_nameindex();
	for (const struct if_nameindex *one = interfaces; one && one->if_name; one++)
		offer(place, "", one->if_name);
	if_freenameindex(interfaces);
}

static void offer_kind(const struct place *place, enum word_kind kind)
{
	static const char *const to[] = {"to", NULL};
	static const char *const closing[] = {"close", NULL};
	static const char *const deeds[] = {"show", "ack", "clear", NULL};
	static const char *const times[] = {"today", "yesterday", NULL};

	switch (kind) {
	case WORD_FREE:
		return;
	case WORD_FILE:
		fputs(COMPLETION_FILES "\n", place->out);
		return;
	case WORD_HOST:
		offer_asked(place, "ListHosts", "hosts", "name", "");
		return;
	case WORD_ROLE:
		offer_asked(place, "ListRoles", "roles", "name", "");
		return;
	case WORD_SERVICE:
		offer_services(place);
		return;
	case WORD_TO:
		offer_all(place, to);
		return;
	case WORD_DESTINATION:
		offer_asked(place, "ListHosts", "hosts", "name", "host:");
		offer_asked(place, "ListRoles", "roles", "name", "role:");
		return;
	case WORD_ASSIGNED:
		offer_asked(place, "ListAssignments", "assignments", "address", "");
		return;
	case WORD_QUARANTINED:
		offer_asked(place, "ListQuarantined", "quarantined", "host", "");
		return;
	case WORD_PERMIT:
		offer_asked(place, "ListPermits", "permits", "id", "");
		return;
	case WORD_CLOSE:
		offer_all(place, closing);
		return;
	case WORD_DEED:
		offer_all(place, deeds);
		return;
	case WORD_ALARM:
		offer_asked(place, "ListAlarms", "alarms", "id", "");
		return;
	case WORD_FIELD:
		offer_all(place, sums_fields);
		return;
	case WORD_INTERFACE:
		offer_interfaces(place);
		return;
	case WORD_TIME:
		offer_all(place, times);
		return;
	}
}

static const struct verb_option_text *find_option(const char *name, size_t length)
{
	for (unsigned i = 0; i < OPTION_COUNT; i++)
		if (strncmp(verb_options[i].name, name, length) == 0 &&
		    !verb_options[i].name[length])
			return &verb_options[i];
	return NULL;
}

/* One word that is complete. */
static void pass(struct place *place, const char *word)
{
	const struct verb_option_text *option;

	if (place->socket_follows)
		place->socket = word;
	if (place->socket_follows || place->value_of) {
		place->socket_follows = false;
		place->value_of = NULL;
	} else if (strcmp(word, "-s") == 0 || strcmp(word, "--socket") == 0) {
		place->socket_follows = true;
	} else if (strncmp(word, "--socket=", 9) == 0) {
		place->socket = word + 9;
	} else if (strncmp(word, "--", 2) == 0) {
		option = find_option(word + 2, strlen(word + 2));
		place->value_of = option && option->value ? option : NULL;
	} else if (*word != '-' && place->verb) {
		place->words++;
	} else if (*word != '-') {
		place->verb = verb_find(word);
		place->lost = !place->verb;
	}
}

static void offer_options(const struct place *place)
{
	static const char *const own[] = {"--json", "--socket", "--help", "--version", NULL};
	offer_all(place, own);
	for (unsigned i = 0; i < OPTION_COUNT; i++)
		if (place->verb && verb_takes(place->verb, i))
			offer(place, "--", verb_options[i].name);
}

void completion_print(int count, char **words, FILE *out)
{
	struct place place = {.socket = EGRESSD_SOCKET, .out = out};
	for (int i = 0; i < count - 1 && !place.lost; i++)
		pass(&place, words[i]);
	place.typed = count ? words[count - 1] : "";
	const char *equals = strncmp(place.typed, "--", 2) == 0 ? strchr(place.typed, '=') : NULL;

	if (place.lost)
		return;
	if (equals && !place.value_of && !place.socket_follows) {
		/* The shell knows what stands before the value. */
		place.value_of = find_option(place.typed + 2, (size_t)(equals - place.typed) - 2);
		place.socket_follows = strncmp(place.typed, "--socket=", 9) == 0;
		place.typed = equals + 1;
	}
	if (place.socket_follows)
		offer_kind(&place, WORD_FILE);
	else if (place.value_of)
		offer_kind(&place, place.value_of->kind);
	else if (*place.typed == '-')
		offer_options(&place);
	else if (equals)
		return;
	else if (!place.verb)
		for (const struct verb *verb = verbs; verb->name; verb++)
			offer(&place, "", verb->name);
	else if (place.words < place.verb->words_most)
		offer_kind(&place, place.verb->kinds[place.words]);
}
