/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_OUTSIDE_H
#define EGRESSD_OUTSIDE_H

#include "policy/policy.h"

/*
 * Whether hosts of the policy are neighbours of the gateway on an interface that gateway.inside
 * does not name, as when one was forgotten: of these nothing is judged. Looked at are hosts all of
 * whose entry lies in the network of such an interface; not the gateway itself, nor hosts that a
 * to or from names, who may well be outside. Never meant is the interface to which the default
 * route leads, or one whose network is that of an inside one, too. A text without its full stop,
 * which is empty when it is not so. 0 or a negative errno.
 */
#define OUTSIDE_TEXT_MAX 512
int outside_find_hosts(const struct policy *policy, char ret_text[static OUTSIDE_TEXT_MAX]);

/*
 * Whether the default route leads through an interface that gateway.inside names, so that whoever
 * is beyond it is taken for inside; a segment's gateway may mean it so. A text without its full
 * stop, which is empty when it is not so, or cannot be found out.
 */
void outside_find_way_in(const struct policy *policy, char ret_text[static OUTSIDE_TEXT_MAX]);

#endif
