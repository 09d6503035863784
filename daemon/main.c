/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon.h"

#include "base/place.h"
#include "control/service.h"
#include "enforcement.h"
#include "kernel/apply.h"
#include "policy/load.h"
#include "policy/warnings.h"
#include "privilege.h"
#include "processes/question.h"

#include <errno.h>
#include <getopt.h>
#include <linux/capability.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXIT_USAGE 2

#define MAPPED_BYTES (128 * 1024) /* so large a block goes back to the system when it is freed */

static void print_help(FILE *out)
{
	fprintf(out,
	        "Usage: egressd [OPTION]...\n"
	        "\n"
	        "Enforces on this gateway what each host behind it may initiate, and reports\n"
	        "what was blocked. It stays in the foreground; ask it with egressctl.\n"
	        "\n"
	        "  --config FILE   the configuration\n"
	        "                  (%s)\n"
	        "  --socket PATH   the control socket, unless systemd passes one\n"
	        "                  (%s)\n"
	        "  --state DIR     where requests, alarms, what was blocked and copies of the\n"
	        "                  last two good configurations are kept\n"
	        "                  (%s)\n"
	        "  --processes PATH\n"
	        "                  where egressd-processes listens, if it is asked for\n"
	        "                  (%s)\n"
	        "  --close         forward nothing, unless the table of an earlier run is there;\n"
	        "                  done before the network comes up, until the daemon runs;\n"
	        "                  1 if that failed or could not be verified, as with --remove\n"
	        "  --check         only check the configuration: 0 it is good, 1 it has mistakes\n"
	        "  --remove        take the table out of the kernel: nothing is enforced any more\n"
	        "  --version       print the version\n"
	        "  --help          print this help\n"
	        "\n"
	        "SIGHUP loads the configuration again, and so does any change of its files.\n"
	        "SIGTERM ends the daemon; what it put into the kernel stays there and goes on\n"
	        "enforcing.\n",
	        EGRESSD_CONFIG, EGRESSD_SOCKET, EGRESSD_STATE, PROCESS_SOCKET);
}

