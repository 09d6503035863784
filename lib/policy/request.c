/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/request.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

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

/* Adds it where there is room for it. */
static void put(struct requests *requests, struct request_entry *request)
{
	if (!request->id)
		request->id = requests->next_id;
	if (request->id >= requests->next_id)
		requests->next_id = request->id + 1;
	requests->list.items[requests->list.count++] = *request;
	requests->picked_up |= request->kind == REQUEST_PICKUP;
	/* The strings have an owner now; the id is what the caller knows it by. */
	request->user = request->why = request->role = NULL;
	request->host = request->service = request->to = NULL;
}

int requests_append(struct requests *requests, struct request_entry *request)
{
	if (requests->list.count >= REQUESTS_MAX)
		return -ENOSPC;
	if (ARRAY_RESERVE(&requests->list, requests->list.count + 1) < 0)
		return -ENOMEM;
	put(requests, request);
	return 0;
}

int requests_add(struct requests *requests, struct request_entry *request)
{
	if (!requests_before(requests, request))
		return requests_append(requests, request);
	if (ARRAY_RESERVE(&requests->list, requests->list.count + 1) < 0)
		return -ENOMEM;
	/* Making room may have moved the list. */
	take_out(requests, requests_before(requests, request));
	put(requests, request);
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

struct request_entry *requests_pickup(const struct requests *requests)
{
	ARRAY_FOREACH (request, &requests->list)
		if (request->kind == REQUEST_PICKUP)
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
	case REQUEST_PICKUP:
		return requests_pickup(requests);
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
