/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_JSON_RELEASE_H
#define EGRESSD_JSON_RELEASE_H

#include <jansson.h>

/* For the cleanup attribute. */
static inline void json_release(json_t **json)
{
	json_decref(*json);
}

#endif
