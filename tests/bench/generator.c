/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Makes packets as if they came in through an interface, and says how long the kernel needed for
 * them. The packets are live XDP frames (BPF_PROG_TEST_RUN with BPF_F_TEST_XDP_LIVE_FRAMES): the
 * thread that makes them also forwards them, so that wall time divided by packets is what one
 * packet costs, with a small and constant share for making it.
 */
#include "bpf.h"
#include "program.h"

#include <arpa/inet.h>
#include <getopt.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>

#define EXIT_USAGE        2
#define BATCH             64
#define FLOOD_PORTION     10000
#define PORTIONS_A_SECOND 5 /* when the rate is given; to begin one takes some 25 ms */
#define NSEC_PER_SEC      1000000000

struct options {
	const char *device;
	struct series series;
	uint64_t first;
	uint32_t count;
	uint32_t rate; /* packets a second; 0: as fast as it goes */
	int processor;
	bool flood;
};

static volatile sig_atomic_t ended;

static void end(int number)
{
	(void)number;
	ended = 1;
}

static _Noreturn void usage(void)
{
	fputs("Usage: generator --device NAME --source A.B.C.D --destination A.B.C.D --port N\n"
	      "                 [--hosts N] [--source-port N] [--other-port N] [--first N]\n"
	      "                 [--period N] [--processor N] [--rate N]\n"
	      "                 (--count N | --flood)\n"
	      "\n"
	      "Makes UDP packets from addresses that begin with the source, as if they came in\n"
	      "through the device, each of a flow of its own. Prints one line of JSON: how many,\n"
	      "and the nanoseconds each took (in a flood, those of the last 10,000). --flood goes\n"
	      "on until SIGTERM. --rate holds it to so many a second, where that can be reached.\n",
	      stderr);
	exit(EXIT_USAGE);
}

static uint32_t number(const char *word, uint32_t maximum)
{
	char *rest;
	unsigned long value = strtoul(word, &rest, 10);

	if (*rest != '\0' || rest == word || value > maximum)
		usage();
	return (uint32_t)value;
}

static uint32_t address(const char *word)
{
	struct in_addr parsed;

	if (inet_pton(AF_INET, word, &parsed) != 1)
		usage();
	return ntohl(parsed.s_addr);
}

static struct options parse(int argc, char **argv)
{
	enum {
		DEVICE = 1,
		SOURCE,
		HOSTS,
		DESTINATION,
		SOURCE_PORT,
		PORT,
		OTHER_PORT,
		FIRST,
		PERIOD,
		PROCESSOR,
		RATE,
		COUNT,
		FLOOD
	};
	static const struct option table[] = {
	        {"device", required_argument, NULL, DEVICE},
	        {"source", required_argument, NULL, SOURCE},
	        {"hosts", required_argument, NULL, HOSTS},
	        {"destination", required_argument, NULL, DESTINATION},
	        {"source-port", required_argument, NULL, SOURCE_PORT},
	        {"port", required_argument, NULL, PORT},
	        {"other-port", required_argument, NULL, OTHER_PORT},
	        {"first", required_argument, NULL, FIRST},
	        {"period", required_argument, NULL, PERIOD},
	        {"processor", required_argument, NULL, PROCESSOR},
	        {"rate", required_argument, NULL, RATE},
	        {"count", required_argument, NULL, COUNT},
	        {"flood", no_argument, NULL, FLOOD},
	        {},
	};
	struct options options = {
	        .series = {.hosts = 1, .source_port = 1024},
	        .processor = -1,
	};
	struct series *series = &options.series;
	int option;

	while ((option = getopt_long(argc, argv, "", table, NULL)) != -1) {
		switch (option) {
		case DEVICE:
			options.device = optarg;
			break;
		case SOURCE:
			series->source = address(optarg);
			break;
		case HOSTS:
			series->hosts = number(optarg, 1 << 24);
			break;
		case DESTINATION:
			series->destination = address(optarg);
			break;
		case SOURCE_PORT:
			series->source_port = (uint16_t)number(optarg, UINT16_MAX - SOURCE_PORTS);
			break;
		case PORT:
			series->port = (uint16_t)number(optarg, UINT16_MAX);
			break;
		case OTHER_PORT:
			series->other_port = (uint16_t)number(optarg, UINT16_MAX);
			break;
		case FIRST:
			options.first = number(optarg, UINT32_MAX);
			break;
		case PERIOD:
			series->period = number(optarg, INT32_MAX);
			break;
		case PROCESSOR:
			options.processor = (int)number(optarg, CPU_SETSIZE - 1);
			break;
		case RATE:
			options.rate = number(optarg, INT32_MAX);
			break;
		case COUNT:
			options.count = number(optarg, INT32_MAX);
			break;
		case FLOOD:
			options.flood = true;
			break;
		default:
			usage();
		}
	}
	if (optind < argc || options.device == NULL || series->source == 0 ||
	    series->destination == 0 || series->port == 0 || series->hosts == 0 ||
	    (options.count == 0) != options.flood)
		usage();
	if (series->other_port == 0)
		series->other_port = series->port;
	return options;
}

static void fail(const char *what, int r)
{
	fprintf(stderr, "generator: %s: %s\n", what, strerror(-r));
	exit(EXIT_FAILURE);
}

