/* SPDX-License-Identifier: Apache-2.0 */
/*
 * schedule.c - see schedule.h: what every event changes.
 */
#include "schedule_state.h"

#include <assert.h>
#include <stdlib.h>

/* ---- Making one ----------------------------------------------------------------------------- */

static int init_lanes(struct mr_schedule *schedule, struct gw_error *error)
{
	const struct mr_schedule_setup *setup = &schedule->setup;
	struct mr_lane *maps = &schedule->lanes[MR_MAP];
	int code;

	code = mr_lane_init(&schedule->lanes[MR_SAMPLE], 1, setup->sample ? 1 : 0, error);
	if (code == 0)
		code = mr_lane_init(maps, setup->maps, setup->maps, error);
	if (code == 0)
		code = mr_lane_init(&schedule->lanes[MR_PLACE], setup->map_only ? setup->maps : 0,
				    0, error);
	if (code < 0)
		return code;
	schedule->lanes[MR_SAMPLE].total = setup->sample ? 1 : 0;
	if (setup->only_map >= 0) {
		maps->fresh = (uint32_t)setup->only_map;
		maps->end = maps->fresh + 1;
	}
	maps->total = maps->end - maps->fresh;
	return 0;
}

int mr_schedule_new(struct mr_schedule **schedule, const struct mr_schedule_setup *setup,
		    struct gw_error *error)
{
	struct mr_schedule *made;
	int code;

	assert(setup->slots > 0 && setup->attempts > 0);
	assert(setup->only_map < (int64_t)setup->maps);
	made = calloc(1, sizeof(*made));
	if (!made)
		return gw_fail(error, GW_E_NO_MEMORY, "no memory for the scheduler");
	made->setup = *setup;
	if (setup->skip_bad_records && setup->attempts < 2)
		made->setup.attempts = 2;
	made->phase = setup->sample ? MR_PHASE_SAMPLE : MR_PHASE_MAP;
	made->in_state[MR_SLOT_DOWN] = setup->slots;
	made->slots = calloc(setup->slots, sizeof(*made->slots));
	if (!made->slots)
		code = gw_fail(error, GW_E_NO_MEMORY, "no memory for %u slots", setup->slots);
	else
		code = init_lanes(made, error);
	if (code < 0) {
		mr_schedule_free(made);
		return code;
	}
	*schedule = made;
	return 0;
}

void mr_schedule_free(struct mr_schedule *schedule)
{
	if (!schedule)
		return;
	for (unsigned kind = 0; kind < MR_KINDS; kind++)
		mr_lane_done(&schedule->lanes[kind]);
	free(schedule->slots);
	free(schedule);
}

/* ---- Failures ------------------------------------------------------------------------------- */

static void decide(struct mr_schedule *schedule, enum mr_verdict_reason reason,
		   const struct mr_attempt_id *id, const struct mr_failure *failure)
{
	if (schedule->verdict.reason == MR_VERDICT_NONE)
		schedule->verdict = (struct mr_verdict){reason, *id, *failure};
}

/* Errors of the engine that would only happen again. What user code returns is GW_E_USER_CODE. */
static bool is_final(const struct mr_failure *failure)
{
	if (failure->cause != MR_CAUSE_CODE)
		return false;
	switch (failure->code) {
	case GW_E_NO_SPACE:
	case GW_E_CORRUPT:
	case GW_E_TRUNCATED:
	case GW_E_NOT_FOUND:
	case GW_E_DENIED:
	case GW_E_TOO_LARGE:
	case GW_E_VERSION:
	case GW_E_UNSUPPORTED:
		return true;
	default:
		return false;
	}
}

static void run_again(struct mr_lane *lane, uint32_t number)
{
	assert(number < lane->count);
	if (lane->tasks[number].running == 0)
		mr_lane_push(lane, number);
}

static void count_failure(struct mr_schedule *schedule, const struct mr_attempt_id *id,
			  const struct mr_failure *failure)
{
	struct mr_lane *lane = &schedule->lanes[id->kind];

	if (++lane->tasks[id->task].failures >= schedule->setup.attempts)
		decide(schedule, MR_VERDICT_ATTEMPTS, id, failure);
	else
		run_again(lane, id->task);
}

