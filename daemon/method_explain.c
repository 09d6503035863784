/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "methods.h"

#include "base/protocol.h"
#include "kernel/known.h"
#include "kernel/picked_up.h"
#include "party.h"
#include "policy/runtime.h"
#include "policy/span_word.h"
#include "question.h"
#include "replies.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* "tcp/25", "icmp/echo-request", "gre" */
static void print_traffic(const struct connection *connection, FILE *out)
{
	char protocol[PROTOCOL_TEXT_MAX];
	const char *type = protocol_has_types(connection->protocol)
	                           ? icmp_type_name(connection->protocol, (uint8_t)connection->port)
	                           : NULL;

	fputs(protocol_print(connection->protocol, protocol), out);
	if (type)
		fprintf(out, "/%s", type);
	else if (connection->has_port)
		fprintf(out, "/%u", connection->port);
}

static void print_party(const struct address *address, const struct host *host, FILE *out)
{
	char text[ADDRESS_TEXT_MAX];
	address_print(address, text);
	if (host && strcmp(host->name, text) == 0)
		fprintf(out, "%s (%s)", text, host->role->name);
	else if (host)
		fprintf(out, "%s (%s, %s)", host->name, text, host->role->name);
	else
		fputs(text, out);
}

static void print_why(const struct offence *offence, FILE *out)
{
	const char *role = offence->role ? offence->role->name : "";

	switch (offence->reason) {
	case REASON_SPOOFED:
		fputs("the source address does not belong behind that interface", out);
		return;
	case REASON_UNASSIGNED:
		fputs("the source address is no host of the policy", out);
		return;
	case REASON_IMPOSTOR:
		fputs("the MAC is none of that host's", out);
		return;
	case REASON_BLOCKLIST:
		fputs("the destination is on the blocklist", out);
		return;
	case REASON_ROLE:
		fprintf(out, "role %s does not permit it", role);
		return;
	case REASON_INBOUND:
		fprintf(out, "role %s may not be reached like that", role);
		return;
	case REASON_QUARANTINE:
		fputs("it is in quarantine", out);
		return;
	case REASON_THROTTLE:
		fputs(reason_name(offence->reason), out); /* never comes out of judge() */
		return;
	}
}

static void print_ruling(const struct question *question, const struct judgement *judgement,
                         FILE *out)
{
	const struct connection *connection = &question->connection;
	const struct offence *offence = judgement->offence_count ? &judgement->offences[0] : NULL;

	print_party(&connection->source, judgement->source, out);
	fprintf(out, " %s initiate ", offence ? "may not" : "may");
	if (offence)
		print_traffic(connection, out);
	else
		fputs(question->service, out);
	fputs(" to ", out);
	print_party(&connection->destination, judgement->destination, out);
	if (offence) {
		fputs(": ", out);
		print_why(offence, out);
	}
}

static void print_end(const struct question *question, const struct judgement *judgement, FILE *out)
{
	fprintf(out, "%s from ", question->service);
	print_party(&question->connection.source, judgement->source, out);
	fputs(" to ", out);
	print_party(&question->connection.destination, judgement->destination, out);
	fputs(" ends at the gateway itself, which egressd does not judge", out);
}

/* Nobody asks, as it comes in where no protected hosts live; which may be a wrong guess. */
static void print_outside(const struct question *question, FILE *out)
{
	const struct policy *policy = question->policy;
	const struct address *source = &question->connection.source;
	print_party(source, policy_host_at(policy, source), out);
	if (question->interface)
		fprintf(out, " comes in by %s then, which is not inside", question->interface);
	else if (*question->routed)
		fprintf(out, " would come in by %s (by the route), which is not inside",
		        question->routed);
	else
		fputs(" is reached by no route, so it is taken for outside", out);
	fputs(": what it initiates is not judged", out);
	if (!question->interface && policy->gateway.inside.count)
		fprintf(out, "; `--interface %s` asks as if it came in there",
		        policy->gateway.inside.items[0].text);
}

/* The assignment by which the source has its role, or NULL. */
static const struct assignment *find_assignment(const struct question *question,
                                                const struct judgement *judgement)
{
	const struct assignment *assignment =
	        policy_assignment(question->policy, &question->connection.source);
	return assignment && judgement->source == &assignment->host ? assignment : NULL;
}

/* The permit that permits it, or NULL; its words have a place that no other permission has. */
static const struct permit *find_permit(const struct question *question,
                                        const struct judgement *judgement)
{
	const struct runtime *runtime = question->policy->runtime;
	if (!runtime || judgement->offence_count || !judgement->at.file)
		return NULL;
	for (size_t i = 0; i < runtime->permits.count; i++)
		if (runtime->permits.items[i].permission.at.file == judgement->at.file)
			return &runtime->permits.items[i];
	return NULL;
}

