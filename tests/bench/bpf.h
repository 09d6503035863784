/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_BENCH_BPF_H
#define EGRESSD_BENCH_BPF_H

#include <errno.h>
#include <linux/bpf.h>
#include <sys/syscall.h>
#include <unistd.h>

/* bpf(2). Returns its result, or a negative errno. */
static inline int bpf(enum bpf_cmd command, union bpf_attr *attr)
{
	long r = syscall(SYS_bpf, command, attr, sizeof(*attr));

	return r < 0 ? -errno : (int)r;
}

#endif
