/* SPDX-License-Identifier: Apache-2.0 */
/*
 * order.c - the primary: it gives mutations their numbers, in batches, many under way at once, and
 * answers when all replicas have applied them (order_batch.h).
 */
#include "order_batch.h"

#include "io/rare.h"
#include "rpc/waiting.h"

#include <stdlib.h>

/* ---- The order ------------------------------------------------------------------------------- */

static void finish_in(struct grant *grant, struct order_job *job, int code, const char *text)
{
	struct gw_error error = {0};

	if (code < 0)
		(void)gw_fail(&error, code, "chunk %llx: %s",
			      (unsigned long long)grant->chunk->handle, text);
	order_job_finish(job, code, &error);
	rpc_wake(&grant->changed);
}

static bool is_numbered(const struct grant *grant, const struct order_job *job)
{
	for (const struct order_job *one = grant->numbered; one; one = one->next) {
		if (one->completion.writer == job->completion.writer &&
		    one->completion.sequence == job->completion.sequence)
			return true;
	}
	return false;
}

/* What is known of an append that is to happen once: true, it is answered. */
static bool answer_known(const struct chunk_server *server, struct grant *grant,
			 struct order_job *job)
{
	struct chunk_completion found;
	int outcome;

	/* What it has done is forgotten. */
	if (job->completion.writer < server->writers_from &&
	    !IO_BUG(server->io, "gfs.ended-writer")) {
		finish_in(grant, job, GW_E_COMPACTED, "the writer has ended");
		return true;
	}
	outcome = chunk_outcome(&grant->chunk->state, job->completion.writer,
				    job->completion.sequence, &found);

	if (outcome == CHUNK_DONE) {
		job->offset = found.offset;
		job->length = grant->length;
		job->completion.kind = CHUNK_DONE;
		finish_in(grant, job, 0, "");
		return true;
	}
	if (job->kind == ORDER_ASK) {
		job->completion.kind = outcome == CHUNK_FENCED ? CHUNK_FENCED : CHUNK_FLOOR;
		finish_in(grant, job, 0, "");
		return true;
	}
	if (outcome == CHUNK_FLOOR || (outcome == CHUNK_FENCED && job->kind == ORDER_APPEND)) {
		finish_in(grant, job, GW_E_DENIED, "the append was fenced, or its answer was seen");
		return true;
	}
	return false;
}

static void add_bytes(struct order_batch *batch, struct order_job *job, uint64_t offset)
{
	struct apply_item *item = order_batch_add(batch, job->kind == ORDER_APPEND ?
							  GFS__MUTATION__WHAT__APPEND :
							  GFS__MUTATION__WHAT__WRITE,
					   job);
	struct grant *grant = batch->grant;
	uint64_t end = offset + job->data->size;

	job->offset = offset;
	item->data = job->data;
	item->data->references++;
	item->mutation = (struct chunk_mutation){
		.what = CHUNK_WRITE,
		.offset = offset,
		.data = {job->data->bytes, job->data->size},
		.first_unanswered = job->first_unanswered,
		.completion = {.writer = job->completion.writer,
			       .sequence = job->completion.sequence},
	};
	batch->bytes += job->data->size;
	if (end > grant->length)
		grant->length = end;
	job->length = grant->length;
}

/* The rest of the chunk is filled, and the record goes to the next one. */
static void add_pad(struct order_batch *batch, struct order_job *job)
{
	struct grant *grant = batch->grant;
	uint64_t full = UINT64_C(1) << grant->chunk->chunk_log2;

	job->is_full = true;
	job->length = full;
	grant->length = full;
	order_batch_add(batch, GFS__MUTATION__WHAT__PAD, job)->mutation =
		(struct chunk_mutation){.what = CHUNK_PAD, .offset = full};
}

static void add_append(struct order_batch *batch, struct order_job *job)
{
	struct grant *grant = batch->grant;
	uint64_t full = UINT64_C(1) << grant->chunk->chunk_log2;

	if (job->data->size <= full - grant->length) {
		add_bytes(batch, job, grant->length);
	} else if (grant->length < full) {
		add_pad(batch, job);
	} else {
		job->is_full = true;
		job->length = full;
		finish_in(grant, job, 0, "");
	}
}

/* Takes the first job into the batch; false: the batch ends before it. */
static bool take_job(struct order_batch *batch)
{
	struct grant *grant = batch->grant;
	struct order_job *job = grant->first;

	if (job->kind == ORDER_SYNC && batch->count > 0)
		return false;
	if (job->completion.writer != 0 && is_numbered(grant, job))
		return false;
	grant->first = job->next;
	if (!grant->first)
		grant->last = NULL;
	job->next = NULL;
	if (job->completion.writer != 0 && answer_known(batch->server, grant, job))
		return true;
	switch (job->kind) {
	case ORDER_WRITE:
		add_bytes(batch, job, job->offset);
		break;
	case ORDER_APPEND:
		add_append(batch, job);
		break;
	case ORDER_FENCE:
		job->completion.kind = CHUNK_FENCED;
		order_batch_add(batch, GFS__MUTATION__WHAT__FENCE, job)->mutation =
			(struct chunk_mutation){.what = CHUNK_NOTE, .completion = job->completion};
		break;
	default:
		job->length = grant->length;
		order_batch_add(batch, GFS__MUTATION__WHAT__SYNC, job)->is_sync = true;
		return false;
	}
	return true;
}

