/* SPDX-License-Identifier: Apache-2.0 */
/*
 * driver.c - see driver.h: a job from its beginning to its end, and what is done for each action
 * of the scheduler.
 */
#include "driver_internal.h"

#include <assert.h>
#include <limits.h>
#include <stdlib.h>

/* ---- Beginning and end ------------------------------------------------------------------------
 */

/* Part files are there before anything is reduced, so that an empty part has one too. */
static int make_parts(const struct mr_driver *driver, struct gw_error *error)
{
	for (uint32_t part = 0; part < driver->config->parts; part++) {
		struct mr_file *file;
		char path[PATH_MAX];
		int code;

		mr_part_path(driver->config, part, path, sizeof(path));
		code = driver->store->operations->create_temp(driver->store, path, &file, error);
		if (code < 0)
			return code;
		mr_file_close(file);
	}
	return 0;
}

static int make_schedule(struct mr_driver *driver, struct gw_error *error)
{
	const struct gw_mr_options *options = &driver->config->options;
	struct mr_schedule_setup setup = {
		.slots = driver->slot_count,
		.maps = driver->plan->split_count,
		.sample = options->only_map < 0 &&
			  mr_board_wants_sample(driver->config, driver->plan),
		.map_only = driver->config->job.map_only,
		.skip_bad_records = options->skip_bad_records,
		.attempts = (uint32_t)options->attempts,
		.record_timeout_ms = options->record_timeout_ms,
		.only_map = options->only_map,
	};

	assert(options->attempts > 0 && options->attempts <= MR_ATTEMPTS_MAX);
	if (options->only_map >= (int64_t)setup.maps)
		return gw_fail(error, GW_E_USAGE,
			       "--only-map %lld: there are %u map tasks, counted "
			       "from 0",
			       (long long)options->only_map, setup.maps);
	return mr_schedule_new(&driver->schedule, &setup, error);
}

static int make_slots(struct mr_driver *driver, const struct mr_shared *shared,
		      struct gw_error *error)
{
	driver->slots = calloc(driver->slot_count, sizeof(*driver->slots));
	if (!driver->slots)
		return gw_fail(error, GW_E_NO_MEMORY, "no memory for %u slots", driver->slot_count);
	for (uint32_t i = 0; i < driver->slot_count; i++)
		driver->slots[i].live = mr_shared_live(shared, i);
	return 0;
}

int mr_driver_init(struct mr_driver *driver, const struct mr_shared *shared, struct gw_error *error)
{
	int code;

	assert(driver->config && driver->plan && driver->store && driver->ops && driver->result);
	assert(driver->slot_count > 0 && driver->slot_count <= MR_SLOTS_MAX);
	assert(shared->board && shared->lives && !driver->slots);
	driver->board = mr_board_init(shared->board, driver->config, driver->plan);
	mr_shared_space_init(&driver->space, driver->config, driver->store, shared);
	code = mr_pool_init(&driver->pool, shared->pool_size, driver->slot_count, error);
	if (code == 0)
		code = make_slots(driver, shared, error);
	if (code == 0)
		code = make_schedule(driver, error);
	if (code == 0 && driver->config->job.map_only) {
		code = mr_board_plan_map_only(driver->board, driver->config, driver->plan, error);
		if (code == 0)
			code = make_parts(driver, error);
	}
	if (code < 0)
		mr_driver_done(driver);
	return code;
}

void mr_driver_done(struct mr_driver *driver)
{
	for (uint32_t i = 0; driver->slots && i < driver->slot_count; i++) {
		free(driver->slots[i].runs);
		free(driver->slots[i].outputs);
	}
	free(driver->slots);
	driver->slots = NULL;
	mr_schedule_free(driver->schedule);
	driver->schedule = NULL;
	mr_pool_done(&driver->pool);
	mr_shared_space_done(&driver->space);
}

struct mr_names mr_driver_names(const struct mr_driver *driver)
{
	return (struct mr_names){driver->config, driver->plan, driver->board};
}

/* ---- Actions ----------------------------------------------------------------------------------
 */

/* All maps are committed: what is there to reduce? */
static int plan_reduces(struct mr_driver *driver, struct gw_error *error)
{
	struct mr_board *board = driver->board;
	int64_t only = driver->config->options.only_reduce;
	int code = make_parts(driver, error);

	assert(driver->phase == MR_PHASE_PLAN && !driver->config->job.map_only);
	if (code == 0)
		code = mr_board_plan_reduces(board, driver->config, &driver->space.space, error);
	if (code == 0)
		code = mr_schedule_set_reduces(driver->schedule, board->unit_count, error);
	if (code < 0)
		return code;
	for (uint32_t i = 0; i < board->unit_count; i++) {
		if (only >= 0 && board->units[i].part != only)
			mr_schedule_drop_reduce(driver->schedule, i);
		else
			driver->reduce_bytes += board->units[i].bytes_in;
	}
	return 0;
}

