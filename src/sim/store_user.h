/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store_user.h - a machine whose program does with a store (src/replog/store.h) what a member of a
 * replicated log does: it adds terms, votes and entries, replaces some, commits, makes and fetches
 * snapshots, removes what they stand for. What it does is drawn. At each start it compares what was
 * recovered with what it knows from outside:
 *
 * - what a commit reported as durable is there;
 * - what is there is what was added, up to the end of one of its steps: no part of one, nothing
 *   older that was replaced, nothing that nobody added;
 * - the newest snapshot is the one reported last, or the one under way, and has its bytes.
 */
#ifndef SIM_STORE_USER_H
#define SIM_STORE_USER_H

#include "replog/store.h"
#include "sim/sim.h"

enum {
	STORE_USER_ENTRIES_MAX = 1024, /* behind the newest snapshot */
	STORE_USER_STEPS_MAX = 4096,   /* records added since what is known to be durable */
	STORE_USER_LARGE_EVERY = 200,  /* unless the run draws another number */
};

/* An entry as it was added. */
struct store_user_entry {
	uint64_t term;
	uint32_t size, checksum;
};

/* What a log adds up to. */
struct store_user_state {
	uint64_t term, vote;
	uint64_t first, last; /* entries; those before the first are in a snapshot */
	struct store_user_entry entries[STORE_USER_ENTRIES_MAX]; /* by index modulo the size */
};

enum store_user_kind { STORE_USER_STATE, STORE_USER_ENTRY, STORE_USER_CUT, STORE_USER_CLEAR };

struct store_user_record {
	uint8_t kind;
	bool ends_step;
	uint64_t index, term; /* STATE: index is the vote */
	struct store_user_entry entry;
};

/* Survives the machine. Starts as {0} but for the first part. */
struct store_user {
	struct sim_node *node;
	uint64_t segment_bytes;
	uint64_t wait_ns_max; /* between two things that it does */
	bool without_snapshots;
	/* Elections and hardly an entry, all of them soon in a snapshot: segments that hold nothing
	 * but terms and votes, and are removed as soon as they may be. */
	bool is_quiet;
	bool dies; /* now and then as it removes what a snapshot stands for */
	uint64_t large_every; /* of so many entries one is larger than a segment */
	void (*wrong)(void *context, const char *sentence);
	void *context;

	bool created;  /* create has returned */
	uint64_t commits, recoveries, snapshots, fetches, no_space;
	/* What is known to be durable, and what was added since. */
	struct store_user_state durable;
	struct store_user_record *records; /* STORE_USER_STEPS_MAX */
	uint32_t record_count;
	struct store_user_state now;       /* both together */
	uint64_t commit;                   /* entries up to it are never replaced */
	struct raft_snapshot newest, coming; /* reported; being finished. index 0: none */
	/* A fetch that goes on in the next life. */
	uint8_t *manifest;
	size_t manifest_size;
};

/* argument: the struct store_user. */
extern const struct sim_program store_user_program;

void store_user_init(struct store_user *user);
void store_user_done(struct store_user *user);

/* ---- What it knows: store_user_model.c ------------------------------------------------------ */

/* Notes a record that was added. */
void store_user_note(struct store_user *user, const struct store_user_record *record);
/* All records up to `count` are durable. */
void store_user_note_durable(struct store_user *user, uint32_t count);
/* The last durable entry that no record since has replaced. */
uint64_t store_user_stable(const struct store_user *user);
struct store_user_entry *store_user_entry(struct store_user_state *state, uint64_t index);
/* Compares; what was recovered is what is known from here on. False: wrong was called. */
bool store_user_compare(struct store_user *user, const struct replog_recovered *recovered);
void store_user_wrong(struct store_user *user, const char *format, ...) GW_PRINTF(2, 3);

/* Byte `at` of file `number` of a snapshot. */
uint8_t store_user_byte(const struct raft_snapshot *snapshot, uint32_t number, uint64_t at);

#endif
