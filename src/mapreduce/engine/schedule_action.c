/* SPDX-License-Identifier: Apache-2.0 */
/*
 * schedule_action.c - see schedule.h: what is to be done next. Nothing is planned ahead: each
 * action is chosen when it is asked for, from the state as it is then.
 */
#include "schedule_state.h"

#include <assert.h>

static struct mr_schedule_slot *find_slot(struct mr_schedule *schedule, enum mr_slot_state state,
					  uint32_t *number)
{
	for (uint32_t i = 0; schedule->in_state[state] > 0 && i < schedule->setup.slots; i++) {
		if (schedule->slots[i].state == state) {
			*number = i;
			return &schedule->slots[i];
		}
	}
	return NULL;
}

static bool all_done(const struct mr_schedule *schedule, enum mr_task_kind kind)
{
	return schedule->lanes[kind].done == schedule->lanes[kind].total;
}

/* Goes on to the next phase if this one is over; says what the caller is to be told about it,
 * once. */
static enum mr_action_kind advance(struct mr_schedule *schedule)
{
	bool maps_end = schedule->setup.map_only || schedule->setup.only_map >= 0;

	assert(schedule->phase != MR_PHASE_OVER);
	if (schedule->phase == MR_PHASE_SAMPLE && all_done(schedule, MR_SAMPLE))
		schedule->phase = MR_PHASE_MAP;
	if (schedule->phase == MR_PHASE_MAP && all_done(schedule, MR_MAP) && !maps_end) {
		schedule->phase = MR_PHASE_PLAN;
		return MR_ACTION_PLAN;
	}
	if ((schedule->phase == MR_PHASE_MAP && maps_end && all_done(schedule, MR_MAP)) ||
	    (schedule->phase == MR_PHASE_REDUCE && all_done(schedule, MR_REDUCE))) {
		if (!all_done(schedule, MR_PLACE))
			return MR_ACTION_NONE;
		schedule->phase = MR_PHASE_OVER;
		return MR_ACTION_DONE;
	}
	return MR_ACTION_NONE;
}

static enum mr_action_kind kill_slot(struct mr_schedule *schedule, struct mr_action *action)
{
	for (uint32_t i = 0; i < schedule->setup.slots; i++) {
		struct mr_schedule_slot *slot = &schedule->slots[i];

		if (!slot->kill)
			continue;
		assert(slot->state == MR_SLOT_BUSY && !slot->killed);
		mr_schedule_forget_kill(schedule, slot);
		slot->killed = true;
		action->slot = i;
		return MR_ACTION_KILL;
	}
	assert(!"a slot that is to be killed");
	return MR_ACTION_NONE;
}

static bool choose(struct mr_schedule *schedule, struct mr_attempt_id *id)
{
	static const enum mr_task_kind of_phase[] = {MR_SAMPLE, MR_MAP, MR_PLACE, MR_REDUCE,
						     MR_PLACE};

	id->kind = MR_PLACE;
	if (mr_lane_take(&schedule->lanes[id->kind], &id->task))
		return true;
	assert((size_t)schedule->phase < sizeof(of_phase) / sizeof(of_phase[0]));
	id->kind = of_phase[schedule->phase];
	return mr_lane_take(&schedule->lanes[id->kind], &id->task);
}

static void fill_attempt(const struct mr_attempt_id *id, const struct mr_trouble *trouble,
			 struct mr_attempt *attempt)
{
	*attempt = (struct mr_attempt){.kind = id->kind, .task = id->task, .number = id->number};
	if (!trouble)
		return;
	assert(trouble->skip_count <= MR_SKIPS_MAX);
	attempt->skip_count = trouble->skip_count;
	memcpy(attempt->skips, trouble->skips, sizeof(attempt->skips));
	if (trouble->probing) {
		attempt->probe = true;
		attempt->probe_file = trouble->bisect.file;
		attempt->probe_from = trouble->bisect.from;
		attempt->probe_to = trouble->bisect.middle;
	}
}

static enum mr_action_kind start_attempt(struct mr_schedule *schedule, struct mr_action *action)
{
	struct mr_schedule_slot *slot = find_slot(schedule, MR_SLOT_IDLE, &action->slot);
	struct mr_attempt_id id = {0};
	struct mr_task *task;

	if (!slot || !choose(schedule, &id))
		return MR_ACTION_NONE;
	assert(id.task < schedule->lanes[id.kind].count);
	task = &schedule->lanes[id.kind].tasks[id.task];
	assert(!task->done && !slot->kill && !slot->killed);
	id.number = task->started++;
	task->running++;
	fill_attempt(&id, task->trouble, &action->attempt);
	slot->id = id;
	slot->probe = action->attempt.probe;
	slot->record = 0;
	slot->timed_out = false;
	mr_schedule_set_state(schedule, slot, MR_SLOT_BUSY);
	return MR_ACTION_START;
}

/* A process for each task that waits, and during the sample for the maps that follow. */
static enum mr_action_kind spawn_slot(struct mr_schedule *schedule, struct mr_action *action)
{
	uint32_t wanted = mr_lane_waiting(&schedule->lanes[MR_PLACE]);
	struct mr_schedule_slot *slot;

	if (schedule->phase == MR_PHASE_SAMPLE)
		wanted += mr_lane_waiting(&schedule->lanes[MR_SAMPLE]);
	if (schedule->phase == MR_PHASE_SAMPLE || schedule->phase == MR_PHASE_MAP)
		wanted += mr_lane_waiting(&schedule->lanes[MR_MAP]);
	if (schedule->phase == MR_PHASE_REDUCE)
		wanted += mr_lane_waiting(&schedule->lanes[MR_REDUCE]);
	if (wanted <= schedule->in_state[MR_SLOT_IDLE] + schedule->in_state[MR_SLOT_STARTING])
		return MR_ACTION_NONE;
	slot = find_slot(schedule, MR_SLOT_DOWN, &action->slot);
	if (!slot)
		return MR_ACTION_NONE;
	mr_schedule_set_state(schedule, slot, MR_SLOT_STARTING);
	return MR_ACTION_SPAWN;
}

static enum mr_action_kind next_kind(struct mr_schedule *schedule, struct mr_action *action)
{
	enum mr_action_kind kind = MR_ACTION_NONE;

	if (schedule->told)
		return MR_ACTION_NONE;
	if (schedule->verdict.reason != MR_VERDICT_NONE) {
		schedule->phase = MR_PHASE_OVER;
		kind = MR_ACTION_FAIL;
	}
	if (kind == MR_ACTION_NONE)
		kind = advance(schedule);
	if (kind == MR_ACTION_NONE && schedule->kills > 0)
		kind = kill_slot(schedule, action);
	if (kind == MR_ACTION_NONE)
		kind = start_attempt(schedule, action);
	if (kind == MR_ACTION_NONE)
		kind = spawn_slot(schedule, action);
	schedule->told = kind == MR_ACTION_DONE || kind == MR_ACTION_FAIL;
	return kind;
}

enum mr_action_kind mr_schedule_next(struct mr_schedule *schedule, struct mr_action *action)
{
	action->slot = 0;
	action->kind = next_kind(schedule, action);
	assert(action->slot < schedule->setup.slots);
	return action->kind;
}
