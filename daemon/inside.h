/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_INSIDE_H
#define EGRESSD_INSIDE_H

#include "policy/policy.h"

#include <stdbool.h>

/* The interfaces that gateway.inside names, held against those of the gateway. */

/*
 * Whether there is an interface of that name now, compared as the table compares it, alternative
 * names left out; a trailing * is a wildcard. 1, 0 or a negative errno.
 */
int interface_exists(const char *name);

/*
 * Which of gateway.inside name no interface that there is now: *ret_missing has an element for
 * each, from malloc. 0 or a negative errno.
 */
int inside_missing(const struct policy *policy, bool **ret_missing);

/*
 * Whether an inside interface is missing while hosts of the policy are reached by one that is not
 * inside (and not only by the default route, as while a tunnel is down), as after a typing error:
 * of these nothing is judged. Only when an interface is missing, the routing table is asked for
 * some addresses of at most INSIDE_HOSTS_ASKED hosts, spread over all of them. A text without its
 * full stop, which names each such interface with one host, or says how many more there are; empty
 * when it is not so. 0 or a negative errno.
 */
#define INSIDE_HOSTS_ASKED 256
#define INSIDE_TEXT_MAX    1024
int inside_find_unjudged(const struct policy *policy, char ret_text[static INSIDE_TEXT_MAX]);

#endif
