/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "surroundings.h"

#include "clock.h"
#include "inside.h"
#include "journal.h"
#include "kernel/bypass.h"
#include "kernel/conntrack_load.h"
#include "kernel/known_bugs.h"
#include "kernel/link.h"
#include "kernel/ownership.h"
#include "outside.h"
#include "kernel/view.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#define LOOK_EVERY (60 * USEC_PER_SEC)
/* After a suspicion; so that a program that commits all the time costs us little. */
#define LOOK_AFTER (1 * USEC_PER_SEC)

#define CONNTRACK_FULL_PERCENT 80

#define TEXT_MAX 512

struct surroundings {
	const struct enforcement *enforcement;
	const char *state; /* directory */
	struct health *health;
	surroundings_seen_t seen;
	void *userdata;
	sd_event_source *timer;
	bool soon;
	struct conntrack_load load; /* at the last look */
	bool has_load;
};

static void told(const char *before, const char *now)
{
	if (now && !before)
		journal(LOG_WARNING, "%s", now);
	else if (before && !now)
		journal(LOG_NOTICE, "This is over: %s", before);
}

/* An empty text: it is over. What is new, or over, is told. */
static void set_fault(struct health *health, enum fault fault, const char *text)
{
	_cleanup_free_ char *before = health->faults[fault] ? strdup(health->faults[fault]) : NULL;
	if (*text)
		health_fault(health, fault, "%s", text);
	else
		health_clear(health, fault);
	told(before, health->faults[fault]);
}

static void set_notice(struct health *health, enum notice notice, const char *text)
{
	_cleanup_free_ char *before =
	        health->notices[notice] ? strdup(health->notices[notice]) : NULL;
	health_notice(health, notice, *text ? text : NULL);
	told(before, health->notices[notice]);
}

/* " and 2 more" */
static const char *more(unsigned count, char buffer[static 24])
{
	buffer[0] = '\0';
	if (count > 1)
		snprintf(buffer, 24, " and %u more", count - 1);
	return buffer;
}

static void look_at_tables(struct surroundings *s)
{
	struct bypass bypass;
	char text[TEXT_MAX] = "", others[24];
	int r = bypass_read(s->enforcement->kernel, &bypass);
	if (r < 0)
		return; /* what was known, is so until it can be looked at again */
	if (bypass.flowtables)
		snprintf(text, sizeof(text),
		         "packets of flows in a flowtable pass no rule of ours: table %s%s; a flow "
		         "that a change denies goes on there until it ends",
		         bypass.flowtable, more(bypass.flowtables, others));
	set_fault(s->health, FAULT_FLOWTABLE, text);
	text[0] = '\0';
	if (bypass.notracks)
		snprintf(text, sizeof(text),
		         "rules of others make packets untracked (notrack): table %s%s; such "
		         "packets "
		         "are judged one by one, their answers as connections of their own",
		         bypass.notrack, more(bypass.notracks, others));
	set_notice(s->health, NOTICE_NOTRACK, text);
}

/* The module that shows iptables and nftables what is bridged; its switch may be out of sight. */
static bool bridges_are_filtered(void)
{
	char value = '1';
	FILE *file = fopen("/proc/sys/net/bridge/bridge-nf-call-iptables", "re");
	if (!file)
		return access("/proc/sys/net", F_OK) != 0 &&
		       access("/sys/module/br_netfilter", F_OK) == 0;
	if (fread(&value, 1, 1, file) != 1)
		value = '0';
	fclose(file);
	return value == '1';
}

