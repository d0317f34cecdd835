/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rpc_fixture.h - a simulated cluster for tests of src/rpc: machines that serve, whose state lasts
 * over their restarts, and machines that call. A test starts calls, lets time pass, and breaks
 * things in between.
 */
#ifndef SIM_RPC_FIXTURE_H
#define SIM_RPC_FIXTURE_H

#include "base/buffer.h"
#include "rpc/service_fixture.h"
#include "sim/sim.h"
#include "task/loop.h"

#include "support/unit.h"

enum { CLUSTER_MACHINES = 4, CLUSTER_PORT = 7000 };

/* How a service keeps its answers. */
enum memory {
	MEMORY_VOLATILE, /* in a table that is forgotten at a restart */
	MEMORY_DURABLE,  /* in a log, in one write with the effect */
};

struct cluster;

struct machine {
	struct cluster *cluster;
	struct sim_node *node;
	/* What lasts. */
	struct served served;
	int64_t value;            /* what Set and SetOnce set */
	int sets;
	bool hold_set;
	enum memory memory;
	struct base_buffer *log;  /* records of answers; several machines may share one */
	struct base_buffer own_log;
	struct gw_rpc_server_options server_options;
	struct gw_rpc_client_options client_options;
	const char *address;      /* of those it calls; NULL: it serves */
	/* Offers this instead of the fixture's service; called in each life. May set dup. */
	int (*offer)(struct machine *machine, struct gw_error *error);
	void *offered;
	/* Of this life. */
	struct gw_loop *loop;
	struct io *io;
	struct gw_rpc_server *server;
	struct gw_rpc_client *client;
	struct gw_rpc_dup *dup;
};

/* Machines 0 and 1 serve at 10.0.0.1 and 10.0.0.2, 2 and 3 call; nothing is started. */
struct cluster {
	struct sim *sim;
	struct machine machines[CLUSTER_MACHINES];
};

enum { A = 0, B = 1, C = 2, D = 3 };

void cluster_begin(struct cluster *cluster, uint64_t seed, const struct sim_options *options);
/* Starts all that has not been, and waits until the clients exist. */
void cluster_start(struct cluster *cluster);
void cluster_start_one(struct cluster *cluster, int machine);
void cluster_end(struct cluster *cluster);

enum kind {
	KIND_ADD,
	KIND_ECHO,
	KIND_SET,      /* best effort */
	KIND_SET_ONCE, /* at most once */
};

/* A call in a task of a calling machine. */
struct job {
	struct machine *machine;
	enum kind kind;
	int64_t number;
	uint64_t timeout_ns; /* 0: a minute */
	bool is_begun, is_over;
	int64_t result;
	struct gw_error error;
};

void job_start(struct cluster *cluster, int machine, struct job *job);
/* Runs the cluster until it is over (ten simulated minutes at most); its result. */
int64_t job_wait(struct cluster *cluster, struct job *job);
int64_t call(struct cluster *cluster, int machine, enum kind kind, int64_t number);
/* Runs the function in a task of the machine until it is over; its result. */
int run_at(struct cluster *cluster, int machine, gw_task_function *function, void *argument);

/* Starts an Add of the number; at A it runs, has had its effect, and its answer waits until
 * served.hold is false. */
void hold_add(struct cluster *cluster, int machine, struct job *job, int64_t number);
static inline struct sim_node *node(struct cluster *cluster, int machine)
{
	return cluster->machines[machine].node;
}

/* Runs until *number is at least this. */
void until(struct cluster *cluster, const int *number, int least);
void pass(struct cluster *cluster, uint64_t ns);

#endif
