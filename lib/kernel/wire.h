/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_KERNEL_WIRE_H
#define EGRESSD_KERNEL_WIRE_H

#include <stddef.h>
#include <stdint.h>

/*
 * Netlink messages being written, one behind the other, in a buffer that grows. Start from {}.
 * The first failure sticks in `error` and makes everything after it do nothing, so it is looked at
 * once, at the end: -ENOMEM, or -EMSGSIZE for an attribute that its 16-bit length cannot say.
 */
struct wire {
	uint8_t *bytes;
	size_t length;
	size_t capacity;
	size_t message; /* where the message being written begins */
	int error;
};

/* Releases the buffer; the struct may be used again. */
void wire_done(struct wire *wire);

/*
 * Begins a message of the netfilter netlink family (linux/netfilter/nfnetlink.h): subsystem and
 * type, the NLM_F_* flags beside NLM_F_REQUEST, address family, resource id, sequence number.
 */
void wire_begin(struct wire *wire, unsigned subsystem, unsigned type, unsigned flags,
                uint8_t family, uint16_t resource, uint32_t sequence);

/* Ends it: writes its length. */
void wire_end(struct wire *wire);

/* Bytes of the message being written. */
size_t wire_message_length(const struct wire *wire);

/* Sets further NLM_F_* flags on the message that begins at that offset. */
void wire_add_flags(struct wire *wire, size_t message, unsigned flags);

/* Append an attribute: bytes, numbers (in network byte order), a string with its NUL. */
void wire_put(struct wire *wire, unsigned type, const void *data, size_t length);
void wire_u8(struct wire *wire, unsigned type, uint8_t value);
void wire_u16(struct wire *wire, unsigned type, uint16_t value);
void wire_u32(struct wire *wire, unsigned type, uint32_t value);
void wire_u64(struct wire *wire, unsigned type, uint64_t value);
void wire_string(struct wire *wire, unsigned type, const char *string);

/* Opens a nested attribute; what it returns is what closes it again. */
size_t wire_nest(struct wire *wire, unsigned type);
void wire_nest_end(struct wire *wire, size_t nest);

#endif
