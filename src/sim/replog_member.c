/* SPDX-License-Identifier: Apache-2.0 */
/*
 * replog_member.c - a member of the workload replog: it keeps the log, its machine tells the
 * workload what it applies, and its tasks propose numbers and read.
 *
 *     an entry    u64 number, then up to REPLOG_FILLER_MAX bytes that follow from it
 *     a snapshot  u64 count, u64 last, u64 hash, u64 wall_ms, then filler
 */
#include "sim/workload_replog.h"

#include "base/little_endian.h"
#include "task/loop.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

enum { SNAPSHOT_HEADER_BYTES = 32, STEP_BACK_MS = 20 };

/* ---- The machine ----------------------------------------------------------------------------- */

static int apply(void *context, const struct replog_entry *entry, struct base_buffer *reply,
		 struct gw_error *error)
{
	struct replog_node *node = context;
	uint64_t number;

	if (entry->bytes.size < 8)
		return gw_fail(error, GW_E_CORRUPT, "an entry of %zu bytes", entry->bytes.size);
	number = base_load64(entry->bytes.data);
	if (entry->wall_ms < node->wall_ms)
		sim_run_fail(node->state->run, "the time of the log goes back");
	node->wall_ms = entry->wall_ms;
	replog_number_applied(node, entry->index, number);
	return base_buffer_append(reply, entry->bytes.data, 8, error);
}

struct frozen {
	uint8_t header[SNAPSHOT_HEADER_BYTES];
	size_t size, read;
};

static int freeze(void *context, void **snapshot, struct gw_error *error)
{
	struct replog_node *node = context;
	struct frozen *frozen = calloc(1, sizeof(*frozen));

	if (!frozen)
		return gw_fail(error, GW_E_NO_MEMORY, "no memory for a snapshot");
	base_store64(frozen->header, node->count);
	base_store64(frozen->header + 8, node->last);
	base_store64(frozen->header + 16, node->hash);
	base_store64(frozen->header + 24, node->wall_ms);
	frozen->size = SNAPSHOT_HEADER_BYTES + node->state->filler_bytes;
	*snapshot = frozen;
	return 0;
}

static int read_piece(void *snapshot, void *buffer, size_t size)
{
	struct frozen *frozen = snapshot;
	size_t left = frozen->size - frozen->read;
	uint8_t *to = buffer;

	size = left < size ? left : size;
	for (size_t i = 0; i < size; i++) {
		size_t at = frozen->read + i;

		to[i] = at < SNAPSHOT_HEADER_BYTES ? frozen->header[at] : (uint8_t)(at * 7);
	}
	frozen->read += size;
	return (int)size;
}

static void thaw(void *context, void *snapshot)
{
	(void)context;
	free(snapshot);
}

static int restore_begin(void *context, uint64_t index, struct gw_error *error)
{
	struct replog_node *node = context;

	(void)index;
	(void)error;
	node->restored.size = 0;
	node->is_restoring = true;
	return 0;
}

static int restore_piece(void *context, struct gw_bytes bytes, struct gw_error *error)
{
	struct replog_node *node = context;

	return base_buffer_append(&node->restored, bytes.data, bytes.size, error);
}

static int restore_end(void *context, uint64_t index, bool complete, struct gw_error *error)
{
	struct replog_node *node = context;
	const uint8_t *at = node->restored.data;

	node->is_restoring = false;
	if (!complete)
		return 0;
	if (node->restored.size != SNAPSHOT_HEADER_BYTES + node->state->filler_bytes)
		return gw_fail(error, GW_E_CORRUPT, "a snapshot of %zu bytes",
			       node->restored.size);
	for (size_t i = SNAPSHOT_HEADER_BYTES; i < node->restored.size; i++) {
		if (at[i] != (uint8_t)(i * 7))
			return gw_fail(error, GW_E_CORRUPT, "a snapshot with a wrong byte");
	}
	node->count = base_load64(at);
	node->last = base_load64(at + 8);
	node->hash = base_load64(at + 16);
	node->wall_ms = base_load64(at + 24);
	assert(node->last <= index);
	replog_state_restored(node);
	return 0;
}

static const struct replog_machine machine = {
	.apply = apply, .freeze = freeze, .read_piece = read_piece, .thaw = thaw,
	.restore_begin = restore_begin, .restore_piece = restore_piece,
	.restore_end = restore_end,
};

/* ---- Those who propose and read -------------------------------------------------------------- */

static void propose(struct replog_node *node)
{
	struct replog_state_of_run *state = node->state;
	uint64_t number = replog_number_new(state);
	uint8_t bytes[8 + REPLOG_FILLER_MAX];
	struct replog_result result;
	struct gw_error error = {0};
	uint64_t timeout_ms;
	size_t filler;
	int code;

	if (number == 0)
		return;
	timeout_ms = 1 + sim_draw(state->run->sim, state->tuning.timeout_ms_max);
	filler = sim_draw(state->run->sim, REPLOG_FILLER_MAX);
	base_store64(bytes, number);
	memset(bytes + 8, (int)number, filler);
	code = replog_propose(node->log, (struct gw_bytes){bytes, 8 + filler},
			      gw_after_ms(timeout_ms), &result, &error);
	if (sim_io_alive(node->io))
		replog_number_ends(node, number, code, result.index);
	base_buffer_done(&result.reply);
}

