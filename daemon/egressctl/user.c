/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "user.h"

#include <pwd.h>
#include <stdint.h>
#include <stdio.h>

const char *user_print(const json_t *object, char buffer[static USER_TEXT_MAX])
{
	const json_t *uid = json_object_get(object, "uid");
	json_int_t number = json_integer_value(uid);
	if (!json_is_integer(uid) || number < 0 || number > UINT32_MAX)
		return NULL;

	const struct passwd *user = getpwuid((uid_t)number);
	if (user && user->pw_name[0])
		snprintf(buffer, USER_TEXT_MAX, "%.48s (uid %lld)", user->pw_name,
		         (long long)number);
	else
		snprintf(buffer, USER_TEXT_MAX, "uid %lld", (long long)number);
	return buffer;
}
