/* SPDX-License-Identifier: Apache-2.0 */
/*
 * state.h - the state machine of the key/value service: the table of keys, and the table of the
 * calls that were answered, both changed by entries of the log and by nothing else. So all members
 * have the same, a retry that reaches another leader finds the answer of the first, and two entries
 * of one call have one effect, wherever the second came from.
 *
 * What apply answers is what replog_answer_read takes apart: a code, and the packed message or the
 * failure that the caller gets. A refusal (too large, no number) is an answer too, remembered as
 * such. Only what must not be (an entry that cannot be read, no memory, a table that fails) makes
 * apply fail, and its member step aside.
 *
 * Time is that of the entries. A key whose time is over is absent for an entry that is not earlier.
 * It is taken out by the next entries, a few each, in the order of their ends; if one of them is
 * asked for before its turn, it is taken out then. All of that depends on the entries alone.
 */
#ifndef KV_SERVER_STATE_H
#define KV_SERVER_STATE_H

#include "base/buffer.h"
#include "kv/server/entry.h"
#include "kv/server/history.h"
#include "kv/server/snapshot.h"
#include "kv/server/table.h"
#include "replog/replog.h"

enum {
	KV_EXPIRE_CHANGE_MAX = 16, /* keys that an entry takes out beside what it does */
	KV_EXPIRE_TICK_MAX = 1000,
};

/* All members of a cluster have the same; zero is the default of rpc.h. */
struct kv_state_options {
	uint64_t lease_ms;
	uint32_t clients_max;
	size_t dup_bytes_max;
	size_t history_bytes_max; /* a member's own */
};

struct kv_state {
	struct kv_table *table; /* the owner's */
	struct gw_rpc_dup *dup; /* another one after a snapshot was taken */
	struct kv_history *history;
	struct io *io; /* for planted bugs */
	struct kv_state_options options;
	uint64_t applied; /* the last entry */
	uint64_t wall_ms; /* its time */
	uint64_t refused; /* operations, for curious people */
	uint64_t restarts; /* of the history: a snapshot was taken */
	uint64_t soonest_ms; /* the earliest end that was set since it was UINT64_MAX */
	bool is_restoring;
	bool is_broken; /* something has failed: what the table holds is not to be read */
	/* After each run, and after a snapshot: for those who wait for changes. May be NULL. */
	void (*changed)(void *context);
	void (*role_changed)(void *context);
	void *context;
	/* Private. */
	struct base_buffer scratch; /* values that are made of others */
	struct kv_snapshot_reader *reader;
	uint64_t restored; /* bytes in this run of the table */
	bool in_run;       /* of the table, while restoring */
};

/* A replog_machine; its context is a struct kv_state. */
extern const struct replog_machine kv_machine;

/* The table is empty, or what was kept by kv_state_keep. */
int kv_state_init(struct kv_state *state, struct io *io, struct kv_table *table,
		  const struct kv_state_options *options, struct gw_error *error) GW_MUST_CHECK;
void kv_state_done(struct kv_state *state); /* the table stays */

/* What belongs to the state and is not in the table, for a table that lasts over a clean stop: the
 * snapshot of a state without keys. */
int kv_state_keep(struct kv_state *state, struct base_buffer *out,
		  struct gw_error *error) GW_MUST_CHECK;
/* Takes it back right after init; the table has to be at the same entry, GW_E_CORRUPT else. */
int kv_state_restore_kept(struct kv_state *state, struct gw_bytes kept,
			  struct gw_error *error) GW_MUST_CHECK;

/* A snapshot of now; for backups. kv_snapshot_writer_free before the table is freed. */
int kv_state_snapshot(struct kv_state *state, struct kv_snapshot_writer **writer,
		      struct gw_error *error) GW_MUST_CHECK;

/* Whether a key that is in the table is there for readers. */
static inline bool kv_state_has(const struct kv_state *state, const struct kv_item *item)
{
	return item->expires_ms == 0 || item->expires_ms > state->wall_ms;
}

#endif
