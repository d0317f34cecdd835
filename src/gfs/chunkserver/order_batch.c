/* SPDX-License-Identifier: Apache-2.0 */
/*
 * order_batch.c - a batch of mutations goes to all replicas at once, and is answered when all have
 * applied it. The first failure ends the grant.
 */
#include "order_batch.h"

#include "io/rare.h"
#include "rpc/waiting.h"

#include <assert.h>
#include <stdlib.h>

/* ---- Jobs ------------------------------------------------------------------------------------ */

struct order_job *order_job_new(enum order_kind kind, struct held_data *data)
{
	struct order_job *job = calloc(1, sizeof(*job));

	if (!job)
		return NULL;
	job->references = 1;
	job->kind = (uint8_t)kind;
	job->data = data;
	if (data)
		data->references++;
	return job;
}

void order_job_unref(struct order_job *job)
{
	if (!job)
		return;
	assert(job->references > 0);
	if (--job->references > 0)
		return;
	held_data_unref(job->data);
	free(job);
}

/* Its end; gives back the reference of who had it. */
void order_job_finish(struct order_job *job, int result, const struct gw_error *error)
{
	job->is_over = true;
	job->result = result;
	if (result < 0)
		job->error = *error;
	order_job_unref(job);
}

/* ---- To the others --------------------------------------------------------------------------- */

/* A batch as a message. */
struct wire {
	Gfs__ApplyRequest request;
	Gfs__Mutation mutations[CHUNK_MUTATIONS_MAX];
	Gfs__Mutation *pointers[CHUNK_MUTATIONS_MAX];
	Gfs__DataId ids[CHUNK_MUTATIONS_MAX];
	size_t size;
	uint8_t bytes[]; /* inline data */
};

static void fill_mutation(struct wire *wire, const struct order_batch *batch, size_t i,
			  bool all_inline)
{
	const struct apply_item *item = &batch->items[i];
	Gfs__Mutation *out = &wire->mutations[i];

	gfs__mutation__init(out);
	wire->pointers[i] = out;
	out->what = (Gfs__Mutation__What)batch->whats[i];
	out->offset = item->mutation.offset;
	out->writer = item->mutation.completion.writer;
	out->sequence = item->mutation.completion.sequence;
	out->first_unanswered = item->mutation.first_unanswered;
	if (!item->data)
		return;
	out->crc = item->data->crc;
	if (item->data->id[1] != 0 && !all_inline) {
		gfs__data_id__init(&wire->ids[i]);
		wire->ids[i].client = item->data->id[0];
		wire->ids[i].number = item->data->id[1];
		out->data = &wire->ids[i];
		return;
	}
	out->bytes = (uint32_t)item->data->size;
	memcpy(wire->bytes + wire->size, item->data->bytes, item->data->size);
	wire->size += item->data->size;
}

static int send(struct order_batch *batch, struct gw_rpc_client *client, bool all_inline,
		struct gw_error *error)
{
	struct gw_rpc_call_options options = {.deadline_ns = gw_after_ms(CHUNK_APPLY_MS),
					      .attachment_is_checked = true};
	struct wire *wire = malloc(sizeof(*wire) + batch->bytes);
	Gfs__ApplyReply *reply = NULL;
	int result;

	if (!wire)
		return gw_fail(error, GW_E_NO_MEMORY, "out of memory");
	gfs__apply_request__init(&wire->request);
	wire->size = 0;
	for (size_t i = 0; i < batch->count; i++)
		fill_mutation(wire, batch, i, all_inline);
	wire->request.handle = batch->grant->chunk->handle;
	wire->request.version = batch->grant->version;
	wire->request.serial = batch->serial;
	wire->request.mutations = wire->pointers;
	wire->request.n_mutations = batch->count;
	options.attachment = (struct gw_bytes){wire->bytes, wire->size};
	result = chunkserver_apply_with(client, &wire->request, &options, &reply, error);
	gw_rpc_reply_free(reply);
	free(wire);
	return result;
}

struct send_task {
	struct order_batch *batch;
	const struct gfs_place *to; /* NULL: here */
};

/* Codes that clients take for the answer, and ask no more: a disk that is read-only says denied,
 * too. */
static bool is_final(int code)
{
	return code == GW_E_INVALID || code == GW_E_TOO_LARGE || code == GW_E_DENIED ||
	       code == GW_E_COMPACTED || code == GW_E_CANCELLED;
}

static void note_failure(struct order_batch *batch, uint32_t server, int result,
			 const struct gw_error *error)
{
	batch->failed[batch->failed_count++] = server;
	if (batch->result < 0)
		return;
	batch->result = is_final(result) ? GW_E_IO : result;
	batch->error = *error;
}

