/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "past.h"

#include "alarm_json.h"
#include "base/array.h"
#include "clock.h"
#include "expiry.h"
#include "journal.h"
#include "memory.h"
#include "numbers.h"
#include "replies.h"
#include "state_field.h"
#include "state_file.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define FORMAT_VERSION 1
#define SILENCE_EVERY  (600 * USEC_PER_SEC)
#define SAVE_ACCURACY  USEC_PER_SEC

/*
 * News of alarms is written at once, in turn with whatever else waits; but so seldom that writing
 * takes a tenth of the time at most, as an alarm takes about a tenth of a millisecond.
 */
#define NEWS_GAP      (10 * USEC_PER_MSEC)
#define NEWS_GAP_EACH USEC_PER_MSEC /* longer for each alarm in the book */
#define NEWS_ACCURACY USEC_PER_MSEC
#define NUMBERS_AGAIN USEC_PER_SEC /* after a failure to set numbers aside */

/* Items a turn of the loop: some one and a half milliseconds, so that nothing else waits. */
#define ALARMS_SLICE 16
#define LEDGER_SLICE 128

/*
 * A list on its way to its file: a copy of the items, and how many of them are written. Turns of
 * the loop pass meanwhile, and policies with them, so that the copy borrows nothing.
 */
struct page {
	const char *name;
	json_t *(*item_to_json)(const void *item);
	size_t item_size;
	size_t slice;
	struct state_draft *draft; /* NULL: nothing is on its way */
	char *items;
	size_t count;
	size_t written;
	int error; /* of the last time, negative, and it was said; 0: none */
};

enum page_index {
	PAGE_ALARMS,
	PAGE_LEDGER,
};
#define PAGE_COUNT (PAGE_LEDGER + 1)

struct past {
	const char *directory;
	usec_t every;
	struct events *events;
	struct alarms *alarms;
	sd_event_source *timer;
	sd_event_source *news;   /* a timer; off when alarms have no news */
	usec_t news_written;     /* when it was, by the clock that never jumps */
	usec_t alarms_written;   /* likewise */
	sd_event_source *writer; /* has a turn when nothing else waits while a page is written */
	struct numbers *numbers; /* of alarms */
	struct expiry *numbers_again;
	struct page pages[PAGE_COUNT];
	ARRAY(struct memory) memories; /* of an earlier run, that nobody was reminded of yet */
	bool alarms_changed;
	bool numbers_told;       /* whether they can be set aside */
	uint64_t ledger_packets; /* of the ledger as it was kept last */
	past_fault_t fault;      /* or NULL */
	void *fault_userdata;
};

static json_t *alarm_item(const void *item)
{
	return alarm_to_json(item);
}

static json_t *entry_item(const void *item)
{
	return memory_to_json(item);
}

static void page_done(struct page *page)
{
	page->draft = state_draft_free(page->draft);
	free(page->items);
	page->items = NULL;
}

/* The first page that cannot be written is told, or that all can be again. */
static void tell_fault(const struct past *past)
{
	char text[PAST_FAULT_MAX];
	if (!past->fault)
		return;
	for (size_t i = 0; i < PAGE_COUNT; i++) {
		const struct page *page = &past->pages[i];
		if (!page->error)
			continue;
		snprintf(text, sizeof(text),
		         "%s/%s cannot be written (%s): a restart will forget it", past->directory,
		         page->name, strerror(-page->error));
		past->fault(text, past->fault_userdata);
		return;
	}
	int error = numbers_error(past->numbers);
	if (error) {
		snprintf(text, sizeof(text),
		         "%s/" NUMBERS_NAME " cannot be written (%s): alarms have the time of day "
		         "as their number",
		         past->directory, strerror(-error));
		past->fault(text, past->fault_userdata);
		return;
	}
	past->fault(NULL, past->fault_userdata);
}

/* Before alarms have these numbers; see alarm_reserve_t. */
static uint64_t reserve_numbers(uint64_t *number, void *userdata)
{
	struct past *past = userdata;
	uint64_t behind = numbers_reserve(past->numbers, number);
	past->numbers_told = false;
	/* Where no timer can be set, it is tried again with what is written each half minute. */
	if (numbers_error(past->numbers))
		(void)expiry_in(past->numbers_again, NUMBERS_AGAIN);
	return behind;
}

