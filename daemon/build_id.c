/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "build_id.h"

#include <elf.h>
#include <errno.h>
#include <link.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* Name and descriptor of a note are each padded to four bytes. */
static size_t padded(size_t length)
{
	return (length + 3) & ~(size_t)3;
}

static int read_notes(const uint8_t *notes, size_t length, char *ret_text)
{
	ElfW(Nhdr) note;

	while (length >= sizeof(note)) {
		memcpy(&note, notes, sizeof(note));
		size_t name = sizeof(note), value = name + padded(note.n_namesz),
		       end = value + padded(note.n_descsz);
		if (end > length)
			break;
		if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == sizeof(ELF_NOTE_GNU) &&
		    memcmp(notes + name, ELF_NOTE_GNU, sizeof(ELF_NOTE_GNU)) == 0 &&
		    note.n_descsz < BUILD_ID_TEXT_MAX / 2 + 1) {
			for (size_t i = 0; i < note.n_descsz; i++)
				snprintf(ret_text + 2 * i, 3, "%02x", notes[value + i]);
			return 0;
		}
		notes += end;
		length -= end;
	}
	return -ENOENT;
}

/* Called for the program first; what it returns, unless it is 0, ends the walk. */
static int visit(struct dl_phdr_info *object, size_t size, void *data)
{
	for (size_t i = 0; i < object->dlpi_phnum; i++) {
		const ElfW(Phdr) *segment = &object->dlpi_phdr[i];
		if (segment->p_type == PT_NOTE &&
		    read_notes((const uint8_t *)(object->dlpi_addr + segment->p_vaddr),
		               segment->p_memsz, data) == 0)
			return 1;
	}
	return -ENOENT;
}

int build_id_read(char ret_text[static BUILD_ID_TEXT_MAX])
{
	ret_text[0] = '\0';
	return dl_iterate_phdr(visit, ret_text) == 1 ? 0 : -ENOENT;
}
