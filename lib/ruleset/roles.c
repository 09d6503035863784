/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ruleset/compiler.h"

#include "base/record.h"
#include "ruleset/names.h"

#include <assert.h>

const char *variant_suffix(const struct role *role, enum mode mode)
{
	if (mode == role->effective_mode)
		return "";
	return mode == MODE_AUDIT ? ".audit" : ".enforce";
}

struct statement count_blocked(struct compiler *c, enum reason reason, const struct role *role)
{
	char text[COUNTER_NAME_MAX];
	const char *name = build_name(&c->builder, "%s",
	                              counter_blocked(reason, role ? role->name : NULL, text));
	build_counter(&c->builder, name, role ? role->at : c->policy->gateway.at);
	return to_chain(ACTION_COUNTER, name);
}

struct statement log_blocked(struct compiler *c, enum reason reason, const struct role *role)
{
	char prefix[LOG_PREFIX_MAX];
	int r = log_prefix_print(reason, role ? role->name : NULL, prefix);
	assert(r == 0); /* names are far shorter */
	(void)r;
	return (struct statement){.kind = ACTION_LOG,
	                          .value = c->policy->gateway.nflog_group,
	                          .name = build_name(&c->builder, "%s", prefix)};
}

/* Everything that the role permits ends here: the destination may still say no. */
static const char *compile_permitted(struct compiler *c, const struct role *role)
{
	struct builder *b = &c->builder;
	char text[COUNTER_NAME_MAX];
	const char *name = build_name(b, "%s", counter_permitted(role->name, text));
	if (b->error || ruleset_chain(b->ruleset, name))
		return name;

	build_chain(b, name, NULL, role->at);
	build_counter(b, name, role->at);
	if (inbound_is_judged(c->policy))
		RULE(b, name, NULL, role->at, to_chain(VERDICT_JUMP, CHAIN_INBOUND));
	RULE(b, name, NULL, role->at, to_chain(ACTION_COUNTER, name), {.kind = VERDICT_ACCEPT});
	return name;
}

static void compile_blocklist(struct compiler *c, const struct role *role, const char *chain,
                              enum mode mode)
{
	static const char *const sets[FAMILY_COUNT] = {"blocklist4", "blocklist6"};
	struct builder *b = &c->builder;

	for (int family = 0; family < FAMILY_COUNT; family++) {
		if (!ruleset_set(b->ruleset, sets[family]))
			continue;
		RULE(b, chain, NULL, role->at,
		     match_address((enum family)family, SIDE_DESTINATION, sets[family]),
		     count_blocked(c, REASON_BLOCKLIST, role),
		     log_blocked(c, REASON_BLOCKLIST, role),
		     to_chain(VERDICT_GOTO, CHAIN_AFTER(mode)));
	}
}

const char *compile_role(struct compiler *c, const struct role *role, enum mode mode)
{
	struct builder *b = &c->builder;
	const char *name = build_name(b, "role_%s%s", role->name, variant_suffix(role, mode));
	if (b->error || ruleset_chain(b->ruleset, name))
		return name;

	const char *permitted = compile_permitted(c, role);
	build_chain(b, name, NULL, role->at);
	compile_blocklist(c, role, name, mode);
	compile_permissions(c, role, DIRECTION_OUTBOUND, name, to_chain(VERDICT_GOTO, permitted));
	RULE(b, name, NULL, role->at, count_blocked(c, REASON_ROLE, role),
	     log_blocked(c, REASON_ROLE, role), to_chain(VERDICT_GOTO, CHAIN_AFTER(mode)));
	return name;
}

const char *compile_impostor(struct compiler *c, const struct role *role, enum mode mode)
{
	struct builder *b = &c->builder;
	const char *name = build_name(b, "impostor_%s%s", role->name, variant_suffix(role, mode));
	if (b->error || ruleset_chain(b->ruleset, name))
		return name;

	build_chain(b, name, "the right address with the wrong MAC", role->at);
	RULE(b, name, NULL, role->at, count_blocked(c, REASON_IMPOSTOR, role),
	     log_blocked(c, REASON_IMPOSTOR, role), to_chain(VERDICT_GOTO, CHAIN_AFTER(mode)));
	return name;
}

const char *compile_inbound(struct compiler *c, const struct role *role, enum mode mode)
{
	struct builder *b = &c->builder;
	const char *name = build_name(b, "inbound_%s%s", role->name, variant_suffix(role, mode));
	if (b->error || ruleset_chain(b->ruleset, name))
		return name;

	build_chain(b, name, NULL, role->at);
	compile_permissions(c, role, DIRECTION_INBOUND, name,
	                    (struct statement){.kind = VERDICT_RETURN});

	/* In audit the chain ends after counting, and the connection goes on. */
	RULE(b, name, NULL, role->at, count_blocked(c, REASON_INBOUND, role),
	     log_blocked(c, REASON_INBOUND, role),
	     mode == MODE_AUDIT ? to_chain(VERDICT_JUMP, CHAIN_COUNT_INSIDE)
	                        : to_chain(VERDICT_GOTO, CHAIN_REFUSE_INBOUND));
	return name;
}
