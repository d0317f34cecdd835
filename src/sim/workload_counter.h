/* SPDX-License-Identifier: Apache-2.0 */
/*
 * workload_counter.h - the parts of the workload echo-counter: a server that keeps counters in a
 * log (counter_server.c), clients that call it (counter_client.c), and what is known of every call
 * from outside (workload_counter.c).
 *
 * Each call has a number. What is known of it survives all machines, so that the workload can say:
 * no call took effect twice, none that was answered is lost, every copy got the same answer, what
 * was said not to have run did not, and the counters are linearizable.
 */
#ifndef SIM_WORKLOAD_COUNTER_H
#define SIM_WORKLOAD_COUNTER_H

#include "sim/workload.h"

enum {
	COUNTERS_MAX = 4,
	COUNTER_CLIENTS_MAX = 4,
	COUNTER_TASKS_MAX = 4,   /* of a client */
	COUNTER_PORT = 7000,
	COUNTER_CALLS_MAX = 20000,
};

/* What is known of a call of Add. */
struct counter_call {
	int history;        /* its number there */
	uint32_t counter;
	int64_t amount;
	int64_t total;      /* when it took effect */
	uint32_t effects;   /* in the log as it is now */
	bool answered;      /* the caller has its answer */
	bool did_not_run;   /* the caller was told so */
};

struct counter_state {
	struct sim_run *run;
	struct sim_node *server;
	struct sim_node *clients[COUNTER_CLIENTS_MAX];
	uint32_t client_count, task_count;
	uint32_t counters;
	bool durable;             /* the duplicate table is kept in the log */
	uint32_t segment_bytes;
	uint64_t pause_ns_max;    /* of a client between two calls */
	uint64_t timeout_ns_max;
	struct counter_call *calls;
	size_t call_count, call_capacity;
	uint64_t recoveries;
	bool loss_told;           /* in a seed that exceeds the promise: calls may be lost now */
	bool recovering;          /* the server reads its log: effects are not all known */
	uint64_t done_healed[COUNTER_CLIENTS_MAX][COUNTER_TASKS_MAX]; /* calls, since then */
};

/* ---- What is known of calls ----------------------------------------------------------------- */

/* A new call; its number, or -1 when there were enough. */
int64_t counter_call_begins(struct counter_state *state, uint32_t client, uint32_t counter,
			    int64_t amount);
/* The caller has a result: 0 and the total, or a code. */
void counter_call_ends(struct counter_state *state, uint64_t number, int code, int64_t total);
/* The server has it in its log: when it was written, or when a recovery read it. */
void counter_call_took_effect(struct counter_state *state, uint64_t number, int64_t total);
/* A recovery begins to read the log; ends. */
void counter_recovery_begins(struct counter_state *state);
void counter_recovery_ends(struct counter_state *state);

/* ---- The programs --------------------------------------------------------------------------- */

/* Their argument is the state. */
extern const struct sim_program counter_server_program;
extern const struct sim_program counter_client_program;

#endif
