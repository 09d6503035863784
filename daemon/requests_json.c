/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "requests_json.h"

#include "control/json_text.h"
#include "json_release.h"
#include "policy/policy.h"
#include "policy/request_text.h"
#include "requests_file.h"
#include "state_field.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FORMAT_VERSION 1

/* What no request ever has: far more than anybody asks for, and with room to count on. */
#define ID_MAX   (UINT64_C(1) << 62)
#define TIME_MAX (UINT64_C(253402300800) * USEC_PER_SEC) /* the year 10000 */

/*
 * The fields of a request in the file. One that is missing reads as NULL; `valid` becomes false for
 * one that is required and missing, or that no request can have.
 */
static char *take_text(const json_t *item, const char *name, size_t max, bool required, bool *valid)
{
	const json_t *value = json_object_get(item, name);
	const char *text = json_string_value(value);

	if (!value || json_is_null(value)) {
		*valid = *valid && !required;
		return NULL;
	}
	if (!text || strlen(text) != json_string_length(value) || !request_text_fits(text, max)) {
		*valid = false;
		return NULL;
	}
	return strdup(text);
}

static void take_subject(const json_t *item, struct request_entry *entry, bool *valid)
{
	switch (entry->kind) {
	case REQUEST_ASSIGN: {
		const char *address = json_string_value(json_object_get(item, "address"));
		if (!address || address_parse(address, &entry->address) < 0)
			*valid = false;
		entry->role = take_text(item, "role", NAME_MAX_BYTES, true, valid);
		return;
	}
	case REQUEST_PERMIT:
		entry->host = take_text(item, "host", NAME_MAX_BYTES, true, valid);
		entry->service = take_text(item, "service", REQUESTS_FILE_SERVICE, true, valid);
		entry->to = take_text(item, "to", REQUESTS_FILE_TO_MAX, false, valid);
		return;
	case REQUEST_QUARANTINE:
		entry->host = take_text(item, "host", NAME_MAX_BYTES, true, valid);
		entry->automatic = json_is_true(json_object_get(item, "automatic"));
		return;
	case REQUEST_PICKUP:
		return;
	}
}

static bool take_kind(const json_t *item, enum request_kind *ret_kind)
{
	const char *kind = json_string_value(json_object_get(item, "kind"));
	if (kind && strcmp(kind, "assign") == 0)
		*ret_kind = REQUEST_ASSIGN;
	else if (kind && strcmp(kind, "permit") == 0)
		*ret_kind = REQUEST_PERMIT;
	else if (kind && strcmp(kind, "quarantine") == 0)
		*ret_kind = REQUEST_QUARANTINE;
	else if (kind && strcmp(kind, "pickup") == 0)
		*ret_kind = REQUEST_PICKUP;
	else
		return false;
	return true;
}

static bool has_its_texts(const struct request_entry *entry)
{
	switch (entry->kind) {
	case REQUEST_ASSIGN:
		return entry->user && entry->role;
	case REQUEST_PERMIT:
		return entry->user && entry->host && entry->service && entry->why;
	case REQUEST_QUARANTINE:
		return entry->user && entry->host;
	case REQUEST_PICKUP:
		return entry->user;
	}
	return false;
}

/* Adds one request to the end of the list; REQUESTS_FILE_BROKEN when it is none. */
static int take_request(const json_t *item, struct requests *requests)
{
	struct request_entry *entry = ARRAY_ADD(&requests->list);
	bool valid = true;
	if (!entry)
		return -ENOMEM;
	if (!take_kind(item, &entry->kind))
		return REQUESTS_FILE_BROKEN;

	bool permit = entry->kind == REQUEST_PERMIT;
	entry->id = state_number(item, "id", ID_MAX, &valid);
	entry->since = state_number(item, "since", TIME_MAX, &valid);
	entry->until = state_number(item, "until", TIME_MAX, &valid);
	entry->uid = (uint32_t)state_number(item, "uid", UINT32_MAX, &valid);
	entry->user = take_text(item, "user", REQUEST_USER_MAX, true, &valid);
	entry->why = take_text(item, "why", REQUEST_WHY_MAX, permit, &valid);
	take_subject(item, entry, &valid);
	requests->picked_up |= entry->kind == REQUEST_PICKUP;
	bool ends = permit || entry->kind == REQUEST_PICKUP;
	if (!valid || !entry->id || (ends && !entry->until) ||
	    (entry->until && entry->until <= entry->since))
		return REQUESTS_FILE_BROKEN;
	return has_its_texts(entry) ? 0 : -ENOMEM;
}

static int compare_ids(const void *a, const void *b)
{
	const struct request_entry *const *x = a, *const *y = b;
	return (*x)->id < (*y)->id ? -1 : (*x)->id > (*y)->id;
}

/* By kind, and within those of which there is one for each, by that. */
static int compare_subjects(const void *a, const void *b)
{
	const struct request_entry *const *x = a, *const *y = b;
	if ((*x)->kind != (*y)->kind)
		return (*x)->kind < (*y)->kind ? -1 : 1;
	switch ((*x)->kind) {
	case REQUEST_ASSIGN:
		return address_compare(&(*x)->address, &(*y)->address);
	case REQUEST_QUARANTINE:
		return strcmp((*x)->host, (*y)->host);
	case REQUEST_PERMIT:
		return compare_ids(a, b);
	case REQUEST_PICKUP:
		return 0; /* there is one at most */
	}
	abort(); /* no other value is ever made */
}

