/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "track/talker.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

struct talkers {
	struct recent *table;
	struct hash_key secret;
};

int talkers_new(size_t max, const struct tag_secret *secret, struct talkers **ret_talkers)
{
	_cleanup_(talkers_freep) struct talkers *talkers = calloc(1, sizeof(*talkers));
	if (!talkers)
		return -ENOMEM;
	int r = recent_new(max, sizeof(struct address), sizeof(struct talker), &talkers->table);
	if (r < 0)
		return r;
	recent_set_secret(talkers->table, secret);
	ssize_t n = getrandom(&talkers->secret, sizeof(talkers->secret), 0);
	if (n < 0)
		return -errno;
	if ((size_t)n != sizeof(talkers->secret))
		return -EIO;
	*ret_talkers = TAKE_POINTER(talkers);
	return 0;
}

struct talkers *talkers_free(struct talkers *talkers)
{
	if (talkers) {
		recent_free(talkers->table);
		free(talkers);
	}
	return NULL;
}

struct recent_place talkers_expect(const struct talkers *talkers, const struct address *source)
{
	return recent_expect(talkers->table, source);
}

bool talkers_approach(const struct talkers *talkers, struct recent_place place)
{
	/* What a look at an attempt begins with; the rest follows too late only now and then. */
	return recent_approach(talkers->table, place, offsetof(struct talker, told));
}

struct talker *talkers_find(struct talkers *talkers, const struct address *source,
                            struct recent_place place)
{
	return recent_use_at(talkers->table, source, place);
}

struct talker *talkers_add(struct talkers *talkers, const struct address *source)
{
	return recent_add(talkers->table, source);
}

/* Of a secret and with products, which is quick: nothing but an estimate depends on it. */
static uint64_t mix(const struct hash_key *secret, const struct address *address)
{
	uint64_t low, high;
	memcpy(&low, address->bytes, sizeof(low));
	memcpy(&high, address->bytes + sizeof(low), sizeof(high));
	uint64_t hash = (low ^ secret->words[0]) * (secret->words[1] | 1);
	hash = ((hash ^ hash >> 32) + high) * (secret->words[0] | 1);
	return hash >> 32;
}

void talkers_count(struct talkers *talkers, struct talker *talker,
                   const struct evidence_attempt *attempt)
{
	talker->last = attempt->time;
	talker->attempts++;
	destinations_note(&talker->destinations,
	                  mix(&talkers->secret, &attempt->destination.address));
}

void talkers_note(struct talkers *talkers, struct talker *talker,
                  const struct evidence_attempt *attempt)
{
	usec_t now = attempt->time;
	usec_t silence = now > talker->last ? now - talker->last : 0;
	if (silence > TALKER_SILENCE) {
		talker->evidence = (struct evidence){};
		talker->first = now;
	}
	if (silence > TALKER_MEMORY) {
		talker->attempts = 0;
		talker->destinations = (struct destinations){};
	}
	talkers_count(talkers, talker, attempt);
	evidence_note(&talker->evidence, attempt);
}

struct told *talker_told(struct talker *talker, const struct endpoint *destination)
{
	for (unsigned i = 0; i < talker->told_count; i++)
		if (memcmp(&talker->told[i].destination, destination, sizeof(*destination)) == 0)
			return &talker->told[i];
	return NULL;
}

struct told *talker_tell(struct talker *talker, const struct endpoint *destination)
{
	if (talker->told_count < TALKER_BEACONS)
		talker->told_count++;
	memmove(talker->told + 1, talker->told, (talker->told_count - 1) * sizeof(talker->told[0]));
	talker->told[0] = (struct told){.destination = *destination};
	return &talker->told[0];
}

unsigned talker_danger(const struct talker *talker)
{
	return danger_level(talker->attempts, destinations_estimate(&talker->destinations));
}
