/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What an event costs without the kernel's part: datagrams of the packet log as the kernel fills
 * them in a flood, read again by what the daemon reads them with, from the record over attempt and
 * ledger to the detectors. Prints one line of JSON. For counting instructions:
 *
 *	valgrind --tool=callgrind --toggle-collect=nflog_datagram_read replay ...
 */
#include "alarms.h"
#include "intake.h"
#include "kernel/nflog_datagram.h"
#include "kernel/wire.h"
#include "policy/load.h"

#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <getopt.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_log.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define DATAGRAM_RECORDS 512 /* as the daemon asks the kernel for them */
#define RATE             300000
#define START            UINT64_C(1750000000) /* seconds */
#define SOURCE           0x0a000100           /* 10.0.1.0, as in office.py */
#define DESTINATION      0xcb007100           /* 203.0.113.0 */
#define SOURCE_PORTS     60000                /* flows from a source to a destination */
#define FIRST_PORT       1024
#define PORT             25

struct options {
	const char *config;
	uint32_t packets;
	uint32_t sources;
	uint32_t period; /* after so many packets the same ones come again */
};

static void fail(const char *what, int error)
{
	fprintf(stderr, "replay: %s: %s\n", what, strerror(-error));
	exit(EXIT_FAILURE);
}

static uint32_t number(const char *text)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);
	if (*end || !value || value > UINT32_MAX) {
		fprintf(stderr, "replay: %s is no number from 1 on\n", text);
		exit(EXIT_FAILURE);
	}
	return (uint32_t)value;
}

static struct options parse(int argc, char **argv)
{
	static const struct option names[] = {
	        {"config", required_argument, NULL, 'c'},
	        {"packets", required_argument, NULL, 'n'},
	        {"sources", required_argument, NULL, 's'},
	        {"period", required_argument, NULL, 'p'},
	        {},
	};
	struct options options = {.packets = 1000000, .sources = 50000, .period = UINT32_MAX};
	for (int c; (c = getopt_long(argc, argv, "", names, NULL)) != -1;) {
		switch (c) {
		case 'c':
			options.config = optarg;
			break;
		case 'n':
			options.packets = number(optarg);
			break;
		case 's':
			options.sources = number(optarg);
			break;
		case 'p':
			options.period = number(optarg);
			break;
		default:
			exit(EXIT_FAILURE);
		}
	}
	if (!options.config || optind != argc) {
		fprintf(stderr, "Usage: replay --config FILE [--packets N] [--sources N] "
		                "[--period N]\n");
		exit(EXIT_FAILURE);
	}
	return options;
}

/* The same packets as the generator's. */
static void put_packet(struct wire *wire, const struct options *options, uint32_t packet)
{
	struct {
		struct iphdr ip;
		struct udphdr udp;
		uint8_t data[18];
	} bytes = {};
	uint32_t turn = packet % options->period;
	uint32_t scattered = turn * 0x9e3779b1;
	uint32_t source = SOURCE + (scattered ^ scattered >> 15) % options->sources;

	bytes.ip = (struct iphdr){.version = 4, .ihl = 5, .ttl = 63, .protocol = IPPROTO_UDP};
	bytes.ip.tot_len = htons(sizeof(bytes));
	bytes.ip.saddr = htonl(source);
	bytes.ip.daddr = htonl(DESTINATION + turn / SOURCE_PORTS);
	bytes.udp.source = htons((uint16_t)(FIRST_PORT + turn % SOURCE_PORTS));
	bytes.udp.dest = htons(PORT);
	bytes.udp.len = htons(sizeof(bytes) - sizeof(bytes.ip));
	wire_put(wire, NFULA_PAYLOAD, &bytes, sizeof(bytes));
}

