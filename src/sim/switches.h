/* SPDX-License-Identifier: Apache-2.0 */
/*
 * switches.h - turns the switches of io/rare.h in one run: a planted bug on when the run was asked
 * for it, a rare path now and then in some seeds, and counts what was reached.
 */
#ifndef SIM_SWITCHES_H
#define SIM_SWITCHES_H

#include "sim/random.h"

#include "io/rare.h"

enum {
	SIM_SWITCHES_MAX = 128,     /* names in one run; more are not counted, and never rare */
	SIM_SWITCH_NAME_MAX = 48,   /* with the NUL; longer ones are cut in reports */
	SIM_SWITCH_ON_PERCENT = 30, /* of seeds in which a rare path is taken at all */
	SIM_SWITCH_RARE_PPM_MAX = 200000,
};

enum sim_switch_kind { SIM_SWITCH_RARE, SIM_SWITCH_BUG, SIM_SWITCH_PROBE };

struct sim_switch {
	const char *literal; /* as the code says it */
	uint8_t kind;        /* enum sim_switch_kind */
	uint32_t ppm;        /* of a rare path: how often it is taken in this run */
	uint64_t count;      /* rare: taken; bug: the wrong line ran; probe: reached */
};

struct sim_switches {
	struct io_rare rare;
	uint64_t seed;
	const char *bug; /* that is on; NULL: none */
	bool without_rare;
	struct sim_random random;
	struct sim_switch items[SIM_SWITCHES_MAX];
	size_t count;
};

/* Zero, before. It stays at its address. bug lasts as long as the switches. */
void sim_switches_init(struct sim_switches *switches, uint64_t seed, const char *bug);

#endif
