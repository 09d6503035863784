/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_RULESET_RECOVER_H
#define EGRESSD_RULESET_RECOVER_H

#include "base/time.h"
#include "policy/request.h"
#include "ruleset/ruleset.h"

/*
 * The requests of run time that a table tells of, for when they cannot be read where they were
 * kept: what it forbids, it goes on to forbid. Quarantines and assignments stand in it with their
 * ends, who asked and, as far as there was room, why. A permit cannot be told from its rules: it
 * ends.
 */
struct recovered {
	size_t quarantines, assignments;
	size_t permits; /* that were in force, and are lost */
	size_t untold;  /* elements, or sets that others made unreadable, of which there is no
	                 * telling whom they hold in quarantine */
};

/*
 * Adds to the requests what a table that was read back at that time tells; one that the list has
 * already stays as it is. Their uid is REQUEST_UID_UNKNOWN, and no number is given again that a
 * permit of the table has. 0 or -ENOMEM, with a part of them added.
 */
int ruleset_recover(const struct ruleset *table, usec_t now, struct requests *requests,
                    struct recovered *ret_recovered);

#endif
