/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stops.c - a debugger's view: runs that end at an address or before an access, and memory as the
 * guest sees it. Nothing of it is in the state, and nothing of it is seen by the guest.
 */
#include "stops.h"

#include "block.h"
#include "walk.h"

#include <assert.h>
#include <stdlib.h>

/* ---- Set ------------------------------------------------------------------------------------- */

int vm_cpu_set_stops(struct vm_cpu *cpu, const uint64_t *breaks, size_t break_count,
		     const struct vm_watch *watches, size_t watch_count, struct gw_error *error)
{
	assert(!cpu->running);
	if (break_count > VM_STOPS_MAX || watch_count > VM_STOPS_MAX)
		return gw_fail(error, GW_E_TOO_LARGE, "more than %d breakpoints or watchpoints",
			       VM_STOPS_MAX);
	if (!cpu->stops)
		cpu->stops = calloc(1, sizeof(*cpu->stops));
	if (!cpu->stops)
		return gw_fail(error, GW_E_NO_MEMORY, "breakpoints: out of memory");
	*cpu->stops = (struct vm_stops){.break_count = break_count,
					.watch_count = watch_count,
					.passed = UINT64_MAX};
	for (size_t at = 0; at < break_count; at++)
		cpu->stops->breaks[at] = breaks[at];
	for (size_t at = 0; at < watch_count; at++)
		cpu->stops->watches[at] = watches[at];
	vm_blocks_forget(cpu); /* and with them all translations */
	return 0;
}

void vm_cpu_pass_stop(struct vm_cpu *cpu)
{
	if (cpu->stops)
		cpu->stops->passed = cpu->count;
}

struct vm_hit vm_cpu_hit(const struct vm_cpu *cpu)
{
	assert(cpu->stops);
	return cpu->stops->hit;
}

/* ---- Asked while it runs --------------------------------------------------------------------- */

static bool stop(struct vm_cpu *cpu, enum vm_hit_kind kind, uint64_t address)
{
	struct vm_stops *stops = cpu->stops;

	if (stops->passed == vm_cpu_count(cpu))
		return false;
	stops->passed = vm_cpu_count(cpu);
	stops->hit = (struct vm_hit){.kind = kind, .address = address};
	cpu->stopped = true;
	return true;
}

bool vm_break_may_be(const struct vm_cpu *cpu, uint64_t offset)
{
	const struct vm_stops *stops = cpu->stops;

	for (size_t at = 0; stops && at < stops->break_count; at++)
		if (stops->breaks[at] % VM_PAGE_BYTES == offset % VM_PAGE_BYTES)
			return true;
	return false;
}

bool vm_break_here(struct vm_cpu *cpu)
{
	for (size_t at = 0; at < cpu->stops->break_count; at++)
		if (cpu->stops->breaks[at] == cpu->pc)
			return stop(cpu, VM_HIT_BREAK, cpu->pc);
	return false;
}

bool vm_watch_here(struct vm_cpu *cpu, uint64_t address, unsigned size, enum vm_access access)
{
	const struct vm_stops *stops = cpu->stops;

	for (size_t at = 0; stops && at < stops->watch_count; at++) {
		const struct vm_watch *watch = &stops->watches[at];

		/* Either begins within the other. */
		if (watch->access & access &&
		    (address - watch->address < watch->size || watch->address - address < size))
			return stop(cpu,
				    access == VM_ACCESS_WRITE ? VM_HIT_WRITE : VM_HIT_READ,
				    watch->address);
	}
	return false;
}

bool vm_page_watched(const struct vm_cpu *cpu, uint64_t address)
{
	const struct vm_stops *stops = cpu->stops;
	uint64_t page = address & VM_PAGE_MASK;

	for (size_t at = 0; stops && at < stops->watch_count; at++)
		if (stops->watches[at].address - page < VM_PAGE_BYTES ||
		    page - stops->watches[at].address < stops->watches[at].size)
			return true;
	return false;
}

/* ---- Memory ---------------------------------------------------------------------------------- */

bool vm_cpu_find(const struct vm_cpu *cpu, uint64_t address, uint64_t *physical)
{
	static const enum vm_access ways[] = {VM_ACCESS_READ, VM_ACCESS_FETCH};
	const uint64_t modes[] = {vm_data_mode(cpu), cpu->mode, VM_MODE_SUPERVISOR, VM_MODE_USER};
	struct vm_walk walk;

	for (size_t at = 0; at < sizeof(modes) / sizeof(*modes); at++)
		for (size_t way = 0; way < sizeof(ways) / sizeof(*ways); way++)
			if (vm_walk(cpu, address, ways[way], modes[at], &walk) == VM_WALK_FOUND) {
				*physical = walk.physical;
				return true;
			}
	return false;
}
