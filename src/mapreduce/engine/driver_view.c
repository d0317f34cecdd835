/* SPDX-License-Identifier: Apache-2.0 */
/*
 * driver_view.c - how a running job stands: what is committed, and what running attempts have done
 * so far by their live pages.
 */
#include "driver_internal.h"

#include <assert.h>
#include <ctype.h>

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* Copies what a task says of itself; it may be writing it this very moment. */
static void copy_status(char *status, size_t size, const struct mr_live *live)
{
	size_t used = 0;

	assert(size > 0);
	while (used < size - 1 && used < sizeof(live->status) && live->status[used]) {
		status[used] =
			isprint((unsigned char)live->status[used]) ? live->status[used] : ' ';
		used++;
	}
	status[used] = 0;
}

static void add_running(const struct mr_driver *driver, const struct mr_driver_slot *slot,
			struct mr_view *view)
{
	uint64_t bytes = atomic_load_explicit(&slot->live->bytes_in, memory_order_relaxed);
	uint32_t task = slot->attempt.task;

	assert(slot->busy);
	if (slot->attempt.kind == MR_MAP) {
		assert(task < driver->plan->split_count);
		view->sums.input_bytes += bytes;
		view->records_in +=
			atomic_load_explicit(&slot->live->records_in, memory_order_relaxed);
		view->bytes_done += least(bytes, driver->plan->splits[task].bytes);
	} else if (slot->attempt.kind == MR_REDUCE) {
		assert(task < driver->board->unit_count);
		bytes = least(bytes, driver->board->units[task].bytes_in);
		view->sums.shuffle_bytes += bytes;
		view->bytes_done += bytes;
	}
	if (view->status[0] == 0)
		copy_status(view->status, sizeof(view->status), slot->live);
}

void mr_driver_view(const struct mr_driver *driver, struct mr_view *view)
{
	enum mr_task_kind kind = driver->phase == MR_PHASE_SAMPLE ? MR_SAMPLE
				 : driver->phase <= MR_PHASE_PLAN ? MR_MAP
								  : MR_REDUCE;

	*view = (struct mr_view){
		.now_us = driver->now_us,
		.phase = driver->phase,
		.phase_from_us = driver->result->phase_us[driver->phase],
		.records_in = driver->records_in,
		.sums = driver->sums,
	};
	view->sums.at_us = driver->now_us;
	mr_schedule_count(driver->schedule, kind, &view->tasks, &view->tasks_done);
	assert(view->tasks_done <= view->tasks);
	if (kind == MR_MAP) {
		view->bytes = driver->plan->bytes;
		view->bytes_done = driver->plan_bytes_done;
	} else if (kind == MR_REDUCE) {
		view->bytes = driver->reduce_bytes;
		view->bytes_done = driver->sums.shuffle_bytes;
	}
	for (uint32_t i = 0; i < driver->slot_count; i++) {
		if (driver->slots[i].busy && !driver->slots[i].attempt.probe)
			add_running(driver, &driver->slots[i], view);
	}
	view->bytes_done = least(view->bytes_done, view->bytes);
}

void mr_driver_finish(struct mr_driver *driver)
{
	driver->result->end_us = driver->now_us;
	driver->result->pool_peak_bytes = mr_pool_used_peak(&driver->pool);
}
