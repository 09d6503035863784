/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/load_detection.h"

#include <errno.h>
#include <pwd.h>
#include <string.h>
#include <sys/stat.h>

#define UNIT_MAX 200 /* bytes; systemd takes 255, and the alarm's id goes in */

enum on_alarm_key {
	ON_ALARM_UNIT,
	ON_ALARM_COMMAND,
	ON_ALARM_USER,
};
#define ON_ALARM_KEY_COUNT (ON_ALARM_USER + 1)

static const struct key items[ON_ALARM_KEY_COUNT] = {
        [ON_ALARM_UNIT] = {"unit", VALUE_STRING, "\"egressd-alarm@.service\"",
                           "a template of systemd, started for each alarm"},
        [ON_ALARM_COMMAND] = {"command", VALUE_STRING, "\"/usr/local/lib/tell-me\"",
                              "a program, run for each alarm"},
        [ON_ALARM_USER] = {"user", VALUE_STRING, "\"nobody\"", "as whom it runs"},
};
static const struct keys keys = {"on_alarm", items, ON_ALARM_KEY_COUNT};

/* "NAME@.service", in the letters of systemd.unit(5). */
static bool is_template(const char *unit)
{
	size_t length = strlen(unit);
	const char *at = strchr(unit, '@');
	return at && at > unit && strcmp(at, "@.service") == 0 && length <= UNIT_MAX &&
	       strspn(unit,
	              "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:-_.\\@") ==
	               length;
}

static int take(const struct context *context, const struct field *field, const char **ret_text)
{
	struct word word;
	if (!field->setting)
		return 0;
	int r = setting_word(context, field->setting, &word);
	if (r == 0)
		*ret_text = word.text;
	return r;
}

static void check(const struct context *context, const struct field *fields,
                  const struct on_alarm *on_alarm)
{
	struct problems *problems = context->problems;
	bool unit = fields[ON_ALARM_UNIT].present, command = fields[ON_ALARM_COMMAND].present;

	if (unit == command)
		problems_add(problems, on_alarm->at,
		             "on_alarm has either a \"unit\" or a \"command\"; as in unit = %s",
		             items[ON_ALARM_UNIT].example);
	if (on_alarm->unit && !is_template(on_alarm->unit))
		problems_add(problems, setting_at(context, fields[ON_ALARM_UNIT].setting),
		             "\"%s\" is no template of a service; as in unit = %s", on_alarm->unit,
		             items[ON_ALARM_UNIT].example);
	if (on_alarm->command && on_alarm->command[0] != '/')
		problems_add(problems, setting_at(context, fields[ON_ALARM_COMMAND].setting),
		             "\"%s\" is no absolute path; no shell is asked and no path is "
		             "searched, as in command = %s",
		             on_alarm->command, items[ON_ALARM_COMMAND].example);
	if (command && !fields[ON_ALARM_USER].present)
		problems_add(problems, on_alarm->at,
		             "on_alarm does not say as whom the command runs; as in user = %s",
		             items[ON_ALARM_USER].example);
	if (on_alarm->user && !command)
		problems_add(problems, setting_at(context, fields[ON_ALARM_USER].setting),
		             "\"user\" goes with \"command\"; a unit says itself as whom it runs");
	if (on_alarm->user && command &&
	    (!on_alarm->user[0] || strcmp(on_alarm->user, "root") == 0 ||
	     strcmp(on_alarm->user, "0") == 0))
		problems_add(problems, setting_at(context, fields[ON_ALARM_USER].setting),
		             "the command may not run as \"%s\"; name a user who may do little, as "
		             "in user = %s",
		             on_alarm->user, items[ON_ALARM_USER].example);
}

/* Whoever may not look there, as a user who checks a file, cannot tell. */
static void check_program(struct problems *problems, struct location at, const char *command)
{
	struct stat st;
	if (stat(command, &st) < 0) {
		if (errno == ENOENT || errno == ENOTDIR || errno == ENAMETOOLONG)
			problems_add(problems, at, "there is no program \"%s\"%s", command,
			             strchr(command, ' ') ? "; it gets no arguments, and its "
			                                    "name is taken as it is, spaces too"
			                                  : "");
		return;
	}
	if (!S_ISREG(st.st_mode))
		problems_add(problems, at, "\"%s\" is no program but something else", command);
	else if (!(st.st_mode & (S_IXUSR | S_IXGRP | S_IXOTH)))
		problems_add(problems, at, "\"%s\" cannot be executed (mode %04o); chmod +x %s",
		             command, (unsigned)(st.st_mode & 07777), command);
	else if (st.st_mode & (S_IWGRP | S_IWOTH))
		problems_add(problems, at, "others may write to \"%s\" (mode %04o); chmod go-w %s",
		             command, (unsigned)(st.st_mode & 07777), command);
}

static void check_user(struct problems *problems, struct location at, const char *user)
{
	errno = 0;
	const struct passwd *found = getpwnam(user);
	if (!found && (errno == 0 || errno == ENOENT || errno == ESRCH)) /* else: not known now */
		problems_add(problems, at, "there is no user \"%s\"", user);
	else if (found && !found->pw_uid)
		problems_add(problems, at,
		             "\"%s\" is another name of root, as whom the command may not run",
		             user);
}

/* What is written right may still tell nobody. */
static void check_here(const struct context *context, const struct field *fields,
                       const struct on_alarm *on_alarm)
{
	check_program(context->problems, setting_at(context, fields[ON_ALARM_COMMAND].setting),
	              on_alarm->command);
	check_user(context->problems, setting_at(context, fields[ON_ALARM_USER].setting),
	           on_alarm->user);
}

int load_on_alarm(const struct context *context, const config_setting_t *group, bool here,
                  struct on_alarm *on_alarm)
{
	struct field fields[ON_ALARM_KEY_COUNT];
	settings_match(context, group, &keys, fields);

	on_alarm->at = setting_at(context, group);
	int r = take(context, &fields[ON_ALARM_UNIT], &on_alarm->unit);
	if (r == 0)
		r = take(context, &fields[ON_ALARM_COMMAND], &on_alarm->command);
	if (r == 0)
		r = take(context, &fields[ON_ALARM_USER], &on_alarm->user);
	if (r < 0)
		return r;
	size_t mistakes = context->problems->list.count;
	check(context, fields, on_alarm);
	if (here && on_alarm->command && on_alarm->user &&
	    context->problems->list.count == mistakes)
		check_here(context, fields, on_alarm);
	return 0;
}
