/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_TESTS_FAULTS_CONTROL_H
#define EGRESSD_TESTS_FAULTS_CONTROL_H

#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

/*
 * What a library of this folder, preloaded into a program, is to do to it: a file that both the test
 * and the program have mapped. tests/net/faults.py writes the same.
 */
struct control {
	uint32_t armed;
	uint32_t kind;  /* of the fault, a number of the library's own */
	uint64_t count; /* what could have failed since the test put 0 here */
	uint64_t at;    /* which of these fails, from 1 on; 0: none */
	uint64_t last;  /* up to which all fail; below `at` only that one does */
	uint64_t done;  /* how many have */
	int64_t value;
};

/* Maps the file that the environment names; NULL when it names none. */
static inline struct control *control_map(const char *variable)
{
	const char *path = getenv(variable);
	int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
	void *map = fd < 0 ? MAP_FAILED
	                   : mmap(NULL, sizeof(struct control), PROT_READ | PROT_WRITE,
	                          MAP_SHARED, fd, 0);
	if (fd >= 0)
		close(fd);
	return map == MAP_FAILED ? NULL : map;
}

/* Counts one that could fail; true when it has to. */
static inline int control_fails(struct control *control)
{
	if (!control || !control->armed)
		return 0;
	uint64_t number = ++control->count;
	if (!control->at || number < control->at ||
	    (number != control->at && number > control->last))
		return 0;
	control->done++;
	return 1;
}

#endif
