/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "processes/question.h"
#include "processes/rights.h"
#include "processes/service.h"

#include <errno.h>
#include <getopt.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#define EXIT_USAGE 2

static void print_help(FILE *out)
{
	fprintf(out,
	        "Usage: egressd-processes [OPTION]...\n"
	        "\n"
	        "Tells egressd which process of this gateway has a socket open: a helper of its\n"
	        "own, as it takes rights that the daemon is not to have (CAP_SYS_PTRACE and\n"
	        "CAP_DAC_READ_SEARCH; it gives up all others). It changes nothing, and answers\n"
	        "nobody but root and the user that egressd runs as. egressd asks it if its\n"
	        "configuration has gateway = { processes = true; }.\n"
	        "\n"
	        "  --socket PATH   where to listen (%s),\n"
	        "                  unless systemd hands over a socket\n"
	        "  --user NAME     the user that egressd runs as (root)\n"
	        "  --version       print the version\n"
	        "  --help          print this help\n",
	        PROCESS_SOCKET);
}

/* The socket that systemd listens on for us; 0: none, negative errno: it is of no use. */
static int socket_of_systemd(void)
{
	int n = sd_listen_fds(true);
	if (n <= 0)
		return n;
	if (n != 1 || sd_is_socket(SD_LISTEN_FDS_START, AF_UNIX, SOCK_SEQPACKET, true) <= 0)
		return -EPROTOTYPE;
	return SD_LISTEN_FDS_START;
}

static int run(const char *path, uid_t user)
{
	int listener = socket_of_systemd();
	if (listener < 0) {
		fprintf(stderr,
		        SD_ERR "systemd handed over what is no listening socket for "
		               "messages (ListenSequentialPacket=): %s\n",
		        strerror(-listener));
		return EXIT_FAILURE;
	}
	bool own = listener == 0;
	if (own)
		listener = service_listen(path, user);
	if (listener < 0) {
		fprintf(stderr, SD_ERR "The socket %s cannot be made: %s\n", path,
		        strerror(-listener));
		return EXIT_FAILURE;
	}
	int r = rights_reduce();
	if (r < 0)
		fprintf(stderr, SD_ERR "Rights that are not needed could not be given up: %s\n",
		        strerror(-r));
	else if (r == RIGHTS_MISSING)
		fprintf(stderr, SD_WARNING "CAP_SYS_PTRACE or CAP_DAC_READ_SEARCH is missing: "
		                           "processes of others cannot be looked into\n");
	if (r >= 0)
		r = service_run(listener, user);
	if (r < 0)
		fprintf(stderr, SD_ERR "No more questions can be taken: %s\n", strerror(-r));
	if (own)
		(void)unlink(path);
	close(listener);
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

enum long_option {
	OPTION_SOCKET = 256,
	OPTION_USER,
	OPTION_VERSION,
	OPTION_HELP,
};

int main(int argc, char **argv)
{
	static const struct option long_options[] = {
	        {"socket", required_argument, NULL, OPTION_SOCKET},
	        {"user", required_argument, NULL, OPTION_USER},
	        {"version", no_argument, NULL, OPTION_VERSION},
	        {"help", no_argument, NULL, OPTION_HELP},
	        {},
	};
	const char *path = PROCESS_SOCKET;
	const struct passwd *user;
	uid_t uid = 0;

	for (int c; (c = getopt_long(argc, argv, "", long_options, NULL)) != -1;) {
		switch (c) {
		case OPTION_SOCKET:
			path = optarg;
			break;
		case OPTION_USER:
			user = getpwnam(optarg);
			if (!user) {
				fprintf(stderr, "egressd-processes: there is no user \"%s\"\n",
				        optarg);
				return EXIT_USAGE;
			}
			uid = user->pw_uid;
			break;
		case OPTION_VERSION:
			printf("egressd-processes %s\n", EGRESSD_VERSION);
			return EXIT_SUCCESS;
		case OPTION_HELP:
			print_help(stdout);
			return EXIT_SUCCESS;
		default:
			fprintf(stderr, "egressd-processes: see `egressd-processes --help`\n");
			return EXIT_USAGE;
		}
	}
	if (optind < argc) {
		fprintf(stderr,
		        "egressd-processes: what is `%s`? Options begin with --; see "
		        "`egressd-processes --help`\n",
		        argv[optind]);
		return EXIT_USAGE;
	}
	return run(path, uid);
}
