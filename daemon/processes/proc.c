/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "processes/proc.h"

#include "base/cleanup.h"
#include "processes/unit.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Open files of all processes; whoever has more than that must not keep us busy. */
#define FILES_MAX       200000
#define SOCKET_TEXT_MAX 32
#define FILE_TEXT_MAX   4096
#define STAT_START_TIME 22 /* field of /proc/PID/stat, counted from 1 */
#define CUT             "..."

static void close_directory(DIR **directory)
{
	if (*directory)
		closedir(*directory);
}

/* Opens a directory below another one; NULL with errno. */
static DIR *open_directory(int at, const char *name)
{
	int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *directory = fd < 0 ? NULL : fdopendir(fd);
	if (fd >= 0 && !directory)
		close(fd);
	return directory;
}

/* Reads what fits of a file; the text, with a NUL behind it, or -1. Bytes may be NUL themselves. */
static ssize_t read_file(int at, const char *name, char buffer[static FILE_TEXT_MAX])
{
	_cleanup_close_ int fd = openat(at, name, O_RDONLY | O_CLOEXEC);
	ssize_t n = 0, length = 0;
	if (fd < 0)
		return -1;
	do {
		length += n;
		n = read(fd, buffer + length, (size_t)(FILE_TEXT_MAX - 1 - length));
	} while (n > 0);
	buffer[length] = '\0';
	return length;
}

/* Copies a text, cut where it does not fit. */
static void copy_text(char *to, size_t size, const char *from, size_t length)
{
	bool fits = length < size;
	size_t n = fits ? length : size - 1;
	memcpy(to, from, n);
	to[n] = '\0';
	if (!fits)
		memcpy(to + n - strlen(CUT), CUT, strlen(CUT));
}

static void read_executable(int process, struct process *ret)
{
	char path[PATH_MAX];
	ssize_t n = readlinkat(process, "exe", path, sizeof(path));
	if (n > 0)
		copy_text(ret->executable, sizeof(ret->executable), path, (size_t)n);
}

static void read_command(int process, struct process *ret)
{
	char text[FILE_TEXT_MAX];
	ssize_t n = read_file(process, "cmdline", text);
	while (n > 0 && !text[n - 1])
		n--;
	for (ssize_t i = 0; i < n; i++)
		if (!text[i])
			text[i] = ' ';
	if (n > 0)
		copy_text(ret->command, sizeof(ret->command), text, (size_t)n);
}

/* When the machine started, in microseconds since 1970. */
static int64_t boot_time(void)
{
	struct timespec real, boot;
	if (clock_gettime(CLOCK_REALTIME, &real) < 0 || clock_gettime(CLOCK_BOOTTIME, &boot) < 0)
		return 0;
	return (int64_t)(real.tv_sec - boot.tv_sec) * 1000000 +
	       (real.tv_nsec - boot.tv_nsec) / 1000;
}

/* "PID (NAME) STATE ...": the name may hold anything, so the last parenthesis ends it. */
static void read_stat(int process, struct process *ret)
{
	char text[FILE_TEXT_MAX];
	if (read_file(process, "stat", text) <= 0)
		return;
	char *name = strchr(text, '('), *end = strrchr(text, ')');
	if (!name || !end || end < name)
		return;
	copy_text(ret->name, sizeof(ret->name), name + 1, (size_t)(end - name - 1));

	const char *field = end;
	for (int i = 3; i <= STAT_START_TIME && field; i++)
		field = strchr(field + 1, ' ');
	long ticks = sysconf(_SC_CLK_TCK);
	char *behind;
	unsigned long long start = field ? strtoull(field + 1, &behind, 10) : 0;
	if (field && behind != field + 1 && ticks > 0 && start < UINT64_MAX / 1000000)
		ret->started = (uint64_t)boot_time() + (uint64_t)start * 1000000 / (uint64_t)ticks;
}

static void read_unit(int process, struct process *ret)
{
	char text[FILE_TEXT_MAX];
	if (read_file(process, "cgroup", text) > 0)
		(void)unit_of_cgroups(text, ret->unit, sizeof(ret->unit));
}

static bool is_socket(int files, const char *name, const char *socket)
{
	char target[SOCKET_TEXT_MAX];
	ssize_t n = readlinkat(files, name, target, sizeof(target));
	return n > 0 && (size_t)n < sizeof(target) && (size_t)n == strlen(socket) &&
	       memcmp(target, socket, (size_t)n) == 0;
}

static bool is_number(const char *name)
{
	return isdigit((unsigned char)name[0]);
}

/* The process reads as one only as long as it lives: its directory is of that process alone. */
static void read_process(int process, DIR *files, const char *file, const char *socket,
                         struct holders *holders)
{
	struct process *found = &holders->items[holders->count];
	read_stat(process, found);
	read_executable(process, found);
	read_command(process, found);
	read_unit(process, found);
	if (is_socket(dirfd(files), file, socket))
		holders->count++;
	else
		*found = (struct process){}; /* it has ended, or let the socket go */
}

/* Looks through the files of one process. True unless there were too many. */
static bool look_into(int process, pid_t pid, const char *socket, size_t *budget,
                      struct holders *holders)
{
	_cleanup_(close_directory) DIR *files = open_directory(process, "fd");
	const struct dirent *entry;
	if (!files) {
		holders->denied += errno == EACCES || errno == EPERM;
		return true;
	}
	bool refused = false;
	while ((entry = readdir(files))) {
		if (!is_number(entry->d_name))
			continue;
		if (!*budget)
			return false;
		--*budget;
		errno = 0;
		if (is_socket(dirfd(files), entry->d_name, socket)) {
			holders->items[holders->count] = (struct process){.pid = pid};
			read_process(process, files, entry->d_name, socket, holders);
			return true;
		}
		refused = refused || errno == EACCES || errno == EPERM;
	}
	holders->denied += refused;
	return true;
}

int proc_find_holders(uint32_t inode, struct holders *ret_holders)
{
	_cleanup_(close_directory) DIR *proc = open_directory(AT_FDCWD, "/proc");
	char socket[SOCKET_TEXT_MAX];
	size_t budget = FILES_MAX;
	const struct dirent *entry;

	*ret_holders = (struct holders){};
	if (!proc)
		return -errno;
	snprintf(socket, sizeof(socket), "socket:[%u]", inode);
	while (ret_holders->count < PROCESSES_TOLD && (entry = readdir(proc))) {
		if (!is_number(entry->d_name))
			continue;
		_cleanup_close_ int process =
		        openat(dirfd(proc), entry->d_name, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (process >= 0 &&
		    !look_into(process, (pid_t)atoi(entry->d_name), socket, &budget, ret_holders))
			return -ETIME;
	}
	return 0;
}
