/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stream_task.h - the functions of a streaming job, as the fields of struct gw_mr_job want them.
 * The job's context is a struct mr_stream.
 */
#ifndef MR_STREAM_TASK_H
#define MR_STREAM_TASK_H

#include "stream_command.h"

int mr_stream_start(struct gw_mr_task *task, void **state);
int mr_stream_finish(struct gw_mr_task *task, void *state);
int mr_stream_map_block(struct gw_mr_task *task, const struct gw_mr_block *block);
int mr_stream_map(struct gw_mr_task *task, struct gw_bytes key, struct gw_bytes value);
int mr_stream_reduce(struct gw_mr_task *task, struct gw_bytes key, struct gw_mr_values *values);
int mr_stream_reduce_aggregate(struct gw_mr_task *task, struct gw_bytes key,
			       struct gw_mr_values *values);
int mr_stream_format(struct gw_mr_task *task, struct gw_bytes key, struct gw_bytes value);
int mr_stream_compare(const struct gw_mr_task *task, struct gw_bytes a, struct gw_bytes b);
uint32_t mr_stream_partition(const struct gw_mr_task *task, struct gw_bytes key, uint32_t parts);

/* Writes a pair as a reducer reads it. */
int mr_stream_put_pair(const struct mr_stream *stream, struct mr_command *command,
		       struct gw_bytes key, struct gw_bytes value,
		       struct gw_error *error) GW_MUST_CHECK;

/* Ends what an attempt that failed left behind in this process. */
void mr_stream_abandon(struct mr_stream *stream);

#endif