static void bad_record(struct mr_schedule *schedule, const struct mr_attempt_id *id)
{
	struct mr_lane *lane = &schedule->lanes[id->kind];
	struct mr_trouble *trouble = lane->tasks[id->task].trouble;

	assert(trouble && trouble->skip_count <= MR_SKIPS_MAX);
	if (!schedule->setup.skip_bad_records) {
		decide(schedule, MR_VERDICT_BAD_RECORD, id, &trouble->failure);
	} else if (trouble->skip_count == MR_SKIPS_MAX) {
		decide(schedule, MR_VERDICT_SKIPS, id, &trouble->failure);
	} else if (!mr_trouble_skip(trouble)) {
		count_failure(schedule, id, &trouble->failure);
	} else {
		lane->tasks[id->task].failures = 0;
		run_again(lane, id->task);
	}
}

static void follow(struct mr_schedule *schedule, const struct mr_attempt_id *id,
		   enum mr_trouble_next next, const struct mr_failure *failure)
{
	switch (next) {
	case MR_TROUBLE_COUNT:
		count_failure(schedule, id, failure);
		break;
	case MR_TROUBLE_AGAIN:
		run_again(&schedule->lanes[id->kind], id->task);
		break;
	case MR_TROUBLE_BAD:
		bad_record(schedule, id);
		break;
	}
}

static void attempt_failed(struct mr_schedule *schedule, const struct mr_attempt_id *id, bool probe,
			   const struct mr_failure *failure)
{
	struct mr_lane *lane = &schedule->lanes[id->kind];
	struct mr_task *task = &lane->tasks[id->task];

	if (task->done)
		return;
	if (id->kind == MR_SAMPLE) {
		mr_lane_finish(lane, id->task); /* dropped: the job goes on without */
		return;
	}
	if (is_final(failure)) {
		decide(schedule, MR_VERDICT_ERROR, id, failure);
		return;
	}
	if (!task->trouble)
		task->trouble = calloc(1, sizeof(*task->trouble));
	if (!task->trouble)
		decide(schedule, MR_VERDICT_MEMORY, id, failure);
	else
		follow(schedule, id, mr_trouble_failed(task->trouble, failure, probe), failure);
}

/* ---- Slots ---------------------------------------------------------------------------------- */

void mr_schedule_set_state(struct mr_schedule *schedule, struct mr_schedule_slot *slot,
			   enum mr_slot_state state)
{
	assert(schedule->in_state[slot->state] > 0 && state < MR_SLOT_STATES);
	schedule->in_state[slot->state]--;
	schedule->in_state[state]++;
	slot->state = state;
}

static void ask_kill(struct mr_schedule *schedule, struct mr_schedule_slot *slot)
{
	if (slot->kill || slot->killed)
		return;
	slot->kill = true;
	schedule->kills++;
	assert(schedule->kills <= schedule->setup.slots);
}

void mr_schedule_forget_kill(struct mr_schedule *schedule, struct mr_schedule_slot *slot)
{
	assert(!slot->kill || schedule->kills > 0);
	if (slot->kill)
		schedule->kills--;
	slot->kill = false;
}

/* Whether id is what the slot runs; if so the attempt is over. */
static bool end_attempt(struct mr_schedule *schedule, struct mr_schedule_slot *slot,
			const struct mr_attempt_id *id)
{
	if (slot->state != MR_SLOT_BUSY || !mr_attempt_id_equal(&slot->id, id))
		return false;
	assert(schedule->lanes[id->kind].tasks[id->task].running > 0);
	schedule->lanes[id->kind].tasks[id->task].running--;
	mr_schedule_forget_kill(schedule, slot);
	mr_schedule_set_state(schedule, slot, slot->killed ? MR_SLOT_DYING : MR_SLOT_IDLE);
	return true;
}

