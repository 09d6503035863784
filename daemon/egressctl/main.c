/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "egressctl.h"

#include <locale.h>
#include <time.h>

int main(int argc, char **argv)
{
	struct timespec time = {};
	setlocale(LC_ALL, "");
	clock_gettime(CLOCK_REALTIME, &time);
	usec_t now = (usec_t)time.tv_sec * USEC_PER_SEC + (usec_t)time.tv_nsec / 1000;
	return (int)egressctl_run(argc, argv, stdout, stderr, now);
}
