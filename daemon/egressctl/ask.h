/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSCTL_ASK_H
#define EGRESSCTL_ASK_H

#include "control/client.h"
#include "egressctl.h"

#include <jansson.h>

/* How long the daemon may take to answer: a question, and a change that the kernel has to take. */
#define ASK_USEC    (30 * USEC_PER_SEC)
#define CHANGE_USEC (600 * USEC_PER_SEC)

/*
 * Questions to the daemon. Each complains itself, in text or as JSON, about whatever goes wrong,
 * and says by its outcome how the program is to end then.
 */

/* Connects. */
enum outcome ask_connect(const struct command *command, usec_t timeout_usec,
                         struct client **ret_client);

/* Sends a call of a method of io.egressd; takes over the parameters. */
enum outcome ask_send(const struct command *command, struct client *client, const char *method,
                      json_t *parameters, bool more);

/* Waits for a reply that is no error; the caller releases it by reply_done(). The parameters that
 * were sent (may be NULL) are for saying which of them was wrong. */
enum outcome ask_receive(const struct command *command, struct client *client, const json_t *sent,
                         struct reply *ret_reply);

/* Connects, calls and waits; *ret_parameters is what was answered. */
enum outcome ask(const struct command *command, const char *method, json_t *parameters,
                 usec_t timeout_usec, json_t **ret_parameters);

/* The same, then prints the answer: as JSON if asked for, else by `print`. */
enum outcome ask_and_print(const struct command *command, const char *method, json_t *parameters,
                           usec_t timeout_usec,
                           void (*print)(const struct command *command, const json_t *answer));

/* The value of an option, or null, which a method takes for not given. NULL without memory. */
json_t *ask_option(const struct command *command, enum verb_option option);

#endif
