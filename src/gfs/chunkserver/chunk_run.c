/* SPDX-License-Identifier: Apache-2.0 */
/* chunk_run.c - see chunk_run.h. */
#include "chunk_run.h"

#include "base/crc32c.h"
#include "base/little_endian.h"
#include "io/rare.h"

#include <assert.h>
#include <stdlib.h>

void chunk_run_begin(struct chunk_run *run)
{
	const struct chunk *chunk = run->chunk;
	uint64_t length = chunk->state.length;

	run->log.size = 0;
	run->log_crc = chunk->log_crc;
	run->piece_count = 0;
	run->length = length;
	run->crc = length % GFS_BLOCK_BYTES ? chunk->state.crcs[length / GFS_BLOCK_BYTES] : 0;
	run->is_overwrite = run->is_cut = run->has_pad = false;
	free(run->wide);
	free(run->long_crcs);
	run->wide = run->long_crcs = NULL;
	run->step_count = 0;
}

void chunk_run_done(struct chunk_run *run)
{
	free(run->wide);
	free(run->long_crcs);
	base_buffer_done(&run->log);
}

/* Takes the record in the run's last step into its log. */
static int add_step(struct chunk_run *run, struct gw_error *error)
{
	struct chunk_step *step = &run->steps[run->step_count];
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

/* What is written with a sync ends with a sector. */
static int fill(struct chunk_run *run, struct gw_error *error)
{
	struct chunk_step *last = &run->steps[run->step_count - 1];
	int result = chunk_record_fill(&run->log, run->chunk->log_end, &run->log_crc, error);

	last->log_end = run->chunk->log_end + run->log.size;
	last->log_crc = run->log_crc;
	return result;
}

static struct chunk_record *next_record(struct chunk_run *run, enum chunk_record_kind kind)
{
	struct chunk_step *step = &run->steps[run->step_count];

	assert(run->step_count < CHUNK_RUN_STEPS_MAX);
	step->record = (struct chunk_record){.kind = (uint8_t)kind};
	return &step->record;
}

/* ---- What comes behind the length ------------------------------------------------------------ */

static int add_pad(struct chunk_run *run, uint64_t to, struct gw_error *error)
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
static uint32_t extend_crcs(struct chunk_run *run, struct gw_bytes data, uint8_t *crcs)
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

/* A step has no room for its checksums. */
static bool is_long(const struct chunk_mutation *mutation)
{
	return mutation->what == CHUNK_WRITE && mutation->data.size > CHUNK_MUTATION_BYTES_MAX;
}

static int add_extension(struct chunk_run *run, const struct chunk_mutation *mutation,
			 struct gw_error *error)
{
	struct chunk_record *record = next_record(run, CHUNK_RECORD_WRITE);
	uint8_t *crcs = run->steps[run->step_count].crcs;

	assert(mutation->offset == run->length);
	if (is_long(mutation)) {
		crcs = run->long_crcs = calloc(mutation->data.size / GFS_BLOCK_BYTES + 2, 4);
		if (!crcs)
			return gw_fail(error, GW_E_NO_MEMORY, "out of memory");
	}
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
static int splice(struct chunk_run *run, const struct chunk_mutation *mutation, uint32_t block,
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

/*
 * A loss of power may ruin a sector that is being written, and what is beside the new bytes in it
 * is synced perhaps: the log has all of the first and the last one, so both can be mended. But for
 * an append that is to be remembered by its offset and bytes.
 */
static int widen(struct chunk_run *run, struct chunk_record *record, struct gw_error *error)
{
	uint64_t from = record->offset - record->offset % CHUNK_SECTOR_BYTES;
	uint64_t end = record->offset + record->bytes, length = run->chunk->state.length;
	uint64_t to = end + (CHUNK_SECTOR_BYTES - end % CHUNK_SECTOR_BYTES) % CHUNK_SECTOR_BYTES;

	if (to > length)
		to = end > length ? end : length;
	if ((from == record->offset && to == end) || record->completion.writer != 0)
		return 0;
	run->wide = malloc((size_t)(to - from));
	if (!run->wide)
		return gw_fail(error, GW_E_NO_MEMORY, "out of memory");
	memcpy(run->wide + (record->offset - from), record->data, record->bytes);
	record->offset = from;
	record->bytes = (uint32_t)(to - from);
	record->data = run->wide;
	return 0;
}

/* What is beside the new bytes, from a block that has them already. */
static void take_beside(struct chunk_run *run, const struct chunk_record *record,
			const struct chunk_mutation *mutation, uint32_t block,
			const uint8_t *buffer)
{
	uint64_t start = (uint64_t)block * GFS_BLOCK_BYTES, end = mutation->offset +
								  mutation->data.size;
	uint64_t wide_end = record->offset + record->bytes;

	if (!run->wide)
		return;
	if (record->offset < mutation->offset && record->offset >= start)
		memcpy(run->wide, buffer + (record->offset - start),
		       (size_t)(mutation->offset - record->offset));
	if (wide_end > end && end >= start && wide_end <= start + GFS_BLOCK_BYTES)
		memcpy(run->wide + (end - record->offset), buffer + (end - start),
		       (size_t)(wide_end - end));
}

static int add_overwrite(struct chunk_run *run, const struct chunk_mutation *mutation,
			 struct gw_error *error)
{
	struct chunk_record *record = next_record(run, CHUNK_RECORD_WRITE);
	uint8_t *crcs = run->steps[run->step_count].crcs, *buffer = malloc(GFS_BLOCK_BYTES);
	uint32_t first = (uint32_t)(mutation->offset / GFS_BLOCK_BYTES);
	int result = 0;

	assert(!is_long(mutation));
	if (!buffer)
		return gw_fail(error, GW_E_NO_MEMORY, "out of memory");
	set_write(record, mutation);
	record->data = mutation->data.data;
	record->crcs = crcs;
	record->crc_count = chunk_blocks_of(mutation->offset, mutation->data.size);
	result = widen(run, record, error);
	for (uint32_t i = 0; i < record->crc_count && result == 0; i++) {
		uint32_t crc;

		result = splice(run, mutation, first + i, buffer, &crc, error);
		if (result == 0) {
			base_store32(crcs + 4 * (size_t)i, crc);
			take_beside(run, record, mutation, first + i, buffer);
		}
	}
	free(buffer);
	if (result == GW_E_CORRUPT)
		run->chunk->is_bad = run->chunk->is_changed = true;
	if (result < 0)
		return result;
	run->is_overwrite = true;
	run->start = record->offset;
	run->pieces[run->piece_count++] = (struct gw_bytes){record->data, record->bytes};
	result = add_step(run, error);
	return result < 0 ? result : fill(run, error);
}

/* The bytes of the last sector, for who comes to lie beside them. */
static int add_tail(struct chunk_run *run, uint64_t length, const uint8_t *block, uint32_t crc,
		    struct gw_error *error)
{
	uint32_t bytes = (uint32_t)(length % CHUNK_SECTOR_BYTES);
	struct chunk_record *record;
	int result;

	if (bytes == 0)
		return 0;
	record = next_record(run, CHUNK_RECORD_WRITE);
	chunk_tail_record(record, length, block + length % GFS_BLOCK_BYTES - bytes);
	base_store32(run->steps[run->step_count].crcs, crc);
	record->crcs = run->steps[run->step_count].crcs;
	result = add_step(run, error);
	record->data = NULL; /* the log has them; the block is gone soon */
	return result;
}

/* A run by itself: what follows needs the length that it leaves. */
static int add_cut(struct chunk_run *run, uint64_t length, struct gw_error *error)
{
	struct chunk *chunk = run->chunk;
	uint32_t block = (uint32_t)(length / GFS_BLOCK_BYTES), crc = 0;
	uint8_t *crcs = run->steps[run->step_count].crcs, *buffer;
	struct chunk_record *record;
	int result = 0;

	if (length >= run->length)
		return 0;
	buffer = malloc(GFS_BLOCK_BYTES);
	if (!buffer)
		return gw_fail(error, GW_E_NO_MEMORY, "out of memory");
	record = next_record(run, CHUNK_RECORD_CUT);
	record->length = length;
	record->crcs = crcs;
	record->crc_count = length % GFS_BLOCK_BYTES != 0;
	if (record->crc_count > 0)
		result = chunk_read_block(chunk, block, chunk->state.length,
					  chunk->state.crcs[block], buffer, error);
	if (result == GW_E_CORRUPT)
		chunk->is_bad = chunk->is_changed = true;
	if (result == 0) {
		crc = base_crc32c(0, buffer, length % GFS_BLOCK_BYTES);
		base_store32(crcs, crc);
		run->is_cut = true;
		result = add_step(run, error);
	}
	if (result == 0)
		result = add_tail(run, length, buffer, crc, error);
	free(buffer);
	return result < 0 ? result : fill(run, error);
}

/* ---- All of them ----------------------------------------------------------------------------- */

int chunk_run_add(struct chunk_run *run, const struct chunk_mutation *mutation,
		  struct gw_error *error)
{
	int result;

	/* Long ones are runs by themselves, too. */
	if (run->is_overwrite || run->is_cut || run->long_crcs ||
	    (is_long(mutation) && run->step_count > 0))
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
	else if (is_long(mutation))
		result = gw_fail(error, GW_E_INVALID, "%zu bytes in place of others",
				 mutation->data.size);
	else
		result = add_overwrite(run, mutation, error);
	return result < 0 ? result : 1;
}
