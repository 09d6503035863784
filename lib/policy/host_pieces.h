/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_POLICY_HOST_PIECES_H
#define EGRESSD_POLICY_HOST_PIECES_H

#include "policy/loader.h"

/*
 * Inside the room: hosts that are written as they were in the policy before are copied from there.
 * A reload of 100,000 hosts of which one is another then has libconfig read one piece of the list
 * instead of a hundred.
 */

/*
 * Notes the piece of that text, which begins in that line, and whose hosts are to be added next.
 * 1: they were in the policy before, and are added; 0: they are still to be read; -ENOMEM.
 */
int host_pieces_begin(struct loader *loader, const char *text, size_t length, unsigned line);

/* All hosts of the piece noted last are added now. */
void host_pieces_end(struct loader *loader);

#endif
