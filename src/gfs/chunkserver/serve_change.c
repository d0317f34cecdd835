/* SPDX-License-Identifier: Apache-2.0 */
/* serve_change.c - what clients ask a primary: write, append, outcome, sync. */
#include "inside.h"

#include <stdlib.h>

/* The bytes of a write: pushed before, or its attachment. A reference in *data. */
static int get_bytes(struct chunk_server *server, struct gw_rpc_call *call, const Gfs__DataId *id,
		     uint32_t crc, struct held_data **data, struct gw_error *error)
{
	int result = 0;

	if (!id)
		result = chunk_receive(call, GFS_INLINE_BYTES_MAX, crc, data, error);
	else
		*data = held_get(&server->held, id->client, id->number);
	if (result < 0)
		return result;
	if (!*data)
		return gw_fail(error, GW_E_NOT_FOUND, "data %llx:%llu are not here",
			       (unsigned long long)id->client, (unsigned long long)id->number);
	/* Every replica would refuse it, and the grant be over. */
	if ((*data)->size == 0) {
		held_data_unref(*data);
		*data = NULL;
		return gw_fail(error, GW_E_INVALID, "no bytes");
	}
	return 0;
}

/* Runs a job; *job is the caller's to give back, NULL when there is none. */
static int run(struct chunk_server *server, uint64_t handle, uint64_t version,
	       const struct order_job *wanted, struct order_job **out, struct gw_error *error)
{
	struct grant *grant = NULL;
	struct order_job *job;
	int result;

	*out = NULL;
	result = grant_of(server, handle, version, true, &grant, error);
	if (result < 0)
		return result;
	job = order_job_new((enum order_kind)wanted->kind, wanted->data);
	if (job) {
		job->offset = wanted->offset;
		job->first_unanswered = wanted->first_unanswered;
		job->completion = wanted->completion;
		chunk_call_begin(server);
		result = order_run(server, grant, job, error);
		chunk_call_end(server);
		*out = job;
	} else {
		result = gw_fail(error, GW_E_NO_MEMORY, "out of memory");
	}
	grant_unref(grant);
	return result;
}

static uint64_t bytes_max_of(const struct chunk_server *server, uint64_t handle)
{
	const struct chunk *chunk = chunk_find(server->store, handle);

	return chunk ? UINT64_C(1) << chunk->chunk_log2 : 0;
}

int chunk_serve_write(struct gw_rpc_call *call, void *context, const Gfs__WriteRequest *request,
		      Gfs__WriteReply *reply, struct gw_error *error)
{
	struct chunk_server *server = context;
	struct order_job wanted = {.kind = ORDER_WRITE, .offset = request->offset}, *job;
	uint64_t bytes_max;
	int result = get_bytes(server, call, request->data, request->crc, &wanted.data, error);

	if (result < 0)
		return result;
	bytes_max = bytes_max_of(server, request->handle);
	if (wanted.data->size > GFS_PIECE_BYTES_MAX ||
	    (bytes_max > 0 && (request->offset > bytes_max ||
			       wanted.data->size > bytes_max - request->offset))) {
		result = gw_fail(error, GW_E_INVALID, "%zu bytes at %llu of a chunk",
				 wanted.data->size, (unsigned long long)request->offset);
		held_data_unref(wanted.data);
		return result;
	}
	result = run(server, request->handle, request->version, &wanted, &job, error);
	if (result == 0)
		reply->length = job->length;
	order_job_unref(job);
	held_data_unref(wanted.data);
	return result;
}

int chunk_serve_append(struct gw_rpc_call *call, void *context, const Gfs__AppendRequest *request,
		       Gfs__AppendReply *reply, struct gw_error *error)
{
	struct chunk_server *server = context;
	struct order_job wanted = {
		.kind = ORDER_APPEND,
		.first_unanswered = request->first_unanswered,
		.completion = {.writer = request->writer, .sequence = request->sequence},
	}, *job;
	uint64_t bytes_max;
	int result = get_bytes(server, call, request->data, request->crc, &wanted.data, error);

	if (result < 0)
		return result;
	bytes_max = bytes_max_of(server, request->handle) / GFS_APPEND_SHARE;
	if (bytes_max > GFS_APPEND_BYTES_MAX)
		bytes_max = GFS_APPEND_BYTES_MAX;
	if (bytes_max > 0 && wanted.data->size > bytes_max) {
		result = gw_fail(error, GW_E_TOO_LARGE, "an append of %zu bytes, the limit is %llu",
				 wanted.data->size, (unsigned long long)bytes_max);
		held_data_unref(wanted.data);
		return result;
	}
	result = run(server, request->handle, request->version, &wanted, &job, error);
	if (result == 0) {
		reply->chunk_full = job->is_full;
		reply->offset = job->offset;
		reply->length = job->length;
		reply->was_done = job->completion.kind == CHUNK_DONE;
	}
	order_job_unref(job);
	held_data_unref(wanted.data);
	return result;
}

/* Without a fence it is a question only, asked in the order all the same. */
int chunk_serve_outcome(struct gw_rpc_call *call, void *context,
			const Gfs__OutcomeRequest *request, Gfs__OutcomeReply *reply,
			struct gw_error *error)
{
	struct chunk_server *server = context;
	struct order_job wanted = {
		.kind = ORDER_FENCE,
		.completion = {.writer = request->writer, .sequence = request->sequence},
	}, *job;
	int result;

	(void)call;
	if (request->writer == 0)
		return gw_fail(error, GW_E_INVALID, "the outcome for no writer");
	if (!request->fence)
		wanted.kind = ORDER_ASK;
	result = run(server, request->handle, request->version, &wanted, &job, error);
	if (result == 0) {
		reply->done = job->completion.kind == CHUNK_DONE;
		reply->fenced = job->completion.kind == CHUNK_FENCED;
		reply->offset = job->offset;
	}
	order_job_unref(job);
	return result;
}

int chunk_serve_sync(struct gw_rpc_call *call, void *context, const Gfs__SyncRequest *request,
		     Gfs__SyncReply *reply, struct gw_error *error)
{
	const struct order_job wanted = {.kind = ORDER_SYNC};
	struct order_job *job;
	int result = run(context, request->handle, request->version, &wanted, &job, error);

	(void)call;
	if (result == 0)
		reply->length = job->length;
	order_job_unref(job);
	return result;
}
