/* SPDX-License-Identifier: Apache-2.0 */
/*
 * chunk_write.c - mutations. What comes behind the length is written together, data and log at the
 * same time; what changes bytes that count goes to the log first.
 */
#include "store_inside.h"

#include "base/crc32c.h"
#include "base/little_endian.h"
#include "io/rare.h"
#include "task/await.h"
#include "task/loop.h"

#include <assert.h>
#include <stdlib.h>

enum {
	BLOCKS_MAX = CHUNK_MUTATION_BYTES_MAX / GFS_BLOCK_BYTES + 1,
	STEPS_MAX = 2 * CHUNK_MUTATIONS_MAX, /* a write beyond the length is two */
};

/* A record of a run, and the log behind it. */
struct step {
	struct chunk_record record;
	uint8_t crcs[4 * BLOCKS_MAX];
	uint64_t log_end;
	uint32_t log_crc;
};

/* Mutations that are carried out by one write of data and one of the log. */
struct run {
	struct chunk *chunk;
	struct base_buffer log;
	uint32_t log_crc;
	struct gw_bytes pieces[CHUNK_MUTATIONS_MAX];
	uint32_t piece_count;
	uint64_t start;  /* of the pieces */
	uint64_t length; /* of the chunk, behind what is in the run */
	uint32_t crc;    /* of its last block, when that is not full */
	bool is_overwrite, is_alone, has_pad;
	size_t step_count;
	struct step steps[STEPS_MAX];
};

static void begin(struct run *run)
{
	const struct chunk *chunk = run->chunk;
	uint64_t length = chunk->state.length;

	run->log.size = 0;
	run->log_crc = chunk->log_crc;
	run->piece_count = 0;
	run->length = length;
	run->crc = length % GFS_BLOCK_BYTES ? chunk->state.crcs[length / GFS_BLOCK_BYTES] : 0;
	run->is_overwrite = run->is_alone = run->has_pad = false;
	run->step_count = 0;
}

/* Takes the record in the run's last step into its log. */
static int add_step(struct run *run, struct gw_error *error)
{
	struct step *step = &run->steps[run->step_count];
	int result;

	step->record.position = (uint8_t)(run->step_count < CHUNK_BATCH_LAST ? run->step_count :
									       CHUNK_BATCH_LAST);
	result = chunk_record_put(&run->log, &step->record, &run->log_crc, error);
	if (result < 0)
		return result;
	step->log_end = run->chunk->log_end + run->log.size;
	step->log_crc = run->log_crc;
	run->step_count++;
	return 0;
}

static struct chunk_record *next_record(struct run *run, enum chunk_record_kind kind)
{
	struct step *step = &run->steps[run->step_count];

	assert(run->step_count < STEPS_MAX);
	step->record = (struct chunk_record){.kind = (uint8_t)kind};
	return &step->record;
}

/* ---- What comes behind the length ------------------------------------------------------------ */

static int add_pad(struct run *run, uint64_t to, struct gw_error *error)
{
	uint64_t last = to - to % GFS_BLOCK_BYTES;

	if (to <= run->length)
		return 0;
	next_record(run, CHUNK_RECORD_PAD)->length = to;
	if (run->length < last)
		run->crc = chunk_zeros_crc(0, (size_t)(to - last));
	else
		run->crc = chunk_zeros_crc(run->crc, (size_t)(to - run->length));
	run->length = to;
	run->has_pad = true;
	return add_step(run, error);
}

/* Sets the checksums of the blocks that the bytes at the end reach; returns how many. */
static uint32_t extend_crcs(struct run *run, struct gw_bytes data, uint8_t *crcs)
{
	const uint8_t *at = data.data;
	size_t left = data.size;
	uint32_t count = 0, crc = run->crc;

	while (left > 0) {
		size_t room = GFS_BLOCK_BYTES - (size_t)(run->length % GFS_BLOCK_BYTES);
		size_t step = left < room ? left : room;

		crc = base_crc32c(crc, at, step);
		base_store32(crcs + 4 * (size_t)count++, crc);
		at += step;
		left -= step;
		run->length += step;
		if (step == room)
			crc = 0;
	}
	run->crc = crc;
	return count;
}

static void set_write(struct chunk_record *record, const struct chunk_mutation *mutation)
{
	record->offset = mutation->offset;
	record->bytes = (uint32_t)mutation->data.size;
	record->completion = mutation->completion;
	record->first_unanswered = mutation->first_unanswered;
}

static int add_extension(struct run *run, const struct chunk_mutation *mutation,
			 struct gw_error *error)
{
	struct chunk_record *record = next_record(run, CHUNK_RECORD_WRITE);
	uint8_t *crcs = run->steps[run->step_count].crcs;

