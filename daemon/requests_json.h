/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_REQUESTS_JSON_H
#define EGRESSD_REQUESTS_JSON_H

#include "policy/request.h"
#include "state_file.h"

/* The requests of run time as JSON text, which is what requests_file.h keeps. */

/*
 * 0: what the text holds was added to the requests, which are empty before. REQUESTS_FILE_BROKEN:
 * it is torn or foreign. -ENOMEM. Unless it is 0, what was added has to be released.
 */
int requests_from_text(const char *text, size_t length, struct requests *requests,
                       struct state_wrong *wrong);

/* From malloc; NULL without memory. */
char *requests_to_text(const struct requests *requests);

#endif