static void look_at_bridges(struct surroundings *s)
{
	const struct policy *policy = s->enforcement->policy;
	struct links links;
	char fault[TEXT_MAX] = "", notice[TEXT_MAX] = "";
	if (!policy || links_read(&links) < 0)
		return;
	bool filtered = bridges_are_filtered();
	ARRAY_FOREACH (link, &links.list) {
		const struct link *bridge = links_find(&links, link->master);
		unsigned ports = 0;
		if (!policy_is_inside(policy, link->name))
			continue;
		if (bridge && bridge->bridge && !policy_is_inside(policy, bridge->name))
			snprintf(fault, sizeof(fault),
			         "%s of gateway.inside is a port of the bridge %s: what comes in "
			         "there "
			         "comes from %s, which is not inside, and is not judged",
			         link->name, bridge->name, bridge->name);
		ARRAY_FOREACH (port, &links.list)
			ports += link->bridge && port->master == link->index;
		if (ports > 1 && !filtered && !link->judged)
			snprintf(notice, sizeof(notice),
			         "what the bridge %s carries between its %u ports is not judged "
			         "(there "
			         "is no br_netfilter): hosts behind it reach each other freely",
			         link->name, ports);
	}
	links_done(&links);
	set_fault(s->health, FAULT_BRIDGE, fault);
	set_notice(s->health, NOTICE_BRIDGE, notice);
}

static void look_at_inside(struct surroundings *s)
{
	const struct policy *policy = s->enforcement->policy;
	const char *before = s->health->notices[NOTICE_INSIDE];
	char text[INSIDE_TEXT_MAX];
	_Static_assert(sizeof(text) >= OUTSIDE_TEXT_MAX, "either may be told");
	if (!policy || inside_find_unjudged(policy, text) < 0 ||
	    (!*text && outside_find_hosts(policy, text) < 0))
		return;
	/* Another mistake than before is told as well. */
	if (before && *text && strcmp(before, text) != 0)
		health_notice(s->health, NOTICE_INSIDE, NULL);
	set_notice(s->health, NOTICE_INSIDE, text);
}

static void look_at_default_route(struct surroundings *s)
{
	char text[OUTSIDE_TEXT_MAX];
	if (!s->enforcement->policy)
		return;
	outside_find_way_in(s->enforcement->policy, text);
	set_notice(s->health, NOTICE_ROUTE, text);
}

static void look_at_connections(struct surroundings *s)
{
	struct conntrack_load load;
	char full[TEXT_MAX] = "", lost[TEXT_MAX] = "";
	if (conntrack_load_read(s->enforcement->kernel, &load) < 0)
		return;
	uint64_t percent = load.most ? (uint64_t)load.entries * 100 / load.most : 0;
	if (percent >= CONNTRACK_FULL_PERCENT)
		snprintf(full, sizeof(full),
		         "the kernel's table of connections is %" PRIu64
		         " %% full (%u of %u); when it "
		         "is full, new connections are dropped, permitted ones too: raise "
		         "net.netfilter.nf_conntrack_max, or see who opens so many",
		         percent, load.entries, load.most);
	uint64_t dropped = load.dropped - s->load.dropped, failed = load.failed - s->load.failed;
	if (s->has_load && dropped && load.dropped > s->load.dropped)
		snprintf(lost, sizeof(lost),
		         "%" PRIu64
		         " packets of new connections were dropped within a minute, as the "
		         "kernel's table of connections had no room (%" PRIu64
		         " entries could not be inserted)",
		         dropped, load.failed > s->load.failed ? failed : 0);
	s->load = load;
	s->has_load = true;
	set_notice(s->health, NOTICE_CONNTRACK_FULL, full);
	set_notice(s->health, NOTICE_CONNTRACK_LOST, lost);
}

/* Without it the kernel takes each segment of an older connection for invalid. */
static void look_at_pickup(struct surroundings *s)
{
	const struct policy *policy = s->enforcement->policy;
	char value = '1';
	_cleanup_fclose_ FILE *file = fopen("/proc/sys/net/netfilter/nf_conntrack_tcp_loose", "re");
	if (file && fread(&value, 1, 1, file) != 1)
		value = '1';
	set_notice(
	        s->health, NOTICE_LOOSE,
	        policy && policy->gateway.pickup && value == '0'
	                ? "net.netfilter.nf_conntrack_tcp_loose is 0: connections that are older "
	                  "than the kernel's table of connections cannot be picked up, so the "
	                  "first start and a fail-over cut them"
	                : "");
}

