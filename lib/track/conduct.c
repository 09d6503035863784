/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "track/conduct.h"

#include "base/protocol.h"

#include <string.h>

#define SCORE_EVERY   (60 * USEC_PER_SEC) /* a score costs more than all the rest */
#define QUIET_PERIODS 3                   /* a beacon is not over before it missed so many */

static void take_scan(struct alarm *news, const struct look *look, const struct scan *scan)
{
	news->distinct = scan->distinct;
	news->span = scan->span;
	if (!alarm_book_find(look->detect->book, &news->cause)) {
		news->attempts = scan->attempts;
		news->passed = scan->passed;
		news->first = scan->since;
		news->evidence = look->talker->evidence;
	}
}

/*
 * True when the attempt is part of a scan and of nothing else. Whatever else a scanner tries counts
 * for the scan, as the ports of a worm are its name; but it may be a beacon or a port scan as well.
 */
static bool look_for_scan(const struct look *look)
{
	struct talker *talker = look->talker;
	struct told_alarm *told = &talker->scan;
	struct scan scan;
	if (!scans_note_host(look->detect->scans, &look->stream, &look->thresholds->scan,
	                     look->attempt.passed, look->attempt.time, &scan)) {
		const struct alarm *open = look_recall(look, told, ALARM_SCAN);
		if (open)
			look_count_in(look, open);
		return conduct_is_of_scan(look, open);
	}
	struct alarm_cause cause = look_cause(look, ALARM_SCAN);
	struct alarm news = look_alarm(look, &cause);
	take_scan(&news, look, &scan);
	look_remember(told, look_put(look, &news));
	talker->scan_protocol = look->stream.destination.protocol;
	talker->scan_has_port = look->stream.destination.has_port;
	talker->scan_port = look->stream.destination.port;
	return told->alarm;
}

static bool has_port(const struct endpoint *endpoint)
{
	return endpoint->has_port && protocol_has_ports(endpoint->protocol);
}

/* The open alarm of a source that is known to scan the ports of this destination. */
static const struct alarm *find_portscan(const struct look *look)
{
	if (!look->talker->told_portscan)
		return NULL;
	const struct alarm *alarm = look_find(look, ALARM_PORTSCAN);
	look->talker->told_portscan = alarm != NULL;
	return alarm && alarm_has_target(alarm, &look->stream.destination.address) ? alarm : NULL;
}

static void look_for_portscan(const struct look *look)
{
	if (!has_port(&look->stream.destination))
		return;

	const struct alarm *open = find_portscan(look);
	struct scan scan;
	if (open && !look_is_due(look, open, LOOK_NOTE_EVERY)) {
		look_tally(look, open);
		return;
	}
	if (scans_note_port(look->detect->scans, &look->stream, &look->thresholds->scan,
	                    look->attempt.passed, look->attempt.time, &scan)) {
		struct alarm_cause cause = look_cause(look, ALARM_PORTSCAN);
		struct alarm news = look_alarm(look, &cause);
		take_scan(&news, look, &scan);
		/* What it tried of a new target until then is in no count yet. */
		news.all_targets = scan.fresh;
		if (!open && scan.fresh) {
			news.attempts = scan.attempts;
			news.passed = scan.passed;
		}
		look->talker->told_portscan = look_put(look, &news);
	} else if (open) {
		look_raise(look, &open->cause);
	}
}

static void look_for_trw(const struct look *look, bool scans)
{
	/*
	 * Whoever is no host may initiate nothing: all that it does fails, and that is told. What
	 * the gateway itself does comes without a time, and so in no order.
	 */
	if (!look->thresholds->trw.enabled || !look->facts->host || look->facts->self)
		return;
	struct alarm_cause cause = look_cause(look, ALARM_TRW);
	struct trw_walk walk;
	bool told = trw_note(look->detect->trw, &look->stream.source,
	                     &look->stream.destination.address, false, look->attempt.passed,
	                     &look->thresholds->trw, look->attempt.time, &walk);
	if (!told || scans) {
		if (look->talker->told_trw)
			look->talker->told_trw = look_count_for(look, &cause);
		return;
	}

	struct alarm news = look_alarm(look, &cause);
	news.distinct = walk.failed;
	news.succeeded = walk.succeeded;
	if (!alarm_book_find(look->detect->book, &cause)) {
		news.attempts = walk.failed;
		news.passed = walk.passed;
		news.first = look->talker->first;
		news.evidence = look->talker->evidence;
	}
	look->talker->told_trw = look_put(look, &news);
}

