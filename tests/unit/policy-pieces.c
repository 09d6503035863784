/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/digest.h"
#include "policy/pieces.h"
#include "policy-text.h"

#include <stdarg.h>

#define HOSTS 5000 /* of about 130 bytes each: several pieces */

#define HEAD  "gateway = { inside = [ \"lan0\" ]; };\n"
#define ROLES "roles = { r = { }; };\n"

/* Hosts h0, h1, ... of four lines each, one of them another text; behind them what is in the tail.
 */
static char *long_list(unsigned other, const char *text, const char *tail)
{
	char *whole = NULL;
	size_t size = 0;
	FILE *stream = open_memstream(&whole, &size);
	ck_assert_ptr_nonnull(stream);
	fputs(HEAD "hosts\n= ( # the first is in line 3\n", stream);
	for (unsigned i = 0; i < HOSTS; i++) {
		if (i == other)
			fprintf(stream, "%s\n\n\n", text);
		else
			fprintf(stream,
			        "{ name = \"h%u\" # ), { \" in a comment\n"
			        ";\trole = \"r\";\n"
			        "  address = [ /* , */ \"10.0.%u.%u\"\n"
			        ", \"2001:db8::%x\" ]; }",
			        i, i / 256, i % 256, i);
		fputs(i + 1 < HOSTS ? i % 3 ? ",\n" : "\n, " : "\n", stream);
	}
	fprintf(stream, "/* the end\n */ );\n%s", tail);
	ck_assert_int_eq(fclose(stream), 0);
	ck_assert_uint_gt(size, 4 * PIECE_BYTES_MOST);
	return whole;
}

/* In which line a host begins: a comma in a line of its own makes the next one begin there. */
static unsigned line_of(unsigned host)
{
	return 4 + 4 * host;
}

START_TEST(hosts_of_a_long_list_stand_in_their_order_and_lines)
{
	char *text = long_list(HOSTS, "", ROLES);
	struct policy *policy = assert_loads(text);
	ck_assert_uint_eq(policy->hosts.count, HOSTS);
	for (unsigned i = 0; i < HOSTS; i++) {
		const struct host *host = &policy->hosts.items[i];
		char name[16];
		snprintf(name, sizeof(name), "h%u", i);
		ck_assert_str_eq(host->name, name);
		ck_assert_uint_eq(host->at.line, line_of(i));
		ck_assert_uint_eq(host->role_line, line_of(i) + 1);
		ck_assert_uint_eq(host->ranges[0].line, line_of(i) + 2);
		ck_assert_uint_eq(host->ranges[1].line, line_of(i) + 3);
	}
	/* What follows the list stands where it stood. */
	ck_assert_uint_eq(policy->roles.items[0].at.line, line_of(HOSTS) + 2);
	policy_free(policy);
	free(text);
}
END_TEST

static void assert_long_list_refused(unsigned other, const char *text, const char *tail,
                                     const char *format, ...)
{
	char expected[512];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(expected, sizeof(expected), format, arguments);
	va_end(arguments);
	char *whole = long_list(other, text, tail);
	assert_refused(whole, expected);
	free(whole);
}

START_TEST(mistakes_far_down_a_long_list_are_named_with_their_lines)
{
	unsigned far = HOSTS - 2;
	assert_long_list_refused(
	        far, "{ name = \"x\"; role = \"nobody\"; address = \"10.1.0.0\"; }", ROLES,
	        "a.conf:%u: host \"x\" has the unknown role \"nobody\"\n", line_of(far));
	assert_long_list_refused(far, "{ name = \"h7\"; role = \"r\"; address = \"10.1.0.0\"; }",
	                         ROLES, "a.conf:%u: host \"h7\" is already defined at a.conf:%u\n",
	                         line_of(far), line_of(7));
	assert_long_list_refused(far, "{ name = \"x\"; role = \"r\"; address = \"10.0.0.9\"; }",
	                         ROLES, "a.conf:%u: 10.0.0.9 is already host \"h9\" at a.conf:%u\n",
	                         line_of(far), line_of(9) + 2);
	assert_long_list_refused(
	        far, "\"x\"", ROLES,
	        "a.conf:%u: \"hosts\" must be a list of groups, as in ( { name = \"www1\"; role = "
	        "\"web\"; address = \"192.0.2.80\"; } )\n",
	        line_of(far));
	assert_long_list_refused(far, "{ name = \"x\"; address = [ \"10.1.0.0\", 7 ]; }", ROLES,
	                         "a.conf:%u: mismatched element type in array: values of one list "
	                         "in [ ] must be of one kind\n",
	                         line_of(far));
	assert_long_list_refused(far, "{ name \"x\" }", ROLES,
	                         "a.conf:%u: there must be \"=\" between \"name\" and \"x\"\n",
	                         line_of(far));
}
END_TEST

START_TEST(mistakes_behind_a_long_list_are_named_with_their_lines)
{
	assert_long_list_refused(HOSTS, "", ROLES "role = { };\n",
	                         "a.conf:%u: unknown key \"role\" in the file; did you mean "
	                         "\"roles\" (what hosts may initiate)?\n",
	                         line_of(HOSTS) + 3);
	assert_long_list_refused(HOSTS, "", ROLES "hosts = ( );\n",
	                         "a.conf:%u: \"hosts\" is already defined in the same group at "
	                         "a.conf:2\n",
	                         line_of(HOSTS) + 3);
}
END_TEST

static void assert_digest(const char *bytes, size_t count, const char *expected)
{
	struct digest digest;
	char hex[DIGEST_TEXT_BYTES];
	digest_start(&digest);
	digest_add(&digest, bytes, count);
	digest_end(&digest, hex);
	ck_assert_str_eq(hex, expected);
}

/* The examples of FIPS 180-2, appendix B, and the empty text. */
START_TEST(the_digest_is_sha_256)
{
	static char million[1000000];
	const char *two = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
	memset(million, 'a', sizeof(million));
	assert_digest("", 0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	assert_digest("abc", 3, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	assert_digest(two, strlen(two),
	              "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
	assert_digest(million, sizeof(million),
	              "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}
END_TEST

START_TEST(a_digest_is_the_same_in_whatever_parts_it_is_made)
{
	char bytes[400], whole[DIGEST_TEXT_BYTES], parts[DIGEST_TEXT_BYTES];
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (char)(i * 167 + 13);
	struct digest digest;
	digest_start(&digest);
	for (size_t i = 0; i < sizeof(bytes); i++)
		digest_add(&digest, &bytes[i], 1); /* never a whole block */
	digest_end(&digest, whole);
	for (size_t cut = 0; cut <= sizeof(bytes); cut++) {
		digest_start(&digest);
		digest_add(&digest, bytes, cut);
		digest_add(&digest, bytes + cut, sizeof(bytes) - cut);
		digest_end(&digest, parts);
		ck_assert_str_eq(parts, whole);
	}
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("pieces");
	tcase_set_timeout(tests, 60);
	tcase_add_test(tests, hosts_of_a_long_list_stand_in_their_order_and_lines);
	tcase_add_test(tests, mistakes_far_down_a_long_list_are_named_with_their_lines);
	tcase_add_test(tests, mistakes_behind_a_long_list_are_named_with_their_lines);
	tcase_add_test(tests, the_digest_is_sha_256);
	tcase_add_test(tests, a_digest_is_the_same_in_whatever_parts_it_is_made);
	return run_tests(tests);
}
