/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_POLICY_HELPERS_H
#define EGRESSD_POLICY_HELPERS_H

#include "base/address.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct policy;

#define HELPER_FOLLOWERS_MAX 2

/* A conntrack helper of the kernel, as it registers itself (net/netfilter/nf_conntrack_*.c). */
struct helper_kind {
	const char *name;   /* of the helper, in the kernel and in the configuration */
	const char *module; /* the kernel module that has it */
	/* FAMILY_BIT()s: the families in which it follows TCP, and UDP; 0: not that protocol. */
	uint8_t tcp, udp;
	/* The kinds that the kernel itself gives to connections that this one expects; NULL: none.
	 */
	const char *followers[HELPER_FOLLOWERS_MAX];
};

#define HELPER_KIND_COUNT 12
extern const struct helper_kind helper_kinds[HELPER_KIND_COUNT];

/* The kind of that name, which is case-sensitive as in the kernel; or NULL. */
const struct helper_kind *helper_kind(const char *name);

/* The families in which a kind follows that IP protocol; 0 for any but TCP and UDP. */
uint8_t helper_kind_families(const struct helper_kind *kind, uint8_t protocol);

/* Families (FAMILY_BIT()s) of each kind, over TCP and over UDP. */
struct helper_set {
	struct {
		uint8_t tcp, udp;
	} of[HELPER_KIND_COUNT];
};

/* Adds families of a kind over TCP or UDP. */
void helper_set_add(struct helper_set *set, const struct helper_kind *kind, uint8_t protocol,
                    uint8_t families);

/* The families that the set has of a kind over that protocol. */
uint8_t helper_set_families(const struct helper_set *set, const struct helper_kind *kind,
                            uint8_t protocol);

/*
 * The families in which a connection of a service with that helper gets the helper: those that the
 * kernel supports, without those in policy->lacking_helpers. A connection of another family is
 * permitted without it. 0 for a kind that is not known.
 */
uint8_t policy_helper_families(const struct policy *policy, const char *name, uint8_t protocol);

#endif
