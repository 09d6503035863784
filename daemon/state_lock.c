/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "state_lock.h"

#include "base/printable.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

static void find_name(struct state_lock_holder *holder)
{
	char path[64], name[32] = "";
	snprintf(path, sizeof(path), "/proc/%d/comm", (int)holder->pid);
	_cleanup_fclose_ FILE *file = fopen(path, "re");
	if (file && fgets(name, sizeof(name), file))
		name[strcspn(name, "\n")] = '\0';
	printable(*name ? name : "a process", holder->name, sizeof(holder->name));
}

/* proc_locks(5): "1: FLOCK  ADVISORY  WRITE 4711 08:01:1234 0 EOF", the device in hex. */
static void find_holder(int fd, struct state_lock_holder *holder)
{
	struct stat st;
	char line[256];
	_cleanup_fclose_ FILE *locks = fopen("/proc/locks", "re");
	if (!locks || fstat(fd, &st) < 0)
		return;
	while (!holder->pid && fgets(line, sizeof(line), locks)) {
		unsigned device_major, device_minor;
		unsigned long long inode;
		int pid;
		if (sscanf(line, "%*u: FLOCK %*s %*s %d %x:%x:%llu", &pid, &device_major,
		           &device_minor, &inode) == 4 &&
		    pid > 0 && inode == st.st_ino && device_major == major(st.st_dev) &&
		    device_minor == minor(st.st_dev))
			holder->pid = pid;
	}
	if (holder->pid)
		find_name(holder);
}

int state_lock(const char *directory, int *ret_fd, struct state_lock_holder *ret_holder)
{
	*ret_holder = (struct state_lock_holder){};
	*ret_fd = -1;
	_cleanup_close_ int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT && mkdir(directory, S_IRWXU) == 0)
		fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
		*ret_fd = TAKE_FD(fd);
		return 0;
	}
	if (errno != EWOULDBLOCK)
		return 0; /* that file system knows no locks */
	find_holder(fd, ret_holder);
	return STATE_LOCK_TAKEN;
}
