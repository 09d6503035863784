/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_BASE_LOCATION_H
#define EGRESSD_BASE_LOCATION_H

/*
 * The place in the configuration that something comes from. The file name is borrowed from the
 * arena of the policy (or ruleset) in which the location stands; NULL and 0: from no line at all.
 */
struct location {
	const char *file;
	unsigned line;
};

#endif
