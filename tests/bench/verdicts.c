/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the thresholds of a beacon are held against: how many innocent streams they name, and how
 * soon they name a beacon; and those of the random walk: whom of an office they name. Prints the
 * tables in Markdown. No time is measured in it; the same
 * streams come out in every run.
 */
#include "week.h"

#include "track/beacon.h"

#include <stdlib.h>

enum { WEEKS = 100, WALKED_WEEKS = 20, FIRST_WEEK = 1001, STREAMS = 1000, BEATS = 1000 };

struct rule {
	const char *name;
	struct beacon_limits limits;
};

/* When a stream was named, and when it was worth more than a notice; 0: never. */
struct verdict {
	unsigned named, grave;
};

static struct stream stream_of(unsigned n)
{
	return (struct stream){
	        .source = scene_pc(n),
	        .destination = {.address = scene_address("203.0.113.9"),
	                        .port = 25,
	                        .protocol = TCP},
	};
}

static struct verdict judge(struct beacons *beacons, unsigned n, const struct rule *rule,
                            const double *times, unsigned count)
{
	struct stream stream = stream_of(n);
	struct verdict verdict = {};
	for (unsigned i = 0; i < count && !verdict.grave; i++) {
		struct beacon beacon;
		usec_t now = SCENE_START + (usec_t)(times[i] * (double)USEC_PER_SEC);
		if (!beacons_note(beacons, &stream, 60, false, &rule->limits, now, &beacon))
			continue;
		verdict.named = verdict.named ? verdict.named : i + 1;
		verdict.grave = beacon.attempts > rule->limits.wide_gaps ? i + 1 : 0;
	}
	return verdict;
}

static void make_poisson(struct random *random, double *times, double mean)
{
	times[0] = 0;
	for (unsigned i = 1; i < BEATS; i++)
		times[i] = times[i - 1] + random_exponential(random, mean);
}

/* Somebody whose program does not work: some tries in a row, then something else for a while. */
static void make_person(struct random *random, double *times, double mean)
{
	double at = 0;
	for (unsigned i = 0; i < BEATS;) {
		unsigned tries = 2 + random_below(random, 5);
		for (unsigned j = 0; j < tries && i < BEATS; j++) {
			times[i++] = at;
			at += 3 + random_exponential(random, mean);
		}
		at += 600 + random_exponential(random, 7200);
	}
}

static void make_beacon(struct random *random, double *times, double jitter)
{
	times[0] = 0;
	for (unsigned i = 1; i < BEATS; i++)
		times[i] = times[i - 1] + 60 * random_between(random, 1 - jitter, 1 + jitter);
}

typedef void (*make_t)(struct random *random, double *times, double parameter);

static void judge_all(const struct rule *rule, make_t make, double parameter, unsigned count,
                      struct verdict verdicts[static STREAMS])
{
	struct random random = {77};
	struct beacons *beacons;
	ck_assert_int_eq(beacons_new(STREAMS, 64, &beacons), 0);
	for (unsigned n = 0; n < STREAMS; n++) {
		double times[BEATS];
		make(&random, times, parameter);
		verdicts[n] = judge(beacons, n, rule, times, count);
	}
	beacons_free(beacons);
}

/* How many of a thousand streams were named, and were worth more than a notice. */
static void print_false(const struct rule *rule, make_t make, double parameter, unsigned count)
{
	static struct verdict verdicts[STREAMS];
	unsigned named = 0, grave = 0;
	judge_all(rule, make, parameter, count, verdicts);
	for (unsigned n = 0; n < STREAMS; n++) {
		named += verdicts[n].named > 0;
		grave += verdicts[n].grave > 0;
	}
	printf(" %u, %u |", named, grave);
}

static int compare(const void *a, const void *b)
{
	unsigned x = *(const unsigned *)a, y = *(const unsigned *)b;
	return (x > y) - (x < y);
}

/* At which attempt beacons are named: the median, and nineteen in twenty. */
static void print_delay(const struct rule *rule, double jitter)
{
	static struct verdict verdicts[STREAMS];
	unsigned named[STREAMS], grave[STREAMS];
	judge_all(rule, make_beacon, jitter, BEATS, verdicts);
	for (unsigned n = 0; n < STREAMS; n++) {
		named[n] = verdicts[n].named ? verdicts[n].named : BEATS;
		grave[n] = verdicts[n].grave ? verdicts[n].grave : BEATS;
	}
	qsort(named, STREAMS, sizeof(named[0]), compare);
	qsort(grave, STREAMS, sizeof(grave[0]), compare);
	printf(" %u, %u; %u, %u |", named[STREAMS / 2], named[STREAMS * 95 / 100],
	       grave[STREAMS / 2], grave[STREAMS * 95 / 100]);
}

/* Lets the detectors see one more week. */
static void show_week(struct scene *scene, struct week week, unsigned number,
                      const struct detect_facts *facts)
{
	scene_begin(scene);
	scene->silent = true;
	live(&week, FIRST_WEEK + number);
	show(scene, &week, facts);
	ARRAY_DONE(&week.events);
}

/* A hundred weeks of the office: in how many nothing was told, and how many people were named. */
static void print_weeks(const struct rule *rule)
{
	struct thresholds thresholds = thresholds_standard;
	struct detect_facts facts = scene_desk;
	unsigned silent = 0, without_warning = 0, people = 0;
	thresholds.beacon = rule->limits;
	facts.thresholds = &thresholds;
	for (unsigned i = 0; i < WEEKS; i++) {
		struct scene scene;
		bool warned = false;
		show_week(&scene, (struct week){.meetings = true}, i, &facts);
		for (const struct alarm *a = alarm_book_next(scene.book, 0); a;
		     a = alarm_book_next(scene.book, a->id))
			warned |= a->severity > SEVERITY_NOTICE;
		people += (unsigned)__builtin_popcountll(desks_named(scene.book));
		silent += scene.told_count == 0;
		without_warning += !warned;
		scene_end(&scene);
	}
	printf(" %u | %u | %u |", silent, without_warning, people);
}

