/* SPDX-License-Identifier: Apache-2.0 */
/*
 * workload_replog.h - the parts of the workload replog: members that keep a log of numbers
 * (replog_member.c), and what is known of every number from outside (workload_replog.c).
 */
#ifndef SIM_WORKLOAD_REPLOG_H
#define SIM_WORKLOAD_REPLOG_H

#include "replog/replog.h"
#include "sim/log_members.h"
#include "sim/workload.h"

enum {
	REPLOG_NODES_MAX = 5,
	REPLOG_PORT = 7000,
	REPLOG_TASKS_MAX = 4,      /* that propose, of a member */
	REPLOG_NUMBERS_MAX = 20000,
	REPLOG_FILLER_MAX = 300,   /* bytes behind a number */
};

struct gw_loop;
struct replog_state_of_run;

/* A machine of the cluster. */
struct replog_node {
	struct replog_state_of_run *state;
	struct sim_node *node;
	char address[LOG_ADDRESS_SIZE];
	bool joins;           /* also if it is the first: its disk was wiped */
	/* Of this life. */
	struct io *io;
	struct gw_loop *loop;
	struct gw_rpc_server *server;
	struct replog *log;   /* NULL: not open */
	bool is_started, is_restoring;
	uint64_t count, last; /* numbers, and the index of the last one */
	uint64_t hash;        /* of them all */
	uint64_t wall_ms;
	struct base_buffer restored;
};

/* A number that somebody proposed. */
struct replog_number {
	uint64_t index; /* where it was applied; 0: nowhere yet */
	bool acknowledged, refused;
};

/* What was applied at an index, anywhere. */
struct replog_truth {
	uint64_t number; /* 0: none */
	uint64_t previous; /* index of the number before */
	uint64_t count, hash;
};

struct replog_state_of_run {
	struct sim_run *run;
	struct replog_node nodes[REPLOG_NODES_MAX];
	uint32_t count, task_count;
	char join[256];
	/* Drawn. */
	struct log_tuning tuning;
	size_t filler_bytes;   /* of a snapshot */
	bool replaces;         /* members are replaced */
	/* Known. */
	struct replog_number numbers[REPLOG_NUMBERS_MAX];
	uint64_t number_count; /* 1 is the first */
	struct replog_truth *truth; /* by index */
	size_t truth_count, truth_capacity;
	uint64_t acknowledged; /* the greatest index */
	uint64_t *leaders;     /* by term: node + 1 */
	size_t leader_count, leader_capacity;
	uint64_t done_healed;  /* acknowledged since then */
	uint64_t reads;
	bool is_replacing;
};

/* A new number; 0 when there were enough. */
uint64_t replog_number_new(struct replog_state_of_run *state);
/* What became of it for who proposed it. */
void replog_number_ends(struct replog_node *node, uint64_t number, int code, uint64_t index);
/* A member applies it; or has restored a state. */
void replog_number_applied(struct replog_node *node, uint64_t index, uint64_t number);
void replog_state_restored(struct replog_node *node);

/* Its argument is the node. */
extern const struct sim_program replog_member_program;

#endif
