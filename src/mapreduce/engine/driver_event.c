/* SPDX-License-Identifier: Apache-2.0 */
/*
 * driver_event.c - what attempts did. Until an attempt is committed, what it published waits with
 * its slot; whatever it left is given back when it turns out not to count.
 */
#include "driver_internal.h"

#include "base/allocate.h"

#include <assert.h>
#include <limits.h>
#include <stdio.h>

bool mr_driver_runs(const struct mr_driver *driver, uint32_t number, const struct mr_attempt_id *id)
{
	const struct mr_driver_slot *slot = &driver->slots[number];
	struct mr_attempt_id own = mr_attempt_id_of(&slot->attempt);

	assert(number < driver->slot_count);
	return slot->busy && mr_attempt_id_equal(&own, id);
}

void mr_driver_ready(struct mr_driver *driver, uint32_t slot)
{
	assert(slot < driver->slot_count);
	mr_schedule_ready(driver->schedule, slot);
}

/* ---- Publishing -------------------------------------------------------------------------------
 */

/* Processes that run user code may say anything: is it a region of the attempt? */
static bool is_own(const struct mr_driver *driver, const struct mr_attempt_id *id,
		   const struct mr_region *region)
{
	struct mr_attempt_id of = {region->kind, region->task, region->number};

	if (region->spilled)
		return mr_attempt_id_equal(&of, id) && region->offset <= INT64_MAX &&
		       region->size <= INT64_MAX - region->offset;
	return mr_shared_space_contains(&driver->space, region);
}

int mr_driver_run(struct mr_driver *driver, uint32_t number, const struct mr_attempt_id *id,
		  const struct mr_run *run, struct gw_error *error)
{
	struct mr_driver_slot *slot = &driver->slots[number];
	struct mr_run *runs = slot->runs;

	if (!mr_driver_runs(driver, number, id))
		return 0;
	if (id->kind != MR_MAP || run->task != id->task || !is_own(driver, id, &run->region)) {
		slot->strange = true;
		return 0;
	}
	if (slot->run_count == slot->run_capacity)
		runs = base_grow(runs, sizeof(*runs), &slot->run_capacity, slot->run_count + 1);
	if (!runs)
		return gw_fail(error, GW_E_NO_MEMORY, "no memory for %zu runs", slot->run_count);
	assert(slot->run_count < slot->run_capacity);
	slot->runs = runs;
	slot->runs[slot->run_count++] = *run;
	return 0;
}

int mr_driver_output(struct mr_driver *driver, uint32_t number, const struct mr_attempt_id *id,
		     const struct mr_region *region, struct gw_error *error)
{
	struct mr_driver_slot *slot = &driver->slots[number];
	struct mr_region *outputs = slot->outputs;
	enum mr_task_kind maker = driver->config->job.map_only ? MR_MAP : MR_REDUCE;

	if (!mr_driver_runs(driver, number, id))
		return 0;
	if (id->kind != maker || !is_own(driver, id, region)) {
		slot->strange = true;
		return 0;
	}
	if (slot->output_count == slot->output_capacity)
		outputs = base_grow(outputs, sizeof(*outputs), &slot->output_capacity,
				    slot->output_count + 1);
	if (!outputs)
		return gw_fail(error, GW_E_NO_MEMORY, "no memory for %zu pieces of output",
			       slot->output_count);
	assert(slot->output_count < slot->output_capacity);
	slot->outputs = outputs;
	slot->outputs[slot->output_count++] = *region;
	return 0;
}

int mr_driver_allocate(struct mr_driver *driver, uint32_t number, const struct mr_attempt_id *id,
		       uint64_t size, uint64_t *offset, struct gw_error *error)
{
	int found;

	if (!mr_driver_runs(driver, number, id))
		return 0;
	found = mr_pool_allocate(&driver->pool, number, size, offset, error);
	assert(found <= 0 || *offset < driver->space.shared->pool_size);
	return found;
}

/* ---- The end of an attempt --------------------------------------------------------------------
 */

static void remove_spill(struct mr_driver *driver, const struct mr_region *region)
{
	char path[PATH_MAX];

	mr_spill_path(driver->config, region, path, sizeof(path));
	(void)driver->store->operations->remove(driver->store, path, NULL);
}

