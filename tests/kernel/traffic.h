/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_TESTS_KERNEL_TRAFFIC_H
#define EGRESSD_TESTS_KERNEL_TRAFFIC_H

#include "base/array.h"
#include "kernel/conntrack.h"

#include <stdint.h>

/*
 * Connections on the loopback interface, and what the kernel's connection tracking has of them.
 * Every function fails the running test when it cannot do what it is for.
 */

/* Brings the loopback interface up and switches connection tracking on for what is sent. */
void traffic_start(void);

/* A socket bound to the address and port (0: any), which the caller closes. */
int traffic_socket(int type, const char *source, uint16_t port);

/* Sends one byte from a socket; that nobody listens there is no failure. */
void traffic_send(int fd, const char *destination, uint16_t port);

/* Sends one byte of UDP from a socket that is closed at once. */
void traffic_udp(const char *source, uint16_t source_port, const char *destination, uint16_t port);

/* Connects a TCP socket; true when somebody listens. */
bool traffic_connect(int fd, const char *destination, uint16_t port);

struct traffic_flows {
	ARRAY(struct flow) list;
};

/* All flows that a dump tells, without repetitions; the caller releases them with ARRAY_DONE. */
struct traffic_flows traffic_flows(struct conntrack *conntrack);

/* The only flow of that protocol and original destination port; NULL when there is none. */
const struct flow *traffic_find(const struct traffic_flows *flows, uint8_t protocol, uint16_t port);

struct address traffic_address(const char *text);

#endif
