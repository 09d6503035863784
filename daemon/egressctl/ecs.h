/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSCTL_ECS_H
#define EGRESSCTL_ECS_H

#include <jansson.h>

/*
 * An event about an alarm, of Monitor, in the names of the Elastic Common Schema
 * (https://www.elastic.co/guide/en/ecs/8.11/), for collectors that know those. A new reference, or
 * NULL without memory.
 */
json_t *ecs_from_event(const json_t *event);

#endif
