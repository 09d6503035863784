/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSCTL_VERBS_H
#define EGRESSCTL_VERBS_H

#include "egressctl.h"

/* The verbs, each in the file of its name. */
enum outcome verb_status(const struct command *command);
enum outcome verb_roles(const struct command *command);
enum outcome verb_hosts(const struct command *command);
enum outcome verb_blocked(const struct command *command);
enum outcome verb_explain(const struct command *command);
enum outcome verb_check(const struct command *command);
enum outcome verb_table(const struct command *command);
enum outcome verb_assign(const struct command *command);
enum outcome verb_unassign(const struct command *command);
enum outcome verb_assignments(const struct command *command);
enum outcome verb_permit(const struct command *command);
enum outcome verb_revoke(const struct command *command);
enum outcome verb_permits(const struct command *command);
enum outcome verb_quarantine(const struct command *command);
enum outcome verb_release(const struct command *command);
enum outcome verb_quarantined(const struct command *command);
enum outcome verb_pickup(const struct command *command);
enum outcome verb_alarms(const struct command *command);
enum outcome verb_restore(const struct command *command);
enum outcome verb_reload(const struct command *command);
enum outcome verb_watch(const struct command *command);

#endif
