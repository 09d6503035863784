/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "turns-kernel.h"

#include "base/array.h"
#include "base/record.h"
#include "kernel/nflog.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/ip.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* The packet log, for turns-kernel.h. */

#define LOGGED_MAX 2048 /* records that wait; more are left out */
#define GROUPS_MAX 2    /* read at a time: of what is blocked, and of contacts */

/* A record of the log with all that it borrows. */
struct logged {
	struct record record;
	char prefix[LOG_PREFIX_MAX];
	uint8_t payload[40];
};

struct nflog {
	int fd;
	bool contacts;
	uint64_t received;
	ARRAY(struct logged) waiting;
};

static struct nflog *logs[GROUPS_MAX];

int nflog_open(uint16_t group, size_t receive_bytes, struct nflog **ret_nflog)
{
	struct nflog *nflog = calloc(1, sizeof(*nflog));
	size_t place = receive_bytes ? 1 : 0; /* those who hear contacts ask for more room */
	if (!nflog)
		return -ENOMEM;
	nflog->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	nflog->contacts = place == 1;
	*ret_nflog = logs[place] = nflog;
	return 0;
}

int nflog_adopt(int fd, uint16_t group, size_t receive_bytes, struct nflog **ret_nflog)
{
	close(fd);
	return -EBADF;
}

int nflog_hurry(struct nflog *nflog)
{
	return 0;
}

struct nflog *nflog_free(struct nflog *nflog)
{
	if (!nflog)
		return NULL;
	for (size_t i = 0; i < GROUPS_MAX; i++)
		if (logs[i] == nflog)
			logs[i] = NULL;
	close(nflog->fd);
	ARRAY_DONE(&nflog->waiting);
	free(nflog);
	return NULL;
}

int nflog_fd(const struct nflog *nflog)
{
	return nflog->fd;
}

struct nflog_counts nflog_counts(const struct nflog *nflog)
{
	return (struct nflog_counts){.received = nflog->received};
}

/* What the callback is given is gone when it returns. */
int nflog_read(struct nflog *nflog, size_t budget, usec_t time, nflog_callback_t callback,
               void *userdata)
{
	size_t count = nflog->waiting.count;
	_cleanup_free_ struct record *records = calloc(count + 1, sizeof(*records));
	eventfd_t readable;
	(void)eventfd_read(nflog->fd, &readable);
	if (!records)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		struct logged *logged = &nflog->waiting.items[i];
		records[i] = logged->record;
		records[i].prefix = logged->prefix;
		records[i].payload = logged->payload;
	}
	nflog->received += count;
	if (count)
		callback(records, count, userdata);
	ARRAY_DONE(&nflog->waiting);
	return 0;
}

void turns_log(const struct turns_packet *packet, uint64_t time)
{
	struct nflog *nflog = logs[packet->contact];
	struct logged *logged;
	if (!nflog || nflog->waiting.count >= LOGGED_MAX || !(logged = ARRAY_ADD(&nflog->waiting)))
		return;
	struct iphdr ip = {.version = 4, .ihl = 5, .protocol = IPPROTO_TCP, .ttl = 64};
	uint16_t ports[2] = {htons(40000), htons(packet->port)};
	ip.tot_len = htons(sizeof(logged->payload));
	memcpy(&ip.saddr, packet->source, sizeof(ip.saddr));
	memcpy(&ip.daddr, packet->destination, sizeof(ip.daddr));
	memcpy(logged->payload, &ip, sizeof(ip));
	memcpy(logged->payload + sizeof(ip), ports, sizeof(ports));
	logged->payload[sizeof(ip) + 12] = 5 << 4; /* the length of the TCP header */
	logged->payload[sizeof(ip) + 13] = 2;      /* SYN */
	int r = packet->contact ? log_prefix_print_contact(packet->role, logged->prefix)
	                        : log_prefix_print(packet->reason, packet->role, logged->prefix);
	if (r < 0)
		logged->prefix[0] = '\0';
	logged->record = (struct record){
	        .payload_length = sizeof(logged->payload),
	        .has_mac = packet->mac != 0,
	        .mac = {{2, 0, 0, 0, 0, packet->mac}},
	        .interface = packet->own ? 0 : 1,
	        .leaves_by = packet->own ? 2 : 0,
	        .has_uid = packet->own,
	        .uid = 33,
	        .gid = 33,
	        .time = time,
	};
	(void)eventfd_write(nflog->fd, 1);
}
