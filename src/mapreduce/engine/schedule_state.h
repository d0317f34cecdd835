/* SPDX-License-Identifier: Apache-2.0 */
/*
 * schedule_state.h - the inside of the scheduler, for its two files: schedule.c takes the events,
 * schedule_action.c decides what is to be done.
 */
#ifndef MR_SCHEDULE_STATE_H
#define MR_SCHEDULE_STATE_H

#include "lane.h"
#include "schedule.h"

enum { MR_KINDS = MR_PLACE + 1 };

enum mr_slot_state {
	MR_SLOT_DOWN,
	MR_SLOT_STARTING,
	MR_SLOT_IDLE,
	MR_SLOT_BUSY,
	MR_SLOT_DYING, /* killed, and its attempt ended before it died */
	MR_SLOT_GONE,  /* given up */
	MR_SLOT_STATES
};

struct mr_schedule_slot {
	enum mr_slot_state state;
	bool kill; /* to be killed: MR_ACTION_KILL not taken yet */
	bool killed;
	bool timed_out;
	bool probe;
	uint32_t starts; /* deaths in a row before it was ready */
	struct mr_attempt_id id;
	uint64_t record, since_ms; /* record in flight, first seen when */
};

struct mr_schedule {
	struct mr_schedule_setup setup;
	enum mr_phase phase;
	bool told; /* the caller took the phase's last action */
	struct mr_lane lanes[MR_KINDS];
	struct mr_schedule_slot *slots;
	uint32_t in_state[MR_SLOT_STATES];
	uint32_t kills; /* slots with `kill` */
	struct mr_verdict verdict;
};

void mr_schedule_set_state(struct mr_schedule *schedule, struct mr_schedule_slot *slot,
			   enum mr_slot_state state);
/* MR_ACTION_KILL is taken, or no longer wanted. */
void mr_schedule_forget_kill(struct mr_schedule *schedule, struct mr_schedule_slot *slot);

#endif