	assert(mutation->offset == run->length);
	set_write(record, mutation);
	record->crcs = crcs;
	if (run->piece_count == 0)
		run->start = mutation->offset;
	run->pieces[run->piece_count++] = mutation->data;
	record->crc_count = extend_crcs(run, mutation->data, crcs);
	return add_step(run, error);
}

/* ---- What changes bytes ---------------------------------------------------------------------- */

/* The checksum of a block with the new bytes in it. The old ones beside them are checked first, so
 * that what has rotten is not hidden under a new checksum. */
static int splice(struct run *run, const struct chunk_mutation *mutation, uint32_t block,
		  uint8_t *buffer, uint32_t *crc, struct gw_error *error)
{
	struct chunk *chunk = run->chunk;
	uint64_t start = (uint64_t)block * GFS_BLOCK_BYTES, end = mutation->offset +
								  mutation->data.size;
	uint64_t from = mutation->offset > start ? mutation->offset : start;
	uint64_t to = end < start + GFS_BLOCK_BYTES ? end : start + GFS_BLOCK_BYTES;
	const uint8_t *data = (const uint8_t *)mutation->data.data + (from - mutation->offset);
	uint32_t before = chunk_block_bytes(chunk->state.length, block), after;
	int result = 0;

	if (from == start && to - start >= before) {
		*crc = base_crc32c(0, data, (size_t)(to - from));
		return 0;
	}
	result = chunk_read_block(chunk, block, chunk->state.length, chunk->state.crcs[block],
				  buffer, error);
	if (result == GW_E_CORRUPT && IO_BUG(chunk->store->io, "gfs.partial-hides-rot"))
		result = 0;
	if (result < 0)
		return result;
	memcpy(buffer + (from - start), data, (size_t)(to - from));
	after = (uint32_t)(to - start > before ? to - start : before);
	*crc = base_crc32c(0, buffer, after);
	return 0;
}

static int add_overwrite(struct run *run, const struct chunk_mutation *mutation,
			 struct gw_error *error)
{
	struct chunk_record *record = next_record(run, CHUNK_RECORD_WRITE);
	uint8_t *crcs = run->steps[run->step_count].crcs, *buffer = malloc(GFS_BLOCK_BYTES);
	uint32_t first = (uint32_t)(mutation->offset / GFS_BLOCK_BYTES);
	int result = 0;

	if (!buffer)
		return gw_fail(error, GW_E_NO_MEMORY, "out of memory");
	set_write(record, mutation);
	record->data = mutation->data.data;
	record->crcs = crcs;
	record->crc_count = chunk_blocks_of(mutation->offset, mutation->data.size);
	for (uint32_t i = 0; i < record->crc_count && result == 0; i++) {
		uint32_t crc;

		result = splice(run, mutation, first + i, buffer, &crc, error);
		if (result == 0)
			base_store32(crcs + 4 * (size_t)i, crc);
	}
	free(buffer);
	if (result == GW_E_CORRUPT)
		run->chunk->is_bad = run->chunk->is_changed = true;
	if (result < 0)
		return result;
	run->is_overwrite = true;
	run->start = mutation->offset;
	run->pieces[run->piece_count++] = mutation->data;
	return add_step(run, error);
}

/* A run by itself: what follows needs the length that it leaves. */
static int add_cut(struct run *run, uint64_t length, struct gw_error *error)
{
	struct chunk *chunk = run->chunk;
	uint32_t block = (uint32_t)(length / GFS_BLOCK_BYTES);
	uint8_t *crcs = run->steps[run->step_count].crcs, *buffer;
	struct chunk_record *record;
	int result = 0;

	if (length >= run->length)
		return 0;
	record = next_record(run, CHUNK_RECORD_CUT);
	record->length = length;
	record->crcs = crcs;
	record->crc_count = length % GFS_BLOCK_BYTES != 0;
	if (record->crc_count > 0) {
		buffer = malloc(GFS_BLOCK_BYTES);
		if (!buffer)
			return gw_fail(error, GW_E_NO_MEMORY, "out of memory");
		result = chunk_read_block(chunk, block, chunk->state.length,
					  chunk->state.crcs[block], buffer, error);
		if (result == 0)
			base_store32(crcs, base_crc32c(0, buffer, length % GFS_BLOCK_BYTES));
		free(buffer);
	}
	if (result == GW_E_CORRUPT)
		chunk->is_bad = chunk->is_changed = true;
	if (result < 0)
		return result;
	run->is_alone = true;
	return add_step(run, error);
}

/* ---- Runs ------------------------------------------------------------------------------------ */

