/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_KERNEL_READ_H
#define EGRESSD_KERNEL_READ_H

#include "kernel/socket.h"
#include "ruleset/ruleset.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * Reads `table inet egressd` back with everything in it, but for the elements of dynamic sets, and
 * the generation for which that is true. Sets too large to be read are sampled if the kernel's view
 * knows them, else unread. A table that is not there is a ruleset with exists false.
 * 0; -EBUSY: others changed the rules all the time; or another negative errno.
 */
int table_read(struct kernel *kernel, struct ruleset **ret_ruleset, uint32_t *ret_generation);

/*
 * The same without reading again what was read for the generation that is still the present one:
 * any commit, whoever makes it, ends a generation. The ruleset is borrowed until the next call.
 */
int table_view(struct kernel *kernel, const struct ruleset **ret_ruleset, uint32_t *ret_generation);

/*
 * Whether what is known of the table is true now: 0, -EAGAIN when it has to be read, or another
 * negative errno. Costs a question or two.
 */
int table_holds(struct kernel *kernel);

/*
 * Reads only whether the table is there, its flags and its owner, in that generation or since; as
 * table_read() otherwise, but that others cannot keep it from being read.
 */
int table_header(struct kernel *kernel, struct ruleset **ret_ruleset, uint32_t *ret_generation);

/* Only whether the table is there, in that generation or since; errors as above. */
int table_exists(struct kernel *kernel, bool *ret_exists, uint32_t *ret_generation);

struct wire;

/* Begins a message of nf_tables about the inet family with a new sequence number. */
void table_request(struct wire *wire, struct kernel *kernel, unsigned type, unsigned flags);

#endif
