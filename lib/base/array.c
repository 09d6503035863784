/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/array.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/*
 * Whatever the items are, their pointer is read and written as bytes: an object of another pointer
 * type must not be reached as a void *, and compilers that see both ends (-flto) rely on that.
 */
static void *get(void **items)
{
	void *pointer;
	memcpy(&pointer, items, sizeof(pointer));
	return pointer;
}

static void put(void **items, void *pointer)
{
	memcpy(items, &pointer, sizeof(pointer));
}

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

	void *grown = reallocarray(get(items), wanted, size);
	if (!grown)
		return -ENOMEM;

	put(items, grown);
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
	void *fitting = reallocarray(get(items), count, size);
	if (!fitting)
		return;
	put(items, fitting);
	*capacity = count;
}

void *array_take(void **items, size_t *count, size_t *capacity, size_t size)
{
	array_fit(items, *count, capacity, size);
	void *taken = get(items);
	put(items, NULL);
	*count = 0;
	*capacity = 0;
	return taken;
}

void array_done(void **items, size_t *count, size_t *capacity)
{
	free(get(items));
	put(items, NULL);
	*count = 0;
	*capacity = 0;
}
