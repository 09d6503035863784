/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy-text.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

/* Policies of more than one file, in a folder that each test has for itself. */

static char folder[] = "/tmp/egressd-policy-XXXXXX";

static void enter_folder(void)
{
	strcpy(strrchr(folder, '-'), "-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	ck_assert_int_eq(chdir(folder), 0);
	umask(022);
}

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *walk)
{
	return remove(path);
}

static void leave_folder(void)
{
	ck_assert_int_eq(chdir("/"), 0);
	ck_assert_int_eq(nftw(folder, remove_entry, 8, FTW_DEPTH | FTW_PHYS), 0);
}

static void write_file(const char *path, const char *text)
{
	FILE *file = fopen(path, "we");
	ck_assert_ptr_nonnull(file);
	ck_assert_int_ge(fputs(text, file), 0);
	ck_assert_int_eq(fclose(file), 0);
}

static void assert_file_refused(const char *path, const char *expected)
{
	struct problems problems = {};
	struct policy *policy = NULL;
	int r = policy_load(path, NULL, &problems, &policy);
	char *found = problems_text(&problems);
	ck_assert_str_eq(found, expected);
	ck_assert_int_eq(r, POLICY_REJECTED);
	ck_assert_ptr_null(policy);
	free(found);
	problems_done(&problems);
}

static struct policy *assert_file_loads(const char *path, struct source_paths *paths)
{
	struct problems problems = {};
	struct policy *policy = NULL;
	int r = policy_load(path, paths, &problems, &policy);
	char *found = problems_text(&problems);
	ck_assert_str_eq(found, "");
	ck_assert_int_eq(r, 0);
	free(found);
	problems_done(&problems);
	return policy;
}

START_TEST(what_is_no_regular_file_is_told_what_it_is)
{
	ck_assert_int_eq(mkdir("d.conf", 0755), 0);
	ck_assert_int_eq(mkfifo("f.conf", 0644), 0);
	assert_file_refused("d.conf", "d.conf: must be a regular file, but is a directory\n");
	assert_file_refused("f.conf", "f.conf: must be a regular file, but is a FIFO\n");
	assert_file_refused("/dev/null", "/dev/null: must be a regular file, but is a device\n");
	assert_file_refused("none.conf",
	                    "none.conf: cannot be opened: No such file or directory\n");
}
END_TEST

START_TEST(a_file_that_others_may_write_is_refused)
{
	write_file("a.conf", GATEWAY NOBODY);
	ck_assert_int_eq(chmod("a.conf", 0664), 0);
	assert_file_refused("a.conf",
	                    "a.conf: others may write to it (mode 0664); chmod go-w a.conf\n");
	ck_assert_int_eq(chmod("a.conf", 0602), 0);
	assert_file_refused("a.conf",
	                    "a.conf: others may write to it (mode 0602); chmod go-w a.conf\n");
	ck_assert_int_eq(chmod("a.conf", 0640), 0);
	policy_free(assert_file_loads("a.conf", NULL));
	if (chown("a.conf", 12345, 0) == 0)
		assert_file_refused("a.conf",
		                    "a.conf: belongs to user 12345, who could change it at "
		                    "any time; chown root a.conf\n");
}
END_TEST

START_TEST(a_file_over_64_mib_is_refused)
{
	write_file("a.conf", GATEWAY NOBODY);
	ck_assert_int_eq(truncate("a.conf", 64 * 1024 * 1024 + 1), 0);
	assert_file_refused("a.conf", "a.conf: is larger than 64 MiB\n");
}
END_TEST

START_TEST(a_symbolic_link_is_followed)
{
	ck_assert_int_eq(mkdir("data", 0755), 0);
	write_file("data/a.conf", GATEWAY NOBODY);
	ck_assert_int_eq(symlink("data/a.conf", "a.conf"), 0);
	policy_free(assert_file_loads("a.conf", NULL));
}
END_TEST

