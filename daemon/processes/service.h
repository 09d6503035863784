/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_PROCESSES_SERVICE_H
#define EGRESSD_PROCESSES_SERVICE_H

#include <sys/types.h>

/*
 * Makes a socket file that only that user (and root) can connect to, and listens; a file that
 * nobody serves is taken away. The descriptor or a negative errno.
 */
int service_listen(const char *path, uid_t user);

/*
 * Answers those who connect to a listening socket, root and that user, one question after another;
 * whoever else connects, and whoever sends what is no question, is turned away. Comes back only
 * with the negative errno of a failure, or 0 after SIGTERM or SIGINT.
 */
int service_run(int listener, uid_t user);

#endif
