/* SPDX-License-Identifier: Apache-2.0 */
/*
 * state_fixture.h - a state machine with a table of its own, and entries for it in one line.
 */
#ifndef KV_SERVER_STATE_FIXTURE_H
#define KV_SERVER_STATE_FIXTURE_H

#include "kv/kv.pb-c.h"
#include "kv/server/state.h"

struct state_fixture {
	struct kv_table *table;
	struct kv_state state;
	uint64_t index, wall_ms; /* of the last entry */
	struct base_buffer reply;
	int code;                /* of the last answer */
	struct gw_bytes payload;
};

/* path NULL: in memory; else in LMDB there. */
void state_fixture_init(struct state_fixture *fixture, const char *path);
void state_fixture_done(struct state_fixture *fixture);

/* Applies an entry in a run of its own; its answer is in the fixture. */
void state_apply(struct state_fixture *fixture, const struct kv_entry *entry,
		 const struct kv_operation *operations);
/* One operation, without a call; returns the answer's code. */
int state_change(struct state_fixture *fixture, const struct kv_operation *operation);
int state_put(struct state_fixture *fixture, const char *key, const char *value, uint64_t ttl_ms);
int state_append(struct state_fixture *fixture, const char *key, const char *value);
int state_delete(struct state_fixture *fixture, const char *key);
void state_tick(struct state_fixture *fixture, uint64_t wall_ms);
/* Makes a client known. */
int state_open(struct state_fixture *fixture, uint64_t client);
/* The sequence-th append of a client. */
int state_append_once(struct state_fixture *fixture, uint64_t client, uint64_t sequence,
		      const char *key, const char *value);
/* The value that a reader sees, until the next change; NULL: none. */
const char *state_value(struct state_fixture *fixture, const char *key);

/* All of the state as a snapshot; base_buffer_done. */
void state_snapshot(struct state_fixture *fixture, struct base_buffer *out);
/* Takes one, in pieces of so many bytes. */
int state_restore(struct state_fixture *fixture, struct gw_bytes snapshot, size_t piece,
		  uint64_t index, struct gw_error *error);

#endif
