/* SPDX-License-Identifier: Apache-2.0 */
/*
 * driver_apply.c - the machine follows the log: entries that are committed are applied in runs, in
 * order, each once; those who wait for them are answered; a snapshot takes the place of what is no
 * longer in the log.
 */
#include "driver.h"

#include "base/little_endian.h"
#include "io/rare.h"

#include <stdlib.h>

bool replog_entry_wall_ms(const struct raft_entry *entry, uint64_t *wall_ms)
{
	const uint8_t *at = entry->data.data;

	if (entry->kind != RAFT_ENTRY_COMMAND || entry->data.size < REPLOG_ENTRY_HEADER_BYTES ||
	    at[0] != REPLOG_ENTRY_VERSION)
		return false;
	*wall_ms = base_load64(at + 1);
	return true;
}

/* ---- Entries --------------------------------------------------------------------------------- */

/* Whoever waits for the entry has its answer, unless another one took its place. */
static void answer(struct replog *log, uint64_t index, uint64_t term)
{
	struct replog_ask *ask = log->proposed.first;

	if (!ask || ask->index > index)
		return;
	assert(ask->index == index);
	if (ask->term != term) {
		replog_ask_ends(ask, GW_E_OUTCOME_UNKNOWN);
		return;
	}
	if (ask->reply) {
		*ask->reply = log->reply;
		log->reply = (struct base_buffer){0};
	}
	ask->wall_ms = log->wall_ms;
	/* It leaves its list now, and hears of it when the run has ended. */
	replog_asks_remove(ask);
	replog_asks_add(&log->readable, ask);
}

static int apply_command(struct replog *log, const struct raft_entry *entry, uint64_t index,
			 struct gw_error *error)
{
	struct replog_entry told = {.index = index, .term = entry->term};
	uint64_t wall_ms;

	if (!replog_entry_wall_ms(entry, &wall_ms))
		return gw_fail(error, GW_E_CORRUPT, "entry %llu is of no version that is known",
			       (unsigned long long)index);
	if (wall_ms > log->wall_ms)
		log->wall_ms = wall_ms;
	told.wall_ms = log->wall_ms;
	told.bytes.data = (const uint8_t *)entry->data.data + REPLOG_ENTRY_HEADER_BYTES;
	told.bytes.size = entry->data.size - REPLOG_ENTRY_HEADER_BYTES;
	log->reply.size = 0;
	return log->machine.apply(log->context, &told, &log->reply, error);
}

/* How far the machine may go. */
static uint64_t limit(const struct replog *log)
{
	if (IO_BUG(log->io, "replog.apply-early"))
		return raft_last_index(log->raft);
	return raft_commit(log->raft);
}

static int apply_run(struct replog *log, struct gw_error *error)
{
	uint64_t last = limit(log), bytes = 0;
	uint32_t count = 0;
	int result = 0;

	if (log->machine.run_begin)
		result = log->machine.run_begin(log->context, error);
	while (result >= 0 && log->applied < last && count++ < REPLOG_RUN_ENTRIES_MAX &&
	       bytes < REPLOG_RUN_BYTES_MAX) {
		uint64_t index = log->applied + 1;
		const struct raft_entry *entry = raft_log_entry(log->raft, index);

		assert(entry);
		if (entry->kind == RAFT_ENTRY_COMMAND)
			result = apply_command(log, entry, index, error);
		if (result < 0)
			break;
		bytes += entry->data.size + 32;
		log->applied = index;
		log->applied_term = entry->term;
		answer(log, index, entry->term);
	}
	log->bytes_applied += bytes;
	if (result >= 0 && log->machine.run_end)
		result = log->machine.run_end(log->context, log->applied, error);
	return result;
}

/* Those whose entry, or index, is applied. */
static void wake_applied(struct replog *log)
{
	struct replog_ask *next;

	for (struct replog_ask *ask = log->readable.first; ask; ask = next) {
		next = ask->next;
		if (ask->index <= log->applied)
			replog_ask_ends(ask, 0);
	}
	rpc_wake(&log->changed);
}

/* ---- Restoring ------------------------------------------------------------------------------- */

/* The first file of a snapshot is ours: version, wall_ms. */
static int restore_time(struct replog *log, const struct replog_manifest *manifest, uint8_t *piece,
			struct gw_error *error)
{
	const struct raft_snapshot *snapshot = &manifest->snapshot;
	int result;

