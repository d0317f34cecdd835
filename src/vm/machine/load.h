/* SPDX-License-Identifier: Apache-2.0 */
/*
 * load.h - what is in RAM before the first instruction, and where that one is. Files come from
 * anywhere, so nothing in them is believed.
 *
 *     RAM               firmware, when there is one (flat, or ELF at its addresses)
 *     RAM + 2 MiB       the kernel: a Linux Image, or at its addresses an ELF file
 *     ...
 *     below the tree    initrd, on a page
 *     end of RAM        device tree with room behind it, and what OpenSBI's fw_dynamic is told
 */
#ifndef VM_MACHINE_LOAD_H
#define VM_MACHINE_LOAD_H

#include "vm/cpu/cpu.h"
#include "vm/machine/device_tree.h"

struct vm_file {
	const char *name; /* in errors */
	struct gw_bytes bytes;
};

struct vm_load {
	struct vm_file kernel;
	struct vm_file initrd;   /* no bytes: there is none */
	struct vm_file firmware; /* the same; else it runs in machine mode and starts the kernel */
	bool bare;               /* the kernel is a program in machine mode; flat: at RAM's start */
	/* Its ram_size and initrd are filled in. */
	struct vm_tree tree;
};

/* How the hart starts: a0 is its number, a1 the tree, a2 what fw_dynamic is told. */
struct vm_start {
	uint64_t pc;
	enum vm_mode mode;
	uint64_t tree, told;
};

/* ram is zero all over. GW_E_INVALID (no kernel, not one for this machine), GW_E_CORRUPT,
 * GW_E_TOO_LARGE, each with a sentence that names the file. */
int vm_load(const struct vm_load *load, uint8_t *ram, uint64_t ram_size, struct vm_start *start,
	    struct gw_error *error) GW_MUST_CHECK;

#endif
