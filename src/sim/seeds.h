/* SPDX-License-Identifier: Apache-2.0 */
/*
 * seeds.h - seeds as people write them: "17" or "1..1000".
 */
#ifndef SIM_SEEDS_H
#define SIM_SEEDS_H

#include <groundwork/base.h>

enum { SIM_SEEDS_MAX = 100 * 1000 * 1000 };

/* *seeds is the caller's to free. At most SIM_SEEDS_MAX. */
int sim_seeds_parse(const char *text, uint64_t **seeds, size_t *count, struct gw_error *error)
	GW_MUST_CHECK;

#endif
