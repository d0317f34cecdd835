/* SPDX-License-Identifier: Apache-2.0 */
/*
 * chunk_user.h - a machine whose program does with a store of chunks what a chunkserver does
 * (src/gfs/chunkserver/chunk_store.h): it makes chunks, writes, appends, cuts, syncs, grants
 * versions, drops some, and reads meanwhile. What it does is drawn. It knows from outside what each
 * chunk was made to have, and at each start and read it compares:
 *
 * - after a death of the process a chunk has all that was acknowledged, and what was under way up
 *   to some mutation;
 * - after a loss of power it has at least what was synced, all up to some mutation, and says that
 *   it is suspect until it is settled, which may take from it what was not synced;
 * - bytes that were read are of one such state, never others.
 */
#ifndef SIM_CHUNK_USER_H
#define SIM_CHUNK_USER_H

#include "gfs/chunkserver/chunk_store.h"
#include "sim/sim.h"

enum {
	CHUNK_USER_CHUNKS = 4,
	CHUNK_USER_LOG2 = 17,
	CHUNK_USER_BYTES = 1 << CHUNK_USER_LOG2,
	CHUNK_USER_DEEDS_MAX = 24, /* since the last sync */
};

/* A mutation that was asked for. */
struct chunk_user_deed {
	uint8_t what, salt;
	uint32_t offset, size;
};

/* What a chunk is to have. */
struct chunk_user_known {
	uint64_t handle;  /* 0: there is none */
	bool is_certain;  /* its making was acknowledged */
	uint64_t version; /* that was acknowledged */
	uint32_t base_length;
	uint8_t base[CHUNK_USER_BYTES]; /* when it was last synced */
	uint32_t deed_count, acknowledged;
	uint32_t turns;   /* how often deeds were taken back or forgotten */
	struct chunk_user_deed deeds[CHUNK_USER_DEEDS_MAX];
};

/* Survives the machine. Starts as {0} but for the first part. */
struct chunk_user {
	struct sim_node *node;
	uint64_t log_bytes_max, wait_ns_max;
	uint32_t loaded_max;
	/* Whether somebody harmed the disk: then chunks may be bad. */
	bool (*is_harmed)(void *context);
	void (*wrong)(void *context, const char *sentence);
	void *context;

	uint64_t last_handle, deeds, recoveries, suspects, bads;
	struct chunk_user_known known[CHUNK_USER_CHUNKS];
};

/* argument: the struct chunk_user. */
extern const struct sim_program chunk_user_program;

void chunk_user_wrong(struct chunk_user *user, const char *format, ...) GW_PRINTF(2, 3);

/* ---- What it knows: chunk_user_model.c ------------------------------------------------------- */

/* The content after `count` deeds; its length. */
uint32_t chunk_user_content(const struct chunk_user_known *known, uint32_t count,
			    uint8_t bytes[CHUNK_USER_BYTES]);
/* Bytes of a deed. */
void chunk_user_fill(const struct chunk_user_deed *deed, uint8_t *bytes);
/* All that was done is synced. */
void chunk_user_synced(struct chunk_user_known *known);
/* Only so many were. */
void chunk_user_settle(struct chunk_user_known *known, uint32_t count);

#endif
