/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "track/detect.h"

#include "track/conduct.h"
#include "track/tag.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#define QUIC_PORT 443

/* Attempts that are looked at in a second. */
#define SOURCE_LOOKS        200
#define SAME_LOOKS          8     /* of a source; repetitions beyond these cost it none */
#define LOOKS               20000 /* beyond these in all, each source has only: */
#define SOURCE_LOOKS_SCARCE SCAN_DISTINCT_MAX /* enough for any scan to be told */
/* New sources that begin to be looked at in a second: that is the dearest of all. */
#define SOURCES_MET 2000

/* An alarm that many senders share notes one attempt in full after so long. */
#define CROWD_EVERY (USEC_PER_SEC / 10)

const struct detect_sizes detect_sizes_standard = {
        .newcomers = 8192,
        .sources = 8192,
        .streams = 16384,
        .histories = 256,
        .scans = 4096,
        .contacts = 65536,
};

int detect_new(const struct detect_sizes *sizes, struct alarm_book *book,
               struct detect **ret_detect)
{
	_cleanup_(detect_freep) struct detect *detect = calloc(1, sizeof(*detect));
	if (!detect)
		return -ENOMEM;
	detect->book = book;
	struct tag_secret secret;
	int r = tag_secret_draw(&secret);
	if (r >= 0)
		r = newcomers_new(sizes->newcomers, &secret, &detect->newcomers);
	if (r >= 0)
		r = talkers_new(sizes->sources, &secret, &detect->talkers);
	if (r >= 0)
		r = beacons_new(sizes->streams, sizes->histories, &detect->beacons);
	if (r >= 0)
		r = scans_new(sizes->scans, &detect->scans);
	if (r >= 0)
		r = trw_new(sizes->sources, sizes->contacts, &detect->trw);
	if (r < 0)
		return r;
	*ret_detect = TAKE_POINTER(detect);
	return 0;
}

struct detect *detect_free(struct detect *detect)
{
	if (detect) {
		newcomers_free(detect->newcomers);
		talkers_free(detect->talkers);
		beacons_free(detect->beacons);
		scans_free(detect->scans);
		trw_free(detect->trw);
		free(detect);
	}
	return NULL;
}

static void raise_at_once(const struct look *look, enum alarm_kind kind)
{
	struct alarm_cause cause = look_cause(look, kind);
	if (!look_count_for(look, &cause))
		look_raise(look, &cause);
}

/* Who is throttled is known by that, for psad's danger level; NULL while too many become known. */
static struct talker *count_throttled(const struct look *look)
{
	struct detect *detect = look->detect;
	const struct address *source = &look->stream.source;
	struct talker *talker =
	        talkers_find(detect->talkers, source, talkers_expect(detect->talkers, source));
	if (!talker && budget_spend(&detect->met, SOURCES_MET, look->attempt.time)) {
		struct look known = *look;
		talker = known.talker = talkers_add(detect->talkers, source);
		conduct_meet(&known);
	}
	if (talker)
		talkers_note(detect->talkers, talker, &look->attempt);
	return talker;
}

static void raise_throttle(const struct look *unknown)
{
	struct look known = *unknown;
	const struct look *look = &known;
	struct alarm_cause cause = look_cause(look, ALARM_THROTTLE);
	known.talker = count_throttled(look);
	if (look_count_for(look, &cause))
		return;
	struct alarm news = look_alarm(look, &cause);
	news.distinct = look->facts->throttle_destinations;
	news.span = look->facts->throttle_per;
	look_put(look, &news);
}

static void break_tripwire(const struct look *look)
{
	const struct alarm *alarm =
	        look->talker ? look_recall(look, &look->talker->tripwire, ALARM_TRIPWIRE) : NULL;
	if (alarm) {
		look_count_in(look, alarm);
		return;
	}
	raise_at_once(look, ALARM_TRIPWIRE);
	if (look->talker) {
		struct alarm_cause cause = look_cause(look, ALARM_TRIPWIRE);
		look_remember(&look->talker->tripwire, alarm_book_find(look->detect->book, &cause));
	}
}

static bool is_crowd(const struct alarm *alarm, enum alarm_kind kind, const char *interface)
{
	return alarm && alarm->state != ALARM_CLEARED && alarm->cause.many &&
	       alarm->cause.kind == kind && strcmp(alarm->cause.host, interface) == 0;
}

static void join_crowd(const struct look *look, enum alarm_kind kind)
{
	struct detect *detect = look->detect;
	const char *interface = look->facts->interface ? look->facts->interface : "";
	const struct alarm **crowd =
	        kind == ALARM_IMPOSTOR ? &detect->impostors : &detect->unassigned;

	if (!is_crowd(*crowd, kind, interface)) {
		struct alarm_cause cause = {.kind = (uint8_t)kind, .many = true};
		alarm_name(cause.host, sizeof(cause.host), interface);
		*crowd = alarm_book_find(detect->book, &cause);
		if (!*crowd) {
			*crowd = look_raise(look, &cause);
			return;
		}
	}
	if (look_is_due(look, *crowd, CROWD_EVERY))
		look_raise(look, &(*crowd)->cause);
	else
		look_tally(look, *crowd);
}

