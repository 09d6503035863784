/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernel/dynamic.h"

#include "kernel/view.h"

#include <errno.h>

#define SEND_TRIES 4

struct answers {
	const struct batch *batch;
	bool acknowledged;
	int error; /* the first one */
};

static int answer_reply(const struct nlmsghdr *message, void *userdata)
{
	struct answers *answers = userdata;
	int error;

	if (!batch_is_answer(answers->batch, message, &error))
		return 0;
	if (error == 0)
		answers->acknowledged = true;
	else if (answers->error == 0)
		answers->error = error;
	return 0;
}

/* 0, the kernel's errno, or -ENOBUFS when its answer was lost. */
static int send_batch(struct kernel *kernel, const struct batch *batch)
{
	struct answers answers = {.batch = batch};
	int r = kernel_commit_send(kernel, &batch->wire);

	if (r < 0)
		return r;
	r = kernel_commit_drain(kernel, answer_reply, &answers);
	if (r < 0 && r != -ENOBUFS)
		return r;
	if (answers.error < 0)
		return answers.error;
	return r == 0 && answers.acknowledged ? 0 : -ENOBUFS;
}

/*
 * The same; what is known of the table stays known, for dynamic elements are no part of it: if the
 * batch made the next generation, nobody else was at it.
 */
static int send_and_keep_view(struct kernel *kernel, const struct batch *batch)
{
	uint32_t known, before, after;
	bool current = kernel_view(kernel, &known) && kernel_generation(kernel, &before) == 0 &&
	               known == before;
	int r = send_batch(kernel, batch);

	if (r == 0 && current && kernel_generation(kernel, &after) == 0 && after == before + 1) {
		kernel_note_ours(kernel, after);
		(void)kernel_change_view(kernel, after);
	}
	return r;
}

int dynamic_commit(struct kernel *kernel, const struct batch *batch)
{
	int r = -ENOBUFS;

	kernel_skip_sequences(kernel, batch_sequences(batch));
	if (batch->wire.error < 0)
		return batch->wire.error;
	for (unsigned i = 0; i < SEND_TRIES && r == -ENOBUFS; i++)
		r = send_and_keep_view(kernel, batch);
	return r;
}
