/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/arena.h"

#include "base/array.h"

#include <stdalign.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * A small policy takes a small chunk. Those behind it are large enough for malloc(3) to map them by
 * themselves, so that the system has them back as soon as the arena goes.
 */
#define CHUNK_BYTES      ((size_t)64 * 1024)
#define NEXT_CHUNK_BYTES ((size_t)1024 * 1024)

struct chunk {
	struct chunk *next;
	size_t used;
	size_t size;
	alignas(max_align_t) unsigned char bytes[];
};

/* A block that was made elsewhere. */
struct adopted {
	struct adopted *next;
	void *block;
};

struct arena {
	struct chunk *chunks; /* the newest first; only that one is filled further */
	struct adopted *adopted;
};

struct arena *arena_new(void)
{
	return calloc(1, sizeof(struct arena));
}

struct arena *arena_free(struct arena *arena)
{
	if (!arena)
		return NULL;

	for (struct adopted *adopted = arena->adopted; adopted; adopted = adopted->next)
		free(adopted->block);
	for (struct chunk *chunk = arena->chunks, *next; chunk; chunk = next) {
		next = chunk->next;
		free(chunk);
	}
	free(arena);
	return NULL;
}

/* The alignment of a type divides its size, so that strings take no more than their bytes. */
static size_t alignment_of(size_t size)
{
	size_t divisor = size & -size;
	return divisor && divisor < alignof(max_align_t) ? divisor : alignof(max_align_t);
}

static struct chunk *add_chunk(struct arena *arena, size_t bytes)
{
	size_t room = arena->chunks ? NEXT_CHUNK_BYTES : CHUNK_BYTES;
	if (room < bytes)
		room = bytes;
	struct chunk *chunk = calloc(1, sizeof(*chunk) + room);
	if (!chunk)
		return NULL;
	chunk->size = room;
	/* One that is full at once leaves the newest where it is. */
	struct chunk **place =
	        arena->chunks && room == bytes ? &arena->chunks->next : &arena->chunks;
	chunk->next = *place;
	*place = chunk;
	return chunk;
}

void *arena_alloc(struct arena *arena, size_t count, size_t size)
{
	size_t bytes;
	if (__builtin_mul_overflow(count, size, &bytes) || bytes > SIZE_MAX / 4)
		return NULL;

	struct chunk *chunk = arena->chunks;
	size_t alignment = alignment_of(size);
	size_t begin = chunk ? (chunk->used + alignment - 1) & ~(alignment - 1) : 0;
	if (!chunk || begin > chunk->size || chunk->size - begin < bytes) {
		chunk = add_chunk(arena, bytes);
		if (!chunk)
			return NULL;
		begin = 0;
	}
	chunk->used = begin + bytes;
	return chunk->bytes + begin;
}

void *arena_keep(struct arena *arena, void **items, size_t *count, size_t *capacity, size_t size)
{
	struct adopted *adopted = *count ? arena_alloc(arena, 1, sizeof(*adopted)) : NULL;
	if (!adopted)
		return NULL;
	*adopted = (struct adopted){arena->adopted, array_take(items, count, capacity, size)};
	arena->adopted = adopted;
	return adopted->block;
}

void *arena_copy(struct arena *arena, const void *items, size_t count, size_t size)
{
	if (!count)
		return NULL;

	void *copy = arena_alloc(arena, count, size);
	return copy ? memcpy(copy, items, count * size) : NULL;
}

char *arena_strndup(struct arena *arena, const char *string, size_t n)
{
	n = strnlen(string, n);
	char *copy = arena_alloc(arena, n + 1, 1);
	return copy ? memcpy(copy, string, n) : NULL;
}

char *arena_strdup(struct arena *arena, const char *string)
{
	return arena_strndup(arena, string, strlen(string));
}

char *arena_printf(struct arena *arena, const char *format, ...)
{
	_cleanup_free_ char *text = NULL;
	va_list arguments;

	va_start(arguments, format);
	int r = vasprintf(&text, format, arguments);
	va_end(arguments);
	if (r < 0) {
		text = NULL; /* undefined after a failure */
		return NULL;
	}
	return arena_strndup(arena, text, (size_t)r);
}
