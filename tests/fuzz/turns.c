/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "turns-gateway.h"
#include "turns-kernel.h"

#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <systemd/sd-event.h>
#include <unistd.h>

/*
 * The whole daemon, turn by turn. The input is what happens between the turns of its loop: packets
 * are blocked, time passes, files are saved a slice at a time, the configuration changes, clients
 * call, read and leave, the kernel refuses something, the daemon is restarted. Whatever the order,
 * nothing may be used that is gone, and what is kept has no name that no configuration had.
 *
 * Each operation is a byte and up to three more. There is no kernel: see turns-kernel.h.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define OPERATIONS_MAX 200
#define TURNS_MAX      2000 /* before the daemon has to have nothing more to do */

enum operation {
	OPERATION_TURN,      /* some turns of the loop */
	OPERATION_BLOCK,     /* so many packets of one sender are blocked */
	OPERATION_CONTACT,   /* a permitted first contact */
	OPERATION_WAIT,      /* time passes */
	OPERATION_RELOAD,    /* another configuration, and somebody asks for it */
	OPERATION_EDIT,      /* another configuration, which is noticed after a while */
	OPERATION_CALL,      /* a client says something */
	OPERATION_READ,      /* a client reads some of what was answered */
	OPERATION_LEAVE,     /* a client leaves */
	OPERATION_REFUSE,    /* the kernel refuses the next commit */
	OPERATION_OTHERS,    /* others change rules */
	OPERATION_SET_CLOCK, /* somebody sets the clock */
	OPERATION_RESTART,   /* the daemon ends, and another one begins */
	OPERATION_PROGRAM,   /* a program of on_alarm ends */
};
#define OPERATION_COUNT (OPERATION_PROGRAM + 1)

static const uint8_t *input, *input_end;
static unsigned operations;
static bool restart;

/* What there is for it in the state directory is as on a disk without any delay. */
int fsync(int fd)
{
	return 0;
}

/* Nobody reads the journal: its lines are made, and given up at once (journal.c). */
int __real_poll(struct pollfd *fds, nfds_t count, int timeout);
int __wrap_poll(struct pollfd *fds, nfds_t count, int timeout);
int __wrap_poll(struct pollfd *fds, nfds_t count, int timeout)
{
	if (count == 1 && fds->fd == STDERR_FILENO)
		return 0;
	return __real_poll(fds, count, timeout);
}

static uint8_t take(void)
{
	return input < input_end ? *input++ : 0;
}

/* One turn, if there is anything to do now. */
static bool turn(sd_event *event)
{
	return sd_event_run(event, 0) > 0;
}

static void block(uint8_t who, uint8_t count, uint8_t where)
{
	static const uint8_t senders[][4] = {
	        {192, 168, 0, 11}, {192, 168, 0, 12}, {192, 0, 2, 80}, {192, 0, 2, 91},
	        {10, 9, 9, 9},     {192, 168, 0, 13}, {10, 9, 9, 10},  {198, 51, 100, 1}};
	static const enum reason reasons[] = {REASON_ROLE,    REASON_ROLE,     REASON_ROLE,
	                                      REASON_INBOUND, REASON_THROTTLE, REASON_QUARANTINE,
	                                      REASON_SPOOFED, REASON_IMPOSTOR};
	unsigned sender = who % 8;
	struct turns_packet packet = {
	        .reason = sender == 4 || sender == 6 ? REASON_UNASSIGNED : reasons[who / 8 % 8],
	        .mac = sender == 6 ? 0x25 : senders[sender][3],
	        .own = sender == 7,
	        .port = where & 1 ? 25 : 0,
	        .destination = {203, 0, 113, where},
	};
	bool role = packet.reason != REASON_UNASSIGNED && packet.reason != REASON_SPOOFED;
	packet.role = role ? gateway_role(sender == 2) : NULL;
	for (unsigned i = 0; i <= count; i++) {
		for (size_t j = 0; j < sizeof(packet.source); j++)
			packet.source[j] = senders[sender][j];
		if (where & 2) /* many hosts, else many ports of one */
			packet.destination[3] = (uint8_t)(where + i);
		if (!(where & 1))
			packet.port = (uint16_t)(1 + i);
		turns_log(&packet, gateway_time_of_day());
	}
}

static void contact(uint8_t number)
{
	const struct turns_packet packet = {
	        .contact = true,
	        .role = gateway_role(false),
	        .source = {192, 168, 0, (uint8_t)(11 + number % 3)},
	        .destination = {203, 0, 113, number},
	        .port = 80,
	};
	turns_log(&packet, gateway_time_of_day());
}

static void pass_time(uint8_t much)
{
	static const uint64_t spans[] = {1000,           100 * 1000,      1000 * 1000,
	                                 5 * 1000000,    31 * 1000000,    61 * 1000000,
	                                 600 * 1000000u, 7200 * 1000000ul};
	gateway_pass_time(spans[much % 8] + 13 * (much / 8u));
}

/* False when the daemon is to end. */
static bool operate(sd_event *event)
{
	enum operation operation = (enum operation)(take() % OPERATION_COUNT);
	uint8_t a = take();
	switch (operation) {
	case OPERATION_TURN:
		for (unsigned i = 0; i <= a % 16u; i++)
			turn(event);
		return true;
	case OPERATION_BLOCK: {
		uint8_t count = take();
		block(a, count, take());
		return true;
	}
	case OPERATION_CONTACT:
		contact(a);
		return true;
	case OPERATION_WAIT:
		pass_time(a);
		return true;
	case OPERATION_RELOAD:
		gateway_write_configuration(a);
		gateway_leave(0);
		gateway_say(0, 19, 0);
		return true;
	case OPERATION_EDIT:
		gateway_write_configuration(a);
		return true;
	case OPERATION_CALL: {
		uint8_t what = take();
		gateway_say(a % GATEWAY_CLIENTS, what, take());
		return true;
	}
	case OPERATION_READ:
		gateway_read(a % GATEWAY_CLIENTS, (size_t)1 << (a / GATEWAY_CLIENTS % 20));
		return true;
	case OPERATION_LEAVE:
		gateway_leave(a % GATEWAY_CLIENTS);
		return true;
	case OPERATION_REFUSE:
		turns_refuse(a);
		return true;
	case OPERATION_OTHERS:
		turns_others_commit();
		return true;
	case OPERATION_SET_CLOCK:
		gateway_set_clock(((int64_t)a - 128) * 3600 * 1000000);
		return true;
	case OPERATION_RESTART:
		restart = true;
		return false;
	case OPERATION_PROGRAM:
		gateway_end_program(a % 3);
		return true;
	}
	abort(); /* no other value is ever made */
}

/*
 * In the place of libsystemd's: the loop of a daemon that has started. In the end it has some turns
 * more, for what was begun.
 */
int sd_event_loop(sd_event *event)
{
	while (input < input_end && operations++ < OPERATIONS_MAX)
		if (!operate(event))
			return 0;
	for (unsigned i = 0; i < TURNS_MAX && turn(event); i++)
		;
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	sigset_t mask;
	sigprocmask(SIG_SETMASK, NULL, &mask);
	input = data;
	input_end = data + size;
	operations = 0;
	turns_kernel_reset();
	const struct options *options = gateway_begin();
	do {
		restart = false;
		(void)daemon_run(options);
		gateway_leave_all();
		gateway_check_state();
	} while (restart);
	gateway_end();
	sigprocmask(SIG_SETMASK, &mask, NULL); /* the fuzzer's own signals */
	return 0;
}
