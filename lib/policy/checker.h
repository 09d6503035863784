/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_POLICY_CHECKER_H
#define EGRESSD_POLICY_CHECKER_H

#include "base/problems.h"
#include "policy/names.h"
#include "policy/policy.h"

#include <stdbool.h>

/* Inside the room: what the parts of checking share. */
struct checker {
	struct policy *policy;
	const char *const *host_roles; /* the name of the role of each host; NULL: none given */
	struct problems *problems;
	bool partial; /* names may be missing through no fault of who refers to them */
	struct names services;
	struct names networks;
	struct names roles;
	struct names hosts;
};

/* Indexes the names of everything in the policy, and releases the indexes; hosts apart, for they
 * are many. 0 or -ENOMEM. */
int check_index_names(struct checker *checker);
int check_index_hosts(struct checker *checker);
void check_names_done(struct checker *checker);

/* Each fills in what policy.h marks "By check" on its kind; 0 or -ENOMEM. */
int check_services(struct checker *checker);
int check_networks(struct checker *checker);
int check_roles(struct checker *checker);
int check_hosts(struct checker *checker);
int check_macs(struct checker *checker);
int check_claims(struct checker *checker);

typedef ARRAY(struct service_item) item_array;

/*
 * Adds what a word stands for, the name of a service or a literal. self is the service in whose
 * definition it stands, or NULL: a service may be called like the protocol that it is.
 */
int check_service_word(struct checker *checker, const struct word *word, const struct service *self,
                       item_array *items);

/*
 * check_helpers.c: gives the service's helper to those items that have none. An unknown helper, or
 * one that does not follow the protocol of such an item, is a problem at the service.
 */
void check_helper(struct checker *checker, const struct service *service,
                  struct service_item *items, size_t count);

/* Drops items that came before and moves the rest into the arena. */
int check_keep_items(struct checker *checker, item_array *items, struct service_items *ret_items);

/* Resolves the words of one entry of an outbound or inbound; 0 or -ENOMEM. */
int check_permission(struct checker *checker, struct permission *permission);

/*
 * Resolves the words of a to, from or blocklist. hosts: "host:NAME" and "role:NAME" may stand
 * there too. 0 or -ENOMEM.
 */
int check_peers(struct checker *checker, const struct words *words, bool hosts,
                struct peer **ret_peers, size_t *ret_count);

#endif
