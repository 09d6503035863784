/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "track/pages.h"

#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

#define HUGE_BYTES ((size_t)2 << 20)

/* Smaller ones would only waste the rest of a page. */
static size_t rounded(size_t size)
{
	return size < HUGE_BYTES ? 0 : (size + HUGE_BYTES - 1) & ~(HUGE_BYTES - 1);
}

void *pages_new(size_t size)
{
	size_t wanted = rounded(size);
	if (!wanted)
		return calloc(1, size);

	/* With one page more there is a place in it that begins like a page. */
	uint8_t *start = mmap(NULL, wanted + HUGE_BYTES, PROT_READ | PROT_WRITE,
	                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (start == MAP_FAILED)
		return NULL;
	size_t before = -(uintptr_t)start & (HUGE_BYTES - 1);
	if (before)
		(void)munmap(start, before);
	if (before != HUGE_BYTES)
		(void)munmap(start + before + wanted, HUGE_BYTES - before);
	(void)madvise(start + before, wanted, MADV_HUGEPAGE);
	return start + before;
}

void pages_free(void *pages, size_t size)
{
	size_t wanted = rounded(size);
	if (pages && wanted)
		(void)munmap(pages, wanted);
	else
		free(pages);
}