/* What nfnetlink_log of Linux 6.18 puts into a message, in its order. */
static void put_record(struct wire *wire, const struct options *options, uint32_t packet)
{
	const struct nfulnl_msg_packet_hdr header = {.hw_protocol = htons(0x0800), .hook = 2};
	const struct nfulnl_msg_packet_hw sender = {.hw_addrlen = htons(6),
	                                            .hw_addr = {2, 0, 0, 0, 1, 2}};
	const uint8_t ethernet[14] = {2, 0, 0, 0, 1, 1, 2, 0, 0, 0, 1, 2, 8, 0};
	uint64_t usec = (uint64_t)packet * 1000000 / RATE;
	const struct nfulnl_msg_packet_timestamp stamp = {.sec = htobe64(START + usec / 1000000),
	                                                  .usec = htobe64(usec % 1000000)};

	wire_begin(wire, NFNL_SUBSYS_ULOG, NFULNL_MSG_PACKET, 0, AF_INET, 100, 0);
	wire_put(wire, NFULA_PACKET_HDR, &header, sizeof(header));
	wire_string(wire, NFULA_PREFIX, "egressd role desk");
	wire_u32(wire, NFULA_IFINDEX_INDEV, 1);
	wire_u32(wire, NFULA_IFINDEX_OUTDEV, 1);
	wire_put(wire, NFULA_HWADDR, &sender, sizeof(sender));
	wire_u16(wire, NFULA_HWTYPE, 1);
	wire_u16(wire, NFULA_HWLEN, sizeof(ethernet));
	wire_put(wire, NFULA_HWHEADER, ethernet, sizeof(ethernet));
	wire_put(wire, NFULA_TIMESTAMP, &stamp, sizeof(stamp));
	wire_u32(wire, NFULA_SEQ, packet);
	put_packet(wire, options, packet);
	wire_end(wire);
	if (wire->error < 0)
		fail("a record", wire->error);
}

static void hear(const struct alarm *alarm, enum alarm_change change, void *userdata)
{
}

static uint64_t attempts;

static struct expected_source expect(const struct address *source, void *userdata)
{
	return alarms_expect(userdata, source);
}

static void approach(const struct expected_source *expected, const struct stream *stream,
                     void *userdata)
{
	alarms_approach(userdata, expected, stream);
}

static void take_attempt(const struct ledger_entry *entry, const struct sighting *sighting,
                         void *userdata)
{
	attempts++;
	alarms_take_attempt(userdata, ledger_noted(entry), sighting);
}

static void take_records(const struct record *records, size_t count, void *userdata)
{
	intake_take(userdata, records, count);
}

static struct policy *load(const char *file)
{
	struct problems problems = {};
	struct policy *policy = NULL;
	int r = policy_load(file, NULL, &problems, &policy);
	if (r < 0)
		fail(file, r);
	if (r == POLICY_REJECTED) {
		fprintf(stderr, "replay: %s has mistakes\n", file);
		exit(EXIT_FAILURE);
	}
	return policy;
}

static uint64_t spent(void)
{
	struct timespec now;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

int main(int argc, char **argv)
{
	const struct options options = parse(argc, argv);
	struct policy *policy = load(options.config);
	const struct intake_hooks hooks = {expect, approach, take_attempt};
	struct nflog_numbers numbers = {};
	struct wire wire = {};
	struct intake *intake;
	struct alarms *alarms;
	sd_event *event;
	uint64_t nanoseconds = 0;

	int r = sd_event_default(&event);
	if (r >= 0)
		r = alarms_new(event, hear, NULL, &alarms);
	if (r >= 0)
		r = alarms_use_policy(alarms, policy);
	if (r >= 0)
		r = intake_new(&hooks, alarms, &intake);
	if (r >= 0)
		r = intake_use_policy(intake, policy);
	if (r < 0)
		fail("the tables", r);

	for (uint32_t packet = 0; packet < options.packets;) {
		wire.length = 0;
		for (unsigned i = 0; i < DATAGRAM_RECORDS && packet < options.packets; i++)
			put_record(&wire, &options, packet++);
		uint64_t before = spent();
		nflog_datagram_read(&numbers, wire.bytes, wire.length, 0, take_records, intake);
		nanoseconds += spent() - before;
	}
	printf("{\"events\": %llu, \"attempts\": %llu, \"nanoseconds\": %.1f}\n",
	       (unsigned long long)intake_received(intake), (unsigned long long)attempts,
	       (double)nanoseconds / options.packets);

	wire_done(&wire);
	intake_free(intake);
	alarms_free(alarms);
	sd_event_unref(event);
	policy_free(policy);
	return EXIT_SUCCESS;
}
