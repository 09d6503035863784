/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "track/evidence.h"

#include <string.h>

static void count(struct evidence_service *service, bool passed)
{
	service->attempts++;
	service->passed += passed;
}

static bool is_service(const struct evidence_service *service, const struct endpoint *endpoint)
{
	return service->protocol == endpoint->protocol && service->port == endpoint->port &&
	       service->has_port == endpoint->has_port;
}

/* Where that service stands, or service_count. */
static uint32_t find_service(const struct evidence *evidence, const struct endpoint *endpoint)
{
	uint32_t at = 0;
	while (at < evidence->service_count && !is_service(&evidence->services[at], endpoint))
		at++;
	return at;
}

static bool note_service(struct evidence *evidence, const struct endpoint *endpoint, bool passed)
{
	uint32_t at = find_service(evidence, endpoint);
	bool known = at < evidence->service_count;

	struct evidence_service service = {
	        .port = endpoint->port,
	        .protocol = endpoint->protocol,
	        .has_port = endpoint->has_port,
	};
	if (known)
		service = evidence->services[at];
	else if (evidence->service_count < EVIDENCE_SERVICES)
		evidence->service_count++;
	else
		at--;
	count(&service, passed);
	memmove(evidence->services + 1, evidence->services, at * sizeof(service));
	evidence->services[0] = service;
	return !known;
}

bool evidence_note(struct evidence *evidence, const struct evidence_attempt *attempt)
{
	if (evidence->attempt_count < EVIDENCE_ATTEMPTS)
		evidence->attempt_count++;
	memmove(evidence->attempts + 1, evidence->attempts,
	        (evidence->attempt_count - 1) * sizeof(evidence->attempts[0]));
	evidence->attempts[0] = *attempt;
	return note_service(evidence, &attempt->destination, attempt->passed);
}

bool evidence_knows(const struct evidence *evidence, const struct endpoint *destination)
{
	return find_service(evidence, destination) < evidence->service_count;
}

bool evidence_count(struct evidence *evidence, const struct endpoint *destination, bool passed)
{
	uint32_t at = find_service(evidence, destination);
	if (at == evidence->service_count)
		return false;
	count(&evidence->services[at], passed);
	return true;
}

void evidence_select(const struct evidence *evidence, const struct endpoint *destination,
                     struct evidence *ret_selected)
{
	struct evidence selected = {};
	for (uint32_t i = evidence->attempt_count; i-- > 0;) {
		const struct evidence_attempt *attempt = &evidence->attempts[i];
		if (memcmp(&attempt->destination, destination, sizeof(*destination)) == 0)
			evidence_note(&selected, attempt);
	}
	*ret_selected = selected;
}