static void refuse_all(struct grant *grant, int code, const char *why)
{
	while (grant->first) {
		struct order_job *job = grant->first;

		grant->first = job->next;
		finish_in(grant, job, code, why);
	}
	grant->last = NULL;
}

/* A grant on a chunk that had another before: its replicas may differ in what was never
 * acknowledged. All go back to what the shortest has: what was acknowledged all have. */
static int begin(struct chunk_server *server, struct grant *grant)
{
	uint64_t shortest = grant->chunk->length;
	struct gw_error error = {0};
	struct order_batch *batch;
	int result = 0;

	for (size_t i = 0; i < grant->secondary_count && result == 0; i++) {
		Gfs__ChunkRequest request = GFS__CHUNK_REQUEST__INIT;
		struct gw_rpc_call_options options = {.deadline_ns = gw_after_ms(CHUNK_APPLY_MS)};
		Gfs__ChunkReply *reply = NULL;
		struct gw_rpc_client *client;

		request.handle = grant->chunk->handle;
		request.version = grant->version;
		result = chunk_server_peer(server, grant->secondaries[i].address, &client, &error);
		if (result == 0)
			result = chunkserver_length_with(client, &request, &options, &reply,
							 &error);
		if (result == 0 && reply->length < shortest)
			shortest = reply->length;
		gw_rpc_reply_free(reply);
		if (result < 0)
			chunk_server_tell_failed(server, grant, &grant->secondaries[i].server, 1);
	}
	if (result < 0) {
		refuse_all(grant, result, error.text);
		grant_end(grant->chunk, grant->version);
		return result;
	}
	batch = order_batch_new(server, grant);
	if (!batch)
		return GW_E_NO_MEMORY;
	order_batch_add(batch, GFS__MUTATION__WHAT__CUT, NULL)->mutation =
		(struct chunk_mutation){.what = CHUNK_CUT, .offset = shortest};
	grant->length = shortest;
	grant->is_begun = true;
	order_batch_start(batch);
	/* What was cut must not be found by who asks what became of an append. */
	while (result == 0 && grant->batches > 0)
		result = rpc_wait(&grant->changed, "to begin", "a grant", GW_FOREVER);
	return result;
}

struct order_task {
	struct chunk_server *server;
	struct grant *grant;
};

static int order_jobs(struct chunk_server *server, struct grant *grant)
{
	int result = 0;

	if (!grant->is_begun)
		result = begin(server, grant);
	while (result == 0 && grant->first && !grant->is_over) {
		struct order_batch *batch = NULL;

		if (grant->batches < CHUNK_BATCHES_MAX) {
			batch = order_batch_new(server, grant);
			if (!batch)
				return GW_E_NO_MEMORY;
			while (grant->first && batch->count < CHUNK_MUTATIONS_MAX &&
			       batch->bytes < CHUNK_BATCH_BYTES_MAX && take_job(batch))
				;
		}
		if (batch && batch->count > 0) {
			order_batch_start(batch);
			continue;
		}
		order_batch_drop(batch);
		if (grant->first && grant->batches > 0)
			result = rpc_wait(&grant->changed, "for", "a batch", GW_FOREVER);
	}
	return result;
}

static int order_in_task(void *argument)
{
	struct order_task *task = argument;
	struct grant *grant = task->grant;
	int result;

	/* The deadline of whose call began this is not that of others, nor of the grant. */
	(void)gw_deadline_set(GW_FOREVER);
	result = order_jobs(task->server, grant);
	refuse_all(grant, result < 0 ? result : GW_E_STALE, "nothing is granted any more");
	grant->is_ordering = false;
	grant_unref(grant);
	free(task);
	return 0;
}

static int start_ordering(struct chunk_server *server, struct grant *grant, struct gw_error *error)
{
	struct order_task *task;

	if (grant->is_ordering)
		return 0;
	task = malloc(sizeof(*task));
	if (!task)
		return gw_fail(error, GW_E_NO_MEMORY, "out of memory");
	*task = (struct order_task){server, grant};
	grant->references++;
	grant->is_ordering = true;
	if (gw_spawn(&server->group, order_in_task, task, NULL) == 0)
		return 0;
	grant->is_ordering = false;
	grant_unref(grant);
	free(task);
	return gw_fail(error, GW_E_OVERLOADED, "too many tasks");
}

int order_run(struct chunk_server *server, struct grant *grant, struct order_job *job,
	      struct gw_error *error)
{
	int result = start_ordering(server, grant, error);

	if (result < 0)
		return result;
	job->references++;
	if (grant->last)
		grant->last->next = job;
	else
		grant->first = job;
	grant->last = job;
	while (!job->is_over && result == 0)
		result = rpc_wait(&grant->changed, "for all replicas of", "a chunk", GW_FOREVER);
	if (result < 0)
		return gw_fail(error, result, "%s", gw_code_text(result));
	if (job->result < 0)
		return gw_fail(error, job->result, "%s", job->error.text);
	if (!chunk_server_is_leased(server))
		return gw_fail(error, GW_E_STALE, "chunk %llx: our lease ended meanwhile",
			       (unsigned long long)grant->chunk->handle);
	return 0;
}
