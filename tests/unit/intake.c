/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "intake.h"

#include "policy-text.h"
#include "random.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <stdio.h>

/*
 * Records are taken many at once, which must not show: what comes of them is what comes of each
 * alone. The ledger is smaller than what comes, so that in a batch entries make room for others and
 * come again; but no source has its share of it, for who shares a group with whom is chance
 * (recent.h). Attempts have room for all, for which of them meet in a bucket is chance as well
 * (tried.h); they end when they have not been seen for a while.
 */
#define POLICY                                                                                     \
	"gateway = { inside = [ \"lan0\" ]; ledger = { entries = 384; attempts = 65536; }; };\n"   \
	"roles = { desk = { mode = \"audit\"; }; web = { inbound = [ ]; }; };\n"                   \
	"hosts = ( { name = \"office\"; role = \"desk\"; address = [ \"10.0.0.0/26\" ]; },\n"      \
	"  { name = \"www\"; role = \"web\"; address = [ \"10.0.0.7\" ]; },\n"                     \
	"  { name = \"laptop\"; role = \"desk\"; mac = [ \"02:00:00:00:00:09\" ]; } );\n"

enum { RECORDS = 20000, HEARD_BYTES = 128 };

/* A record with the memory that it borrows. */
struct sent {
	struct record record;
	struct {
		struct iphdr ip;
		struct udphdr udp;
	} packet;
};

struct listener {
	unsigned count;
	unsigned passed;
	uint64_t sum; /* of all that was heard, in its order */
};

static void hear(const struct ledger_entry *entry, const struct sighting *sighting, void *userdata)
{
	struct listener *listener = userdata;
	char text[HEARD_BYTES], source[ADDRESS_TEXT_MAX];
	int n = snprintf(
	        text, sizeof(text), "%s %s %s %u %llu %llu", ledger_host(entry), ledger_role(entry),
	        address_print(&ledger_noted(entry)->key.source, source),
	        ledger_noted(entry)->source_port, (unsigned long long)ledger_noted(entry)->attempts,
	        (unsigned long long)ledger_noted(entry)->last);
	ck_assert_int_lt(n, (int)sizeof(text));
	ck_assert_str_eq(ledger_host(entry), sighting->host ? sighting->host->name : "");
	listener->count++;
	listener->passed += sighting->passed;
	for (int i = 0; i < n; i++)
		listener->sum = listener->sum * 31 + (unsigned char)text[i];
}

static void draw(struct random *random, unsigned number, struct sent *ret_sent)
{
	static const char *const prefixes[] = {"egressd role desk",   "egressd role web",
	                                       "egressd inbound web", "egressd unassigned",
	                                       "egressd spoofed",     "of another program"};
	struct sent sent = {
	        .packet.ip = {.version = 4, .ihl = 5, .protocol = IPPROTO_UDP},
	        .record = {.prefix = prefixes[random_below(random, 6)],
	                   .interface = 1 + random_below(random, 2),
	                   .has_mac = random_below(random, 4) != 0,
	                   .mac = {{2, 0, 0, 0, 0, (uint8_t)random_below(random, 12)}},
	                   .time = 1000000 + (usec_t)number * 20000},
	};
	sent.packet.ip.tot_len = htons(sizeof(sent.packet));
	sent.packet.ip.saddr = htonl(0x0a000000 + random_below(random, 80));
	sent.packet.ip.daddr = htonl(random_below(random, 2) ? 0xcb007100 : 0x0a000007);
	sent.packet.udp.source = htons((uint16_t)(1024 + random_below(random, 2)));
	sent.packet.udp.dest = htons(9);
	/* Now and then what is no packet. */
	sent.record.payload_length = random_below(random, 50) ? sizeof(sent.packet) : 7;
	*ret_sent = sent;
}

