/* SPDX-License-Identifier: Apache-2.0 */
/*
 * seeds_fixture.h - the lists of seeds in test/seeds, and TAP lines for what came of seeds.
 */
#ifndef SIM_SEEDS_FIXTURE_H
#define SIM_SEEDS_FIXTURE_H

#include "sim/jobs.h"

#include <stdio.h>

enum { SEEDS_WORD_MAX = 64 };

/* One line of a list: words up to '#'. */
struct seeds_line {
	uint32_t words;
	char word[3][SEEDS_WORD_MAX];
};

/* $GW_TEST_SEEDS/name; NULL when there is none. */
FILE *seeds_open(const char *name);
/* The next line that is not empty. */
bool seeds_next(FILE *file, struct seeds_line *line);

/* Runs one seed in a process of its own; what came of it. Ends the program when that cannot be. */
struct sim_result seeds_run_one(const struct sim_workload *workload, uint64_t seed,
				const char *bug, uint32_t twice_every);

#endif