/* Neither an id, nor an assigned address, nor who is in quarantine may be there twice. */
static int check_twins(const struct requests *requests, struct state_wrong *wrong)
{
	size_t count = requests->list.count;
	_cleanup_free_ const struct request_entry **sorted = calloc(count + 1, sizeof(*sorted));
	if (!sorted)
		return -ENOMEM;

	for (size_t i = 0; i < count; i++)
		sorted[i] = &requests->list.items[i];
	qsort(sorted, count, sizeof(*sorted), compare_ids);
	for (size_t i = 1; i < count; i++)
		if (compare_ids(&sorted[i - 1], &sorted[i]) == 0)
			return state_wrong(wrong, "two requests have the id %" PRIu64,
			                   sorted[i]->id);
	qsort(sorted, count, sizeof(*sorted), compare_subjects);
	for (size_t i = 1; i < count; i++) {
		char text[ADDRESS_TEXT_MAX];
		if (compare_subjects(&sorted[i - 1], &sorted[i]) != 0)
			continue;
		if (sorted[i]->kind == REQUEST_ASSIGN)
			return state_wrong(wrong, "%s is assigned twice",
			                   address_print(&sorted[i]->address, text));
		if (sorted[i]->kind == REQUEST_PICKUP)
			return state_wrong(wrong, "two pickup windows are open");
		return state_wrong(wrong, "%s is in quarantine twice", sorted[i]->host);
	}
	return 0;
}

static int take_all(const json_t *root, struct requests *requests, struct state_wrong *wrong)
{
	const json_t *list = json_object_get(root, "requests");
	const json_t *version = json_object_get(root, "version");
	bool valid = true;

	if (!json_is_object(root) || !json_is_array(list) || !json_is_integer(version))
		return state_wrong(wrong, "it is no list of requests of egressd");
	if (json_integer_value(version) != FORMAT_VERSION)
		return state_wrong(wrong,
		                   "its version is %lld, and this egressd knows version %d only",
		                   (long long)json_integer_value(version), FORMAT_VERSION);
	requests->next_id = state_number(root, "next_id", ID_MAX, &valid);
	if (json_object_get(root, "as_of"))
		requests->as_of = state_number(root, "as_of", TIME_MAX, &valid);
	if (!valid || !requests->next_id || json_array_size(list) > REQUESTS_MAX)
		return state_wrong(wrong, "it is no list of requests of egressd");

	for (size_t i = 0; i < json_array_size(list); i++) {
		int r = take_request(json_array_get(list, i), requests);
		if (r == REQUESTS_FILE_BROKEN)
			return state_wrong(wrong, "entry %zu of its list is no request", i + 1);
		if (r < 0)
			return r;
		if (requests->list.items[i].id >= requests->next_id)
			requests->next_id = requests->list.items[i].id + 1;
	}
	return check_twins(requests, wrong);
}

int requests_from_text(const char *text, size_t length, struct requests *requests,
                       struct state_wrong *wrong)
{
	_cleanup_(json_release) json_t *root = NULL;
	int r = state_value(text, length, wrong, &root);
	if (r != 0)
		return r;
	return take_all(root, requests, wrong);
}

/* One request as a JSON object; NULL without memory. */
static json_t *request_to_json(const struct request_entry *entry)
{
	char address[ADDRESS_TEXT_MAX];
	json_t *item = json_pack("{sI sI sI sI ss ss?}", "id", (json_int_t)entry->id, "since",
	                         (json_int_t)entry->since, "until", (json_int_t)entry->until, "uid",
	                         (json_int_t)entry->uid, "user", entry->user, "why", entry->why);
	json_t *subject = NULL;
	switch (entry->kind) {
	case REQUEST_ASSIGN:
		subject = json_pack("{ss ss ss}", "kind", "assign", "address",
		                    address_print(&entry->address, address), "role", entry->role);
		break;
	case REQUEST_PERMIT:
		subject = json_pack("{ss ss ss ss?}", "kind", "permit", "host", entry->host,
		                    "service", entry->service, "to", entry->to);
		break;
	case REQUEST_QUARANTINE:
		subject = json_pack("{ss ss sb}", "kind", "quarantine", "host", entry->host,
		                    "automatic", entry->automatic);
		break;
	case REQUEST_PICKUP:
		subject = json_pack("{ss}", "kind", "pickup");
		break;
	}
	if (!item || !subject || json_object_update(item, subject) < 0) {
		json_decref(item);
		item = NULL;
	}
	json_decref(subject);
	return item;
}

char *requests_to_text(const struct requests *requests)
{
	_cleanup_(json_release) json_t *list = json_array();
	ARRAY_FOREACH (entry, &requests->list)
		if (json_array_append_new(list, request_to_json(entry)) < 0)
			return NULL;
	_cleanup_(json_release) json_t *root =
	        json_pack("{si sI sI sO}", "version", FORMAT_VERSION, "next_id",
	                  (json_int_t)requests->next_id, "as_of", (json_int_t)requests->as_of,
	                  "requests", list);
	return json_text(root, JSON_INDENT(1));
}
