/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control.h"

#include <dlfcn.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netlink.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>

/*
 * Preloaded, it makes the kernel one without a conntrack helper: while EGRESSD_HELPERS_FAULTS is
 * armed, each message that names the helper of EGRESSD_LACKING_HELPER asks for one of another name
 * in its place, which no kernel has. What answers is the kernel.
 */
#define BYTES_MAX      (16 * 1024 * 1024)
#define NAME_MAX_BYTES 16 /* NF_CT_HELPER_NAME_LEN */

static struct control *control;
static const char *name;
static ssize_t (*next_send)(int, const void *, size_t, int);

__attribute__((constructor)) static void begin(void)
{
	*(void **)&next_send = dlsym(RTLD_NEXT, "send");
	control = control_map("EGRESSD_HELPERS_FAULTS");
	name = getenv("EGRESSD_LACKING_HELPER");
}

static bool is_netlink(int fd)
{
	int domain = 0;
	socklen_t length = sizeof(domain);
	return getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &length) == 0 && domain == AF_NETLINK;
}

/* Each attribute NFTA_CT_HELPER_NAME with that name gets another first letter. */
static void rename_helper(char *bytes, size_t size)
{
	char wanted[sizeof(struct nlattr) + NAME_MAX_BYTES];
	size_t length = strlen(name) + 1;
	struct nlattr head = {.nla_len = (uint16_t)(sizeof(head) + length),
	                      .nla_type = NFTA_CT_HELPER_NAME};
	if (length > NAME_MAX_BYTES)
		return;
	memcpy(wanted, &head, sizeof(head));
	memcpy(wanted + sizeof(head), name, length);
	for (char *at = bytes;
	     (at = memmem(at, size - (size_t)(at - bytes), wanted, sizeof(head) + length)) != NULL;)
		at[sizeof(head)] = '!';
}

ssize_t send(int fd, const void *buffer, size_t size, int flags)
{
	if (!control || !control->armed || !name || size > BYTES_MAX || !is_netlink(fd))
		return next_send(fd, buffer, size, flags);
	char *copy = malloc(size);
	if (!copy)
		return -1;
	memcpy(copy, buffer, size);
	rename_helper(copy, size);
	ssize_t n = next_send(fd, copy, size, flags);
	free(copy);
	return n;
}