/* Whether the attempt's spill file holds something that was published. */
static bool spill_counts(const struct mr_driver_slot *slot)
{
	for (size_t i = 0; i < slot->run_count; i++) {
		if (slot->runs[i].region.spilled)
			return true;
	}
	for (size_t i = 0; i < slot->output_count; i++) {
		if (slot->outputs[i].spilled)
			return true;
	}
	return false;
}

static uint32_t side_count(const struct mr_driver_slot *slot)
{
	uint32_t count = slot->live->side_count;

	return count < MR_SIDE_FILES_MAX ? count : MR_SIDE_FILES_MAX;
}

static void forget_side_files(struct mr_driver *driver, const struct mr_driver_slot *slot)
{
	for (uint32_t i = 0; i < side_count(slot); i++) {
		char path[PATH_MAX];

		mr_side_path(driver->config, &slot->attempt, i, path, sizeof(path));
		(void)driver->store->operations->remove(driver->store, path, NULL);
	}
}

void mr_driver_end_attempt(struct mr_driver *driver, uint32_t number, enum mr_outcome outcome)
{
	struct mr_driver_slot *slot = &driver->slots[number];
	const struct mr_attempt *attempt = &slot->attempt;
	struct mr_span span = {.kind = (uint8_t)attempt->kind,
			       .outcome = (uint8_t)outcome,
			       .slot = (uint16_t)number,
			       .task = attempt->task,
			       .number = attempt->number,
			       .from_us = slot->from_us,
			       .to_us = driver->now_us};
	struct mr_region region = {
		.kind = attempt->kind, .task = attempt->task, .number = attempt->number};

	assert(number < driver->slot_count && number <= UINT16_MAX);
	assert(slot->busy && driver->now_us >= slot->from_us);
	if (driver->keep_spans)
		mr_result_add_span(driver->result, &span);
	if (outcome != MR_COMMITTED)
		forget_side_files(driver, slot);
	if (outcome != MR_COMMITTED || !spill_counts(slot))
		remove_spill(driver, &region);
	mr_pool_drop(&driver->pool, number); /* what was committed is kept there already */
	slot->run_count = 0;
	slot->output_count = 0;
	slot->busy = false;
}

/* ---- Commit -----------------------------------------------------------------------------------
 */

static int commit_side_file(struct mr_driver *driver, const struct mr_driver_slot *slot,
			    uint32_t index, struct gw_error *error)
{
	const char *name = slot->live->side_names[index];
	char from[PATH_MAX], to[PATH_MAX];
	size_t length = strnlen(name, MR_SIDE_NAME_MAX);
	int code;

	assert(index < MR_SIDE_FILES_MAX);
	if (length == 0 || length == MR_SIDE_NAME_MAX || name[0] == '.' ||
	    memchr(name, '/', length))
		return gw_fail(error, GW_E_INVALID, "a side file has a name that cannot be");
	mr_side_path(driver->config, &slot->attempt, index, from, sizeof(from));
	if (snprintf(to, sizeof(to), "%s/out/%s", driver->config->staging, name) >= (int)sizeof(to))
		return gw_fail(error, GW_E_TOO_LARGE, "side file %s: the name is too long", name);
	code = driver->store->operations->commit(driver->store, from, to, error);
	if (code == GW_E_EXISTS)
		return gw_fail(error, code, "side file %s: another task made one of that name",
			       name);
	return code < 0 ? gw_fail_in(error, "side file %s", name) : 0;
}

static int commit_runs(struct mr_driver *driver, uint32_t number, struct gw_error *error)
{
	struct mr_driver_slot *slot = &driver->slots[number];
	int code = 0;

	assert(slot->busy && slot->attempt.kind == MR_MAP && slot->output_count == 0);
	for (size_t i = 0; code == 0 && i < slot->run_count; i++) {
		code = mr_board_add_run(driver->board, &slot->runs[i], error);
		if (!slot->runs[i].region.spilled)
			mr_pool_keep(&driver->pool, number, slot->runs[i].region.offset);
	}
	return code;
}

