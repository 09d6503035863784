/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_NOTES_H
#define EGRESSD_NOTES_H

#include "changes.h"

#include <jansson.h>

/*
 * What somebody who has just changed something would like to know at once, because it is not what
 * he may expect: sentences, as array of strings in the replies. NULL without memory.
 */

/* A permit that is in force: what keeps it from doing anything, or anything for some destination.
 */
json_t *notes_on_permit(const struct policy *policy, const struct request_entry *entry);

/* An assignment that is in force: before which host it goes, and what keeps it from being judged.
 */
json_t *notes_on_assignment(const struct policy *policy, const struct address *address);

/* An assignment that is over: what the address is now. */
json_t *notes_on_unassigned(const struct policy *policy, const struct address *address);

#endif
