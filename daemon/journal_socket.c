/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "journal_socket.h"

#include "base/cleanup.h"

#include <endian.h>
#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

/* A value of one line stands behind "="; any other has its length in front. */
static void put_field(const struct journal_field *field, FILE *out)
{
	if (!strchr(field->value, '\n')) {
		fprintf(out, "%s=%s\n", field->name, field->value);
		return;
	}
	size_t length = strlen(field->value);
	uint64_t wire_length = htole64(length);
	fprintf(out, "%s\n", field->name);
	fwrite(&wire_length, sizeof(wire_length), 1, out);
	fwrite(field->value, 1, length, out);
	fputc('\n', out);
}

static int send_whole(int fd, const char *record, size_t size, int wait_milliseconds)
{
	const int flags = MSG_DONTWAIT | MSG_NOSIGNAL;
	if (send(fd, record, size, flags) >= 0)
		return 0;
	if (errno != EAGAIN || !wait_milliseconds)
		return -errno;

	struct pollfd room = {.fd = fd, .events = POLLOUT};
	if (poll(&room, 1, wait_milliseconds) <= 0)
		return -EAGAIN;
	return send(fd, record, size, flags) < 0 ? -errno : 0;
}

int journal_socket_send(const char *path, const struct journal_field *fields, size_t count,
                        int wait_milliseconds)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	memcpy(address.sun_path, path, strlen(path) + 1);

	_cleanup_free_ char *record = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&record, &size);
	if (!out)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++)
		if (fields[i].value)
			put_field(&fields[i], out);
	if (fclose(out) != 0)
		return -ENOMEM;

	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		return -errno;
	return send_whole(fd, record, size, wait_milliseconds);
}
