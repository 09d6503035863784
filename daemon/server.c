/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "server.h"

#include "base/array.h"
#include "base/socket_file.h"
#include "control/message.h"
#include "session.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>

#define CLIENTS_MAX         ((size_t)64)
#define CLIENTS_FOR_ROOT    ((size_t)8)  /* of these, that nobody else can take */
#define CLIENTS_OF_USER_MAX ((size_t)16) /* of one user other than root */
#define BACKLOG             64
#define ACCEPTS_AT_ONCE     16
#define PAUSE_USEC          USEC_PER_SEC /* before accepting again when nothing was to be had */

struct server {
	sd_event *event;
	struct service service;
	ARRAY(struct session *) sessions;

	sd_event_source *listener;
	sd_event_source *pause;
	int reserve; /* a descriptor to give up when there are no more, or -1 */

	char *path; /* the socket file that was made here, or NULL */
	dev_t device;
	ino_t inode;
};

static void on_gone(struct session *session, void *owner)
{
	struct server *server = owner;
	ARRAY_FOREACH (s, &server->sessions) {
		if (*s == session) {
			*s = server->sessions.items[--server->sessions.count];
			break;
		}
	}
	session_free(session);
}

static size_t count_queued(void *owner)
{
	struct server *server = owner;
	size_t bytes = 0;
	ARRAY_FOREACH (s, &server->sessions)
		bytes += session_queued(*s);
	return bytes;
}

static int open_reserve(void)
{
	return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

int server_new(sd_event *event, const struct method *methods, void *userdata,
               struct server **ret_server)
{
	_cleanup_(server_freep) struct server *server = calloc(1, sizeof(*server));
	if (!server)
		return -ENOMEM;
	server->reserve = open_reserve();
	server->event = sd_event_ref(event);
	server->service = (struct service){
	        .methods = methods,
	        .userdata = userdata,
	        .rules = peer_rules_read(),
	        .queued = count_queued,
	        .gone = on_gone,
	        .owner = server,
	};
	if (ARRAY_RESERVE(&server->sessions, CLIENTS_MAX) < 0)
		return -ENOMEM;
	*ret_server = TAKE_POINTER(server);
	return 0;
}

/* Removes the socket file, unless another one stands in its place by now. */
static void remove_socket(struct server *server)
{
	struct stat st;
	if (server->path && lstat(server->path, &st) == 0 && st.st_dev == server->device &&
	    st.st_ino == server->inode)
		unlink(server->path);
	free(server->path);
}

struct server *server_free(struct server *server)
{
	if (!server)
		return NULL;
	sd_event_source_disable_unref(server->listener);
	sd_event_source_disable_unref(server->pause);
	remove_socket(server);
	ARRAY_FOREACH (s, &server->sessions)
		session_free(*s);
	ARRAY_DONE(&server->sessions);
	if (server->reserve >= 0)
		close(server->reserve);
	sd_event_unref(server->event);
	free(server);
	return NULL;
}

/* True when there is room for one more client of that user. */
static bool has_room(const struct server *server, uid_t uid)
{
	if (uid == 0)
		return server->sessions.count < CLIENTS_MAX;
	size_t own = 0;
	ARRAY_FOREACH (s, &server->sessions)
		own += session_uid(*s) == uid;
	return own < CLIENTS_OF_USER_MAX && server->sessions.count < CLIENTS_MAX - CLIENTS_FOR_ROOT;
}

/* Tells a client why it is turned away, if the socket takes that at once. */
static void turn_away(int fd)
{
	_cleanup_free_ char *text = message_error(EGRESSD_TOO_MANY_CLIENTS, json_object());
	if (text)
		(void)!send(fd, text, strlen(text) + 1, MSG_NOSIGNAL | MSG_DONTWAIT);
}

int server_connect(struct server *server, int fd)
{
	_cleanup_close_ int owned = fd;
	int flags = fcntl(owned, F_GETFL);
	if (flags < 0 || fcntl(owned, F_SETFL, flags | O_NONBLOCK) < 0)
		return -errno;

	struct peer peer;
	int r = peer_read(owned, &peer);
	if (r < 0)
		return r;
	if (!has_room(server, peer.uid)) {
		turn_away(owned);
		peer_done(&peer);
		return -EUSERS;
	}

	struct session *session;
	r = session_new(server->event, TAKE_FD(owned), &peer, &server->service, &session);
	if (r < 0)
		return r;
	struct session **place = ARRAY_ADD(&server->sessions);
	if (!place) {
		session_free(session);
		return -ENOMEM;
	}
	*place = session;
	return 0;
}

static int on_pause_over(sd_event_source *source, usec_t now, void *userdata)
{
	struct server *server = userdata;
	if (server->reserve < 0)
		server->reserve = open_reserve();
	return sd_event_source_set_enabled(server->listener, SD_EVENT_ON);
}

/* A listening socket stays readable as long as somebody waits: without a pause the loop would spin.
 */
static void pause_listening(struct server *server)
{
	sd_event_source_set_enabled(server->listener, SD_EVENT_OFF);
	sd_event_source_set_time_relative(server->pause, PAUSE_USEC);
	sd_event_source_set_enabled(server->pause, SD_EVENT_ONESHOT);
}

/* No descriptor is left: turns one client away by means of the reserve. */
static void shed(struct server *server, int listener)
{
	if (server->reserve < 0) {
		pause_listening(server);
		return;
	}
	close(server->reserve);
	int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	bool none = fd < 0 && errno != EAGAIN && errno != ECONNABORTED;
	if (fd >= 0) {
		turn_away(fd);
		close(fd);
	}
	server->reserve = open_reserve();
	if (none)
		pause_listening(server); /* somebody else took what we gave up */
}

static int on_listener(sd_event_source *source, int listener, uint32_t events, void *userdata)
{
	struct server *server = userdata;
	for (unsigned i = 0; i < ACCEPTS_AT_ONCE; i++) {
		int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd >= 0) {
			(void)server_connect(server, fd); /* a client that fails is gone */
			continue;
		}
		if (errno == EMFILE || errno == ENFILE)
			shed(server, listener);
		else if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
			pause_listening(server);
		break;
	}
	return 0;
}

