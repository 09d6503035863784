/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_LOADING_H
#define EGRESSD_LOADING_H

#include "base/cleanup.h"
#include "enforcement.h"
#include "health.h"
#include "server.h"

#include <stdbool.h>
#include <systemd/sd-event.h>

/*
 * How a configuration comes into force: at the start, when its files change, and when somebody asks
 * for it. What cannot be loaded and verified is a fault, and what worked before stands: the policy
 * in force, at a start the last good one, else the table of an earlier run, else a closed gateway.
 */
struct loading;

/* What the daemon does on the way. */
struct loading_hooks {
	/* Before a commit of that policy; NULL: of the closed table. */
	void (*prepare)(const struct policy *candidate, void *userdata);
	/* After it, whatever came of it: everything goes by enforcement->policy from now on; what
	 * was there before is freed when this returns. */
	void (*use_policy)(const struct outcome *outcome, void *userdata);
	/* Faults may have come or gone. */
	void (*settled)(void *userdata);
	void *userdata;
};

/*
 * The configuration is in that file, and what outlives a restart in that directory. All is borrowed
 * and outlives it. 0 or a negative errno.
 */
int loading_new(sd_event *event, const char *file, const char *directory,
                struct enforcement *enforcement, struct health *health, struct server *server,
                const struct loading_hooks *hooks, struct loading **ret_loading);

/* Takes NULL, returns NULL. */
struct loading *loading_free(struct loading *loading);
DEFINE_CLEANUP(struct loading *, loading_free)

/* The first one. 0 also when the gateway is closed instead; a negative errno when it could not be.
 */
int loading_start(struct loading *loading);

/* Loads the files again, and tells systemd; also when they are rejected, the reload is over then. */
void loading_again(struct loading *loading, struct outcome *ret_outcome);

/* The same for those who do not care what comes of it. */
void loading_reload(struct loading *loading);

/* The configuration is good, but not in force, or not verified: it is tried again. */
bool loading_is_unfinished(const struct loading *loading);

/* No policy could be read, but a table from before enforces one. */
bool loading_is_standing(const struct loading *loading);

/*
 * What others did to the table of an earlier run before loading_start(), as in
 * outcome.tampering; or NULL. Nothing is known of a table that another version, or another
 * configuration, had made.
 */
const char *loading_tampering(const struct loading *loading);

#endif
