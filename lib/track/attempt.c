/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "track/attempt.h"

#include "base/protocol.h"

#include <errno.h>
#include <netinet/in.h>

_Static_assert(offsetof(struct attempt_key, source) == 0, "a key begins with the source");
_Static_assert(sizeof(struct attempt_key) == 2 * sizeof(struct address) + 12, "key has padding");
_Static_assert(sizeof(struct address) == sizeof(enum family) + 16, "address has padding");

struct tried {
	struct attempt_key key;
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
	int r = recent_new_fair(max, sizeof(struct address), sizeof(struct attempt_key),
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
	ret_expected->key = (struct attempt_key){
	        .source = packet->source,
	        .destination = packet->destination,
	        .sequence = packet->has_tcp ? packet->tcp_sequence : 0,
	        .source_port = packet->has_ports ? packet->source_port : 0,
	        .destination_port = packet->has_ports ? packet->destination_port : 0,
	        .protocol = packet->protocol,
	        .reason = (uint8_t)reason,
	        .has_ports = packet->has_ports,
	};
	ret_expected->place = recent_expect(attempts->tried, &ret_expected->key);
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

	struct tried *tried = recent_use_at(attempts->tried, &expected->key, expected->place);
	if (tried && goes_on(tried, now)) {
		if (now > tried->last)
			tried->last = now;
		return ATTEMPT_REPEATED;
	}

	if (!tried)
		tried = recent_add_at(attempts->tried, &expected->key, expected->place);
	tried->first = now;
	tried->last = now;
	return ATTEMPT_NEW;
}

size_t attempts_count(const struct attempts *attempts)
{
	return recent_count(attempts->tried);
}
