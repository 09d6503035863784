/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ask.h"

#include "control/service.h"
#include "field.h"
#include "parameter.h"
#include "units.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum outcome ask_connect(const struct command *command, usec_t timeout_usec,
                         struct client **ret_client)
{
	_cleanup_(client_freep) struct client *client = NULL;
	int r = client_connect(command->socket, &client);
	if (r == 0)
		r = client_set_timeout(client, timeout_usec);
	if (r == CLIENT_NO_DAEMON) {
		complain(command, "no daemon answers on %s; is egressd running?", command->socket);
		return OUTCOME_NO_DAEMON;
	}
	if (r == CLIENT_NOT_ALLOWED) {
		complain(
		        command,
		        "the permissions of %s keep you out: only root and members of group egress "
		        "may ask",
		        command->socket);
		return OUTCOME_REFUSED;
	}
	if (r < 0) {
		complain(command, "%s: %s", command->socket, strerror(-r));
		return OUTCOME_REFUSED;
	}
	*ret_client = TAKE_POINTER(client);
	return OUTCOME_DONE;
}

/* Complains about a condition of the client's. */
static enum outcome failed(const struct command *command, int r)
{
	if (r == CLIENT_CLOSED) {
		complain(command, "the daemon has closed the connection");
		return OUTCOME_NO_DAEMON;
	}
	if (r == CLIENT_BAD_REPLY)
		complain(command, "what answers on %s is not egressd", command->socket);
	else if (r == -ETIMEDOUT)
		complain(command, "the daemon does not answer in time");
	else
		complain(command, "%s: %s", command->socket, strerror(-r));
	return OUTCOME_REFUSED;
}

enum outcome ask_send(const struct command *command, struct client *client, const char *method,
                      json_t *parameters, bool more)
{
	char name[128];
	if (!parameters) {
		complain(command, "an argument is no UTF-8 text, or memory ran out");
		return OUTCOME_USAGE;
	}
	snprintf(name, sizeof(name), EGRESSD_INTERFACE ".%s", method);
	int r = client_send(client, name, parameters, more);
	return r ? failed(command, r) : OUTCOME_DONE;
}

static void complain_problems(const struct command *command, const json_t *problems)
{
	const json_t *problem;
	size_t i;
	complain(command, "the configuration has %zu %s; the policy in force stays:",
	         json_array_size(problems),
	         plural((int64_t)json_array_size(problems), "mistake", "mistakes"));
	json_array_foreach(problems, i, problem)
	        complain_at(command, field_text(problem, "file", ""), field_number(problem, "line"),
	                    field_text(problem, "text", ""));
}

/* What was asked for makes no sense: each problem says what would. */
static void complain_rejected(const struct command *command, const json_t *problems)
{
	const json_t *problem;
	size_t i;
	json_array_foreach(problems, i, problem)
	        complain(command, "%s", field_text(problem, "text", ""));
}

/* The change is not in force, and what is instead. */
static void complain_refused(const struct command *command, const json_t *parameters)
{
	const char *text = field_text(parameters, "text", "");
	bool verified = !json_is_false(json_object_get(parameters, "verified"));
	if (json_is_true(json_object_get(parameters, "taken_back")))
		complain(command, "%s",
		         verified ? "the change could not be verified and was taken back; the "
		                    "table from before is in force:"
		                  : "the change could not be verified and was taken back; the "
		                    "table from before is enforced, but not verified:");
	else
		complain(
		        command, "%s",
		        verified
		                ? "the kernel did not take the table; the one before stays:"
		                : "the kernel did not take the table; the one before stays, and is "
		                  "not verified:");
	complain_at(command, field_text(parameters, "file", ""), field_number(parameters, "line"),
	            text);
}

/* It is in force all the same. */
static void complain_unverified(const struct command *command, const json_t *parameters)
{
	complain(command, "the kernel enforces the change, but it is not verified; egressd tries "
	                  "again by itself:");
	complain_at(command, field_text(parameters, "file", ""), field_number(parameters, "line"),
	            field_text(parameters, "text", ""));
}

