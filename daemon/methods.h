/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_METHODS_H
#define EGRESSD_METHODS_H

#include "alarms.h"
#include "changes.h"
#include "contacts.h"
#include "enforcement.h"
#include "events.h"
#include "health.h"
#include "own_processes.h"
#include "server.h"

/* What the methods of io.egressd answer from; all borrowed. It is their userdata. */
struct control {
	const struct enforcement *enforcement;
	struct events *events;
	const struct health *health;
	struct changes *changes;
	struct alarms *alarms;
	const struct contacts *contacts;
	const struct own_processes *processes;
	/* Loads the configuration as SIGHUP does; the outcome is the caller's to release. */
	void (*reload)(void *reload_userdata, struct outcome *ret_outcome);
	void *reload_userdata;
};

/* The table of all methods, ended by one without a name. */
extern const struct method methods[];

/* One method each; see io.egressd.varlink for what they answer. */
int method_get_status(struct request *request, json_t *parameters, void *userdata);
int method_list_roles(struct request *request, json_t *parameters, void *userdata);
int method_list_hosts(struct request *request, json_t *parameters, void *userdata);
int method_list_blocked(struct request *request, json_t *parameters, void *userdata);
int method_explain(struct request *request, json_t *parameters, void *userdata);
int method_assign(struct request *request, json_t *parameters, void *userdata);
int method_unassign(struct request *request, json_t *parameters, void *userdata);
int method_list_assignments(struct request *request, json_t *parameters, void *userdata);
int method_permit(struct request *request, json_t *parameters, void *userdata);
int method_revoke(struct request *request, json_t *parameters, void *userdata);
int method_list_permits(struct request *request, json_t *parameters, void *userdata);
int method_quarantine(struct request *request, json_t *parameters, void *userdata);
int method_release(struct request *request, json_t *parameters, void *userdata);
int method_list_quarantined(struct request *request, json_t *parameters, void *userdata);
int method_pickup(struct request *request, json_t *parameters, void *userdata);
int method_close_pickup(struct request *request, json_t *parameters, void *userdata);
int method_list_picked_up(struct request *request, json_t *parameters, void *userdata);
int method_list_alarms(struct request *request, json_t *parameters, void *userdata);
int method_get_alarm(struct request *request, json_t *parameters, void *userdata);
int method_ack_alarm(struct request *request, json_t *parameters, void *userdata);
int method_clear_alarm(struct request *request, json_t *parameters, void *userdata);
int method_reload(struct request *request, json_t *parameters, void *userdata);

/* A string parameter that was checked by the server, or NULL. */
static inline const char *parameter_string(const json_t *parameters, const char *name)
{
	return json_string_value(json_object_get(parameters, name));
}

#endif
