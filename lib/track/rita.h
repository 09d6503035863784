/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_TRACK_RITA_H
#define EGRESSD_TRACK_RITA_H

#include "base/time.h"

#include <stddef.h>
#include <stdint.h>

/*
 * The beacon score of RITA v5 (activecm/rita, analysis/beacons.go), with its default settings. On
 * blocked connections sizes hardly differ, so that the score is high for streams that are no
 * beacons at all: it is shown beside a verdict and never makes one.
 */

#define RITA_BINS 24

/* The windows in use, of RITA_BINS bins each. RITA itself knows the last one only. */
#define RITA_WINDOW_SHORT  (3600 * USEC_PER_SEC)
#define RITA_WINDOW_MIDDLE (6 * RITA_WINDOW_SHORT)
#define RITA_WINDOW_DAY    (24 * RITA_WINDOW_SHORT)

/* RITA's categories of a total: from 0.5, 0.7, 0.9, and at 1. */
enum rita_category {
	RITA_NONE,
	RITA_BASE,
	RITA_LOW,
	RITA_MEDIUM,
	RITA_HIGH,
};
#define RITA_CATEGORY_COUNT (RITA_HIGH + 1)

/* How much values are alike. */
struct rita_part {
	double score;  /* from 0 to 1 */
	double bowley; /* Bowley's skewness, from -1 to 1 */
	double mad;    /* median absolute deviation, in the unit of the values */
};

struct rita_score {
	struct rita_part timestamps; /* TS: intervals in seconds */
	struct rita_part sizes;      /* DS: bytes */
	double histogram;            /* HIST */
	double duration;             /* DUR */
	double total;
	enum rita_category category;
	usec_t window;
};

#define RITA_TOO_FEW 1 /* fewer than 4 different seconds: there is no score */
#define RITA_STROBE  2 /* a connection a second or more all through the window: no beacon */

/*
 * Scores the connections of one stream within the window that ends at `end` and includes both its
 * ends; others are passed over. times ascend; sizes are the bytes of each connection, or NULL when
 * they are all the same. scratch has room for count values. 0, RITA_TOO_FEW or RITA_STROBE.
 */
int rita_score(const usec_t *times, const uint32_t *sizes, size_t count, usec_t end, usec_t window,
               double *scratch, struct rita_score *ret_score);

/* "none", "base", "low", "medium", "high". */
const char *rita_category_name(enum rita_category category);

#endif
