/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "process_finder.h"

#include "clock.h"
#include "control/json_text.h"
#include "json_release.h"
#include "processes/question.h"
#include "track/budget.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>

#define AGAIN_FIRST     USEC_PER_SEC
#define AGAIN_MOST      (30 * USEC_PER_SEC)
#define TIMER_ACCURACY  (USEC_PER_SEC / 10)
#define ANSWERS_AT_ONCE 16
#define TROUBLE_MAX     320

enum trouble {
	TROUBLE_NONE,
	TROUBLE_AWAY,   /* nobody listens */
	TROUBLE_SILENT, /* he does not answer */
	TROUBLE_BLIND,  /* he lacks rights */
};

/* A question on its way. */
struct asked {
	uint64_t number;
	struct stream stream;
	uint32_t uid;
	usec_t attempt; /* when that was */
	usec_t sent;    /* on the clock that never jumps */
};

struct process_finder {
	sd_event *event; /* borrowed */
	const char *path;
	process_found_t found;
	process_trouble_t tell;
	void *userdata;
	bool wanted;
	int fd; /* -1: not connected */
	sd_event_source *source;
	sd_event_source *timer; /* the next try to connect, or look at what is not answered */
	usec_t again;           /* how long until the next try */
	enum trouble trouble;
	uint64_t number;                           /* of the last question */
	struct asked asked[PROCESS_QUESTIONS_MAX]; /* a ring: answers come in order */
	size_t first, count;
	struct budget budget;
	struct process_counts counts;
};

static int on_time(sd_event_source *source, uint64_t time, void *userdata);

int process_finder_new(sd_event *event, const char *path, process_found_t found,
                       process_trouble_t trouble, void *userdata,
                       struct process_finder **ret_finder)
{
	_cleanup_(process_finder_freep) struct process_finder *finder = calloc(1, sizeof(*finder));
	if (!finder)
		return -ENOMEM;
	finder->event = event;
	finder->path = path;
	finder->found = found;
	finder->tell = trouble;
	finder->userdata = userdata;
	finder->fd = -1;
	finder->again = AGAIN_FIRST;
	int r = sd_event_add_time_relative(event, &finder->timer, CLOCK_MONOTONIC, 0,
	                                   TIMER_ACCURACY, on_time, finder);
	if (r >= 0)
		r = sd_event_source_set_enabled(finder->timer, SD_EVENT_OFF);
	if (r < 0)
		return r;
	*ret_finder = TAKE_POINTER(finder);
	return 0;
}

static void disconnect(struct process_finder *finder)
{
	finder->source = sd_event_source_disable_unref(finder->source);
	if (finder->fd >= 0)
		close(finder->fd);
	finder->fd = -1;
	finder->counts.unanswered += finder->count;
	finder->count = 0;
}

struct process_finder *process_finder_free(struct process_finder *finder)
{
	if (finder) {
		disconnect(finder);
		sd_event_source_disable_unref(finder->timer);
		free(finder);
	}
	return NULL;
}

static void set_trouble(struct process_finder *finder, enum trouble trouble, int error)
{
	char text[TROUBLE_MAX];
	if (trouble == finder->trouble)
		return;
	finder->trouble = trouble;
	switch (trouble) {
	case TROUBLE_NONE:
		finder->tell(NULL, finder->userdata);
		return;
	case TROUBLE_AWAY:
		snprintf(text, sizeof(text),
		         "nobody tells processes at %s (%s), so that of what the gateway itself "
		         "tries only the user is known; `systemctl enable --now "
		         "egressd-processes.socket` starts it",
		         finder->path, strerror(error));
		break;
	case TROUBLE_SILENT:
		snprintf(text, sizeof(text),
		         "egressd-processes does not answer at %s, so that of what the gateway "
		         "itself tries only the user is known",
		         finder->path);
		break;
	case TROUBLE_BLIND:
		snprintf(text, sizeof(text),
		         "egressd-processes may not look into all processes; it needs "
		         "CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH");
		break;
	}
	finder->tell(text, finder->userdata);
}

static void wake_in(struct process_finder *finder, usec_t span)
{
	/* A timer that exists can be set; without it a helper that is gone would stay so. */
	(void)sd_event_source_set_time_relative(finder->timer, span);
	(void)sd_event_source_set_enabled(finder->timer, SD_EVENT_ONESHOT);
}

