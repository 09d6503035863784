/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "track/beacon.h"

#include "base/array.h"
#include "track/recent.h"

#include <errno.h>
#include <string.h>

#define TIMES BEACON_BEATS

/* Steps back that are smaller come from records that overtook each other. */
#define STEP_BACK USEC_PER_SEC

/* The last beats of a stream; the newest is at (next - 1) % TIMES. */
struct followed {
	struct stream stream;
	uint32_t next; /* beats in all */
	/* Since when all beats were regular, up to the last: beats of two seconds fill the times
	 * long before anything can be said of them. */
	bool steady;
	uint32_t steady_beat; /* how many came before */
	usec_t steady_since;
	/* The verdict at the last beat, which holds until the next one. */
	bool is_beacon;
	bool named; /* it was a beacon, and may have a history */
	uint32_t
	        passed; /* a bit for each of the last beats, the newest lowest: audit let it pass */
	usec_t period;
	uint32_t bytes;         /* of the last attempt */
	uint32_t steady_passed; /* of the beats that are counted, those that audit let pass */
	usec_t times[TIMES];
};

/* The last attempts of a beacon; the oldest comes first. */
struct history {
	struct stream stream;
	uint32_t count;
	uint32_t oldest;
	usec_t times[BEACON_HISTORY];
	uint32_t bytes[BEACON_HISTORY];
};

_Static_assert(TIMES <= 32, "there are more beats than bits");
_Static_assert(sizeof(struct followed) == 88 + TIMES * sizeof(usec_t), "a stream has grown");

struct beacons {
	struct recent *streams;   /* of struct followed */
	struct recent *histories; /* of struct history */
	/* Room to work in for beacons_score(). */
	usec_t times[BEACON_HISTORY];
	uint32_t bytes[BEACON_HISTORY];
	double scratch[BEACON_HISTORY];
};

int beacons_new(size_t streams, size_t histories, struct beacons **ret_beacons)
{
	_cleanup_(beacons_freep) struct beacons *beacons = calloc(1, sizeof(*beacons));
	if (!beacons)
		return -ENOMEM;
	int r = recent_new_fair(streams, sizeof(struct address), sizeof(struct stream),
	                        sizeof(struct followed), &beacons->streams);
	if (r < 0)
		return r;
	/* Times of beats that were not are never looked at. */
	recent_zero_only(beacons->streams, offsetof(struct followed, times));
	r = recent_new(histories, sizeof(struct stream), sizeof(struct history),
	               &beacons->histories);
	if (r < 0)
		return r;
	*ret_beacons = TAKE_POINTER(beacons);
	return 0;
}

struct beacons *beacons_free(struct beacons *beacons)
{
	if (beacons) {
		recent_free(beacons->streams);
		recent_free(beacons->histories);
		free(beacons);
	}
	return NULL;
}

void beacons_expect(const struct beacons *beacons, const struct stream *stream)
{
	recent_expect(beacons->streams, stream);
}

static unsigned beats(const struct followed *f)
{
	return f->next < TIMES ? f->next : TIMES;
}

/* The beat that came `back` before the last one. */
static usec_t beat(const struct followed *f, unsigned back)
{
	return f->times[(f->next - 1 - back) % TIMES];
}

static void remember(struct history *h, usec_t time, uint32_t bytes)
{
	uint32_t at = (h->oldest + h->count) % BEACON_HISTORY;
	h->times[at] = time;
	h->bytes[at] = bytes;
	if (h->count < BEACON_HISTORY)
		h->count++;
	else
		h->oldest = (h->oldest + 1) % BEACON_HISTORY;
}

/* The sizes of the beats are not kept one by one; those of one stream hardly differ. */
static void begin_history(struct beacons *beacons, const struct followed *f)
{
	struct history *h = recent_use(beacons->histories, &f->stream);
	if (!h)
		h = recent_add(beacons->histories, &f->stream);
	h->count = 0;
	h->oldest = 0;
	for (unsigned back = beats(f); back-- > 0;)
		remember(h, beat(f, back), f->bytes);
}

/* Insertion sort: there are few, and most come nearly sorted already. */
static void sort_gaps(usec_t *gaps, unsigned count)
{
	for (unsigned i = 1; i < count; i++) {
		usec_t gap = gaps[i];
		unsigned j = i;
		for (; j && gaps[j - 1] > gap; j--)
			gaps[j] = gaps[j - 1];
		gaps[j] = gap;
	}
}

/* True when the last gaps are regular; *ret_period is their median. */
static bool is_regular(const struct followed *f, const struct beacon_limits *limits,
                       usec_t *ret_period)
{
	unsigned n = beats(f);
	if (n < 2 || n < limits->attempts)
		return false;

	usec_t gaps[BEACON_GAPS];
	unsigned count = n - 1;
	for (unsigned i = 0; i < count; i++)
		gaps[i] = beat(f, i) - beat(f, i + 1);
	sort_gaps(gaps, count);
	usec_t median = (gaps[(count - 1) / 2] + gaps[count / 2]) / 2;

	usec_t off = median * (count >= limits->wide_gaps ? limits->wide : limits->near) / 100;
	unsigned near = 0;
	for (unsigned i = 0; i < count; i++) {
		usec_t apart = gaps[i] > median ? gaps[i] - median : median - gaps[i];
		near += apart <= off;
	}
	*ret_period = median;
	return near * 100 >= limits->share * count;
}

