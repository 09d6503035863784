/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "alarm_json.h"
#include "json_release.h"
#include "ledger_json.h"
#include "requests_json.h"
#include "track/alarm_book.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/*
 * What an earlier run left in the state directory; the first byte says which file it is: requests,
 * alarms or the ledger. What can be read is written and read again as the same.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
	if (!condition)
		abort();
}

static void read_requests(const char *text, size_t size)
{
	struct requests requests = {.next_id = 1}, again = {.next_id = 1};
	struct state_wrong wrong = {};
	int r = requests_from_text(text, size, &requests, &wrong);
	require(r == 0 || (r == STATE_FILE_BROKEN && wrong.text[0]));
	if (r == 0) {
		char *first = requests_to_text(&requests);
		require(first && requests_from_text(first, strlen(first), &again, &wrong) == 0);
		char *second = requests_to_text(&again);
		require(second && strcmp(first, second) == 0);
		free(first);
		free(second);
	}
	requests_done(&requests);
	requests_done(&again);
}

static void read_alarm(const json_t *json, struct alarm_book *book)
{
	struct alarm alarm, same;
	if (alarm_from_json(json, &alarm) < 0)
		return;
	_cleanup_(json_release) json_t *first = alarm_to_json(&alarm);
	require(first && alarm_from_json(first, &same) == 0);
	_cleanup_(json_release) json_t *second = alarm_to_json(&same);
	require(json_equal(first, second));
	(void)alarm_book_restore(book, &alarm);
}

static void read_entry(const json_t *json, struct ledger *ledger)
{
	struct ledger_saved entry, same;
	if (ledger_saved_from_json(json, &entry) < 0)
		return;
	_cleanup_(json_release) json_t *first = ledger_saved_to_json(&entry);
	require(first && ledger_saved_from_json(first, &same) == 0);
	_cleanup_(json_release) json_t *second = ledger_saved_to_json(&same);
	require(json_equal(first, second));
	(void)ledger_restore(ledger, &entry);
}

static void listen(const struct alarm *alarm, enum alarm_change change, void *userdata)
{
}

static void read_items(const char *text, size_t size, bool alarms)
{
	struct alarm_book *book;
	struct ledger *ledger;
	_cleanup_(json_release) json_t *root = json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL);
	const json_t *items = json_object_get(root, "items"), *item;
	size_t i;
	if (!items)
		return;
	require(alarm_book_new(8, 0, listen, NULL, &book) == 0 && ledger_new(16, &ledger) == 0);
	json_array_foreach(items, i, item)
	{
		if (alarms)
			read_alarm(item, book);
		else
			read_entry(item, ledger);
	}
	/* Whatever it was, it ages like anything else. */
	alarm_book_expire(book, INT64_MAX, INT64_MAX);
	alarm_book_free(book);
	ledger_free(ledger);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!size)
		return 0;
	char *text =
	        malloc(size); /* without the first byte, and with an end that a sanitizer sees */
	if (!text)
		return 0;
	memcpy(text, data + 1, size - 1);
	if (data[0] % 3 == 0)
		read_requests(text, size - 1);
	else
		read_items(text, size - 1, data[0] % 3 == 1);
	free(text);
	return 0;
}
