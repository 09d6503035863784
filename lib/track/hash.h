/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_TRACK_HASH_H
#define EGRESSD_TRACK_HASH_H

#include <stddef.h>
#include <stdint.h>

/* A secret; without it nobody can choose keys that collide. */
struct hash_key {
	uint64_t words[2];
};

/* SipHash-2-4 (Aumasson and Bernstein, "SipHash: a fast short-input PRF", 2012). */
uint64_t hash_bytes(const struct hash_key *key, const void *bytes, size_t length);

#endif
