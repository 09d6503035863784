/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/spelling.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define WORD_MAX 63 /* longer words are not compared */

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

size_t spelling_distance(const char *a, const char *b)
{
	size_t m = strlen(a), n = strlen(b);
	if (m > WORD_MAX || n > WORD_MAX)
		return SIZE_MAX;

	/* Three rows of the usual matrix: the one before last serves the swaps. */
	size_t rows[3][WORD_MAX + 1];
	size_t *older = rows[0], *last = rows[1], *row = rows[2];
	for (size_t j = 0; j <= n; j++)
		last[j] = j;

	for (size_t i = 1; i <= m; i++) {
		row[0] = i;
		for (size_t j = 1; j <= n; j++) {
			size_t change = last[j - 1] + (a[i - 1] != b[j - 1]);
			row[j] = least(change, least(last[j], row[j - 1]) + 1);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				row[j] = least(row[j], older[j - 2] + 1);
		}
		size_t *free_row = older;
		older = last;
		last = row;
		row = free_row;
	}
	return last[n];
}

void spelling_offer(struct spelling *spelling, const char *known)
{
	size_t distance = spelling_distance(spelling->written, known);
	size_t most = (strlen(spelling->written) + 2) / 3;
	/* Of two that are as near, who writes "htps" means "https" rather than "ftps". */
	bool alike = spelling->nearest && *spelling->nearest != *spelling->written &&
	             *known == *spelling->written;
	if (distance > most || (spelling->nearest && distance >= spelling->distance + alike))
		return;
	spelling->nearest = known;
	spelling->distance = distance;
}
