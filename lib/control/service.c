/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/service.h"

#include "base/array.h"

#include <stddef.h>
#include <string.h>

/* Made from the files of that name by the build. */
extern const char org_varlink_service_varlink[];
extern const char io_egressd_varlink[];

static const struct {
	const char *name;
	const char *text;
} interfaces[] = {
        {SERVICE_INTERFACE, org_varlink_service_varlink},
        {EGRESSD_INTERFACE, io_egressd_varlink},
};

json_t *service_info(const char *version)
{
	return json_pack("{s:s, s:s, s:s, s:s, s:[s, s]}", "vendor", "egressd", "product",
	                 "egressd", "version", version, "url", "https://varlink.org", "interfaces",
	                 SERVICE_INTERFACE, EGRESSD_INTERFACE);
}

const char *service_description(const char *interface)
{
	for (size_t i = 0; i < ELEMENTS_OF(interfaces); i++)
		if (strcmp(interfaces[i].name, interface) == 0)
			return interfaces[i].text;
	return NULL;
}
