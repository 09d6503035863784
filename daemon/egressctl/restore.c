/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "verbs.h"

#include "ask.h"
#include "base/place.h"
#include "local_time.h"
#include "policy/load.h"
#include "policy/meaning.h"
#include "restoration.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define COPY_BYTES_MAX (SNAPSHOT_BYTES_MAX + (size_t)16 * 1024 * 1024)

/* A copy that was read: the text, its files and the policy that they make. */
struct copy {
	char *path;
	char *text;
	struct snapshot snapshot;
	struct policy *policy;
};

static void copy_done(struct copy *copy)
{
	policy_free(copy->policy);
	snapshot_done(&copy->snapshot);
	free(copy->text);
	free(copy->path);
	*copy = (struct copy){};
}

/* 0 or a negative errno; -EFBIG when it is larger than a copy can be. */
static int read_text(const char *path, char **ret_text, size_t *ret_length)
{
	struct stat st;
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	if (st.st_size < 0 || (uint64_t)st.st_size > COPY_BYTES_MAX)
		return -EFBIG;
	size_t size = (size_t)st.st_size, length = 0;
	_cleanup_free_ char *text = malloc(size + 1);
	if (!text)
		return -ENOMEM;
	for (ssize_t n; length < size; length += (size_t)n) {
		n = read(fd, text + length, size - length);
		if (n < 0)
			return -errno;
		if (n == 0)
			return -EIO; /* it shrank */
	}
	text[length] = '\0';
	*ret_text = TAKE_POINTER(text);
	*ret_length = length;
	return 0;
}

/* Reads a copy and the policy in it; complains unless the file is missing. 0 or a negative errno.
 */
static int read_copy(const struct command *command, struct copy *copy)
{
	const struct policy_origin origin = {.snapshot = &copy->snapshot};
	struct problems problems = {};
	size_t length = 0;
	int r = read_text(copy->path, &copy->text, &length);
	if (r < 0) {
		if (r != -ENOENT)
			complain(command, "%s: %s", copy->path, strerror(-r));
		return r;
	}
	r = snapshot_parse(copy->text, length, &copy->snapshot);
	if (r == SNAPSHOT_BROKEN)
		complain(command, "%s is torn, or no copy of a configuration that egressd made",
		         copy->path);
	if (r == 0) {
		r = policy_load_from(&origin, &problems, &copy->policy);
		ARRAY_FOREACH (problem, &problems.list)
			complain_at(command, problem->file, problem->line, problem->text);
		if (r > 0)
			complain(command, "%s: the configuration in this copy cannot be loaded",
			         copy->path);
		problems_done(&problems);
	}
	if (r < 0)
		complain(command, "%s: %s", copy->path, strerror(-r));
	return r > 0 ? -EBADMSG : r;
}

/* What the files on the disk mean; empty when they have mistakes or cannot be read. */
static void meaning_on_disk(const char *config, char meaning[static MEANING_TEXT_BYTES])
{
	_cleanup_(policy_freep) struct policy *policy = NULL;
	struct problems problems = {};
	*meaning = '\0';
	if (policy_load(config, NULL, &problems, &policy) != 0 ||
	    policy_meaning(policy, meaning) < 0)
		*meaning = '\0';
	problems_done(&problems);
}

/* The newest copy in that folder that means something else than the files on the disk. */
static enum outcome choose(const struct command *command, const char *folder, const char *config,
                           struct copy *copy)
{
	static const char *const names[] = {LAST_GOOD_NAME, LAST_GOOD_BEFORE_NAME};
	char now[MEANING_TEXT_BYTES], then[MEANING_TEXT_BYTES];
	bool found = false;
	meaning_on_disk(config, now);
	for (size_t i = 0; i < ELEMENTS_OF(names); i++) {
		copy_done(copy);
		if (asprintf(&copy->path, "%s/%s", folder, names[i]) < 0) {
			copy->path = NULL;
			complain(command, "%s", strerror(ENOMEM));
			return OUTCOME_REFUSED;
		}
		int r = read_copy(command, copy);
		if (r == -EACCES)
			return OUTCOME_REFUSED;
		if (r < 0)
			continue;
		found = true;
		if (policy_meaning(copy->policy, then) == 0 && strcmp(now, then) != 0)
			return OUTCOME_DONE;
	}
	if (found)
		complain(command, "nothing to restore: %s is the policy of every copy in %s",
		         config, folder);
	else
		complain(command, "there is no copy in %s that can be restored", folder);
	return OUTCOME_REFUSED;
}

static enum outcome find_copy(const struct command *command, const char *where, const char *config,
                              struct copy *copy)
{
	struct stat st;
	if (stat(where, &st) < 0) {
		complain(command, "%s: %s", where, strerror(errno));
		return OUTCOME_REFUSED;
	}
	if (S_ISDIR(st.st_mode))
		return choose(command, where, config, copy);
	copy->path = strdup(where);
	return copy->path && read_copy(command, copy) == 0 ? OUTCOME_DONE : OUTCOME_REFUSED;
}