int server_adopt(struct server *server, int fd)
{
	sd_event_source *listener = NULL;
	int flags = fcntl(fd, F_GETFL), listening = 0;
	socklen_t length = sizeof(listening);

	if (server->listener)
		return -EBUSY;
	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ||
	    getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &length) < 0)
		return -errno;
	if (!listening)
		return -EINVAL;

	int r = 0;
	if (!server->pause)
		r = sd_event_add_time_relative(server->event, &server->pause, CLOCK_MONOTONIC,
		                               PAUSE_USEC, 0, on_pause_over, server);
	if (r >= 0)
		r = sd_event_source_set_enabled(server->pause, SD_EVENT_OFF);
	if (r >= 0)
		r = sd_event_add_io(server->event, &listener, fd, EPOLLIN, on_listener, server);
	if (r >= 0)
		r = sd_event_source_set_io_fd_own(listener, true);
	if (r < 0) {
		sd_event_source_unref(listener);
		return r;
	}
	server->listener = listener;
	return 0;
}

static int make_directory(const char *path)
{
	const char *slash = strrchr(path, '/');
	if (!slash || slash == path)
		return 0;
	_cleanup_free_ char *directory = strndup(path, (size_t)(slash - path));
	if (!directory)
		return -ENOMEM;
	if (mkdir(directory, 0755) == 0)
		return chmod(directory, 0755) < 0 ? -errno : 0; /* whatever the umask is */
	return errno == EEXIST ? 0 : -errno;
}

/* Gives a socket file, which only its owner can use so far, to those who may. */
static int open_to_group(const struct server *server, const char *path)
{
	const struct peer_group *group = &server->service.rules.read;
	if (group->exists && chown(path, (uid_t)-1, group->gid) < 0 && errno != EPERM)
		return -errno;
	return chmod(path, 0660) < 0 ? -errno : 0;
}

int server_listen(struct server *server, const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	size_t length = strlen(path);
	if (length == 0 || length >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	memcpy(address.sun_path, path, length);

	int r = make_directory(path);
	if (r == 0)
		r = socket_file_clear(&address, SOCK_STREAM);
	if (r < 0)
		return r;

	_cleanup_free_ char *own_path = strdup(path);
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (!own_path)
		return -ENOMEM;
	/* The file gets the mode of the socket, so at no time can anybody else open it. */
	if (fd < 0 || fchmod(fd, 0600) < 0 ||
	    bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return -errno;

	struct stat st;
	if (lstat(path, &st) < 0 || listen(fd, BACKLOG) < 0)
		r = -errno;
	if (r == 0)
		r = open_to_group(server, path);
	if (r == 0)
		r = server_adopt(server, fd);
	if (r < 0) {
		unlink(path);
		return r;
	}
	TAKE_FD(fd);
	server->path = TAKE_POINTER(own_path);
	server->device = st.st_dev;
	server->inode = st.st_ino;
	return 0;
}

void server_publish(struct server *server, json_t *stolen)
{
	_cleanup_free_ char *text = NULL;
	const char *kind = json_string_value(json_object_get(stolen, STREAM_KIND));
	if (stolen && server_wants(server, kind) &&
	    json_object_set_new(stolen, "lost", json_integer(0)) == 0)
		text = message_reply(json_incref(stolen), true);
	ARRAY_FOREACH (s, &server->sessions)
		if (text && session_wants(*s, kind))
			session_publish(*s, stolen, text);
	json_decref(stolen);
}

size_t server_clients(const struct server *server)
{
	return server->sessions.count;
}

size_t server_streams(const struct server *server)
{
	size_t streams = 0;
	ARRAY_FOREACH (s, &server->sessions)
		streams += session_is_stream(*s);
	return streams;
}

bool server_wants(const struct server *server, const char *kind)
{
	ARRAY_FOREACH (s, &server->sessions)
		if (session_wants(*s, kind))
			return true;
	return false;
}
