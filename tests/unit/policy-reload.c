/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy-text.h"

#include <stdarg.h>
#include <time.h>
#include <unistd.h>

/* Loading when there is a policy before, held against loading the same text without one. */

#define HOSTS_AT_FIRST 12000 /* of some 90 bytes each: a dozen pieces */
#define CHANGES        25

static char path[] = "/tmp/egressd-reload-XXXXXX";

struct lines {
	ARRAY(char *) list; /* of hosts, each on a line of its own */
	bool without_role;  /* "late", which some of the hosts have */
};

__attribute__((format(printf, 2, 3))) static void set_line(char **line, const char *format, ...)
{
	va_list arguments;
	free(*line);
	va_start(arguments, format);
	ck_assert_int_ge(vasprintf(line, format, arguments), 0);
	va_end(arguments);
}

static char **add_line(struct lines *lines, size_t at)
{
	ck_assert_ptr_nonnull(ARRAY_ADD(&lines->list));
	char **line = &lines->list.items[at];
	memmove(line + 1, line, (lines->list.count - 1 - at) * sizeof(*line));
	*line = NULL;
	return line;
}

static void remove_line(struct lines *lines, size_t at)
{
	char **line = &lines->list.items[at];
	free(*line);
	memmove(line, line + 1, (--lines->list.count - at) * sizeof(*line));
}

static void set_host(char **line, unsigned number, const char *role)
{
	set_line(
	        line,
	        "{ name = \"h%u\"; role = \"%s\"; address = [ \"10.%u.%u.%u\", \"2001:db8::%x\" ]; "
	        "%s},%s",
	        number, role, number >> 16, number >> 8 & 255, number & 255, number,
	        number % 5 ? "" : "mac = \"52:54:00:00:00:01\"; mode = \"audit\"; ",
	        number % 7 ? "" : " # of the seventh kind\n");
}

static void fill(struct lines *lines, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		set_host(add_line(lines, i), i, i % 3 ? "desk" : "late");
}

static void lines_done(struct lines *lines)
{
	ARRAY_FOREACH (line, &lines->list)
		free(*line);
	ARRAY_DONE(&lines->list);
}

static void write_lines(const struct lines *lines)
{
	FILE *file = fopen(path, "we");
	ck_assert_ptr_nonnull(file);
	fprintf(file, GATEWAY "roles = { desk = { }; admin = { }; %s };\nhosts = (\n",
	        lines->without_role ? "" : "late = { };");
	ARRAY_FOREACH (line, &lines->list)
		fprintf(file, "%s\n", *line);
	fputs("{ name = \"last\"; role = \"desk\"; address = \"192.0.2.1\"; } );\n", file);
	ck_assert_int_eq(fclose(file), 0);
}

/* Hosts with all that is known of them, or else what is wrong. */
static char *describe(const struct policy *policy, const struct problems *problems)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	ck_assert_ptr_nonnull(out);
	problems_print(problems, out);
	for (size_t i = 0; policy && i < policy->hosts.count; i++) {
		const struct host *host = &policy->hosts.items[i];
		fprintf(out, "%s:%u %s, line %u: %s %d %d %d %d", host->at.file, host->at.line,
		        host->name, host->role_line, host->role->name, host->self,
		        host->one_machine, host->mode, host->effective_mode);
		for (size_t j = 0; j < host->range_count; j++) {
			char range[RANGE_TEXT_MAX];
			fprintf(out, " %s:%u", range_print(&host->ranges[j].range, range),
			        host->ranges[j].line);
		}
		for (size_t j = 0; j < host->mac_count; j++) {
			char mac[MAC_TEXT_MAX];
			fprintf(out, " %s", mac_print(&host->macs[j], mac));
		}
		fputc('\n', out);
	}
	ck_assert_int_eq(fclose(out), 0);
	return text;
}

/* NULL when it is refused. */
static struct policy *load(const struct policy *before, char **ret_described)
{
	const struct policy_origin origin = {.file = path, .before = before};
	struct problems problems = {};
	struct policy *policy = NULL;
	int r = policy_load_from(&origin, &problems, &policy);
	ck_assert(r == (policy ? 0 : POLICY_REJECTED));
	*ret_described = describe(policy, &problems);
	problems_done(&problems);
	return policy;
}

/* What is written now comes to the same with the policy before and without; NULL: it is refused. */
static struct policy *assert_same(const struct lines *lines, const struct policy *before)
{
	char *with, *without;
	write_lines(lines);
	struct policy *policy = load(before, &with), *plain = load(NULL, &without);
	size_t same = 0;
	while (with[same] && with[same] == without[same])
		same++;
	ck_assert_msg(with[same] == without[same], "with a policy before: ...%.200s",
	              with + (same < 100 ? 0 : same - 100));
	policy_free(plain);
	free(with);
	free(without);
	return policy;
}