START_TEST(included_files_are_merged_and_all_paths_are_told)
{
	ck_assert_int_eq(mkdir("conf", 0755), 0);
	ck_assert_int_eq(mkdir("conf/roles.d", 0755), 0);
	write_file("conf/a.conf", GATEWAY "include = [ \"hosts.conf\", \"roles.d/*.conf\", "
	                                  "\"none.d/*.conf\" ];");
	write_file("conf/hosts.conf", "hosts = ( { name = \"h\"; role = \"x\"; self = true; } );");
	write_file("conf/roles.d/2.conf", "roles = { y = { }; };");
	write_file("conf/roles.d/1.conf", "roles = { x = { }; }; include = [ \"more/q.conf\" ];");
	write_file("conf/roles.d/1.conf~", "rubbish");
	ck_assert_int_eq(mkdir("conf/roles.d/more", 0755), 0);
	write_file("conf/roles.d/more/q.conf", "hosts = ( { name = \"i\"; role = \"y\"; address = "
	                                       "\"::1\"; } );");

	struct source_paths paths = {};
	struct policy *policy = assert_file_loads("conf/a.conf", &paths);
	ck_assert_str_eq(policy->file, "conf/a.conf");
	ck_assert_uint_eq(policy->hosts.count, 2);
	ck_assert_str_eq(policy->hosts.items[1].at.file, "conf/roles.d/more/q.conf");
	ck_assert_uint_eq(policy->roles.count, 2);
	ck_assert_str_eq(policy->roles.items[0].name, "x");

	static const char *const files[] = {"conf/a.conf", "conf/hosts.conf", "conf/roles.d/1.conf",
	                                    "conf/roles.d/more/q.conf", "conf/roles.d/2.conf"};
	ck_assert_uint_eq(paths.files.count, ELEMENTS_OF(files));
	for (size_t i = 0; i < ELEMENTS_OF(files); i++)
		ck_assert_str_eq(paths.files.items[i], files[i]);
	ck_assert_uint_eq(paths.directories.count, 2);
	ck_assert_str_eq(paths.directories.items[0], "conf/roles.d");
	ck_assert_str_eq(paths.directories.items[1], "conf/none.d");
	source_paths_done(&paths);
	policy_free(policy);
}
END_TEST

START_TEST(a_pattern_matches_no_copy_that_was_left_beside_a_file)
{
	static const char *const left[] = {
	        "a.conf.new", "a.conf.dpkg-old", "a.conf.rpmnew", "a.conf.pacnew",
	        "a.conf~",    "a.conf.ucf-dist", ".a.conf.7.new", "a.conf.20260727T101112Z.old",
	        "a.bak",      "a.orig",          ".a.conf.swp"};
	ck_assert_int_eq(mkdir("roles.d", 0755), 0);
	write_file("main.conf", GATEWAY "include = [ \"roles.d/*\", \"main.conf*\" ];");
	write_file("main.conf.new", "rubbish");
	write_file("roles.d/a.conf", "roles = { x = { }; }; hosts = ( );");
	for (size_t i = 0; i < ELEMENTS_OF(left); i++) {
		char path[160];
		snprintf(path, sizeof(path), "roles.d/%s", left[i]);
		write_file(path, "rubbish");
	}
	assert_file_refused("main.conf",
	                    "main.conf:1: main.conf: is included by itself, or by a file that it "
	                    "includes\n");
	write_file("main.conf", GATEWAY "include = [ \"roles.d/*\", \"other.new\" ];");
	write_file("other.new", "roles = { named = { }; };");
	struct policy *policy = assert_file_loads("main.conf", NULL);
	ck_assert_uint_eq(policy->roles.count, 2);
	policy_free(policy);
}
END_TEST