	if (manifest->file_count != 2)
		return gw_fail(error, GW_E_CORRUPT, "a snapshot of %u files", manifest->file_count);
	result = replog_snapshot_read(log->store, snapshot->index, snapshot->term, 0, 0, piece,
				      error);
	if (result < 0)
		return result;
	if (result != 16 || base_load32(piece) != 1)
		return gw_fail(error, GW_E_VERSION, "a snapshot of version %u",
			       result < 4 ? 0 : base_load32(piece));
	log->wall_ms = base_load64(piece + 8);
	if (log->stamped_ms < log->wall_ms)
		log->stamped_ms = log->wall_ms;
	return 0;
}

static int restore_state(struct replog *log, const struct replog_manifest *manifest, uint8_t *piece,
			 struct gw_error *error)
{
	struct raft_snapshot snapshot = manifest->snapshot;
	uint64_t pieces = replog_file_pieces(&manifest->files[1]);
	struct gw_error second = {0};
	int result = log->machine.restore_begin(log->context, snapshot.index, error);
	int end;

	if (result < 0)
		return result;
	for (uint64_t i = 0; i < pieces && result >= 0; i++) {
		result = replog_snapshot_read(log->store, snapshot.index, snapshot.term, 1, i,
					      piece, error);
		if (result >= 0)
			result = log->machine.restore_piece(
				log->context, (struct gw_bytes){piece, (size_t)result}, error);
	}
	end = log->machine.restore_end(log->context, snapshot.index, result >= 0,
				       result < 0 ? &second : error);
	return result < 0 ? result : end;
}

/* The machine has it already, and only the time is to be learnt. */
static bool holds(const struct replog *log, uint64_t index)
{
	return log->applied >= index;
}

int replog_restore(struct replog *log, struct gw_error *error)
{
	const struct replog_manifest *manifest = replog_store_manifest(log->store);
	uint8_t *piece;
	int result;

	if (!manifest)
		return 0;
	piece = malloc(REPLOG_PIECE_BYTES);
	if (!piece)
		return gw_fail(error, GW_E_NO_MEMORY, "no memory for a snapshot");
	result = restore_time(log, manifest, piece, error);
	if (result == 0 && !holds(log, manifest->snapshot.index)) {
		struct raft_snapshot snapshot = manifest->snapshot;

		log->is_restoring = true;
		result = restore_state(log, manifest, piece, error);
		log->is_restoring = false;
		log->applied = snapshot.index;
		log->applied_term = snapshot.term;
	}
	free(piece);
	return result < 0 ? gw_fail_in(error, "%s: the snapshot", replog_name(log)) : 0;
}

/* A snapshot that was fetched. What is committed here meanwhile by entries is no reason for it. */
static int install(struct replog *log, struct gw_error *error)
{
	const struct replog_manifest *manifest = replog_store_manifest(log->store);
	struct raft_snapshot snapshot = manifest->snapshot;
	struct raft_event event = {.kind = RAFT_INSTALLED, .snapshot = &snapshot};
	int result = replog_restore(log, error);

	if (result < 0 || log->ended)
		return result;
	if (snapshot.index <= raft_commit(log->raft)) {
		event.kind = RAFT_COMPACT;
		event.keep = log->options.keep_entries;
		event.keep_bytes = log->options.keep_bytes;
	}
	IO_PROBE(log->io, "replog.installed");
	log->bytes_applied = 0;
	return replog_step(log, &event);
}

/* ---- The task -------------------------------------------------------------------------------- */

static int work(struct replog *log, struct gw_error *error)
{
	int result = 0;

	if (log->install_wanted) {
		result = install(log, error);
		log->install_wanted = false;
		rpc_wake(&log->fetcher);
	} else if (log->applied < limit(log)) {
		result = apply_run(log, error);
	} else {
		return rpc_wait(&log->applier, "for entries of", replog_name(log), GW_FOREVER);
	}
	if (result < 0 || log->ended)
		return result;
	wake_applied(log);
	if (log->bytes_applied >= log->options.snapshot_bytes)
		replog_snapshot_due(log);
	return gw_yield();
}

int replog_run_machine(void *argument)
{
	struct replog *log = argument;
	struct gw_error error = {0};
	int result = 0;

	while (!log->ended && result >= 0)
		result = work(log, &error);
	if (result < 0 && result != GW_E_CANCELLED && !log->ended)
		replog_fail(log, &error);
	return 0;
}