static void look_at_kernel(struct surroundings *s)
{
	struct utsname name;
	char text[TEXT_MAX] = "";
	if (uname(&name) == 0 && release_has_pipapo_bug(name.release))
		snprintf(text, sizeof(text),
		         "the version of this kernel (%.64s) suggests CVE-2026-43114: sets of "
		         "concatenated ranges may match wrongly; ours has none, tables of others "
		         "may",
		         name.release);
	set_notice(s->health, NOTICE_KERNEL, text);
}

static void look_at_owner(struct surroundings *s)
{
	const struct policy *policy = s->enforcement->policy;
	uint32_t generation;
	const struct ruleset *view = kernel_view(s->enforcement->kernel, &generation);
	const char *text = "";
	if (view && view->exists && policy && policy->gateway.own_table &&
	    owner_of(s->enforcement->kernel, view) == OWNERSHIP_NONE)
		text = owner_possible(s->enforcement->kernel) > 0
		               ? "others may change the table: it was made without an owner, and "
		                 "gets "
		                 "one when it is made anew, as at the next boot"
		               : "others may change the table: this kernel cannot keep them from "
		                 "it "
		                 "(Linux 6.9 can); it is watched and put right";
	set_notice(s->health, NOTICE_OWNER, text);
}

/* A file in it that others could have written is not believed, but they can take ours away. */
static void look_at_state(struct surroundings *s)
{
	struct stat st;
	char text[TEXT_MAX] = "";
	if (stat(s->state, &st) < 0)
		return; /* that it cannot be used, is told elsewhere */
	if (st.st_uid != 0 && st.st_uid != geteuid())
		snprintf(text, sizeof(text),
		         "the state directory belongs to user %u, who can take away what is kept "
		         "there: chown it to whom egressd runs as: %s",
		         (unsigned)st.st_uid, s->state);
	else if (st.st_mode & (S_IWGRP | S_IWOTH))
		snprintf(
		        text, sizeof(text),
		        "others may write to the state directory (mode %04o) and take away what is "
		        "kept there: chmod go-w %s",
		        (unsigned)(st.st_mode & 07777), s->state);
	set_notice(s->health, NOTICE_STATE, text);
}

static void arm(struct surroundings *s, usec_t span)
{
	int r = sd_event_source_set_time_relative(s->timer, span);
	if (r >= 0)
		r = sd_event_source_set_enabled(s->timer, SD_EVENT_ONESHOT);
	if (r < 0)
		journal(LOG_WARNING, "The surroundings are not looked at any more: %s",
		        strerror(-r));
}

static int on_time(sd_event_source *source, uint64_t time, void *userdata)
{
	struct surroundings *s = userdata;
	s->soon = false;
	look_at_tables(s);
	look_at_bridges(s);
	look_at_inside(s);
	look_at_default_route(s);
	look_at_connections(s);
	look_at_pickup(s);
	look_at_kernel(s);
	look_at_owner(s);
	look_at_state(s);
	arm(s, LOOK_EVERY);
	s->seen(s->userdata);
	return 0;
}

int surroundings_new(sd_event *event, const struct enforcement *enforcement, const char *state,
                     struct health *health, surroundings_seen_t seen, void *userdata,
                     struct surroundings **ret_surroundings)
{
	_cleanup_(surroundings_freep) struct surroundings *s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->enforcement = enforcement;
	s->state = state;
	s->health = health;
	s->seen = seen;
	s->userdata = userdata;
	/* First thing once the loop runs; what takes part in it is there by then. */
	int r = sd_event_add_time_relative(event, &s->timer, CLOCK_MONOTONIC, 0, 0, on_time, s);
	if (r < 0)
		return r;
	*ret_surroundings = TAKE_POINTER(s);
	return 0;
}

struct surroundings *surroundings_free(struct surroundings *s)
{
	if (!s)
		return NULL;
	sd_event_source_disable_unref(s->timer);
	free(s);
	return NULL;
}

void surroundings_use_policy(struct surroundings *s)
{
	look_at_inside(s);
	look_at_default_route(s);
}

void surroundings_suspect(struct surroundings *s)
{
	if (s->soon)
		return;
	s->soon = true;
	arm(s, LOOK_AFTER);
}
