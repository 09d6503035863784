/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_POLICY_DIGEST_H
#define EGRESSD_POLICY_DIGEST_H

#include <nettle/sha2.h>
#include <stddef.h>

#define DIGEST_TEXT_BYTES (2 * SHA256_DIGEST_SIZE + 1) /* in hex, with its NUL */

/*
 * Inside the room: SHA-256 (FIPS 180-4) of all that a policy was made of. Nettle's, which uses the
 * processor's instructions for it where there are any: worth 40 ms of a reload of 100,000 hosts.
 */
struct digest {
	struct sha256_ctx state;
};

void digest_start(struct digest *digest);
void digest_add(struct digest *digest, const void *bytes, size_t count);

/* Writes it in hex; the digest must be started anew before it is used again. */
void digest_end(struct digest *digest, char ret_hex[static DIGEST_TEXT_BYTES]);

#endif
