/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "track/rita.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

/* RITA's default settings. */
#define TIMES_MIN       4
#define BARS_MIN        6  /* for a duration */
#define IDEAL_RUN       12 /* bins */
#define BIMODAL_BARS    11
#define BIMODAL_OUTLIER 1
#define MODE_WIDTH      0.05
#define QUARTILES_MIN   10.0
#define STROBE_SECONDS  1 /* between two connections */

static double round3(double x)
{
	return round(x * 1000) / 1000;
}

static double ceil3(double x)
{
	return ceil(x * 1000) / 1000;
}

static int compare_values(const void *a, const void *b)
{
	double x = *(const double *)a;
	double y = *(const double *)b;
	return (x > y) - (x < y);
}

static void sort(double *values, size_t count)
{
	qsort(values, count, sizeof(*values), compare_values);
}

static double median(const double *sorted, size_t count)
{
	if (count % 2)
		return sorted[count / 2];
	return (sorted[count / 2 - 1] + sorted[count / 2]) / 2;
}

static double bowley_skewness(const double *sorted, size_t count)
{
	size_t half = count / 2; /* an odd middle belongs to neither half */
	double q1 = median(sorted, half);
	double q2 = median(sorted, count);
	double q3 = median(sorted + count - half, half);
	if (q3 - q1 < QUARTILES_MIN || q2 <= q1 || q2 >= q3)
		return 0;
	return (q1 + q3 - 2 * q2) / (q3 - q1);
}

/* Scores three values or more, and leaves others in their place. */
static struct rita_part score_part(double *values, size_t count, double mad_of_nothing)
{
	sort(values, count);
	double middle = median(values, count);
	struct rita_part part = {.bowley = bowley_skewness(values, count)};

	for (size_t i = 0; i < count; i++)
		values[i] = fabs(values[i] - middle);
	sort(values, count);
	part.mad = median(values, count);

	double mad = middle >= 1 ? fmax((middle - part.mad) / middle, 0) : mad_of_nothing;
	part.score = round3((1 - fabs(part.bowley) + mad) / 2);
	return part;
}

struct histogram {
	unsigned bins[RITA_BINS];
	unsigned bars; /* bins that are not empty */
	unsigned largest;
	unsigned run; /* of bars, going on from the last bin to the first */
};

static void fill_histogram(const usec_t *times, size_t count, usec_t start, usec_t window,
                           struct histogram *h)
{
	for (size_t i = 0; i < count; i++) {
		size_t bin = (size_t)((times[i] - start) / (window / RITA_BINS));
		h->bins[bin < RITA_BINS ? bin : RITA_BINS - 1]++;
	}

	unsigned run = 0;
	for (size_t i = 0; i < (size_t)2 * RITA_BINS; i++) {
		unsigned bar = h->bins[i % RITA_BINS];
		if (i < RITA_BINS) {
			h->bars += bar > 0;
			h->largest = bar > h->largest ? bar : h->largest;
		}
		run = bar ? run + 1 : 0;
		h->run = run > h->run ? run : h->run;
	}
	if (h->run > RITA_BINS)
		h->run = RITA_BINS;
}

static double coefficient_of_variation_score(const struct histogram *h, size_t count)
{
	double mean = (double)count / RITA_BINS;
	double squares = 0;
	for (size_t i = 0; i < RITA_BINS; i++)
		squares += (h->bins[i] - mean) * (h->bins[i] - mean);
	double cv = sqrt(squares / RITA_BINS) / mean;
	return cv > 1 ? 0 : round3(1 - cv);
}

/* How many of the bars have one of the two heights that are most frequent. */
static double bimodal_score(const struct histogram *h)
{
	if (h->bars < BIMODAL_BARS)
		return 0;

	unsigned width = (unsigned)ceil(MODE_WIDTH * h->largest);
	unsigned first = 0;
	unsigned second = 0;
	for (size_t i = 0; i < RITA_BINS; i++) {
		unsigned same = 0;
		bool counted = !h->bins[i];
		for (size_t j = 0; j < RITA_BINS && !counted; j++) {
			if (!h->bins[j] || h->bins[j] / width != h->bins[i] / width)
				continue;
			counted = j < i;
			same++;
		}
		if (counted)
			continue;
		if (same > first) {
			second = first;
			first = same;
		} else if (same > second) {
			second = same;
		}
	}
	return fmin(1, round3((double)(first + second) / fmax(h->bars - BIMODAL_OUTLIER, 1)));
}

static double duration_score(const struct histogram *h, usec_t span, usec_t window)
{
	if (h->bars < BARS_MIN)
		return 0;
	double coverage = ceil3((double)span / (double)window);
	double consistency = ceil3((double)h->run / IDEAL_RUN);
	return fmin(1, fmax(coverage, consistency));
}

static enum rita_category category_of(double total)
{
	static const double least[] = {0, 0.5, 0.7, 0.9, 1};
	enum rita_category category = RITA_HIGH;
	while (category > RITA_NONE && total < least[category])
		category--;
	return category;
}

/* Intervals in whole seconds, without those of nothing; returns how many. */
static size_t intervals(const usec_t *times, size_t count, double *ret_intervals)
{
	size_t n = 0;
	for (size_t i = 1; i < count; i++) {
		usec_t seconds = times[i] / USEC_PER_SEC - times[i - 1] / USEC_PER_SEC;
		if (seconds)
			ret_intervals[n++] = (double)seconds;
	}
	return n;
}

int rita_score(const usec_t *times, const uint32_t *sizes, size_t count, usec_t end, usec_t window,
               double *scratch, struct rita_score *ret_score)
{
	usec_t start = end > window ? end - window : 0;
	while (count && times[count - 1] > end)
		count--;
	for (; count && times[0] < start; count--, times++)
		sizes = sizes ? sizes + 1 : NULL;

	if (count >= window / (STROBE_SECONDS * USEC_PER_SEC))
		return RITA_STROBE;
	size_t n = count ? intervals(times, count, scratch) : 0;
	if (n < TIMES_MIN - 1)
		return RITA_TOO_FEW;

	struct rita_score score = {.window = window};
	score.timestamps = score_part(scratch, n, 1);
	score.sizes.score = 1;
	if (sizes) {
		for (size_t i = 0; i < count; i++)
			scratch[i] = sizes[i];
		score.sizes = score_part(scratch, count, 0);
	}

	struct histogram histogram = {};
	fill_histogram(times, count, start, window, &histogram);
	score.histogram =
	        fmax(coefficient_of_variation_score(&histogram, count), bimodal_score(&histogram));
	score.duration = duration_score(&histogram, times[count - 1] - times[0], window);

	score.total = round3(
	        (score.timestamps.score + score.sizes.score + score.duration + score.histogram) /
	        4);
	score.category = category_of(score.total);
	*ret_score = score;
	return 0;
}

const char *rita_category_name(enum rita_category category)
{
	static const char *const names[RITA_CATEGORY_COUNT] = {
	        [RITA_NONE] = "none",     [RITA_BASE] = "base", [RITA_LOW] = "low",
	        [RITA_MEDIUM] = "medium", [RITA_HIGH] = "high",
	};
	return names[category];
}
