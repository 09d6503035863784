/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_TRACK_EVIDENCE_H
#define EGRESSD_TRACK_EVIDENCE_H

#include "base/time.h"
#include "track/endpoint.h"

#include <stdbool.h>
#include <stdint.h>

/* The last attempts of a source, and what it tried in all: what a hunt begins with. */

#define EVIDENCE_ATTEMPTS 16
#define EVIDENCE_SERVICES 16

struct evidence_attempt {
	usec_t time;
	struct address source;
	struct endpoint destination;
	uint32_t uid;         /* of the user whose socket of the gateway made it */
	uint16_t source_port; /* ICMP: the identifier */
	bool has_uid;
	bool passed; /* audit let it pass */
};

struct evidence_service {
	uint16_t port; /* ICMP: the type; 0 without one */
	uint8_t protocol;
	uint8_t has_port;
	uint64_t attempts;
	uint64_t passed; /* of these, those that audit let pass */
};

/* Start from {}. */
struct evidence {
	uint32_t attempt_count;
	uint32_t service_count;
	struct evidence_attempt attempts[EVIDENCE_ATTEMPTS]; /* the last one comes first */
	/* What was tried most recently comes first; what was tried longest ago makes room. */
	struct evidence_service services[EVIDENCE_SERVICES];
};

/* Notes an attempt. True when its service was not among those known. */
bool evidence_note(struct evidence *evidence, const struct evidence_attempt *attempt);

/* True when that service is among those known. */
bool evidence_knows(const struct evidence *evidence, const struct endpoint *destination);

/* Counts an attempt for its service and notes nothing else; false when that is not known. */
bool evidence_count(struct evidence *evidence, const struct endpoint *destination, bool passed);

/* What of the evidence belongs to one destination. */
void evidence_select(const struct evidence *evidence, const struct endpoint *destination,
                     struct evidence *ret_selected);

#endif
