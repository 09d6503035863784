/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "turns-gateway.h"

#include "base/cleanup.h"
#include "helper.h"
#include "json_release.h"
#include "on_alarm.h"
#include "past.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define PATH_BYTES 128
#define NAME_BYTES 64
#define LONG_UPTIME                                                                                \
	UINT64_C(1000000000000) /* so that no timer of the kernel goes off by itself               \
	                         */
#define SOME_DAY UINT64_C(1700000000000000)

static char home[32] = "/tmp/egressd-fuzz-XXXXXX", config[PATH_BYTES], path_of_socket[PATH_BYTES],
            state[PATH_BYTES], processes[PATH_BYTES];
static const struct options options = {
        .config = config, .socket = path_of_socket, .state = state, .processes = processes};

static bool frozen;
static uint64_t uptime, time_of_day;
static unsigned configuration;
static char roles[2][NAME_BYTES];
static int clients[GATEWAY_CLIENTS] = {-1, -1, -1, -1};

static void require(bool condition)
{
	if (!condition)
		abort();
}

/* The clocks. libsystemd asks for them, too; those of the fuzzer itself are nobody's business. */

int clock_gettime(clockid_t id, struct timespec *ret_now)
{
	if (!frozen || (id != CLOCK_MONOTONIC && id != CLOCK_BOOTTIME))
		return (int)syscall(SYS_clock_gettime, id, ret_now);
	uint64_t now = uptime++; /* whoever waits for it to go on is served */
	*ret_now =
	        (struct timespec){(time_t)(now / USEC_PER_SEC), (long)(now % USEC_PER_SEC) * 1000};
	return 0;
}

usec_t __wrap_clock_realtime(void);
usec_t __wrap_clock_realtime(void)
{
	return time_of_day++;
}

void gateway_pass_time(uint64_t microseconds)
{
	uptime += microseconds;
	time_of_day += microseconds;
}

void gateway_set_clock(int64_t microseconds)
{
	time_of_day += (uint64_t)microseconds;
}

uint64_t gateway_time_of_day(void)
{
	return time_of_day;
}

/* Files. */

static void empty(const char *directory)
{
	DIR *folder = opendir(directory);
	for (struct dirent *entry; folder && (entry = readdir(folder));)
		(void)unlinkat(dirfd(folder), entry->d_name, 0);
	if (folder)
		closedir(folder);
}

static void remove_home(void)
{
	empty(state);
	(void)rmdir(state);
	empty(home);
	(void)rmdir(home);
}

static void make_home(void)
{
	if (*config)
		return;
	umask(022);
	require(mkdtemp(home) != NULL);
	snprintf(config, sizeof(config), "%s/egressd.conf", home);
	snprintf(path_of_socket, sizeof(path_of_socket), "%s/io.egressd", home);
	snprintf(state, sizeof(state), "%s/state", home);
	snprintf(processes, sizeof(processes), "%s/nobody", home);
	require(mkdir(state, 0700) == 0);
	atexit(remove_home);
}

const struct options *gateway_begin(void)
{
	make_home();
	empty(state);
	configuration = 0;
	uptime = LONG_UPTIME;
	time_of_day = SOME_DAY;
	frozen = true;
	gateway_write_configuration(0);
	return &options;
}

void gateway_end(void)
{
	gateway_leave_all();
	frozen = false;
}

const char *gateway_role(bool web)
{
	return roles[web];
}