static int commit_outputs(struct mr_driver *driver, uint32_t number, struct gw_error *error)
{
	struct mr_driver_slot *slot = &driver->slots[number];
	uint32_t unit = slot->attempt.task;
	int code = 0;

	assert(slot->busy && unit < driver->board->unit_count);
	for (size_t i = 0; code == 0 && i < slot->output_count; i++) {
		code = mr_board_add_output(driver->board, unit, &slot->outputs[i], error);
		if (!slot->outputs[i].spilled)
			mr_pool_keep(&driver->pool, number, slot->outputs[i].offset);
	}
	if (code < 0)
		return code;
	mr_board_unit_done(driver->board, unit);
	driver->sums.output_bytes += driver->board->units[unit].bytes;
	return 0;
}

/* The output of the unit is in its part's file: what held it is free. */
static void commit_place(struct mr_driver *driver, uint32_t number)
{
	const struct mr_unit *unit = &driver->board->units[number];

	assert(number < driver->board->unit_count && unit->done && unit->placed);
	assert(unit->output_count <= driver->board->output_count - unit->first_output);
	for (uint32_t i = 0; i < unit->output_count; i++) {
		const struct mr_region *region = &driver->board->outputs[unit->first_output + i];

		if (region->spilled)
			remove_spill(driver, region);
		else
			mr_pool_release(&driver->pool, region->offset);
	}
}

static void add_skipped(struct mr_driver *driver, const struct mr_attempt *attempt)
{
	assert(attempt->skip_count <= MR_SKIPS_MAX);
	for (uint32_t i = 0; i < attempt->skip_count; i++) {
		struct mr_skipped skipped = {.kind = attempt->kind,
					     .task = attempt->task,
					     .position = attempt->skips[i]};

		if (attempt->kind == MR_REDUCE)
			skipped.part = driver->board->units[attempt->task].part;
		mr_result_add_skipped(driver->result, &skipped);
	}
}

static int add_sums(struct mr_driver *driver, const struct mr_driver_slot *slot,
		    struct gw_error *error)
{
	const struct mr_counters *counters = &slot->live->counters;
	uint32_t task = slot->attempt.task;
	int code = mr_counters_add(&driver->result->counters, counters, error);

	if (code < 0)
		return code;
	if (slot->attempt.kind == MR_MAP) {
		assert(task < driver->plan->split_count);
		driver->sums.input_bytes += (uint64_t)counters->automatic[MR_COUNT_MAP_BYTES_IN];
		driver->records_in += (uint64_t)counters->automatic[MR_COUNT_MAP_RECORDS_IN];
		driver->plan_bytes_done += driver->plan->splits[task].bytes;
	} else if (slot->attempt.kind == MR_REDUCE) {
		assert(task < driver->board->unit_count);
		driver->sums.shuffle_bytes += driver->board->units[task].bytes_in;
	}
	return 0;
}

/* Makes visible what the attempt did. */
static int publish(struct mr_driver *driver, uint32_t number, struct gw_error *error)
{
	struct mr_driver_slot *slot = &driver->slots[number];
	enum mr_task_kind kind = slot->attempt.kind;
	uint32_t unit;
	int code = 0;

	assert(slot->busy && !slot->attempt.probe && kind <= MR_PLACE);
	driver->result->tasks[kind]++;
	if (kind == MR_SAMPLE)
		return 0; /* it set the ranges itself, and counts nothing */
	if (kind == MR_PLACE)
		commit_place(driver, slot->attempt.task);
	else if (kind == MR_MAP && !driver->config->job.map_only)
		code = commit_runs(driver, number, error);
	else
		code = commit_outputs(driver, number, error);
	for (uint32_t i = 0; code == 0 && i < side_count(slot); i++)
		code = commit_side_file(driver, slot, i, error);
	if (code == 0)
		code = add_sums(driver, slot, error);
	if (code < 0)
		return code;
	add_skipped(driver, &slot->attempt);
	while (mr_board_next_place(driver->board, &unit))
		mr_schedule_add_place(driver->schedule, unit);
	return 0;
}

int mr_driver_committed(struct mr_driver *driver, uint32_t number, const struct mr_attempt_id *id,
			struct gw_error *error)
{
	int code = 0;

	if (!mr_driver_runs(driver, number, id))
		return 0;
	if (driver->slots[number].strange) {
		mr_driver_failed(driver, number, id, GW_E_INVALID);
		return 0;
	}
	if (mr_schedule_committed(driver->schedule, number, id)) {
		code = publish(driver, number, error);
		mr_driver_end_attempt(driver, number, MR_COMMITTED);
	} else {
		mr_driver_end_attempt(driver, number, MR_DROPPED);
	}
	return code;
}
