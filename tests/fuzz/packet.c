/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/protocol.h"
#include "track/attempt.h"
#include "track/ledger.h"
#include "track/packet.h"

#include <stdlib.h>
#include <string.h>

/*
 * The input is a series of records as the kernel might hand them over: one byte for the reason, one
 * for the seconds since the record before, one for the length, and the packet. The tables are so
 * small that they are always full.
 */
#define ATTEMPTS 4
#define PLACES   8 /* that there are for so few */
#define ENTRIES  4
#define HEADER   3

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(bool condition)
{
	if (!condition)
		abort();
}

static void check_packet(const struct packet *packet)
{
	demand(!packet->has_tcp || packet->has_ports);
	demand(!packet->has_ports || !packet->fragment);
	demand(!packet->has_ports || protocol_has_ports(packet->protocol) ||
	       protocol_has_types(packet->protocol));
	demand(packet->has_ports || (!packet->source_port && !packet->destination_port));
	demand(packet->source.family == packet->destination.family);
}

static void check_ledger(const struct ledger *ledger, uint64_t attempts, uint64_t packets)
{
	struct ledger_totals totals = ledger_totals(ledger);
	demand(totals.attempts == attempts && totals.packets == packets);
	attempts -= totals.other_attempts;
	packets -= totals.other_packets;
	for (const struct ledger_entry *e = ledger_first(ledger, NULL); e;
	     e = ledger_next(ledger, NULL, e)) {
		const struct ledger_noted *noted = ledger_noted(e);
		demand(noted->first <= noted->last && noted->attempts <= noted->packets);
		attempts -= noted->attempts;
		packets -= noted->packets;
	}
	demand(!attempts && !packets);
	demand(ledger_count(ledger) <= ENTRIES);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(attempts_freep) struct attempts *attempts = NULL;
	_cleanup_(ledger_freep) struct ledger *ledger = NULL;
	if (attempts_new(ATTEMPTS, &attempts) < 0 || ledger_new(ENTRIES, &ledger) < 0)
		return 0;

	usec_t now = 0;
	uint64_t tried = 0, packets = 0;
	while (size > HEADER) {
		enum reason reason = (enum reason)(data[0] % REASON_COUNT);
		now += data[1] * USEC_PER_SEC;
		size_t length = data[2] < size - HEADER ? data[2] : size - HEADER;

		/* Of its exact size, so that the sanitizer sees a read behind the end. */
		_cleanup_free_ uint8_t *bytes = malloc(length ? length : 1);
		if (!bytes)
			return 0;
		memcpy(bytes, data + HEADER, length);
		data += HEADER + length;
		size -= HEADER + length;

		struct packet packet;
		if (packet_dissect(bytes, length, &packet) < 0)
			continue;
		check_packet(&packet);
		enum attempt attempt = attempts_note(attempts, &packet, reason, now);
		demand(attempts_count(attempts) <= PLACES);
		tried += attempt == ATTEMPT_NEW;
		packets++;
		ledger_note(ledger, &packet, reason, "host", "role", NULL, attempt == ATTEMPT_NEW,
		            now);
	}
	check_ledger(ledger, tried, packets);
	return 0;
}
