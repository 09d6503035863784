/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "table_origin.h"

#include "build_id.h"
#include "state_file.h"

#include <string.h>

#define FILE_MAX 512

/* False when nothing tells one build from another. */
static bool print(const char *digest, FILE *out)
{
	char build[BUILD_ID_TEXT_MAX];
	if (build_id_read(build) < 0)
		return false;
	fprintf(out, "egressd %s\nbuild %s\npolicy %s\n", EGRESSD_VERSION, build, digest);
	return true;
}

bool table_origin_is(const char *directory, const char *digest)
{
	_cleanup_free_ char *text = NULL;
	char wanted[FILE_MAX] = "";
	struct state_wrong wrong;
	size_t length;
	_cleanup_fclose_ FILE *out = fmemopen(wanted, sizeof(wanted), "w");
	if (!out)
		return false;
	return print(digest, out) && fflush(out) == 0 &&
	       state_file_read(directory, TABLE_ORIGIN_NAME, FILE_MAX, &wrong, &text, &length) ==
	               0 &&
	       strcmp(text, wanted) == 0;
}

void table_origin_note(const char *directory, const char *digest)
{
	struct state_draft *draft;
	if (state_draft_new(directory, TABLE_ORIGIN_NAME, &draft) < 0)
		return;
	if (print(digest, state_draft_out(draft)))
		(void)state_draft_keep(draft, false);
	else
		(void)state_draft_free(draft);
}
