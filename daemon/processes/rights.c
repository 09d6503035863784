/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "processes/rights.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define NEEDED (UINT64_C(1) << CAP_SYS_PTRACE | UINT64_C(1) << CAP_DAC_READ_SEARCH)

static uint64_t both_halves(const struct __user_cap_data_struct data[static 2])
{
	return (uint64_t)data[1].permitted << 32 | data[0].permitted;
}

/* Without CAP_SETPCAP the bounding set stays, but then there is nothing that could be gained. */
static void lower_bounds(void)
{
	for (unsigned capability = 0; capability <= 63; capability++)
		if (!(NEEDED >> capability & 1))
			(void)prctl(PR_CAPBSET_DROP, capability, 0, 0, 0);
}

int rights_reduce(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {};
	if (syscall(SYS_capget, &header, data) < 0)
		return -errno;
	uint64_t kept = both_halves(data) & NEEDED;

	lower_bounds();
	for (unsigned i = 0; i < _LINUX_CAPABILITY_U32S_3; i++) {
		uint32_t half = (uint32_t)(kept >> (32 * i));
		data[i] = (struct __user_cap_data_struct){.effective = half, .permitted = half};
	}
	if (syscall(SYS_capset, &header, data) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return -errno;
	return kept == NEEDED ? 0 : RIGHTS_MISSING;
}
