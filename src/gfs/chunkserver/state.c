/* SPDX-License-Identifier: Apache-2.0 */
/* state.c - see state.h. */
#include "gfs/chunkserver/state.h"

#include "base/allocate.h"
#include "base/crc32c.h"
#include "base/little_endian.h"

#include <assert.h>
#include <stdlib.h>

static int nonsense(const struct chunk_state *state, const char *what, struct gw_error *error)
{
	return gw_fail(error, GW_E_CORRUPT, "chunk %llx: %s", (unsigned long long)state->handle,
		       what);
}

static int no_memory(const struct chunk_state *state, struct gw_error *error)
{
	return gw_fail(error, GW_E_NO_MEMORY, "chunk %llx: out of memory",
		       (unsigned long long)state->handle);
}

/* ---- Completion records ---------------------------------------------------------------------- */

static int compare(const struct chunk_completion *a, const struct chunk_completion *b)
{
	if (a->writer != b->writer)
		return a->writer < b->writer ? -1 : 1;
	if (a->sequence != b->sequence)
		return a->sequence < b->sequence ? -1 : 1;
	/* A floor stands before the append it lets live. */
	return (a->kind != CHUNK_FLOOR) - (b->kind != CHUNK_FLOOR);
}

/* The first that is not below the key. */
static size_t find(const struct chunk_state *state, const struct chunk_completion *key)
{
	size_t from = 0, to = state->completion_count;

	while (from < to) {
		size_t middle = from + (to - from) / 2;

		if (compare(&state->completions[middle], key) < 0)
			from = middle + 1;
		else
			to = middle;
	}
	return from;
}

static size_t find_writer(const struct chunk_state *state, uint64_t writer)
{
	return find(state, &(struct chunk_completion){.writer = writer, .kind = CHUNK_FLOOR});
}

static void erase(struct chunk_state *state, size_t from, size_t to)
{
	if (from == to)
		return;
	memmove(state->completions + from, state->completions + to,
		(state->completion_count - to) * sizeof(*state->completions));
	state->completion_count -= to - from;
}

/* For a floor and a record more. */
static int make_room(struct chunk_state *state, struct gw_error *error)
{
	void *grown;

	if (state->completion_count >= GFS_COMPLETIONS_MAX)
		return gw_fail(error, GW_E_TOO_LARGE, "chunk %llx: too many appends to remember",
			       (unsigned long long)state->handle);
	grown = base_grow(state->completions, sizeof(*state->completions),
			  &state->completion_capacity, state->completion_count + 2);
	if (!grown)
		return no_memory(state, error);
	state->completions = grown;
	return 0;
}

static void put(struct chunk_state *state, const struct chunk_completion *completion)
{
	size_t at = find(state, completion);

	/* The last one counts: what came before it was never acknowledged. */
	if (at < state->completion_count && compare(&state->completions[at], completion) == 0) {
		state->completions[at] = *completion;
		return;
	}
	assert(state->completion_count < state->completion_capacity);
	memmove(state->completions + at + 1, state->completions + at,
		(state->completion_count - at) * sizeof(*state->completions));
	state->completions[at] = *completion;
	state->completion_count++;
}

static void raise_floor(struct chunk_state *state, uint64_t writer, uint64_t sequence)
{
	struct chunk_completion floor = {
		.writer = writer, .sequence = sequence, .kind = CHUNK_FLOOR};
	size_t first = find_writer(state, writer);

	if (sequence == 0)
		return;
	if (first < state->completion_count && state->completions[first].writer == writer &&
	    state->completions[first].kind == CHUNK_FLOOR &&
	    state->completions[first].sequence >= sequence)
		return;
	erase(state, first, find(state, &floor));
	put(state, &floor);
}

int chunk_outcome(const struct chunk_state *state, uint64_t writer, uint64_t sequence,
		  struct chunk_completion *found)
{
	size_t at = find_writer(state, writer);

	if (at < state->completion_count && state->completions[at].writer == writer &&
	    state->completions[at].kind == CHUNK_FLOOR &&
	    sequence < state->completions[at].sequence)
		return CHUNK_FLOOR;
	at = find(state, &(struct chunk_completion){
		.writer = writer, .sequence = sequence, .kind = CHUNK_DONE});
	if (at == state->completion_count || state->completions[at].writer != writer ||
	    state->completions[at].sequence != sequence)
		return -1;
	if (found)
		*found = state->completions[at];
	return state->completions[at].kind;
}

void chunk_forget_writer(struct chunk_state *state, uint64_t writer)
{
	size_t from = find_writer(state, writer), to = from;

	while (to < state->completion_count && state->completions[to].writer == writer)
		to++;
	erase(state, from, to);
}

void chunk_forget_writers_below(struct chunk_state *state, uint64_t writer)
{
	erase(state, 0, find_writer(state, writer));
}

/* ---- Bytes ----------------------------------------------------------------------------------- */

uint32_t chunk_zeros_crc(uint32_t crc, size_t bytes)
{
	static const uint8_t zeros[4096];

	while (bytes > 0) {
		size_t step = bytes < sizeof(zeros) ? bytes : sizeof(zeros);

		crc = base_crc32c(crc, zeros, step);
		bytes -= step;
	}
	return crc;
}

