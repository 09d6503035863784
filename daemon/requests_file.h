/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_REQUESTS_FILE_H
#define EGRESSD_REQUESTS_FILE_H

#include "policy/request.h"
#include "state_file.h"

#include <stdbool.h>

/*
 * Where the requests of run time outlive the daemon: requests.json in the state directory, mode
 * 0600, always whole. Whoever can write to it can permit things, so a file that others may write to
 * is not believed.
 */

#define REQUESTS_FILE_NAME    "requests.json"
#define REQUESTS_FILE_MAX     ((size_t)64 * 1024 * 1024) /* bytes */
#define REQUESTS_FILE_TO_MAX  128 /* bytes of a permit's destination; names have NAME_MAX_BYTES */
#define REQUESTS_FILE_SERVICE 64  /* bytes of a permit's service */

/*
 * What came of reading it. Of these, a list is there after REQUESTS_FILE_WHOLE and _SPARE: the
 * version of a moment before, because a loss of power tore the last one, or it is gone.
 */
enum requests_file {
	REQUESTS_FILE_WHOLE,
	REQUESTS_FILE_BROKEN = STATE_FILE_BROKEN, /* it is torn or foreign: it was set aside */
	REQUESTS_FILE_SPARE,
	REQUESTS_FILE_NONE, /* there is no file, or no directory */
};

/*
 * Reads the file of that directory, one of enum requests_file. The requests are the caller's; those
 * of no list are none. After _BROKEN and _SPARE *ret_text (from malloc) says what is wrong and
 * where the file is now: it was set aside as "requests.json.broken-" and the time `now`, so that
 * the next one does not write over it. A negative errno: it may be there, but cannot be read, which
 * may pass; there are no requests, and it stays where it is.
 */
int requests_file_read(const char *directory, usec_t now, struct requests *ret_requests,
                       char **ret_text);

/*
 * Writes it so that there is the old one or the new one at any time, whatever happens to the
 * daemon. durable: whatever happens to the machine, too; that takes the disk's time. Else a loss of
 * power may take it back to the last one that was durable. 0 or a negative errno: then it may be
 * the old one still.
 */
int requests_file_write(const char *directory, const struct requests *requests, bool durable);

/* True when what is there may not be on the disk yet. */
bool requests_file_is_soft(const char *directory);

#endif
