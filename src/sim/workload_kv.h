/* SPDX-License-Identifier: Apache-2.0 */
/*
 * workload_kv.h - the parts of the workload kv: members of the key/value service (kv_run_member.c),
 * clients and those who watch (kv_run_client.c, kv_run_watch.c), an operator who replaces members
 * (kv_run_operator.c), what is known of each call and each entry (kv_run_truth.c), and all of it
 * together (workload_kv.c).
 *
 * Keys are letters and a number: v17 is put, swapped and deleted, a18 only appended to, n19 only
 * incremented, t20 put with a time to live. A value names the call that made it, so it is seen
 * when a call took effect, and how often. A key is left for a new one when it was asked for often,
 * or has changes of which nobody knows whether they happened: the check whether a history is
 * linearizable is slow with many of those.
 */
#ifndef SIM_WORKLOAD_KV_H
#define SIM_WORKLOAD_KV_H

#include "kv/server/inside.h"
#include "sim/log_members.h"
#include "sim/workload.h"

#include <groundwork/kv.h>

enum {
	KV_RUN_MEMBERS_MAX = 6, /* five, and one that stays a learner */
	KV_RUN_CLIENTS = 8,
	KV_RUN_WATCHERS = 2,
	KV_RUN_PORT = 7000,
	KV_RUN_SLOTS = 3,       /* keys of a kind at a time */
	KV_RUN_VALUE_MAX = 1200,
	KV_RUN_PADDING_MAX = 400,
	KV_RUN_KEY_BYTES = 16,
};

enum kv_run_key_kind { KV_RUN_PLAIN, KV_RUN_LOG, KV_RUN_COUNT, KV_RUN_MORTAL, KV_RUN_KEY_KINDS };

enum kv_run_kind {
	KV_RUN_GET,
	KV_RUN_PUT,
	KV_RUN_APPEND,
	KV_RUN_SWAP,
	KV_RUN_DELETE,
	KV_RUN_INCREMENT,
	KV_RUN_KINDS
};

enum kv_run_outcome { KV_RUN_OPEN, KV_RUN_ANSWERED, KV_RUN_REFUSED };

/* A call, with what it was answered. */
struct kv_run_call {
	uint8_t kind, outcome;
	bool weak;
	bool found;         /* of a get; a delete: it was there; a swap: it was done */
	uint32_t key, client;
	int history;        /* its number there; -1: none */
	uint64_t must_see;  /* of a get that is not weak: the newest entry that was told before */
	uint64_t index;
	uint64_t ttl_ms;    /* of a get */
	int64_t number;     /* of an increment */
	struct gw_bytes value; /* of a get */
	uint32_t effects;   /* times it took effect */
};

struct kv_run_key {
	uint8_t kind;
	uint32_t asked, unknown;
};

/* What a member told of an entry. */
struct kv_truth_event {
	uint32_t key;
	uint8_t change; /* enum kv_change */
	uint64_t expires_ms;
	struct gw_bytes value;
};

struct kv_truth {
	bool known;
	uint32_t count;
	struct kv_truth_event *events;
};

/* What somebody who watched was told, from one entry to another. */
struct kv_heard {
	uint64_t index;
	struct kv_truth_event event;
};

struct kv_watched {
	bool logs_only; /* only keys that are appended to */
	uint64_t from, last; /* last: 0 when nothing was told */
	struct kv_heard *heard;
	size_t count, capacity;
};

struct kv_run_state;

struct kv_run_member {
	struct kv_run_state *state;
	struct sim_node *node;
	char address[LOG_ADDRESS_SIZE];
	bool joins, is_standby;
	bool is_rotten; /* a bit of its disk has flipped */
	bool is_lost;   /* it has another, empty disk, and is not replaced yet */
	bool is_corrupt; /* it said that its disk is damaged */
	uint64_t old_id; /* of the one that is lost */
	/* Of this life. */
	struct io *io;
	struct gw_loop *loop;
	struct kv_server *server; /* NULL: not open */
	/* Up to where its history was read. */
	struct kv_history_place place;
	uint64_t restarts;
};

