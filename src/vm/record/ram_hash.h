/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ram_hash.h - a hash of all of RAM, kept up to date by the pages that were written: a number for
 * each page from its place and its bytes (0 if they are all zero), and the sum of those.
 */
#ifndef VM_RECORD_RAM_HASH_H
#define VM_RECORD_RAM_HASH_H

#include "page_set.h"

#include "vm/cpu/cpu.h"

struct vm_ram_hash {
	struct vm_cpu *cpu;
	const uint8_t *ram;
	uint64_t page_count;
	uint64_t *pages; /* what each adds */
	uint64_t sum;
	struct vm_page_set *changed; /* the caller's; NULL: nobody wants to know */
};

/* Looks at all of RAM, and takes the hart's list of pages written for itself. */
int vm_ram_hash_start(struct vm_ram_hash *hash, struct vm_cpu *cpu, const uint8_t *ram,
		      uint64_t size, struct gw_error *error) GW_MUST_CHECK;
void vm_ram_hash_done(struct vm_ram_hash *hash);
/* Looks at what was written since, and adds it to `changed`. */
uint64_t vm_ram_hash_now(struct vm_ram_hash *hash);
/* Looks at a page that the caller wrote, without a word to the hart. */
void vm_ram_hash_look(struct vm_ram_hash *hash, uint64_t number);

bool vm_ram_page_is_zero(const uint8_t *page);

#endif
