/* SPDX-License-Identifier: Apache-2.0 */
/*
 * state.c - the state machine: entries applied, snapshots made and taken.
 */
#include "kv/server/state.h"

#include <assert.h>
#include <stdlib.h>

#include "io/rare.h"
#include "kv/server/operation.h"
#include "replog/answer.h"

enum {
	RESTORE_RUN_BYTES = 4 << 20, /* of a snapshot, in one run of the table */
	/* For planted bugs, which ordinary tests are not to meet. */
	ROUND_CALLS = 60,
	FIRST_CALLS = 8,
	MANY_CALLS_BYTES = 1100,
};

/* Unit tests have no io. */
#define STATE_BUG(state, name) ((state)->io && IO_BUG((state)->io, name))

/* ---- Entries -------------------------------------------------------------------------------- */

/* The effect, and its answer in *reply. */
static int run(struct kv_state *state, uint64_t index, const struct kv_entry *entry,
	       struct base_buffer *reply, int *refused, struct gw_error *error)
{
	struct gw_error why = {0};
	int code = replog_answer_begin(reply, 0, error);

	*refused = 0;
	if (code == 0)
		code = kv_operations_run(state, index, entry, reply, refused, &why, error);
	if (code < 0 || *refused == 0)
		return code;
	state->refused++;
	return replog_answer_failure(reply, *refused, why.text, error);
}

/* Planted: for a copy that comes later it is a new call. */
static bool forgets(const struct kv_state *state, const struct kv_entry *entry)
{
	return entry->call.sequence % ROUND_CALLS > FIRST_CALLS &&
	       STATE_BUG(state, "kv.runs-again");
}

/* The effect of a call, and the record of its answer: once, however often it is in the log. */
static int run_once(struct kv_state *state, uint64_t index, const struct kv_entry *entry,
		    struct base_buffer *reply, struct gw_error *error)
{
	struct rpc_dup_answer before;
	struct gw_error why = {0};
	int refused, code;
	int dup = rpc_dup_apply(state->dup, state->wall_ms, &entry->call, &before, &why);

	if (dup == GW_E_NO_MEMORY)
		return gw_fail(error, dup, "%s", why.text);
	if (dup < 0)
		return replog_answer_failure(reply, dup, why.text, error);
	if (dup == RPC_DUP_STALE)
		return replog_answer_failure(reply, GW_E_STALE, "this client was forgotten", error);
	if (dup == RPC_DUP_DONE)
		return replog_answer(reply, before.code, before.reply, error);
	code = run(state, index, entry, reply, &refused, error);
	if (dup == RPC_DUP_NEW) {
		struct gw_bytes payload = replog_answer_payload(reply);

		/* When it has failed the state is not used any more. */
		if (code == 0 && !forgets(state, entry))
			state->dup->operations->finish(state->dup, &entry->call, refused, payload);
		else
			state->dup->operations->abandon(state->dup, &entry->call);
	}
	return code;
}

static int open_client(struct kv_state *state, const struct kv_entry *entry,
		       struct base_buffer *reply, struct gw_error *error)
{
	struct gw_error why = {0};
	int code = rpc_dup_apply_open(state->dup, state->wall_ms, entry->client, &why);

	if (code == GW_E_NO_MEMORY)
		return gw_fail(error, code, "%s", why.text);
	if (code < 0)
		return replog_answer_failure(reply, code, why.text, error);
	return replog_answer_begin(reply, 0, error);
}

static int apply_entry(struct kv_state *state, const struct replog_entry *entry,
		       struct base_buffer *reply, struct gw_error *error)
{
	struct kv_entry decoded;
	int refused;
	int code = kv_entry_decode(entry->bytes, &decoded, error);

	assert(entry->index > state->applied);
	if (code < 0)
		return gw_fail_in(error, "entry %llu", (unsigned long long)entry->index);
	state->applied = entry->index;
	if (entry->wall_ms > state->wall_ms)
		state->wall_ms = entry->wall_ms;
	code = kv_expire_due(state, entry->index, decoded.kind == KV_ENTRY_TICK ? KV_EXPIRE_TICK_MAX
								     : KV_EXPIRE_CHANGE_MAX,
			 error);
	if (code < 0)
		return code;
	switch (decoded.kind) {
	case KV_ENTRY_OPEN:
		return open_client(state, &decoded, reply, error);
	case KV_ENTRY_TICK:
		return replog_answer_begin(reply, 0, error);
	default:
		break;
	}
	if (decoded.has_call)
		return run_once(state, entry->index, &decoded, reply, error);
	return run(state, entry->index, &decoded, reply, &refused, error);
}

static int apply(void *context, const struct replog_entry *entry, struct base_buffer *reply,
		 struct gw_error *error)
{
	struct kv_state *state = context;
	int code = apply_entry(state, entry, reply, error);

	if (code < 0)
		state->is_broken = true;
	return code;
}

