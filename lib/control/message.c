/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/message.h"

#include "control/json_text.h"

#include <errno.h>
#include <string.h>

/* An object that is the whole message; 0, MESSAGE_MALFORMED or -ENOMEM. */
static int parse_object(const char *text, size_t length, json_t **ret_object)
{
	json_error_t error;
	json_t *root;
	int r = json_text_read(text, length, &error, &root);
	if (r != 0)
		return r < 0 ? r : MESSAGE_MALFORMED;
	if (!json_is_object(root)) {
		json_decref(root);
		return MESSAGE_MALFORMED;
	}
	*ret_object = root;
	return 0;
}

/* The object under "parameters", made when it is missing; 0, MESSAGE_MALFORMED or -ENOMEM. */
static int find_parameters(json_t *root, json_t **ret_parameters)
{
	json_t *parameters = json_object_get(root, "parameters");
	if (!parameters || json_is_null(parameters)) {
		parameters = json_object();
		if (json_object_set_new(root, "parameters", parameters) < 0)
			return -ENOMEM;
	}
	if (!json_is_object(parameters))
		return MESSAGE_MALFORMED;
	*ret_parameters = parameters;
	return 0;
}

/* A flag that may be absent or null; 0 or MESSAGE_MALFORMED. */
static int find_flag(const json_t *root, const char *name, bool *ret_flag)
{
	const json_t *flag = json_object_get(root, name);
	if (flag && !json_is_boolean(flag) && !json_is_null(flag))
		return MESSAGE_MALFORMED;
	*ret_flag = json_is_true(flag);
	return 0;
}

/* An interface, a dot and a member, none of them empty. */
static bool is_qualified(const char *name)
{
	const char *dot = name ? strrchr(name, '.') : NULL;
	return dot && dot > name && dot[1];
}

int call_parse(const char *text, size_t length, struct call *ret_call)
{
	struct call call = {};
	int r = parse_object(text, length, &call.root);
	if (r)
		return r;

	call.method = json_string_value(json_object_get(call.root, "method"));
	r = is_qualified(call.method) ? find_parameters(call.root, &call.parameters)
	                              : MESSAGE_MALFORMED;
	if (!r)
		r = find_flag(call.root, "more", &call.more);
	if (!r)
		r = find_flag(call.root, "oneway", &call.oneway);
	if (!r)
		r = find_flag(call.root, "upgrade", &call.upgrade);
	if (!r && call.oneway && (call.more || call.upgrade))
		r = MESSAGE_MALFORMED; /* wants many replies and none */
	if (r) {
		call_done(&call);
		return r;
	}
	*ret_call = call;
	return 0;
}

void call_done(struct call *call)
{
	json_decref(call->root);
	*call = (struct call){};
}

const char *call_member(const struct call *call)
{
	return strrchr(call->method, '.') + 1;
}

bool call_is_for(const struct call *call, const char *interface)
{
	size_t length = (size_t)(call_member(call) - call->method) - 1;
	return strlen(interface) == length && strncmp(call->method, interface, length) == 0;
}

int reply_parse(const char *text, size_t length, struct reply *ret_reply)
{
	struct reply reply = {};
	int r = parse_object(text, length, &reply.root);
	if (r)
		return r;

	const json_t *error = json_object_get(reply.root, "error");
	reply.error = json_string_value(error);
	r = error && !json_is_null(error) && !is_qualified(reply.error)
	            ? MESSAGE_MALFORMED
	            : find_parameters(reply.root, &reply.parameters);
	if (!r)
		r = find_flag(reply.root, "continues", &reply.continues);
	if (r) {
		reply_done(&reply);
		return r;
	}
	*ret_reply = reply;
	return 0;
}

void reply_done(struct reply *reply)
{
	json_decref(reply->root);
	*reply = (struct reply){};
}

/* Text of an object that a format describes, which takes over what it refers to. */
static char *dump(json_t *root)
{
	char *text = json_text(root, JSON_COMPACT);
	json_decref(root);
	return text;
}

char *message_call(const char *method, json_t *parameters, bool more)
{
	if (more)
		return dump(json_pack("{s:s, s:o, s:b}", "method", method, "parameters", parameters,
		                      "more", 1));
	return dump(json_pack("{s:s, s:o}", "method", method, "parameters", parameters));
}

char *message_reply(json_t *parameters, bool continues)
{
	if (continues)
		return dump(json_pack("{s:o, s:b}", "parameters", parameters, "continues", 1));
	return dump(json_pack("{s:o}", "parameters", parameters));
}

char *message_error(const char *error, json_t *parameters)
{
	return dump(json_pack("{s:s, s:o}", "error", error, "parameters", parameters));
}
