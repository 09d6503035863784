/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/record.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define OURS    "egressd "
#define CONTACT OURS "contact "

int log_prefix_print(enum reason reason, const char *role, char buffer[static LOG_PREFIX_MAX])
{
	int n = snprintf(buffer, LOG_PREFIX_MAX, OURS "%s%s%s", reason_name(reason),
	                 role ? " " : "", role ? role : "");
	return n < 0 || n >= LOG_PREFIX_MAX ? -E2BIG : 0;
}

int log_prefix_print_contact(const char *role, char buffer[static LOG_PREFIX_MAX])
{
	int n = snprintf(buffer, LOG_PREFIX_MAX, CONTACT "%s", role);
	return n < 0 || n >= LOG_PREFIX_MAX ? -E2BIG : 0;
}

bool log_prefix_is_contact(const char *prefix)
{
	return strncmp(prefix, CONTACT, strlen(CONTACT)) == 0;
}

int log_prefix_parse(const char *prefix, enum reason *ret_reason, const char **ret_role)
{
	if (strncmp(prefix, OURS, strlen(OURS)) != 0)
		return -EINVAL;

	const char *word = prefix + strlen(OURS);
	size_t n = strcspn(word, " ");
	char name[32];
	if (n >= sizeof(name))
		return -EINVAL;
	memcpy(name, word, n);
	name[n] = '\0';

	enum reason reason;
	if (reason_parse(name, &reason) < 0)
		return -EINVAL;

	*ret_reason = reason;
	*ret_role = word[n] && word[n + 1] ? word + n + 1 : NULL;
	return 0;
}
