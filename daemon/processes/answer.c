/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "processes/answer.h"

#include "base/cleanup.h"
#include "json_release.h"
#include "kernel/socket_owner.h"
#include "processes/proc.h"
#include "processes/question.h"

#include <errno.h>
#include <jansson.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

/* What was found; the result and the error are texts that last. */
struct findings {
	const char *result;
	const char *error; /* NULL: none */
	struct holders holders;
};

static bool is_question(const struct process_question *question)
{
	static const uint8_t zeros[16];
	return question->version == PROCESS_PROTOCOL &&
	       (question->family == 4 || question->family == 6) &&
	       (question->protocol == IPPROTO_TCP || question->protocol == IPPROTO_UDP) &&
	       memcmp(question->unused, zeros, sizeof(question->unused)) == 0;
}

static struct findings look(const struct process_question *question)
{
	enum family family = question->family == 4 ? FAMILY_IPV4 : FAMILY_IPV6;
	const struct socket_tuple tuple = {
	        .protocol = question->protocol,
	        .local = address_from_bytes(family, question->local),
	        .remote = address_from_bytes(family, question->remote),
	        .local_port = question->local_port,
	        .remote_port = question->remote_port,
	        .interface = question->interface,
	};
	struct findings findings = {.result = "gone"};
	struct socket_owner owner;

	int r = socket_owner_find(&tuple, &owner);
	/* The port may be somebody else's by now, who is not to be accused. */
	if (r == SOCKET_GONE || (r == 0 && owner.uid != question->uid))
		return findings;
	if (r == 0)
		r = proc_find_holders(owner.inode, &findings.holders);
	findings.result = findings.holders.count ? "found" : r < 0 ? "failed" : "unseen";
	findings.error = r < 0 ? strerror(-r) : NULL;
	return findings;
}

/* Names, paths and arguments are bytes that others chose: one line of UTF-8 is made of them. */
static json_t *text_or_null(const char *text)
{
	_cleanup_free_ char *plain = text[0] ? strdup(text) : NULL;
	if (!plain)
		return json_null();
	for (char *p = plain; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			*p = '?';
	json_t *string = json_string(plain);
	if (string)
		return string;
	for (char *p = plain; *p; p++)
		if (*p & 0x80)
			*p = '?';
	return json_string(plain);
}

static json_t *process_to_json(const struct process *process)
{
	return json_pack(
	        "{sI so so so so so}", "pid", (json_int_t)process->pid, "name",
	        text_or_null(process->name), "executable", text_or_null(process->executable),
	        "command", text_or_null(process->command), "unit", text_or_null(process->unit),
	        "started",
	        process->started ? json_integer((json_int_t)process->started) : json_null());
}

static char *findings_text(uint64_t number, const struct findings *findings)
{
	_cleanup_(json_release) json_t *processes = json_array();
	for (size_t i = 0; i < findings->holders.count; i++)
		if (json_array_append_new(processes, process_to_json(&findings->holders.items[i])) <
		    0)
			return NULL;
	_cleanup_(json_release) json_t *answer =
	        json_pack("{sI ss ss? sI sO}", "number", (json_int_t)number, "result",
	                  findings->result, "error", findings->error, "denied",
	                  (json_int_t)findings->holders.denied, "processes", processes);
	return answer ? json_dumps(answer, JSON_COMPACT) : NULL;
}

int process_answer(const void *question, size_t length, char **ret_answer, size_t *ret_length)
{
	struct process_question checked;
	if (length != sizeof(checked))
		return -EBADMSG;
	memcpy(&checked, question, sizeof(checked));
	if (!is_question(&checked))
		return -EBADMSG;

	const struct findings findings = look(&checked);
	_cleanup_free_ char *text = findings_text(checked.number, &findings);
	if (!text)
		return -ENOMEM;
	*ret_length = strlen(text);
	if (*ret_length > PROCESS_ANSWER_MAX)
		return -EMSGSIZE;
	*ret_answer = TAKE_POINTER(text);
	return 0;
}
