/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/meaning.h"

#include "policy/digest.h"
#include "policy/print.h"

#include <errno.h>
#include <stdio.h>

_Static_assert(MEANING_TEXT_BYTES == DIGEST_TEXT_BYTES, "a meaning is a digest");

static ssize_t add_text(void *cookie, const char *text, size_t count)
{
	digest_add(cookie, text, count);
	return (ssize_t)count;
}

int policy_meaning(const struct policy *policy, char ret_meaning[static MEANING_TEXT_BYTES])
{
	struct digest digest;
	digest_start(&digest);
	/* The text is not kept: that of a large policy takes more memory than the policy. */
	FILE *out = fopencookie(&digest, "w", (cookie_io_functions_t){.write = add_text});
	if (!out)
		return -ENOMEM;
	int r = policy_print(policy, out);
	if (fclose(out) != 0 && r == 0)
		r = -EIO;
	if (r == 0)
		digest_end(&digest, ret_meaning);
	return r;
}
