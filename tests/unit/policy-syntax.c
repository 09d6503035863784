/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy-text.h"

/* What one text by itself may look like: words and grammar. */

START_TEST(integers_that_libconfig_would_cut_down_are_refused)
{
	assert_refused(
	        "gateway = { inside = \"lan0\"; nflog_group = 4294967739; };\n" NOBODY,
	        "a.conf:1: the number 4294967739 of \"nflog_group\" is out of range; it must "
	        "be 0 to 2147483647\n");
	assert_refused(
	        "a = 2147483648L;\nb = 0x80000000;\nc = 0xfffffffffL;\nd = -1;\n"
	        "e = 99999999999999999999;\nf = 2147483647; g = 0x7fffffff;\n",
	        "a.conf:1: the number 2147483648L of \"a\" is out of range; it must be 0 to "
	        "2147483647\n"
	        "a.conf:2: the number 0x80000000 of \"b\" is out of range; it must be 0 to "
	        "2147483647\n"
	        "a.conf:3: the number 0xfffffffffL of \"c\" is out of range; it must be 0 to "
	        "2147483647\n"
	        "a.conf:4: the number -1 of \"d\" is out of range; it must be 0 to 2147483647\n"
	        "a.conf:5: the number 99999999999999999999 of \"e\" is out of range; it must be 0 "
	        "to "
	        "2147483647\n");
}
END_TEST

START_TEST(numbers_in_strings_and_comments_and_names_are_not_looked_at)
{
	policy_free(assert_loads(GATEWAY
	                         "# 4294967739\n// @include \"x\"\n/* 4294967739\n*/\n"
	                         "roles = { r4294967739 = { }; };\n"
	                         "hosts = ( { name = \"h4294967739\"; role = \"r4294967739\";"
	                         " self = true; } ); # @include without end of line"));
}
END_TEST

START_TEST(include_in_the_way_of_libconfig_is_refused_wherever_it_stands)
{
	assert_refused("@include \"/dev\"\n",
	               "a.conf:1: @include is not understood; use include = [ ... ]\n");
	assert_refused("\n  @include \"fifo\"\nx = 4294967739;\n",
	               "a.conf:2: @include is not understood; use include = [ ... ]\n"
	               "a.conf:3: the number 4294967739 of \"x\" is out of range; it must be "
	               "0 to 2147483647\n");
	assert_refused("gateway = { @include }\n",
	               "a.conf:1: @include is not understood; use include = [ ... ]\n");
}
END_TEST

START_TEST(comments_and_strings_without_an_end_are_named_where_they_begin)
{
	assert_refused("\n/* never\nclosed\n",
	               "a.conf:2: the comment that begins here has no end; close it with */\n");
	assert_refused("gateway = {\n inside = [ \"lan0 ];\n}; x = \"y\";\n",
	               "a.conf:2: the string that begins here has no closing quote in its line\n");
	assert_refused("a = \"x\\\"", "a.conf:1: the string that begins here has no closing quote "
	                              "in its line\n");
}
END_TEST

START_TEST(an_empty_file_is_no_policy)
{
	const char *empty = "a.conf: the file is empty: there is nothing but white space and "
	                    "comments\n";
	assert_refused("", empty);
	assert_refused(" \n\t\n", empty);
	assert_refused("# nothing\n/* at all */ // here", empty);
}
END_TEST

START_TEST(bytes_that_are_no_text_are_refused)
{
	static const char nul[] = "gateway = { };\nroles\0= { };\n";
	assert_refused_bytes(nul, sizeof(nul) - 1,
	                     "a.conf:2: there is a NUL byte here; the file must be plain text\n");
	assert_refused("\xef\xbb\xbfgateway = { };",
	               "a.conf:1: the file begins with a UTF-8 byte order mark; save it without "
	               "one\n");
	assert_refused("gateway = { };\n$", "a.conf:2: \"$\" means nothing here\n");
}
END_TEST

