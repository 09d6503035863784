/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_TRACK_NEWCOMER_H
#define EGRESSD_TRACK_NEWCOMER_H

#include "base/cleanup.h"
#include "base/time.h"
#include "track/endpoint.h"
#include "track/evidence.h"
#include "track/recent.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Sources that made too few attempts for any verdict about their conduct. What they did is only
 * kept until there is enough of it, so that a flood by very many senders costs one look-up an
 * attempt, and takes no room from those that are followed.
 */
struct newcomers;

/* No detector of conduct says anything before the attempt after these, unless it is told to. */
#define NEWCOMER_ATTEMPTS 3

struct newcomer_attempt {
	usec_t time;
	struct endpoint destination;
	uint32_t bytes;
	uint16_t source_port;
	bool passed; /* audit let it pass */
};

struct newcomer {
	struct address source;
	uint32_t count;
	struct newcomer_attempt attempts[NEWCOMER_ATTEMPTS]; /* the first one comes first */
};

/*
 * Room for max of them; the secret is for their places, see recent_set_secret(). 0, -EINVAL for no
 * room, or what recent_new() says.
 */
int newcomers_new(size_t max, const struct tag_secret *secret, struct newcomers **ret_newcomers);

/* Takes NULL, returns NULL. */
struct newcomers *newcomers_free(struct newcomers *newcomers);
DEFINE_CLEANUP(struct newcomers *, newcomers_free)

/* The source with that place will be asked for soon; see recent_expect_at(). */
void newcomers_expect(const struct newcomers *newcomers, struct recent_place place);

/* It comes from memory; see recent_approach(). */
void newcomers_approach(const struct newcomers *newcomers, struct recent_place place);

/* That source with what is kept of it, which may be nothing; it lasts until the next call. */
struct newcomer *newcomers_get(struct newcomers *newcomers, const struct address *source,
                               struct recent_place place);

/* Keeps an attempt. False when the first of those kept had to go for it. */
bool newcomer_keep(struct newcomer *newcomer, const struct evidence_attempt *attempt,
                   uint32_t bytes);

/* True when one of the attempts kept was the same, at least that long before. */
bool newcomer_repeats(const struct newcomer *newcomer, const struct evidence_attempt *attempt,
                      usec_t apart);

#endif
