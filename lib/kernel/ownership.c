/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernel/ownership.h"

#include "kernel/batch.h"
#include "kernel/commit.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nf_tables.h>
#include <stdlib.h>
#include <string.h>

/* Debian 12's headers are older than the second one. */
#define FLAG_OWNER   0x2u
#define FLAG_PERSIST 0x4u
#define FLAGS_OWNED  (FLAG_OWNER | FLAG_PERSIST)

/* Of a table that is never made; only one of the same name that is there could answer wrongly. */
#define TRIAL_NAME "egressd-asks-for-owner-and-persist"

enum ownership owner_of(const struct kernel *kernel, const struct ruleset *table)
{
	if (!table || !table->exists)
		return OWNERSHIP_NONE;
	if (table->flags & FLAG_OWNER)
		return table->owner == kernel_commit_port(kernel) ? OWNERSHIP_OURS
		                                                  : OWNERSHIP_OTHERS;
	return table->flags & FLAG_PERSIST ? OWNERSHIP_ORPHAN : OWNERSHIP_NONE;
}

int owner_wish(struct kernel *kernel, bool own)
{
	struct owner *owner = kernel_owner(kernel);
	bool before = owner->wished;

	owner->wished = own;
	/* The flag cannot be taken off, but goes with the socket. */
	return before && !own ? kernel_renew_commit_fd(kernel) : 0;
}

struct trial {
	uint32_t sequence;
	bool answered;
	int error;
};

static int trial_reply(const struct nlmsghdr *message, void *userdata)
{
	struct trial *trial = userdata;

	if (message->nlmsg_type != NLMSG_ERROR || message->nlmsg_seq != trial->sequence ||
	    mnl_nlmsg_get_payload_len(message) < sizeof(trial->error))
		return 0;
	memcpy(&trial->error, mnl_nlmsg_get_payload(message), sizeof(trial->error));
	trial->answered = true;
	return 0;
}

/* A batch without an end: each message is tried and answered, then all is undone. */
static int ask(struct kernel *kernel)
{
	_cleanup_(batch_done) struct batch batch = {};
	struct trial trial = {};
	int r;

	batch_begin(&batch, kernel_sequence(kernel), 0);
	batch_message(&batch, NULL, NFT_MSG_NEWTABLE, NLM_F_CREATE | NLM_F_ACK);
	wire_string(&batch.wire, NFTA_TABLE_NAME, TRIAL_NAME);
	wire_u32(&batch.wire, NFTA_TABLE_FLAGS, FLAGS_OWNED);
	wire_end(&batch.wire);
	kernel_skip_sequences(kernel, batch_sequences(&batch));
	trial.sequence = batch.sequence + 1;

	r = kernel_commit_send(kernel, &batch.wire);
	if (r >= 0)
		r = kernel_commit_drain(kernel, trial_reply, &trial);
	if (r < 0)
		return r;
	if (!trial.answered)
		return -EBADMSG;
	/* Flags that it does not know are EOPNOTSUPP, or EINVAL in old kernels. */
	return trial.error == 0                                       ? 1
	       : trial.error == -EOPNOTSUPP || trial.error == -EINVAL ? 0
	                                                              : trial.error;
}

int owner_possible(struct kernel *kernel)
{
	struct owner *owner = kernel_owner(kernel);

	if (!owner->asked) {
		int r = ask(kernel);

		if (r < 0)
			return r;
		owner->possible = r;
		owner->asked = true;
	}
	return owner->possible;
}

uint32_t owner_flags(struct kernel *kernel, const struct ruleset *have)
{
	bool wished = kernel_owner(kernel)->wished;

	switch (owner_of(kernel, have)) {
	case OWNERSHIP_NONE:
		return wished && !have->exists && owner_possible(kernel) > 0 ? FLAGS_OWNED : 0;
	case OWNERSHIP_ORPHAN:
		return wished ? FLAGS_OWNED : FLAG_PERSIST;
	case OWNERSHIP_OURS:
	case OWNERSHIP_OTHERS:
		return FLAGS_OWNED;
	}
	abort(); /* no other value is ever made */
}

/* One message that gives the table these flags; 0 or a negative errno. */
static int set_flags(struct kernel *kernel, const struct ruleset *have, uint32_t flags,
                     uint32_t generation)
{
	struct ruleset wanted = {.exists = true, .flags = flags, .comment = have->comment};
	struct step step = {.kind = STEP_ADD_TABLE, .ruleset = &wanted};
	struct delta delta = {.steps = {.items = &step, .count = 1}};
	struct refusal refusal;
	int r = table_commit(kernel, &delta, generation, &refusal);

	return r > 0 ? -EBUSY : r;
}

int owner_wake(struct kernel *kernel, const struct ruleset *have, uint32_t generation)
{
	int r;

	if (!have->exists || !(have->flags & NFT_TABLE_F_DORMANT))
		return 0;
	r = set_flags(kernel, have, owner_flags(kernel, have), generation);
	return r < 0 ? r : 1;
}

int owner_adopt(struct kernel *kernel, const struct ruleset *have, uint32_t generation)
{
	if (owner_of(kernel, have) != OWNERSHIP_ORPHAN)
		return 0;
	return set_flags(kernel, have, FLAGS_OWNED, generation);
}