/* The quarantine that the sender is in, or else that the destination is in, or NULL. */
static const struct quarantine *find_quarantine(const struct question *question,
                                                const struct judgement *judgement, bool *ret_sender)
{
	const struct connection *connection = &question->connection;
	*ret_sender =
	        judgement->offence_count && judgement->offences[0].reason == REASON_QUARANTINE;
	if (*ret_sender)
		return policy_quarantine(question->policy, &connection->source,
		                         connection->has_mac ? &connection->mac : NULL, NULL);
	return policy_quarantine(question->policy, &connection->destination, NULL, NULL);
}

static void print_quarantine(const struct question *question, const struct judgement *judgement,
                             FILE *out)
{
	bool sender;
	const struct quarantine *quarantine = find_quarantine(question, judgement, &sender);
	if (!quarantine)
		return;
	if (!sender)
		fputs("; the destination is in quarantine and its answers are dropped", out);
	fprintf(out, ", %s", quarantine->comment);
}

/* "; permit 3, until 2026-11-22 18:00:00 UTC, by alice: why" */
static void print_requests(const struct question *question, const struct judgement *judgement,
                           FILE *out)
{
	const struct assignment *assignment = find_assignment(question, judgement);
	const struct permit *permit = find_permit(question, judgement);

	if (assignment)
		fprintf(out, "; %s is assigned to role %s %s", assignment->host.name,
		        assignment->host.role->name, assignment->comment);
	print_quarantine(question, judgement, out);
	if (permit)
		fprintf(out, "; that is permit %llu, %s", (unsigned long long)permit->id,
		        permit->comment);
}

/* What is permitted may be blocked all the same by the kernel, which counts. */
struct slowed {
	const struct throttle *throttle; /* or NULL */
	int known; /* positive: the destination is none that counts; negative: who knows */
};

static struct slowed find_slowed(const struct question *question, const struct judgement *judgement,
                                 struct kernel *kernel)
{
	const struct connection *connection = &question->connection;
	const struct host *source = judgement->source;
	struct slowed slowed = {.throttle = source ? source->role->throttled : NULL};
	if (judgement->offence_count || question->ends_here)
		slowed.throttle = NULL;
	if (slowed.throttle)
		slowed.known =
		        destination_is_known(kernel, &connection->source, &connection->destination);
	return slowed;
}

static void print_throttle(const struct slowed *slowed, const struct judgement *judgement,
                           FILE *out)
{
	char per[SPAN_WORD_TEXT_MAX];
	const struct host *source = judgement->source;
	const struct throttle *throttle = slowed->throttle;
	if (!throttle)
		return;
	fprintf(out,
	        "; role %s has a throttle: whoever contacts more than %u new destinations in %s is "
	        "%s (%s:%u)",
	        source->role->name, throttle->destinations, span_word_print(throttle->per, per),
	        source->effective_mode == MODE_AUDIT ? "counted as blocked"
	                                             : "blocked until it is slower",
	        throttle->at.file, throttle->at.line);
	if (slowed->known >= 0)
		fprintf(out, ", and this one is %s now",
		        slowed->known ? "known and does not count" : "new and counts");
}

/* What becomes of it when it continues an older connection: design section 4, "Pickup". */
static void print_pickup(const struct question *question, const struct judgement *judgement,
                         FILE *out)
{
	const struct runtime *runtime = question->policy->runtime;
	char end[UTC_TEXT_MAX];
	if (question->picked_up)
		fputs("; the server of this connection sent first, and it was picked up as the "
		      "client's",
		      out);
	else if (judgement->offence_count && runtime && runtime->pickup.until &&
	         question->connection.protocol == IPPROTO_TCP)
		fprintf(out,
		        "; the pickup window is open until %s: a segment of an older connection "
		        "passes if the policy permits the other end to initiate it",
		        utc_print(runtime->pickup.until, end));
}

/* What audit lets pass, and what stops it all the same. */
static void print_audit(const struct judgement *judgement, FILE *out)
{
	const struct offence *second = &judgement->offences[1];
	if (!judgement->offence_count || judgement->offences[0].mode != MODE_AUDIT)
		return;
	if (judgement->passes)
		fputs("; in audit mode it passes all the same and is counted", out);
	if (judgement->offence_count < 2)
		return;
	fprintf(out, "; %s role %s may not be reached on that either (%s:%u)%s",
	        judgement->passes ? "the destination's"
	                          : "audit lets that pass, but the destination's",
	        second->role->name, second->at.file, second->at.line,
	        judgement->passes ? ", which is in audit mode, too" : ", and blocks it");
}

