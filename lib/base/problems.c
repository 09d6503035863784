/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/problems.h"

#include "base/cleanup.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

void problems_add(struct problems *problems, struct location at, const char *format, ...)
{
	if (problems->list.count >= PROBLEMS_MAX) {
		problems->left_out++;
		return;
	}

	_cleanup_free_ char *text = NULL;
	va_list arguments;
	va_start(arguments, format);
	int r = vasprintf(&text, format, arguments);
	va_end(arguments);
	if (r < 0) {
		text = NULL; /* undefined after a failure */
		problems->incomplete = true;
		return;
	}

	_cleanup_free_ char *file = strdup(at.file ? at.file : "");
	struct problem *problem = file ? ARRAY_ADD(&problems->list) : NULL;
	if (!problem) {
		problems->incomplete = true;
		return;
	}
	problem->file = TAKE_POINTER(file);
	problem->line = at.line;
	problem->text = TAKE_POINTER(text);
}

static void add_all(struct problems *problems, const struct problems *others)
{
	for (size_t i = 0; i < others->list.count; i++) {
		const struct problem *other = &others->list.items[i];
		problems_add(problems, (struct location){other->file, other->line}, "%s",
		             other->text);
	}
	problems->left_out += others->left_out;
	problems->incomplete |= others->incomplete;
}

void problems_put_first(struct problems *problems, const struct problems *first)
{
	struct problems all = {};
	if (problems_empty(first))
		return;
	add_all(&all, first);
	add_all(&all, problems);
	problems_done(problems);
	*problems = all;
}

bool problems_empty(const struct problems *problems)
{
	return !problems->list.count && !problems->left_out && !problems->incomplete;
}

static bool comes_before(const struct problem *a, const struct problem *b)
{
	int c = strcmp(a->file, b->file);
	return c ? c < 0 : a->line < b->line;
}

void problems_sort(struct problems *problems)
{
	/* An insertion sort is stable, and the list is short. */
	struct problem *items = problems->list.items;
	for (size_t i = 1; i < problems->list.count; i++) {
		struct problem moved = items[i];
		size_t j = i;
		for (; j > 0 && comes_before(&moved, &items[j - 1]); j--)
			items[j] = items[j - 1];
		items[j] = moved;
	}
}

void problems_print(const struct problems *problems, FILE *out)
{
	ARRAY_FOREACH (problem, &problems->list) {
		if (problem->line)
			fprintf(out, "%s:%u: %s\n", problem->file, problem->line, problem->text);
		else if (problem->file[0])
			fprintf(out, "%s: %s\n", problem->file, problem->text);
		else
			fprintf(out, "%s\n", problem->text);
	}
	if (problems->left_out)
		fprintf(out, "and %zu more\n", problems->left_out);
	if (problems->incomplete)
		fprintf(out, "and more that there was no memory to note\n");
}

void problems_done(struct problems *problems)
{
	ARRAY_FOREACH (problem, &problems->list) {
		free(problem->file);
		free(problem->text);
	}
	ARRAY_DONE(&problems->list);
	*problems = (struct problems){};
}
