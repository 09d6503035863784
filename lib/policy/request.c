/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/request.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

void request_done(struct request_entry *request)
{
	free(request->user);
	free(request->why);
	free(request->role);
	free(request->host);
	free(request->service);
	free(request->to);
	*request = (struct request_entry){};
}

void requests_done(struct requests *requests)
{
	ARRAY_FOREACH (request, &requests->list)
		request_done(request);
	ARRAY_DONE(&requests->list);
	requests->next_id = 1;
}

/* Takes the one at that place out of the list; those behind it move up. */
static void take_out(struct requests *requests, struct request_entry *request)
{
	size_t behind = requests->list.count - 1 - (size_t)(request - requests->list.items);

	request_done(request);
	memmove(request, request + 1, behind * sizeof(*request));
	requests->list.count--;
}

int requests_add(struct requests *requests, struct request_entry *request)
{
	struct request_entry *before = requests_before(requests, request);
	if (!before && requests->list.count >= REQUESTS_MAX)
		return -ENOSPC;
	if (ARRAY_RESERVE(&requests->list, requests->list.count + 1) < 0)
		return -ENOMEM;

	/* Making room may have moved the list. */
	if (before)
		take_out(requests, requests_before(requests, request));
	if (!request->id)
		request->id = requests->next_id;
	if (request->id >= requests->next_id)
		requests->next_id = request->id + 1;
	requests->list.items[requests->list.count++] = *request;
	/* The strings have an owner now; the id is what the caller knows it by. */
	request->user = request->why = request->role = NULL;
	request->host = request->service = request->to = NULL;
	return 0;
}

struct request_entry *requests_assignment(const struct requests *requests,
                                          const struct address *address)
{
	ARRAY_FOREACH (request, &requests->list)
		if (request->kind == REQUEST_ASSIGN &&
		    address_compare(&request->address, address) == 0)
			return request;
	return NULL;
}

struct request_entry *requests_quarantine(const struct requests *requests, const char *host)
{
	ARRAY_FOREACH (request, &requests->list)
		if (request->kind == REQUEST_QUARANTINE && strcmp(request->host, host) == 0)
			return request;
	return NULL;
}

struct request_entry *requests_before(const struct requests *requests,
                                      const struct request_entry *request)
{
	switch (request->kind) {
	case REQUEST_ASSIGN:
		return requests_assignment(requests, &request->address);
	case REQUEST_PERMIT:
		return NULL;
	case REQUEST_QUARANTINE:
		return requests_quarantine(requests, request->host);
	}
	abort(); /* no other value is ever made */
}

struct request_entry *requests_by_id(const struct requests *requests, uint64_t id)
{
	ARRAY_FOREACH (request, &requests->list)
		if (request->id == id)
			return request;
	return NULL;
}

void requests_remove(struct requests *requests, uint64_t id)
{
	struct request_entry *request = requests_by_id(requests, id);
	if (request)
		take_out(requests, request);
}

usec_t requests_next_end(const struct requests *requests)
{
	usec_t next = 0;
	ARRAY_FOREACH (request, &requests->list)
		if (request->until && (!next || request->until < next))
			next = request->until;
	return next;
}

/* A comment of nft has no way to write a quotation mark, and is one line. */
static void make_quotable(char *text)
{
	for (char *p = text; *p; p++) {
		if (*p == '"')
			*p = '\'';
		else if ((unsigned char)*p < ' ' || *p == 0x7f)
			*p = ' ';
	}
}

/* A character of UTF-8 (RFC 3629) that the end of the buffer cut in two goes as a whole. */
static void drop_cut_character(char *text)
{
	size_t n = strlen(text), continued = 0;
	while (continued < n && ((unsigned char)text[n - 1 - continued] & 0xc0) == 0x80)
		continued++;
	if (continued == n)
		return;

	unsigned char first = (unsigned char)text[n - 1 - continued];
	size_t needed = first >= 0xf0 ? 3 : first >= 0xe0 ? 2 : first >= 0xc0 ? 1 : 0;
	if (continued < needed)
		text[n - 1 - continued] = '\0';
}

const char *request_describe(const struct request_entry *request,
                             char text[static REQUEST_TEXT_MAX])
{
	char end[64] = "";
	time_t seconds = (time_t)(request->until / USEC_PER_SEC);
	struct tm tm;

	if (request->until && gmtime_r(&seconds, &tm))
		strftime(end, sizeof(end), "until %Y-%m-%d %H:%M:%S UTC, ", &tm);
	int n = snprintf(text, REQUEST_TEXT_MAX, "%sby %s%s%s", end,
	                 request->user ? request->user : "?", request->why ? ": " : "",
	                 request->why ? request->why : "");
	if (n >= REQUEST_TEXT_MAX)
		drop_cut_character(text);
	make_quotable(text);
	return text;
}
