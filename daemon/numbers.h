/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_NUMBERS_H
#define EGRESSD_NUMBERS_H

#include "base/cleanup.h"

#include <stdint.h>

/*
 * Numbers of alarms that are never used again, whenever the daemon is killed. The state directory
 * has the first number that may be free, in a small file. That file is on the disk before a number
 * below it is used, so that a kill skips numbers and repeats none.
 *
 * A directory that cannot be written, or a file that cannot be read, tells nothing of earlier
 * numbers. Then a number is the time of day, in microseconds since 1970.
 */
struct numbers;

#define NUMBERS_NAME    "alarm-numbers.json"
#define NUMBERS_AT_ONCE 100 /* that many are set aside with one write */

/* The directory is borrowed and outlives it. 0 or -ENOMEM. */
int numbers_new(const char *directory, struct numbers **ret_numbers);

/* Takes NULL, returns NULL. */
struct numbers *numbers_free(struct numbers *numbers);
DEFINE_CLEANUP(struct numbers *, numbers_free)

/* What is known of the numbers of earlier runs, beside the file. */
enum numbers_known {
	NUMBERS_NONE,  /* there was none */
	NUMBERS_SOME,  /* all below some number were used, and maybe a few above it */
	NUMBERS_FAULT, /* there was one, but what it kept cannot be read */
};

/*
 * The first number that no earlier run has used. least is the lowest one that is possible by what
 * else is known. Without the file, as after an earlier version, that knowledge decides.
 */
uint64_t numbers_first(struct numbers *numbers, uint64_t least, enum numbers_known known);

/*
 * Sets numbers aside: *number on, or higher ones, to which it raises *number. Returns the first one
 * behind them.
 */
uint64_t numbers_reserve(struct numbers *numbers, uint64_t *number);

/* Gives back all from that number on, which nobody has used; for the end. */
void numbers_return(struct numbers *numbers, uint64_t number);

/* Why numbers are the time of day: the negative errno of the last write; 0 when they are not. */
int numbers_error(const struct numbers *numbers);

#endif