static uint32_t find_device(const char *name, uint8_t ret_mac[6])
{
	struct ifreq request = {};
	uint32_t index = if_nametoindex(name);

	if (index == 0)
		fail(name, -errno);
	strncpy(request.ifr_name, name, IFNAMSIZ - 1);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || ioctl(fd, SIOCGIFHWADDR, &request) < 0)
		fail(name, -errno);
	close(fd);
	memcpy(ret_mac, request.ifr_hwaddr.sa_data, 6);
	return index;
}

static int create_counter(uint64_t first)
{
	uint32_t key = 0;
	union bpf_attr create = {
	        .map_type = BPF_MAP_TYPE_ARRAY,
	        .key_size = sizeof(key),
	        .value_size = sizeof(first),
	        .max_entries = 1,
	};

	int fd = bpf(BPF_MAP_CREATE, &create);
	if (fd < 0)
		fail("a counter", fd);
	union bpf_attr update = {
	        .map_fd = (uint32_t)fd,
	        .key = (uintptr_t)&key,
	        .value = (uintptr_t)&first,
	};
	int r = bpf(BPF_MAP_UPDATE_ELEM, &update);
	if (r < 0)
		fail("the counter", r);
	return fd;
}

/*
 * The kernel takes live frames only for a device that has receive queues for XDP, and a veth has
 * these while a program is attached to it. It is detached when this process ends.
 */
static void open_queues(uint32_t device)
{
	int program = program_load_pass();
	if (program < 0)
		fail("the program that passes", program);
	union bpf_attr attr = {
	        .link_create =
	                {
	                        .prog_fd = (uint32_t)program,
	                        .target_ifindex = device,
	                        .attach_type = BPF_XDP,
	                },
	};
	int r = bpf(BPF_LINK_CREATE, &attr);
	if (r < 0)
		fail("attaching to the device", r);
}

static void stay_on(int processor)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET((size_t)processor, &set);
	if (sched_setaffinity(0, sizeof(set), &set) < 0)
		fail("the processor", -errno);
}

/* Ahead of everything else on this processor that is not the kernel's. */
static void go_first(void)
{
	const struct sched_param first = {.sched_priority = 1};

	if (sched_setscheduler(0, SCHED_FIFO, &first) < 0)
		fail("the priority", -errno);
}

/* Returns the nanoseconds a packet took. Preparing and cleaning up are not among them. */
static uint32_t run(int program, uint32_t device, uint32_t count)
{
	uint8_t frame[FRAME_LENGTH] = {};
	struct xdp_md context = {.data_end = sizeof(frame), .ingress_ifindex = device};
	union bpf_attr attr = {
	        .test =
	                {
	                        .prog_fd = (uint32_t)program,
	                        .repeat = count,
	                        .data_in = (uintptr_t)frame,
	                        .data_size_in = sizeof(frame),
	                        .ctx_in = (uintptr_t)&context,
	                        .ctx_size_in = sizeof(context),
	                        .flags = BPF_F_TEST_XDP_LIVE_FRAMES,
	                        .batch_size = BATCH,
	                },
	};

	int r = bpf(BPF_PROG_TEST_RUN, &attr);
	/* A signal ends a flood, wherever it is. */
	if (r < 0 && !(r == -EINTR && ended))
		fail("live frames", r);
	return attr.test.duration;
}

/* The same in portions, each of which begins when its time has come. */
static uint32_t run_paced(int program, uint32_t device, const struct options *options)
{
	uint32_t portion = options->rate / PORTIONS_A_SECOND + 1;
	uint64_t nanoseconds = 0;
	struct timespec start, at;

	clock_gettime(CLOCK_MONOTONIC, &start);
	for (uint32_t done = 0; done < options->count; done += portion) {
		uint64_t after =
		        (uint64_t)done * NSEC_PER_SEC / options->rate + (uint64_t)start.tv_nsec;
		at.tv_sec = start.tv_sec + (time_t)(after / NSEC_PER_SEC);
		at.tv_nsec = (long)(after % NSEC_PER_SEC);
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL);
		if (portion > options->count - done)
			portion = options->count - done;
		nanoseconds += (uint64_t)portion * run(program, device, portion);
	}
	return (uint32_t)(nanoseconds / options->count);
}

static uint64_t packets(int counter)
{
	uint32_t key = 0;
	uint64_t value = 0;
	union bpf_attr attr = {
	        .map_fd = (uint32_t)counter,
	        .key = (uintptr_t)&key,
	        .value = (uintptr_t)&value,
	};

	int r = bpf(BPF_MAP_LOOKUP_ELEM, &attr);
	if (r < 0)
		fail("the counter", r);
	return value;
}

int main(int argc, char **argv)
{
	struct options options = parse(argc, argv);
	uint32_t duration = 0;

	uint32_t device = find_device(options.device, options.series.gateway_mac);
	int counter = create_counter(options.first);
	int program = program_load(&options.series, counter);
	if (program < 0)
		fail("the program that makes packets", program);
	open_queues(device);

	if (options.processor >= 0)
		stay_on(options.processor);
	if (options.flood) {
		signal(SIGTERM, end);
		while (!ended)
			duration = run(program, device, FLOOD_PORTION);
	} else {
		/* Not in a flood: that would starve the kernel's own threads. */
		go_first();
		duration = options.rate ? run_paced(program, device, &options)
		                        : run(program, device, options.count);
	}
	printf("{\"packets\": %llu, \"nanoseconds\": %u}\n",
	       (unsigned long long)(packets(counter) - options.first), duration);
	return EXIT_SUCCESS;
}
