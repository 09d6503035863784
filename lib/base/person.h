/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_BASE_PERSON_H
#define EGRESSD_BASE_PERSON_H

#include <stdint.h>

/* Somebody who does something now, by the credentials of his connection. */
struct person {
	const char *user; /* what the uid is called, or its number */
	uint32_t uid;
};

#endif
