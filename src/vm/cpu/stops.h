/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stops.h - where a debugger wants a run to end, as those see it who decode and who access memory.
 *
 * A block never has a break inside: it ends before one. A block that begins where a break may be
 * (an address with the same place in its page) begins with the interpreter's BREAK, which asks. Of
 * pages with watched bytes no translation is kept, so every access to them goes by here.
 */
#ifndef VM_CPU_STOPS_H
#define VM_CPU_STOPS_H

#include "memory.h"

struct vm_stops {
	uint64_t breaks[VM_STOPS_MAX];
	size_t break_count;
	struct vm_watch watches[VM_STOPS_MAX];
	size_t watch_count;
	uint64_t passed; /* the count at which there is no stop, for there was one; or none */
	struct vm_hit hit;
};

/* Whether a break may be at an offset of RAM. */
bool vm_break_may_be(const struct vm_cpu *cpu, uint64_t offset);
/* Whether the run ends before the instruction at cpu->pc. */
bool vm_break_here(struct vm_cpu *cpu);
/* Whether the run ends before the instruction that makes this access. */
bool vm_watch_here(struct vm_cpu *cpu, uint64_t address, unsigned size, enum vm_access access);
bool vm_page_watched(const struct vm_cpu *cpu, uint64_t address);

#endif
