/* SPDX-License-Identifier: Apache-2.0 */
/*
 * chunk_write.c - mutations. What comes behind the length is written together, data and log at the
 * same time; what changes bytes that count goes to the log first, and is durable there.
 */
#include "chunk_run.h"

#include "io/rare.h"
#include "task/await.h"
#include "task/loop.h"

#include <assert.h>
#include <stdlib.h>

/* ---- Writing --------------------------------------------------------------------------------- */

/* Behind the length there are zeros only, if something is to be left out there: nothing else tells
 * after a loss of power. */
static int make_zeros(struct chunk_run *run, struct gw_error *error)
{
	struct chunk *chunk = run->chunk;
	int result;

	if (!run->has_pad || !chunk->data || chunk->written_end <= chunk->state.length)
		return 0;
	result = task_disk_truncate(chunk->data, chunk->state.length, error);
	if (result == 0)
		result = task_disk_sync(chunk->data, error);
	chunk_disk_failed(chunk, result);
	if (result == 0)
		chunk->written_end = chunk->state.length;
	return result;
}

/* Data and log go to the disk's thread together. */
static int write_both(struct chunk_run *run, struct gw_error *error)
{
	struct chunk *chunk = run->chunk;
	struct task_request data = {.error = error}, log = {.error = error};
	struct gw_bytes bytes = base_buffer_bytes(&run->log);
	int of_data = 0, of_log;

	if (run->piece_count > 0)
		io_pwritev(task_io(), &data.request, chunk->data, run->pieces, run->piece_count,
			   run->start, 0, task_request_done);
	io_pwritev(task_io(), &log.request, chunk->log, &bytes, 1, chunk->log_end, 0,
		   task_request_done);
	gw_shield_begin();
	if (run->piece_count > 0)
		of_data = task_await(&data, GW_FOREVER);
	of_log = task_await(&log, GW_FOREVER);
	gw_shield_end();
	return of_data < 0 ? of_data : of_log;
}

/*
 * What was synced is not harmed by a loss of power while it is changed, or while others come to lie
 * where it was cut: the log has both durably before the data are touched, and all that the log says
 * before that is on the disk, too.
 */
static int write_in_turn(struct chunk_run *run, struct gw_error *error)
{
	struct chunk *chunk = run->chunk;
	struct gw_bytes bytes = base_buffer_bytes(&run->log);
	uint32_t flags = IO_BUG(chunk->store->io, "gfs.overwrite-first") ? 0 : IO_WRITE_SYNC;
	int result;

	if (IO_BUG(chunk->store->io, "gfs.overwrite-unlogged"))
		bytes.size = 0;
	result = task_disk_write(chunk->log, &bytes, 1, chunk->log_end, flags, error);
	if (result < 0)
		chunk->log_is_doubtful = true;
	if (result < 0 || run->piece_count == 0)
		return result;
	chunk->is_overwriting = true;
	result = task_disk_write(chunk->data, run->pieces, run->piece_count, run->start, 0, error);
	/* The log has it, so the next start would put it there; until then it is neither. */
	if (result < 0)
		chunk->is_bad = chunk->is_changed = true;
	return result;
}

static int apply(struct chunk_run *run, struct gw_error *error)
{
	struct chunk *chunk = run->chunk;
	int result = 0;

	for (size_t i = 0; i < run->step_count && result == 0; i++) {
		const struct chunk_step *step = &run->steps[i];

		result = chunk_state_apply(&chunk->state, &step->record, error);
		if (result == 0) {
			/* Who reads now may meet the bytes that will come in place of others. */
			chunk->overwrites += step->record.kind == CHUNK_RECORD_CUT;
			if (chunk->synced_length > chunk->state.length)
				chunk->synced_length = chunk->state.length;
			chunk->log_end = step->log_end;
			chunk->log_crc = step->log_crc;
		}
	}
	if (result == 0)
		chunk->log_is_torn = false;
	chunk->length = chunk->state.length;
	chunk->is_changed = true;
	return result;
}

static int carry_out(struct chunk_run *run, struct gw_error *error)
{
	struct chunk *chunk = run->chunk;
	uint64_t end = run->start;
	bool in_turn = run->is_overwrite || run->is_cut;
	int result = chunk_log_clean(chunk, error);

	if (run->step_count == 0)
		return result;
	if (result == 0)
		result = make_zeros(run, error);
	if (result == 0 && run->piece_count > 0)
		result = chunk_data_open(chunk, true, error);
	if (result < 0)
		return result;
	for (uint32_t i = 0; i < run->piece_count; i++)
		end += run->pieces[i].size;
	if (run->piece_count > 0 && end > chunk->written_end)
		chunk->written_end = end;
	chunk->log_is_torn = chunk->log_is_unsynced = true;
	if (in_turn) {
		chunk->has_unsynced_changes = true;
		result = write_in_turn(run, error);
	} else {
		chunk->has_unsynced_end = true;
		result = write_both(run, error);
	}
	if (result == 0)
		result = apply(run, error);
	if (chunk->is_overwriting) {
		chunk->is_overwriting = false;
		chunk->overwrites++;
	}
	chunk_disk_failed(chunk, result);
	/* What failed is not to be found by the next start; if this fails, it may be. What is in
	 * place in part is mended from the log. */
	if (result < 0 && !chunk->is_bad)
		(void)!chunk_log_clean(chunk, NULL);
	return result;
}

