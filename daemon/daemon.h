/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_DAEMON_H
#define EGRESSD_DAEMON_H

/* What the command line says. */
struct options {
	const char *config;    /* the main configuration file */
	const char *socket;    /* of control */
	const char *state;     /* the state directory */
	const char *processes; /* the socket of egressd-processes */
};

/*
 * Enforces the policy until SIGTERM or SIGINT; the table stays in the kernel afterwards. Returns
 * the exit status.
 */
int daemon_run(const struct options *options);

#endif