static size_t count_as_before(const struct policy *policy)
{
	size_t count = 0;
	for (size_t i = 0; i < policy->pieces.count; i++)
		count += policy->pieces.items[i].as_before;
	return count;
}

static struct policy *change_and_load(struct lines *lines, struct policy *before)
{
	struct policy *policy = assert_same(lines, before);
	ck_assert_ptr_nonnull(policy);
	policy_free(before);
	return policy;
}

START_TEST(what_is_read_again_is_little_more_than_what_is_written_differently)
{
	struct lines lines = {};
	fill(&lines, HOSTS_AT_FIRST);
	struct policy *policy = change_and_load(&lines, NULL);
	ck_assert_uint_ge(policy->pieces.count, 8);
	ck_assert_uint_eq(count_as_before(policy), 0);

	policy = change_and_load(&lines, policy);
	ck_assert_uint_eq(count_as_before(policy), policy->pieces.count);

	/* Far up the list, so that all that follows is elsewhere now. */
	set_host(add_line(&lines, 10), HOSTS_AT_FIRST, "admin");
	policy = change_and_load(&lines, policy);
	ck_assert_uint_ge(count_as_before(policy) + 3, policy->pieces.count);

	set_host(&lines.list.items[HOSTS_AT_FIRST / 2], HOSTS_AT_FIRST + 1, "admin");
	policy = change_and_load(&lines, policy);
	ck_assert_uint_ge(count_as_before(policy) + 2, policy->pieces.count);
	ck_assert_uint_lt(count_as_before(policy), policy->pieces.count);

	policy_free(policy);
	lines_done(&lines);
}
END_TEST

static unsigned below(unsigned limit)
{
	return (unsigned)rand() % limit;
}

/* Some changes are mistakes. */
static void change(struct lines *lines, unsigned number)
{
	size_t at = below((unsigned)lines->list.count);
	char **line = &lines->list.items[at];
	switch (below(8)) {
	case 0:
		set_host(line, number, below(4) ? "admin" : "nobody");
		break;
	case 1:
		set_host(add_line(lines, at), number, "desk");
		break;
	case 2:
		set_line(line, "/* it is gone */");
		break;
	case 3:
		set_line(add_line(lines, at), "# a remark%s", below(2) ? "\n\n" : "");
		break;
	case 4:
		set_host(line, below(HOSTS_AT_FIRST), "desk");
		break;
	case 5:
		lines->without_role = !lines->without_role;
		break;
	case 6:
		set_line(
		        line,
		        "{ name = \"odd%u\"; role = \"desk\";\n address = [\n \"10.0.0.1/8\" ]; },",
		        number);
		break;
	case 7:
		remove_line(lines, at);
		break;
	}
}

START_TEST(a_policy_is_the_same_whatever_was_before_it)
{
	struct lines lines = {};
	struct policy *policy = NULL;
	size_t loaded = 0, refused = 0, as_before = 0;
	unsigned seed = (unsigned)time(NULL);
	printf("policies: seed %u\n", seed);
	srand(seed);
	fill(&lines, HOSTS_AT_FIRST / 4);
	for (unsigned i = 0; i < CHANGES; i++) {
		struct policy *next = assert_same(&lines, policy);
		refused += !next;
		if (next) {
			policy_free(policy);
			policy = next;
			loaded++;
			as_before += count_as_before(next);
		} else {
			/* As an operator would: what was wrong is mended, and more is changed. */
			lines.without_role = false;
			lines_done(&lines);
			fill(&lines, HOSTS_AT_FIRST / 4);
		}
		for (unsigned j = below(3); j < 3; j++)
			change(&lines, HOSTS_AT_FIRST + 3 * i + j);
	}
	printf("%zu loaded, %zu refused, %zu pieces as before\n", loaded, refused, as_before);
	ck_assert_uint_gt(loaded, 0);
	ck_assert_uint_gt(refused, 0);
	ck_assert_uint_gt(as_before, loaded);
	policy_free(policy);
	lines_done(&lines);
}
END_TEST

static void make_file(void)
{
	strcpy(strrchr(path, '-'), "-XXXXXX");
	int fd = mkstemp(path);
	ck_assert_int_ge(fd, 0);
	close(fd);
}

static void remove_file(void)
{
	unlink(path);
}

int main(void)
{
	TCase *tests = tcase_create("reload");
	tcase_set_timeout(tests, 120);
	tcase_add_checked_fixture(tests, make_file, remove_file);
	tcase_add_test(tests, what_is_read_again_is_little_more_than_what_is_written_differently);
	tcase_add_test(tests, a_policy_is_the_same_whatever_was_before_it);
	return run_tests(tests);
}