static void read_something(struct replog_node *node)
{
	struct replog_state_of_run *state = node->state;
	uint64_t must_see = state->acknowledged;
	struct replog_state seen;
	uint64_t timeout_ms = 1 + state->tuning.timeout_ms_max;
	int code = replog_read_barrier(node->log, gw_after_ms(timeout_ms), NULL, NULL);

	if (code < 0 || !sim_io_alive(node->io))
		return;
	replog_state(node->log, &seen);
	state->reads++;
	if (seen.applied < must_see)
		sim_run_fail(state->run, "a read sees %u entries, %u were acknowledged",
			     (unsigned)seen.applied, (unsigned)must_see);
}

static int ask(struct replog_node *node, bool only_reads)
{
	struct sim *sim = node->state->run->sim;
	struct replog_state now;
	int code = 0;

	while (code >= 0 && sim_io_alive(node->io)) {
		replog_state(node->log, &now);
		/* Who does not lead is asked now and then, to be refused. */
		if (now.role != REPLOG_LEADER && sim_draw(sim, 20) != 0) {
			code = gw_sleep_ms(STEP_BACK_MS);
			continue;
		}
		if (only_reads || sim_draw(sim, 4) == 0)
			read_something(node);
		else
			propose(node);
		code = gw_sleep_until(gw_now_ns() + 1 +
				      sim_draw(sim, node->state->tuning.pause_ns_max));
	}
	return 0;
}

static int propose_and_read(void *argument)
{
	return ask(argument, false);
}

/* The others are stuck in a proposal when their leader is cut off; this one asks it what it no
 * longer knows. */
static int only_read(void *argument)
{
	return ask(argument, true);
}

/* ---- A life ---------------------------------------------------------------------------------- */

static void end_process(void *context, const struct gw_error *error)
{
	struct replog_node *node = context;

	sim_note(node->state->run->sim, node->node, "the member ends", error->code);
	sim_node_kill(node->node);
}

static int serve(struct replog_node *node, struct gw_error *error)
{
	const struct replog_state_of_run *state = node->state;
	const struct log_tuning *tuning = &state->tuning;
	struct gw_rpc_server_options server_options = {.insecure = true};
	struct replog_options options = {
		.directory = "log", .address = node->address, .insecure = true,
		.join = node->joins ? state->join : NULL, .segment_bytes = tuning->segment_bytes,
		.snapshot_bytes = tuning->snapshot_bytes, .keep_entries = tuning->keep_entries,
		.keep_bytes = tuning->keep_bytes, .election_ms = tuning->election_ms,
		.heartbeat_ms = tuning->election_ms / 5, .failed = end_process,
	};
	struct replog *log;
	int code = replog_open(&log, &options, &machine, node, error);

	if (code < 0)
		return code;
	node->log = log;
	code = gw_rpc_server_new(&node->server, &server_options, error);
	if (code == 0)
		code = replog_serve(log, node->server, error);
	if (code == 0)
		code = gw_rpc_server_listen(node->server, node->address, error);
	return code == 0 ? replog_start(log, error) : code;
}

static int live(void *argument)
{
	struct replog_node *node = argument;
	struct gw_group group = {0};
	struct gw_error error = {0};
	int code = serve(node, &error);

	node->is_started = code == 0;
	for (uint32_t i = 0; i < node->state->task_count && code == 0; i++)
		code = gw_spawn(&group, propose_and_read, node, NULL);
	if (code == 0)
		code = gw_spawn(&group, only_read, node, NULL);
	if (code < 0) {
		if (code == GW_E_CORRUPT && sim_io_alive(node->io))
			sim_run_fail(node->state->run, "nothing harmed the disk: %s", error.text);
		end_process(node, &error);
	} else {
		(void)gw_sleep_until(GW_FOREVER);
	}
	node->is_started = false;
	(void)gw_group_done(&group);
	gw_rpc_server_free(node->server);
	node->server = NULL;
	replog_free(node->log);
	node->log = NULL;
	return 0;
}

static void *start(struct sim_node *sim_node, struct io *io, void *argument)
{
	struct task_loop_options options = {.name = sim_node_name(sim_node), .pick = true,
					    .silent = true};
	struct replog_node *node = argument;
	int code;

	node->io = io;
	node->is_started = node->is_restoring = false;
	node->count = node->last = node->hash = node->wall_ms = 0;
	code = task_loop_new(io, &options, &node->loop, NULL);
	assert(code == 0);
	code = task_loop_spawn(node->loop, live, node, NULL);
	assert(code == 0);
	return node;
}

static void stop(void *argument)
{
	struct replog_node *node = argument;

	if (!sim_end_tasks(node->io, node->loop))
		sim_run_fail(node->state->run, "the tasks of a dead member do not end");
	node->loop = NULL;
	base_buffer_done(&node->restored);
}

const struct sim_program replog_member_program = {start, stop, NULL};
