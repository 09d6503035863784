/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernel/commit.h"

#include "kernel/attribute.h"
#include "kernel/encode.h"
#include "kernel/view.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <stdio.h>
#include <string.h>

/* What a message costs in a socket's buffer beyond its length (struct sk_buff and rounding). */
#define SEND_OVERHEAD 4096

struct answers {
	const struct batch *batch;
	bool acknowledged;
	bool stale;
	size_t errors;
	struct refusal *refusal;
};

/* What an error message says beside the number (enum nlmsgerr_attrs). */
static void read_details(const struct nlmsghdr *message, const char **ret_text,
                         uint32_t *ret_offset)
{
	size_t length = mnl_nlmsg_get_payload_len(message);
	const uint8_t *payload = mnl_nlmsg_get_payload(message);
	size_t skip = sizeof(struct nlmsgerr), offset_length;
	struct attributes attributes;
	struct nlmsgerr error;
	const uint8_t *offset;

	*ret_text = NULL;
	*ret_offset = 0;
	if (length < skip || !(message->nlmsg_flags & NLM_F_ACK_TLVS))
		return;
	memcpy(&error, payload, sizeof(error));
	/* Our message, sent back, stands before them. */
	if (!(message->nlmsg_flags & NLM_F_CAPPED) && error.msg.nlmsg_len > sizeof(error.msg))
		skip += netlink_align((size_t)error.msg.nlmsg_len - sizeof(error.msg));
	if (skip >= length)
		return;
	attributes_read(&attributes, payload + skip, length - skip);
	*ret_text = attribute_string(attributes.at[NLMSGERR_ATTR_MSG]);
	/* This one number is in the byte order of the host. */
	offset = attribute_bytes(attributes.at[NLMSGERR_ATTR_OFFS], &offset_length);
	if (offset && offset_length == sizeof(*ret_offset))
		memcpy(ret_offset, offset, sizeof(*ret_offset));
}

/* The element that the kernel points at with an offset into our message; NULL when none. */
static const struct element *refused_element(const struct batch *batch, const struct origin *origin,
                                             uint32_t offset)
{
	const struct step *step = origin->step;

	if (step->element_count == 0)
		return NULL;
	if (step->element_count > 1 && offset == 0)
		return NULL;
	return &step->elements[encoded_element_at(origin, batch->wire.bytes + origin->offset,
	                                          offset)];
}

static const char *error_text(int error)
{
	switch (error) {
	case -ENFILE:
		return "the set is full";
	case -EPERM:
		return "not permitted: the table is owned by another process, or CAP_NET_ADMIN is "
		       "missing";
	default:
		return strerrordesc_np(-error) ? strerrordesc_np(-error) : "unknown error";
	}
}

/* What went wrong with a step, where its kind says more about it than the number. */
static const char *step_error_text(const struct step *step, int error)
{
	if (step->kind == STEP_ADD_HELPER && error == -ENOENT)
		return "the kernel has no such helper for this protocol; load the module that has "
		       "it (modprobe nfct-helper-NAME, where NAME is the type)";
	return error_text(error);
}

static void refuse(struct answers *answers, const struct origin *origin, int error,
                   const char *details, uint32_t offset)
{
	const struct element *element;
	struct refusal *refusal = answers->refusal;
	char what[STEP_TEXT_MAX];

	*refusal = (struct refusal){.error = error};
	if (!origin) {
		snprintf(refusal->text, sizeof(refusal->text),
		         "the kernel refuses the change: %s%s%s", error_text(error),
		         details ? ": " : "", details ? details : "");
		return;
	}
	element = refused_element(answers->batch, origin, offset);
	refusal->at = origin->step->at;
	if (element && element->file && origin->step->ruleset)
		refusal->at = element_location(origin->step->ruleset, element);
	snprintf(refusal->text, sizeof(refusal->text), "cannot %s: %s%s%s",
	         step_describe(origin->step, element, what), step_error_text(origin->step, error),
	         details ? ": " : "", details ? details : "");
}

static int answer_reply(const struct nlmsghdr *message, void *userdata)
{
	struct answers *answers = userdata;
	const struct batch *batch = answers->batch;
	const struct origin *origin;
	const char *details;
	uint32_t offset;
	int error;

	if (!batch_is_answer(batch, message, &error))
		return 0;
	if (error == 0) {
		answers->acknowledged = true;
		return 0;
	}
	if (error == -ERESTART) {
		answers->stale = true;
		return 0;
	}
	origin = batch_origin(batch, message->nlmsg_seq);
	read_details(message, &details, &offset);
	/* The first one that leads back to a step is the cause; what follows may be its fault. */
	if (answers->errors++ == 0)
		refuse(answers, origin, error, details, offset);
	return 0;
}

static int send_batch(struct kernel *kernel, const struct wire *wire)
{
	/* A buffer that stays too small shows as EMSGSIZE of the send itself. */
	(void)kernel_send_buffer(kernel, wire->length + SEND_OVERHEAD);
	return kernel_commit_send(kernel, wire);
}

static int refuse_unsent(struct answers *answers, int error)
{
	const struct batch *batch = answers->batch;

	if (error == -E2BIG && batch->origins.count > 0) {
		refuse(answers, &batch->origins.items[batch->origins.count - 1], error,
		       "its comment is too long", 0);
		return COMMIT_REFUSED;
	}
	if (error == -EMSGSIZE) {
		*answers->refusal = (struct refusal){.error = error};
		snprintf(answers->refusal->text, sizeof(answers->refusal->text),
		         "the change is one batch of %zu bytes, more than the socket's send buffer "
		         "may hold (see net.core.wmem_max; CAP_NET_ADMIN lifts the limit)",
		         batch->wire.length);
		return COMMIT_REFUSED;
	}
	return error;
}

int table_commit(struct kernel *kernel, const struct delta *delta, uint32_t generation,
                 struct refusal *ret_refusal)
{
	_cleanup_(batch_done) struct batch batch = {};
	struct answers answers = {.batch = &batch, .refusal = ret_refusal};
	int r;

	if (delta->steps.count == 0)
		return 0;
	r = batch_encode(&batch, delta, kernel_sequence(kernel), generation);
	kernel_skip_sequences(kernel, batch_sequences(&batch));
	if (r < 0)
		return refuse_unsent(&answers, r);
	r = send_batch(kernel, &batch.wire);
	if (r < 0)
		return refuse_unsent(&answers, r);

	r = kernel_commit_drain(kernel, answer_reply, &answers);
	if (answers.errors == 0 && !answers.stale)
		kernel_note_batch(kernel);
	if (r < 0 && r != -ENOBUFS)
		return r;
	if (answers.errors > 0)
		return COMMIT_REFUSED;
	if (answers.stale)
		return COMMIT_STALE;
	if (r == -ENOBUFS || !answers.acknowledged)
		return COMMIT_UNKNOWN;
	/* The kernel takes a batch for that one generation only. */
	if (generation != 0)
		kernel_note_ours(kernel, generation + 1);
	return 0;
}
