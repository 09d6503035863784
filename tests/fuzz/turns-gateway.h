/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_FUZZ_TURNS_GATEWAY_H
#define EGRESSD_FUZZ_TURNS_GATEWAY_H

#include "daemon.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * What is around the daemon that runs within the fuzzer: its files, its clients, and clocks that
 * stand still until they are told to go on. All of it is one daemon's: there is no second one.
 */

/* Makes an empty state directory and the first configuration; one daemon after the other may run in
 * it, until the next call. */
const struct options *gateway_begin(void);

/* Every span of time from now on is of these clocks, until gateway_end(). */
void gateway_pass_time(uint64_t microseconds);
void gateway_set_clock(int64_t microseconds); /* the time of day alone, forward or back */
uint64_t gateway_time_of_day(void);
void gateway_end(void);

/*
 * Writes another configuration. Each has other names than the one before, so that none of a policy
 * that is gone is right by chance; the bits say what else differs, and that it has a mistake.
 */
void gateway_write_configuration(uint8_t bits);

/* A name of a role of the configuration that was written last. */
const char *gateway_role(bool web);

/* Of the programs that on_alarm runs, the first one ends, with that status. */
void gateway_end_program(uint8_t status);

/* Clients by number: each is connected when it says something, and can be told to read, or leave.
 */
#define GATEWAY_CLIENTS 4
void gateway_say(unsigned client, uint8_t what, uint8_t parameter);
void gateway_read(unsigned client, size_t bytes);
void gateway_leave(unsigned client);
void gateway_leave_all(void);

/* What the state directory holds is whole, and has only names that some configuration had. */
void gateway_check_state(void);

#endif
