/* SPDX-License-Identifier: Apache-2.0 */
/*
 * memory.h - addresses: Sv39 and PMP, the translations kept, and every access that is not the plain
 * one the interpreter does itself. Functions that return false have raised an exception.
 */
#ifndef VM_CPU_MEMORY_H
#define VM_CPU_MEMORY_H

#include "state.h"

enum vm_access { VM_ACCESS_READ = 1, VM_ACCESS_WRITE = 2, VM_ACCESS_FETCH = 4 };

/* Offset of a physical address in RAM, and whether all of size is in it. */
static inline bool vm_in_ram(const struct vm_cpu *cpu, uint64_t physical, uint64_t size,
			     uint64_t *offset)
{
	*offset = physical - cpu->setup.ram_base;
	return *offset < cpu->setup.ram_size && size <= cpu->setup.ram_size - *offset;
}

/* Where pc is in RAM; through the fetches kept. */
bool vm_fetch_page(struct vm_cpu *cpu, uint64_t pc, uint64_t *offset);

/* Any load or store of 1, 2, 4 or 8 bytes at any address. */
bool vm_load_slow(struct vm_cpu *cpu, uint64_t address, unsigned size, uint64_t *value);
bool vm_store_slow(struct vm_cpu *cpu, uint64_t address, unsigned size, uint64_t value);
/* For lr, sc and amo: aligned and in RAM, or an exception. access: WRITE for all but lr. */
bool vm_atomic_address(struct vm_cpu *cpu, uint64_t address, unsigned size, enum vm_access access,
		       uint64_t *offset);
/* Writes to RAM what is aligned, with all that hangs on it. */
void vm_ram_store(struct vm_cpu *cpu, uint64_t offset, unsigned size, uint64_t value);
uint64_t vm_ram_load(const struct vm_cpu *cpu, uint64_t offset, unsigned size);

/* Before a page that is marked VM_MARK_CLEAN is written. */
void vm_note_written(struct vm_cpu *cpu, uint64_t page);
/* Before bytes of RAM are changed: whatever was made from them is forgotten. */
void vm_ram_changes(struct vm_cpu *cpu, uint64_t offset, uint64_t size);
/* Marks a page; no translation leads there for writing any more. */
void vm_mark_page(struct vm_cpu *cpu, uint64_t page, unsigned mark);
/* All translations are forgotten, and so is what page tables there are. */
void vm_forget_translations(struct vm_cpu *cpu);
void vm_view_clear(struct vm_view *view);

/* pmp.c: whether PMP allows an access to the (4 KiB) page of a physical address. */
bool vm_pmp_allows(const struct vm_cpu *cpu, uint64_t physical, enum vm_access access,
		   uint64_t mode);

#endif