static char *explain(const struct question *question, const struct judgement *judgement,
                     const struct slowed *slowed)
{
	const struct offence *offence = judgement->offence_count ? &judgement->offences[0] : NULL;
	const struct location *at = offence ? &offence->at : &judgement->at;
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	if (!out)
		return NULL;

	if (question->ends_here)
		print_end(question, judgement, out);
	else if (question_is_unjudged(question, judgement))
		print_outside(question, out);
	else
		print_ruling(question, judgement, out);
	if (at->file && at->line)
		fprintf(out, " (%s:%u)", at->file, at->line);
	print_requests(question, judgement, out);
	print_throttle(slowed, judgement, out);
	print_pickup(question, judgement, out);
	print_audit(judgement, out);
	if (question->absent)
		fprintf(out, "; there is no interface %s now", question->interface);
	fputc('.', out);
	if (fclose(out) != 0) {
		free(text);
		return NULL;
	}
	return text;
}

/* The mode that goes with the verdict: of what blocks it, else of the source, else the gateway's.
 */
static enum mode mode_of(const struct policy *policy, const struct judgement *judgement)
{
	if (judgement->offence_count)
		return judgement->passes ? MODE_AUDIT : MODE_ENFORCE;
	if (judgement->source)
		return judgement->source->effective_mode;
	return policy->gateway.mode;
}

static json_t *assignment_reply(const struct requests *requests,
                                const struct assignment *assignment)
{
	const struct request_entry *entry =
	        assignment ? requests_assignment(requests, &assignment->address) : NULL;
	return entry ? reply_assignment(entry) : json_null();
}

static json_t *permit_reply(const struct requests *requests, const struct permit *permit)
{
	const struct request_entry *entry = permit ? requests_by_id(requests, permit->id) : NULL;
	return entry ? reply_permit(entry) : json_null();
}

static json_t *quarantine_reply(const struct question *question, const struct judgement *judgement,
                                const struct requests *requests)
{
	bool sender;
	const struct quarantine *quarantine = find_quarantine(question, judgement, &sender);
	const struct request_entry *entry =
	        quarantine ? requests_by_id(requests, quarantine->id) : NULL;
	return entry ? reply_quarantine(entry, question->policy) : json_null();
}

static int answer(struct request *request, const struct question *question,
                  const struct judgement *judgement, const struct enforcement *enforcement)
{
	const struct requests *requests = &enforcement->requests;
	const struct slowed slowed = find_slowed(question, judgement, enforcement->kernel);
	const struct offence *offence = judgement->offence_count ? &judgement->offences[0] : NULL;
	const struct location *at = offence ? &offence->at : &judgement->at;
	bool unjudged = question->ends_here || question_is_unjudged(question, judgement);
	const struct host *host =
	        unjudged ? policy_host_at(question->policy, &question->connection.source)
	                 : judgement->source;
	const struct role *role = offence ? offence->role : host ? host->role : NULL;
	_cleanup_free_ char *text = explain(question, judgement, &slowed);
	if (!text)
		return -ENOMEM;

	return request_reply(
	        request,
	        json_pack("{ss so so so so so ss so so so so sb so so sb sb}", "verdict",
	                  offence ? "blocked" : "permitted", "reason",
	                  reply_optional(offence ? reason_name(offence->reason) : NULL), "host",
	                  reply_optional(host ? host->name : NULL), "role",
	                  reply_optional(role ? role->name : NULL), "file",
	                  reply_optional(at->line ? at->file : NULL), "line",
	                  at->line ? json_integer(at->line) : json_null(), "mode",
	                  mode_name(mode_of(question->policy, judgement)), "text",
	                  reply_string(text), "assignment",
	                  assignment_reply(requests, find_assignment(question, judgement)),
	                  "permit", permit_reply(requests, find_permit(question, judgement)),
	                  "quarantine", quarantine_reply(question, judgement, requests), "judged",
	                  !unjudged, "throttle", reply_throttle(slowed.throttle), "known",
	                  slowed.throttle && slowed.known >= 0 ? json_boolean(slowed.known)
	                                                       : json_null(),
	                  "picked_up", question->picked_up, "passes",
	                  unjudged || judgement->passes));
}

#define ANSWERED 1 /* with an error */

#define PICKED_UP_SERVICE_MAX 16 /* "tcp/65535" */

static int reject(struct request *request, struct problems *problems)
{
	json_t *list = reply_problems(problems);
	problems_done(problems);
	return request_error(request, "io.egressd.RequestRejected",
	                     json_pack("{so}", "problems", list));
}

