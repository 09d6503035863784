/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_KERNEL_ENCODE_H
#define EGRESSD_KERNEL_ENCODE_H

#include "kernel/batch.h"

/*
 * The steps of a delta as the messages of one whole batch, begin and end included. 0, or what is
 * in batch->wire.error: -ENOMEM, -EMSGSIZE, or -E2BIG for a comment that is too long; the step that
 * was too much is then the last one in batch->origins. The delta must outlive the batch.
 */
int batch_encode(struct batch *batch, const struct delta *delta, uint32_t sequence,
                 uint32_t generation);

#define STEP_TEXT_MAX 512

/*
 * What a step does, in words that fit behind "cannot": "add the rule 3 of ...". For a step with
 * elements, element is the one that is meant, or NULL.
 */
const char *step_describe(const struct step *step, const struct element *element,
                          char buffer[static STEP_TEXT_MAX]);

/* The parts of the encoder, one file each: whole messages for one step. */
void encode_set(struct batch *batch, const struct step *step);
void encode_elements(struct batch *batch, const struct step *step, unsigned type, unsigned flags);
void encode_rule(struct batch *batch, const struct step *step);

/*
 * The key behind a range's last one, which the kernel keeps as its end; false when there is none,
 * for a range up to the last key that there is.
 */
bool key_after(uint8_t *key, size_t length);

/*
 * Which of the step's elements stands at that offset of a message that encode_elements() wrote, as
 * an index into step->elements; the message begins with its own header.
 */
size_t encoded_element_at(const struct origin *origin, const void *message, size_t offset);

/* User data as nft keeps it: one byte of type, one of length, the value; comments with their NUL.
 */
#define USERDATA_MAX 256 /* NFT_USERDATA_MAXLEN */
struct userdata {
	uint8_t bytes[USERDATA_MAX];
	size_t length;
	bool overflow;
};
void userdata_put(struct userdata *userdata, uint8_t type, const void *value, size_t length);
void userdata_comment(struct userdata *userdata, uint8_t type, const char *comment);

/* Puts it as an attribute when there is any; an overflow becomes the wire's -E2BIG. */
void userdata_write(const struct userdata *userdata, struct wire *wire, unsigned attribute);

#endif
