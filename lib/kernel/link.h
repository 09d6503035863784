/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_KERNEL_LINK_H
#define EGRESSD_KERNEL_LINK_H

#include "base/array.h"
#include "base/cleanup.h"

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

/* A network interface, as far as bridges go. */
struct link {
	char name[IF_NAMESIZE];
	uint32_t index;
	uint32_t master; /* the index of what it is a port of; 0: of nothing */
	bool bridge;
	bool judged; /* a bridge that by itself shows iptables what it bridges (nf_call_iptables) */
};

struct links {
	ARRAY(struct link) list;
};

/* Reads those of the network namespace; released with links_done(). 0 or a negative errno. */
int links_read(struct links *ret_links);
void links_done(struct links *links);

/* The one with that index, or NULL. */
const struct link *links_find(const struct links *links, uint32_t index);

#endif
