/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control.h"

#include <dlfcn.h>
#include <errno.h>
#include <sys/inotify.h>

/*
 * Preloaded, it lets inotify reach its limits, which are one user's and not to be lowered for a
 * test. EGRESSD_INOTIFY_FAULTS names the file of struct control.
 */
enum fault {
	NO_INSTANCE, /* fs.inotify.max_user_instances */
	NO_WATCH,    /* fs.inotify.max_user_watches */
};

static struct control *control;
static int (*next_inotify_init1)(int);
static int (*next_inotify_add_watch)(int, const char *, uint32_t);

__attribute__((constructor)) static void begin(void)
{
	*(void **)&next_inotify_init1 = dlsym(RTLD_NEXT, "inotify_init1");
	*(void **)&next_inotify_add_watch = dlsym(RTLD_NEXT, "inotify_add_watch");
	control = control_map("EGRESSD_INOTIFY_FAULTS");
}

static int fails(enum fault fault, int error)
{
	if (!control || control->kind != fault || !control_fails(control))
		return 0;
	errno = error;
	return 1;
}

int inotify_init1(int flags)
{
	return fails(NO_INSTANCE, EMFILE) ? -1 : next_inotify_init1(flags);
}

int inotify_add_watch(int fd, const char *path, uint32_t mask)
{
	return fails(NO_WATCH, ENOSPC) ? -1 : next_inotify_add_watch(fd, path, mask);
}