/* Of the beats that are remembered, how many audit let pass. */
static uint32_t passed_beats(const struct followed *f)
{
	return (uint32_t)__builtin_popcount(f->passed & (uint32_t)((UINT64_C(1) << beats(f)) - 1));
}

static void judge(struct followed *f, const struct beacon_limits *limits)
{
	bool steady = is_regular(f, limits, &f->period);
	if (steady && !f->steady) {
		f->steady_beat = f->next - beats(f);
		f->steady_since = beat(f, beats(f) - 1);
		f->steady_passed = passed_beats(f);
	} else if (steady) {
		f->steady_passed += f->passed & 1;
	}
	f->steady = steady;
	f->is_beacon = steady && beat(f, 0) - f->steady_since >= limits->span;
}

bool beacons_note(struct beacons *beacons, const struct stream *stream, uint32_t bytes, bool passed,
                  const struct beacon_limits *limits, usec_t now, struct beacon *ret_beacon)
{
	struct followed *f = recent_use(beacons->streams, stream);
	if (!f)
		f = recent_add(beacons->streams, stream);
	if (f->next && now + STEP_BACK < beat(f, 0)) {
		f->next = 0;
		f->steady = false;
		f->is_beacon = false;
		f->named = false;
	}
	f->bytes = bytes;

	struct history *h = f->named ? recent_use(beacons->histories, stream) : NULL;
	if (h) {
		usec_t last = h->times[(h->oldest + h->count - 1) % BEACON_HISTORY];
		remember(h, now > last ? now : last, bytes);
	}

	if (!f->next || now >= beat(f, 0) + BEACON_BEAT) {
		f->times[f->next++ % TIMES] = now;
		f->passed = f->passed << 1 | passed;
		judge(f, limits);
	}
	if (!f->is_beacon) {
		*ret_beacon = (struct beacon){.broken = beats(f) >= limits->attempts && !f->steady};
		return false;
	}
	*ret_beacon = (struct beacon){
	        .period = f->period,
	        .attempts = f->next - f->steady_beat,
	        .passed = f->steady_passed,
	        .since = f->steady_since,
	        .last = beat(f, 0),
	};

	/* One that is left from before the clock stepped back begins anew too. */
	if (!h)
		begin_history(beacons, f);
	f->named = true;
	return true;
}

unsigned beacons_beats(const struct beacons *beacons, const struct stream *stream,
                       usec_t ret_beats[static BEACON_BEATS])
{
	const struct followed *f = recent_peek(beacons->streams, stream);
	unsigned count = f ? beats(f) : 0;
	for (unsigned i = 0; i < count; i++)
		ret_beats[i] = beat(f, count - 1 - i);
	return count;
}

static usec_t choose_window(usec_t first, usec_t now)
{
	static const usec_t windows[] = {RITA_WINDOW_DAY, RITA_WINDOW_MIDDLE};
	for (size_t i = 0; i < ELEMENTS_OF(windows); i++)
		if (first + windows[i] <= now + windows[i] / RITA_BINS)
			return windows[i];
	return RITA_WINDOW_SHORT;
}

int beacons_score(struct beacons *beacons, const struct stream *stream, usec_t now,
                  struct rita_score *ret_score)
{
	const struct history *h = recent_use(beacons->histories, stream);
	if (!h)
		return -ENOENT;
	bool sized = false; /* a size of 0 is none that is known */
	for (uint32_t i = 0; i < h->count; i++) {
		uint32_t at = (h->oldest + i) % BEACON_HISTORY;
		beacons->times[i] = h->times[at];
		beacons->bytes[i] = h->bytes[at];
		sized |= h->bytes[at] > 0;
	}

	/* More of a strobe than this is not kept. */
	usec_t span = beacons->times[h->count - 1] - beacons->times[0];
	if (h->count == BEACON_HISTORY && span <= BEACON_HISTORY * USEC_PER_SEC)
		return RITA_STROBE;
	return rita_score(beacons->times, sized ? beacons->bytes : NULL, h->count, now,
	                  choose_window(beacons->times[0], now), beacons->scratch, ret_score);
}

void beacon_expect(const struct beacon *beacon, usec_t now, usec_t *ret_times, size_t count)
{
	usec_t passed = now > beacon->last ? (now - beacon->last) / beacon->period : 0;
	for (size_t i = 0; i < count; i++)
		ret_times[i] = beacon->last + (passed + 1 + i) * beacon->period;
}

size_t beacons_count(const struct beacons *beacons)
{
	return recent_count(beacons->streams);
}