void gateway_write_configuration(uint8_t bits)
{
	unsigned n = ++configuration;
	bool broken = (bits & 0x0f) == 0x0f, renamed = bits & 1;
	FILE *out = fopen(config, "we");
	require(out != NULL);
	snprintf(roles[0], NAME_BYTES, "desk-%u", renamed ? n : 0);
	snprintf(roles[1], NAME_BYTES, "web-%u", renamed ? n : 0);
	fprintf(out,
	        "gateway = { inside = [ \"lo\" ]; mode = \"%s\"; ledger = { entries = %d; }; "
	        "nflog_group = %u; processes = %s; };\n"
	        "detection = { trw = { enabled = %s; }; };\n",
	        bits & 2 ? "audit" : "enforce", bits & 4 ? 200 : 16384, bits & 8 ? 7 : 100,
	        bits & 16 ? "true" : "false", bits & 32 ? "true" : "false");
	fprintf(out,
	        "roles = { %s = { inbound = [ ]; outbound = [ \"http\", \"tcp/%u\" ];\n"
	        "  throttle = { destinations = 20; per = \"10s\"; };\n"
	        "  quarantine = { on = [ \"scan\", \"portscan\", \"beacon\" ]; for = \"1m\"; }; "
	        "};\n"
	        "  %s = { inbound = [ \"http\" ]; outbound = [ ]; tripwire = true;\n"
	        "  quarantine = { on = [ \"tripwire\" ]; for = \"1m\"; }; }; };\n",
	        roles[0], 1000 + n % 1000, roles[1]);
	fprintf(out,
	        "hosts = ( { name = \"office-of-configuration-%u\"; role = \"%s\"; "
	        "address = [ \"192.168.0.0/24\" ]; },\n"
	        "  { name = \"www-of-configuration-%u\"; role = \"%s\"; address = [ \"192.0.2.80\" "
	        "]; "
	        "},\n"
	        "  { name = \"roaming-of-configuration-%u\"; role = \"%s\"; "
	        "mac = [ \"02:00:00:00:00:25\" ]; }",
	        n, roles[0], n, roles[1], n, roles[0]);
	if (bits & 64)
		fprintf(out,
		        ", { name = \"gateway-of-configuration-%u\"; role = \"%s\"; self = true; }",
		        n, roles[1]);
	fputs(broken ? ", );\n" : " );\n", out);
	if (bits & 128)
		fputs("on_alarm = { command = \"/bin/true\"; user = \"nobody\"; };\n", out);
	require(fclose(out) == 0);
}

/* The program of on_alarm: one that ends when it is told to. What it was started with is gone then,
 * as after execve(2). */

struct helper {
	helper_ended_t ended;
	void *userdata;
};

static struct helper *programs[ON_ALARM_AT_ONCE];

int helper_may_be(const struct helper_user *user)
{
	return 0;
}

int helper_run(sd_event *event, const char *command, const struct helper_user *user,
               char *const *environment, usec_t time, helper_ended_t ended, void *userdata,
               struct helper **ret_helper)
{
	size_t place = 0;
	require(strcmp(command, "/bin/true") == 0);
	for (; *environment; environment++)
		require(strchr(*environment, '=') != NULL);
	while (place < ON_ALARM_AT_ONCE && programs[place])
		place++;
	struct helper *helper = place < ON_ALARM_AT_ONCE ? calloc(1, sizeof(*helper)) : NULL;
	if (!helper)
		return -ENOMEM;
	helper->ended = ended;
	helper->userdata = userdata;
	*ret_helper = programs[place] = helper;
	return 0;
}

struct helper *helper_free(struct helper *helper)
{
	for (size_t i = 0; i < ON_ALARM_AT_ONCE; i++)
		if (programs[i] == helper)
			programs[i] = NULL;
	free(helper);
	return NULL;
}

void gateway_end_program(uint8_t status)
{
	for (size_t i = 0; i < ON_ALARM_AT_ONCE; i++)
		if (programs[i]) {
			programs[i]->ended(programs[i], status << 8, status == 1,
			                   programs[i]->userdata);
			return;
		}
}

/* Clients. */

static int connect_client(unsigned client)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	if (clients[client] >= 0)
		return clients[client];
	memcpy(address.sun_path, path_of_socket, strlen(path_of_socket) + 1);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		close(fd);
		fd = -1;
	}
	return clients[client] = fd;
}