static int lengthen(struct chunk_state *state, uint64_t length, struct gw_error *error)
{
	void *grown;

	if (length == 0)
		return 0;
	grown = base_grow(state->crcs, sizeof(*state->crcs), &state->crc_capacity,
			  chunk_block_count(length));
	if (!grown)
		return no_memory(state, error);
	state->crcs = grown;
	return 0;
}

static void take_crcs(struct chunk_state *state, uint32_t first, const struct chunk_record *record)
{
	for (uint32_t i = 0; i < record->crc_count; i++)
		state->crcs[first + i] = base_load32(record->crcs + 4 * (size_t)i);
}

static int apply_write(struct chunk_state *state, const struct chunk_record *record,
		       struct gw_error *error)
{
	uint64_t end = record->offset + record->bytes;
	struct chunk_completion done = record->completion;
	int result = done.writer ? make_room(state, error) : 0;

	if (record->offset > state->length || end > chunk_bytes_max(state))
		return nonsense(state, "a write beyond its end", error);
	if (result == 0)
		result = lengthen(state, end, error);
	if (result < 0)
		return result;
	take_crcs(state, (uint32_t)(record->offset / GFS_BLOCK_BYTES), record);
	if (end > state->length)
		state->length = end;
	if (done.writer == 0)
		return 0;
	raise_floor(state, done.writer, record->first_unanswered);
	done.offset = record->offset;
	done.bytes = record->bytes;
	done.kind = CHUNK_DONE;
	put(state, &done);
	return 0;
}

static int apply_pad(struct chunk_state *state, uint64_t length, struct gw_error *error)
{
	uint32_t full = 0;
	int result;

	if (length < state->length || length > chunk_bytes_max(state))
		return nonsense(state, "a pad to a place that cannot be", error);
	result = lengthen(state, length, error);
	if (result < 0 || length == state->length)
		return result;
	if (length - state->length >= GFS_BLOCK_BYTES)
		full = chunk_zeros_crc(0, GFS_BLOCK_BYTES);
	for (uint32_t i = (uint32_t)(state->length / GFS_BLOCK_BYTES);
	     i < chunk_block_count(length); i++) {
		uint32_t before = chunk_block_bytes(state->length, i);
		uint32_t after = chunk_block_bytes(length, i);

		state->crcs[i] = after - before == GFS_BLOCK_BYTES ?
					 full :
					 chunk_zeros_crc(before ? state->crcs[i] : 0,
							 after - before);
	}
	state->length = length;
	return 0;
}

/* What was appended behind it is forgotten with its bytes. */
static int apply_cut(struct chunk_state *state, const struct chunk_record *record,
		     struct gw_error *error)
{
	size_t kept = 0;

	if (record->length > state->length ||
	    record->crc_count != (record->length % GFS_BLOCK_BYTES != 0))
		return nonsense(state, "a cut behind its end", error);
	if (record->crc_count > 0)
		take_crcs(state, (uint32_t)(record->length / GFS_BLOCK_BYTES), record);
	state->length = record->length;
	for (size_t i = 0; i < state->completion_count; i++) {
		struct chunk_completion *one = &state->completions[i];

		if (one->kind != CHUNK_DONE || one->offset + one->bytes <= record->length)
			state->completions[kept++] = *one;
	}
	state->completion_count = kept;
	return 0;
}

static int apply_table(struct chunk_state *state, const struct chunk_record *record,
		       struct gw_error *error)
{
	int result;

	if (record->length > chunk_bytes_max(state))
		return nonsense(state, "a table that is too long", error);
	result = lengthen(state, record->length, error);
	if (result < 0)
		return result;
	take_crcs(state, 0, record);
	state->length = record->length;
	return 0;
}

static int apply_completion(struct chunk_state *state, const struct chunk_completion *completion,
			    struct gw_error *error)
{
	int result = make_room(state, error);

	if (result < 0)
		return result;
	if (completion->kind == CHUNK_FLOOR)
		raise_floor(state, completion->writer, completion->sequence);
	else
		put(state, completion);
	return 0;
}

int chunk_state_apply(struct chunk_state *state, const struct chunk_record *record,
		      struct gw_error *error)
{
	if ((record->kind == CHUNK_RECORD_HEAD) != (state->handle == 0))
		return nonsense(state, "a head that is not the first record", error);
	switch (record->kind) {
	case CHUNK_RECORD_HEAD:
		state->handle = record->handle;
		state->chunk_log2 = record->chunk_log2;
		return 0;
	case CHUNK_RECORD_STATE:
		if (record->version < state->version)
			return nonsense(state, "a version that falls", error);
		state->version = record->version;
		state->is_open = record->is_open;
		memcpy(state->boot_id, record->boot_id, CHUNK_BOOT_ID_BYTES);
		return 0;
	case CHUNK_RECORD_WRITE:
		return apply_write(state, record, error);
	case CHUNK_RECORD_PAD:
		return apply_pad(state, record->length, error);
	case CHUNK_RECORD_CUT:
		return apply_cut(state, record, error);
	case CHUNK_RECORD_TABLE:
		return apply_table(state, record, error);
	case CHUNK_RECORD_COMPLETION:
		return apply_completion(state, &record->completion, error);
	default:
		return 0;
	}
}

void chunk_state_done(struct chunk_state *state)
{
	free(state->crcs);
	free(state->completions);
	*state = (struct chunk_state){0};
}
