/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "turns-kernel.h"

#include "kernel/commit.h"
#include "kernel/contacted.h"
#include "kernel/generation.h"
#include "kernel/known.h"
#include "kernel/ownership.h"
#include "kernel/read.h"
#include "kernel/timed.h"
#include "kernel/verify.h"
#include "kernel/view.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct kernel {
	struct view view;
};

struct generation_monitor {
	int fd;
	bool told;
};

static struct {
	uint32_t generation;
	uint8_t refused_step;
	bool exists;
	struct generation_monitor *monitor;
} now;

void turns_kernel_reset(void)
{
	now.generation = 1;
	now.refused_step = 0;
	now.exists = false;
}

void turns_refuse(uint8_t step)
{
	now.refused_step = step;
}

void turns_others_commit(void)
{
	now.generation++;
	if (now.monitor) {
		now.monitor->told = false;
		(void)eventfd_write(now.monitor->fd, 1);
	}
}

/* The kernel and its table. */

int kernel_open(struct kernel **ret_kernel)
{
	*ret_kernel = calloc(1, sizeof(**ret_kernel));
	return *ret_kernel ? 0 : -ENOMEM;
}

struct kernel *kernel_free(struct kernel *kernel)
{
	if (kernel)
		view_done(&kernel->view);
	free(kernel);
	return NULL;
}

int kernel_commit_fd(const struct kernel *kernel)
{
	return -1;
}

int kernel_take_commit_fd(struct kernel *kernel, int fd)
{
	return -EBADF;
}

uint32_t kernel_commit_port(const struct kernel *kernel)
{
	return 1;
}

int kernel_receive_buffer(struct kernel *kernel, size_t bytes)
{
	return 0;
}

struct view *kernel_known(struct kernel *kernel)
{
	return &kernel->view;
}

int kernel_generation(struct kernel *kernel, uint32_t *ret_generation)
{
	*ret_generation = now.generation;
	return 0;
}

bool kernel_is_ours(const struct kernel *kernel, uint32_t generation)
{
	return false;
}

/* What is known of the table is what it is, whatever is doubted; a new daemon finds none. */
int table_view(struct kernel *kernel, const struct ruleset **ret_ruleset, uint32_t *ret_generation)
{
	uint32_t known;
	const struct ruleset *view = kernel_view(kernel, &known);
	if (!view) {
		struct ruleset *fresh = ruleset_new();
		if (!fresh)
			return -ENOMEM;
		kernel_keep_view(kernel, fresh, now.generation);
		view = kernel_view(kernel, &known);
	}
	if (known != now.generation)
		(void)kernel_change_view(kernel, now.generation);
	*ret_ruleset = view;
	*ret_generation = now.generation;
	return 0;
}

int table_header(struct kernel *kernel, struct ruleset **ret_ruleset, uint32_t *ret_generation)
{
	*ret_generation = now.generation;
	*ret_ruleset = ruleset_new();
	if (!*ret_ruleset)
		return -ENOMEM;
	(*ret_ruleset)->exists = now.exists;
	return 0;
}

int table_read(struct kernel *kernel, struct ruleset **ret_ruleset, uint32_t *ret_generation)
{
	return table_header(kernel, ret_ruleset, ret_generation);
}

int table_exists(struct kernel *kernel, bool *ret_exists, uint32_t *ret_generation)
{
	*ret_exists = false; /* nothing is to be recovered from it */
	*ret_generation = now.generation;
	return 0;
}

int table_holds(struct kernel *kernel)
{
	uint32_t known;
	return kernel_view(kernel, &known) && known == now.generation ? 0 : -EAGAIN;
}

int table_commit(struct kernel *kernel, const struct delta *delta, uint32_t generation,
                 struct refusal *ret_refusal)
{
	if (!delta->steps.count)
		return 0;
	if (generation && generation != now.generation)
		return COMMIT_STALE;
	if (now.refused_step) {
		*ret_refusal = (struct refusal){
		        .error = -EBUSY,
		        .at = delta->steps.items[now.refused_step % delta->steps.count].at,
		};
		snprintf(ret_refusal->text, sizeof(ret_refusal->text), "cannot do it, in %s:%u",
		         ret_refusal->at.file ? ret_refusal->at.file : "", ret_refusal->at.line);
		now.refused_step = 0;
		return COMMIT_REFUSED;
	}
	now.generation++;
	now.exists = true;
	return 0;
}

int table_verify(struct kernel *kernel, const struct delta *delta, const struct ruleset *have,
                 struct ruleset *wanted, struct verified *ret_verified)
{
	uint64_t handle = 1;
	*ret_verified = (struct verified){};
	ARRAY_FOREACH (chain, &wanted->chains)
		ARRAY_FOREACH (rule, &chain->rules)
			rule->handle = handle++;
	return 0;
}

int table_apply_timed(struct kernel *kernel, const struct ruleset *wanted,
                      struct applied *ret_applied)
{
	return TIMED_UNDECIDED;
}

enum ownership owner_of(const struct kernel *kernel, const struct ruleset *table)
{
	return OWNERSHIP_NONE;
}

int owner_wish(struct kernel *kernel, bool own)
{
	return 0;
}

uint32_t owner_flags(struct kernel *kernel, const struct ruleset *have)
{
	return 0;
}

int owner_wake(struct kernel *kernel, const struct ruleset *have, uint32_t generation)
{
	return 0;
}

int owner_adopt(struct kernel *kernel, const struct ruleset *have, uint32_t generation)
{
	return 0;
}

int owner_possible(struct kernel *kernel)
{
	return 0;
}

int contacted_forget(struct kernel *kernel)
{
	return 0;
}

int destination_is_known(struct kernel *kernel, const struct address *source,
                         const struct address *destination)
{
	return 0;
}

/* Who commits. */

int generation_monitor_open(struct generation_monitor **ret_monitor)
{
	struct generation_monitor *monitor = calloc(1, sizeof(*monitor));
	if (!monitor)
		return -ENOMEM;
	monitor->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	*ret_monitor = now.monitor = monitor;
	return 0;
}

struct generation_monitor *generation_monitor_free(struct generation_monitor *monitor)
{
	if (monitor)
		close(monitor->fd);
	free(monitor);
	now.monitor = NULL;
	return NULL;
}

int generation_monitor_fd(const struct generation_monitor *monitor)
{
	return monitor->fd;
}

int generation_monitor_read(struct generation_monitor *monitor, generation_callback_t callback,
                            void *userdata)
{
	eventfd_t count;
	const struct generation_event event = {
	        .generation = now.generation, .pid = 4711, .process = "nft"};
	(void)eventfd_read(monitor->fd, &count);
	if (!monitor->told)
		callback(&event, userdata);
	monitor->told = true;
	return 0;
}
