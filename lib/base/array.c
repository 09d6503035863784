/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/array.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int array_reserve(void **items, size_t *capacity, size_t count, size_t size)
{
	if (count <= *capacity)
		return 0;

	size_t wanted = *capacity ? *capacity : 8;
	while (wanted < count) {
		if (wanted > SIZE_MAX / 2)
			return -ENOMEM;
		wanted *= 2;
	}

	void *grown = reallocarray(*items, wanted, size);
	if (!grown)
		return -ENOMEM;

	*items = grown;
	*capacity = wanted;
	return 0;
}

void *array_zero(void *item, size_t size)
{
	return memset(item, 0, size);
}

void array_fit(void **items, size_t count, size_t *capacity, size_t size)
{
	if (count == 0 || count == *capacity)
		return;
	void *fitting = reallocarray(*items, count, size);
	if (!fitting)
		return;
	*items = fitting;
	*capacity = count;
}

void array_done(void **items, size_t *count, size_t *capacity)
{
	free(*items);
	*items = NULL;
	*count = 0;
	*capacity = 0;
}