/* Weeks of the office with the random walk: people that were named, and those with laptops. */
static void print_walks(const struct trw_limits *limits, bool meetings)
{
	struct thresholds thresholds = thresholds_standard;
	struct detect_facts facts = scene_desk;
	unsigned people = 0, laptops = 0, weeks = 0;
	thresholds.trw = *limits;
	facts.thresholds = &thresholds;
	for (unsigned i = 0; i < WALKED_WEEKS; i++) {
		struct scene scene;
		const struct week week = {.meetings = meetings, .pages = true, .contacts = true};
		uint64_t named = 0;
		show_week(&scene, week, i, &facts);
		for (const struct alarm *a = alarm_book_next(scene.book, 0); a;
		     a = alarm_book_next(scene.book, a->id))
			if (a->cause.kind == ALARM_TRW)
				named |= (uint64_t)1 << a->source.bytes[3];
		people += (unsigned)__builtin_popcountll(named);
		laptops += (unsigned)__builtin_popcountll(named & (((uint64_t)1 << LAPTOPS) - 1));
		weeks += named == 0;
		scene_end(&scene);
	}
	printf(" %u | %u | %u |", weeks, people, laptops);
}

static void print_walk_table(void)
{
	const struct trw_limits standard = thresholds_standard.trw;
	struct {
		const char *name;
		struct trw_limits limits;
	} rules[] = {
	        {"as it is: 4 in a row", standard},
	        {"benign 75, scanner 25: 5 in a row", standard},
	        {"benign 70, scanner 30: 6 in a row", standard},
	};
	rules[1].limits.benign = 0.75;
	rules[1].limits.scanner = 0.25;
	rules[2].limits.benign = 0.7;
	rules[2].limits.scanner = 0.3;

	printf("\nTRW, when enabled: of %d weeks of the same office, those in which nobody was "
	       "named; people that were\nnamed in all of them; and of these, people with one of "
	       "the %d laptops, whose four time servers are\nblocked. Then the same where they "
	       "have meetings, whose four relays are blocked, too.\n\n",
	       WALKED_WEEKS, LAPTOPS);
	printf("| rule | silent weeks | people named | with laptops | silent weeks, meetings | "
	       "people named | with laptops |\n|---|---:|---:|---:|---:|---:|---:|\n");
	for (size_t i = 0; i < ELEMENTS_OF(rules); i++) {
		rules[i].limits.enabled = true;
		printf("| %s |", rules[i].name);
		print_walks(&rules[i].limits, false);
		print_walks(&rules[i].limits, true);
		printf("\n");
	}
}

/* What it shares with the tests may be used in a test only. */
START_TEST(print_the_tables)
{
	const struct beacon_limits standard = thresholds_standard.beacon;
	struct rule rules[] = {
	        {"as it is: 4 attempts, 10 %", standard}, {"4 attempts, 5 %", standard},
	        {"4 attempts, 15 %", standard},           {"5 attempts, 10 %", standard},
	        {"6 attempts, 10 %", standard},
	};
	rules[1].limits.near = 5;
	rules[2].limits.near = 15;
	rules[3].limits.attempts = 5;
	rules[4].limits.attempts = 6;

	printf("Innocent: of %d weeks of an office of %d, those in which nothing was told, those "
	       "without a warning,\nand people that were named in all of them. Then of %d streams "
	       "those that were named, and those that\nwere worth a warning: Poisson streams of "
	       "300 s, and people who try again.\n\n",
	       WEEKS, DESKS, STREAMS);
	printf("| rule | silent weeks | without a warning | people named | Poisson, 100 attempts | "
	       "1000 attempts | people, 100 attempts | 1000 attempts |\n"
	       "|---|---:|---:|---:|---:|---:|---:|---:|\n");
	for (size_t i = 0; i < ELEMENTS_OF(rules); i++) {
		printf("| %s |", rules[i].name);
		print_weeks(&rules[i]);
		print_false(&rules[i], make_poisson, 300, 100);
		print_false(&rules[i], make_poisson, 300, BEATS);
		print_false(&rules[i], make_person, 20, 100);
		print_false(&rules[i], make_person, 20, BEATS);
		printf("\n");
	}

	static const double jitters[] = {0, 0.05, 0.1, 0.2, 0.3};
	printf("\nBeacons of 60 s: the attempt that named them in the median and in nineteen of "
	       "twenty; and the one\nthat was worth a warning. The gaps differ from the period by "
	       "up to so much.\n\n| rule |");
	for (size_t i = 0; i < ELEMENTS_OF(jitters); i++)
		printf(" ±%.0f %% |", jitters[i] * 100);
	printf("\n|---|---:|---:|---:|---:|---:|\n");
	for (size_t i = 0; i < ELEMENTS_OF(rules); i++) {
		printf("| %s |", rules[i].name);
		for (size_t j = 0; j < ELEMENTS_OF(jitters); j++)
			print_delay(&rules[i], jitters[j]);
		printf("\n");
	}
	print_walk_table();
}
END_TEST

int main(void)
{
	TCase *tables = tcase_create("tables");
	tcase_add_test(tables, print_the_tables);
	Suite *suite = suite_create("verdicts");
	suite_add_tcase(suite, tables);
	SRunner *runner = srunner_create(suite);
	srunner_set_fork_status(runner, CK_NOFORK);
	srunner_run_all(runner, CK_SILENT);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
