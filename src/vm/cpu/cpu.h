/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cpu.h - one RISC-V hart: RV64IMAFDC, Zicsr, Zifencei, Zicntr; machine, supervisor and user mode,
 * Sv39, sixteen PMP entries of 4 KiB grain. What it does is a function of its state, its memory and
 * what the caller puts in between two instructions; nothing of the host is in it.
 *
 *     struct vm_cpu_setup setup = {.ram = ram, .ram_base = 0x80000000, .ram_size = size, ...};
 *     vm_cpu_new(&cpu, &setup, &error);
 *     vm_cpu_set_pc(cpu, 0x80000000);
 *     for (;;) {
 *             enum vm_stop why = vm_cpu_run(cpu, count_of_the_next_event);
 *             ... an event is put in here: a line set, memory written, the time moved ...
 *     }
 *     vm_cpu_free(cpu);
 *
 * Count. Every instruction adds one to vm_cpu_count, one that ends in an exception too (the
 * guest's instret leaves those out); an interrupt adds nothing. A run ends exactly at the count
 * asked for, so an event is named by its count for ever. Time (the time CSR) is count /
 * instructions_per_tick plus an offset that the caller moves.
 *
 * Memory is always coherent, also for instructions and page tables: whatever is written (by the
 * guest, or by the caller, who says so with vm_cpu_ram_written) is what the next instruction is
 * fetched from and translated by. So fence.i and sfence.vma have nothing to do, decoded blocks
 * and translations kept are never visible, and a hart that was saved and loaded goes on as the
 * one that was not. Accessed and dirty bits are set by the hart. A misaligned access to RAM
 * works, but for atomics.
 *
 * A reservation (lr) is of one physical address; sc, and vm_cpu_ram_written over it, end it.
 *
 * What is rounded where the host cannot is computed in software; results and flags are the same on
 * every host. A run sets the host's floating point environment to its default and puts it back.
 *
 * Not for two threads at once. Nothing here blocks, logs or allocates but vm_cpu_new and
 * vm_cpu_written_begin.
 */
#ifndef VM_CPU_CPU_H
#define VM_CPU_CPU_H

#include <groundwork/base.h>

struct vm_cpu;

enum {
	VM_PAGE_BYTES = 4096,
	VM_REGISTERS = 32,
	VM_BLOCK_INSTRUCTIONS_MAX = 64,
};

/* What a run of 64-bit physical addresses outside of RAM is. */
struct vm_bus {
	/*
	 * size is 1, 2, 4 or 8 and divides address. 0, or negative for an access fault; *value is
	 * zero-extended. They may call vm_cpu_count, vm_cpu_time, vm_cpu_set_lines,
	 * vm_cpu_ram_written and vm_cpu_stop; the count is that of instructions before this one.
	 * Instructions are never fetched from here, and atomics fault.
	 */
	int (*read)(void *device, uint64_t address, unsigned size, uint64_t *value);
	int (*write)(void *device, uint64_t address, unsigned size, uint64_t value);
};

struct vm_cpu_setup {
	uint8_t *ram;       /* the caller's, page-aligned, for as long as the hart lives */
	uint64_t ram_base;  /* both multiples of 4096 */
	uint64_t ram_size;
	const struct vm_bus *bus; /* NULL: nothing is outside of RAM */
	void *device;
	uint64_t hart_id;
	uint64_t instructions_per_tick; /* 0: 100 */
	bool ecall_stops; /* ecall of S-mode ends the run: the caller answers it (SBI) */
	/* To prove that they are not seen; 0: as much as there is. */
	unsigned block_instructions_max;
	unsigned translations_max; /* a table */
	size_t blocks_max;
};

/* GW_E_INVALID, GW_E_NO_MEMORY. The hart is as after reset: machine mode, pc 0. */
int vm_cpu_new(struct vm_cpu **cpu, const struct vm_cpu_setup *setup, struct gw_error *error)
	GW_MUST_CHECK;
void vm_cpu_free(struct vm_cpu *cpu);
/* All but the count and the offset of the time is as after vm_cpu_new. */
void vm_cpu_reset(struct vm_cpu *cpu);

/* ---- Running --------------------------------------------------------------------------------- */

enum vm_stop {
	VM_STOP_COUNT = 1, /* the count was reached */
	VM_STOP_WAIT,      /* wfi, and no enabled interrupt is pending; so again until one is */
	VM_STOP_ECALL,     /* ecall_stops: pc is behind the ecall, arguments are in x10 to x17 */
	VM_STOP_ASKED,     /* vm_cpu_stop was called while the run lasted */
	VM_STOP_HIT,       /* vm_cpu_set_stops: vm_cpu_hit tells which */
};

/* Runs until the count is `until`, or ends before that. An interrupt that is pending and enabled is
 * taken before the next instruction of this or the next run. */
enum vm_stop vm_cpu_run(struct vm_cpu *cpu, uint64_t until) GW_MUST_CHECK;
/* From within the bus: the run ends behind the instruction that is being executed. */
void vm_cpu_stop(struct vm_cpu *cpu);

uint64_t vm_cpu_count(const struct vm_cpu *cpu);
uint64_t vm_cpu_time(const struct vm_cpu *cpu);
void vm_cpu_set_time_offset(struct vm_cpu *cpu, uint64_t ticks);
uint64_t vm_cpu_time_offset(const struct vm_cpu *cpu);
/* The first count, from now on, at which the time is at least `time`; UINT64_MAX: never. */
uint64_t vm_cpu_count_at(const struct vm_cpu *cpu, uint64_t time);

/* ---- What comes from outside ----------------------------------------------------------------- */

/* Interrupts, as bits of mip. */
enum vm_line {
	VM_LINE_SUPERVISOR_SOFTWARE = 1 << 1,
	VM_LINE_MACHINE_SOFTWARE = 1 << 3,
	VM_LINE_SUPERVISOR_TIMER = 1 << 5,
	VM_LINE_MACHINE_TIMER = 1 << 7,
	VM_LINE_SUPERVISOR_EXTERNAL = 1 << 9,
	VM_LINE_MACHINE_EXTERNAL = 1 << 11,
};

/* Sets or clears lines. What the guest itself wrote to mip is apart: a bit of mip is set when
 * either is. */
void vm_cpu_set_lines(struct vm_cpu *cpu, uint64_t lines, bool on);
uint64_t vm_cpu_lines(const struct vm_cpu *cpu);
/* To be called after the caller wrote to RAM while the hart exists. */
void vm_cpu_ram_written(struct vm_cpu *cpu, uint64_t address, uint64_t size);

/* ---- Pages written --------------------------------------------------------------------------- */

/*
 * Which pages of RAM were written, by the guest or by the caller, since it was asked for last: for
 * hashes, snapshots and copies that do not look at all of RAM. _begin starts it (again); every page
 * counts as not written then. It costs nothing but two slower stores for each page written.
 */
int vm_cpu_written_begin(struct vm_cpu *cpu, struct gw_error *error) GW_MUST_CHECK;
/* The numbers of the pages, in no order, each once; they are the hart's until the next call. */
const uint32_t *vm_cpu_written(const struct vm_cpu *cpu, size_t *count);
/* They count as not written again. */
void vm_cpu_written_forget(struct vm_cpu *cpu);

/* ---- For a debugger -------------------------------------------------------------------------- */

enum { VM_STOPS_MAX = 64 };

/* Bytes at addresses as the guest's loads and stores have them. */
struct vm_watch {
	uint64_t address, size;
	unsigned access; /* 1: loads, 2: stores (and atomics), 3: both */
};

enum vm_hit_kind { VM_HIT_BREAK = 1, VM_HIT_READ, VM_HIT_WRITE };

struct vm_hit {
	enum vm_hit_kind kind;
	uint64_t address; /* of the break or the watch */
};

/*
 * A run ends before the instruction at one of these addresses, and before one that touches a
 * watched byte; nothing of it has happened then. The next run from the same count goes on. They
 * replace those of before; the guest sees nothing of them. GW_E_TOO_LARGE, GW_E_NO_MEMORY.
 */
int vm_cpu_set_stops(struct vm_cpu *cpu, const uint64_t *breaks, size_t break_count,
		     const struct vm_watch *watches, size_t watch_count, struct gw_error *error)
	GW_MUST_CHECK;
/* The instruction at the present count is not stopped at. */
void vm_cpu_pass_stop(struct vm_cpu *cpu);
/* After VM_STOP_HIT. */
struct vm_hit vm_cpu_hit(const struct vm_cpu *cpu);
/* Where an address is, whoever may use it in whichever mode; false: nowhere. */
bool vm_cpu_find(const struct vm_cpu *cpu, uint64_t address, uint64_t *physical);

/* ---- State ----------------------------------------------------------------------------------- */

enum vm_mode { VM_MODE_USER = 0, VM_MODE_SUPERVISOR = 1, VM_MODE_MACHINE = 3 };

uint64_t vm_cpu_x(const struct vm_cpu *cpu, unsigned number);
void vm_cpu_set_x(struct vm_cpu *cpu, unsigned number, uint64_t value); /* x0 stays 0 */
uint64_t vm_cpu_f(const struct vm_cpu *cpu, unsigned number);
void vm_cpu_set_f(struct vm_cpu *cpu, unsigned number, uint64_t value);
uint64_t vm_cpu_pc(const struct vm_cpu *cpu);
void vm_cpu_set_pc(struct vm_cpu *cpu, uint64_t pc); /* even; ends waiting */
enum vm_mode vm_cpu_mode(const struct vm_cpu *cpu);
void vm_cpu_set_mode(struct vm_cpu *cpu, enum vm_mode mode);
/* A CSR as machine mode sees it; false: there is none, or (writing) it is read-only. */
bool vm_cpu_csr(const struct vm_cpu *cpu, unsigned number, uint64_t *value);
bool vm_cpu_set_csr(struct vm_cpu *cpu, unsigned number, uint64_t value);

/*
 * The state as bytes, little-endian: 8 bytes magic and version (VM_CPU_STATE_VERSION in the
 * last), then every field of the table in save.c as 8 bytes each, then the CRC-32C of all that in
 * 4. RAM is not in it; load puts the state into a hart whose RAM is what it was.
 */
enum { VM_CPU_STATE_VERSION = 1, VM_CPU_STATE_BYTES = 1036 };

void vm_cpu_save(const struct vm_cpu *cpu, uint8_t out[VM_CPU_STATE_BYTES]);
/* GW_E_CORRUPT, GW_E_VERSION; the hart is then as before. */
int vm_cpu_load(struct vm_cpu *cpu, struct gw_bytes in, struct gw_error *error) GW_MUST_CHECK;
/* A hash of what vm_cpu_save writes: equal states have equal ones. */
uint64_t vm_cpu_hash(const struct vm_cpu *cpu);

#endif