/* ---- Events --------------------------------------------------------------------------------- */

void mr_schedule_ready(struct mr_schedule *schedule, uint32_t number)
{
	struct mr_schedule_slot *slot = &schedule->slots[number];

	assert(number < schedule->setup.slots);
	if (slot->state != MR_SLOT_STARTING)
		return;
	slot->starts = 0;
	mr_schedule_set_state(schedule, slot, MR_SLOT_IDLE);
}

static void kill_others(struct mr_schedule *schedule, const struct mr_attempt_id *id)
{
	for (uint32_t i = 0; i < schedule->setup.slots; i++) {
		struct mr_schedule_slot *slot = &schedule->slots[i];

		if (slot->state == MR_SLOT_BUSY && slot->id.kind == id->kind &&
		    slot->id.task == id->task)
			ask_kill(schedule, slot);
	}
}

bool mr_schedule_committed(struct mr_schedule *schedule, uint32_t number,
			   const struct mr_attempt_id *id)
{
	struct mr_schedule_slot *slot = &schedule->slots[number];
	struct mr_lane *lane;
	struct mr_task *task;

	assert(number < schedule->setup.slots);
	if (!end_attempt(schedule, slot, id))
		return false;
	lane = &schedule->lanes[id->kind];
	task = &lane->tasks[id->task];
	if (task->done || schedule->verdict.reason != MR_VERDICT_NONE)
		return false;
	assert(!slot->probe || task->trouble);
	if (slot->probe) {
		struct mr_failure failure = task->trouble->failure;

		follow(schedule, id, mr_trouble_lived(task->trouble), &failure);
		return false;
	}
	mr_lane_finish(lane, id->task);
	if (task->running > 0)
		kill_others(schedule, id);
	return true;
}

bool mr_schedule_failed(struct mr_schedule *schedule, uint32_t number,
			const struct mr_attempt_id *id, const struct mr_failure *failure)
{
	struct mr_schedule_slot *slot = &schedule->slots[number];

	assert(number < schedule->setup.slots);
	if (!end_attempt(schedule, slot, id))
		return false;
	attempt_failed(schedule, id, slot->probe, failure);
	return true;
}

static void died_starting(struct mr_schedule *schedule, struct mr_schedule_slot *slot,
			  const struct mr_failure *failure)
{
	const struct mr_attempt_id none = {0};

	if (++slot->starts < MR_SLOT_STARTS_MAX) {
		mr_schedule_set_state(schedule, slot, MR_SLOT_DOWN);
		return;
	}
	mr_schedule_set_state(schedule, slot, MR_SLOT_GONE);
	if (schedule->in_state[MR_SLOT_GONE] == schedule->setup.slots)
		decide(schedule, MR_VERDICT_SLOTS, &none, failure);
}

void mr_schedule_died(struct mr_schedule *schedule, uint32_t number,
		      const struct mr_failure *failure)
{
	struct mr_schedule_slot *slot = &schedule->slots[number];
	struct mr_failure how = *failure;
	struct mr_attempt_id id = slot->id;
	bool probe = slot->probe;

	assert(number < schedule->setup.slots);
	if (slot->state == MR_SLOT_DOWN || slot->state == MR_SLOT_GONE)
		return;
	if (slot->state == MR_SLOT_STARTING) {
		died_starting(schedule, slot, failure);
		return;
	}
	assert(slot->state == MR_SLOT_IDLE || slot->state == MR_SLOT_BUSY ||
	       slot->state == MR_SLOT_DYING);
	if (slot->timed_out && slot->killed) {
		how.cause = MR_CAUSE_TIMEOUT;
		how.outside = false;
	}
	if (end_attempt(schedule, slot, &id))
		attempt_failed(schedule, &id, probe, &how);
	mr_schedule_set_state(schedule, slot, MR_SLOT_DOWN);
	slot->killed = false;
}

