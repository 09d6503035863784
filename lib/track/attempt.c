/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "track/attempt.h"

#include "base/array.h"
#include "base/protocol.h"
#include "track/owners.h"
#include "track/tag.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>

/* What tells the attempts of packets apart. Hashed as bytes: it has no padding, and its source is
 * what owns it. */
struct attempt_key {
	struct address source;
	struct address destination;
	uint32_t sequence; /* of a SYN, else 0 */
	uint16_t source_port;
	uint16_t destination_port;
	uint8_t protocol;
	uint8_t reason;
	uint8_t has_ports;
	uint8_t unused;
};
_Static_assert(offsetof(struct attempt_key, source) == 0, "a key begins with the source");
_Static_assert(sizeof(struct attempt_key) == 2 * sizeof(struct address) + 12, "key has padding");
_Static_assert(sizeof(struct address) == sizeof(enum family) + 16, "address has padding");

struct attempts {
	struct tried *tried;
	struct tag_secret secrets[2]; /* of the halves of a name */
};

static const struct tried_limits limits_tcp = {.gap = ATTEMPT_SYN_GAP};
static const struct tried_limits limits_other = {.gap = ATTEMPT_GAP, .span = ATTEMPT_SPAN};

int attempts_new(size_t max, struct attempts **ret_attempts)
{
	_cleanup_(attempts_freep) struct attempts *attempts = calloc(1, sizeof(*attempts));
	if (!attempts)
		return -ENOMEM;
	int r = tried_new(max, &attempts->tried);
	for (size_t i = 0; i < ELEMENTS_OF(attempts->secrets) && r >= 0; i++)
		r = tag_secret_draw(&attempts->secrets[i]);
	if (r < 0)
		return r;
	*ret_attempts = TAKE_POINTER(attempts);
	return 0;
}

struct attempts *attempts_free(struct attempts *attempts)
{
	if (attempts) {
		tried_free(attempts->tried);
		free(attempts);
	}
	return NULL;
}

int attempts_resize(struct attempts *attempts, size_t max)
{
	return tried_resize(&attempts->tried, max);
}

static bool tries(const struct packet *packet)
{
	/* Without its ports a fragment would look like another connection. */
	if (packet->fragment)
		return false;
	return packet->protocol != IPPROTO_TCP || packet_is_syn(packet);
}

void attempts_expect(const struct attempts *attempts, const struct packet *packet,
                     enum reason reason, struct expected_attempt *ret_expected)
{
	ret_expected->tries = tries(packet);
	if (!ret_expected->tries)
		return;
	const struct attempt_key key = {
	        .source = packet->source,
	        .destination = packet->destination,
	        .sequence = packet->has_tcp ? packet->tcp_sequence : 0,
	        .source_port = packet->has_ports ? packet->source_port : 0,
	        .destination_port = packet->has_ports ? packet->destination_port : 0,
	        .protocol = packet->protocol,
	        .reason = (uint8_t)reason,
	        .has_ports = packet->has_ports,
	};
	ret_expected->limits = packet->protocol == IPPROTO_TCP ? &limits_tcp : &limits_other;
	const struct tag_secret *secrets = attempts->secrets;
	uint32_t owner,
	        tag = tag_of_owned(&secrets[0], &key, sizeof(key.source), sizeof(key), &owner);
	ret_expected->name = (struct tried_name){
	        .tag = tag,
	        .check = tag_of(&secrets[1], &key, sizeof(key)),
	        .group = owner % OWNERS_GROUPS,
	};
	tried_expect(attempts->tried, &ret_expected->name);
}

enum attempt attempts_note(struct attempts *attempts, const struct packet *packet,
                           enum reason reason, usec_t now)
{
	struct expected_attempt expected;
	attempts_expect(attempts, packet, reason, &expected);
	return attempts_note_expected(attempts, &expected, now);
}

enum attempt attempts_note_expected(struct attempts *attempts,
                                    const struct expected_attempt *expected, usec_t now)
{
	if (!expected->tries)
		return ATTEMPT_NONE;

	return tried_see(attempts->tried, &expected->name, expected->limits, now) ? ATTEMPT_REPEATED
	                                                                          : ATTEMPT_NEW;
}

size_t attempts_count(const struct attempts *attempts)
{
	return tried_count(attempts->tried);
}
