/* SPDX-License-Identifier: Apache-2.0 */
/*
 * duel_fixture.h - the hart beside the oracle: the same start drawn from a seed (registers, page
 * tables, traps, a program), the same events at the same counts (lines, memory written, time
 * moved), a device each. They must agree in everything at every count they are looked at.
 */
#ifndef VM_CPU_DUEL_FIXTURE_H
#define VM_CPU_DUEL_FIXTURE_H

#include "oracle_fixture.h"

enum { DUEL_PAGES = 32, DUEL_CODE_BYTES_MAX = 16384 };

struct duel;

struct duel_device {
	uint64_t seen; /* a hash of what was asked of it */
	struct duel *duel;
	bool of_oracle;
};

struct duel {
	struct vm_cpu *cpu;
	struct oracle oracle;
	uint8_t *ram[2]; /* the hart's, the oracle's */
	uint8_t *before; /* the hart's, when the pages written were forgotten last; or NULL */
	struct duel_device devices[2];
	uint64_t random;
	char words[256];
};

struct duel_options {
	uint64_t seed;
	struct gw_bytes code; /* put at the start of RAM, where it begins; empty: drawn */
	bool paged;           /* starts below machine mode and with Sv39 on, more often than not */
	unsigned step_max;    /* instructions between two looks */
	/* As in struct vm_cpu_setup. */
	unsigned block_instructions_max, translations_max;
	size_t blocks_max;
};

int duel_start(struct duel *duel, const struct duel_options *options) GW_MUST_CHECK;
/* Lets both do `count` instructions; what differs then, or NULL. */
const char *duel_run(struct duel *duel, const struct duel_options *options, uint64_t count);
void duel_done(struct duel *duel);

/* Random instructions, mostly ones that exist. */
void duel_draw_code(uint64_t *random, uint8_t *code, size_t size);

#endif