static int start(struct mr_driver *driver, const struct mr_action *action, struct gw_error *error)
{
	struct mr_driver_slot *slot = &driver->slots[action->slot];

	assert(action->slot < driver->slot_count && action->attempt.kind <= MR_PLACE);
	assert(!slot->busy && slot->run_count == 0 && slot->output_count == 0);
	slot->busy = true;
	slot->strange = false;
	slot->gasped = false;
	slot->attempt = action->attempt;
	slot->from_us = driver->now_us;
	slot->printed_size = 0;
	/* The slot resets its page itself, but not before the driver may look at it. */
	atomic_store_explicit(&slot->live->record, 0, memory_order_relaxed);
	atomic_store_explicit(&slot->live->bytes_in, 0, memory_order_relaxed);
	atomic_store_explicit(&slot->live->records_in, 0, memory_order_relaxed);
	atomic_store_explicit(&slot->live->enough, 0, memory_order_relaxed);
	slot->live->side_count = 0;
	slot->live->error.text[0] = 0;
	driver->result->attempts[action->attempt.kind]++;
	return driver->ops->start(driver->ops_context, action->slot, &action->attempt, error);
}

static int verdict(struct mr_driver *driver, struct gw_error *error)
{
	struct mr_names names = mr_driver_names(driver);

	return mr_explain_verdict(&names, mr_schedule_verdict(driver->schedule), driver->last_error,
				  error);
}

static int act_on(struct mr_driver *driver, const struct mr_action *action, struct gw_error *error)
{
	assert(action->slot < driver->slot_count && !driver->over);
	switch (action->kind) {
	case MR_ACTION_SPAWN:
		return driver->ops->spawn(driver->ops_context, action->slot, error);
	case MR_ACTION_START:
		return start(driver, action, error);
	case MR_ACTION_KILL:
		return driver->ops->kill(driver->ops_context, action->slot, error);
	case MR_ACTION_PLAN:
		return plan_reduces(driver, error);
	case MR_ACTION_DONE:
		driver->over = true;
		return 0;
	default:
		return verdict(driver, error);
	}
}

static void note_phase(struct mr_driver *driver)
{
	enum mr_phase phase = mr_schedule_phase(driver->schedule);

	assert(phase >= driver->phase && phase <= MR_PHASE_OVER);
	if (phase != driver->phase)
		driver->result->phase_us[phase] = driver->now_us;
	driver->phase = phase;
}

int mr_driver_act(struct mr_driver *driver, struct gw_error *error)
{
	struct mr_action action;
	int code = 0;

	while (code >= 0 && mr_schedule_next(driver->schedule, &action) != MR_ACTION_NONE) {
		note_phase(driver);
		code = act_on(driver, &action, error);
	}
	note_phase(driver);
	return code;
}

/* ---- Time -------------------------------------------------------------------------------------
 */

static bool sampling(const struct mr_driver *driver, uint32_t *slot)
{
	if (driver->phase != MR_PHASE_SAMPLE)
		return false;
	for (*slot = 0; *slot < driver->slot_count; ++*slot) {
		const struct mr_driver_slot *one = &driver->slots[*slot];

		if (one->busy && one->attempt.kind == MR_SAMPLE &&
		    !atomic_load_explicit(&one->live->enough, memory_order_relaxed))
			return true;
	}
	return false;
}

void mr_driver_tick(struct mr_driver *driver)
{
	uint64_t limit_ms = driver->config->options.record_timeout_ms;
	uint32_t slot;

	if (sampling(driver, &slot) &&
	    driver->now_us - driver->slots[slot].from_us >= MR_SAMPLE_US_MAX)
		atomic_store_explicit(&driver->slots[slot].live->enough, 1, memory_order_relaxed);
	if (limit_ms == 0 || driver->now_us < driver->watch_us)
		return;
	driver->watch_us = driver->now_us + limit_ms * 1000 / 4;
	for (uint32_t i = 0; i < driver->slot_count; i++) {
		if (driver->slots[i].busy)
			mr_schedule_watch(driver->schedule, i,
					  atomic_load_explicit(&driver->slots[i].live->record,
							       memory_order_relaxed),
					  driver->now_us / 1000);
	}
}

uint64_t mr_driver_wake(const struct mr_driver *driver)
{
	uint64_t wake = UINT64_MAX;
	uint32_t slot;

	if (sampling(driver, &slot))
		wake = driver->slots[slot].from_us + MR_SAMPLE_US_MAX;
	if (driver->config->options.record_timeout_ms > 0 && driver->watch_us < wake)
		wake = driver->watch_us;
	return wake;
}
