/* SPDX-License-Identifier: Apache-2.0 */
/*
 * machine.c - records applied, checkpoints made and read.
 */
#include "gfs/master/machine.h"

#include <assert.h>

#include "gfs/master/answer.h"
#include "replog/answer.h"

/* ---- Records -------------------------------------------------------------------------------- */

/* The effect, and its answer in *reply. *refused is the answer's code. */
static int run(struct gfs_machine *machine, const struct gfs_record *record, uint64_t term,
	       struct base_buffer *reply, int *refused, struct gw_error *error)
{
	struct gw_error why = {0};
	struct gfs_done done;
	int code = gfs_state_do(&machine->state, record, &done, &why);

	*refused = code;
	if (gfs_is_fatal(code))
		return gw_fail(error, code, "%s", why.text);
	if (machine->watch.applied)
		machine->watch.applied(machine->watch.context, record, &done, code);
	if (code < 0)
		return replog_answer_failure(reply, code, why.text, error);
	code = replog_answer_begin(reply, 0, error);
	return code < 0 ? code
			: gfs_answer_pack(&machine->state, record, &done, term, reply, error);
}

/* The effect of a call, and the record of its answer: once, however often it is in the log. */
static int run_once(struct gfs_machine *machine, const struct gfs_record *record, uint64_t term,
		    struct base_buffer *reply, struct gw_error *error)
{
	struct rpc_dup_answer before;
	struct gw_error why = {0};
	int refused, code;
	int dup = rpc_dup_apply(machine->dup, machine->state.wall_ms, &record->call, &before,
				&why);

	if (dup == GW_E_NO_MEMORY)
		return gw_fail(error, dup, "%s", why.text);
	if (dup < 0)
		return replog_answer_failure(reply, dup, why.text, error);
	if (dup == RPC_DUP_STALE)
		return replog_answer_failure(reply, GW_E_STALE, "this client was forgotten", error);
	if (dup == RPC_DUP_DONE)
		return replog_answer(reply, before.code, before.reply, error);
	assert(dup == RPC_DUP_NEW);
	code = run(machine, record, term, reply, &refused, error);
	if (code < 0) { /* the state is not used any more */
		machine->dup->operations->abandon(machine->dup, &record->call);
		return code;
	}
	machine->dup->operations->finish(machine->dup, &record->call, refused,
					 replog_answer_payload(reply));
	return 0;
}

static int open_client(struct gfs_machine *machine, const struct gfs_record *record,
		       struct base_buffer *reply, struct gw_error *error)
{
	const struct rpc_client_id client = {{record->client_first, record->client_second}};
	struct gw_error why = {0};
	int code = rpc_dup_apply_open(machine->dup, machine->state.wall_ms, client, &why);

	if (code == GW_E_NO_MEMORY)
		return gw_fail(error, code, "%s", why.text);
	if (code < 0)
		return replog_answer_failure(reply, code, why.text, error);
	return replog_answer_begin(reply, 0, error);
}

static int apply_entry(struct gfs_machine *machine, const struct replog_entry *entry,
		       struct base_buffer *reply, struct gw_error *error)
{
	struct gfs_record record;
	int refused;
	int code = gfs_record_decode(entry->bytes, &record, error);

	assert(entry->index > machine->state.applied);
	if (code < 0)
		return gw_fail_in(error, "entry %llu", (unsigned long long)entry->index);
	machine->state.applied = entry->index;
	if (entry->wall_ms > machine->state.wall_ms)
		machine->state.wall_ms = entry->wall_ms;
	if (record.kind == GFS_RECORD_CLIENT)
		return open_client(machine, &record, reply, error);
	if (record.has_call)
		return run_once(machine, &record, entry->term, reply, error);
	return run(machine, &record, entry->term, reply, &refused, error);
}

static int apply(void *context, const struct replog_entry *entry, struct base_buffer *reply,
		 struct gw_error *error)
{
	struct gfs_machine *machine = context;
	int code;

	assert(!machine->is_restoring && !machine->is_broken);
	code = apply_entry(machine, entry, reply, error);
	if (code < 0)
		machine->is_broken = true;
	return code;
}

static int run_end(void *context, uint64_t applied, struct gw_error *error)
{
	struct gfs_machine *machine = context;

	(void)error;
	assert(applied >= machine->state.applied);
	machine->state.applied = applied;
	if (machine->watch.run_ended)
		machine->watch.run_ended(machine->watch.context);
	return 0;
}

