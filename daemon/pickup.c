/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pickup.h"

#include "expiry.h"
#include "journal.h"
#include "kernel/picked_up.h"
#include "kernel/read.h"
#include "policy/runtime.h"
#include "policy/span_word.h"
#include "ruleset/compile.h"
#include "ruleset/names.h"
#include "state_file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-id128.h>

/* Far below the time after which the kernel forgets what is not used. */
#define RENEW_EVERY (60 * 60 * USEC_PER_SEC)

#define BOOT_ID_FILE_MAX 64

#define TABLE_TRIES 4 /* each of which tries again while others change their rules */

struct pickup_keeper {
	struct enforcement *enforcement;
	const char *directory;
	pickup_empty_t empty;
	void *userdata;
	struct expiry *renewal;
	bool begun;      /* the table of an earlier run was looked at */
	bool started;    /* a policy came into force */
	bool first;      /* none did before in this boot */
	bool renewing;   /* the renewal is due within RENEW_EVERY */
	uint64_t opened; /* the request that is the window of the start; 0: there is none */
};

static void renew(void *userdata);

int pickup_keeper_new(sd_event *event, struct enforcement *enforcement, const char *directory,
                      pickup_empty_t empty, void *userdata, struct pickup_keeper **ret_keeper)
{
	_cleanup_(pickup_keeper_freep) struct pickup_keeper *keeper = calloc(1, sizeof(*keeper));
	if (!keeper)
		return -ENOMEM;
	keeper->enforcement = enforcement;
	keeper->directory = directory;
	keeper->empty = empty;
	keeper->userdata = userdata;
	int r = expiry_new(event, renew, keeper, &keeper->renewal);
	if (r < 0)
		return r;
	*ret_keeper = TAKE_POINTER(keeper);
	return 0;
}

struct pickup_keeper *pickup_keeper_free(struct pickup_keeper *keeper)
{
	if (!keeper)
		return NULL;
	expiry_free(keeper->renewal);
	free(keeper);
	return NULL;
}

/* "6f0c...\n"; empty when the machine does not say which boot this is. */
static void print_boot(char text[static BOOT_ID_FILE_MAX])
{
	char id[SD_ID128_STRING_MAX];
	sd_id128_t boot;
	text[0] = '\0';
	if (sd_id128_get_boot(&boot) >= 0)
		snprintf(text, BOOT_ID_FILE_MAX, "%s\n", sd_id128_to_string(boot, id));
}

static bool boot_is_known(const struct pickup_keeper *keeper)
{
	_cleanup_free_ char *text = NULL;
	char boot[BOOT_ID_FILE_MAX];
	struct state_wrong wrong;
	size_t length;
	print_boot(boot);
	/* One that is not known may be any. */
	if (!boot[0])
		return true;
	return state_file_read(keeper->directory, BOOT_ID_FILE_NAME, BOOT_ID_FILE_MAX, &wrong,
	                       &text, &length) == 0 &&
	       strcmp(text, boot) == 0;
}

static void note_boot(const struct pickup_keeper *keeper)
{
	char boot[BOOT_ID_FILE_MAX];
	print_boot(boot);
	int r = state_file_write(keeper->directory, BOOT_ID_FILE_NAME, boot, false);
	if (r < 0)
		journal(LOG_WARNING,
		        "%s/" BOOT_ID_FILE_NAME
		        " cannot be written (%s): if the table is lost, the next start picks up "
		        "older connections again",
		        keeper->directory, strerror(-r));
}

/*
 * Looks at what an earlier run left: its table, and the connections that it picked up. As long as
 * the table has the rules for these they are wanted, or somebody else would seem to have made them.
 */
static void begin(struct pickup_keeper *keeper)
{
	const struct ruleset *table;
	uint32_t generation;

	/* Others change their rules while the machine boots. Not to know is no reason to let
	 * anything in, nor to cut what was let in; the next load looks again. */
	for (unsigned i = 0; i < TABLE_TRIES && !keeper->begun; i++)
		keeper->begun = table_view(keeper->enforcement->kernel, &table, &generation) == 0;
	keeper->first = keeper->begun && !boot_is_known(keeper) &&
	                (!table->exists || ruleset_is_closed(table));
	if (!keeper->begun || ruleset_set(table, set_picked_up(FAMILY_IPV4)))
		keeper->enforcement->requests.picked_up = true;
}