void mr_schedule_watch(struct mr_schedule *schedule, uint32_t number, uint64_t record,
		       uint64_t now_ms)
{
	struct mr_schedule_slot *slot = &schedule->slots[number];

	assert(number < schedule->setup.slots);
	if (schedule->setup.record_timeout_ms == 0 || slot->state != MR_SLOT_BUSY)
		return;
	if (record == 0 || record != slot->record) {
		slot->record = record;
		slot->since_ms = now_ms;
	} else if (now_ms - slot->since_ms >= schedule->setup.record_timeout_ms) {
		if (!slot->kill && !slot->killed)
			slot->timed_out = true;
		ask_kill(schedule, slot);
	}
}

int mr_schedule_set_reduces(struct mr_schedule *schedule, uint32_t units, struct gw_error *error)
{
	int code;

	assert(schedule->phase == MR_PHASE_PLAN && !schedule->lanes[MR_REDUCE].tasks);
	code = mr_lane_init(&schedule->lanes[MR_REDUCE], units, units, error);
	if (code == 0)
		code = mr_lane_init(&schedule->lanes[MR_PLACE], units, 0, error);
	if (code < 0)
		return code;
	schedule->lanes[MR_REDUCE].total = units;
	schedule->phase = MR_PHASE_REDUCE;
	return 0;
}

void mr_schedule_drop_reduce(struct mr_schedule *schedule, uint32_t unit)
{
	struct mr_lane *lane = &schedule->lanes[MR_REDUCE];

	assert(schedule->phase == MR_PHASE_REDUCE && lane->fresh == 0 && unit < lane->count);
	mr_lane_finish(lane, unit);
}

void mr_schedule_add_place(struct mr_schedule *schedule, uint32_t unit)
{
	struct mr_lane *lane = &schedule->lanes[MR_PLACE];
	const struct mr_lane *maker =
		&schedule->lanes[schedule->setup.map_only ? MR_MAP : MR_REDUCE];

	assert(unit < lane->count && maker->tasks[unit].done);
	assert(!lane->tasks[unit].queued && lane->tasks[unit].started == 0);
	lane->total++;
	mr_lane_push(lane, unit);
}

bool mr_schedule_add_backup(struct mr_schedule *schedule, enum mr_task_kind kind, uint32_t number)
{
	struct mr_lane *lane = &schedule->lanes[kind];
	struct mr_task *task;

	assert(number < lane->count);
	task = &lane->tasks[number];
	if (task->done || task->running == 0 || (task->trouble && task->trouble->probing))
		return false;
	mr_lane_push(lane, number);
	return true;
}

/* ---- Questions ------------------------------------------------------------------------------ */

enum mr_phase mr_schedule_phase(const struct mr_schedule *schedule)
{
	return schedule->phase;
}

const struct mr_verdict *mr_schedule_verdict(const struct mr_schedule *schedule)
{
	return &schedule->verdict;
}

void mr_schedule_count(const struct mr_schedule *schedule, enum mr_task_kind kind, uint32_t *tasks,
		       uint32_t *done)
{
	assert((unsigned)kind < MR_KINDS);
	assert(schedule->lanes[kind].done <= schedule->lanes[kind].total);
	*tasks = schedule->lanes[kind].total;
	*done = schedule->lanes[kind].done;
}

uint32_t mr_schedule_skips(const struct mr_schedule *schedule, enum mr_task_kind kind,
			   uint32_t number, const struct mr_position **skips)
{
	const struct mr_trouble *trouble;

	assert(number < schedule->lanes[kind].count);
	trouble = schedule->lanes[kind].tasks[number].trouble;
	*skips = trouble ? trouble->skips : NULL;
	return trouble ? trouble->skip_count : 0;
}

bool mr_schedule_running(const struct mr_schedule *schedule, uint32_t number,
			 struct mr_attempt_id *id)
{
	assert(number < schedule->setup.slots);
	*id = schedule->slots[number].id;
	return schedule->slots[number].state == MR_SLOT_BUSY;
}

bool mr_schedule_timed_out(const struct mr_schedule *schedule, uint32_t number)
{
	assert(number < schedule->setup.slots);
	return schedule->slots[number].timed_out;
}