/* The helper is of no use as it is: another try after a while, a longer one each time. */
static void lose(struct process_finder *finder, enum trouble trouble, int error)
{
	disconnect(finder);
	set_trouble(finder, trouble, error);
	wake_in(finder, finder->again);
	finder->again = finder->again * 2 < AGAIN_MOST ? finder->again * 2 : AGAIN_MOST;
}

static void take_text(const json_t *process, const char *name, char *buffer, size_t size)
{
	alarm_name(buffer, size, json_string_value(json_object_get(process, name)));
	for (char *p = buffer; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			*p = '?';
}

static uint64_t take_number(const json_t *object, const char *name)
{
	json_int_t number = json_integer_value(json_object_get(object, name));
	return number > 0 ? (uint64_t)number : 0;
}

static bool take_process(const json_t *process, struct process_seen *seen)
{
	uint64_t pid = take_number(process, "pid");
	if (!pid || pid > INT32_MAX)
		return false;
	seen->pid = (uint32_t)pid;
	seen->started = take_number(process, "started");
	take_text(process, "name", seen->name, sizeof(seen->name));
	take_text(process, "executable", seen->executable, sizeof(seen->executable));
	take_text(process, "command", seen->command, sizeof(seen->command));
	take_text(process, "unit", seen->unit, sizeof(seen->unit));
	return true;
}

/* Tells what an answer says; false when it makes no sense. */
static bool take_answer(struct process_finder *finder, const struct asked *asked,
                        const json_t *answer)
{
	const json_t *processes = json_object_get(answer, "processes");
	const char *result = json_string_value(json_object_get(answer, "result"));
	struct process_seen seen[PROCESSES_TOLD] = {};
	size_t count = json_array_size(processes);

	if (!result || count > PROCESSES_TOLD)
		return false;
	for (size_t i = 0; i < PROCESSES_TOLD; i++) {
		seen[i].stream = asked->stream;
		seen[i].uid = asked->uid;
		seen[i].last = asked->attempt;
		if (i < count && !take_process(json_array_get(processes, i), &seen[i]))
			return false;
	}
	bool blind = !count && take_number(answer, "denied") > 0;
	if (blind || finder->trouble != TROUBLE_BLIND || count)
		set_trouble(finder, blind ? TROUBLE_BLIND : TROUBLE_NONE, 0);
	if (count)
		finder->counts.found++;
	else if (strcmp(result, "failed") == 0 || blind)
		finder->counts.failed++;
	else
		finder->counts.gone++;
	finder->found(seen, count ? count : 1, finder->userdata);
	return true;
}

/* Reads one answer. 0 when there was none, 1 when there was, or a negative errno. */
static int read_answer(struct process_finder *finder)
{
	char text[PROCESS_ANSWER_MAX + 1];
	ssize_t n = recv(finder->fd, text, sizeof(text), MSG_DONTWAIT);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	if (n == 0)
		return -ECONNRESET;
	_cleanup_(json_release) json_t *answer = NULL;
	json_error_t error;
	(void)json_text_read(text, (size_t)n, &error, &answer);
	const struct asked *asked = &finder->asked[finder->first];
	/* There may be none, as the helper leaves out what it cannot send: those before are over.
	 */
	while (finder->count && asked->number != take_number(answer, "number")) {
		finder->first = (finder->first + 1) % PROCESS_QUESTIONS_MAX;
		finder->count--;
		finder->counts.unanswered++;
		asked = &finder->asked[finder->first];
	}
	if (!finder->count)
		return -EPROTO;
	const struct asked answered = *asked;
	finder->first = (finder->first + 1) % PROCESS_QUESTIONS_MAX;
	finder->count--;
	if (!take_answer(finder, &answered, answer)) {
		finder->counts.unanswered++;
		return -EPROTO;
	}
	finder->again = AGAIN_FIRST;
	return 1;
}

static int on_readable(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	struct process_finder *finder = userdata;
	int r = 1;
	for (unsigned i = 0; i < ANSWERS_AT_ONCE && r > 0; i++)
		r = read_answer(finder);
	if (r < 0)
		lose(finder, r == -EPROTO ? TROUBLE_SILENT : TROUBLE_AWAY, -r);
	return 0;
}

static void connect_helper(struct process_finder *finder)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	size_t length = strlen(finder->path);
	if (length >= sizeof(address.sun_path)) {
		lose(finder, TROUBLE_AWAY, ENAMETOOLONG);
		return;
	}
	memcpy(address.sun_path, finder->path, length);
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int r = fd < 0 ? -errno : 0;
	if (r == 0 && connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		r = -errno;
	finder->fd = fd;
	if (r == 0)
		r = sd_event_add_io(finder->event, &finder->source, fd, EPOLLIN, on_readable,
		                    finder);
	if (r < 0) {
		lose(finder, TROUBLE_AWAY, -r);
		return;
	}
	/* Whether he answers, shows when he is asked. */
	if (finder->trouble == TROUBLE_AWAY)
		set_trouble(finder, TROUBLE_NONE, 0);
}

static int on_time(sd_event_source *source, uint64_t time, void *userdata)
{
	struct process_finder *finder = userdata;
	if (!finder->wanted)
		return 0;
	if (finder->fd < 0) {
		connect_helper(finder);
		return 0;
	}
	if (!finder->count)
		return 0;
	usec_t waited = clock_monotonic() - finder->asked[finder->first].sent;
	if (waited >= PROCESS_ANSWER_TIME)
		lose(finder, TROUBLE_SILENT, ETIMEDOUT);
	else
		wake_in(finder, PROCESS_ANSWER_TIME - waited);
	return 0;
}

void process_finder_want(struct process_finder *finder, bool wanted)
{
	if (wanted == finder->wanted)
		return;
	finder->wanted = wanted;
	if (wanted) {
		connect_helper(finder);
		return;
	}
	disconnect(finder);
	finder->again = AGAIN_FIRST;
	set_trouble(finder, TROUBLE_NONE, 0);
}

static struct process_question question_about(const struct ledger_noted *noted, uint32_t interface,
                                              uint64_t number)
{
	const struct ledger_key *key = &noted->key;
	struct process_question question = {
	        .number = number,
	        .version = PROCESS_PROTOCOL,
	        .uid = noted->uid,
	        .interface = interface,
	        .local_port = noted->source_port,
	        .remote_port = key->port,
	        .family = key->source.family == FAMILY_IPV4 ? 4 : 6,
	        .protocol = key->protocol,
	};
	memcpy(question.local, key->source.bytes, sizeof(question.local));
	memcpy(question.remote, key->destination.bytes, sizeof(question.remote));
	return question;
}

void process_finder_ask(struct process_finder *finder, const struct ledger_noted *noted,
                        uint32_t interface)
{
	const struct ledger_key *key = &noted->key;
	if (!finder->wanted || !noted->has_uid ||
	    (key->protocol != IPPROTO_TCP && key->protocol != IPPROTO_UDP))
		return;
	usec_t now = clock_monotonic();
	finder->counts.attempts++;
	if (finder->fd < 0) {
		finder->counts.unanswered++;
		return;
	}
	if (finder->count == PROCESS_QUESTIONS_MAX ||
	    !budget_spend(&finder->budget, PROCESS_QUESTIONS_A_SECOND, now)) {
		finder->counts.left_out++;
		return;
	}

	const struct process_question question =
	        question_about(noted, interface, finder->number + 1);
	if (send(finder->fd, &question, sizeof(question), MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
		finder->counts.left_out += errno == EAGAIN;
		finder->counts.unanswered += errno != EAGAIN;
		if (errno != EAGAIN)
			lose(finder, TROUBLE_AWAY, errno);
		return;
	}
	if (!finder->count)
		wake_in(finder, PROCESS_ANSWER_TIME);
	finder->asked[(finder->first + finder->count++) % PROCESS_QUESTIONS_MAX] = (struct asked){
	        .number = ++finder->number,
	        .stream = ledger_stream(&noted->key),
	        .uid = noted->uid,
	        .attempt = noted->last,
	        .sent = now,
	};
}

struct process_counts process_finder_counts(const struct process_finder *finder)
{
	return finder->counts;
}
