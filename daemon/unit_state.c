/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "unit_state.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define UNIT    "org.freedesktop.systemd1.Unit"
#define SERVICE "org.freedesktop.systemd1.Service"

const struct unit_property unit_properties[UNIT_PROPERTIES] = {
        {UNIT, "ActiveState"},
        {SERVICE, "Result"},
        {SERVICE, "ExecMainStatus"},
};

static int take_text(sd_bus_message *message, char *buffer, size_t size)
{
	const char *text;
	int r = sd_bus_message_read(message, "v", "s", &text);
	if (r >= 0)
		snprintf(buffer, size, "%s", text);
	return r < 0 ? r : 0;
}

int unit_state_take(struct unit_state *state, const char *name, sd_bus_message *message)
{
	if (strcmp(name, "ActiveState") == 0)
		return take_text(message, state->active, sizeof(state->active));
	if (strcmp(name, "Result") == 0)
		return take_text(message, state->result, sizeof(state->result));
	if (strcmp(name, "ExecMainStatus") == 0) {
		int r = sd_bus_message_read(message, "v", "i", &state->status);
		return r < 0 ? r : 0;
	}
	int r = sd_bus_message_skip(message, "v");
	return r < 0 ? r : 1;
}

int unit_state_update(struct unit_state *state, sd_bus_message *message)
{
	const char *name;
	int r = sd_bus_message_skip(message, "s");
	if (r >= 0)
		r = sd_bus_message_enter_container(message, 'a', "{sv}");
	while (r >= 0 && (r = sd_bus_message_enter_container(message, 'e', "sv")) > 0) {
		r = sd_bus_message_read(message, "s", &name);
		if (r >= 0)
			r = unit_state_take(state, name, message);
		if (r >= 0)
			r = sd_bus_message_exit_container(message);
	}
	return r < 0 ? r : 0;
}

bool unit_has_failed(const struct unit_state *state)
{
	return strcmp(state->active, "failed") == 0;
}

bool unit_has_ended(const struct unit_state *state)
{
	return unit_has_failed(state) || strcmp(state->active, "inactive") == 0;
}

const char *unit_job_failure(const char *result)
{
	static const struct {
		const char *result;
		const char *text;
	} failures[] = {
	        {"failed", "failed"},
	        {"timeout", "failed: its start took too long"},
	        {"canceled", "failed: its start was canceled"},
	        {"dependency", "failed: a unit that it depends on failed"},
	        {"skipped", "failed: its start was skipped"},
	};
	if (strcmp(result, "done") == 0)
		return NULL;
	for (size_t i = 0; i < sizeof(failures) / sizeof(failures[0]); i++)
		if (strcmp(result, failures[i].result) == 0)
			return failures[i].text;
	return "failed: systemd could not start it";
}

const char *unit_refusal(const char *why, char buffer[static UNIT_FAILURE_MAX])
{
	snprintf(buffer, UNIT_FAILURE_MAX, "could not be started: %s", why);
	return buffer;
}

const char *unit_failure(const struct unit_state *state, const char *job_failed, const char *unit,
                         char buffer[static UNIT_FAILURE_MAX])
{
	char how[64] = "";
	/* A unit that systemd has unloaded reports a success. */
	if (*state->result && strcmp(state->result, "success") != 0)
		snprintf(how, sizeof(how), " (%s, status %" PRId32 ")", state->result,
		         state->status);
	snprintf(buffer, UNIT_FAILURE_MAX, "%s%s; see journalctl -u %s",
	         job_failed ? job_failed : "failed", how, unit);
	return buffer;
}