/* Source and destination; 0, ANSWERED or a negative errno. */
static int find_parties(struct request *request, const json_t *parameters,
                        const struct policy *policy, struct connection *connection)
{
	static const char *const names[] = {"source", "destination"};
	const char *const words[] = {parameter_string(parameters, names[0]),
	                             parameter_string(parameters, names[1])};
	struct problems problems = {};
	struct address addresses[2];
	unsigned word;

	switch (parties_find(policy, words, &problems, addresses, &word)) {
	case 0:
		connection->source = addresses[0];
		connection->destination = addresses[1];
		return 0;
	case PARTY_WRONG: {
		int r = reject(request, &problems);
		return r < 0 ? r : ANSWERED;
	}
	default: {
		int r = request_invalid_parameter(request, names[word]);
		return r < 0 ? r : ANSWERED;
	}
	}
}

/* With the name that may be meant, if there is one. */
static int refuse_service(struct request *request, const struct policy *policy, const char *service)
{
	struct problems problems = {};
	const char *nearest = strchr(service, '/') ? NULL : policy_nearest_service(policy, service);
	if (!nearest)
		return request_invalid_parameter(request, "service");
	problems_add(&problems, (struct location){"explain", 0},
	             "\"%.64s\" is no service; did you mean \"%s\"?", service, nearest);
	return reject(request, &problems);
}

/*
 * Of a connection that was picked up, the question is what its client may initiate. 0 or a negative
 * errno.
 */
static int find_picked_up(struct question *question, struct judgement *judgement,
                          struct kernel *kernel, char service[static PICKED_UP_SERVICE_MAX])
{
	const struct connection *connection = &question->connection;
	const struct runtime *runtime = question->policy->runtime;
	struct picked_up_list list = {};
	struct judgement swapped;
	if (!runtime || !runtime->pickup.known ||
	    judgement_swap(connection, judgement) == SWAP_NEVER)
		return 0;
	int r = picked_up_read(kernel, &list);
	if (r < 0)
		return r;
	ARRAY_FOREACH (one, &list.list) {
		if (one->client_port != connection->port ||
		    address_compare(&one->server, &connection->source) != 0 ||
		    address_compare(&one->client, &connection->destination) != 0)
			continue;
		struct question asked = *question;
		asked.connection = (struct connection){
		        .source = one->client,
		        .destination = one->server,
		        .protocol = IPPROTO_TCP,
		        .has_port = true,
		        .port = one->server_port,
		};
		asked.interface = NULL;
		asked.picked_up = true;
		snprintf(service, PICKED_UP_SERVICE_MAX, "tcp/%u", one->server_port);
		asked.service = service;
		r = question_find_origin(&asked, NULL);
		if (r >= 0) {
			judge_swapped(question->policy, connection, one->server_port,
			              asked.connection.origin, &swapped);
			*judgement = swapped;
			*question = asked;
		}
		break;
	}
	picked_up_done(&list);
	return r;
}

int method_explain(struct request *request, json_t *parameters, void *userdata)
{
	const struct control *control = userdata;
	struct question question = {.policy = control->enforcement->policy};
	struct connection *connection = &question.connection;
	struct judgement judgement = {};
	char service[PICKED_UP_SERVICE_MAX];

	if (!question.policy)
		return request_error(request, "io.egressd.NoPolicy",
		                     json_pack("{ss}", "text", "no policy is in force"));
	int r = find_parties(request, parameters, question.policy, connection);
	if (r != 0)
		return r < 0 ? r : 0;
	if (question_find_service(&question, parameter_string(parameters, "service")) < 0)
		return refuse_service(request, question.policy,
		                      parameter_string(parameters, "service"));
	if (question_find_mac(&question, parameter_string(parameters, "mac")) < 0)
		return request_invalid_parameter(request, "mac");

	r = question_find_origin(&question, parameter_string(parameters, "interface"));
	if (r == 0)
		r = question_find_end(&question);
	if (r < 0)
		return request_failed(request, "The routing table could not be asked: %s",
		                      strerror(-r));
	if (question_judge(&question, &judgement) < 0)
		return request_invalid_parameter(request, "service");
	/* Only quarantine drops what is for the gateway itself, before it is known to be. */
	if (question.ends_here && judgement.offence_count &&
	    judgement.offences[0].reason == REASON_QUARANTINE)
		question.ends_here = false;
	if (question.ends_here)
		judgement = question_unjudged(&question);
	r = find_picked_up(&question, &judgement, control->enforcement->kernel, service);
	if (r < 0)
		return request_failed(request, "The connections picked up could not be read: %s",
		                      strerror(-r));
	return answer(request, &question, &judgement, control->enforcement);
}
