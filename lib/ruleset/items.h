/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_RULESET_ITEMS_H
#define EGRESSD_RULESET_ITEMS_H

#include "ruleset/compiler.h"

/* Inside the room: from the service items of permissions to the sets and rules that match them. */

/*
 * Items with the same conntrack helper on the same protocol: the kernel has an object for each. The
 * pass without a helper comes last. It also permits, in the families that a helper does not serve,
 * the items of that helper.
 */
struct pass {
	const char *kind; /* "ftp"; NULL: the pass without a helper */
	uint8_t protocol;
	uint8_t families;   /* FAMILY_BIT()s in which connections get the helper */
	const char *object; /* "ftp_tcp", the helper object's name; NULL as kind */
};
#define PASSES_MAX (2 * HELPER_KIND_COUNT) /* over TCP and UDP */

/* One direction of one role on its way into one chain. */
struct writing {
	struct compiler *c;
	enum side peer_side; /* where `to` (destination) or `from` (source) stands in the packet */
	const char *prefix;  /* of set names: "outbound_desk" */
	const char *chain;
	struct pass pass; /* what is being written now */
	struct statement permitted;
	bool timed; /* the sets of services are timed ones */
	/* The rules ask the sets that exist already, for packets whose ends are swapped: what the
	 * rule calls the destination sent them. Such rules permit TCP and UDP only. */
	bool swapped;
	const struct statement *except; /* a second match of the address, or NULL */
};

/* Service items that share a set; release by ARRAY_DONE(&items->list). */
struct item_list {
	ARRAY(struct service_item) list;
	struct location at; /* of the first permission in it */
};

/* True for an item of a protocol with ports that names just one. */
bool has_single_port(const struct service_item *item);

/* A key of SET_SERVICE, or its tail in an address . protocol . port. */
void service_key(uint8_t key[static 8], uint8_t protocol, uint16_t port);

/* True when the pass permits connections of that family by the item. */
bool pass_permits(const struct writing *w, const struct service_item *item, enum family family);

/* Adds those items of a permission that belong to the pass. */
void collect_items(struct writing *w, const struct permission *permission, struct item_list *items);

/*
 * Appends `[exception] [address match] MATCH [ct helper set] PERMITTED`. A rule whose address and
 * match are of no family begins with `meta nfproto` when the helper of the pass serves only one.
 */
void write_rule(struct writing *w, const struct statement *address, struct statement match,
                struct location at);

/*
 * All rules for a list of items, which it sorts, with the address match in front where there is
 * one. The sets are called label, label.tcp, label.icmp and so on.
 */
void write_items(struct writing *w, const char *label, struct item_list *items,
                 const struct statement *address, bool with_single_ports);

#endif
