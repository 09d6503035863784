/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "track/attempt.h"

#include "base/protocol.h"
#include "track/recent.h"

#include <errno.h>
#include <netinet/in.h>

/* Compared as bytes; the sizes add up without padding. */
struct key {
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
_Static_assert(offsetof(struct key, source) == 0, "a key begins with the source");
_Static_assert(sizeof(struct key) == 2 * sizeof(struct address) + 12, "key has padding");
_Static_assert(sizeof(struct address) == sizeof(enum family) + 16, "address has padding");

struct tried {
	struct key key;
	usec_t first;
	usec_t last;
};

struct attempts {
	struct recent *tried; /* of struct tried */
};

int attempts_new(size_t max, struct attempts **ret_attempts)
{
	_cleanup_(attempts_freep) struct attempts *attempts = calloc(1, sizeof(*attempts));
	if (!attempts)
		return -ENOMEM;
	int r = recent_new_fair(max, sizeof(struct address), sizeof(struct key),
	                        sizeof(struct tried), &attempts->tried);
	if (r < 0)
		return r;
	*ret_attempts = TAKE_POINTER(attempts);
	return 0;
}

struct attempts *attempts_free(struct attempts *attempts)
{
	if (attempts) {
		recent_free(attempts->tried);
		free(attempts);
	}
	return NULL;
}

int attempts_resize(struct attempts **attempts, size_t max)
{
	_cleanup_(attempts_freep) struct attempts *resized = NULL;
	int r = attempts_new(max, &resized);
	if (r < 0)
		return r;

	for (const struct tried *tried = recent_last((*attempts)->tried); tried;
	     tried = recent_previous((*attempts)->tried, tried)) {
		struct tried *copy = recent_add(resized->tried, &tried->key);
		*copy = *tried;
		if (tried->last != tried->first)
			(void)recent_use(resized->tried, &tried->key);
	}
	attempts_free(*attempts);
	*attempts = TAKE_POINTER(resized);
	return 0;
}

static bool goes_on(const struct tried *tried, usec_t now)
{
	usec_t apart = now > tried->last ? now - tried->last : tried->last - now;
	if (tried->key.protocol == IPPROTO_TCP)
		return apart <= ATTEMPT_SYN_GAP;
	return apart <= ATTEMPT_GAP && (now < tried->first || now - tried->first <= ATTEMPT_SPAN);
}

enum attempt attempts_note(struct attempts *attempts, const struct packet *packet,
                           enum reason reason, usec_t now)
{
	/* Without its ports a fragment would look like another connection. */
	if (packet->fragment)
		return ATTEMPT_NONE;
	if (packet->protocol == IPPROTO_TCP && !packet_is_syn(packet))
		return ATTEMPT_NONE;

	const struct key key = {
	        .source = packet->source,
	        .destination = packet->destination,
	        .sequence = packet->has_tcp ? packet->tcp_sequence : 0,
	        .source_port = packet->has_ports ? packet->source_port : 0,
	        .destination_port = packet->has_ports ? packet->destination_port : 0,
	        .protocol = packet->protocol,
	        .reason = (uint8_t)reason,
	        .has_ports = packet->has_ports,
	};

	struct tried *tried = recent_use(attempts->tried, &key);
	if (tried && goes_on(tried, now)) {
		if (now > tried->last)
			tried->last = now;
		return ATTEMPT_REPEATED;
	}

	if (!tried)
		tried = recent_add(attempts->tried, &key);
	tried->first = now;
	tried->last = now;
	return ATTEMPT_NEW;
}

size_t attempts_count(const struct attempts *attempts)
{
	return recent_count(attempts->tried);
}