static int check_configuration(const char *file)
{
	struct problems problems = {};
	struct policy *policy;

	int r = policy_load(file, NULL, &problems, &policy);
	if (r < 0) {
		fprintf(stderr, "egressd: %s: %s\n", file, strerror(-r));
	} else if (r == POLICY_REJECTED) {
		problems_print(&problems, stderr);
	} else {
		policy_warnings(policy, &problems);
		ARRAY_FOREACH (warning, &problems.list)
			fprintf(stderr, "%s:%u: warning: %s\n", warning->file, warning->line,
			        warning->text);
		printf("%s: good: %zu hosts, %zu roles, mode %s\n", file, policy->hosts.count,
		       policy->roles.count, mode_name(policy->gateway.mode));
		policy_free(policy);
	}
	problems_done(&problems);
	return r == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int remove_table(void)
{
	_cleanup_(kernel_freep) struct kernel *kernel = NULL;
	struct applied applied = {};

	int r = kernel_open(&kernel);
	if (r == 0)
		r = table_remove(kernel, &applied);
	if (r != 0 && applied.taken)
		fprintf(stderr,
		        "egressd: the kernel took the table away, but that could not be verified: "
		        "%s\n",
		        r < 0 ? strerror(-r) : applied.refusal.text);
	else if (r < 0)
		fprintf(stderr, "egressd: the table could not be removed: %s\n", strerror(-r));
	else if (r > 0 && applied.refusal.error == -EPERM)
		fprintf(stderr, "egressd: the table is owned by a running egressd; stop that "
		                "first (systemctl stop egressd), then --remove takes it away\n");
	else if (r > 0)
		fprintf(stderr, "egressd: the table could not be removed: %s\n",
		        applied.refusal.text);
	else
		printf("%s\n", applied.changed ? "The table is gone: nothing is enforced any more."
		                               : "There was no table.");
	return r == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* Without it the kernel's refusals would be taken for somebody else's table. */
static bool may_change_tables(const char *what)
{
	if (privilege_is_held(CAP_NET_ADMIN))
		return true;
	fprintf(stderr,
	        "egressd: %s needs CAP_NET_ADMIN, as root or the service has it (systemctl start "
	        "egressd). Nothing was changed.\n",
	        what);
	return false;
}

/* What egressd-boot.service does. It needs nothing that the daemon could fail of. */
static int close_gateway(void)
{
	struct enforcement enforcement = {};
	struct outcome outcome = {};
	struct policy *none;
	char text[OUTCOME_TEXT_MAX];
	bool standing = false;

	int r = enforcement_init(&enforcement, NULL);
	if (r == 0)
		enforcement_close(&enforcement, &standing, &none, &outcome);
	bool closed = r == 0 && outcome.result == LOAD_DONE;
	if (r == 0 && outcome.result == LOAD_UNVERIFIED)
		fprintf(stderr, "egressd: the gateway is closed, but that is not verified: %s\n",
		        outcome_text(&outcome, text));
	else if (!closed)
		fprintf(stderr, "egressd: the gateway could not be closed: %s\n",
		        r < 0 ? strerror(-r) : outcome_text(&outcome, text));
	else
		printf("%s\n", standing ? "The table of an earlier run stays, and decides."
		                        : "Nothing is forwarded until egressd has a policy.");
	outcome_done(&outcome);
	enforcement_done(&enforcement);
	return closed ? EXIT_SUCCESS : EXIT_FAILURE;
}

enum long_option {
	OPTION_CONFIG = 256,
	OPTION_SOCKET,
	OPTION_STATE,
	OPTION_PROCESSES,
	OPTION_CHECK,
	OPTION_CLOSE,
	OPTION_REMOVE,
	OPTION_VERSION,
	OPTION_HELP,
};

int main(int argc, char **argv)
{
	static const struct option long_options[] = {
	        {"config", required_argument, NULL, OPTION_CONFIG},
	        {"socket", required_argument, NULL, OPTION_SOCKET},
	        {"state", required_argument, NULL, OPTION_STATE},
	        {"processes", required_argument, NULL, OPTION_PROCESSES},
	        {"check", no_argument, NULL, OPTION_CHECK},
	        {"close", no_argument, NULL, OPTION_CLOSE},
	        {"remove", no_argument, NULL, OPTION_REMOVE},
	        {"version", no_argument, NULL, OPTION_VERSION},
	        {"help", no_argument, NULL, OPTION_HELP},
	        {},
	};
	struct options options = {
	        .config = EGRESSD_CONFIG,
	        .socket = EGRESSD_SOCKET,
	        .state = EGRESSD_STATE,
	        .processes = PROCESS_SOCKET,
	};
	bool check = false, shut = false, remove = false;

	/* Said once, or malloc(3) keeps ever larger blocks for itself after each that is freed. */
	mallopt(M_MMAP_THRESHOLD, MAPPED_BYTES);

	for (int c; (c = getopt_long(argc, argv, "", long_options, NULL)) != -1;) {
		switch (c) {
		case OPTION_CONFIG:
			options.config = optarg;
			break;
		case OPTION_SOCKET:
			options.socket = optarg;
			break;
		case OPTION_STATE:
			options.state = optarg;
			break;
		case OPTION_PROCESSES:
			options.processes = optarg;
			break;
		case OPTION_CHECK:
			check = true;
			break;
		case OPTION_CLOSE:
			shut = true;
			break;
		case OPTION_REMOVE:
			remove = true;
			break;
		case OPTION_VERSION:
			printf("egressd %s\n", EGRESSD_VERSION);
			return EXIT_SUCCESS;
		case OPTION_HELP:
			print_help(stdout);
			return EXIT_SUCCESS;
		default:
			fprintf(stderr, "egressd: see `egressd --help`\n");
			return EXIT_USAGE;
		}
	}
	if (optind < argc) {
		fprintf(stderr,
		        "egressd: what is `%s`? Options begin with --; see `egressd --help`\n",
		        argv[optind]);
		return EXIT_USAGE;
	}
	if (check + shut + remove > 1) {
		fprintf(stderr, "egressd: of --check, --close and --remove only one at a time\n");
		return EXIT_USAGE;
	}

	if (check)
		return check_configuration(options.config);
	if (!may_change_tables(shut ? "--close" : remove ? "--remove" : "to start"))
		return EXIT_FAILURE;
	if (shut)
		return close_gateway();
	if (remove)
		return remove_table();
	return daemon_run(&options);
}