static struct intake *begin(const struct policy *policy, struct listener *listener)
{
	const struct intake_hooks hooks = {.attempt = hear};
	struct intake *intake;
	ck_assert_int_eq(intake_new(&hooks, listener, &intake), 0);
	ck_assert_int_eq(intake_use_policy(intake, policy), 0);
	return intake;
}

static void assert_same_ledgers(struct intake *a, struct intake *b)
{
	const struct ledger *one = intake_ledger(a), *other = intake_ledger(b);
	struct ledger_totals x = ledger_totals(one), y = ledger_totals(other);
	ck_assert_mem_eq(&x, &y, sizeof(x));
	const struct ledger_entry *left = ledger_first(one, NULL);
	const struct ledger_entry *right = ledger_first(other, NULL);
	for (; left && right;
	     left = ledger_next(one, NULL, left), right = ledger_next(other, NULL, right)) {
		ck_assert_mem_eq(ledger_noted(left), ledger_noted(right),
		                 sizeof(struct ledger_noted));
		ck_assert_str_eq(ledger_host(left), ledger_host(right));
		ck_assert_str_eq(ledger_role(left), ledger_role(right));
	}
	ck_assert(!left && !right);
}

START_TEST(records_taken_together_come_to_the_same_as_one_by_one)
{
	struct policy *policy = assert_loads(POLICY);
	struct random random = {7};
	struct listener each_heard = {}, all_heard = {};
	struct intake *each = begin(policy, &each_heard), *all = begin(policy, &all_heard);
	static struct sent sent[100];
	struct record records[100];

	for (unsigned done = 0; done < RECORDS;) {
		unsigned count = 1 + random_below(&random, 100);
		for (unsigned i = 0; i < count; i++) {
			draw(&random, done++, &sent[i]);
			sent[i].record.payload = (const uint8_t *)&sent[i].packet;
			records[i] = sent[i].record;
			intake_take(each, &records[i], 1);
		}
		intake_take(all, records, count);
	}
	ck_assert_uint_gt(all_heard.count, RECORDS / 10);
	ck_assert_uint_eq(all_heard.count, each_heard.count);
	ck_assert_uint_eq(all_heard.sum, each_heard.sum);
	ck_assert_uint_gt(all_heard.passed, RECORDS / 100);
	ck_assert_uint_eq(all_heard.passed, each_heard.passed);
	ck_assert_uint_eq(intake_received(all), intake_received(each));
	ck_assert_uint_gt(ledger_totals(intake_ledger(all)).other_entries, 1000);
	assert_same_ledgers(all, each);
	intake_free(each);
	intake_free(all);
	policy_free(policy);
}
END_TEST

#define MODES                                                                                      \
	"gateway = { inside = [ \"lan0\" ]; mode = \"%s\"; };\n"                                   \
	"roles = { desk = { }; trial = { mode = \"audit\"; }; shut = { inbound = [ ]; mode = "     \
	"\"enforce\"; }; own = { mode = \"enforce\"; }; };\n"                                      \
	"hosts = ( { name = \"a\"; role = \"desk\"; address = [ \"10.0.0.1\" ]; },\n"              \
	"  { name = \"b\"; role = \"trial\"; address = [ \"10.0.0.2\" ]; },\n"                     \
	"  { name = \"c\"; role = \"desk\"; address = [ \"10.0.0.3\" ]; mode = \"audit\"; },\n"    \
	"  { name = \"d\"; role = \"trial\"; address = [ \"10.0.0.4\" ]; mode = \"enforce\"; },\n" \
	"  { name = \"e\"; role = \"trial\"; mac = [ \"02:00:00:00:00:09\" ]; },\n"                \
	"  { name = \"s\"; role = \"shut\"; address = [ \"10.0.0.80\" ]; },\n"                     \
	"  { name = \"t\"; role = \"shut\"; address = [ \"10.0.0.81\" ]; mode = \"audit\"; },\n"   \
	"  { name = \"gw\"; role = \"own\"; self = true; mode = \"audit\"; } );\n"

