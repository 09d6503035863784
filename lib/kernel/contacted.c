/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernel/contacted.h"

#include "kernel/dynamic.h"
#include "ruleset/names.h"
#include "ruleset/ruleset.h"

#include <linux/netfilter/nf_tables.h>

int contacted_forget(struct kernel *kernel)
{
	_cleanup_(batch_done) struct batch batch = {};

	batch_begin(&batch, kernel_sequence(kernel), 0);
	for (int family = 0; family < FAMILY_COUNT; family++) {
		/* A message that names no element means all of them. */
		batch_message(&batch, NULL, NFT_MSG_DELSETELEM, 0);
		wire_string(&batch.wire, NFTA_SET_ELEM_LIST_TABLE, TABLE_NAME);
		wire_string(&batch.wire, NFTA_SET_ELEM_LIST_SET,
		            set_contacted((enum family)family));
		wire_end(&batch.wire);
	}
	batch_end(&batch);
	return dynamic_commit(kernel, &batch);
}
