/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ruleset/build.h"

#include "ruleset/lower.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define HASH_SIZE_MIN 64
/* Of a map from addresses to roles, whose outgrowing costs a packet that is on its way a verdict.
 */
#define MAP_SIZE_MIN 16384

static void fail(struct builder *b)
{
	b->error = -ENOMEM;
}

/* Never NULL: what was made before the failure is still looked up by name. */
static const char *copy_name(struct builder *b, const char *name)
{
	const char *copy = arena_strdup(b->ruleset->arena, name);
	if (copy)
		return copy;
	fail(b);
	return "";
}

const char *build_name(struct builder *b, const char *format, ...)
{
	_cleanup_free_ char *text = NULL;
	va_list arguments;
	va_start(arguments, format);
	int r = vasprintf(&text, format, arguments);
	va_end(arguments);
	if (r < 0) {
		text = NULL; /* undefined after a failure */
		fail(b);
		return "";
	}
	return copy_name(b, text);
}

/*
 * Makes it the file in which things are written now, by a name of the ruleset's own: the table is
 * still known when the policy is gone. Mostly it is the file of the thing before.
 */
static bool note_file(struct builder *b, const char *name)
{
	if (b->file_name == name)
		return true;
	const char **file = ruleset_file(b->ruleset, name);
	if (!file) {
		const char *own = arena_strdup(b->ruleset->arena, name);
		file = own ? ARRAY_ADD(&b->ruleset->files) : NULL;
		if (!file) {
			fail(b);
			return false;
		}
		*file = own;
	}
	b->file = (size_t)(file - b->ruleset->files.items);
	b->file_name = name;
	return true;
}

static struct location own_location(struct builder *b, struct location at)
{
	bool named = at.file && note_file(b, at.file);
	return (struct location){named ? b->ruleset->files.items[b->file] : NULL, at.line};
}

void build_counter(struct builder *b, const char *name, struct location at)
{
	if (b->error || ruleset_counter(b->ruleset, name))
		return;
	struct counter *counter = ARRAY_ADD(&b->ruleset->counters);
	if (!counter) {
		fail(b);
		return;
	}
	counter->name = copy_name(b, name);
	counter->at = own_location(b, at);
}

void build_helper(struct builder *b, const struct helper *like)
{
	if (b->error || ruleset_helper(b->ruleset, like->name))
		return;
	struct helper *helper = ARRAY_ADD(&b->ruleset->helpers);
	if (!helper) {
		fail(b);
		return;
	}
	*helper = *like;
	helper->name = copy_name(b, like->name);
	helper->kind = copy_name(b, like->kind);
	helper->at = own_location(b, like->at);
}

static struct chain *add_chain(struct builder *b, const char *name, const char *comment)
{
	struct chain *chain = ARRAY_ADD(&b->ruleset->chains);
	if (!chain) {
		fail(b);
		return NULL;
	}
	chain->name = copy_name(b, name);
	chain->comment = comment;
	return chain;
}

void build_chain(struct builder *b, const char *name, const char *comment, struct location at)
{
	if (b->error || ruleset_chain(b->ruleset, name))
		return;
	struct chain *chain = add_chain(b, name, comment);
	if (chain)
		chain->at = own_location(b, at);
}

void build_base_chain(struct builder *b, const char *name, const char *comment, enum hook hook,
                      int32_t priority, bool policy_drop)
{
	if (b->error)
		return;
	struct chain *chain = add_chain(b, name, comment);
	if (!chain)
		return;
	chain->hook = hook;
	chain->priority = priority;
	chain->policy_drop = policy_drop;
}

/* True for the set that got the last element. */
static bool is_being_filled(const struct builder *b, const char *name)
{
	return b->filled < b->ruleset->sets.count &&
	       strcmp(b->ruleset->sets.items[b->filled].name, name) == 0;
}

