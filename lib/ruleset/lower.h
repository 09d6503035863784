/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_RULESET_LOWER_H
#define EGRESSD_RULESET_LOWER_H

#include "ruleset/ruleset.h"

/*
 * Fills in rule->code from the rule's statements, as nft 1.0.6 would (dependencies such as the
 * protocol family before an address included, each only once a rule); 0 or -ENOMEM.
 */
int rule_lower(struct arena *arena, struct rule *rule);

#endif