static int run_begin(void *context, struct gw_error *error)
{
	struct kv_state *state = context;
	int code;

	assert(!state->is_restoring && !state->is_broken);
	code = state->table->operations->begin(state->table, error);
	if (code < 0)
		state->is_broken = true;
	return code;
}

static int run_end(void *context, uint64_t applied, struct gw_error *error)
{
	struct kv_state *state = context;
	int code = state->table->operations->end(state->table, applied, error);

	assert(applied >= state->applied);
	state->applied = applied;
	if (code < 0)
		state->is_broken = true;
	if (state->changed)
		state->changed(state->context);
	return code;
}

static uint64_t applied_of(void *context)
{
	const struct kv_state *state = context;

	return state->applied;
}

static void role_changed(void *context)
{
	struct kv_state *state = context;

	if (state->role_changed)
		state->role_changed(state->context);
}

/* ---- Snapshots, to bytes -------------------------------------------------------------------- */

int kv_state_snapshot(struct kv_state *state, struct kv_snapshot_writer **writer,
		      struct gw_error *error)
{
	const struct kv_snapshot_head head = {state->applied, state->wall_ms, state->table->keys,
					      state->table->bytes};
	struct base_buffer calls = {0};
	struct kv_frozen *frozen;
	int code;

	*writer = NULL;
	code = state->dup->operations->export_object(state->dup, UINT64_MAX, &calls, error);
	if (calls.size > MANY_CALLS_BYTES && STATE_BUG(state, "kv.calls-left-out"))
		calls.size = 0;
	if (code == 0)
		code = state->table->operations->freeze(state->table, &frozen, error);
	if (code < 0) {
		base_buffer_done(&calls);
		return code;
	}
	return kv_snapshot_writer_new(writer, &head, frozen, &calls, error);
}

static int freeze(void *context, void **snapshot, struct gw_error *error)
{
	struct kv_snapshot_writer *writer;
	int code = kv_state_snapshot(context, &writer, error);

	*snapshot = writer;
	return code;
}

static int read_piece(void *snapshot, void *buffer, size_t size)
{
	return kv_snapshot_read(snapshot, buffer, size);
}

static void thaw(void *context, void *snapshot)
{
	(void)context;
	kv_snapshot_writer_free(snapshot);
}

/* ---- And back ------------------------------------------------------------------------------- */

static int new_calls(struct kv_state *state, struct gw_error *error)
{
	const struct gw_rpc_dup_options options = {.lease_ms = state->options.lease_ms,
						   .clients_max = state->options.clients_max,
						   .bytes_max = state->options.dup_bytes_max};

	return rpc_dup_renew(&state->dup, &options, error);
}

static int take_head(void *context, const struct kv_snapshot_head *head, struct gw_error *error)
{
	struct kv_state *state = context;

	(void)error;
	state->wall_ms = head->wall_ms;
	return 0;
}

static int take_pair(void *context, struct gw_bytes key, const struct kv_item *item,
		     struct gw_error *error)
{
	struct kv_state *state = context;
	struct kv_table *table = state->table;
	int code = 0;

	/* A run is as large as memory likes it. */
	state->restored += key.size + item->value.size + 100;
	if (state->restored > RESTORE_RUN_BYTES) {
		state->restored = 0;
		state->in_run = false;
		code = table->operations->end(table, 0, error);
		if (code == 0)
			code = table->operations->begin(table, error);
		state->in_run = code == 0;
	}
	return code < 0 ? code : table->operations->put(table, key, NULL, item, error);
}

static int take_calls(void *context, struct gw_bytes records, struct gw_error *error)
{
	struct kv_state *state = context;

	return state->dup->operations->import(state->dup, records, error);
}

static int reader_new(struct kv_state *state, struct gw_error *error)
{
	assert(!state->reader);
	state->reader = calloc(1, sizeof(*state->reader));
	if (!state->reader)
		return gw_fail(error, GW_E_NO_MEMORY, "no memory to read a snapshot");
	state->reader->visitor = (struct kv_snapshot_visitor){state, take_head, take_pair,
							      take_calls};
	return 0;
}

static void reader_free(struct kv_state *state)
{
	if (state->reader)
		kv_snapshot_reader_done(state->reader);
	free(state->reader);
	state->reader = NULL;
}

/* Nothing is there; a run of the table is open. */
static int restore_begin(void *context, uint64_t index, struct gw_error *error)
{
	struct kv_state *state = context;
	int code = reader_new(state, error);

	state->is_restoring = state->is_broken = true;
	state->restored = 0;
	state->applied = state->wall_ms = 0;
	state->restarts++;
	kv_history_begin(state->history, index);
	if (code == 0)
		code = new_calls(state, error);
	if (code == 0)
		code = state->table->operations->begin(state->table, error);
	state->in_run = code == 0;
	if (code == 0)
		code = state->table->operations->clear(state->table, error);
	return code;
}

