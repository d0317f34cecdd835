/* SPDX-License-Identifier: Apache-2.0 */
/*
 * workload.h - what a cluster is made to do while everything goes wrong, and how it is told
 * whether it did right. A workload is one table: it sets up nodes and clients; the runner draws
 * faults within what the workload promises to bear (atlas.h), checks while it runs and when all
 * is over.
 *
 * A run of a seed:
 *
 *   1. setup adds the nodes, says in run->atlas what they promise to bear, and starts them;
 *      client adds and starts those who ask them.
 *   2. Safety: for some seconds of simulated time faults come and go. check_running is called
 *      every SIM_CHECK_EVERY_NS.
 *   3. Healing: all faults end, all nodes are up. run->healed is true.
 *   4. Liveness: converged must become true within SIM_LIVENESS_NS.
 *   5. check_end looks at everything once more; done frees the workload's state.
 *
 * Most seeds keep to the promise; then nothing may be lost. In the others run->beyond is true:
 * faults of the kinds in sim_group.beyond come too, and the checks accept what a node reports
 * as lost, but nothing that is lost in silence.
 *
 * All that a workload knows of itself hangs off run->state; it draws by sim_draw. What it finds
 * wrong anywhere it says by sim_run_fail, which ends the run soon.
 *
 * Planted bugs: code of any room says IO_BUG(io, "name") (io/rare.h), the workload that is to find
 * it lists the name in bugs. Each is off unless the run was asked for it.
 */
#ifndef SIM_WORKLOAD_H
#define SIM_WORKLOAD_H

#include "sim/atlas.h"
#include "sim/linear.h"
#include "sim/sim.h"

#include <groundwork/base.h>

#define SIM_CHECK_EVERY_NS (20 * SIM_MS)
#define SIM_LIVENESS_NS (600 * SIM_SECOND)

struct sim_workload;

struct sim_run {
	struct sim *sim;
	const struct sim_workload *workload;
	uint64_t seed;
	bool beyond;  /* more faults than promised come in this seed */
	bool healed;  /* the liveness phase has begun */
	struct sim_atlas atlas;
	struct sim_history history; /* for sim_linear_check; freed by the runner */
	void *state;                /* the workload's */
	struct gw_error error;      /* what was found wrong first */
};

struct sim_bug {
	const char *name;
	const char *about; /* what the code does wrong */
};

struct sim_workload {
	const char *name;
	const char *about; /* one line */
	/* May change what was drawn for the simulator, before it is made; NULL: nothing. */
	void (*options)(struct sim_options *options, uint64_t seed);
	/* Failures of these two are failures of the run. client may be NULL. */
	int (*setup)(struct sim_run *run, struct gw_error *error);
	int (*client)(struct sim_run *run, struct gw_error *error);
	/* 0, or a code and a sentence that says what is wrong. check_running may be NULL. */
	int (*check_running)(struct sim_run *run, struct gw_error *error);
	/* Whether all that was asked has been done. */
	bool (*converged)(struct sim_run *run);
	int (*check_end)(struct sim_run *run, struct gw_error *error);
	/* Frees run->state; after the simulator is gone, and also when setup failed. */
	void (*done)(struct sim_run *run);
	const struct sim_bug *bugs; /* ends with {0} */
};

/* Says what is wrong; the first one counts. From anywhere, also inside a node. */
void sim_run_fail(struct sim_run *run, const char *format, ...) GW_PRINTF(2, 3);

/* For check_end: the node dies (with its power, or alone) and starts anew. Zeroes *recoveries and
 * waits until the workload has counted one, or something was found wrong. */
int sim_run_recover(struct sim_run *run, struct sim_node *node, bool power, uint64_t *recoveries,
		    struct gw_error *error);

/* All of them, ended by NULL. */
extern const struct sim_workload *const sim_workloads[];

/* NULL when there is none of this name. */
const struct sim_workload *sim_workload_find(const char *name);
/* Whether the workload lists the bug. */
bool sim_workload_has_bug(const struct sim_workload *workload, const char *bug);

extern const struct sim_workload sim_chunks, sim_disk_log, sim_echo_counter, sim_gfs, sim_gfs_names,
	sim_kv, sim_raft, sim_replog, sim_replog_store, sim_tasks;

#endif