static enum outcome complain_error(const struct command *command, const json_t *sent,
                                   const struct reply *reply)
{
	const char *text = field_text(reply->parameters, "text", NULL);
	const char *name =
	        strrchr(reply->error, '.') + 1; /* a reply has been checked for the dot */

	if (strcmp(reply->error, VARLINK_INVALID_PARAMETER) == 0) {
		complain_parameter(command, sent,
		                   field_text(reply->parameters, "parameter", "parameters"));
	} else if (strcmp(name, "PolicyRejected") == 0) {
		complain_problems(command, json_object_get(reply->parameters, "problems"));
	} else if (strcmp(name, "KernelRefused") == 0) {
		complain_refused(command, reply->parameters);
	} else if (strcmp(name, "NotVerified") == 0) {
		complain_unverified(command, reply->parameters);
	} else if (strcmp(name, "NoSuchHost") == 0 || strcmp(name, "NoSuchRole") == 0) {
		bool host = strcmp(name, "NoSuchHost") == 0;
		complain(command, "there is no %s \"%s\"", host ? "host" : "role",
		         field_text(reply->parameters, host ? "host" : "role", ""));
	} else if (strcmp(name, "RequestRejected") == 0) {
		complain_rejected(command, json_object_get(reply->parameters, "problems"));
	} else if (strcmp(name, "NoSuchAssignment") == 0) {
		complain(command,
		         "%s has no role by assignment; egressctl assignments lists those "
		         "that have",
		         field_text(reply->parameters, "address", "that address"));
	} else if (strcmp(name, "NoPickupWindow") == 0) {
		complain(command, "no pickup window is open");
	} else if (strcmp(name, "NoSuchPermit") == 0) {
		complain(command,
		         "there is no permit %lld (it may have ended); egressctl permits "
		         "lists those that are in force",
		         (long long)field_number(reply->parameters, "id"));
	} else if (strcmp(name, "NoSuchAlarm") == 0) {
		complain(command, "there is no alarm %lld; egressctl alarms --all has them",
		         (long long)field_number(reply->parameters, "id"));
	} else if (strcmp(name, "AlarmIsOver") == 0) {
		complain(command, "alarm %lld is over; there is nothing to acknowledge",
		         (long long)field_number(reply->parameters, "id"));
	} else if (strcmp(reply->error, EGRESSD_TOO_MANY_CLIENTS) == 0) {
		complain(command, "the daemon serves as many clients as it will; try again later");
	} else if (strcmp(reply->error, VARLINK_METHOD_NOT_FOUND) == 0) {
		complain(command, "the daemon is of another version and cannot do that");
	} else {
		complain(command, "%s%s%s", text ? text : name, text ? "" : " ",
		         text ? "" : "(error of the daemon)");
	}
	return OUTCOME_REFUSED;
}

/* Hands out a reply that is no error, else complains about it. */
static enum outcome take_reply(const struct command *command, const json_t *sent,
                               struct reply *reply, struct reply *ret_reply)
{
	if (!reply->error) {
		*ret_reply = *reply;
		return OUTCOME_DONE;
	}
	if (command->writer.json)
		writer_json(&command->writer, reply->root, false);
	enum outcome outcome = complain_error(command, sent, reply);
	reply_done(reply);
	return outcome;
}

enum outcome ask_receive(const struct command *command, struct client *client, const json_t *sent,
                         struct reply *ret_reply)
{
	struct reply reply;
	int r = client_receive(client, &reply);
	return r ? failed(command, r) : take_reply(command, sent, &reply, ret_reply);
}

/* True for what changes nothing, and so may be asked once more. */
static bool is_question(const char *method)
{
	return strncmp(method, "Get", 3) == 0 || strncmp(method, "List", 4) == 0 ||
	       strcmp(method, "Explain") == 0;
}

enum outcome ask(const struct command *command, const char *method, json_t *parameters,
                 usec_t timeout_usec, json_t **ret_parameters)
{
	_cleanup_(json_decrefp) json_t *sent = parameters;
	/*
	 * A daemon that ends closes what it had no time to answer. Where a socket unit listens, the
	 * next connection waits in it until the daemon is back.
	 */
	for (bool again = is_question(method);; again = false) {
		_cleanup_(client_freep) struct client *client = NULL;
		struct reply reply, answer;
		enum outcome outcome = ask_connect(command, timeout_usec, &client);
		if (outcome == OUTCOME_DONE)
			outcome = ask_send(command, client, method, json_incref(sent), false);
		if (outcome != OUTCOME_DONE)
			return outcome;
		int r = client_receive(client, &reply);
		if (r == CLIENT_CLOSED && again)
			continue;
		outcome = r ? failed(command, r) : take_reply(command, sent, &reply, &answer);
		if (outcome == OUTCOME_DONE) {
			*ret_parameters = json_incref(answer.parameters);
			reply_done(&answer);
		}
		return outcome;
	}
}

enum outcome ask_and_print(const struct command *command, const char *method, json_t *parameters,
                           usec_t timeout_usec,
                           void (*print)(const struct command *command, const json_t *answer))
{
	_cleanup_(json_decrefp) json_t *answer = NULL;
	enum outcome outcome = ask(command, method, parameters, timeout_usec, &answer);
	if (outcome != OUTCOME_DONE)
		return outcome;
	if (command->writer.json)
		writer_json(&command->writer, answer, false);
	else
		print(command, answer);
	return OUTCOME_DONE;
}

json_t *ask_option(const struct command *command, enum verb_option option)
{
	const char *value = command->options[option];
	return value ? json_string(value) : json_null();
}
