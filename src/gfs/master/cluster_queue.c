/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cluster_queue.c - chunks that wait to be cared for, and the tasks that do it: each chunk is in
 * one queue or has one task at a time.
 */
#include "gfs/master/cluster_inside.h"

#include <stdlib.h>

#include "base/allocate.h"

enum { QUEUE_MAX = 1 << 24 };

/* ---- Queues ------------------------------------------------------------------------------ */

static struct gw_bytes slot_key(const uint32_t *slot)
{
	return (struct gw_bytes){slot, sizeof(*slot)};
}

void gfs_care_push(struct gfs_cluster *cluster, unsigned care, uint32_t slot)
{
	struct gfs_slots *queue = &cluster->needs[care];
	uint32_t *slots;

	if (queue->count >= QUEUE_MAX || base_map_find(&cluster->busy, slot_key(&slot), NULL))
		return;
	if (queue->first > queue->capacity / 2) {
		memmove(queue->slots, queue->slots + queue->first,
			(queue->count - queue->first) * sizeof(*slots));
		queue->count -= queue->first;
		queue->first = 0;
	}
	slots = base_grow(queue->slots, sizeof(*slots), &queue->capacity, queue->count + 1);
	if (!slots)
		return;
	queue->slots = slots;
	if (base_map_put(&cluster->busy, slot_key(&slot), NULL, NULL) == 0)
		queue->slots[queue->count++] = slot;
}

bool gfs_care_pop(struct gfs_cluster *cluster, unsigned care, uint32_t *slot)
{
	struct gfs_slots *queue = &cluster->needs[care];

	if (queue->first == queue->count)
		return false;
	*slot = queue->slots[queue->first++];
	return true;
}

void gfs_care_not_busy(struct gfs_cluster *cluster, uint32_t slot)
{
	(void)base_map_remove(&cluster->busy, slot_key(&slot), NULL);
}

void gfs_care_clear(struct gfs_cluster *cluster, unsigned care)
{
	struct gfs_slots *queue = &cluster->needs[care];

	for (size_t i = queue->first; i < queue->count; i++)
		gfs_care_not_busy(cluster, queue->slots[i]);
	free(queue->slots);
	*queue = (struct gfs_slots){0};
}

/* ---- Tasks ------------------------------------------------------------------------------- */

void gfs_care_job_end(struct gfs_care_job *job)
{
	gfs_care_not_busy(job->master->cluster, job->slot);
	free(job);
}

int gfs_care_start(struct gfs_master *master, gw_task_function *function, uint32_t slot,
		   uint32_t from, uint32_t to)
{
	struct gfs_care_job *job = calloc(1, sizeof(*job));
	int code = GW_E_NO_MEMORY;

	if (job) {
		*job = (struct gfs_care_job){.master = master, .term = master->term,
					     .slot = slot, .from = from, .to = to};
		job->handle = gfs_chunks_handle(&master->machine.state.chunks, slot);
		code = base_map_put(&master->cluster->busy, slot_key(&slot), job, NULL);
	}
	if (job && code == 0)
		code = gw_spawn(&master->cluster->tasks, function, job, NULL);
	if (code < 0) {
		free(job);
		gfs_care_not_busy(master->cluster, slot);
	}
	return code;
}