/* Data that were forgotten there since they were pushed go along. */
static int send_to(void *argument)
{
	struct send_task *task = argument;
	struct order_batch *batch = task->batch;
	struct gw_error error = {0};
	struct gw_rpc_client *client;
	int result = chunk_server_peer(batch->server, task->to->address, &client, &error);

	if (result == 0)
		result = send(batch, client, false, &error);
	if (result == GW_E_NOT_FOUND)
		result = send(batch, client, true, &error);
	if (result < 0)
		note_failure(batch, task->to->server, result, &error);
	return 0;
}

static int apply_here(void *argument)
{
	struct send_task *task = argument;
	struct order_batch *batch = task->batch;
	struct gw_error error = {0};
	int result = apply_in_turn(batch->grant, batch->serial, batch->items, batch->count, &error);

	if (result < 0)
		note_failure(batch, chunk_server_number(batch->server), result, &error);
	return 0;
}

/* To all, and waits for all. */
static void run_everywhere(struct order_batch *batch)
{
	struct grant *grant = batch->grant;
	struct send_task tasks[GFS_GOAL_MAX + 1];
	struct gw_group group = {.name = "apply"};
	struct gw_error error = {0};

	for (size_t i = 0; i < grant->secondary_count; i++) {
		int result;

		tasks[i] = (struct send_task){batch, &grant->secondaries[i]};
		result = gw_spawn(&group, send_to, &tasks[i], NULL);
		if (result < 0) {
			(void)gw_fail(&error, result, "no task to send by");
			note_failure(batch, grant->secondaries[i].server, result, &error);
		}
		if (IO_BUG(batch->server->io, "gfs.answer-before-last") && i > 0)
			break;
	}
	tasks[GFS_GOAL_MAX] = (struct send_task){batch, NULL};
	(void)apply_here(&tasks[GFS_GOAL_MAX]);
	gw_shield_begin();
	(void)gw_group_wait(&group, GW_FOREVER);
	gw_shield_end();
}

/* ---- A batch --------------------------------------------------------------------------------- */

static void unlink_numbered(struct grant *grant, struct order_job *job)
{
	for (struct order_job **at = &grant->numbered; *at; at = &(*at)->next) {
		if (*at == job) {
			*at = job->next;
			return;
		}
	}
}

/* Whoever has revoked the grant may have cloned a replica before it had all of this, and the clone
 * is one of the next grant's set. */
static int check_still_granted(const struct order_batch *batch, struct gw_error *error)
{
	const struct grant *grant = batch->grant;

	if (!grant->is_over || IO_BUG(batch->server->io, "gfs.answer-revoked"))
		return 0;
	return gw_fail(error, GW_E_STALE,
		       "chunk %llx: the grant of version %llu ended before all had the bytes",
		       (unsigned long long)grant->chunk->handle,
		       (unsigned long long)grant->version);
}

static void end_batch(struct order_batch *batch)
{
	struct grant *grant = batch->grant;

	if (batch->result == 0)
		batch->result = check_still_granted(batch, &batch->error);
	if (batch->result < 0) {
		chunk_server_tell_failed(batch->server, grant, batch->failed,
					 batch->failed_count);
		grant_end(grant->chunk, grant->version);
	}
	for (size_t i = 0; i < batch->count; i++) {
		held_data_unref(batch->items[i].data);
		if (!batch->jobs[i])
			continue;
		unlink_numbered(grant, batch->jobs[i]);
		order_job_finish(batch->jobs[i], batch->result, &batch->error);
	}
	grant->batches--;
	rpc_wake(&grant->changed);
	grant_unref(grant);
	free(batch);
}

static int run_batch(void *argument)
{
	struct order_batch *batch = argument;

	run_everywhere(batch);
	end_batch(batch);
	return 0;
}

struct order_batch *order_batch_new(struct chunk_server *server, struct grant *grant)
{
	struct order_batch *batch = calloc(1, sizeof(*batch));

	if (!batch)
		return NULL;
	batch->server = server;
	batch->grant = grant;
	batch->serial = grant->serial;
	grant->references++;
	return batch;
}

struct apply_item *order_batch_add(struct order_batch *batch, Gfs__Mutation__What what,
				   struct order_job *job)
{
	size_t i = batch->count++;

	assert(i < CHUNK_MUTATIONS_MAX);
	batch->whats[i] = (uint8_t)what;
	batch->jobs[i] = job;
	if (job) {
		job->next = batch->grant->numbered;
		batch->grant->numbered = job;
	}
	return &batch->items[i];
}

void order_batch_start(struct order_batch *batch)
{
	struct grant *grant = batch->grant;

	grant->serial += batch->count;
	grant->batches++;
	if (gw_spawn(&batch->server->group, run_batch, batch, NULL) == 0)
		return;
	batch->result = gw_fail(&batch->error, GW_E_OVERLOADED, "too many tasks");
	end_batch(batch);
}

void order_batch_drop(struct order_batch *batch)
{
	if (!batch)
		return;
	assert(batch->count == 0);
	grant_unref(batch->grant);
	free(batch);
}
