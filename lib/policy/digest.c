/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/digest.h"

#include <nettle/base16.h>
#include <stdint.h>

void digest_start(struct digest *digest)
{
	sha256_init(&digest->state);
}

void digest_add(struct digest *digest, const void *bytes, size_t count)
{
	sha256_update(&digest->state, count, bytes);
}

void digest_end(struct digest *digest, char ret_hex[static DIGEST_TEXT_BYTES])
{
	uint8_t bytes[SHA256_DIGEST_SIZE];

	sha256_digest(&digest->state, sizeof(bytes), bytes);
	base16_encode_update(ret_hex, sizeof(bytes), bytes);
	ret_hex[DIGEST_TEXT_BYTES - 1] = '\0';
}
