/* SPDX-License-Identifier: Apache-2.0 */
/*
 * order.c - the primary: it gives mutations their numbers, in batches, many under way at once, and
 * answers when all replicas have applied them. The first failure ends the grant.
 */
#include "inside.h"

#include "io/rare.h"
#include "rpc/waiting.h"

#include <assert.h>
#include <stdlib.h>

/* What goes to all replicas as one Apply. */
struct batch {
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
static void finish(struct order_job *job, int result, const struct gw_error *error)
{
	job->is_over = true;
	job->result = result;
	if (result < 0)
		job->error = *error;
	order_job_unref(job);
}

static void finish_in(struct grant *grant, struct order_job *job, int code, const char *text)
{
	struct gw_error error = {0};

	if (code < 0)
		(void)gw_fail(&error, code, "chunk %llx: %s",
			      (unsigned long long)grant->chunk->handle, text);
	finish(job, code, &error);
	rpc_wake(&grant->changed);
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

static void fill_mutation(struct wire *wire, const struct batch *batch, size_t i, bool all_inline)
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

static int send(struct batch *batch, struct gw_rpc_client *client, bool all_inline,
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
	struct batch *batch;
	const struct gfs_place *to; /* NULL: here */
};

static void note_failure(struct batch *batch, uint32_t server, int result,
			 const struct gw_error *error)
{
	batch->failed[batch->failed_count++] = server;
	if (batch->result < 0)
		return;
	batch->result = result;
	batch->error = *error;
}

/* Data that were forgotten there since they were pushed go along. */
static int send_to(void *argument)
{
	struct send_task *task = argument;
	struct batch *batch = task->batch;
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
	struct batch *batch = task->batch;
	struct gw_error error = {0};
	int result = apply_in_turn(batch->grant, batch->serial, batch->items, batch->count, &error);

	if (result < 0)
		note_failure(batch, chunk_server_number(batch->server), result, &error);
	return 0;
}

/* To all, and waits for all. */
static void run_everywhere(struct batch *batch)
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

static void end_batch(struct batch *batch)
{
	struct grant *grant = batch->grant;

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
		finish(batch->jobs[i], batch->result, &batch->error);
	}
	grant->batches--;
	rpc_wake(&grant->changed);
	grant_unref(grant);
	free(batch);
}

static int run_batch(void *argument)
{
	struct batch *batch = argument;

	run_everywhere(batch);
	end_batch(batch);
	return 0;
}

static struct batch *batch_new(struct chunk_server *server, struct grant *grant)
{
	struct batch *batch = calloc(1, sizeof(*batch));

	if (!batch)
		return NULL;
	batch->server = server;
	batch->grant = grant;
	batch->serial = grant->serial;
	grant->references++;
	return batch;
}

static struct apply_item *add_item(struct batch *batch, Gfs__Mutation__What what,
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

static void start_batch(struct batch *batch)
{
	struct grant *grant = batch->grant;

	grant->serial += batch->count;
	grant->batches++;
	if (gw_spawn(&batch->server->group, run_batch, batch, NULL) == 0)
		return;
	batch->result = gw_fail(&batch->error, GW_E_OVERLOADED, "too many tasks");
	end_batch(batch);
}

/* ---- The order ------------------------------------------------------------------------------- */

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
static bool answer_known(struct grant *grant, struct order_job *job)
{
	struct chunk_completion found;
	int outcome = chunk_outcome(&grant->chunk->state, job->completion.writer,
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

static void add_bytes(struct batch *batch, struct order_job *job, uint64_t offset)
{
	struct apply_item *item = add_item(batch, job->kind == ORDER_APPEND ?
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
static void add_pad(struct batch *batch, struct order_job *job)
{
	struct grant *grant = batch->grant;
	uint64_t full = UINT64_C(1) << grant->chunk->chunk_log2;

	job->is_full = true;
	job->length = full;
	grant->length = full;
	add_item(batch, GFS__MUTATION__WHAT__PAD, job)->mutation =
		(struct chunk_mutation){.what = CHUNK_PAD, .offset = full};
}

static void add_append(struct batch *batch, struct order_job *job)
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
static bool take_job(struct batch *batch)
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
	if (job->completion.writer != 0 && answer_known(grant, job))
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
		add_item(batch, GFS__MUTATION__WHAT__FENCE, job)->mutation =
			(struct chunk_mutation){.what = CHUNK_NOTE, .completion = job->completion};
		break;
	default:
		job->length = grant->length;
		add_item(batch, GFS__MUTATION__WHAT__SYNC, job)->is_sync = true;
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
	struct batch *batch;
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
	batch = batch_new(server, grant);
	if (!batch)
		return GW_E_NO_MEMORY;
	add_item(batch, GFS__MUTATION__WHAT__CUT, NULL)->mutation =
		(struct chunk_mutation){.what = CHUNK_CUT, .offset = shortest};
	grant->length = shortest;
	grant->is_begun = true;
	start_batch(batch);
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
		struct batch *batch = NULL;

		if (grant->batches < CHUNK_BATCHES_MAX) {
			batch = batch_new(server, grant);
			if (!batch)
				return GW_E_NO_MEMORY;
			while (grant->first && batch->count < CHUNK_MUTATIONS_MAX &&
			       batch->bytes < CHUNK_BATCH_BYTES_MAX && take_job(batch))
				;
		}
		if (batch && batch->count > 0) {
			start_batch(batch);
			continue;
		}
		if (batch) {
			grant_unref(grant);
			free(batch);
		}
		if (grant->first && grant->batches > 0)
			result = rpc_wait(&grant->changed, "for", "a batch", GW_FOREVER);
	}
	return result;
}

static int order_in_task(void *argument)
{
	struct order_task *task = argument;
	struct grant *grant = task->grant;
	int result = order_jobs(task->server, grant);

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
	if (!chunk_server_is_leased(server) && !IO_BUG(server->io, "gfs.lease-past-end"))
		return gw_fail(error, GW_E_STALE, "chunk %llx: our lease ended meanwhile",
			       (unsigned long long)grant->chunk->handle);
	return 0;
}
