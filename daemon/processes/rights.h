/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_PROCESSES_RIGHTS_H
#define EGRESSD_PROCESSES_RIGHTS_H

#define RIGHTS_MISSING 1 /* one of the two that are needed was not there to begin with */

/*
 * Gives up, for good, every capability but CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH
 * (capabilities(7)), all that a program could gain by executing another, and being looked into by
 * others. 0, RIGHTS_MISSING, or a negative errno.
 */
int rights_reduce(void);

#endif
