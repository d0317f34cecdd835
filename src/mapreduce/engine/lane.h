/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lane.h - the tasks of one kind, and in which order they are handed out: those in the queue (that
 * failed, backups, places), then fresh ones by number. A task may have several running attempts.
 * No task is in the queue twice, so the queue is a list through the tasks and never needs memory.
 */
#ifndef MR_LANE_H
#define MR_LANE_H

#include "trouble.h"

struct mr_task {
	uint32_t next;     /* in the queue */
	uint32_t started;  /* attempts so far: the number of the next one */
	uint32_t failures; /* that count against the tries */
	uint16_t running;
	bool queued, done;
	struct mr_trouble *trouble; /* NULL until it fails; owned */
};

struct mr_lane {
	struct mr_task *tasks;
	uint32_t count;      /* of tasks */
	uint32_t fresh, end; /* never handed out yet */
	uint32_t head, tail; /* the queue */
	uint32_t queued;
	uint32_t total, done; /* what has to be done and what has been */
};

/* count tasks, the first `end` of them fresh. */
int mr_lane_init(struct mr_lane *lane, uint32_t count, uint32_t end,
		 struct gw_error *error) GW_MUST_CHECK;
void mr_lane_done(struct mr_lane *lane);

/* Puts a task into the queue, unless it is there or done. */
void mr_lane_push(struct mr_lane *lane, uint32_t number);
/* Takes a task to be run; false if there is none. */
bool mr_lane_take(struct mr_lane *lane, uint32_t *number);
/* How many may be taken; a few more when tasks were finished while they waited. */
uint32_t mr_lane_waiting(const struct mr_lane *lane);
/* The task is done. */
void mr_lane_finish(struct mr_lane *lane, uint32_t number);

#endif
