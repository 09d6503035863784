/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_USER_H
#define EGRESSD_USER_H

#include <sys/types.h>

#define USER_NAME_MAX 64

/* What that user is called, or his number when he has no name that can be shown. */
const char *user_name(uid_t uid, char name[static USER_NAME_MAX]);

#endif
