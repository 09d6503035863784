/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control.h"

#include <dlfcn.h>
#include <errno.h>
#include <grp.h>
#include <link.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/*
 * Preloaded, it lets the n-th allocation fail. EGRESSD_MEMORY_FAULTS names the file of struct
 * control; EGRESSD_MEMORY_SPARE a library whose own allocations are neither counted nor failed;
 * EGRESSD_MEMORY_FROM the file whose opening by openat(2) is the first that counts.
 */

static struct control *control;
static uintptr_t spared_from, spared_to;

static void *(*next_malloc)(size_t);
static void *(*next_calloc)(size_t, size_t);
static void *(*next_realloc)(void *, size_t);
static int (*next_posix_memalign)(void **, size_t, size_t);
static void *(*next_aligned_alloc)(size_t, size_t);
static char *(*next_strdup)(const char *);
static char *(*next_strndup)(const char *, size_t);
static int (*next_getgrnam_r)(const char *, struct group *, char *, size_t, struct group **);
static int (*next_getpwuid_r)(uid_t, struct passwd *, char *, size_t, struct passwd **);
static void *(*next_json_loadb)(const char *, size_t, size_t, void *);
static void (*next_free)(void *);
static int (*next_openat64)(int, const char *, int, ...);

/* What dlsym(3) itself asks for before there is anybody to ask. */
static _Alignas(16) char early[8192];
static size_t early_used;
static bool looking;
static const char *first_file; /* NULL: it was opened, or there is nothing to wait for */

static bool is_early(const void *pointer)
{
	return (const char *)pointer >= early && (const char *)pointer < early + sizeof(early);
}

static void *early_alloc(size_t size)
{
	size = (size + 15) & ~(size_t)15;
	if (size > sizeof(early) - early_used)
		return NULL;
	early_used += size;
	return early + early_used - size;
}

#define LOOK_UP(name) *(void **)&next_##name = dlsym(RTLD_NEXT, #name)

static void look_up(void)
{
	if (next_free || looking)
		return;
	looking = true;
	LOOK_UP(malloc);
	LOOK_UP(calloc);
	LOOK_UP(realloc);
	LOOK_UP(posix_memalign);
	LOOK_UP(aligned_alloc);
	LOOK_UP(strdup);
	LOOK_UP(strndup);
	LOOK_UP(json_loadb);
	LOOK_UP(getgrnam_r);
	LOOK_UP(getpwuid_r);
	LOOK_UP(openat64);
	LOOK_UP(free);
	looking = false;
}

static int note_spared(struct dl_phdr_info *info, size_t size, void *name)
{
	if (!strstr(info->dlpi_name, name))
		return 0;
	for (unsigned i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *part = &info->dlpi_phdr[i];
		if (part->p_type != PT_LOAD || !(part->p_flags & PF_X))
			continue;
		spared_from = info->dlpi_addr + part->p_vaddr;
		spared_to = spared_from + part->p_memsz;
	}
	return 1;
}

__attribute__((constructor)) static void begin(void)
{
	look_up();
	char *spared = getenv("EGRESSD_MEMORY_SPARE");
	if (spared)
		dl_iterate_phdr(note_spared, spared);
	first_file = getenv("EGRESSD_MEMORY_FROM");
	control = control_map("EGRESSD_MEMORY_FAULTS");
}

/*
 * glibc 2.36 itself falls over when the first look-up of a name finds no memory (nss_database.c),
 * and jansson 2.14 in a string that it reads; json_text.h says what stands in front of that.
 */
static unsigned spared;

static bool fails(const void *caller)
{
	uintptr_t from = (uintptr_t)caller;
	if (spared || first_file)
		return false;
	look_up();
	if (from >= spared_from && from < spared_to)
		return false;
	if (!control_fails(control))
		return false;
	errno = ENOMEM;
	return true;
}

#define CALLER __builtin_return_address(0)

void *malloc(size_t size)
{
	if (fails(CALLER))
		return NULL;
	return next_malloc ? next_malloc(size) : early_alloc(size);
}

void *calloc(size_t count, size_t size)
{
	if (fails(CALLER))
		return NULL;
	return next_calloc ? next_calloc(count, size) : early_alloc(count * size);
}

void *realloc(void *old, size_t size)
{
	if (fails(CALLER))
		return NULL;
	return next_realloc ? next_realloc(old, size) : NULL;
}

void *reallocarray(void *old, size_t count, size_t size)
{
	size_t bytes;
	if (__builtin_mul_overflow(count, size, &bytes)) {
		errno = ENOMEM;
		return NULL;
	}
	if (fails(CALLER))
		return NULL;
	return next_realloc(old, bytes);
}

int posix_memalign(void **ret_pointer, size_t alignment, size_t size)
{
	return fails(CALLER) ? ENOMEM : next_posix_memalign(ret_pointer, alignment, size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
	return fails(CALLER) ? NULL : next_aligned_alloc(alignment, size);
}

char *strdup(const char *text)
{
	return fails(CALLER) ? NULL : next_strdup(text);
}

char *strndup(const char *text, size_t size)
{
	return fails(CALLER) ? NULL : next_strndup(text, size);
}

int getgrnam_r(const char *name, struct group *group, char *buffer, size_t size,
               struct group **ret_found)
{
	spared++;
	int r = next_getgrnam_r(name, group, buffer, size, ret_found);
	spared--;
	return r;
}

int getpwuid_r(uid_t uid, struct passwd *user, char *buffer, size_t size, struct passwd **ret_found)
{
	spared++;
	int r = next_getpwuid_r(uid, user, buffer, size, ret_found);
	spared--;
	return r;
}

void *json_loadb(const char *text, size_t size, size_t flags, void *error);

void *json_loadb(const char *text, size_t size, size_t flags, void *error)
{
	spared++;
	void *value = next_json_loadb(text, size, flags, error);
	spared--;
	return value;
}

/* What the daemon calls where files may be large. */
int openat64(int directory, const char *path, int flags, ...)
{
	va_list arguments;
	va_start(arguments, flags);
	mode_t mode = flags & O_CREAT ? va_arg(arguments, mode_t) : 0;
	va_end(arguments);
	if (first_file && strcmp(path, first_file) == 0)
		first_file = NULL;
	look_up();
	return next_openat64(directory, path, flags, mode);
}

void free(void *pointer)
{
	look_up();
	if (pointer && !is_early(pointer))
		next_free(pointer);
}
