/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lane.c - see lane.h.
 */
#include "lane.h"

#include <assert.h>
#include <stdlib.h>

enum { NO_TASK = UINT32_MAX };

int mr_lane_init(struct mr_lane *lane, uint32_t count, uint32_t end, struct gw_error *error)
{
	assert(end <= count);
	*lane = (struct mr_lane){.head = NO_TASK, .tail = NO_TASK, .count = count, .end = end};
	if (count == 0)
		return 0;
	lane->tasks = calloc(count, sizeof(*lane->tasks));
	if (!lane->tasks)
		return gw_fail(error, GW_E_NO_MEMORY, "no memory for the state of %u tasks", count);
	return 0;
}

void mr_lane_done(struct mr_lane *lane)
{
	for (uint32_t i = 0; lane->tasks && i < lane->count; i++)
		free(lane->tasks[i].trouble);
	free(lane->tasks);
}

void mr_lane_push(struct mr_lane *lane, uint32_t number)
{
	struct mr_task *task = &lane->tasks[number];

	assert(number < lane->count);
	if (task->queued || task->done)
		return;
	task->queued = true;
	task->next = NO_TASK;
	if (lane->tail == NO_TASK)
		lane->head = number;
	else
		lane->tasks[lane->tail].next = number;
	lane->tail = number;
	lane->queued++;
	assert(lane->queued <= lane->count && lane->head != NO_TASK);
}

bool mr_lane_take(struct mr_lane *lane, uint32_t *number)
{
	while (lane->head != NO_TASK) {
		struct mr_task *task = &lane->tasks[lane->head];

		*number = lane->head;
		lane->head = task->next;
		if (lane->head == NO_TASK)
			lane->tail = NO_TASK;
		assert(task->queued && lane->queued > 0);
		task->queued = false;
		lane->queued--;
		if (!task->done)
			return true;
	}
	assert(lane->queued == 0 && lane->end <= lane->count);
	while (lane->fresh < lane->end) {
		*number = lane->fresh++;
		if (!lane->tasks[*number].done)
			return true;
	}
	return false;
}

uint32_t mr_lane_waiting(const struct mr_lane *lane)
{
	assert(lane->fresh <= lane->end);
	return lane->queued + (lane->end - lane->fresh);
}

void mr_lane_finish(struct mr_lane *lane, uint32_t number)
{
	assert(number < lane->count && !lane->tasks[number].done && lane->done < lane->total);
	lane->tasks[number].done = true;
	lane->done++;
}
