/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernel/known.h"

#include "kernel/lookup.h"
#include "ruleset/names.h"

#include <errno.h>
#include <string.h>

int destination_is_known(struct kernel *kernel, const struct address *source,
                         const struct address *destination)
{
	enum family family = source->family;
	size_t length = family_length(family);
	struct element element = {};
	const struct element *asked = &element;
	const struct set set = {
	        .name = set_known(family),
	        .type = family == FAMILY_IPV4 ? SET_IPV4_PAIR : SET_IPV6_PAIR,
	        .timed = true, /* each has an end of its own */
	};

	if (destination->family != family)
		return -EINVAL;
	memcpy(element.key, source->bytes, length);
	memcpy(element.key + length, destination->bytes, length);
	int r = elements_present(kernel, &set, &asked, 1);
	return r < 0 ? r : r == 0;
}
