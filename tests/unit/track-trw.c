/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../runner.h"
#include "track/trw.h"

#include "track/contact_queue.h"
#include "track/thresholds.h"

#include <check.h>
#include <errno.h>

#define START ((usec_t)1000000000 * USEC_PER_SEC)

static struct address address_of(uint8_t net, uint32_t n)
{
	const uint8_t bytes[] = {net, (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n};
	return address_from_bytes(FAMILY_IPV4, bytes);
}

/* Walks from START on, all contacts being told, and what was last said of one. */
struct scene {
	struct trw *trw;
	struct trw_limits limits;
	struct trw_walk walk;
};

static struct scene begin(size_t sources, size_t contacts)
{
	struct scene scene = {.limits = thresholds_standard.trw};
	scene.limits.enabled = true;
	ck_assert_int_eq(trw_new(sources, contacts, &scene.trw), 0);
	trw_know(scene.trw, START);
	return scene;
}

static void scene_done(struct scene *scene)
{
	trw_free(scene->trw);
}

/* A contact so many seconds after START; true when it tells a scanner. */
static bool note(struct scene *scene, const struct address *source,
                 const struct address *destination, bool permitted, usec_t seconds)
{
	return trw_note(scene->trw, source, destination, permitted, false, &scene->limits,
	                START + seconds * USEC_PER_SEC, &scene->walk);
}

/* The same of the one source that most have. */
static bool contact(struct scene *scene, uint32_t host, bool permitted, usec_t seconds)
{
	const struct address source = address_of(10, 1), destination = address_of(203, host);
	return note(scene, &source, &destination, permitted, seconds);
}

START_TEST(four_failed_first_contacts_in_a_row_tell_a_scanner)
{
	_cleanup_(scene_done) struct scene s = begin(16, 1024);
	for (unsigned i = 0; i < 3; i++) {
		ck_assert(!contact(&s, i, false, 10 * i));
		/* Again the same is no first contact. */
		ck_assert(!contact(&s, i, false, 10 * i + 1));
	}
	ck_assert(contact(&s, 3, false, 30));
	ck_assert_uint_eq(s.walk.failed, 4);
	ck_assert_uint_eq(s.walk.succeeded, 0);
}
END_TEST

START_TEST(a_walk_knows_how_many_of_its_failed_contacts_audit_let_pass)
{
	_cleanup_(scene_done) struct scene s = begin(16, 1024);
	const struct address source = address_of(10, 1);
	for (unsigned i = 0; i < 4; i++) {
		const struct address destination = address_of(203, i);
		ck_assert_int_eq(trw_note(s.trw, &source, &destination, false, i != 1, &s.limits,
		                          START + i * USEC_PER_SEC, &s.walk),
		                 i == 3);
	}
	ck_assert_uint_eq(s.walk.failed, 4);
	ck_assert_uint_eq(s.walk.passed, 3);
}
END_TEST

START_TEST(a_good_contact_takes_back_a_failed_one)
{
	_cleanup_(scene_done) struct scene s = begin(16, 1024);
	uint32_t host = 0;
	for (unsigned i = 0; i < 100; i++) {
		ck_assert(!contact(&s, host++, false, i));
		ck_assert(!contact(&s, host++, true, i));
	}
	/* Three more than the good ones are 64, one more is 256. */
	for (unsigned i = 0; i < 3; i++)
		ck_assert(!contact(&s, host++, false, 200));
	ck_assert(contact(&s, host++, false, 200));
}
END_TEST

START_TEST(good_contacts_are_no_credit_that_lasts)
{
	_cleanup_(scene_done) struct scene s = begin(16, 1024);
	uint32_t host = 0;
	/* Every four good ones end in "benign", and a new walk begins. */
	for (unsigned i = 0; i < 400; i++)
		contact(&s, host++, true, i);
	for (unsigned i = 0; i < 3; i++)
		ck_assert(!contact(&s, host++, false, 500));
	ck_assert(contact(&s, host++, false, 500));
}
END_TEST

START_TEST(after_a_day_a_contact_is_a_first_one_again)
{
	_cleanup_(scene_done) struct scene s = begin(16, 1024);
	for (unsigned i = 0; i < 3; i++)
		contact(&s, i, false, i);
	ck_assert(!contact(&s, 0, false, 80000));
	/* Not yet forgotten, for it was tried again in between. */
	ck_assert(!contact(&s, 0, false, 86402));
	ck_assert(contact(&s, 1, false, 86402));
}
END_TEST

START_TEST(without_the_good_contacts_it_tells_nothing)
{
	_cleanup_(scene_done) struct scene s = begin(16, 1024);
	s.limits = thresholds_standard.trw;
	for (unsigned i = 0; i < 500; i++)
		ck_assert(!contact(&s, i, false, i));
}
END_TEST

START_TEST(while_good_contacts_are_missed_nothing_is_a_step_and_then_all_begin_anew)
{
	_cleanup_(scene_done) struct scene s = begin(16, 1024);
	for (unsigned i = 0; i < 3; i++)
		ck_assert(!contact(&s, i, false, i));
	trw_doubt(s.trw);
	for (unsigned i = 3; i < 9; i++)
		ck_assert(!contact(&s, i, false, 10));
	trw_know(s.trw, START + 20 * USEC_PER_SEC);
	/* What is only told now, though it was before. */
	for (unsigned i = 9; i < 15; i++)
		ck_assert(!contact(&s, i, false, 19));
	/* These were contacted while nobody counted, but contacted they were. */
	for (unsigned i = 0; i < 15; i++)
		ck_assert(!contact(&s, i, false, 30));
	for (unsigned i = 15; i < 18; i++)
		ck_assert(!contact(&s, i, false, 40));
	ck_assert(contact(&s, 18, false, 40));
	ck_assert_uint_eq(s.walk.failed, 4);
}
END_TEST

START_TEST(a_source_whose_contacts_had_to_make_room_is_not_judged_as_long_as_they_would_be_known)
{
	_cleanup_(scene_done) struct scene s = begin(16, 64);
	/* Nobody's share is more than a sixteenth of the room, while others need it. */
	for (unsigned i = 0; i < 65; i++)
		contact(&s, i, i != 0, i);
	ck_assert_uint_eq(trw_counts(s.trw).contacts, 1);
	ck_assert_uint_eq(trw_counts(s.trw).last_forgotten, START + 64 * USEC_PER_SEC);
	for (unsigned i = 100; i < 110; i++)
		ck_assert(!contact(&s, i, false, 100));

	/* Another one is judged all the same, and the same one after a day. */
	struct address other = address_of(10, 2);
	for (unsigned i = 0; i < 4; i++) {
		struct address to = address_of(203, 200 + i);
		ck_assert(note(&s, &other, &to, false, 200) == (i == 3));
	}
	for (unsigned i = 300; i < 304; i++)
		ck_assert(contact(&s, i, false, 200000) == (i == 303));
}
END_TEST

START_TEST(a_source_is_judged_however_many_good_contacts_it_makes)
{
	_cleanup_(scene_done) struct scene s = begin(16, 64);
	for (unsigned i = 0; i < 1000; i++)
		contact(&s, i, true, i);
	ck_assert_uint_eq(trw_counts(s.trw).contacts, 0);
	for (unsigned i = 1000; i < 1004; i++)
		ck_assert(contact(&s, i, false, i) == (i == 1003));
}
END_TEST

START_TEST(without_room_for_another_source_those_that_are_there_go_on_and_it_is_not_judged)
{
	_cleanup_(scene_done) struct scene s = begin(2, 1024);
	for (unsigned i = 0; i < 4; i++) {
		for (uint32_t n = 1; n <= 3; n++) {
			struct address source = address_of(10, n), to = address_of(203, i);
			ck_assert(note(&s, &source, &to, false, 1) == (i == 3 && n < 3));
		}
	}
	ck_assert_uint_eq(trw_counts(s.trw).sources, 4);
	ck_assert_uint_eq(trw_counts(s.trw).contacts, 0);
}
END_TEST

START_TEST(queued_contacts_wait_for_their_time_and_keep_their_order)
{
	_cleanup_(contact_queue_freep) struct contact_queue *queue = NULL;
	ck_assert_int_eq(contact_queue_new(0, &queue), -EINVAL);
	ck_assert_int_eq(contact_queue_new(3, &queue), 0);
	ck_assert_ptr_null(contact_queue_take(queue, UINT64_MAX));
	usec_t put = 0, taken = 0;
	for (unsigned round = 0; round < 5; round++) {
		while (!contact_queue_is_full(queue))
			contact_queue_put(queue, &(struct queued_contact){.time = ++put});
		ck_assert_ptr_null(contact_queue_take(queue, taken));
		for (unsigned i = 0; i < 2; i++) {
			const struct queued_contact *first = contact_queue_take(queue, taken + 1);
			ck_assert_ptr_nonnull(first);
			ck_assert_uint_eq(first->time, ++taken);
		}
	}
	ck_assert_uint_eq(put, taken + 1);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("track-trw");
	TCase *c = tcase_create("threshold random walk");
	tcase_add_test(c, four_failed_first_contacts_in_a_row_tell_a_scanner);
	tcase_add_test(c, a_walk_knows_how_many_of_its_failed_contacts_audit_let_pass);
	tcase_add_test(c, a_good_contact_takes_back_a_failed_one);
	tcase_add_test(c, good_contacts_are_no_credit_that_lasts);
	tcase_add_test(c, after_a_day_a_contact_is_a_first_one_again);
	tcase_add_test(c, without_the_good_contacts_it_tells_nothing);
	tcase_add_test(c, while_good_contacts_are_missed_nothing_is_a_step_and_then_all_begin_anew);
	tcase_add_test(
	        c,
	        a_source_whose_contacts_had_to_make_room_is_not_judged_as_long_as_they_would_be_known);
	tcase_add_test(c, a_source_is_judged_however_many_good_contacts_it_makes);
	tcase_add_test(
	        c, without_room_for_another_source_those_that_are_there_go_on_and_it_is_not_judged);
	tcase_add_test(c, queued_contacts_wait_for_their_time_and_keep_their_order);
	suite_add_tcase(suite, c);
	return run_suite(suite);
}
