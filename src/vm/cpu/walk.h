/* SPDX-License-Identifier: Apache-2.0 */
/*
 * walk.h - Sv39: from an address to its page table entry. Changes nothing.
 */
#ifndef VM_CPU_WALK_H
#define VM_CPU_WALK_H

#include "memory.h"

enum { VM_WALK_LEVELS = 3 };

#define VM_ENTRY_V (UINT64_C(1) << 0)
#define VM_ENTRY_R (UINT64_C(1) << 1)
#define VM_ENTRY_W (UINT64_C(1) << 2)
#define VM_ENTRY_X (UINT64_C(1) << 3)
#define VM_ENTRY_U (UINT64_C(1) << 4)
#define VM_ENTRY_A (UINT64_C(1) << 6)
#define VM_ENTRY_D (UINT64_C(1) << 7)

enum vm_walk_end {
	VM_WALK_FOUND,
	VM_WALK_PAGE_FAULT,   /* the tables do not allow it */
	VM_WALK_ACCESS_FAULT, /* a table is not where it may be read */
};

struct vm_walk {
	uint64_t physical;
	uint64_t entry;        /* the leaf; 0 if there is no translation in this mode */
	uint64_t entry_offset; /* of it in RAM */
	/* Accesses that need no further change of the leaf, PMP apart. */
	unsigned rights;
	unsigned tables;
	uint64_t table_pages[VM_WALK_LEVELS]; /* of RAM, that were read */
};

enum vm_walk_end vm_walk(const struct vm_cpu *cpu, uint64_t address, enum vm_access access,
			 uint64_t mode, struct vm_walk *walk);

#endif
