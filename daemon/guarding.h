/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_GUARDING_H
#define EGRESSD_GUARDING_H

#include "alarms.h"
#include "base/cleanup.h"
#include "contacts.h"
#include "enforcement.h"
#include "health.h"
#include "loading.h"
#include "server.h"

#include <systemd/sd-event.h>

/*
 * What others do to the kernel's rules while we run: our table is put right, and who changed it is
 * told (journal, stream, alarm, status); what they do around it is looked at as well.
 */
struct guarding;

/* What it works with; all borrowed. */
struct guarding_for {
	struct enforcement *enforcement;
	const char *directory; /* the state directory */
	struct health *health;
	struct alarms *alarms;
	struct contacts *contacts;
	struct loading *loading;
	struct server *server;
	void (*changed)(void *userdata); /* the health may be another one */
	void *userdata;
};

/*
 * Begins, once a policy is in force: to those who listen the kernel tells every single element of
 * a commit, which would more than double what the first one takes. Everything is to outlive it. 0
 * or a negative errno.
 */
int guarding_new(sd_event *event, const struct guarding_for *parts, struct guarding **ret_guarding);

/*
 * Puts right what others changed since the last commit of ours, before it began: that is found by
 * the generation. 0 or a negative errno.
 */
int guarding_look_back(struct guarding *guarding);

/* Another policy is in force: what is around the table is looked at by it. */
void guarding_use_policy(struct guarding *guarding);

/* Takes NULL, returns NULL. */
struct guarding *guarding_free(struct guarding *guarding);
DEFINE_CLEANUP(struct guarding *, guarding_free)

#endif