/* Takes one record; true when it was an attempt that audit let pass. */
static bool passes(const struct policy *policy, const char *prefix, uint8_t source,
                   uint8_t destination, bool own)
{
	struct listener listener = {};
	struct intake *intake = begin(policy, &listener);
	struct sent sent = {
	        .packet.ip = {.version = 4, .ihl = 5, .protocol = IPPROTO_UDP},
	        .record = {.interface = own ? 0 : 3,
	                   .has_mac = true,
	                   .mac = {{2, 0, 0, 0, 0, 9}},
	                   .time = 1000000,
	                   .prefix = prefix,
	                   .payload_length = sizeof(sent.packet)},
	};
	sent.packet.ip.tot_len = htons(sizeof(sent.packet));
	sent.packet.ip.saddr = htonl(0x0a000000 + source);
	sent.packet.ip.daddr = htonl(0x0a000000 + destination);
	sent.packet.udp.dest = htons(9);
	sent.record.payload = (const uint8_t *)&sent.packet;
	intake_take(intake, &sent.record, 1);
	const struct ledger_entry *entry = ledger_first(intake_ledger(intake), NULL);
	ck_assert_ptr_nonnull(entry);
	ck_assert_uint_eq(ledger_noted(entry)->attempts, 1);
	bool passed = ledger_noted(entry)->passed == 1;
	ck_assert_uint_eq(listener.passed, passed);
	ck_assert_uint_eq(ledger_totals(intake_ledger(intake)).passed, passed);
	intake_free(intake);
	return passed;
}

START_TEST(whether_audit_let_an_attempt_pass_depends_on_who_was_judged_for_what)
{
	static const struct {
		const char *prefix;
		uint8_t source, destination;
		bool own, enforce, audit; /* by the gateway's mode */
	} cases[] = {
	        {"egressd role desk", 1, 200, false, false, true},
	        {"egressd blocklist desk", 1, 200, false, false, true},
	        {"egressd throttle desk", 1, 200, false, false, true},
	        {"egressd impostor desk", 1, 200, false, false, true},
	        {"egressd role trial", 2, 200, false, true, true},
	        {"egressd role desk", 3, 200, false, true, true},
	        {"egressd role trial", 4, 200, false, false, false},
	        {"egressd role trial", 99, 200, false, true, true}, /* known by its MAC */
	        {"egressd unassigned", 98, 200, false, false, true},
	        {"egressd spoofed", 2, 200, false, false, true},
	        {"egressd spoofed", 4, 200, false, false, true},
	        {"egressd quarantine trial", 2, 200, false, false, false},
	        {"egressd inbound shut", 2, 80, false, false, false},
	        {"egressd inbound shut", 4, 81, false, true, true},
	        {"egressd role own", 200, 201, true, true, true},
	        {"egressd role own", 4, 201, true, true, true}, /* another host's address */
	        {"egressd inbound shut", 200, 80, true, false, false},
	        {"egressd inbound shut", 200, 81, true, true, true},
	        {"egressd role gone", 1, 200, false, false, true},
	};
	for (unsigned audit = 0; audit < 2; audit++) {
		char text[2048];
		snprintf(text, sizeof(text), MODES, audit ? "audit" : "enforce");
		struct policy *policy = assert_loads(text);
		for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
			ck_assert_msg(passes(policy, cases[i].prefix, cases[i].source,
			                     cases[i].destination, cases[i].own) ==
			                      (audit ? cases[i].audit : cases[i].enforce),
			              "%s, case %zu, audit %u", cases[i].prefix, i, audit);
		policy_free(policy);
	}
	ck_assert(!passes(NULL, "egressd role desk", 1, 200, false));
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("intake");
	tcase_add_test(tests, records_taken_together_come_to_the_same_as_one_by_one);
	tcase_add_test(tests, whether_audit_let_an_attempt_pass_depends_on_who_was_judged_for_what);
	return run_tests(tests);
}
