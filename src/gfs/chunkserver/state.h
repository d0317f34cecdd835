/* SPDX-License-Identifier: Apache-2.0 */
/*
 * state.h - what the records of a chunk's log add up to; a function of the records alone.
 */
#ifndef GFS_CHUNKSERVER_STATE_H
#define GFS_CHUNKSERVER_STATE_H

#include "gfs/chunkserver/record.h"

/* Zero before the first record. */
struct chunk_state {
	uint64_t handle, version, length;
	uint8_t chunk_log2;
	bool is_open; /* since then, what was acknowledged may be in the kernel only, of */
	uint8_t boot_id[CHUNK_BOOT_ID_BYTES];
	uint32_t *crcs; /* of each block of the length; owned */
	size_t crc_capacity;
	struct chunk_completion *completions; /* by writer, sequence, kind; owned */
	size_t completion_count, completion_capacity;
};

/* GW_E_CORRUPT: a record that cannot follow; GW_E_NO_MEMORY. The state is then as before. */
int chunk_state_apply(struct chunk_state *state, const struct chunk_record *record,
		      struct gw_error *error) GW_MUST_CHECK;
void chunk_state_done(struct chunk_state *state);

static inline uint64_t chunk_bytes_max(const struct chunk_state *state)
{
	return UINT64_C(1) << state->chunk_log2;
}

static inline uint32_t chunk_block_count(uint64_t length)
{
	return (uint32_t)((length + GFS_BLOCK_BYTES - 1) / GFS_BLOCK_BYTES);
}

/* How much of a block is within the length. */
static inline uint32_t chunk_block_bytes(uint64_t length, uint32_t block)
{
	uint64_t start = (uint64_t)block * GFS_BLOCK_BYTES;

	if (length <= start)
		return 0;
	return length - start < GFS_BLOCK_BYTES ? (uint32_t)(length - start) : GFS_BLOCK_BYTES;
}

/* The checksum of `bytes` zeros behind bytes whose checksum is crc. */
uint32_t chunk_zeros_crc(uint32_t crc, size_t bytes);

/*
 * What is known of an append: CHUNK_DONE or CHUNK_FENCED with *found (may be NULL) set,
 * CHUNK_FLOOR: the writer has long had its answer, -1: nothing.
 */
int chunk_outcome(const struct chunk_state *state, uint64_t writer, uint64_t sequence,
		  struct chunk_completion *found);
/* Forgets a writer that has ended. */
void chunk_forget_writer(struct chunk_state *state, uint64_t writer);
/* The same for all below it. */
void chunk_forget_writers_below(struct chunk_state *state, uint64_t writer);

#endif