static int restore_piece(void *context, struct gw_bytes bytes, struct gw_error *error)
{
	struct kv_state *state = context;

	assert(state->is_restoring && state->reader);
	return kv_snapshot_take(state->reader, bytes, error);
}

static int restore_end(void *context, uint64_t index, bool complete, struct gw_error *error)
{
	struct kv_state *state = context;
	struct kv_table *table = state->table;
	int code = complete ? kv_snapshot_end(state->reader, error) : 0;
	bool is_whole = complete && code == 0;

	assert(state->is_restoring);
	if (is_whole && state->reader->head.index > index)
		code = gw_fail(error, GW_E_CORRUPT, "the snapshot of entry %llu is one of %llu",
			       (unsigned long long)index,
			       (unsigned long long)state->reader->head.index);
	is_whole = is_whole && code == 0;
	reader_free(state);
	if (is_whole)
		code = table->operations->end(table, index, error);
	else if (state->in_run && table->operations->clear(table, NULL) == 0)
		(void)table->operations->end(table, 0, NULL); /* why it is so is told already */
	state->in_run = false;
	state->applied = is_whole ? index : 0;
	state->is_restoring = false;
	state->soonest_ms = 0; /* ends came with it */
	state->is_broken = !is_whole;
	if (state->changed)
		state->changed(state->context);
	return code;
}

const struct replog_machine kv_machine = {
	.applied = applied_of,
	.run_begin = run_begin,
	.apply = apply,
	.run_end = run_end,
	.freeze = freeze,
	.read_piece = read_piece,
	.thaw = thaw,
	.restore_begin = restore_begin,
	.restore_piece = restore_piece,
	.restore_end = restore_end,
	.role_changed = role_changed,
};

/* ---- Beginning and end ---------------------------------------------------------------------- */

int kv_state_init(struct kv_state *state, struct io *io, struct kv_table *table,
		  const struct kv_state_options *options, struct gw_error *error)
{
	int code;

	*state = (struct kv_state){.table = table, .io = io, .soonest_ms = UINT64_MAX};
	if (options)
		state->options = *options;
	state->history = kv_history_new(state->options.history_bytes_max);
	if (!state->history)
		return gw_fail(error, GW_E_NO_MEMORY, "no memory for a history");
	code = new_calls(state, error);
	if (code < 0)
		kv_state_done(state);
	return code;
}

void kv_state_done(struct kv_state *state)
{
	gw_rpc_dup_free(state->dup);
	kv_history_free(state->history);
	base_buffer_done(&state->scratch);
	reader_free(state);
	*state = (struct kv_state){0};
}

/* A table without keys, which a snapshot of it is made of. */
static int no_next(struct kv_frozen *frozen, struct gw_bytes *key, struct kv_item *item,
		   struct gw_error *error)
{
	(void)frozen;
	(void)key;
	(void)item;
	(void)error;
	return 0;
}

static void no_free(struct kv_frozen *frozen)
{
	(void)frozen;
}

int kv_state_keep(struct kv_state *state, struct base_buffer *out, struct gw_error *error)
{
	const struct kv_snapshot_head head = {state->applied, state->wall_ms, 0, 0};
	struct kv_frozen nothing = {no_next, no_free};
	struct kv_snapshot_writer *writer;
	struct base_buffer calls = {0};
	uint8_t piece[4096];
	int code = state->dup->operations->export_object(state->dup, UINT64_MAX, &calls, error);

	if (code < 0) {
		base_buffer_done(&calls);
		return code;
	}
	code = kv_snapshot_writer_new(&writer, &head, &nothing, &calls, error);
	if (code < 0)
		return code;
	while ((code = kv_snapshot_read(writer, piece, sizeof(piece))) > 0) {
		code = base_buffer_append(out, piece, (size_t)code, error);
		if (code < 0)
			break;
	}
	kv_snapshot_writer_free(writer);
	return code;
}

static int no_pair(void *context, struct gw_bytes key, const struct kv_item *item,
		   struct gw_error *error)
{
	(void)context;
	(void)item;
	return gw_fail(error, GW_E_CORRUPT, "what was kept has a key of %zu bytes", key.size);
}

int kv_state_restore_kept(struct kv_state *state, struct gw_bytes kept, struct gw_error *error)
{
	int code = reader_new(state, error);

	if (code < 0)
		return code;
	state->reader->visitor.pair = no_pair;
	code = kv_snapshot_take(state->reader, kept, error);
	if (code == 0)
		code = kv_snapshot_end(state->reader, error);
	if (code == 0 && state->reader->head.index != state->table->applied)
		code = gw_fail(error, GW_E_CORRUPT, "what was kept is of entry %llu, not of %llu",
			       (unsigned long long)state->reader->head.index,
			       (unsigned long long)state->table->applied);
	state->applied = code == 0 ? state->table->applied : 0;
	kv_history_begin(state->history, state->applied);
	reader_free(state);
	return code;
}
