/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/request_text.h"

#include <stdio.h>
#include <string.h>

/*
 * Of the characters beyond ASCII those in UTF-8 that are no text but tell a terminal what to do:
 * U+0080 to U+009F, the marks and overrides of writing direction, and line separators.
 */
static bool is_control(const unsigned char *p)
{
	if (p[0] == 0xc2)
		return p[1] >= 0x80 && p[1] <= 0x9f;
	if (p[0] == 0xd8)
		return p[1] == 0x9c;
	if (p[0] != 0xe2)
		return false;
	return (p[1] == 0x80 &&
	        ((p[2] >= 0x8b && p[2] <= 0x8f) || (p[2] >= 0xa8 && p[2] <= 0xae))) ||
	       (p[1] == 0x81 && p[2] >= 0xa0 && p[2] <= 0xaf);
}

bool request_text_fits(const char *text, size_t max)
{
	size_t length = strlen(text);
	if (!length || length > max)
		return false;
	for (const char *p = text; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f || is_control((const unsigned char *)p))
			return false;
	return true;
}

/* A comment of nft has no way to write a quotation mark, and is one line. */
static void make_quotable(char *text)
{
	for (char *p = text; *p; p++) {
		if (*p == '"')
			*p = '\'';
		else if ((unsigned char)*p < ' ' || *p == 0x7f)
			*p = ' ';
	}
}

/* A character of UTF-8 (RFC 3629) that the end of the buffer cut in two goes as a whole. */
static void drop_cut_character(char *text)
{
	size_t n = strlen(text), continued = 0;
	while (continued < n && ((unsigned char)text[n - 1 - continued] & 0xc0) == 0x80)
		continued++;
	if (continued == n)
		return;

	unsigned char first = (unsigned char)text[n - 1 - continued];
	size_t needed = first >= 0xf0 ? 3 : first >= 0xe0 ? 2 : first >= 0xc0 ? 1 : 0;
	if (continued < needed)
		text[n - 1 - continued] = '\0';
}

const char *request_describe(const struct request_entry *request,
                             char text[static REQUEST_TEXT_MAX])
{
	char end[UTC_TEXT_MAX];
	int n = snprintf(text, REQUEST_TEXT_MAX, "%s%s%sby %s%s%s", request->until ? "until " : "",
	                 request->until ? utc_print(request->until, end) : "",
	                 request->until ? ", " : "", request->user ? request->user : "?",
	                 request->why ? ": " : "", request->why ? request->why : "");
	if (n >= REQUEST_TEXT_MAX)
		drop_cut_character(text);
	make_quotable(text);
	return text;
}

const char *request_mark(const char *host, const char *description,
                         char text[static REQUEST_TEXT_MAX])
{
	if (snprintf(text, REQUEST_TEXT_MAX, "host %s, %s", host, description) >= REQUEST_TEXT_MAX)
		drop_cut_character(text);
	return text;
}

/* Goes past a beginning; false when the text begins with something else. */
static bool skip(char **text, const char *beginning)
{
	size_t length = strlen(beginning);
	if (strncmp(*text, beginning, length) != 0)
		return false;
	*text += length;
	return true;
}

/* Ends the text where the words are that divide it, and returns what stands behind them, or NULL.
 */
static char *divide(char *text, const char *words)
{
	char *end = strstr(text, words);
	if (!end)
		return NULL;
	*end = '\0';
	return end + strlen(words);
}

void request_read(const char *text, struct request_words *ret_words)
{
	struct request_words *words = ret_words;
	*words = (struct request_words){};
	snprintf(words->text, sizeof(words->text), "%s", text);

	char *rest = words->text, *host = rest;
	char *behind_host = skip(&host, "host ") ? divide(host, ", ") : NULL;
	if (behind_host) {
		words->host = host;
		rest = behind_host;
	}
	char *end = rest;
	const char *behind_end = skip(&end, "until ") ? utc_read(end, &words->until) : NULL;
	if (behind_end) {
		rest = end + (behind_end - end);
		(void)skip(&rest, ", ");
	}
	if (skip(&rest, "by ")) {
		words->user = rest;
		words->why = divide(rest, ": ");
	}
}