static struct alarm_cause beacon_cause(const struct look *look, const struct endpoint *destination)
{
	struct alarm_cause cause = look_cause(look, ALARM_BEACON);
	cause.destination = *destination;
	cause.has_destination = true;
	return cause;
}

/* The open alarm of a beacon of that stream, whoever knows of it still. */
static const struct alarm *find_beacon(const struct look *look)
{
	if (!alarm_book_open(look->detect->book, ALARM_BEACON))
		return NULL;
	struct alarm_cause cause = beacon_cause(look, &look->stream.destination);
	return alarm_book_find(look->detect->book, &cause);
}

/* How many beacons of the source have an alarm now. */
static unsigned count_beacons(const struct look *look)
{
	unsigned count = 0;
	for (unsigned i = 0; i < look->talker->told_count; i++) {
		struct alarm_cause cause = beacon_cause(look, &look->talker->told[i].destination);
		count += alarm_book_find(look->detect->book, &cause) != NULL;
	}
	return count;
}

static void score(const struct look *look, struct told *told, struct alarm *news)
{
	usec_t now = look->attempt.time;
	if (told->scored && now >= told->scored && now - told->scored < SCORE_EVERY)
		return;
	told->scored = now;
	news->scored = now;
	int r = beacons_score(look->detect->beacons, &look->stream, now, &news->score);
	news->has_score = r == 0;
	news->strobe = r == RITA_STROBE;
}

/* It goes on trying, but not any more as its alarm says. */
static void end_regularity(const struct look *look, const struct alarm *open)
{
	struct alarm news = look_alarm(look, &open->cause);
	news.until = open->last;
	look_put(look, &news);
}

static void look_for_beacon(const struct look *look, bool scans)
{
	struct detect *detect = look->detect;
	const struct endpoint *to = &look->stream.destination;
	struct told *told = talker_told(look->talker, to);
	const struct alarm *open = find_beacon(look);
	if (scans && !told && !open)
		return;

	struct beacon beacon;
	bool beats = beacons_note(detect->beacons, &look->stream, look->facts->bytes,
	                          look->attempt.passed, &look->thresholds->beacon,
	                          look->attempt.time, &beacon);
	if (!beats) {
		if (open && beacon.broken && open->period && !open->until)
			end_regularity(look, open);
		else if (open)
			look_count_in(look, open);
		return;
	}
	if (told && open && beacon.last != look->attempt.time &&
	    !look_is_due(look, open, LOOK_NOTE_EVERY)) {
		look_tally(look, open);
		return;
	}
	struct alarm_cause cause = beacon_cause(look, to);
	struct alarm news = look_alarm(look, &cause);
	news.period = beacon.period;
	/* Three gaps that are nearly equal come about by chance, in one of some hundred streams. */
	if (beacon.attempts > look->thresholds->beacon.wide_gaps)
		news.severity = look_severity(look, ALARM_BEACON);
	beacon_expect(&beacon, look->attempt.time, news.expected, ALARM_EXPECTED);
	if (news.quiet && news.quiet < QUIET_PERIODS * beacon.period)
		news.quiet = QUIET_PERIODS * beacon.period;
	if (!open) {
		if (count_beacons(look) >= look->thresholds->host_beacons) {
			detect->counts.left_out++;
			return;
		}
		news.attempts = beacon.attempts;
		news.passed = beacon.passed;
		news.first = beacon.since;
		evidence_select(&look->talker->evidence, to, &news.evidence);
	}
	if (!told)
		told = talker_tell(look->talker, to);
	score(look, told, &news);
	look_put(look, &news);
}

void conduct_look(const struct look *look)
{
	bool scans = look_for_scan(look);
	look_for_portscan(look);
	look_for_trw(look, scans);
	look_for_beacon(look, scans);
}