/* Senders that nobody knows may come in any number: behind the first ones they are one alarm. */
static void look_at_stranger(const struct look *look, enum alarm_kind kind)
{
	struct alarm_book *book = look->detect->book;
	struct alarm_cause cause = {
	        .kind = (uint8_t)kind,
	        .source = look->stream.source,
	        .has_source = true,
	        .mac = look->noted->mac,
	        .has_mac = look->noted->has_mac,
	};
	if (look_count_for(look, &cause))
		return;

	struct alarm_counts counts = alarm_book_counts(book);
	if (counts.open[ALARM_UNASSIGNED] + counts.open[ALARM_IMPOSTOR] >=
	    look->thresholds->strangers)
		join_crowd(look, kind);
	else
		look_raise(look, &cause);
}

/* A browser tries QUIC first and then does without: the commonest of all harmless attempts. */
static bool is_quic_of_browser(const struct look *look)
{
	const struct endpoint *to = &look->stream.destination;
	return look->facts->may_use_https && to->protocol == IPPROTO_UDP && to->has_port &&
	       to->port == QUIC_PORT;
}

static bool shows_conduct(enum reason reason, const struct detect_facts *facts)
{
	switch (reason) {
	case REASON_UNASSIGNED:
	case REASON_BLOCKLIST:
	case REASON_ROLE:
		return true;
	case REASON_INBOUND:
		/* What the whole world tries from outside is no news. */
		return facts->host && *facts->host;
	case REASON_QUARANTINE:
	case REASON_SPOOFED:
	case REASON_IMPOSTOR:
	case REASON_THROTTLE:
		return false;
	}
	return false;
}

/* The whole host may be in it, though it is many machines. */
static void count_quarantined(const struct look *look)
{
	struct alarm_cause cause = look_cause(look, ALARM_QUARANTINE);
	if (look_count_for(look, &cause) || !look->facts->host)
		return;
	cause = alarm_host_cause(ALARM_QUARANTINE, look->facts->host, true, NULL);
	look_count_for(look, &cause);
}

/* Finds the source, or gets to know it; false when this attempt is only kept. */
static bool meet(struct look *look, const struct expected_source *expected)
{
	struct detect *detect = look->detect;
	const struct address *source = &look->stream.source;
	look->talker = talkers_find(detect->talkers, source, expected->place);
	if (look->talker)
		return true;

	struct newcomer *newcomer = newcomers_get(detect->newcomers, source, expected->place);
	/* Who comes back to the same may be a beacon, which is slow: it is not left to be washed
	 * away by a flood. */
	bool follow = conduct_is_enough(look->thresholds, newcomer->count + 1) ||
	              newcomer_repeats(newcomer, &look->attempt, BEACON_BEAT);
	if (!follow || !budget_spend(&detect->met, SOURCES_MET, look->attempt.time)) {
		if (newcomer_keep(newcomer, &look->attempt, look->facts->bytes)) {
			detect->counts.kept++;
		} else {
			detect->counts.skipped++; /* the one that had to go */
			detect->counts.missed++;
		}
		return false;
	}
	look->talker = talkers_add(detect->talkers, source);
	conduct_meet(look);
	for (uint32_t i = 0; i < newcomer->count; i++)
		conduct_catch_up(look, &newcomer->attempts[i]);
	newcomer->count = 0;
	return true;
}

/* Within a beat of the same, an attempt is no news for any detector. */
static bool repeats(const struct look *look)
{
	const struct evidence *evidence = &look->talker->evidence;
	const struct evidence_attempt *last = &evidence->attempts[0];
	return evidence->attempt_count && look->attempt.time >= last->time &&
	       look->attempt.time - last->time < BEACON_BEAT &&
	       memcmp(&last->destination, &look->stream.destination, sizeof(last->destination)) ==
	               0;
}

/* True when no detector would use the attempt: it is counted, in the open alarms too. */
static bool is_no_news(const struct look *look)
{
	struct talker *talker = look->talker;
	const struct alarm *scan = look_recall(look, &talker->scan, ALARM_SCAN);
	return (conduct_is_of_scan(look, scan) && !look_is_due(look, scan, LOOK_NOTE_EVERY)) ||
	       (talker->looks.spent >= SAME_LOOKS && repeats(look));
}

/* True when the source, or all together, have had their looks of this second. */
static bool is_beyond_budget(const struct look *look)
{
	usec_t now = look->attempt.time;
	uint32_t allowance =
	        budget_spend(&look->detect->looks, LOOKS, now) ? SOURCE_LOOKS : SOURCE_LOOKS_SCARCE;
	return !budget_spend(&look->talker->looks, allowance, now);
}