/* What stands in the log before a change of bytes is on the disk when that is; what was changed
 * before a cut is not mended from the log any more, since others may lie there then. */
static bool wants_sync(const struct chunk *chunk, const struct chunk_mutation *mutation)
{
	if (mutation->offset >= chunk->state.length)
		return false;
	if (mutation->what == CHUNK_CUT)
		return chunk->has_unsynced_end || chunk->has_unsynced_changes;
	return mutation->what == CHUNK_WRITE && chunk->has_unsynced_end;
}

static int run_all(struct chunk_run *run, const struct chunk_mutation *mutations, size_t count,
		   struct gw_error *error)
{
	const struct chunk *chunk = run->chunk;
	size_t at = 0;
	int result = 0;

	while (at < count && result >= 0) {
		if (wants_sync(chunk, &mutations[at]))
			result = chunk_log_sync(run->chunk, false, error);
		chunk_run_begin(run);
		/* Behind some that need nothing one may come that wants a sync. */
		do
			result = result < 0 ? result : chunk_run_add(run, &mutations[at], error);
		while (result > 0 && ++at < count && !wants_sync(chunk, &mutations[at]));
		if (result >= 0)
			result = carry_out(run, error);
	}
	return result < 0 ? result : 0;
}

/* So that it does not grow for ever without a sync; and what a life before left may not be on the
 * disk, "open" among it. */
static int make_sure_of_log(struct chunk *chunk, struct gw_error *error)
{
	int result;

	if (!chunk->log_is_doubtful && chunk->log_end <= 2 * chunk->store->log_bytes_max)
		return 0;
	result = chunk_sync_data(chunk, error);
	if (result == 0)
		result = chunk_log_renew(chunk, error);
	chunk_disk_failed(chunk, result);
	return result;
}

/* Held, and under its lock. */
static int carry_out_all(struct chunk *chunk, const struct chunk_mutation *mutations, size_t count,
			 struct gw_error *error)
{
	struct chunk_run *run = malloc(sizeof(*run));
	int result;

	if (!run)
		return gw_fail(error, GW_E_NO_MEMORY, "out of memory");
	run->chunk = chunk;
	run->log = (struct base_buffer){0};
	run->wide = run->long_crcs = NULL;
	result = make_sure_of_log(chunk, error);
	if (result == 0)
		result = run_all(run, mutations, count, error);
	chunk_run_done(run);
	free(run);
	return result;
}

int chunk_cut(struct chunk *chunk, uint64_t length, struct gw_error *error)
{
	const struct chunk_mutation cut = {.what = CHUNK_CUT, .offset = length};

	return carry_out_all(chunk, &cut, 1, error);
}

/* ---- The call -------------------------------------------------------------------------------- */

static int check(const struct chunk *chunk, const struct chunk_mutation *mutations, size_t count,
		 struct gw_error *error)
{
	uint64_t bytes_max = UINT64_C(1) << chunk->chunk_log2;

	if (chunk->is_gone || chunk->is_bad || chunk->is_suspect || !chunk->is_open)
		return gw_fail(error, chunk->is_bad ? GW_E_CORRUPT : GW_E_STALE, "it is %s",
			       chunk->is_gone	   ? "dropped" :
			       chunk->is_bad	   ? "bad" :
			       chunk->is_suspect ? "suspect" :
						     "not open");
	if (count > CHUNK_MUTATIONS_MAX)
		return gw_fail(error, GW_E_TOO_LARGE, "%zu mutations at once", count);
	for (size_t i = 0; i < count; i++) {
		const struct chunk_mutation *one = &mutations[i];

		if (one->what == CHUNK_NOTE)
			continue;
		if (one->what != CHUNK_WRITE ? one->data.size != 0 :
					     one->data.size == 0 ||
						     one->data.size > CHUNK_EXTENSION_BYTES_MAX)
			return gw_fail(error, GW_E_INVALID, "a write of %zu bytes", one->data.size);
		if (one->offset > bytes_max || one->data.size > bytes_max - one->offset)
			return gw_fail(error, GW_E_INVALID, "a write of %zu bytes at %llu",
				       one->data.size, (unsigned long long)one->offset);
	}
	return 0;
}

int chunk_mutate(struct chunk *chunk, uint64_t version, const struct chunk_mutation *mutations,
		 size_t count, struct gw_error *error)
{
	int result = chunk_hold(chunk, error);

	if (result < 0)
		return result;
	result = gw_lock(&chunk->lock, GW_FOREVER);
	if (result == 0) {
		result = check(chunk, mutations, count, error);
		if (result == 0 && version != 0 && version != chunk->version)
			result = gw_fail(error, GW_E_STALE, "not at version %llu any more",
					 (unsigned long long)version);
		if (result == 0)
			result = carry_out_all(chunk, mutations, count, error);
		gw_unlock(&chunk->lock);
	}
	if (result < 0)
		result = chunk_fail_in(chunk, result, error);
	chunk_release(chunk);
	return result;
}