START_TEST(what_two_files_define_is_named_with_both_places)
{
	write_file("a.conf",
	           "gateway = { inside = \"lan0\";\nmode = \"audit\"; };\n"
	           "include = [ \"b.conf\" ];\n"
	           "services = { s = \"tcp/1\"; };\nnetworks = { n = \"::1\"; };\n"
	           "roles = { r = { }; };\n"
	           "hosts = ( { name = \"h\"; role = \"r\"; address = \"192.0.2.1\"; } );\n"
	           "blocklist = \"n\";\n");
	write_file("b.conf",
	           "gateway = { refuse = \"drop\";\nmode = \"audit\"; };\n"
	           "services = { s = \"tcp/1\"; };\nnetworks = { n = \"::1\"; };\n"
	           "roles = { r = { }; };\n"
	           "hosts = ( { name = \"h\"; role = \"r\"; address = \"192.0.2.1\"; } );\n"
	           "blocklist = \"n\";\n");
	assert_file_refused("a.conf",
	                    "b.conf:2: \"mode\" of gateway is already defined at a.conf:2\n"
	                    "b.conf:3: service \"s\" is already defined at a.conf:4\n"
	                    "b.conf:4: network \"n\" is already defined at a.conf:5\n"
	                    "b.conf:5: role \"r\" is already defined at a.conf:6\n"
	                    "b.conf:6: host \"h\" is already defined at a.conf:7\n"
	                    "b.conf:6: 192.0.2.1 is already host \"h\" at a.conf:7\n"
	                    "b.conf:7: \"blocklist\" is already defined at a.conf:8\n");
}
END_TEST

START_TEST(a_file_is_included_once_and_not_by_itself)
{
	write_file("a.conf", GATEWAY NOBODY "include = [ \"b.conf\",\n\"c.conf\", \"a.conf\",\n"
	                                    "\"link.conf\" ];");
	write_file("b.conf", "include = \"c.conf\";");
	write_file("c.conf", "include = [\n\"b.conf\" ];");
	ck_assert_int_eq(symlink("b.conf", "link.conf"), 0);
	assert_file_refused(
	        "a.conf",
	        "a.conf:3: c.conf: is already included at b.conf:1\n"
	        "a.conf:3: a.conf: is included by itself, or by a file that it includes\n"
	        "a.conf:4: link.conf: is already included at a.conf:2\n"
	        "c.conf:2: b.conf: is included by itself, or by a file that it includes\n");
}
END_TEST

START_TEST(too_many_files_in_a_row_are_refused)
{
	write_file("a.conf", GATEWAY NOBODY "include = \"1.conf\";");
	for (unsigned i = 1; i <= 17; i++) {
		char path[32], text[64];
		snprintf(path, sizeof(path), "%u.conf", i);
		snprintf(text, sizeof(text), "include = \"%u.conf\";", i + 1);
		write_file(path, text);
	}
	assert_file_refused("a.conf",
	                    "16.conf:1: 17.conf: more than 16 files include one another in "
	                    "a row\n");
}
END_TEST

START_TEST(an_include_that_cannot_be_read_is_told_at_the_line_that_names_it)
{
	write_file("a.conf",
	           GATEWAY "\ninclude = [ \"none.conf\",\n\"\", \"dir\",\n\"e.conf\" ];\n"
	                   "hosts = ( { name = \"h\"; role = \"elsewhere\"; self = true; } );");
	ck_assert_int_eq(mkdir("dir", 0755), 0);
	write_file("e.conf", "# cut off\n");
	assert_file_refused("a.conf",
	                    "a.conf:2: none.conf: cannot be opened: No such file or directory\n"
	                    "a.conf:3: \"include\" names no file\n"
	                    "a.conf:3: dir: must be a regular file, but is a directory\n"
	                    "e.conf: the file is empty: there is nothing but white space and "
	                    "comments\n");
}
END_TEST

START_TEST(a_folder_with_wildcards_in_its_name_is_taken_literally)
{
	ck_assert_int_eq(mkdir("c[a]*", 0755), 0);
	write_file("c[a]*/a.conf", GATEWAY "include = [ \"*.inc\" ];");
	write_file("c[a]*/b.inc", NOBODY);
	struct source_paths paths = {};
	policy_free(assert_file_loads("c[a]*/a.conf", &paths));
	ck_assert_uint_eq(paths.directories.count, 1);
	ck_assert_str_eq(paths.directories.items[0], "c[a]*");
	source_paths_done(&paths);
}
END_TEST

