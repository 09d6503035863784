/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_TESTS_KERNEL_NAMESPACE_H
#define EGRESSD_TESTS_KERNEL_NAMESPACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A network namespace of the test's own, and what is done in it. Every function fails the running
 * test (check's ck_abort) when it cannot do what it is for.
 */

/*
 * Enters a new network namespace in a new user namespace, in which no limit of the system can be
 * lifted: the poorest place for us to live in. Without user namespaces, a network namespace alone.
 */
void namespace_enter(void);

/* Enters a new network namespace only: root keeps what root may. */
void namespace_enter_network(void);

/* True when a test can enter either at all. */
bool namespace_possible(void);
bool namespace_network_possible(void);

/* Brings the loopback interface up. */
void namespace_loopback_up(void);

/* Runs a shell command with a text as its input (or NULL); its exit status. */
int namespace_run(const char *command, const char *input);

/* Runs a shell command that must succeed; its output, which the caller frees. */
char *namespace_output(const char *command);

/* Sends that many UDP packets to 127.0.0.1 and the port; refused ones count as well. */
void namespace_send_udp(uint16_t port, size_t count);

/* True where buffers may grow past the system's limits: as root, but not of a user namespace. */
bool namespace_has_force_options(void);

#endif
