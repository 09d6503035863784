/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/snapshot.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <string.h>

#define HEAD "egressd configuration 1\n"
_Static_assert(sizeof(HEAD) - 1 == SNAPSHOT_HEAD_BYTES, "the length of the head");

void snapshot_done(struct snapshot *snapshot)
{
	ARRAY_DONE(&snapshot->files);
	*snapshot = (struct snapshot){};
}

/* What is left of the text. */
struct rest {
	char *at;
	size_t length;
};

static bool skip(struct rest *rest, const char *word)
{
	size_t length = strlen(word);
	if (rest->length < length || memcmp(rest->at, word, length) != 0)
		return false;
	rest->at += length;
	rest->length -= length;
	return true;
}

/* So many bytes, and the character behind them, in whose place a NUL is put. */
static char *take(struct rest *rest, size_t length, char behind)
{
	char *taken = rest->at;
	if (rest->length <= length || taken[length] != behind)
		return NULL;
	taken[length] = '\0';
	rest->at += length + 1;
	rest->length -= length + 1;
	return taken;
}

/* A decimal number and the character behind it. */
static bool take_number(struct rest *rest, char behind, uint64_t max, uint64_t *ret_number)
{
	uint64_t number = 0;
	size_t digits = 0;
	for (; digits < rest->length && rest->at[digits] >= '0' && rest->at[digits] <= '9';
	     digits++) {
		uint64_t digit = (uint64_t)(rest->at[digits] - '0');
		if (number > (max - digit) / 10)
			return false;
		number = number * 10 + digit;
	}
	*ret_number = number;
	return digits && take(rest, digits, behind);
}

/* 0, SNAPSHOT_BROKEN or -ENOMEM. */
static int take_file(struct rest *rest, struct snapshot *snapshot)
{
	uint64_t path_length, length;
	if (!take_number(rest, ' ', PATH_MAX, &path_length) ||
	    !take_number(rest, '\n', SNAPSHOT_BYTES_MAX, &length))
		return SNAPSHOT_BROKEN;
	const char *path = take(rest, path_length, '\n');
	const char *text = path ? take(rest, length, '\n') : NULL;
	if (!text || !path_length || strlen(path) != path_length)
		return SNAPSHOT_BROKEN;
	struct snapshot_file *file = ARRAY_ADD(&snapshot->files);
	if (!file)
		return -ENOMEM;
	*file = (struct snapshot_file){path, text, length};
	return 0;
}

/* The line that ends it, of which nothing is left over. */
static bool take_end(struct rest *rest, struct snapshot *snapshot)
{
	const char *digest =
	        skip(rest, "end ") ? take(rest, sizeof(snapshot->digest) - 1, ' ') : NULL;
	if (!digest || !take_number(rest, '\n', INT64_MAX, &snapshot->time) || rest->length)
		return false;
	memcpy(snapshot->digest, digest, sizeof(snapshot->digest));
	return true;
}

static int take_all(struct rest *rest, struct snapshot *snapshot)
{
	if (!skip(rest, HEAD))
		return SNAPSHOT_BROKEN;
	while (skip(rest, "file ")) {
		int r = take_file(rest, snapshot);
		if (r != 0)
			return r;
	}
	return take_end(rest, snapshot) && snapshot->files.count ? 0 : SNAPSHOT_BROKEN;
}

int snapshot_parse(char *text, size_t length, struct snapshot *ret_snapshot)
{
	struct rest rest = {text, length};
	struct snapshot snapshot = {};
	int r = take_all(&rest, &snapshot);
	if (r != 0)
		snapshot_done(&snapshot);
	*ret_snapshot = snapshot;
	return r;
}

bool snapshot_digest(const char head[static SNAPSHOT_HEAD_BYTES], const char *tail, size_t length,
                     char ret_digest[static sizeof(((struct snapshot *)NULL)->digest)])
{
	char text[SNAPSHOT_TAIL_MAX];
	struct snapshot snapshot;
	if (memcmp(head, HEAD, SNAPSHOT_HEAD_BYTES) != 0 || !length || length > sizeof(text))
		return false;
	memcpy(text, tail, length);
	/* The last line begins behind the last line's end but one. */
	size_t begin = length - 1;
	while (begin && text[begin - 1] != '\n')
		begin--;
	struct rest rest = {text + begin, length - begin};
	if (!take_end(&rest, &snapshot))
		return false;
	memcpy(ret_digest, snapshot.digest, sizeof(snapshot.digest));
	return true;
}

void snapshot_begin(struct snapshot_writer *writer)
{
	fputs(HEAD, writer->out);
}

void snapshot_add(struct snapshot_writer *writer, const char *path, const char *text, size_t length)
{
	if (length > SNAPSHOT_BYTES_MAX - writer->bytes)
		writer->oversize = true;
	if (writer->oversize)
		return;
	writer->bytes += length;
	fprintf(writer->out, "file %zu %zu\n%s\n", strlen(path), length, path);
	fwrite(text, 1, length, writer->out);
	fputc('\n', writer->out);
}

void snapshot_end(struct snapshot_writer *writer, const char *digest, usec_t time)
{
	fprintf(writer->out, "end %s %" PRIu64 "\n", digest, time);
}