START_TEST(list_files_are_read_line_by_line)
{
	ck_assert_int_eq(mkdir("conf", 0755), 0);
	ck_assert_int_eq(mkdir("conf/lists", 0755), 0);
	write_file("conf/a.conf", GATEWAY NOBODY
	           "networks = { n = { file = \"lists/one\"; address = \"192.0.2.1\"; "
	           "}; m = { file = [ \"lists/one\", \"lists/two\" ]; }; };");
	write_file("conf/lists/one",
	           "# a list\n\n  198.51.100.0/24 ; SBL1\r\n2001:db8::1-2001:db8::9"
	           "# two\n;192.0.2.0/24\n198.51.100.7");
	write_file("conf/lists/two", "");
	struct source_paths paths = {};
	struct policy *policy = assert_file_loads("conf/a.conf", &paths);
	const struct network *n = policy_network(policy, "n");
	char text[RANGE_TEXT_MAX];
	ck_assert_uint_eq(n->listed_count, 3);
	ck_assert_str_eq(range_print(&n->listed[2], text), "198.51.100.7");
	ck_assert_uint_eq(n->range_count, 3);
	ck_assert_str_eq(range_print(&n->ranges[1], text), "198.51.100.0/24");
	ck_assert_uint_eq(paths.files.count, 4);
	ck_assert_str_eq(paths.files.items[3], "conf/lists/two");
	ck_assert_uint_eq(paths.states.count, 4);
	for (size_t i = 0; i < paths.files.count; i++) {
		struct stat status;
		ck_assert_int_eq(stat(paths.files.items[i], &status), 0);
		ck_assert_uint_eq(paths.states.items[i].st_ino, status.st_ino);
	}
	source_paths_done(&paths);

	/* Printed, what the lists held stands in the policy itself. */
	char *printed = policy_text(policy);
	struct policy *again = assert_loads(printed);
	ck_assert_uint_eq(policy_network(again, "n")->range_count, 3);
	char *same = policy_text(again);
	ck_assert_str_eq(same, printed);
	free(same);
	free(printed);
	policy_free(again);
	policy_free(policy);
}
END_TEST

START_TEST(mistakes_in_list_files_name_list_and_line)
{
	write_file("a.conf",
	           GATEWAY NOBODY "networks = { n = { file = [ \"list\",\n\"none\" ]; }; };");
	write_file("list",
	           "192.0.2.1\n192.0.2.1/24\n\nexample.net # no names\n192.0.2.1 192.0.2.2\n"
	           "10.0.0.0/8 , 11.0.0.0/8\n");
	assert_file_refused(
	        "a.conf",
	        "a.conf:3: none: cannot be opened: No such file or directory\n"
	        "list:2: 192.0.2.1/24 has host bits set; did you mean 192.0.2.0/24, or 192.0.2.1 "
	        "for "
	        "the one address?\n"
	        "list:4: \"example.net\" is no address; write one as 192.0.2.1, 192.0.2.0/24, "
	        "192.0.2.1-192.0.2.9 or 2001:db8::/64\n"
	        "list:5: \"192.0.2.1 192.0.2.2\": there must be one address, prefix or range a "
	        "line\n"
	        "list:6: \"10.0.0.0/8 , 11.0.0.0/8\": there must be one address, prefix or range a "
	        "line\n");
	write_file("list", "\xef\xbb\xbf"
	                   "192.0.2.1\n");
	assert_file_refused("a.conf",
	                    "a.conf:3: none: cannot be opened: No such file or directory\n"
	                    "list:1: the file begins with a UTF-8 byte order mark; save it "
	                    "without one\n");
}
END_TEST

START_TEST(a_list_of_a_million_lines_loads)
{
	write_file("a.conf", GATEWAY NOBODY "networks = { n = { file = \"list\"; }; };");
	FILE *list = fopen("list", "we");
	ck_assert_ptr_nonnull(list);
	for (unsigned i = 0; i < 1000000; i++) {
		unsigned address = i * 2654435761u;
		fprintf(list, "%u.%u.%u.%u\n", address >> 24, address >> 16 & 255,
		        address >> 8 & 255, address & 255);
	}
	ck_assert_int_eq(fclose(list), 0);
	struct policy *policy = assert_file_loads("a.conf", NULL);
	ck_assert_uint_eq(policy->networks.items[0].listed_count, 1000000);
	ck_assert_uint_gt(policy->networks.items[0].range_count, 900000);
	policy_free(policy);
}
END_TEST

