/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "method_change.h"

#include "base/protocol.h"
#include "kernel/picked_up.h"
#include "replies.h"

#include <errno.h>
#include <string.h>

/* Connections in one answer; `count` is that of all. */
#define LISTED_MAX 10000

static int answer_pickup(struct request *request, const struct request_entry *entry,
                         const struct changed *changed, const struct control *control)
{
	return answer_changed(request, json_pack("{so}", "window", reply_window(entry)), changed,
	                      control);
}

int method_pickup(struct request *request, json_t *parameters, void *userdata)
{
	const struct asked asked = {
	        .kind = REQUEST_PICKUP,
	        .kind_name = "pickup",
	        .why = parameter_string(parameters, "why"),
	        .lasts = true,
	        .seconds = json_integer_value(json_object_get(parameters, "seconds")),
	};
	return change_add(request, userdata, &asked, answer_pickup);
}

int method_close_pickup(struct request *request, json_t *parameters, void *userdata)
{
	const struct control *control = userdata;
	const struct request_entry *entry = requests_pickup(&control->enforcement->requests);

	if (!entry)
		return request_error(request, "io.egressd.NoPickupWindow", json_object());
	return change_remove(request, control, entry, answer_pickup);
}

/* The client is who initiated it, though the server sent first. */
static json_t *reply_picked_up(const struct picked_up *one, const struct policy *policy, usec_t now)
{
	char client[ADDRESS_TEXT_MAX], server[ADDRESS_TEXT_MAX], protocol[PROTOCOL_TEXT_MAX];
	const struct host *from = policy ? policy_host_at(policy, &one->client) : NULL;
	const struct host *to = policy ? policy_host_at(policy, &one->server) : NULL;

	return json_pack("{ss si so ss si so ss sI}", "client", address_print(&one->client, client),
	                 "client_port", one->client_port, "client_host",
	                 reply_optional(from ? from->name : NULL), "server",
	                 address_print(&one->server, server), "server_port", one->server_port,
	                 "server_host", reply_optional(to ? to->name : NULL), "protocol",
	                 protocol_print(one->protocol, protocol), "until",
	                 (json_int_t)(now + one->left * USEC_PER_SEC));
}

int method_list_picked_up(struct request *request, json_t *parameters, void *userdata)
{
	const struct control *control = userdata;
	const struct enforcement *enforcement = control->enforcement;
	const struct request_entry *window = requests_pickup(&enforcement->requests);
	_cleanup_(json_release) json_t *connections = json_array();
	struct picked_up_list list = {};
	usec_t now = clock_realtime();

	int r = picked_up_read(enforcement->kernel, &list);
	if (r < 0)
		return request_failed(request, "The connections could not be read: %s",
		                      strerror(-r));
	size_t count = list.list.count;
	for (size_t i = 0; i < count && i < LISTED_MAX && r == 0; i++)
		if (json_array_append_new(connections, reply_picked_up(&list.list.items[i],
		                                                       enforcement->policy, now)))
			r = -ENOMEM;
	picked_up_done(&list);
	if (r < 0)
		return r;
	return request_reply(request,
	                     json_pack("{so sI sO}", "window",
	                               window ? reply_window(window) : json_null(), "count",
	                               (json_int_t)count, "connections", connections));
}