/* 1: it is in the run; 0: it is for the next one. */
static int add(struct run *run, const struct chunk_mutation *mutation, struct gw_error *error)
{
	int result;

	if (run->is_overwrite || run->is_alone)
		return 0;
	if (mutation->what == CHUNK_CUT) {
		if (run->step_count > 0)
			return 0;
		result = add_cut(run, mutation->offset, error);
		return result < 0 ? result : 1;
	}
	if (mutation->what == CHUNK_NOTE) {
		next_record(run, CHUNK_RECORD_COMPLETION)->completion = mutation->completion;
		result = add_step(run, error);
		return result < 0 ? result : 1;
	}
	/* Bytes behind a pad are not beside those before it. */
	if (mutation->what == CHUNK_PAD || mutation->offset > run->length) {
		if (run->piece_count > 0)
			return 0;
		result = add_pad(run, mutation->offset, error);
		if (result < 0 || mutation->what == CHUNK_PAD)
			return result < 0 ? result : 1;
	}
	if (mutation->offset == run->length)
		result = add_extension(run, mutation, error);
	else if (run->step_count > 0)
		return 0;
	else
		result = add_overwrite(run, mutation, error);
	return result < 0 ? result : 1;
}

/* Behind the length there are zeros only, if something is to be left out there. */
static int make_zeros(struct run *run, struct gw_error *error)
{
	struct chunk *chunk = run->chunk;
	int result;

	if (!run->has_pad || !chunk->data || chunk->written_end <= chunk->state.length)
		return 0;
	result = task_disk_truncate(chunk->data, chunk->state.length, error);
	if (result == 0)
		chunk->written_end = chunk->state.length;
	return result;
}

/* Data and log go to the disk's thread together. */
static int write_both(struct run *run, struct gw_error *error)
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

static int write_in_turn(struct run *run, struct gw_error *error)
{
	struct chunk *chunk = run->chunk;
	struct gw_bytes bytes = base_buffer_bytes(&run->log);
	int result;

	if (IO_BUG(chunk->store->io, "gfs.overwrite-unlogged"))
		bytes.size = 0;
	result = task_disk_write(chunk->log, &bytes, 1, chunk->log_end, 0, error);
	if (result < 0)
		return result;
	chunk->is_overwriting = true;
	result = task_disk_write(chunk->data, run->pieces, run->piece_count, run->start, 0, error);
	/* The log has it, so the next start would put it there; until then it is neither. */
	if (result < 0)
		chunk->is_bad = chunk->is_changed = true;
	return result;
}

static int apply(struct run *run, struct gw_error *error)
{
	struct chunk *chunk = run->chunk;
	int result = 0;

	for (size_t i = 0; i < run->step_count && result == 0; i++) {
		const struct step *step = &run->steps[i];

		result = chunk_state_apply(&chunk->state, &step->record, error);
		if (result == 0) {
			/* Who reads now may meet the bytes that will come in place of others. */
			chunk->overwrites += step->record.kind == CHUNK_RECORD_CUT;
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

static int carry_out(struct run *run, struct gw_error *error)
{
	struct chunk *chunk = run->chunk;
	uint64_t end = run->start;
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
	result = run->is_overwrite ? write_in_turn(run, error) : write_both(run, error);
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

static int run_all(struct run *run, const struct chunk_mutation *mutations, size_t count,
		   struct gw_error *error)
{
	size_t at = 0;
	int result = 0;

	while (at < count && result >= 0) {
		begin(run);
		while (at < count && (result = add(run, &mutations[at], error)) > 0)
			at++;
		if (result >= 0)
			result = carry_out(run, error);
	}
	return result < 0 ? result : 0;
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
						     one->data.size > CHUNK_MUTATION_BYTES_MAX)
			return gw_fail(error, GW_E_INVALID, "a write of %zu bytes", one->data.size);
		if (one->offset > bytes_max || one->data.size > bytes_max - one->offset)
			return gw_fail(error, GW_E_INVALID, "a write of %zu bytes at %llu",
				       one->data.size, (unsigned long long)one->offset);
	}
	return 0;
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

int chunk_mutate(struct chunk *chunk, uint64_t version, const struct chunk_mutation *mutations,
		 size_t count, struct gw_error *error)
{
	struct run *run;
	int result = chunk_hold(chunk, error);

	if (result < 0)
		return result;
	run = malloc(sizeof(*run));
	result = run ? gw_lock(&chunk->lock, GW_FOREVER) :
		       gw_fail(error, GW_E_NO_MEMORY, "out of memory");
	if (result == 0) {
		run->chunk = chunk;
		run->log = (struct base_buffer){0};
		result = check(chunk, mutations, count, error);
		if (result == 0 && version != 0 && version != chunk->version)
			result = gw_fail(error, GW_E_STALE, "not at version %llu any more",
					 (unsigned long long)version);
		if (result == 0)
			result = make_sure_of_log(chunk, error);
		if (result == 0)
			result = run_all(run, mutations, count, error);
		gw_unlock(&chunk->lock);
		base_buffer_done(&run->log);
	}
	free(run);
	if (result < 0)
		result = chunk_fail_in(chunk, result, error);
	chunk_release(chunk);
	return result;
}
