/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_WATCH_H
#define EGRESSD_WATCH_H

#include "base/cleanup.h"
#include "base/time.h"

#include <stddef.h>
#include <systemd/sd-event.h>

/*
 * Watches files for being changed by whatever means: written in place, replaced by a rename,
 * reached by a symbolic link that was turned elsewhere, deleted and made again. It watches the
 * directories that name them (inotify(7)), for a watch on a file goes deaf with the file; and it
 * looks at the files themselves now and then, for what inotify does not tell.
 */
struct watch;

/*
 * Something may have changed. Whether it has, the owner finds out by reading: the files' state at
 * the time of the call or a later one is what it then sees, and what changes after that is told
 * again. It may call watch_set().
 */
typedef void (*watch_changed)(void *userdata);

#define WATCH_QUIET      (150 * USEC_PER_MSEC) /* told once nothing has happened for so long, */
#define WATCH_CAP        (2 * USEC_PER_SEC)    /* but no later than that after the first change */
#define WATCH_POLL       (60 * USEC_PER_SEC)
#define WATCH_POLL_BLIND (2 * USEC_PER_SEC) /* while some place cannot be watched */

/* A watch on nothing yet. event and userdata are borrowed and outlive it. 0 or a negative errno. */
int watch_new(sd_event *event, watch_changed changed, void *userdata, struct watch **ret_watch);

/* Takes NULL, returns NULL. */
struct watch *watch_free(struct watch *watch);
DEFINE_CLEANUP(struct watch *, watch_free)

/* Other times than the three above, all over 0. 0 or a negative errno. */
int watch_pace(struct watch *watch, usec_t quiet, usec_t cap, usec_t poll);

/*
 * The owner is about to read all of it though nothing was told: what has happened until now is not
 * told any more.
 */
void watch_is_read(struct watch *watch);

/*
 * What is watched from now on, in place of what was: files, and directories in which any name
 * matters (for include patterns). Neither need exist; the paths are copied. What is watched in a
 * place that was not watched before may have been changed unseen after it was read, so it is then
 * told once, as a change; setting the same again tells nothing.
 *
 * 0; 1 when some place cannot be watched (there is a limit, or no permission) and only the poll
 * will see changes there; -ENOMEM, and everything is as before. After the latter two a change is
 * told as soon as all can be watched.
 */
int watch_set(struct watch *watch, const char *const *files, size_t file_count,
              const char *const *directories, size_t directory_count);

/*
 * In which state each of these files was when it was read. If nothing else is watched and all of
 * them still are in that state, what watch_set() just put off to be told is not told: nothing was
 * changed unseen.
 */
struct stat;
void watch_were_read(struct watch *watch, const char *const *files, const struct stat *states,
                     size_t count);

#endif