/* Puts the window among the requests; without memory there is none. */
static void open_window(struct pickup_keeper *keeper, usec_t span)
{
	struct requests *requests = &keeper->enforcement->requests;
	usec_t now = lasting_clock_now(&keeper->enforcement->clock);
	struct request_entry *opened = requests_pickup(requests);
	if (opened && opened->id != keeper->opened)
		return; /* somebody has opened one */
	if (!span) {
		if (opened)
			requests_remove(requests, opened->id);
		return;
	}
	if (opened) {
		opened->since = now;
		opened->until = now + span;
		return;
	}
	struct request_entry request = {
	        .kind = REQUEST_PICKUP,
	        .since = now,
	        .until = now + span,
	        .uid = REQUEST_UID_UNKNOWN,
	        .user = strdup(REQUEST_USER_OWN),
	        .why = strdup("first start since the machine booted"),
	};
	if (request.user && request.why && requests_add(requests, &request) == 0)
		keeper->opened = request.id;
	request_done(&request);
}

void pickup_keeper_prepare(struct pickup_keeper *keeper, const struct policy *candidate)
{
	if (!keeper->begun)
		begin(keeper);
	if (!keeper->started && keeper->first)
		open_window(keeper, candidate->gateway.pickup);
}

static bool window_is_open(const struct pickup_keeper *keeper)
{
	const struct policy *policy = keeper->enforcement->policy;
	return policy->runtime && policy->runtime->pickup.until;
}

/* One that is planned stays as it is: changes that follow each other must not put it off. At a
 * start it is due at once, because an earlier run may have been away for days. */
static void plan_renewal(struct pickup_keeper *keeper, bool first)
{
	bool wanted = keeper->enforcement->requests.picked_up;
	if (!wanted)
		expiry_never(keeper->renewal);
	else if (!keeper->renewing)
		wanted = expiry_in(keeper->renewal, first ? 0 : RENEW_EVERY) >= 0;
	keeper->renewing = wanted;
}

bool pickup_keeper_settle(struct pickup_keeper *keeper)
{
	const struct policy *policy = keeper->enforcement->policy;
	char span[SPAN_WORD_TEXT_MAX];
	if (!policy)
		return false;
	bool opened = false, first = !keeper->started;
	if (first) {
		keeper->started = true;
		note_boot(keeper);
		opened = keeper->opened && window_is_open(keeper);
		if (opened)
			journal(LOG_NOTICE,
			        "Connections that are older than this start continue if the policy "
			        "permits them: the pickup window is open for %s",
			        span_word_print(policy->gateway.pickup, span));
	}
	plan_renewal(keeper, first);
	return opened;
}

static bool is_due(const struct picked_up *one)
{
	return one->left <= PICKED_UP_SECONDS / 2;
}

static bool any_due(const struct picked_up_list *list)
{
	ARRAY_FOREACH (one, &list->list)
		if (is_due(one))
			return true;
	return false;
}

/* One pass over conntrack: which of those picked up, that are to be forgotten, does it still have?
 */
struct pass {
	const struct picked_up_list *list;
	ARRAY(struct flow) alive;
};

static int note_alive(const struct flow *flow, void *userdata)
{
	struct pass *pass = userdata;
	const struct picked_up *one = picked_up_find(pass->list, flow);
	if (!one || !is_due(one))
		return 0;
	struct flow *slot = ARRAY_ADD(&pass->alive);
	if (!slot)
		return -ENOMEM;
	*slot = *flow;
	return 0;
}

/*
 * The fast path does not come to the sets: what conntrack still has was used since, and its time
 * begins anew here.
 */
static int renew_alive(struct pickup_keeper *keeper, const struct picked_up_list *list)
{
	_cleanup_(conntrack_freep) struct conntrack *conntrack = NULL;
	struct pass pass = {.list = list};
	int r = conntrack_open(0, &conntrack);
	if (r == 0)
		r = conntrack_dump(conntrack, note_alive, &pass);
	if (r >= 0 && pass.alive.count)
		r = picked_up_renew(keeper->enforcement->kernel, pass.alive.items,
		                    pass.alive.count);
	ARRAY_DONE(&pass.alive);
	return r < 0 ? r : 0;
}

static void renew(void *userdata)
{
	struct pickup_keeper *keeper = userdata;
	struct picked_up_list list = {};
	keeper->renewing = false;
	int r = picked_up_read(keeper->enforcement->kernel, &list);
	bool empty = r == 0 && !list.list.count;
	if (r == 0 && any_due(&list)) /* conntrack may have millions */
		r = renew_alive(keeper, &list);
	picked_up_done(&list);
	if (r < 0)
		journal(LOG_WARNING,
		        "Connections that were picked up are not renewed for now: %s; the kernel "
		        "forgets them after 5 days",
		        strerror(-r));
	if (empty && keeper->enforcement->policy && !window_is_open(keeper)) {
		keeper->enforcement->requests.picked_up = false;
		keeper->empty(keeper->userdata);
	}
	(void)pickup_keeper_settle(keeper);
}
