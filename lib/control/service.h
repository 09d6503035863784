/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_CONTROL_SERVICE_H
#define EGRESSD_CONTROL_SERVICE_H

#include <jansson.h>

#define SERVICE_INTERFACE "org.varlink.service"
#define EGRESSD_INTERFACE "io.egressd"
#define EGRESSD_SOCKET    "/run/egressd/io.egressd"

/* What a Varlink service says about itself (https://varlink.org/Service). */

/* The reply to org.varlink.service.GetInfo; NULL without memory. */
json_t *service_info(const char *version);

/* The text of an interface that the daemon has, in Varlink's definition language; NULL when there
 * is none of that name. */
const char *service_description(const char *interface);

#endif