static void role_changed(void *context)
{
	struct gfs_machine *machine = context;

	if (machine->watch.role_changed)
		machine->watch.role_changed(machine->watch.context);
}

/* ---- Checkpoints ---------------------------------------------------------------------------- */

static int freeze(void *context, void **snapshot, struct gw_error *error)
{
	struct gfs_machine *machine = context;
	struct gfs_checkpoint_writer *writer;
	struct base_buffer calls = {0};
	int code = machine->dup->operations->export_object(machine->dup, UINT64_MAX, &calls, error);

	if (code < 0) {
		base_buffer_done(&calls);
		return code;
	}
	code = gfs_checkpoint_writer_new(&writer, &machine->state, &calls, error);
	*snapshot = writer;
	return code;
}

static int read_piece(void *snapshot, void *buffer, size_t size)
{
	return gfs_checkpoint_read(snapshot, buffer, size);
}

static void thaw(void *context, void *snapshot)
{
	(void)context;
	gfs_checkpoint_writer_free(snapshot);
}

static int new_calls(struct gfs_machine *machine, struct gw_error *error)
{
	const struct gw_rpc_dup_options options = {.lease_ms = machine->options.lease_ms,
						   .clients_max = machine->options.clients_max,
						   .bytes_max = machine->options.dup_bytes_max};

	return rpc_dup_renew(&machine->dup, &options, error);
}

static void freed(void *context, uint32_t slot)
{
	const struct gfs_machine *machine = context;

	if (machine->watch.freed)
		machine->watch.freed(machine->watch.context, slot);
}

static void watch_state(struct gfs_machine *machine)
{
	machine->state.freed = freed;
	machine->state.context = machine;
}

static int restore_begin(void *context, uint64_t index, struct gw_error *error)
{
	struct gfs_machine *machine = context;
	int code;

	(void)index;
	machine->is_restoring = machine->is_broken = true;
	gfs_state_done(&machine->state);
	code = new_calls(machine, error);
	if (code == 0)
		code = gfs_state_init_empty(&machine->state, error);
	watch_state(machine);
	machine->reader = (struct gfs_checkpoint_reader){.state = &machine->state};
	return code;
}

static int restore_piece(void *context, struct gw_bytes bytes, struct gw_error *error)
{
	struct gfs_machine *machine = context;

	assert(machine->is_restoring);
	return gfs_checkpoint_take(&machine->reader, bytes, error);
}

static int restore_end(void *context, uint64_t index, bool complete, struct gw_error *error)
{
	struct gfs_machine *machine = context;
	int code = complete ? gfs_checkpoint_end(&machine->reader, error) : 0;

	assert(machine->is_restoring);
	if (complete && code == 0 && machine->state.applied > index)
		code = gw_fail(error, GW_E_CORRUPT, "the checkpoint of entry %llu is one of %llu",
			       (unsigned long long)index,
			       (unsigned long long)machine->state.applied);
	if (complete && code == 0)
		code = machine->dup->operations->import(
			machine->dup, base_buffer_bytes(&machine->reader.calls), error);
	gfs_checkpoint_reader_done(&machine->reader);
	machine->is_restoring = false;
	machine->is_broken = !complete || code < 0;
	if (machine->is_broken)
		gfs_state_done(&machine->state);
	else
		machine->state.applied = index;
	if (!machine->is_broken && machine->watch.restored)
		machine->watch.restored(machine->watch.context);
	return code;
}

const struct replog_machine gfs_replog_machine = {
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

int gfs_machine_init(struct gfs_machine *machine, const struct gfs_machine_options *options,
		     struct gw_error *error)
{
	int code;

	*machine = (struct gfs_machine){0};
	if (options)
		machine->options = *options;
	code = new_calls(machine, error);
	if (code == 0)
		code = gfs_state_init(&machine->state, error);
	watch_state(machine);
	if (code < 0)
		gfs_machine_done(machine);
	return code;
}

void gfs_machine_done(struct gfs_machine *machine)
{
	gw_rpc_dup_free(machine->dup);
	gfs_state_done(&machine->state);
	gfs_checkpoint_reader_done(&machine->reader);
	*machine = (struct gfs_machine){0};
}
