/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernel/view.h"

void view_done(struct view *view)
{
	ruleset_free(view->table);
	*view = (struct view){};
}

const struct ruleset *kernel_view(struct kernel *kernel, uint32_t *ret_generation)
{
	const struct view *view = kernel_known(kernel);

	*ret_generation = view->generation;
	return view->table;
}

void kernel_keep_view(struct kernel *kernel, struct ruleset *table, uint32_t generation)
{
	struct view *view = kernel_known(kernel);

	ruleset_free(view->table);
	*view = (struct view){
	        .table = table,
	        .generation = generation,
	        .number = view->number + 1,
	        .batches = view->batches,
	};
}

void kernel_doubt_view(struct kernel *kernel)
{
	struct view *view = kernel_known(kernel);

	view->generation = 0; /* which no table has */
	view->unsettled = true;
}

struct ruleset *kernel_change_view(struct kernel *kernel, uint32_t generation)
{
	struct view *view = kernel_known(kernel);

	view->generation = generation;
	view->number++;
	view->unsettled = false;
	return view->table;
}

bool kernel_view_outlasts(struct kernel *kernel, uint32_t generation)
{
	struct view *view = kernel_known(kernel);

	if (!view->table || view->unsettled)
		return false;
	view->generation = generation;
	return true;
}

size_t kernel_view_learned(struct kernel *kernel, size_t elements)
{
	struct view *view = kernel_known(kernel);

	view->learned += elements;
	return view->learned;
}

uint64_t kernel_view_number(struct kernel *kernel)
{
	return kernel_known(kernel)->number;
}

uint64_t kernel_batches(struct kernel *kernel)
{
	return kernel_known(kernel)->batches;
}

void kernel_note_batch(struct kernel *kernel)
{
	kernel_known(kernel)->batches++;
}
