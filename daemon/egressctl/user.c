/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "user.h"

#include "field.h"

#include <pwd.h>
#include <stdint.h>
#include <stdio.h>

const char *user_print(const json_t *object, char buffer[static USER_TEXT_MAX])
{
	const json_t *uid = json_object_get(object, "uid");
	json_int_t number = json_integer_value(uid);
	if (!json_is_integer(uid) || number < 0 || number > UINT32_MAX)
		return NULL;

	if (number == UINT32_MAX) { /* (uid_t)-1 is nobody's */
		snprintf(buffer, USER_TEXT_MAX, "unknown");
		return buffer;
	}
	const struct passwd *user = getpwuid((uid_t)number);
	if (user && user->pw_name[0])
		snprintf(buffer, USER_TEXT_MAX, "%.48s (uid %lld)", user->pw_name,
		         (long long)number);
	else
		snprintf(buffer, USER_TEXT_MAX, "uid %lld", (long long)number);
	return buffer;
}

const char *process_print(const json_t *process, char buffer[static PROCESS_TEXT_MAX])
{
	const char *name = field_text(process, "name", "?"),
	           *unit = field_text(process, "unit", NULL);
	if (!json_is_object(process))
		return NULL;
	if (json_is_integer(json_object_get(process, "pid")))
		snprintf(buffer, PROCESS_TEXT_MAX, "%lld %.24s%s%.48s%s",
		         (long long)field_number(process, "pid"), name, unit ? " (" : "",
		         unit ? unit : "", unit ? ")" : "");
	else
		snprintf(buffer, PROCESS_TEXT_MAX, "gone");
	return buffer;
}