static const char *deed(enum restored what)
{
	switch (what) {
	case RESTORED_SAME:
		return "unchanged";
	case RESTORED_WRITTEN:
		return "restored";
	case RESTORED_ASIDE:
		return "moved";
	case RESTORED_OUTSIDE:
		return "outside";
	}
	abort(); /* no other value is ever made */
}

static void print_file(const struct command *command, const struct restored_file *file)
{
	const struct writer *writer = &command->writer;
	switch (file->what) {
	case RESTORED_SAME:
		writer_line(writer, COLOUR_NONE, "%s is unchanged.", file->path);
		return;
	case RESTORED_WRITTEN:
		writer_line(writer, COLOUR_NONE,
		            file->aside ? "%s is restored; the file before is %s."
		                        : "%s is restored.",
		            file->path, file->aside);
		return;
	case RESTORED_ASIDE:
		writer_line(writer, COLOUR_NONE, "%s is not in the copy; it was moved to %s.",
		            file->path, file->aside);
		return;
	case RESTORED_OUTSIDE:
		writer_line(writer, COLOUR_WARNING,
		            "%s differs and was not restored: it is outside of the folder of the "
		            "configuration. Restore it yourself.",
		            file->path);
		return;
	}
}

static void print_restoration(const struct command *command, const struct copy *copy,
                              const struct restoration *restoration)
{
	char time[LOCAL_TIME_TEXT_MAX];
	writer_line(&command->writer, COLOUR_BOLD,
	            "The configuration of %s (%s):", local_time_print(copy->snapshot.time, time),
	            copy->path);
	ARRAY_FOREACH (file, &restoration->files)
		print_file(command, file);
}

static json_t *restoration_to_json(const struct copy *copy, const struct restoration *restoration,
                                   bool good)
{
	json_t *files = json_array();
	ARRAY_FOREACH (file, &restoration->files)
		json_array_append_new(files,
		                      json_pack("{s:s, s:s, s:s?}", "path", file->path, "result",
		                                deed(file->what), "aside", file->aside));
	return json_pack("{s:s, s:I, s:b, s:o}", "copy", copy->path, "time",
	                 (json_int_t)copy->snapshot.time, "restored", good, "files", files);
}

/* Whether the files on the disk are those of the copy now. */
static bool is_whole(const struct command *command, const char *config, const struct copy *copy)
{
	_cleanup_(policy_freep) struct policy *policy = NULL;
	struct problems problems = {};
	int r = policy_load(config, NULL, &problems, &policy);
	ARRAY_FOREACH (problem, &problems.list)
		complain_at(command, problem->file, problem->line, problem->text);
	problems_done(&problems);
	if (r == 0 && strcmp(policy->digest, copy->snapshot.digest) == 0)
		return true;
	complain(command, "%s is not the configuration of the copy yet", config);
	return false;
}

static enum outcome restore(const struct command *command, const char *config,
                            const struct copy *copy, json_t **ret_json)
{
	struct restoration restoration = {};
	time_t seconds = (time_t)(command->now / USEC_PER_SEC);
	char stamp[32] = "";
	struct tm tm;
	if (gmtime_r(&seconds, &tm))
		(void)strftime(stamp, sizeof(stamp), "%Y%m%dT%H%M%SZ", &tm);

	int r = restoration_make(&restoration, &copy->snapshot, config, stamp);
	if (r < 0)
		complain(command, "%s: %s", restoration.failed ? restoration.failed : config,
		         strerror(-r));
	bool good = r == 0 && is_whole(command, config, copy);
	if (command->writer.json)
		*ret_json = restoration_to_json(copy, &restoration, good);
	else
		print_restoration(command, copy, &restoration);
	restoration_done(&restoration);
	return good ? OUTCOME_DONE : OUTCOME_REFUSED;
}

enum outcome verb_restore(const struct command *command)
{
	const char *where = command->words[0] ? command->words[0] : EGRESSD_STATE;
	const char *config =
	        command->words[0] && command->words[1] ? command->words[1] : EGRESSD_CONFIG;
	_cleanup_(json_decrefp) json_t *json = NULL, *answer = NULL;
	_cleanup_(copy_done) struct copy copy = {};

	enum outcome outcome = find_copy(command, where, config, &copy);
	if (outcome == OUTCOME_DONE)
		outcome = restore(command, config, &copy, &json);
	if (outcome == OUTCOME_DONE && !command->writer.json)
		return verb_reload(command);
	if (outcome == OUTCOME_DONE)
		outcome = ask(command, "Reload", json_object(), CHANGE_USEC, &answer);
	if (json) {
		json_object_set(json, "reload", answer ? answer : json_null());
		writer_json(&command->writer, json, false);
	}
	return outcome;
}
