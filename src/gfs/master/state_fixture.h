/* SPDX-License-Identifier: Apache-2.0 */
/*
 * state_fixture.h - a state and its log: records go through their bytes; checkpoints in one line.
 */
#ifndef GFS_MASTER_STATE_FIXTURE_H
#define GFS_MASTER_STATE_FIXTURE_H

#include "gfs/master/checkpoint.h"
#include "gfs/master/state.h"

struct state_fixture {
	struct gfs_state state;
	struct base_buffer log; /* u64 wall_ms, u32 bytes, bytes: of each record */
	struct gfs_done done;   /* of the last record */
	struct gw_error error;
	uint64_t wall_ms;       /* of the next record */
};

void state_fixture_init(struct state_fixture *fixture);
void state_fixture_done(struct state_fixture *fixture);

/* Encodes, decodes, does; returns the code. */
int state_do(struct state_fixture *fixture, const struct gfs_record *record);
/* In one line. */
int state_create(struct state_fixture *fixture, const char *path);
int state_mkdir(struct state_fixture *fixture, const char *path);

/* All of the state as bytes; base_buffer_done. */
void state_checkpoint(struct gfs_state *state, struct base_buffer *out);
/* A state of these bytes, in pieces. The state is empty when it fails. */
int state_restore(struct gfs_state *state, struct gw_bytes bytes, size_t piece,
		  struct gw_error *error);
/* Carries out the records of a log from an offset on. */
void state_replay(struct gfs_state *state, struct gw_bytes log, size_t from);

#endif