/* What it says, with %u for a number, and %s for a host's name, an address or a role. */
static const char *const calls[] = {
        "GetStatus\",\"parameters\":{",
        "ListRoles\",\"parameters\":{",
        "ListHosts\",\"parameters\":{",
        "ListBlocked\",\"parameters\":{",
        "ListBlocked\",\"parameters\":{\"host\":\"%s\"",
        "ListAlarms\",\"parameters\":{\"all\":true",
        "GetAlarm\",\"parameters\":{\"id\":%u",
        "AckAlarm\",\"parameters\":{\"id\":%u",
        "ClearAlarm\",\"parameters\":{\"id\":%u",
        "ListQuarantined\",\"parameters\":{",
        "ListAssignments\",\"parameters\":{",
        "ListPermits\",\"parameters\":{",
        "Quarantine\",\"parameters\":{\"seconds\":%u,\"host\":\"%s\"",
        "Release\",\"parameters\":{\"host\":\"%s\"",
        "Assign\",\"parameters\":{\"address\":\"192.0.2.9%u\",\"role\":\"%s\",\"seconds\":9",
        "Unassign\",\"parameters\":{\"address\":\"192.0.2.9%u\"",
        "Permit\",\"parameters\":{\"seconds\":%u,\"host\":\"%s\",\"service\":\"smtp\",\"why\":"
        "\"w\"",
        "Revoke\",\"parameters\":{\"id\":%u",
        "Explain\",\"parameters\":{\"source\":\"192.168.0.11\",\"destination\":\"203.0.113.7\","
        "\"service\":\"smtp\"",
        "Reload\",\"parameters\":{",
        "Monitor\",\"more\":true,\"parameters\":{",
        "Monitor\",\"more\":true,\"parameters\":{\"kind\":\"blocked\"",
};

/* Of the last configuration and of the one before, and addresses, one of which is in a host. */
static const char *subject(uint8_t number, bool role, char buffer[static NAME_BYTES])
{
	static const char *const hosts[] = {"office", "www", "roaming"};
	if (role)
		return roles[number & 1];
	if (number % 5 < 3)
		snprintf(buffer, NAME_BYTES, "%s-of-configuration-%u", hosts[number % 5],
		         configuration - (number / 5 % 2));
	else
		snprintf(buffer, NAME_BYTES, "%s", number % 5 == 3 ? "192.168.0.12" : "192.0.2.91");
	return buffer;
}

void gateway_say(unsigned client, uint8_t what, uint8_t parameter)
{
	char text[512] = "{\"method\":\"io.egressd.", name[NAME_BYTES];
	const char *call = calls[what % (sizeof(calls) / sizeof(calls[0]))];
	size_t n = strlen(text);
	for (const char *p = call; *p && n < sizeof(text) - NAME_BYTES; p++) {
		if (p[0] != '%') {
			text[n++] = *p;
			continue;
		}
		if (*++p == 'u')
			n += (size_t)sprintf(text + n, "%u", 1 + parameter % 9u);
		else
			n += (size_t)sprintf(
			        text + n, "%s",
			        subject(parameter, strstr(call, "Assign") == call, name));
	}
	n += (size_t)sprintf(text + n, "}}") + 1;
	int fd = connect_client(client);
	if (fd >= 0)
		(void)!send(fd, text, n, MSG_NOSIGNAL | MSG_DONTWAIT);
}

void gateway_read(unsigned client, size_t bytes)
{
	char buffer[4096];
	if (clients[client] < 0)
		return;
	while (bytes > 0) {
		size_t most = bytes < sizeof(buffer) ? bytes : sizeof(buffer);
		ssize_t n = recv(clients[client], buffer, most, MSG_DONTWAIT);
		if (n <= 0)
			return;
		bytes -= (size_t)n;
	}
}

void gateway_leave(unsigned client)
{
	if (clients[client] >= 0)
		close(clients[client]);
	clients[client] = -1;
}

void gateway_leave_all(void)
{
	for (unsigned i = 0; i < GATEWAY_CLIENTS; i++)
		gateway_leave(i);
}

/* Names of hosts are ours, or addresses that took a role. */
static bool is_known(const char *name)
{
	return !*name || strstr(name, "-of-configuration-") || strncmp(name, "192.0.2.9", 9) == 0;
}

void gateway_check_state(void)
{
	char path[PATH_BYTES + 32];
	snprintf(path, sizeof(path), "%s/" PAST_LEDGER_NAME, state);
	if (access(path, F_OK) < 0)
		return;
	json_error_t error;
	_cleanup_(json_release) json_t *ledger = json_load_file(path, 0, &error);
	const json_t *items = json_object_get(ledger, "items"), *item;
	size_t i;
	require(items != NULL);
	json_array_foreach(items, i, item)
	        require(is_known(json_string_value(json_object_get(item, "host"))));
}