static void page_failed(const struct past *past, struct page *page, int error)
{
	bool news = page->error != error;
	page_done(page);
	if (!page->error)
		journal(LOG_WARNING, "%s/%s cannot be written (%s): a restart will forget it",
		        past->directory, page->name, strerror(-error));
	page->error = error;
	if (news)
		tell_fault(past);
}

/* Copies the alarms, or the latest entries of the ledger. 0 or -ENOMEM. */
static int copy_alarms(const struct past *past, struct page *page)
{
	const struct alarm_book *book = alarms_book(past->alarms);
	struct alarm *items = calloc(ALARMS_MAX, sizeof(*items));
	if (!items)
		return -ENOMEM;
	page->count = 0;
	for (const struct alarm *a = alarm_book_next(book, 0); a && page->count < ALARMS_MAX;
	     a = alarm_book_next(book, a->id)) {
		items[page->count] = *a;
		items[page->count++].silence = alarm_book_silence(book, a);
	}
	page->items = (char *)items;
	return 0;
}

static int copy_ledger(const struct past *past, struct page *page)
{
	const struct ledger *ledger = events_ledger(past->events);
	size_t most = ledger_count(ledger);
	if (most > PAST_LEDGER_ENTRIES)
		most = PAST_LEDGER_ENTRIES;
	struct memory *items = calloc(most + 1, sizeof(*items));
	if (!items)
		return -ENOMEM;
	page->count = 0;
	for (const struct ledger_entry *e = ledger_first(ledger, NULL); e && page->count < most;
	     e = ledger_next(ledger, NULL, e)) {
		struct memory *memory = &items[page->count++];
		const struct stream stream = ledger_stream(&ledger_noted(e)->key);
		ledger_save(e, &memory->saved);
		memory->beat_count = alarms_beats(past->alarms, &stream, memory->beats);
	}
	page->items = (char *)items;
	return 0;
}

/* What stands in front of the list. The others are all that no entry of it holds. */
static void put_head(const struct past *past, enum page_index index, const struct page *page)
{
	FILE *out = state_draft_out(page->draft);
	if (index == PAGE_ALARMS) {
		fprintf(out, "{\"version\": %d, \"next_id\": %" PRIu64 ", \"items\": [\n",
		        FORMAT_VERSION, alarm_book_counts(alarms_book(past->alarms)).next_id);
		return;
	}
	struct ledger_totals totals = ledger_totals(events_ledger(past->events));
	const struct memory *entries = (const struct memory *)(const void *)page->items;
	for (size_t i = 0; i < page->count; i++) {
		totals.attempts -= entries[i].saved.noted.attempts;
		totals.passed -= entries[i].saved.noted.passed;
		totals.packets -= entries[i].saved.noted.packets;
	}
	totals.other_entries += ledger_count(events_ledger(past->events)) - page->count;
	fprintf(out,
	        "{\"version\": %d, \"other_attempts\": %" PRIu64 ", \"other_passed\": %" PRIu64
	        ", \"other_packets\": %" PRIu64 ", \"other_entries\": %" PRIu64 ", \"items\": [\n",
	        FORMAT_VERSION, totals.attempts, totals.passed, totals.packets,
	        totals.other_entries);
}

/* Begins to write a page. 0 or a negative errno. */
static int page_begin(struct past *past, enum page_index index, struct page *page)
{
	page_done(page);
	int r = state_draft_new(past->directory, page->name, &page->draft);
	if (r == 0)
		r = index == PAGE_ALARMS ? copy_alarms(past, page) : copy_ledger(past, page);
	if (r < 0)
		return r;
	page->written = 0;
	if (index == PAGE_ALARMS)
		past->alarms_written = clock_monotonic();
	put_head(past, index, page);
	return 0;
}

/* Writes the next so many items. */
static int page_go_on(struct page *page, size_t items)
{
	FILE *out = state_draft_out(page->draft);
	for (; items && page->written < page->count; items--, page->written++) {
		const char *item = page->items + page->written * page->item_size;
		_cleanup_(json_release) json_t *json = page->item_to_json(item);
		if (!json)
			return -ENOMEM;
		if (json_dumpf(json, out, JSON_COMPACT) < 0)
			return -EIO;
		fputs(page->written + 1 < page->count ? ",\n" : "\n", out);
	}
	return 0;
}

static int page_end(const struct past *past, struct page *page, bool durable)
{
	fputs("]}\n", state_draft_out(page->draft));
	int r = state_draft_keep(page->draft, durable);
	page->draft = NULL;
	page_done(page);
	if (r == 0 && page->error) {
		page->error = 0;
		tell_fault(past);
	}
	return r;
}