void conduct_count(const struct look *look)
{
	const struct alarm *scan = look_recall(look, &look->talker->scan, ALARM_SCAN);
	const struct alarm *portscan = find_portscan(look);
	if (scan)
		look_count_in(look, scan);
	if (portscan)
		look_count_in(look, portscan);
	if (look->talker->told_trw)
		look_count_for_host(look, ALARM_TRW);
	const struct alarm *beacon = find_beacon(look);
	if (beacon)
		look_count_in(look, beacon);
}

void conduct_count_unknown(const struct look *look)
{
	const struct alarm *scan = look_find(look, ALARM_SCAN);
	const struct alarm *portscan = look_find(look, ALARM_PORTSCAN);
	const struct alarm *trw = look_find(look, ALARM_TRW);
	const struct alarm *beacon = find_beacon(look);
	if (scan)
		look_count_in(look, scan);
	if (portscan && alarm_has_target(portscan, &look->stream.destination.address))
		look_count_in(look, portscan);
	if (trw)
		look_count_in(look, trw);
	if (beacon)
		look_count_in(look, beacon);
}

void conduct_meet(const struct look *look)
{
	struct talker *talker = look->talker;
	look_remember(&talker->scan, look_find(look, ALARM_SCAN));
	talker->told_portscan = look_find(look, ALARM_PORTSCAN) != NULL;
	talker->told_trw = look_find(look, ALARM_TRW) != NULL;
}

/* None reach a wanted number of 0, less which 1 is the greatest there is. */
static inline bool reach(unsigned attempts, unsigned wanted)
{
	return attempts > wanted - 1;
}

bool conduct_is_enough(const struct thresholds *thresholds, unsigned attempts)
{
	/* A walk may have gone some way before, with what was permitted. */
	return attempts > NEWCOMER_ATTEMPTS || thresholds->trw.enabled ||
	       reach(attempts, thresholds->scan.hosts) ||
	       reach(attempts, thresholds->scan.slow_hosts) ||
	       reach(attempts, thresholds->scan.ports) ||
	       reach(attempts, thresholds->beacon.attempts);
}

void conduct_catch_up(const struct look *look, const struct newcomer_attempt *kept)
{
	struct detect *detect = look->detect;
	const struct thresholds *thresholds = look->thresholds;
	const struct stream stream = {look->stream.source, kept->destination};
	const struct evidence_attempt attempt = {
	        .time = kept->time,
	        .source = stream.source,
	        .destination = kept->destination,
	        .source_port = kept->source_port,
	        .passed = kept->passed,
	};
	struct scan scan;
	struct beacon beacon;
	talkers_note(detect->talkers, look->talker, &attempt);
	scans_note_host(detect->scans, &stream, &thresholds->scan, kept->passed, kept->time, &scan);
	if (has_port(&kept->destination))
		scans_note_port(detect->scans, &stream, &thresholds->scan, kept->passed, kept->time,
		                &scan);
	beacons_note(detect->beacons, &stream, kept->bytes, kept->passed, &thresholds->beacon,
	             kept->time, &beacon);
	detect->counts.kept--;
	detect->counts.looked++;
}

void conduct_remember(const struct look *look, const usec_t *beats, unsigned beat_count)
{
	struct detect *detect = look->detect;
	const struct thresholds *thresholds = look->thresholds;
	const struct endpoint *to = &look->stream.destination;
	usec_t time = look->attempt.time;
	/* Which of the attempts passed is not kept: none is said to have, unless all did. */
	bool passed = look->noted->passed && look->noted->passed == look->noted->attempts;
	struct scan scan;
	struct beacon beacon;
	talkers_note(detect->talkers, look->talker, &look->attempt);
	if (look->noted->attempts)
		look->talker->attempts += look->noted->attempts - 1;
	if (!look->talker->first)
		look->talker->first = look->noted->first;
	scans_note_host(detect->scans, &look->stream, &thresholds->scan, passed, time, &scan);
	if (has_port(to))
		scans_note_port(detect->scans, &look->stream, &thresholds->scan, passed, time,
		                &scan);
	if (!beat_count && look->noted->attempts == 1) { /* later packets repeat it */
		beats = &look->noted->first;
		beat_count = 1;
	}
	for (unsigned i = 0; i < beat_count; i++)
		beacons_note(detect->beacons, &look->stream, look->facts->bytes, passed,
		             &thresholds->beacon, beats[i], &beacon);
}
