/* SPDX-License-Identifier: Apache-2.0 */
/*
 * chunk_run.h - mutations that are carried out together: what goes to the log, and what to the
 * data. A run is filled, and then written by chunk_write.c.
 */
#ifndef GFS_CHUNKSERVER_CHUNK_RUN_H
#define GFS_CHUNKSERVER_CHUNK_RUN_H

#include "store_inside.h"

enum {
	CHUNK_RUN_BLOCKS_MAX = CHUNK_MUTATION_BYTES_MAX / GFS_BLOCK_BYTES + 1,
	CHUNK_RUN_STEPS_MAX = 2 * CHUNK_MUTATIONS_MAX, /* a write beyond the length is two */
};

/* A record of a run, and the log behind it. */
struct chunk_step {
	struct chunk_record record;
	uint8_t crcs[4 * CHUNK_RUN_BLOCKS_MAX];
	uint64_t log_end;
	uint32_t log_crc;
};

/* Mutations that are carried out by one write of data and one of the log. */
struct chunk_run {
	struct chunk *chunk;
	struct base_buffer log;
	uint32_t log_crc;
	struct gw_bytes pieces[CHUNK_MUTATIONS_MAX];
	uint32_t piece_count;
	uint64_t start;  /* of the pieces */
	uint64_t length; /* of the chunk, behind what is in the run */
	uint32_t crc;    /* of its last block, when that is not full */
	bool is_overwrite, is_cut, has_pad;
	uint8_t *wide;   /* an overwrite up to the ends of its sectors; NULL: as it was asked for */
	uint8_t *long_crcs; /* of an extension that is longer than others; NULL: there is none */
	size_t step_count;
	struct chunk_step steps[CHUNK_RUN_STEPS_MAX];
};

/* Empties it; its chunk is as before the first of its mutations. */
void chunk_run_begin(struct chunk_run *run);
/* 1: it is in the run; 0: it is for the next one. What it reads beside an overwrite it checks:
 * GW_E_CORRUPT, and the chunk is bad. */
int chunk_run_add(struct chunk_run *run, const struct chunk_mutation *mutation,
		  struct gw_error *error) GW_MUST_CHECK;
void chunk_run_done(struct chunk_run *run);

#endif
