/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "track/tag.h"

#include <errno.h>
#include <sys/random.h>

_Static_assert(sizeof(struct tag_secret) <= 256, "what getrandom(2) gives without interruption");

int tag_secret_draw(struct tag_secret *ret_secret)
{
	struct tag_secret secret;
	ssize_t n = getrandom(&secret, sizeof(secret), 0);
	if (n < 0)
		return -errno;
	if ((size_t)n != sizeof(secret))
		return -EIO;
	*ret_secret = secret;
	return 0;
}
