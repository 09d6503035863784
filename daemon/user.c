/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "user.h"

#include "base/cleanup.h"

#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define USER_ENTRY_MAX ((size_t)16 * 1024) /* bytes */

/* Names come from files and directories of others: only plain ASCII is shown. */
static bool is_showable(const char *name)
{
	size_t length = strlen(name);
	for (const char *p = name; *p; p++)
		if (*p <= ' ' || *p > '~')
			return false;
	return length && length < USER_NAME_MAX;
}

const char *user_name(uid_t uid, char name[static USER_NAME_MAX])
{
	_cleanup_free_ char *buffer = malloc(USER_ENTRY_MAX);
	struct passwd user, *found = NULL;

	if (buffer && getpwuid_r(uid, &user, buffer, USER_ENTRY_MAX, &found) == 0 && found &&
	    is_showable(found->pw_name))
		snprintf(name, USER_NAME_MAX, "%s", found->pw_name);
	else
		snprintf(name, USER_NAME_MAX, "%lu", (unsigned long)uid);
	return name;
}
