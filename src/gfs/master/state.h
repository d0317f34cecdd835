/* SPDX-License-Identifier: Apache-2.0 */
/*
 * state.h - the durable state of the master, and the operations on it: one for each kind of record,
 * each a function of state and record. Handlers read it; only records change it (machine.h).
 *
 * An operation that refuses has changed nothing. One that fails (GW_E_NO_MEMORY, GW_E_CORRUPT:
 * gfs_is_fatal) may have been half done: the state is not to be used any more.
 */
#ifndef GFS_MASTER_STATE_H
#define GFS_MASTER_STATE_H

#include "gfs/master/chunks.h"
#include "gfs/master/keys.h"
#include "gfs/master/records.h"

struct gfs_state {
	struct gfs_table table;
	struct gfs_chunks chunks;
	uint64_t applied;  /* the last entry of the log */
	uint64_t wall_ms;  /* its time */
	uint64_t next_id;  /* of files and directories */
	uint64_t next_writer;
	uint64_t next_server;
	uint64_t files, directories, hidden; /* how many */
	uint64_t writers;
	/* Told of the slot of each chunk that is freed; NULL: nobody. Set after init. */
	void (*freed)(void *context, uint32_t slot);
	void *context;
};

/* What an operation tells. */
struct gfs_done {
	uint64_t id;       /* of the file or directory */
	bool existed;
	uint64_t handle;   /* of the chunk; 0: none */
	uint64_t index;    /* of the chunk in its file */
	uint8_t chunk_log2;
	uint64_t number;   /* of the server or writer; how many were collected */
	bool more;         /* there is more to collect */
};

typedef int gfs_operation(struct gfs_state *state, const struct gfs_record *record,
			  struct gfs_done *done, struct gw_error *error);

/* The root is there, and nothing else. */
int gfs_state_init(struct gfs_state *state, struct gw_error *error) GW_MUST_CHECK;
/* Nothing at all is there, for a checkpoint to be read into. */
int gfs_state_init_empty(struct gfs_state *state, struct gw_error *error) GW_MUST_CHECK;
void gfs_state_done(struct gfs_state *state);

/* Carries out a record, at state->applied and state->wall_ms. */
gfs_operation gfs_state_do;

static inline bool gfs_is_fatal(int code)
{
	return code == GW_E_NO_MEMORY || code == GW_E_CORRUPT;
}

/* Looks at all of it: counts, references of chunks, keys that belong together. GW_E_CORRUPT with a
 * sentence; for tests. */
int gfs_state_check(const struct gfs_state *state, struct gw_error *error) GW_MUST_CHECK;

#endif
