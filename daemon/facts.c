/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "facts.h"

#include "detection_limits.h"

#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#define HTTPS_PORT 443

/* Names of interfaces are asked for again after this: they change, and each asking costs. */
#define INTERFACES_KNOWN 16
#define INTERFACE_LASTS  (10 * USEC_PER_SEC)

struct role_facts {
	char may[ALARM_DETAIL_BYTES]; /* what it may initiate; empty: nothing */
	bool may_use_https;
	uint32_t throttle_destinations; /* 0: no throttle */
	usec_t throttle_per;
	struct thresholds thresholds;
};

struct known_interface {
	uint32_t index;
	usec_t asked;
	char name[IF_NAMESIZE];
};

struct facts {
	struct role_facts *roles; /* by the role's index */
	size_t role_count;
	struct thresholds thresholds; /* of who has no role */
	struct known_interface interfaces[INTERFACES_KNOWN];
	unsigned oldest; /* of the interfaces: it makes room */
};

/* "http, https, dns to loghost"; what does not fit is left out, and a sign of it stays. */
static void describe_permissions(const struct permission_list *list, char *buffer, size_t size)
{
	FILE *out = fmemopen(buffer, size, "w");
	if (!out)
		return;
	for (size_t i = 0; i < list->count; i++) {
		const struct permission *permission = list->items[i];
		for (size_t j = 0; j < permission->services.count; j++)
			fprintf(out, "%s%s", i || j ? ", " : "",
			        permission->services.items[j].text);
		for (size_t j = 0; j < permission->peers.count; j++)
			fprintf(out, "%s%s", j ? " and " : " to ", permission->peers.items[j].text);
	}
	bool whole = fflush(out) == 0 && ftell(out) < (long)size - 1;
	fclose(out);
	buffer[size - 1] = '\0';
	if (!whole)
		memcpy(buffer + size - 4, "...", 4);
}

/* May they browse, as opposed to reaching a server or two? */
static bool may_use_https(const struct permission_list *list)
{
	for (size_t i = 0; i < list->count; i++) {
		const struct permission *permission = list->items[i];
		for (size_t j = 0; permission->any_peer && j < permission->resolved.count; j++)
			if (service_item_covers(&permission->resolved.items[j], IPPROTO_TCP,
			                        HTTPS_PORT))
				return true;
	}
	return false;
}

static void learn_role(const struct policy *policy, const struct role *role,
                       struct role_facts *facts)
{
	describe_permissions(&role->may_initiate, facts->may, sizeof(facts->may));
	facts->may_use_https = may_use_https(&role->may_initiate);
	if (role->throttled) {
		facts->throttle_destinations = role->throttled->destinations;
		facts->throttle_per = role->throttled->per;
	}
	facts->thresholds = thresholds_of(&policy->detection, &role->detection);
}

int facts_new(const struct policy *policy, struct facts **ret_facts)
{
	_cleanup_(facts_freep) struct facts *facts = calloc(1, sizeof(*facts));
	if (!facts)
		return -ENOMEM;
	facts->thresholds = policy ? thresholds_of(&policy->detection, NULL) : thresholds_standard;
	if (policy) {
		facts->roles = calloc(policy->roles.count + 1, sizeof(*facts->roles));
		if (!facts->roles)
			return -ENOMEM;
		facts->role_count = policy->roles.count;
	}
	for (size_t i = 0; i < facts->role_count; i++)
		learn_role(policy, &policy->roles.items[i], &facts->roles[i]);
	*ret_facts = TAKE_POINTER(facts);
	return 0;
}

struct facts *facts_free(struct facts *facts)
{
	if (facts) {
		free(facts->roles);
		free(facts);
	}
	return NULL;
}

static const char *interface_name(struct facts *facts, uint32_t index, usec_t now)
{
	if (!index)
		return NULL;
	struct known_interface *known = NULL;
	for (unsigned i = 0; i < INTERFACES_KNOWN && !known; i++)
		if (facts->interfaces[i].index == index)
			known = &facts->interfaces[i];
	if (known && now >= known->asked && now - known->asked < INTERFACE_LASTS)
		return known->name;
	if (!known) {
		known = &facts->interfaces[facts->oldest];
		facts->oldest = (facts->oldest + 1) % INTERFACES_KNOWN;
	}
	known->index = index;
	known->asked = now;
	if (!if_indextoname(index, known->name))
		known->name[0] = '\0';
	return known->name;
}

struct detect_facts facts_of(struct facts *facts, const struct sighting *sighting, usec_t now)
{
	const struct host *host = sighting->host;
	struct detect_facts known = {
	        .interface = interface_name(facts, sighting->interface, now),
	        .bytes = sighting->bytes,
	        .passed = sighting->passed,
	        .thresholds = &facts->thresholds,
	};
	if (!host || host->role->index >= facts->role_count)
		return known;

	const struct role_facts *role = &facts->roles[host->role->index];
	known.host = host->name;
	known.role = host->role->name;
	known.self = !sighting->interface;
	known.may = role->may[0] ? role->may : NULL;
	known.tripwire = host->role->is_tripwire;
	known.may_use_https = role->may_use_https;
	known.throttle_destinations = role->throttle_destinations;
	known.throttle_per = role->throttle_per;
	known.thresholds = &role->thresholds;
	known.one_machine = host->one_machine;
	return known;
}

const struct thresholds *facts_thresholds(const struct facts *facts, const struct host *host)
{
	return host && host->role->index < facts->role_count
	               ? &facts->roles[host->role->index].thresholds
	               : &facts->thresholds;
}
