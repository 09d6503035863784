/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_TRACK_LEDGER_H
#define EGRESSD_TRACK_LEDGER_H

#include "base/address.h"
#include "base/cleanup.h"
#include "base/reason.h"
#include "base/time.h"
#include "track/endpoint.h"
#include "track/packet.h"
#include "track/recent.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * What was blocked: who tried what, and why it was not to be. Its size is bounded; an entry that
 * has to make room leaves its counts in `others`, so that the totals stay true. A source that has
 * most of the entries loses its own; see recent.h for which entries make room.
 */
struct ledger;

#define LEDGER_NAME_BYTES 64 /* with the NUL; longer names are cut */

/* What entries differ in. */
struct ledger_key {
	struct address source;
	struct address destination;
	uint16_t port; /* ICMP: the type; 0 without one */
	uint8_t protocol;
	uint8_t reason; /* an enum reason */
	uint8_t has_port;
	uint8_t unused[3]; /* zero; keys are compared as bytes */
};

/* The most attempts that are counted as passed, of an entry: 2^48, less one. */
#define LEDGER_PASSED_MAX ((UINT64_C(1) << 48) - 1)

/* What was noted of an entry's packets. It borrows nothing, so that it may be copied. */
struct ledger_noted {
	struct ledger_key key;
	uint64_t attempts;
	uint64_t packets;
	usec_t first;
	usec_t last;
	uint64_t passed : 48; /* of the attempts, those that audit let pass */
	uint16_t source_port; /* of the last packet that had one; ICMP: the identifier */
	bool has_mac;
	struct mac mac; /* of the last packet that had one */
	bool has_uid;   /* the last packet was the gateway's own, and had a socket */
	uint32_t uid;   /* of the user whose socket that was, and of his group */
	uint32_t gid;
};

/*
 * An entry of a ledger: what was noted, and two names. The name of its host may be borrowed from a
 * policy, so that nobody but the ledger can copy one: see ledger_save().
 */
struct ledger_entry;

/* An entry that is in no ledger, with names of its own. It lasts as long as its memory does. */
struct ledger_saved {
	struct ledger_noted noted;
	char host[LEDGER_NAME_BYTES];
	char role[LEDGER_NAME_BYTES];
};

struct ledger_totals {
	uint64_t attempts;
	uint64_t passed; /* of these, those that audit let pass */
	uint64_t packets;
	uint64_t other_attempts; /* of these, the ones that no entry holds any more */
	uint64_t other_passed;
	uint64_t other_packets;
	uint64_t other_entries; /* how many entries made room */
};

/*
 * What to look for; zero or NULL is anything. `since` asks for entries whose last packet is no
 * older. The empty string looks for entries without such a name.
 */
struct ledger_filter {
	const struct address *source;
	const char *host;
	const char *role;
	const enum reason *reason;
	usec_t since;
};

/* Room for max entries, all taken here. 0, -EINVAL for a max of 0, or what recent_new() says. */
int ledger_new(size_t max, struct ledger **ret_ledger);

/*
 * Gives the ledger room for max entries instead: another one takes the place of *ledger and takes
 * over what fits, and the rest is summed up in the others. Errors as above; then nothing changes.
 */
int ledger_resize(struct ledger **ledger, size_t max);

/* Takes NULL, returns NULL. */
struct ledger *ledger_free(struct ledger *ledger);
DEFINE_CLEANUP(struct ledger *, ledger_free)

/* A packet that will be noted soon; see recent_expect(). */
struct expected_entry {
	struct ledger_key key;
	struct recent_place place;
};
void ledger_expect(const struct ledger *ledger, const struct packet *packet, enum reason reason,
                   struct expected_entry *ret_expected);

/*
 * Notes one blocked packet. host is the name of its source and role the one that the reason counts
 * for, NULL or empty where there is none; they are copied. mac may be NULL. Returns the entry,
 * which lasts until the next ledger_note().
 */
const struct ledger_entry *ledger_note(struct ledger *ledger, const struct packet *packet,
                                       enum reason reason, const char *host, const char *role,
                                       const struct mac *mac, bool new_attempt, usec_t now);

/* Audit let the new attempt pass that ledger_note() just gave that entry for. */
void ledger_note_passed(struct ledger *ledger, const struct ledger_entry *entry);

/* Whose socket sent the packet that ledger_note() just gave that entry for. */
void ledger_note_user(struct ledger *ledger, const struct ledger_entry *entry, uint32_t uid,
                      uint32_t gid);

/*
 * The same for a packet that was expected; but host is only lent, and has to last until
 * ledger_keep_names().
 */
const struct ledger_entry *ledger_note_expected(struct ledger *ledger,
                                                const struct expected_entry *expected,
                                                const struct packet *packet, const char *host,
                                                const char *role, const struct mac *mac,
                                                bool new_attempt, usec_t now);

/* The one way in which an entry leaves its ledger: with copies of its names. */
void ledger_save(const struct ledger_entry *entry, struct ledger_saved *ret_saved);

/*
 * Puts an entry back that was saved; to be called from the one last seen longest ago to the latest,
 * before anything is noted. 0, or -EEXIST when its key is there already.
 */
int ledger_restore(struct ledger *ledger, const struct ledger_saved *saved);

/* Adds to the others what an earlier ledger had there. */
void ledger_restore_others(struct ledger *ledger, uint64_t attempts, uint64_t passed,
                           uint64_t packets, uint64_t entries);

/*
 * The entries that pass the filter (NULL: all), most recently seen first; NULL behind the last.
 *
 *	for (e = ledger_first(ledger, &f); e; e = ledger_next(ledger, &f, e)) ...
 *
 * Entries last until the next ledger_note(); nothing else disturbs the loop.
 */
const struct ledger_entry *ledger_first(const struct ledger *ledger,
                                        const struct ledger_filter *filter);
const struct ledger_entry *ledger_next(const struct ledger *ledger,
                                       const struct ledger_filter *filter,
                                       const struct ledger_entry *entry);

/* What was noted of it: an entry begins with that. Lasts as the entry does. */
static inline const struct ledger_noted *ledger_noted(const struct ledger_entry *entry)
{
	return (const struct ledger_noted *)entry;
}

/*
 * What the source's host and the role were called at the last packet; may be empty. Both last until
 * the next ledger_note(), and no longer than the policy: whoever needs them later saves the entry.
 */
const char *ledger_host(const struct ledger_entry *entry);
const char *ledger_role(const struct ledger_entry *entry);

/*
 * Copies the names of hosts that were lent, of all entries or of the one that was just noted: they
 * go away. To read each of them with each packet would be another way to memory.
 */
void ledger_keep_names(struct ledger *ledger);
void ledger_keep_names_of(struct ledger *ledger, const struct ledger_entry *entry);

/* Who tried to reach what. */
static inline struct stream ledger_stream(const struct ledger_key *key)
{
	return (struct stream){
	        .source = key->source,
	        .destination = {.address = key->destination,
	                        .port = key->port,
	                        .protocol = key->protocol,
	                        .has_port = key->has_port},
	};
}

/* How many entries there are. */
size_t ledger_count(const struct ledger *ledger);

/* Everything ever noted. */
struct ledger_totals ledger_totals(const struct ledger *ledger);

#endif