/* One slice of the first page that is being written; off again when there is none. */
static int on_turn(sd_event_source *source, void *userdata)
{
	struct past *past = userdata;
	for (size_t i = 0; i < PAGE_COUNT; i++) {
		struct page *page = &past->pages[i];
		if (!page->draft)
			continue;
		int r = page_go_on(page, page->slice);
		if (r == 0 && page->written == page->count)
			r = page_end(past, page, false);
		if (r < 0)
			page_failed(past, page, r);
		if (i == PAGE_ALARMS && !page->draft)
			(void)sd_event_source_set_priority(source, SD_EVENT_PRIORITY_IDLE);
		return 0;
	}
	return sd_event_source_set_enabled(source, SD_EVENT_OFF);
}

static size_t count_open(const struct past *past)
{
	size_t count = 0;
	for (unsigned kind = 0; kind < ALARM_KIND_COUNT; kind++)
		count += alarm_book_open(alarms_book(past->alarms), (enum alarm_kind)kind);
	return count;
}

/* That an open alarm goes on being quiet is to outlive the daemon too. */
static bool grew_older(const struct past *past)
{
	return count_open(past) && clock_monotonic() - past->alarms_written >= SILENCE_EVERY;
}

static bool has_changed(struct past *past, enum page_index index)
{
	uint64_t packets = ledger_totals(events_ledger(past->events)).packets;
	bool changed = index == PAGE_ALARMS ? past->alarms_changed || grew_older(past)
	                                    : packets != past->ledger_packets;
	if (index == PAGE_ALARMS)
		past->alarms_changed = false;
	else
		past->ledger_packets = packets;
	return changed;
}

/* Perhaps the numbers can be set aside again; tells of it, or that they cannot. */
static void try_numbers(struct past *past)
{
	if (numbers_error(past->numbers)) {
		uint64_t next = alarm_book_counts(alarms_book(past->alarms)).next_id;
		(void)reserve_numbers(&next, past);
	}
	if (!past->numbers_told)
		tell_fault(past);
	past->numbers_told = true;
}

static void on_numbers(void *userdata)
{
	try_numbers(userdata);
}

