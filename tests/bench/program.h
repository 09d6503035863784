/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_BENCH_PROGRAM_H
#define EGRESSD_BENCH_PROGRAM_H

#include <stdint.h>

/* Bytes of a frame: Ethernet, IPv4, UDP and 18 bytes of nothing. */
#define FRAME_LENGTH 60

/* Source ports a destination address is tried from before the next one is. */
#define SOURCE_PORTS 60000

/*
 * The series of packets to make. Packet n comes from one of `hosts` addresses, scattered over
 * all of them, and has source port and destination address that no other n of the same series
 * has; n starts at 0 again after `period` packets, if that is not 0. Addresses and ports are in
 * host order.
 */
struct series {
	uint8_t gateway_mac[6];
	uint32_t source;
	uint32_t hosts;
	uint32_t destination;
	uint16_t source_port;
	uint16_t port;
	uint16_t other_port; /* of every second packet */
	uint32_t period;
};

/*
 * Loads an XDP program that writes the next packet of the series into the frame at hand and
 * passes it on. counter_fd is an array map whose only element, 64 bits wide, counts the packets.
 * Returns the program's file descriptor, or a negative errno; the verifier's words go to stderr.
 */
int program_load(const struct series *series, int counter_fd);

/* Loads an XDP program that passes every frame as it is. Returns as program_load(). */
int program_load_pass(void);

#endif