START_TEST(the_digest_changes_with_every_file)
{
	write_file("a.conf", GATEWAY NOBODY "networks = { n = { file = \"list\"; }; };");
	write_file("list", "192.0.2.1\n");
	struct policy *first = assert_file_loads("a.conf", NULL);
	struct policy *same = assert_file_loads("a.conf", NULL);
	write_file("list", "192.0.2.2\n");
	struct policy *other = assert_file_loads("a.conf", NULL);
	ck_assert_str_eq(first->digest, same->digest);
	ck_assert_str_ne(first->digest, other->digest);
	policy_free(first);
	policy_free(same);
	policy_free(other);

	/* SHA-256 of the one file, as sha256sum(1) gives it. */
	write_file("b.conf", "gateway = { inside = \"lan0\"; }; roles = { }; hosts = ( );\n");
	struct policy *plain = assert_file_loads("b.conf", NULL);
	FILE *sum = popen("sha256sum < b.conf", "re");
	char expected[65] = "";
	ck_assert_ptr_nonnull(sum);
	ck_assert_uint_eq(fread(expected, 1, 64, sum), 64);
	ck_assert_int_eq(pclose(sum), 0);
	ck_assert_str_eq(plain->digest, expected);
	policy_free(plain);
}
END_TEST

START_TEST(every_mistake_of_every_file_is_reported_at_once)
{
	write_file("a.conf", GATEWAY "\ninclude = [ \"b.conf\", \"c.conf\" ];\n"
	                             "hosts = ( { name = \"h\"; role = \"r\"; address = "
	                             "\"192.0.2.1/8\"; } );\n");
	write_file("b.conf", "roles = { r = { outbond = 1; }; };\n");
	write_file("c.conf", "networks = { n = [ };\n");
	assert_file_refused(
	        "a.conf", "a.conf:3: 192.0.2.1/8 has host bits set; did you mean 192.0.0.0/8, or "
	                  "192.0.2.1 for the one address?\n"
	                  "b.conf:1: unknown key \"outbond\" in a role; did you mean \"outbound\" "
	                  "(what its hosts may initiate)?\n"
	                  "c.conf:1: \"}\" cannot close the \"[\" of line 1; \"]\" is missing "
	                  "before\n");
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("files");
	tcase_set_timeout(tests, 120);
	tcase_add_checked_fixture(tests, enter_folder, leave_folder);
	tcase_add_test(tests, what_is_no_regular_file_is_told_what_it_is);
	tcase_add_test(tests, a_file_that_others_may_write_is_refused);
	tcase_add_test(tests, a_file_over_64_mib_is_refused);
	tcase_add_test(tests, a_symbolic_link_is_followed);
	tcase_add_test(tests, included_files_are_merged_and_all_paths_are_told);
	tcase_add_test(tests, a_pattern_matches_no_copy_that_was_left_beside_a_file);
	tcase_add_test(tests, what_two_files_define_is_named_with_both_places);
	tcase_add_test(tests, a_file_is_included_once_and_not_by_itself);
	tcase_add_test(tests, too_many_files_in_a_row_are_refused);
	tcase_add_test(tests, an_include_that_cannot_be_read_is_told_at_the_line_that_names_it);
	tcase_add_test(tests, a_folder_with_wildcards_in_its_name_is_taken_literally);
	tcase_add_test(tests, list_files_are_read_line_by_line);
	tcase_add_test(tests, mistakes_in_list_files_name_list_and_line);
	tcase_add_test(tests, a_list_of_a_million_lines_loads);
	tcase_add_test(tests, the_digest_changes_with_every_file);
	tcase_add_test(tests, every_mistake_of_every_file_is_reported_at_once);
	return run_tests(tests);
}
