/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_KERNEL_SET_TYPE_H
#define EGRESSD_KERNEL_SET_TYPE_H

#include "ruleset/ruleset.h"

/*
 * The number under which nft(8) knows a key type (NFTA_SET_KEY_TYPE): the kernel only keeps it, so
 * that whoever lists the set can print the keys. A concatenation has six bits for each field.
 */
uint32_t set_type_id(enum set_type type);

/* The reverse; false for a type that is none of ours. */
bool set_type_of_id(uint32_t id, enum set_type *ret_type);

/* nft's byte order of the key, for the set's user data: 0 unset, 1 the host's, 2 the network's. */
uint32_t set_type_byte_order(enum set_type type);

#endif
