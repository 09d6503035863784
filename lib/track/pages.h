/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_TRACK_PAGES_H
#define EGRESSD_TRACK_PAGES_H

#include <stddef.h>

/*
 * Memory for a large table that is used all over: zeroed, backed only where it is used, and by huge
 * pages where the system has them, without which every use of another item waits for the way to it
 * to be looked up. NULL when there is no memory. Freed with the same size; takes NULL.
 */
void *pages_new(size_t size);
void pages_free(void *pages, size_t size);

#endif
