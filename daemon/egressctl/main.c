/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "egressctl.h"

#include <locale.h>
#include <time.h>

int main(int argc, char **argv)
{
	struct timespec time = {};
	/* For the width of characters. The files of all categories are a sixth of the start. */
	setlocale(LC_CTYPE, "");
	clock_gettime(CLOCK_REALTIME, &time);
	usec_t now = (usec_t)time.tv_sec * USEC_PER_SEC + (usec_t)time.tv_nsec / 1000;
	return (int)egressctl_run(argc, argv, stdout, stderr, now);
}
