/* SPDX-License-Identifier: GPL-2.0-or-later */
#define SD_JOURNAL_SUPPRESS_LOCATION

#include "journal.h"

#include "base/cleanup.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <systemd/sd-journal.h>

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

static void say(int priority, struct location at, const char *text)
{
	if (!stderr_is_journal()) {
		if (at.file && at.line)
			fprintf(stderr, "egressd: %s:%u: %s\n", at.file, at.line, text);
		else if (at.file && at.file[0])
			fprintf(stderr, "egressd: %s: %s\n", at.file, text);
		else
			fprintf(stderr, "egressd: %s\n", text);
		return;
	}
	if (at.file && at.file[0])
		sd_journal_send("PRIORITY=%d", priority, "MESSAGE=%s:%u: %s", at.file, at.line,
		                text, "CONFIG_FILE=%s", at.file, "CONFIG_LINE=%u", at.line,
		                "SYSLOG_IDENTIFIER=egressd", NULL);
	else
		sd_journal_send("PRIORITY=%d", priority, "MESSAGE=%s", text,
		                "SYSLOG_IDENTIFIER=egressd", NULL);
}

static void say_formatted(int priority, struct location at, const char *format, va_list arguments)
{
	_cleanup_free_ char *text = NULL;
	if (vasprintf(&text, format, arguments) < 0) {
		text = NULL; /* undefined after a failure */
		say(priority, at, format);
		return;
	}
	say(priority, at, text);
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