struct kv_run_client_node {
	struct kv_run_state *state;
	struct sim_node *node;
	uint32_t number;
	uint32_t done_healed;
};

struct kv_run_watcher {
	struct kv_run_state *state;
	struct kv_watched *now; /* what it is told; NULL: it begins anew */
	bool logs_only;
};

struct kv_run_state {
	struct sim_run *run;
	struct kv_run_member members[KV_RUN_MEMBERS_MAX];
	uint32_t count;    /* voters, when all is well; the standby is behind them */
	uint32_t machines; /* with the standby */
	struct kv_run_client_node clients[KV_RUN_CLIENTS];
	struct kv_run_watcher watchers[KV_RUN_WATCHERS];
	char addresses[256]; /* of the voters */
	/* Drawn. */
	struct log_tuning tuning;
	uint64_t padding_bytes;
	uint32_t slots;
	bool lease, changes, rots;
	/* Known of calls. */
	struct kv_run_call *calls;
	size_t call_count, call_capacity;
	struct kv_run_key *keys;
	size_t key_count, key_capacity;
	uint32_t current[KV_RUN_KEY_KINDS][KV_RUN_SLOTS];
	uint64_t told;        /* the newest entry that somebody heard of */
	/* Known of entries, by index. */
	struct kv_truth *truth;
	size_t truth_count, truth_capacity;
	struct base_arena bytes;
	/* Of those who watched, also before they died. */
	struct kv_watched **watched;
	size_t watched_count, watched_capacity;
	/* The operator. */
	struct kv_run_member *operating; /* on whose loop something is done; NULL */
	uint64_t healed_index; /* told when the faults had ended; 0: not yet */
};

/* Room for one more in an array of the state. */
void *kv_run_more(void *items, size_t size, size_t *capacity, size_t count);

/* ---- Calls: kv_run_truth.c ------------------------------------------------------------------ */

/* The name of a key, and back; KV_NO_KEY: no such one. */
enum { KV_NO_KEY = UINT32_MAX };
void kv_run_key_name(const struct kv_run_state *state, uint32_t key, char name[KV_RUN_KEY_BYTES]);
uint32_t kv_run_key_of(const struct kv_run_state *state, struct gw_bytes name);
/* A key of the kind, in a slot. */
uint32_t kv_run_key_take(struct kv_run_state *state, enum kv_run_key_kind kind, uint32_t slot);

/* A new call. argument: what it puts, or appends; expected: of a swap, NULL for "there is none".
 * For puts and appends the number is part of the argument, so it is asked for first. */
uint32_t kv_run_call_new(struct kv_run_state *state, uint32_t client, enum kv_run_kind kind,
			 uint32_t key, bool weak);
void kv_run_call_begins(struct kv_run_state *state, uint32_t call, struct gw_bytes argument,
			const struct gw_bytes *expected);
/* It has ended; answer is what a get or a change was told (code 0). */
void kv_run_call_ends(struct kv_run_state *state, uint32_t call, int code,
		      const struct kv_run_call *answer);

/* ---- Entries -------------------------------------------------------------------------------- */

/* Reads what the member has applied since the last time; all members must tell the same. */
void kv_truth_read(struct kv_run_member *member);
/* All calls and all who watched, against all entries; and what a member holds at last. */
int kv_truth_check(struct kv_run_state *state, struct kv_server *server,
		   struct gw_error *error) GW_MUST_CHECK;

/* ---- Members -------------------------------------------------------------------------------- */

/* Whether the member runs and answers. */
bool kv_run_is_open(const struct kv_run_member *member);
struct kv_run_member *kv_run_leader(struct kv_run_state *state);
/* All are members and vote but for the standby, nobody is lost. */
bool kv_run_are_members(struct kv_run_state *state);
/* Does something to a member now and then; an action of sim_at. */
void kv_run_operate(void *context);

/* A task: watches for as long as the client's machine lives. */
int kv_run_watch(void *argument);

/* Their arguments are the struct kv_run_member and kv_run_client_node. */
extern const struct sim_program kv_run_member_program, kv_run_client_program;

#endif
