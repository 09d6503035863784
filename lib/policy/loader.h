/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_POLICY_LOADER_H
#define EGRESSD_POLICY_LOADER_H

#include "base/array.h"
#include "policy/digest.h"
#include "policy/load.h"
#include "policy/policy.h"
#include "policy/settings.h"
#include "policy/source.h"

#include <stdbool.h>
#include <sys/types.h>

/* Inside the room: what the parts of loading share while one policy is put together. */

enum gateway_key {
	GATEWAY_INSIDE,
	GATEWAY_MODE,
	GATEWAY_REFUSE,
	GATEWAY_CHECK_SOURCE,
	GATEWAY_NFLOG_GROUP,
	GATEWAY_CONTACT_GROUP,
	GATEWAY_OWN_TABLE,
	GATEWAY_LEDGER,
	GATEWAY_PROCESSES,
	GATEWAY_PICKUP,
};
#define GATEWAY_KEY_COUNT (GATEWAY_PICKUP + 1)

/* A configuration file that was read, and the line that named it. */
struct visited {
	dev_t device;
	ino_t inode;
	const char *path;
	struct location at;
	bool open; /* what it includes is still being read */
};

struct loader {
	struct context context; /* arena, problems and the file that is being walked */
	struct arena *scratch;  /* what only loading needs */
	struct policy *policy;
	struct policy_origin origin;
	size_t next;  /* file of origin.snapshot */
	bool alone;   /* a text in memory, which names no other file */
	bool shipped; /* the built-in services are being loaded */
	bool partial; /* something could not be read: names may be missing */
	struct digest digest;

	ARRAY(struct service) services; /* the shipped ones first */
	size_t shipped_count;
	ARRAY(struct network) networks;
	ARRAY(struct role) roles;
	ARRAY(struct host) hosts;
	/* The name of each host's role, out of scratch or of the policy before; or NULL. */
	ARRAY(const char *) host_roles;
	ARRAY(struct host_piece) pieces;
	size_t next_piece; /* of the policy before, which is looked at first */
	ARRAY(struct visited) visited;

	/* Where these were first written; line 0: nowhere so far. */
	struct location gateway_keys[GATEWAY_KEY_COUNT];
	struct location roles_at;
	struct location hosts_at;
	struct location blocklist_at;
	struct location detection_at;
};

/* One section each out of the file being walked; 0 or -ENOMEM, mistakes go to the problems. */
int load_gateway(struct loader *loader, const config_setting_t *group);
int load_services(struct loader *loader, const config_setting_t *group);
int load_networks(struct loader *loader, const config_setting_t *group);
int load_roles(struct loader *loader, const config_setting_t *group);
int load_hosts(struct loader *loader, const config_setting_t *list);

/*
 * Walks the sections of one file's text (length bytes, and room for two more); what it includes is
 * handed back. A text that libconfig cannot read only sets partial. 0 or -ENOMEM.
 */
int load_parsed(struct loader *loader, const char *file, char *text, size_t length,
                struct words *ret_includes);

/* When all files were walked: reports the sections that there must be and are not. */
void load_check_required(struct loader *loader);

/*
 * Of the origin: reads a file from where the configuration comes from, as source_read() does, and
 * notes it in the copy that is made.
 */
int loader_read(struct loader *loader, const char *path, struct location at,
                struct source *ret_source);

/*
 * Notes a path for whoever watches, and the path of a file that base (a file) names: relative to
 * the folder in which base lies. 0 or -ENOMEM.
 */
int loader_note_file(struct loader *loader, const char *path);
int loader_note_directory(struct loader *loader, const char *path);
int loader_path(struct loader *loader, const char *base, const char *named, const char **ret_path);

#endif
