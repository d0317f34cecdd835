/* SPDX-License-Identifier: Apache-2.0 */
/*
 * jobs.h - many seeds, in several processes, so that a seed that crashes or hangs is one that
 * failed, like any other. The results come in the order of the seeds.
 */
#ifndef SIM_JOBS_H
#define SIM_JOBS_H

#include "sim/run.h"

enum {
	SIM_JOBS_MAX = 64,
	SIM_SEED_SECONDS = 120, /* of this machine's time; a seed that takes longer hangs */
};

struct sim_jobs {
	const struct sim_workload *workload;
	const uint64_t *seeds;
	size_t count;
	uint32_t jobs;        /* processes; 0: 1 */
	const char *bug;      /* a planted bug that is on; NULL: none */
	uint32_t twice_every; /* every n-th seed is run twice and must have one hash; 0: none */
	size_t tell_lines;    /* as in sim_run_options */
	/* What a run tells: lines of the trace and others, before its result. May be NULL. */
	void (*tell)(struct sim_jobs *jobs, const char *line);
	/* Of each seed, in order. False ends it all. */
	bool (*result)(struct sim_jobs *jobs, const struct sim_result *result);
};

/* 0 when all seeds were run, whatever came out, or result said false; else a code. Must be called
 * while the process has one thread. */
int sim_jobs_run(struct sim_jobs *jobs, struct gw_error *error) GW_MUST_CHECK;

#endif
