/* SPDX-License-Identifier: Apache-2.0 */
/*
 * order_batch.h - what goes to all replicas of a chunk as one Apply, and to whom it is answered.
 */
#ifndef GFS_CHUNKSERVER_ORDER_BATCH_H
#define GFS_CHUNKSERVER_ORDER_BATCH_H

#include "inside.h"

struct order_batch {
	struct chunk_server *server;
	struct grant *grant;
	uint64_t serial;
	size_t count, bytes;
	struct apply_item items[CHUNK_MUTATIONS_MAX];
	struct order_job *jobs[CHUNK_MUTATIONS_MAX]; /* NULL: nobody's */
	uint8_t whats[CHUNK_MUTATIONS_MAX];          /* Gfs__Mutation__What */
	/* Who did not apply it. */
	uint32_t failed[GFS_GOAL_MAX + 1];
	size_t failed_count;
	int result;
	struct gw_error error;
};

/* The end of a job; gives back the reference of who had it. */
void order_job_finish(struct order_job *job, int result, const struct gw_error *error);

/* Empty, with the grant's next number; NULL: no memory. */
struct order_batch *order_batch_new(struct chunk_server *server, struct grant *grant);
/* One mutation more; job (may be NULL) ends with it. */
struct apply_item *order_batch_add(struct order_batch *batch, Gfs__Mutation__What what,
				   struct order_job *job);
/* Sends it to all in a task of its own, which answers the jobs and frees it. */
void order_batch_start(struct order_batch *batch);
/* An empty one that is not needed; NULL is fine. */
void order_batch_drop(struct order_batch *batch);

#endif
