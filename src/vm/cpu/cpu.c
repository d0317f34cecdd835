/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cpu.c - a hart's life: made, run until a count, asked and told.
 */
#include "execute.h"
#include "interpret.h"
#include "memory.h"

#include <assert.h>
#include <fenv.h>
#include <stdlib.h>

enum { INSTRUCTIONS_PER_TICK = 100 };

/* ---- Made ------------------------------------------------------------------------------------ */

static int check(const struct vm_cpu_setup *setup, struct gw_error *error)
{
	const uint64_t base = setup->ram_base, size = setup->ram_size;

	if (!setup->ram || size == 0)
		return gw_fail(error, GW_E_INVALID, "a hart without RAM");
	if (base % VM_PAGE_BYTES || size % VM_PAGE_BYTES ||
	    (uintptr_t)setup->ram % sizeof(uint64_t))
		return gw_fail(error, GW_E_INVALID, "RAM is not of whole pages");
	if (size / VM_PAGE_BYTES >= UINT32_MAX || base >> 56 || size > (UINT64_C(1) << 56) - base)
		return gw_fail(error, GW_E_INVALID, "RAM of %llu bytes is too much",
			       (unsigned long long)size);
	return 0;
}

static void set_defaults(struct vm_cpu_setup *setup)
{
	if (!setup->instructions_per_tick)
		setup->instructions_per_tick = INSTRUCTIONS_PER_TICK;
	if (!setup->block_instructions_max ||
	    setup->block_instructions_max > VM_BLOCK_INSTRUCTIONS_MAX)
		setup->block_instructions_max = VM_BLOCK_INSTRUCTIONS_MAX;
	if (!setup->translations_max)
		setup->translations_max = VM_TRANSLATIONS;
	if (!setup->blocks_max)
		setup->blocks_max = SIZE_MAX;
}

int vm_cpu_new(struct vm_cpu **out, const struct vm_cpu_setup *setup, struct gw_error *error)
{
	int status = check(setup, error);
	struct vm_cpu *cpu;

	if (status < 0)
		return status;
	cpu = calloc(1, sizeof(*cpu));
	if (!cpu)
		return gw_fail(error, GW_E_NO_MEMORY, "a hart: out of memory");
	cpu->setup = *setup;
	set_defaults(&cpu->setup);
	cpu->page_count = setup->ram_size / VM_PAGE_BYTES;
	cpu->pages = calloc(cpu->page_count, sizeof(*cpu->pages));
	cpu->table_pages = calloc(VM_TABLE_PAGES_MAX, sizeof(*cpu->table_pages));
	cpu->spaces = calloc(VM_SPACES, sizeof(*cpu->spaces));
	cpu->machine_view = calloc(1, sizeof(*cpu->machine_view));
	cpu->never_view = calloc(1, sizeof(*cpu->never_view));
	if (!cpu->pages || !cpu->table_pages || !cpu->spaces || !cpu->machine_view ||
	    !cpu->never_view)
		status = gw_fail(error, GW_E_NO_MEMORY, "a hart: out of memory");
	else
		status = vm_blocks_new(cpu, error);
	if (status < 0) {
		vm_cpu_free(cpu);
		return status;
	}
	vm_view_clear(cpu->never_view);
	vm_forget_translations(cpu);
	vm_cpu_reset(cpu);
	*out = cpu;
	return 0;
}

void vm_cpu_free(struct vm_cpu *cpu)
{
	if (!cpu)
		return;
	vm_blocks_free(cpu);
	free(cpu->stops);
	free(cpu->written);
	free(cpu->never_view);
	free(cpu->machine_view);
	free(cpu->spaces);
	free(cpu->table_pages);
	free(cpu->pages);
	free(cpu);
}

void vm_cpu_reset(struct vm_cpu *cpu)
{
	uint64_t count = cpu->count, time_offset = cpu->time_offset;

	assert(!cpu->running);
	memset(cpu->x, 0, sizeof(cpu->x));
	memset(cpu->f, 0, sizeof(cpu->f));
#define ZERO(name) cpu->name = 0;
	VM_STATE_FIELDS(ZERO)
#undef ZERO
	memset(cpu->pmpaddr, 0, sizeof(cpu->pmpaddr));
	memset(cpu->pmpcfg, 0, sizeof(cpu->pmpcfg));
	cpu->count = count;
	cpu->time_offset = time_offset;
	cpu->cycle = cpu->instret = 0 - count;
	cpu->mode = VM_MODE_MACHINE;
	vm_forget_translations(cpu);
	vm_cpu_changed(cpu);
}

/* ---- Views ----------------------------------------------------------------------------------- */

/* The address space of satp: kept from before, or in the place of the one not used for longest. */
static struct vm_space *space_of(struct vm_cpu *cpu)
{
	struct vm_space *space = NULL, *oldest = &cpu->spaces[0];

	for (size_t at = 0; at < VM_SPACES && !space; at++) {
		if (cpu->spaces[at].used && cpu->spaces[at].satp == cpu->satp)
			space = &cpu->spaces[at];
		else if (cpu->spaces[at].used_at < oldest->used_at)
			oldest = &cpu->spaces[at];
	}
	if (!space) {
		space = oldest;
		for (size_t at = 0; at < VM_VIEWS_OF_SPACE; at++)
			vm_view_clear(&space->views[at]);
		space->used = true;
		space->satp = cpu->satp;
	}
	space->used_at = ++cpu->space_clock;
	return space;
}

