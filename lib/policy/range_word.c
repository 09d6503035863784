/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/range_word.h"

#include <stdlib.h>
#include <string.h>

#define SHOWN_MAX 100 /* bytes of the word; the longest range has 91 */

static void report_host_bits(const char *text, struct location at, struct problems *problems,
                             const struct address_range *meant)
{
	char prefix[RANGE_TEXT_MAX];
	problems_add(problems, at,
	             "%s has host bits set; did you mean %s, or %.*s for the one address?", text,
	             range_print(meant, prefix), (int)strcspn(text, "/"), text);
}

static void report_bad_length(const char *text, struct location at, struct problems *problems)
{
	bool six = strchr(text, ':');
	struct address mask;
	if (address_parse(strchr(text, '/') + 1, &mask) == 0)
		problems_add(problems, at,
		             "%.*s: a netmask is not understood; write the length of the prefix, "
		             "as in 192.0.2.0/24",
		             SHOWN_MAX, text);
	else
		problems_add(problems, at, "%.*s: the length of the prefix must be 0 to %d",
		             SHOWN_MAX, text, six ? 128 : 32);
}

bool range_word_parse(const char *text, struct location at, struct problems *problems,
                      struct address_range *ret_range)
{
	struct address_range range;
	switch (range_parse(text, &range)) {
	case RANGE_OK:
		*ret_range = range;
		return true;
	case RANGE_NOT_AN_ADDRESS:
		problems_add(problems, at,
		             "\"%.*s\" is no address; write one as 192.0.2.1, 192.0.2.0/24, "
		             "192.0.2.1-192.0.2.9 or 2001:db8::/64",
		             SHOWN_MAX, text);
		return false;
	case RANGE_BAD_LENGTH:
		report_bad_length(text, at, problems);
		return false;
	case RANGE_HOST_BITS:
		report_host_bits(text, at, problems, &range);
		return false;
	case RANGE_MIXED_FAMILIES:
		problems_add(problems, at, "%.*s goes from one of IPv4 and IPv6 to the other",
		             SHOWN_MAX, text);
		return false;
	case RANGE_BACKWARDS: {
		const char *dash = strchr(text, '-');
		problems_add(problems, at, "%.*s is backwards; did you mean %s-%.*s?", SHOWN_MAX,
		             text, dash + 1, (int)(dash - text), text);
		return false;
	}
	}
	abort(); /* no other value is ever made */
}
