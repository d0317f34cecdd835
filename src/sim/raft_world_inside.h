/* SPDX-License-Identifier: Apache-2.0 */
/*
 * raft_world_inside.h - the world of the cores as its two files see it: raft_world_node.c is a
 * member with its disk and messages, and what it must never do; raft_world.c is what happens.
 */
#ifndef SIM_RAFT_WORLD_INSIDE_H
#define SIM_RAFT_WORLD_INSIDE_H

#include "io/rare.h"
#include "sim/raft_world.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	NODES = 6,
	FLYING_MAX = 400,
	SAVES_MAX = 256,
	HELD_MAX = 512,
	TRUTH_MAX = 1 << 16,
	TERMS_MAX = 1 << 14,
	READS_MAX = 1 << 12,
};

#define MS UINT64_C(1000000)

/* A message with bytes of its own. */
struct flying {
	struct raft_message message;
	struct raft_entry *entries;
	struct raft_snapshot *snapshot;
};

struct record {
	uint64_t term;
	uint32_t kind;
	uint32_t size;
	uint8_t *data;
};

struct disk {
	uint64_t term, vote;
	struct raft_snapshot snapshot;
	struct record *records; /* [i] is entry i + 1; those up to the snapshot may be gone */
	uint64_t count;
};

struct save {
	uint64_t number;
	bool is_state, anew;
	uint64_t term, vote;
	uint64_t first, count;
	struct record *records;
};

struct held {
	uint64_t after;
	struct flying flying;
};

struct node {
	uint64_t id;
	struct raft *raft; /* NULL: down */
	uint64_t clock_ns, rate_percent; /* its own time, and how fast it goes */
	struct disk disk;
	struct save saves[SAVES_MAX];
	size_t save_count;
	struct held held[HELD_MAX];
	size_t held_count;
	uint64_t applied;
	bool wants_snapshot; /* a fetch that may be done */
	struct raft_snapshot offered;
};

struct read {
	uint64_t must_see;
	bool is_open;
};

struct world {
	struct io_rare *rare; /* planted mistakes; NULL */
	uint64_t chance;
	/* What kind of world it is. */
	uint32_t batch_entries;
	uint64_t loss;       /* of messages, percent */
	uint64_t laziness;   /* of disks: percent of chances to sync that are not taken */
	uint64_t crashes;    /* percent of what happens */
	uint64_t election_ns, pass_ns_max;
	uint64_t late_ticks; /* percent: a member does not look at the clock, as when paused */
	bool lease, drifts;  /* of all members; clocks differ by what leases bear */
	bool parts;          /* leaders are cut off, and little else goes wrong */
	bool strands;        /* and members from the leader alone; who starts is soon back */
	uint64_t parted;     /* the leader that was cut off last; 0: none */
	struct node nodes[NODES];
	struct flying flying[FLYING_MAX];
	size_t flying_count;
	bool blocked[NODES][NODES];
	bool calm; /* nothing goes wrong any more */
	/* What was committed anywhere, for ever. */
	struct record truth[TRUTH_MAX];
	uint64_t truth_count;
	uint64_t leaders[TERMS_MAX];
	struct read reads[READS_MAX];
	uint64_t next_cookie;
	struct raft_world_result *result;
};

#define RAFT_WORLD_WRONG(world, ...)                                                 \
	do {                                                                         \
		if ((world)->result->wrong[0] == 0)                                  \
			snprintf((world)->result->wrong, sizeof (world)->result->wrong, \
				 __VA_ARGS__);                                       \
	} while (0)

static inline bool raft_world_bug(const struct world *world, const char *name)
{
	return world->rare && world->rare->bug(world->rare, name);
}

uint64_t raft_world_draw(struct world *world, uint64_t n);
static inline bool raft_world_one_in(struct world *world, uint64_t n)
{
	return raft_world_draw(world, n) == 0;
}

struct flying raft_world_copy(const struct raft_message *message);
void raft_world_drop(struct flying *flying);
void raft_world_post(struct world *world, const struct flying *flying);
void raft_world_disk_cut(struct disk *disk, uint64_t first);
void raft_world_carry_out(struct disk *disk, struct save *save);
void raft_world_drop_save(struct save *save);
/* One step of a member's core, and all its actions. */
void raft_world_step(struct world *world, struct node *node, struct raft_event *event);

#endif