static struct look look_at(struct detect *detect, const struct ledger_noted *noted,
                           const struct detect_facts *facts, usec_t now)
{
	struct look look = {
	        .detect = detect,
	        .facts = facts,
	        .thresholds = facts->thresholds ? facts->thresholds : &thresholds_standard,
	        .noted = noted,
	        .stream = ledger_stream(&noted->key),
	};
	look.attempt = (struct evidence_attempt){
	        .time = now,
	        .source = look.stream.source,
	        .destination = look.stream.destination,
	        .source_port = noted->source_port,
	        .has_uid = noted->has_uid,
	        .passed = facts->passed,
	        .uid = noted->has_uid ? noted->uid : 0,
	};
	return look;
}

struct expected_source detect_expect(const struct detect *detect, const struct address *source)
{
	struct recent_place place = talkers_expect(detect->talkers, source);
	newcomers_expect(detect->newcomers, place);
	return (struct expected_source){place};
}

void detect_approach(const struct detect *detect, const struct expected_source *expected,
                     const struct stream *stream)
{
	if (!talkers_approach(detect->talkers, expected->place)) {
		newcomers_approach(detect->newcomers, expected->place);
		return;
	}
	scans_expect(detect->scans, stream);
	beacons_expect(detect->beacons, stream);
}

void detect_attempt(struct detect *detect, const struct ledger_noted *noted,
                    const struct detect_facts *facts, usec_t now)
{
	struct expected_source expected = detect_expect(detect, &noted->key.source);
	detect_expected_attempt(detect, &expected, noted, facts, now);
}

void detect_expected_attempt(struct detect *detect, const struct expected_source *expected,
                             const struct ledger_noted *noted, const struct detect_facts *facts,
                             usec_t now)
{
	struct look look = look_at(detect, noted, facts, now);
	detect->counts.attempts++;
	bool conduct =
	        shows_conduct((enum reason)noted->key.reason, facts) && !is_quic_of_browser(&look);
	bool kept = conduct && !meet(&look, expected);
	bool no_news = look.talker && is_no_news(&look);
	bool missed = look.talker && !no_news && is_beyond_budget(&look);
	bool skipped = no_news || missed;
	if (skipped)
		talkers_count(detect->talkers, look.talker, &look.attempt);
	else if (look.talker)
		talkers_note(detect->talkers, look.talker, &look.attempt);
	detect->counts.skipped += skipped;
	detect->counts.missed += missed;
	detect->counts.looked += !skipped && !kept;

	switch ((enum reason)noted->key.reason) {
	case REASON_SPOOFED:
		break;
	case REASON_QUARANTINE:
		count_quarantined(&look);
		break;
	case REASON_THROTTLE:
		raise_throttle(&look);
		break;
	case REASON_IMPOSTOR:
		look_at_stranger(&look, ALARM_IMPOSTOR);
		break;
	case REASON_UNASSIGNED:
		look_at_stranger(&look, ALARM_UNASSIGNED);
		break;
	case REASON_ROLE:
	case REASON_BLOCKLIST:
		if (facts->tripwire)
			break_tripwire(&look);
		break;
	case REASON_INBOUND:
		break;
	}
	if (skipped)
		conduct_count(&look);
	else if (look.talker)
		conduct_look(&look);
	else if (kept)
		conduct_count_unknown(&look);
}

unsigned detect_beats(const struct detect *detect, const struct stream *stream,
                      usec_t ret_beats[static BEACON_BEATS])
{
	return beacons_beats(detect->beacons, stream, ret_beats);
}

void detect_remember(struct detect *detect, const struct ledger_noted *noted,
                     const struct detect_facts *facts, const usec_t *beats, unsigned beat_count,
                     usec_t now)
{
	struct look look = look_at(detect, noted, facts, noted->last);
	const struct address *source = &look.stream.source;
	if (noted->last > now || !shows_conduct((enum reason)noted->key.reason, facts) ||
	    is_quic_of_browser(&look))
		return;
	look.talker =
	        talkers_find(detect->talkers, source, talkers_expect(detect->talkers, source));
	if (!look.talker) {
		look.talker = talkers_add(detect->talkers, source);
		conduct_meet(&look);
	}
	conduct_remember(&look, beats, beat_count);
}

void detect_contact(struct detect *detect, const struct stream *stream,
                    const struct detect_facts *facts, usec_t now)
{
	const struct thresholds *thresholds =
	        facts->thresholds ? facts->thresholds : &thresholds_standard;
	struct trw_walk walk;
	trw_note(detect->trw, &stream->source, &stream->destination.address, true, false,
	         &thresholds->trw, now, &walk);
}

void detect_know_contacts(struct detect *detect, usec_t since)
{
	trw_know(detect->trw, since);
}

void detect_doubt_contacts(struct detect *detect)
{
	trw_doubt(detect->trw);
}

struct trw_counts detect_contact_counts(const struct detect *detect)
{
	return trw_counts(detect->trw);
}

struct detect_counts detect_counts(const struct detect *detect)
{
	return detect->counts;
}
