/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "journal.h"

#include "base/cleanup.h"

#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* For so long a reader who is merely late may hold the daemon up. */
#define WAIT_MILLISECONDS 50

/* As much as a pipe that polls writable takes without waiting, PIPE_BUF, and our name in front. */
#define LINE_MAX_BYTES 4000

/* Records that nobody took, since the last one that somebody did. */
static unsigned long lost;

/*
 * systemd.exec(5): JOURNAL_STREAM is device and inode of the stream that leads to the journal; when
 * standard error is still that one, records can take the direct way with their fields.
 */
static bool stderr_is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long long device, inode;
	struct stat st;

	return stream && sscanf(stream, "%llu:%llu", &device, &inode) == 2 &&
	       fstat(STDERR_FILENO, &st) == 0 && st.st_dev == device && st.st_ino == inode;
}

/* Once a record was lost, nothing waits for that reader any more until he takes one. */
static int wait_now(void)
{
	return lost ? 0 : WAIT_MILLISECONDS;
}

static bool write_line(const char *text)
{
	struct pollfd room = {.fd = STDERR_FILENO, .events = POLLOUT};
	if (poll(&room, 1, wait_now()) <= 0 || !(room.revents & POLLOUT))
		return false;
	fprintf(stderr, "egressd: %.*s\n", LINE_MAX_BYTES, text);
	return true;
}

static bool write_fields(int priority, const char *message_id, const struct journal_field *fields,
                         size_t count, const char *text)
{
	struct journal_field all[JOURNAL_FIELDS_MAX + 4] = {};
	char level[16];
	size_t n = 0;

	snprintf(level, sizeof(level), "%d", priority);
	all[n++] = (struct journal_field){"MESSAGE", text};
	all[n++] = (struct journal_field){"PRIORITY", level};
	all[n++] = (struct journal_field){"SYSLOG_IDENTIFIER", "egressd"};
	all[n++] = (struct journal_field){"MESSAGE_ID", message_id};
	for (size_t i = 0; i < count && i < JOURNAL_FIELDS_MAX; i++)
		all[n++] = fields[i];
	return journal_socket_send(JOURNAL_SOCKET, all, n, wait_now()) == 0;
}

/* Says it where it belongs. */
static void put(int priority, const char *message_id, const struct journal_field *fields,
                size_t count, const char *text)
{
	bool direct = stderr_is_journal();
	if (lost) {
		char gap[64];
		snprintf(gap, sizeof(gap), "%lu records were lost here: nobody took them", lost);
		if (direct ? !write_fields(LOG_WARNING, NULL, NULL, 0, gap) : !write_line(gap)) {
			lost++;
			return;
		}
		lost = 0;
	}
	if (direct ? !write_fields(priority, message_id, fields, count, text) : !write_line(text))
		lost++;
}

static void say(int priority, struct location at, const char *text)
{
	_cleanup_free_ char *line = NULL;
	char number[16] = "";
	if (at.line)
		snprintf(number, sizeof(number), "%u", at.line);
	if (at.file && at.file[0] &&
	    asprintf(&line, "%s%s%s: %s", at.file, at.line ? ":" : "", number, text) < 0)
		line = NULL; /* undefined after a failure */
	const struct journal_field fields[] = {
	        {"CONFIG_FILE", at.file && at.file[0] ? at.file : NULL},
	        {"CONFIG_LINE", at.line ? number : NULL},
	};
	put(priority, NULL, fields, 2, line ? line : text);
}

void journal_record(int priority, const char *message_id, const struct journal_field *fields,
                    size_t count, const char *text)
{
	put(priority, message_id, fields, count, text);
}

static void say_formatted(int priority, struct location at, const char *format, va_list arguments)
{
	_cleanup_free_ char *text = NULL;
	char beginning[512];
	va_list again;
	va_copy(again, arguments);
	if (vasprintf(&text, format, arguments) < 0) {
		text = NULL; /* undefined after a failure */
		vsnprintf(beginning, sizeof(beginning), format, again);
	}
	va_end(again);
	say(priority, at, text ? text : beginning);
}

void journal(int priority, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	say_formatted(priority, (struct location){}, format, arguments);
	va_end(arguments);
}

void journal_at(int priority, struct location at, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	say_formatted(priority, at, format, arguments);
	va_end(arguments);
}

void journal_problems(const struct problems *problems)
{
	ARRAY_FOREACH (problem, &problems->list)
		say(LOG_ERR, (struct location){problem->file, problem->line}, problem->text);
	if (problems->left_out)
		journal(LOG_ERR, "and %zu more mistakes", problems->left_out);
	if (problems->incomplete)
		journal(LOG_ERR, "and more mistakes that there was no memory to note");
}
