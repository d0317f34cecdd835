/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dup_front.c - the table of duplicates as a member of a replicated service shows it to its server:
 * answers come from what was applied, and only what runs at this member is kept here.
 */
#include "rpc/dup.h"

#include <assert.h>
#include <stdlib.h>

#include "base/little_endian.h"
#include "base/map.h"
#include "task/loop.h"
#include "task/wait.h"

struct front {
	struct gw_rpc_dup dup;
	struct rpc_dup_front_options options;
	struct base_map running; /* struct key -> struct run */
};

struct key {
	struct rpc_client_id client;
	uint64_t sequence;
};

struct run {
	void *running; /* the server's */
	uint64_t object, fingerprint;
};

static struct front *front_of(struct gw_rpc_dup *dup)
{
	return (struct front *)dup; /* its first member */
}

static struct gw_rpc_dup *table_of(struct gw_rpc_dup *dup)
{
	return *front_of(dup)->options.table;
}

static int front_open(struct gw_rpc_dup *dup, struct rpc_client_id client,
		      struct gw_rpc_call *call, struct gw_error *error)
{
	const struct rpc_dup_front_options *options = &front_of(dup)->options;

	return options->open(options->context, client, call, error);
}

static int front_look(struct gw_rpc_dup *dup, const struct rpc_dup_call *call,
		      struct rpc_dup_answer *answer, struct gw_error *error)
{
	return table_of(dup)->operations->look(table_of(dup), call, answer, error);
}

/* What is not answered yet is run, stale or not: this member may lag behind. */
static int front_begin(struct gw_rpc_dup *dup, const struct rpc_dup_call *call,
		       struct rpc_dup_answer *answer, struct gw_error *error)
{
	struct front *front = front_of(dup);
	const struct key key = {call->client, call->sequence};
	const struct gw_bytes bytes = {&key, sizeof(key)};
	int result = front_look(dup, call, answer, error);
	struct run *run = base_map_get(&front->running, bytes);

	if (result < 0 || result == RPC_DUP_DONE)
		return result;
	assert(result != RPC_DUP_RUNNING && !answer->running);
	if (run && (run->object != call->object || run->fingerprint != call->fingerprint))
		return gw_fail(error, GW_E_INVALID,
			       "call %llu came with two requests: two clients have one id",
			       (unsigned long long)call->sequence);
	if (run) {
		answer->running = &run->running;
		return RPC_DUP_RUNNING;
	}
	run = calloc(1, sizeof(*run));
	if (!run)
		return gw_fail(error, GW_E_NO_MEMORY, "table of duplicates: out of memory");
	run->object = call->object;
	run->fingerprint = call->fingerprint;
	result = base_map_put(&front->running, bytes, run, error);
	if (result < 0) {
		free(run);
		return result;
	}
	answer->running = &run->running;
	return RPC_DUP_NEW;
}

static void front_abandon(struct gw_rpc_dup *dup, const struct rpc_dup_call *call)
{
	const struct key key = {call->client, call->sequence};
	void *run = NULL;
	bool was_there = base_map_remove(&front_of(dup)->running,
					 (struct gw_bytes){&key, sizeof(key)}, &run);

	assert(was_there && run);
	free(run);
}

/* What it answered was applied, or is no answer that lasts. */
static void front_finish(struct gw_rpc_dup *dup, const struct rpc_dup_call *call, int code,
			 struct gw_bytes reply)
{
	(void)code;
	(void)reply;
	front_abandon(dup, call);
}

static void front_forget_below(struct gw_rpc_dup *dup, struct rpc_client_id client,
			       uint64_t first_incomplete)
{
	(void)dup;
	(void)client;
	(void)first_incomplete;
}

static void front_expire(struct gw_rpc_dup *dup, uint64_t now_ms)
{
	(void)dup;
	(void)now_ms;
}

static int front_record(struct gw_rpc_dup *dup, const struct rpc_dup_call *call, int code,
			struct gw_bytes reply, struct base_buffer *out, struct gw_error *error)
{
	return table_of(dup)->operations->record(table_of(dup), call, code, reply, out, error);
}

static int front_export(struct gw_rpc_dup *dup, uint64_t object, struct base_buffer *out,
			struct gw_error *error)
{
	return table_of(dup)->operations->export_object(table_of(dup), object, out, error);
}

static int front_import(struct gw_rpc_dup *dup, struct gw_bytes records, struct gw_error *error)
{
	return table_of(dup)->operations->import(table_of(dup), records, error);
}

static void front_free(struct gw_rpc_dup *dup)
{
	assert(front_of(dup)->running.count == 0);
	base_map_done(&front_of(dup)->running);
	free(dup);
}

static const struct rpc_dup_operations operations = {
	.open = front_open,
	.look = front_look,
	.begin = front_begin,
	.finish = front_finish,
	.abandon = front_abandon,
	.forget_below = front_forget_below,
	.expire = front_expire,
	.record = front_record,
	.export_object = front_export,
	.import = front_import,
	.free = front_free,
};

int rpc_dup_front_new(struct gw_rpc_dup **out, const struct rpc_dup_front_options *options,
		      struct gw_error *error)
{
	struct front *front = calloc(1, sizeof(*front));

	assert(options->table && *options->table && options->open);
	*out = NULL;
	if (!front)
		return gw_fail(error, GW_E_NO_MEMORY, "table of duplicates: out of memory");
	front->dup = (struct gw_rpc_dup){.operations = &operations,
					 .is_durable = true,
					 .lease_ms = (*options->table)->lease_ms};
	front->options = *options;
	if (task_current())
		io_random(task_io(), &front->running.seed, sizeof(front->running.seed));
	*out = &front->dup;
	return 0;
}

/* ---- At apply ---------------------------------------------------------------------------- */

void rpc_dup_call_encode(const struct rpc_dup_call *call, uint8_t out[RPC_DUP_CALL_BYTES])
{
	base_store64(out, call->client.words[0]);
	base_store64(out + 8, call->client.words[1]);
	base_store64(out + 16, call->sequence);
	base_store64(out + 24, call->first_incomplete);
	base_store64(out + 32, call->object);
	base_store64(out + 40, call->fingerprint);
}

void rpc_dup_call_decode(const uint8_t in[RPC_DUP_CALL_BYTES], struct rpc_dup_call *call)
{
	*call = (struct rpc_dup_call){
		.client = {{base_load64(in), base_load64(in + 8)}},
		.sequence = base_load64(in + 16),
		.first_incomplete = base_load64(in + 24),
		.object = base_load64(in + 32),
		.fingerprint = base_load64(in + 40),
	};
}

int rpc_dup_apply(struct gw_rpc_dup *table, uint64_t now_ms, const struct rpc_dup_call *call,
		  struct rpc_dup_answer *answer, struct gw_error *error)
{
	int result;

	table->operations->expire(table, now_ms);
	table->operations->forget_below(table, call->client, call->first_incomplete);
	result = table->operations->begin(table, call, answer, error);
	assert(result != RPC_DUP_RUNNING);
	return result;
}

int rpc_dup_apply_open(struct gw_rpc_dup *table, uint64_t now_ms, struct rpc_client_id client,
		       struct gw_error *error)
{
	assert(!table->is_durable);
	table->operations->expire(table, now_ms);
	return table->operations->open(table, client, NULL, error);
}
