/* SPDX-License-Identifier: Apache-2.0 */
/*
 * walk.c - the algorithm of section 4.3.2 of the privileged specification, for Sv39.
 */
#include "walk.h"

#include "base/little_endian.h"

#include <assert.h>

/* Bits that must be 0: no extension that uses them is here. */
#define RESERVED_BITS (UINT64_C(0x3ff) << 54)
#define NUMBER_MASK ((UINT64_C(1) << 44) - 1)

enum { INDEX_BITS = 9, PAGE_BITS = 12, ENTRY_BYTES = 8, VIRTUAL_BITS = 39 };

static bool canonical(uint64_t address)
{
	return (uint64_t)((int64_t)(address << (64 - VIRTUAL_BITS)) >> (64 - VIRTUAL_BITS)) ==
	       address;
}

/* What a leaf allows in a mode, accessed and dirty bits apart. */
static unsigned leaf_allows(const struct vm_cpu *cpu, uint64_t entry, uint64_t mode)
{
	unsigned allows = 0;

	if (entry & VM_ENTRY_R || (entry & VM_ENTRY_X && cpu->mstatus & VM_STATUS_MXR))
		allows |= VM_ACCESS_READ;
	if (entry & VM_ENTRY_W)
		allows |= VM_ACCESS_WRITE;
	if (entry & VM_ENTRY_X)
		allows |= VM_ACCESS_FETCH;
	if (mode == VM_MODE_USER)
		return entry & VM_ENTRY_U ? allows : 0;
	if (entry & VM_ENTRY_U)
		allows &= cpu->mstatus & VM_STATUS_SUM ? VM_ACCESS_READ | VM_ACCESS_WRITE : 0;
	return allows;
}

static enum vm_walk_end leaf(const struct vm_cpu *cpu, uint64_t address, enum vm_access access,
			     uint64_t mode, unsigned level, struct vm_walk *walk)
{
	uint64_t below = (UINT64_C(1) << (PAGE_BITS + INDEX_BITS * level)) - 1;
	uint64_t base = ((walk->entry >> 10) & NUMBER_MASK) << PAGE_BITS;
	unsigned allows = leaf_allows(cpu, walk->entry, mode);

	if (!(allows & access) || base & below)
		return VM_WALK_PAGE_FAULT;
	walk->physical = base | (address & below);
	walk->rights = allows;
	if (!(walk->entry & VM_ENTRY_D))
		walk->rights &= ~(unsigned)VM_ACCESS_WRITE;
	if (!(walk->entry & VM_ENTRY_A))
		walk->rights = 0;
	return VM_WALK_FOUND;
}

enum vm_walk_end vm_walk(const struct vm_cpu *cpu, uint64_t address, enum vm_access access,
			 uint64_t mode, struct vm_walk *walk)
{
	uint64_t table = (cpu->satp & NUMBER_MASK) << PAGE_BITS;

	*walk = (struct vm_walk){.physical = address,
				 .rights = VM_ACCESS_READ | VM_ACCESS_WRITE | VM_ACCESS_FETCH};
	if (mode == VM_MODE_MACHINE || cpu->satp >> 60 == 0)
		return VM_WALK_FOUND;
	assert(cpu->satp >> 60 == VM_SATP_SV39);
	if (!canonical(address))
		return VM_WALK_PAGE_FAULT;
	for (int level = VM_WALK_LEVELS - 1; level >= 0; level--) {
		uint64_t index = (address >> (PAGE_BITS + INDEX_BITS * level)) & 0x1ff;
		uint64_t at = table + index * ENTRY_BYTES;

		if (!vm_in_ram(cpu, at, ENTRY_BYTES, &walk->entry_offset) ||
		    !vm_pmp_allows(cpu, at, VM_ACCESS_READ, VM_MODE_SUPERVISOR))
			return VM_WALK_ACCESS_FAULT;
		walk->entry = base_load64(cpu->setup.ram + walk->entry_offset);
		walk->table_pages[walk->tables++] = walk->entry_offset / VM_PAGE_BYTES;
		if (!(walk->entry & VM_ENTRY_V) || walk->entry & RESERVED_BITS ||
		    (walk->entry & (VM_ENTRY_R | VM_ENTRY_W)) == VM_ENTRY_W)
			return VM_WALK_PAGE_FAULT;
		if (walk->entry & (VM_ENTRY_R | VM_ENTRY_X))
			return leaf(cpu, address, access, mode, (unsigned)level, walk);
		if (walk->entry & (VM_ENTRY_A | VM_ENTRY_D | VM_ENTRY_U))
			return VM_WALK_PAGE_FAULT;
		table = ((walk->entry >> 10) & NUMBER_MASK) << PAGE_BITS;
	}
	return VM_WALK_PAGE_FAULT; /* the last level may not point on */
}
