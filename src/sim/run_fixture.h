/* SPDX-License-Identifier: Apache-2.0 */
/*
 * run_fixture.h - a small workload for tests of the runner: a few machines that do nothing but
 * wake up now and then, and a table of what is to go wrong.
 */
#ifndef SIM_RUN_FIXTURE_H
#define SIM_RUN_FIXTURE_H

#include "sim/run.h"

enum { SMALL_NODES = 5 };

/* What the run knows; kept until done. */
struct small {
	struct sim_node *nodes[SMALL_NODES];
	uint64_t wakes;      /* since the start, of all nodes */
	uint32_t down_seen;  /* at most at once */
};

/* Sets up SMALL_NODES of them, started; the group is added with their bits. */
int small_set_up(struct sim_run *run, const struct sim_group *group, struct gw_error *error);
void small_done(struct sim_run *run);
/* How many do not run now. */
uint32_t small_down(const struct sim_run *run);

#endif
