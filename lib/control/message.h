/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_CONTROL_MESSAGE_H
#define EGRESSD_CONTROL_MESSAGE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

/* Calls and replies as JSON (https://varlink.org/Method-Call). */

#define VARLINK_INTERFACE_NOT_FOUND    "org.varlink.service.InterfaceNotFound"
#define VARLINK_METHOD_NOT_FOUND       "org.varlink.service.MethodNotFound"
#define VARLINK_METHOD_NOT_IMPLEMENTED "org.varlink.service.MethodNotImplemented"
#define VARLINK_INVALID_PARAMETER      "org.varlink.service.InvalidParameter"
#define VARLINK_EXPECTED_MORE          "org.varlink.service.ExpectedMore"
#define EGRESSD_PERMISSION_DENIED      "io.egressd.PermissionDenied"
#define EGRESSD_FAILED                 "io.egressd.Failed"
#define EGRESSD_BAD_CALL               "io.egressd.BadCall"
#define EGRESSD_TOO_MANY_CLIENTS       "io.egressd.TooManyClients"

#define MESSAGE_MALFORMED 1 /* no JSON, or JSON that is no message; the sender's mistake */

/* A call. Its strings and parameters are borrowed from root, which call_done() releases. */
struct call {
	json_t *root;
	const char *method; /* the full name, "io.egressd.GetStatus"; has a dot inside */
	json_t *parameters; /* an object, empty when there were none */
	bool more;          /* many replies are welcome */
	bool oneway;        /* no reply is */
	bool upgrade;       /* wants another protocol afterwards */
};

/* Reads a call out of one message; 0, MESSAGE_MALFORMED or -ENOMEM. */
int call_parse(const char *text, size_t length, struct call *ret_call);

/* Releases what a call holds. */
void call_done(struct call *call);

/* The name of the method without its interface. */
const char *call_member(const struct call *call);

/* True when the call is for a method of that interface. */
bool call_is_for(const struct call *call, const char *interface);

/* A reply. Its strings and parameters are borrowed from root, which reply_done() releases. */
struct reply {
	json_t *root;
	const char *error;  /* full name, or NULL when it is none */
	json_t *parameters; /* an object, empty when there were none */
	bool continues;     /* more will come for the same call */
};

/* Reads a reply out of one message; 0, MESSAGE_MALFORMED or -ENOMEM. */
int reply_parse(const char *text, size_t length, struct reply *ret_reply);

/* Releases what a reply holds. */
void reply_done(struct reply *reply);

/*
 * The texts of messages, without the NUL that ends them on the wire. Each takes over the object
 * `parameters`; the text is the caller's, from malloc. NULL without memory, or when `parameters`
 * is NULL, which is how json_pack() says the same.
 */
char *message_call(const char *method, json_t *parameters, bool more);
char *message_reply(json_t *parameters, bool continues);
char *message_error(const char *error, json_t *parameters);

#endif