START_TEST(broken_grammar_is_told_in_words)
{
	static const struct {
		const char *text, *problem;
	} cases[] = {
	        {"gateway { };", "1: there must be \"=\" between \"gateway\" and \"{\""},
	        {"a = ;", "1: there must be a value between \"=\" and \";\""},
	        {"a = b;", "1: there must be a value here; write \"b\" in quotes"},
	        {"hosts = {\n { name = \"a\"; } };",
	         "2: a list of groups stands in ( ): hosts = ( { ... }, { ... } )"},
	        {"a = 1;;", "1: there must be a name here, as in NAME = ...; found \";\""},
	        {"\"a\" = 1;", "1: there must be a name here, as in NAME = ...; found \"a\""},
	        {"a = (\n1,\n);", "2: no comma may stand before \")\""},
	        {"a = (\n1\n2);",
	         "3: there must be a comma before \"2\", or \")\" to close the \"(\" of line 1"},
	        {"a = [ \"b\" \"c\" ];",
	         "1: there must be a comma before \"c\", or \"]\" to close the \"[\" of line 1"},
	        {"a = \"b\" \"c\";", "1: there must be \";\" before \"c\""},
	        {"a = { b = 1; };\n};", "2: \"}\" closes nothing"},
	        {"a = (\n{ b = 1; );",
	         "2: \")\" cannot close the \"{\" of line 2; \"}\" is missing before"},
	        {"a = {\n b = (\n 1", "2: the \"(\" that opens here is never closed"},
	        {"a", "1: the file ends after \"a\", where a value should follow"},
	        {"a =\n", "2: the file ends after \"=\", where a value should follow"},
	        {"a = [ { b = 1; } ];",
	         "1: a list in [ ] holds plain values only; write it with ( ) "
	         "to have groups in it"},
	        {"a = ((((((((((((((((1))))))))))))))));", "1: \"(\" is nested too deep"},
	        {"a = [ 1, \"b\" ];", "1: mismatched element type in array: values of one list in "
	                              "[ ] must be of one kind"},
	        {"a = 1;\nb = { c = 1;\nd = 2;\nc = 3; };\na = 4;",
	         "4: \"c\" is already defined in the same group at a.conf:2\n"
	         "a.conf:5: \"a\" is already defined in the same group at a.conf:1"},
	};
	for (size_t i = 0; i < ELEMENTS_OF(cases); i++) {
		char *expected = NULL;
		ck_assert_int_gt(asprintf(&expected, "a.conf:%s\n", cases[i].problem), 0);
		assert_refused(cases[i].text, expected);
		free(expected);
	}
}
END_TEST

START_TEST(tokens_need_no_space_between_them)
{
	assert_refused(
	        "gateway={inside=[\"a\"\"b\"];};",
	        "a.conf:1: there must be a comma before \"b\", or \"]\" to close the \"[\" of "
	        "line 1\n");
	policy_free(
	        assert_loads("gateway={inside=[\"a\"]nflog_group=7refuse=\"drop\"mode:\"audit\"}"
	                     "roles={}hosts=()"));
}
END_TEST

START_TEST(a_cut_off_file_never_loads_with_fewer_hosts)
{
	FILE *file = fopen(EGRESSD_SOURCE_ROOT "/conf/examples/office.conf", "re");
	ck_assert_ptr_nonnull(file);
	static char text[65536];
	size_t length = fread(text, 1, sizeof(text) - 1, file);
	ck_assert_int_eq(fclose(file), 0);
	text[length] = '\0';
	struct policy *whole = assert_loads(text);

	size_t loaded = 0;
	for (size_t n = 0; n < length; n++) {
		struct problems problems = {};
		struct policy *policy = NULL;
		int r = policy_load_text("office.conf", text, n, &problems, &policy);
		ck_assert_int_ge(r, 0);
		if (r == 0) {
			loaded++;
			ck_assert_uint_eq(policy->hosts.count, whole->hosts.count);
			ck_assert_uint_eq(policy->roles.count, whole->roles.count);
		} else {
			ck_assert_uint_gt(problems.list.count, 0);
		}
		policy_free(policy);
		problems_done(&problems);
	}
	ck_assert_uint_le(loaded, 2); /* without the last newline or semicolon */
	policy_free(whole);
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("syntax");
	tcase_set_timeout(tests, 120);
	tcase_add_test(tests, integers_that_libconfig_would_cut_down_are_refused);
	tcase_add_test(tests, numbers_in_strings_and_comments_and_names_are_not_looked_at);
	tcase_add_test(tests, include_in_the_way_of_libconfig_is_refused_wherever_it_stands);
	tcase_add_test(tests, comments_and_strings_without_an_end_are_named_where_they_begin);
	tcase_add_test(tests, an_empty_file_is_no_policy);
	tcase_add_test(tests, bytes_that_are_no_text_are_refused);
	tcase_add_test(tests, broken_grammar_is_told_in_words);
	tcase_add_test(tests, tokens_need_no_space_between_them);
	tcase_add_test(tests, a_cut_off_file_never_loads_with_fewer_hosts);
	return run_tests(tests);
}
