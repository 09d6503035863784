/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSCTL_FIELD_H
#define EGRESSCTL_FIELD_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

/* Fields of replies. One that is missing, null or of another type reads as if it were empty: a
 * daemon of another version may have fewer, and showing the rest is better than nothing. */

/* The string, or `otherwise`. */
const char *field_text(const json_t *object, const char *name, const char *otherwise);

/* The number, or 0. */
int64_t field_number(const json_t *object, const char *name);

/* An array of strings with the separator between them; from malloc, NULL without memory. */
char *field_join(const json_t *object, const char *name, const char *separator);

/* Packets of a Count. */
int64_t field_packets(const json_t *object, const char *name);

/* Bytes of a Count. */
int64_t field_bytes(const json_t *object, const char *name);

/* "tcp/25 (smtp)", "icmp/echo-request" or "gre", of a Blocked; from malloc, NULL without memory.
 * *ret_traffic is how many bytes come before the service's name. */
char *field_service(const json_t *blocked, size_t *ret_traffic);

#endif
