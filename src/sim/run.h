/* SPDX-License-Identifier: Apache-2.0 */
/*
 * run.h - runs one seed of a workload, as workload.h says.
 *
 *     struct sim_run_options options = {.workload = &sim_disk_log, .seed = 17};
 *     struct sim_result result;
 *
 *     code = sim_run_seed(&options, &result);      // result.error says what was found wrong
 */
#ifndef SIM_RUN_H
#define SIM_RUN_H

#include "sim/switches.h"
#include "sim/workload.h"

enum { SIM_TAIL_LINES = 60 }; /* of the trace, told when a run fails */

struct sim_run_options {
	const struct sim_workload *workload;
	uint64_t seed;
	const char *bug;      /* a planted bug that is on; NULL: none */
	size_t tell_lines;    /* the newest so many events are told; failing runs: SIM_TAIL_LINES */
	/* Gets them, oldest first, and other lines; NULL: nobody. */
	void (*tell)(void *context, const char *line);
	void *context;
};

struct sim_count_named {
	char name[SIM_SWITCH_NAME_MAX];
	uint8_t kind; /* enum sim_switch_kind */
	uint64_t count;
};

/* Plain bytes: may be sent through a pipe to another process of the same program. */
struct sim_result {
	uint64_t seed, hash, events, simulated_ns;
	bool beyond;            /* more faults came than are promised to be borne */
	struct gw_error error;  /* code 0: all is right */
	uint64_t faults[SIM_FAULTS];
	uint32_t named_count;
	struct sim_count_named named[SIM_SWITCHES_MAX];
};

/* Returns result->error.code: 0, GW_E_CORRUPT for what a check found wrong, or what setup said. */
int sim_run_seed(const struct sim_run_options *options, struct sim_result *result);

#endif
