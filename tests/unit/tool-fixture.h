/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_TESTS_UNIT_TOOL_FIXTURE_H
#define EGRESSD_TESTS_UNIT_TOOL_FIXTURE_H

#include "egressctl.h"
#include "server.h"

#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* A daemon with made-up answers, in a process of its own, and what the tool wrote. */
struct fixture {
	pid_t daemon; /* 0: it was stopped */
	char directory[32];
	char path[64];
	char *out;
	char *errors;
};

static inline void fixture_serve(const struct method *methods, const char *path, int ready)
{
	sd_event *event = NULL;
	struct server *server = NULL;
	if (sd_event_new(&event) < 0 || server_new(event, methods, NULL, &server) < 0 ||
	    server_listen(server, path) < 0 || write(ready, "", 1) != 1)
		_exit(EXIT_FAILURE);
	sd_event_loop(event); /* until it is killed */
	_exit(EXIT_FAILURE);
}

static inline void fixture_set_up(struct fixture *fixture, const struct method *methods)
{
	int fds[2];
	char byte;
	*fixture = (struct fixture){.directory = "/tmp/egressd-test-XXXXXX"};
	ck_assert_ptr_nonnull(mkdtemp(fixture->directory));
	snprintf(fixture->path, sizeof(fixture->path), "%s/socket", fixture->directory);
	ck_assert_int_eq(pipe(fds), 0);
	fixture->daemon = fork();
	ck_assert_int_ge(fixture->daemon, 0);
	if (fixture->daemon == 0)
		fixture_serve(methods, fixture->path, fds[1]);
	close(fds[1]);
	ck_assert_int_eq(read(fds[0], &byte, 1), 1);
	close(fds[0]);
}

static inline void stop_daemon(struct fixture *fixture)
{
	kill(fixture->daemon, SIGKILL);
	ck_assert_int_eq(waitpid(fixture->daemon, NULL, 0), fixture->daemon);
	fixture->daemon = 0;
}

static inline void tear_down(struct fixture *fixture)
{
	if (fixture->daemon)
		stop_daemon(fixture);
	free(fixture->out);
	free(fixture->errors);
	unlink(fixture->path);
	ck_assert_int_eq(rmdir(fixture->directory), 0);
}

/* Runs the tool on the words of a line, which are set apart by one of those characters. */
static inline enum outcome fixture_run(struct fixture *fixture, const char *line, const char *apart,
                                       usec_t now)
{
	char words[256], program[] = "egressctl", option[] = "--socket";
	char *argv[16] = {program, option, fixture->path};
	size_t out_length, errors_length;
	int argc = 3;

	snprintf(words, sizeof(words), "%s", line);
	for (char *rest = NULL, *word = strtok_r(words, apart, &rest); word;
	     word = strtok_r(NULL, apart, &rest))
		argv[argc++] = word;

	free(fixture->out);
	free(fixture->errors);
	FILE *out = open_memstream(&fixture->out, &out_length);
	FILE *errors = open_memstream(&fixture->errors, &errors_length);
	enum outcome outcome = egressctl_run(argc, argv, out, errors, now);
	fclose(out);
	fclose(errors);
	return outcome;
}

#endif