static int on_time(sd_event_source *source, uint64_t time, void *userdata)
{
	struct past *past = userdata;
	for (unsigned i = 0; i < PAGE_COUNT; i++) {
		struct page *page = &past->pages[i];
		if (page->draft || (!has_changed(past, (enum page_index)i) && !page->error))
			continue;
		int r = page_begin(past, (enum page_index)i, page);
		if (r < 0)
			page_failed(past, page, r);
	}
	try_numbers(past);
	(void)sd_event_source_set_enabled(past->writer, SD_EVENT_ON);
	(void)sd_event_source_set_time_relative(source, past->every);
	return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

/* What is being written is a copy of before: then this waits for the next one. */
static void write_news_soon(struct past *past)
{
	usec_t count = count_open(past), now = clock_monotonic();
	usec_t next = past->news_written + NEWS_GAP + count * NEWS_GAP_EACH;
	int r = sd_event_source_set_time(past->news, next > now ? next : now);
	if (r >= 0)
		r = sd_event_source_set_enabled(past->news, SD_EVENT_ONESHOT);
	if (r < 0)
		journal(LOG_WARNING, "Alarms are written at the next half minute only: %s",
		        strerror(-r));
}

static int on_news(sd_event_source *source, uint64_t time, void *userdata)
{
	struct past *past = userdata;
	struct page *page = &past->pages[PAGE_ALARMS];
	past->news_written = clock_monotonic();
	if (page->draft) {
		write_news_soon(past);
		return 0;
	}
	(void)has_changed(past, PAGE_ALARMS);
	int r = page_begin(past, PAGE_ALARMS, page);
	if (r < 0) {
		page_failed(past, page, r); /* it is tried again with the rest */
		return 0;
	}
	(void)sd_event_source_set_priority(past->writer, SD_EVENT_PRIORITY_NORMAL);
	return sd_event_source_set_enabled(past->writer, SD_EVENT_ON);
}

int past_new(sd_event *event, const char *directory, usec_t every, struct events *events,
             struct alarms *alarms, struct past **ret_past)
{
	_cleanup_(past_freep) struct past *past = calloc(1, sizeof(*past));
	if (!past)
		return -ENOMEM;
	past->directory = directory;
	past->every = every;
	past->events = events;
	past->alarms = alarms;
	past->pages[PAGE_ALARMS] = (struct page){.name = PAST_ALARMS_NAME,
	                                         .item_to_json = alarm_item,
	                                         .item_size = sizeof(struct alarm),
	                                         .slice = ALARMS_SLICE};
	past->pages[PAGE_LEDGER] = (struct page){.name = PAST_LEDGER_NAME,
	                                         .item_to_json = entry_item,
	                                         .item_size = sizeof(struct memory),
	                                         .slice = LEDGER_SLICE};
	past->numbers_told = true;
	int r = numbers_new(directory, &past->numbers);
	if (r >= 0)
		r = expiry_new(event, on_numbers, past, &past->numbers_again);
	if (r >= 0)
		r = sd_event_add_time_relative(event, &past->timer, CLOCK_MONOTONIC, every,
		                               SAVE_ACCURACY, on_time, past);
	if (r >= 0)
		r = sd_event_add_time(event, &past->news, CLOCK_MONOTONIC, 0, NEWS_ACCURACY,
		                      on_news, past);
	if (r >= 0)
		r = sd_event_source_set_enabled(past->news, SD_EVENT_OFF);
	if (r >= 0)
		r = sd_event_add_defer(event, &past->writer, on_turn, past);
	if (r >= 0)
		r = sd_event_source_set_priority(past->writer, SD_EVENT_PRIORITY_IDLE);
	if (r >= 0)
		r = sd_event_source_set_enabled(past->writer, SD_EVENT_OFF);
	if (r < 0)
		return r;
	alarm_book_on_reserve(alarms_book(alarms), reserve_numbers, past);
	*ret_past = TAKE_POINTER(past);
	return 0;
}

struct past *past_free(struct past *past)
{
	if (past) {
		alarm_book_on_reserve(alarms_book(past->alarms), NULL, NULL);
		numbers_free(past->numbers);
		ARRAY_DONE(&past->memories);
		for (size_t i = 0; i < PAGE_COUNT; i++)
			page_done(&past->pages[i]);
		(void)expiry_free(past->numbers_again);
		sd_event_source_disable_unref(past->timer);
		sd_event_source_disable_unref(past->news);
		sd_event_source_disable_unref(past->writer);
		free(past);
	}
	return NULL;
}

/* Restores one item; 0 or a negative errno. */
static int take_alarm(const struct past *past, const json_t *item)
{
	struct alarm alarm;
	int r = alarm_from_json(item, &alarm);
	return r < 0 ? r : alarm_book_restore(alarms_book(past->alarms), &alarm);
}

static int take_entry(struct past *past, const json_t *item)
{
	struct memory entry;
	int r = memory_from_json(item, &entry);
	if (r == 0)
		r = ledger_restore(events_ledger(past->events), &entry.saved);
	if (r < 0)
		return r;
	struct memory *memory = ARRAY_ADD(&past->memories);
	if (memory) /* else the detectors begin anew */
		*memory = entry;
	return 0;
}

/* What stands in front of the list; false when it is none of ours. */
static bool take_head(const struct past *past, enum page_index index, const json_t *root)
{
	bool valid = true;
	uint64_t version = state_number(root, "version", FORMAT_VERSION, &valid);
	if (!valid || version != FORMAT_VERSION || !json_is_array(json_object_get(root, "items")))
		return false;
	if (index == PAGE_ALARMS) {
		uint64_t next_id = state_number(root, "next_id", INT64_MAX, &valid);
		if (valid)
			alarm_book_reserve(alarms_book(past->alarms), next_id);
		return valid;
	}
	uint64_t attempts = state_number(root, "other_attempts", INT64_MAX, &valid);
	/* Files of earlier versions have none. */
	uint64_t passed = json_object_get(root, "other_passed")
	                          ? state_number(root, "other_passed", attempts, &valid)
	                          : 0;
	uint64_t packets = state_number(root, "other_packets", INT64_MAX, &valid);
	uint64_t entries = state_number(root, "other_entries", INT64_MAX, &valid);
	if (valid)
		ledger_restore_others(events_ledger(past->events), attempts, passed, packets,
		                      entries);
	return valid;
}

/* Takes up the items, the last one first, as it was seen longest ago. */
static int take_items(struct past *past, enum page_index index, const json_t *root,
                      struct state_wrong *wrong, size_t *ret_count)
{
	const json_t *items = json_object_get(root, "items");
	if (!take_head(past, index, root))
		return state_wrong(wrong, "it is no such file of this egressd");
	for (size_t i = json_array_size(items); i > 0; i--) {
		const json_t *item = json_array_get(items, i - 1);
		int r = index == PAGE_ALARMS ? take_alarm(past, item) : take_entry(past, item);
		if (r < 0)
			return state_wrong(wrong, "entry %zu of its list makes no sense", i);
		++*ret_count;
	}
	return 0;
}

static int read_page(struct past *past, enum page_index index, struct state_wrong *wrong,
                     size_t *ret_count)
{
	_cleanup_free_ char *text = NULL;
	size_t length;
	int r = state_file_read(past->directory, past->pages[index].name, PAST_FILE_MAX, wrong,
	                        &text, &length);
	if (r != 0)
		return r;
	_cleanup_(json_release) json_t *root = NULL;
	r = state_value(text, length, wrong, &root);
	if (r != 0)
		return r;
	return take_items(past, index, root, wrong, ret_count);
}

/* Returns how many items there were; *ret_broken: not all that was kept could be read. */
static size_t restore_page(struct past *past, enum page_index index, bool *ret_broken)
{
	const char *name = past->pages[index].name;
	struct state_wrong wrong = {};
	char aside[STATE_ASIDE_TEXT];
	size_t count = 0;

	int r = read_page(past, index, &wrong, &count);
	*ret_broken = r != 0 && r != -ENOENT;
	if (r == STATE_FILE_BROKEN) {
		(void)state_file_set_aside(past->directory, name, clock_realtime(), aside);
		journal(LOG_WARNING, "%s/%s: %s; %s, and %zu of its entries were taken up",
		        past->directory, name, wrong.text, aside, count);
	} else if (r == -ENOMEM) {
		journal(LOG_WARNING, "%s/%s cannot be read: %s", past->directory, name,
		        strerror(-r));
	} else if (r < 0 && r != -ENOENT) {
		/* The next one would take its place. */
		(void)state_file_set_aside(past->directory, name, clock_realtime(), aside);
		journal(LOG_WARNING, "%s/%s cannot be read: %s; %s", past->directory, name,
		        strerror(-r), aside);
	}
	return count;
}

void past_restore(struct past *past)
{
	bool broken, ledger_broken;
	size_t alarms = restore_page(past, PAGE_ALARMS, &broken);
	size_t entries = restore_page(past, PAGE_LEDGER, &ledger_broken);
	struct alarm_book *book = alarms_book(past->alarms);
	uint64_t next = alarm_book_counts(book).next_id;
	enum numbers_known known = broken ? NUMBERS_FAULT : next > 1 ? NUMBERS_SOME : NUMBERS_NONE;
	alarm_book_reserve(book, numbers_first(past->numbers, next, known));
	if (alarms || entries)
		journal(LOG_INFO,
		        "Known from an earlier run: %zu alarms, %zu entries of what was blocked",
		        alarms, entries);
	past->ledger_packets = ledger_totals(events_ledger(past->events)).packets;
}

void past_remind(struct past *past, const struct policy *policy)
{
	ARRAY_FOREACH (memory, &past->memories)
		alarms_remember(past->alarms, policy, &memory->saved.noted, memory->beats,
		                memory->beat_count);
	ARRAY_DONE(&past->memories);
}

void past_on_fault(struct past *past, past_fault_t fault, void *userdata)
{
	past->fault = fault;
	past->fault_userdata = userdata;
}

void past_note_alarm(struct past *past, bool news)
{
	int enabled = SD_EVENT_OFF;
	past->alarms_changed = true;
	if (!news)
		return;
	(void)sd_event_source_get_enabled(past->news, &enabled);
	if (enabled == SD_EVENT_OFF)
		write_news_soon(past);
}

void past_keep(struct past *past)
{
	for (unsigned i = 0; i < PAGE_COUNT; i++) {
		struct page *page = &past->pages[i];
		bool on_its_way = page->draft != NULL || (i == PAGE_ALARMS && count_open(past));
		if (!has_changed(past, (enum page_index)i) && !on_its_way && !page->error)
			continue;
		int r = page_begin(past, (enum page_index)i, page);
		if (r == 0)
			r = page_go_on(page, page->count);
		if (r == 0)
			r = page_end(past, page, true);
		if (r < 0)
			page_failed(past, page, r);
	}
	numbers_return(past->numbers, alarm_book_counts(alarms_book(past->alarms)).next_id);
}