bool build_set(struct builder *b, const struct set *like)
{
	if (b->error || is_being_filled(b, like->name) || ruleset_set(b->ruleset, like->name))
		return false;
	struct set *set = ARRAY_ADD(&b->ruleset->sets);
	if (!set) {
		fail(b);
		return false;
	}
	*set = *like;
	set->name = copy_name(b, like->name);
	set->at = own_location(b, like->at);
	return !b->error;
}

/* The set that elements go to; it is there. */
static struct set *set_to_fill(struct builder *b, const char *name)
{
	struct set *items = b->ruleset->sets.items;
	if (is_being_filled(b, name))
		return &items[b->filled];
	struct set *set = ruleset_set(b->ruleset, name);
	assert(set);
	b->filled = (size_t)(set - items);
	return set;
}

/* Notes where an element is written. */
static void set_location(struct builder *b, struct element *element, struct location at)
{
	if (!at.file || !note_file(b, at.file))
		return;
	element->line = at.line;
	element->file = (uint32_t)b->file + 1;
}

static struct element *add_element(struct builder *b, const char *set_name, const void *key,
                                   size_t key_length, const char *chain, struct location at)
{
	if (b->error)
		return NULL;
	struct set *set = set_to_fill(b, set_name);
	assert(key_length == set_key_length(set->type));

	struct element *element = ARRAY_ADD(&set->elements);
	if (!element) {
		fail(b);
		return NULL;
	}
	memcpy(element->key, key, key_length);
	set_location(b, element, at);
	if (!set->timed) {
		element->chain = chain;
		return element;
	}
	struct life life = {.timeout = b->life.timeout, .comment = b->life.comment, .chain = chain};
	element->life = arena_copy(b->ruleset->arena, &life, 1, sizeof(life));
	if (!element->life)
		fail(b);
	return element;
}

void build_element(struct builder *b, const char *set, const void *key, size_t key_length,
                   const char *chain, struct location at)
{
	add_element(b, set, key, key_length, chain, at);
}

void build_range(struct builder *b, const char *set, const void *from, const void *to,
                 size_t key_length, const char *chain, struct location at)
{
	struct element *element = add_element(b, set, from, key_length, chain, at);
	if (element)
		memcpy(element->to, to, key_length);
}

void build_rule(struct builder *b, enum rule_when when, const char *chain_name, const char *comment,
                struct location at, const struct statement *statements, size_t count)
{
	if (b->error)
		return;
	struct chain *chain = ruleset_chain(b->ruleset, chain_name);
	assert(chain && count <= STATEMENTS_MAX);

	struct rule *rule = ARRAY_ADD(&chain->rules);
	const struct statement *own =
	        arena_copy(b->ruleset->arena, statements, count, sizeof(*statements));
	if (!rule || !own) {
		fail(b);
		return;
	}
	rule->statements = own;
	rule->statement_count = count;
	rule->when = when;
	rule->comment = comment;
	rule->at = own_location(b, at);
}

/*
 * `size` is a hard cap and fixes the buckets of the hash: twice what is in it now leaves room to
 * add without building the set anew, and the power of two keeps it from changing at every edit.
 */
static uint32_t hash_size(const struct set *set)
{
	size_t count = set->elements.count;
	uint32_t size = set->map ? MAP_SIZE_MIN : HASH_SIZE_MIN;
	while (size < 2 * count && size < UINT32_C(1) << 30)
		size *= 2;
	return size;
}

int build_finish(struct builder *b)
{
	if (b->error)
		return b->error;

	ARRAY_FOREACH (set, &b->ruleset->sets) {
		set_sort(set);
		ARRAY_FIT(&set->elements);
		if (!set->interval && !set->dynamic && !set->size)
			set->size = hash_size(set);
	}
	ARRAY_FOREACH (chain, &b->ruleset->chains) {
		ARRAY_FIT(&chain->rules);
		ARRAY_FOREACH (rule, &chain->rules) {
			if (!b->error)
				b->error = rule_lower(b->ruleset->arena, rule);
		}
	}
	return b->error;
}
