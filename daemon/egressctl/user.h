/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSCTL_USER_H
#define EGRESSCTL_USER_H

#include <jansson.h>

#define USER_TEXT_MAX 80

/*
 * "www-data (uid 33)" for the field "uid" of what the gateway itself tried, or "uid 33" where that
 * user has no name here; NULL when there is none. Writes into buffer and returns it.
 */
const char *user_print(const json_t *object, char buffer[static USER_TEXT_MAX]);

#define PROCESS_TEXT_MAX 96

/*
 * "1234 wget (a.service)" for a Process of io.egressd, "gone" for one that could not be looked at
 * any more; NULL when there is none. Writes into buffer and returns it.
 */
const char *process_print(const json_t *process, char buffer[static PROCESS_TEXT_MAX]);

#endif
