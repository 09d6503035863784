/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_POLICY_LITERAL_H
#define EGRESSD_POLICY_LITERAL_H

#include "policy/policy.h"

#define HINT_MAX 200

enum literal {
	LITERAL_OK,
	LITERAL_NONE,  /* a plain word: it can only be a name */
	LITERAL_WRONG, /* meant as a literal, but not one */
};

/*
 * Reads what stands for traffic by itself: "tcp/80", "udp/1024-65535", "icmp/echo-request", "gre",
 * "ip/99". LITERAL_OK: *ret_item, without helper. LITERAL_WRONG: hint says what would be right.
 */
enum literal literal_parse(const char *text, struct service_item *ret_item,
                           char hint[static HINT_MAX]);

#endif
