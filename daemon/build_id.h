/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_BUILD_ID_H
#define EGRESSD_BUILD_ID_H

#include <stddef.h>

#define BUILD_ID_TEXT_MAX 129 /* 64 bytes as hexadecimal digits, and NUL */

/*
 * The build ID of the running program, which the linker makes of all that is in it: the note
 * NT_GNU_BUILD_ID of elf(5), as hexadecimal digits. 0, or -ENOENT with "" when it was linked
 * without one or with a longer one.
 */
int build_id_read(char ret_text[static BUILD_ID_TEXT_MAX]);

#endif
