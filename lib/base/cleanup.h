/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_BASE_CLEANUP_H
#define EGRESSD_BASE_CLEANUP_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/*
 * Scope-bound release, by the compilers' cleanup attribute:
 *
 *	_cleanup_(arena_freep) struct arena *arena = NULL;
 *
 * DEFINE_CLEANUP(type *, f) makes fp() out of f(), for any f that takes NULL.
 */
#define _cleanup_(f) __attribute__((cleanup(f)))

#define DEFINE_CLEANUP(type, f)                                                                    \
	static inline void f##p(type *p)                                                           \
	{                                                                                          \
		if (*p)                                                                            \
			f(*p);                                                                     \
	}

static inline void free_cleanup(void *p)
{
	void *pointer;
	memcpy(&pointer, p, sizeof(pointer)); /* p is the address of a pointer of any type */
	free(pointer);
}

static inline void close_cleanup(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static inline void fclose_cleanup(FILE **f)
{
	if (*f)
		fclose(*f);
}

#define _cleanup_free_   _cleanup_(free_cleanup)
#define _cleanup_close_  _cleanup_(close_cleanup)
#define _cleanup_fclose_ _cleanup_(fclose_cleanup)

/* Hands over what an owner holds: gives the pointer and leaves NULL behind. */
#define TAKE_POINTER(p)                                                                            \
	({                                                                                         \
		__typeof__(p) _taken = (p);                                                        \
		(p) = NULL;                                                                        \
		_taken;                                                                            \
	})

/* The same for a file descriptor; leaves -1 behind. */
#define TAKE_FD(fd)                                                                                \
	({                                                                                         \
		int _taken = (fd);                                                                 \
		(fd) = -1;                                                                         \
		_taken;                                                                            \
	})

#endif
