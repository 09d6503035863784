/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernel/known_bugs.h"

#include "base/array.h"

#include <stdio.h>

bool release_has_pipapo_bug(const char *release)
{
	static const struct {
		unsigned first, second, mended;
	} series[] = {
	        {5, 10, 258}, {5, 15, 209}, {6, 1, 175}, {6, 6, 136},
	        {6, 12, 83},  {6, 18, 24},  {6, 19, 14},
	};
	unsigned first, second, patch = 0;

	if (sscanf(release, "%u.%u.%u", &first, &second, &patch) < 2)
		return false;
	for (size_t i = 0; i < ELEMENTS_OF(series); i++)
		if (series[i].first == first && series[i].second == second)
			return patch < series[i].mended;
	/* Series that were not maintained any more were never mended. */
	return (first == 5 && second >= 7) || (first == 6 && second < 20);
}
