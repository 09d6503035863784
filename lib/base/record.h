/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_BASE_RECORD_H
#define EGRESSD_BASE_RECORD_H

#include "base/address.h"
#include "base/reason.h"
#include "base/time.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * One packet as the kernel reported it, mostly a blocked one (NFLOG,
 * linux/netfilter/nfnetlink_log.h). The pointers are borrowed and last until the reader's callback
 * returns.
 */
struct record {
	const char *prefix;     /* NFULA_PREFIX: reason and role, see log_prefix_parse() */
	const uint8_t *payload; /* from the network header on; cut off at the copy range */
	size_t payload_length;
	bool has_mac;
	struct mac mac;     /* NFULA_HWADDR: the sender's, where the link has one */
	uint32_t interface; /* NFULA_IFINDEX_INDEV: ifindex it came in on; 0: the gateway's own */
	uint32_t leaves_by; /* NFULA_IFINDEX_OUTDEV: ifindex it was to leave by; 0: none yet */
	bool has_uid;       /* a socket of the gateway sent it */
	uint32_t uid;       /* NFULA_UID: the user whose socket it is */
	uint32_t gid;       /* NFULA_GID: his group */
	usec_t time;        /* NFULA_TIMESTAMP; the reader's clock where the kernel gives none */
};

#define LOG_PREFIX_MAX 128 /* NF_LOG_PREFIXLEN, the end of the string included */

/*
 * The prefix of a log rule of what is blocked: "egressd REASON", for a reason that counts for a
 * role followed by " ROLE". role may be NULL. Returns 0, or -E2BIG when the name is too long for
 * it.
 */
int log_prefix_print(enum reason reason, const char *role, char buffer[static LOG_PREFIX_MAX]);

/* The same for a permitted first contact: "egressd contact ROLE". */
int log_prefix_print_contact(const char *role, char buffer[static LOG_PREFIX_MAX]);

/* True for such a prefix. */
bool log_prefix_is_contact(const char *prefix);

/*
 * Takes the prefix of what was blocked apart; *ret_role points into prefix, or is NULL. 0, or
 * -EINVAL for any other prefix.
 */
int log_prefix_parse(const char *prefix, enum reason *ret_reason, const char **ret_role);

#endif
