/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_KERNEL_KNOWN_BUGS_H
#define EGRESSD_KERNEL_KNOWN_BUGS_H

#include <stdbool.h>

/*
 * Whether a kernel release, as of uname(2) ("6.1.0-18-amd64"), is one of those in which look-ups in
 * sets of concatenated ranges could give a wrong answer: CVE-2026-43114, from 5.7 on
 * until 5.10.258, 5.15.209, 6.1.175, 6.6.136, 6.12.83, 6.18.24 and 6.19.14. Distributions mend
 * kernels without changing that number, so it only suggests. False for what is no release.
 */
bool release_has_pipapo_bug(const char *release);

#endif