void vm_cpu_changed(struct vm_cpu *cpu)
{
	uint64_t data_mode = vm_data_mode(cpu);
	struct vm_space *space = NULL;

	vm_float_changed(cpu);
	cpu->attention = true;
	if (cpu->mode != VM_MODE_MACHINE || data_mode != VM_MODE_MACHINE)
		space = space_of(cpu);
	if (cpu->mode == VM_MODE_MACHINE)
		cpu->fetch_view = cpu->machine_view;
	else
		cpu->fetch_view = &space->views[cpu->mode == VM_MODE_USER ? VM_VIEW_USER
									  : VM_VIEW_SUPERVISOR];
	if (data_mode == VM_MODE_MACHINE)
		cpu->data_view = cpu->machine_view;
	else if (cpu->mstatus & VM_STATUS_MXR)
		cpu->data_view = cpu->never_view;
	else if (data_mode == VM_MODE_USER)
		cpu->data_view = &space->views[VM_VIEW_USER];
	else
		cpu->data_view = &space->views[cpu->mstatus & VM_STATUS_SUM ? VM_VIEW_SUM
									    : VM_VIEW_SUPERVISOR];
}

/* ---- Run ------------------------------------------------------------------------------------- */

/* Whether the run ends here, before another instruction; and why. */
static bool ends(struct vm_cpu *cpu, enum vm_stop *why)
{
	if (cpu->stopped)
		*why = VM_STOP_HIT;
	else if (cpu->ecall_stopped)
		*why = VM_STOP_ECALL;
	else if (cpu->stop_asked)
		*why = VM_STOP_ASKED;
	else if (cpu->left == 0)
		*why = VM_STOP_COUNT;
	else if (cpu->waiting && !(vm_pending(cpu) & cpu->mie))
		*why = VM_STOP_WAIT;
	else
		return false;
	return true;
}

enum vm_stop vm_cpu_run(struct vm_cpu *cpu, uint64_t until)
{
	enum vm_stop why;
	fenv_t host;

	assert(!cpu->running);
	if (until <= cpu->count)
		return VM_STOP_COUNT;
	if (until - cpu->count > INT64_MAX / 2)
		until = cpu->count + INT64_MAX / 2;
	fegetenv(&host);
	fesetenv(FE_DFL_ENV);
	cpu->running = true;
	cpu->until = until;
	cpu->left = (int64_t)(until - cpu->count);
	cpu->stop_asked = cpu->ecall_stopped = cpu->stopped = false;
	while (!ends(cpu, &why)) {
		cpu->waiting = 0;
		vm_take_interrupt(cpu);
		cpu->attention = false;
		if (vm_interpret(cpu) == VM_LEAVE_EXCEPTION && !cpu->stopped) {
			assert(cpu->left > 0);
			cpu->left--;
			vm_take_exception(cpu);
		}
		assert(cpu->left >= 0);
	}
	cpu->count = until - (uint64_t)cpu->left;
	cpu->running = false;
	fesetenv(&host);
	return why;
}

void vm_cpu_stop(struct vm_cpu *cpu)
{
	cpu->stop_asked = true;
	cpu->attention = true;
}

uint64_t vm_cpu_count(const struct vm_cpu *cpu)
{
	return cpu->running ? cpu->until - (uint64_t)cpu->left : cpu->count;
}

uint64_t vm_cpu_time(const struct vm_cpu *cpu)
{
	return vm_cpu_count(cpu) / cpu->setup.instructions_per_tick + cpu->time_offset;
}

void vm_cpu_set_time_offset(struct vm_cpu *cpu, uint64_t ticks)
{
	cpu->time_offset = ticks;
}

uint64_t vm_cpu_time_offset(const struct vm_cpu *cpu)
{
	return cpu->time_offset;
}

uint64_t vm_cpu_count_at(const struct vm_cpu *cpu, uint64_t time)
{
	uint64_t now = vm_cpu_time(cpu), ticks = time - cpu->time_offset;

	if (now >= time)
		return vm_cpu_count(cpu);
	if (time < cpu->time_offset || ticks > UINT64_MAX / cpu->setup.instructions_per_tick)
		return UINT64_MAX;
	return ticks * cpu->setup.instructions_per_tick;
}

void vm_cpu_set_lines(struct vm_cpu *cpu, uint64_t lines, bool on)
{
	cpu->lines = on ? cpu->lines | lines : cpu->lines & ~lines;
	cpu->attention = true;
}

uint64_t vm_cpu_lines(const struct vm_cpu *cpu)
{
	return cpu->lines;
}

/* ---- Asked and told -------------------------------------------------------------------------- */

uint64_t vm_cpu_x(const struct vm_cpu *cpu, unsigned number)
{
	assert(number < VM_REGISTERS);
	return cpu->x[number];
}

void vm_cpu_set_x(struct vm_cpu *cpu, unsigned number, uint64_t value)
{
	assert(number < VM_REGISTERS);
	if (number)
		cpu->x[number] = value;
}

uint64_t vm_cpu_f(const struct vm_cpu *cpu, unsigned number)
{
	assert(number < VM_REGISTERS);
	return cpu->f[number];
}

void vm_cpu_set_f(struct vm_cpu *cpu, unsigned number, uint64_t value)
{
	assert(number < VM_REGISTERS);
	cpu->f[number] = value;
}

uint64_t vm_cpu_pc(const struct vm_cpu *cpu)
{
	return cpu->pc;
}

void vm_cpu_set_pc(struct vm_cpu *cpu, uint64_t pc)
{
	cpu->pc = pc & ~UINT64_C(1);
	cpu->waiting = 0;
}

enum vm_mode vm_cpu_mode(const struct vm_cpu *cpu)
{
	return (enum vm_mode)cpu->mode;
}

void vm_cpu_set_mode(struct vm_cpu *cpu, enum vm_mode mode)
{
	assert(mode == VM_MODE_USER || mode == VM_MODE_SUPERVISOR || mode == VM_MODE_MACHINE);
	cpu->mode = mode;
	vm_cpu_changed(cpu);
}
