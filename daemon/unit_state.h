/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_UNIT_STATE_H
#define EGRESSD_UNIT_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <systemd/sd-bus.h>

/* How a unit of systemd is, by org.freedesktop.systemd1(5). Start from {}. */
struct unit_state {
	char active[24]; /* ActiveState; empty: not known */
	char result[32]; /* Result of a service; empty: not known */
	int32_t status; /* ExecMainStatus of a service: an exit status, or the number of a signal */
};

/* The properties that are kept. */
struct unit_property {
	const char *interface;
	const char *name;
};
#define UNIT_PROPERTIES 3
extern const struct unit_property unit_properties[UNIT_PROPERTIES];

/* Takes the value of a property from a message at a variant. 0, 1 when it is not kept and was
 * skipped, or a negative errno. */
int unit_state_take(struct unit_state *state, const char *name, sd_bus_message *message);

/* Takes what a signal PropertiesChanged tells. 0 or a negative errno. */
int unit_state_update(struct unit_state *state, sd_bus_message *message);

bool unit_has_failed(const struct unit_state *state);

/* It has failed, or ended without an error. */
bool unit_has_ended(const struct unit_state *state);

/* The result of a job as half a sentence; NULL for a job that is done, or whose unit says more. */
const char *unit_job_failure(const char *result);

#define UNIT_FAILURE_MAX 400

/* "could not be started: WHY". */
const char *unit_refusal(const char *why, char buffer[static UNIT_FAILURE_MAX]);

/* "failed (exit-code, status 1); see journalctl -u UNIT", or what is known of it. */
const char *unit_failure(const struct unit_state *state, const char *job_failed, const char *unit,
                         char buffer[static UNIT_FAILURE_MAX]);

#endif
