/* SPDX-License-Identifier: Apache-2.0 */
/*
 * device_tree.h - the device tree: what a kernel is told of the machine. It is the same bytes
 * for the same description.
 */
#ifndef VM_MACHINE_DEVICE_TREE_H
#define VM_MACHINE_DEVICE_TREE_H

#include "vm/machine/map.h"

#include <groundwork/base.h>

enum {
	VM_TREE_BYTES_MAX = 16 << 10,
	VM_APPEND_BYTES_MAX = 1023, /* what Linux takes of a command line */
	VM_SEED_BYTES = 64,
};

struct vm_tree {
	uint64_t ram_size;
	const char *append;                   /* the kernel's command line */
	uint64_t initrd, initrd_end;          /* physical; equal: there is none */
	const uint8_t *seed;                  /* VM_SEED_BYTES of entropy for the kernel, or NULL */
	bool virtio[VM_VIRTIO_PLACES];        /* which are there */
};

/* Writes the tree to out; *size is its length. GW_E_TOO_LARGE: append is too long. */
int vm_tree_make(const struct vm_tree *tree, uint8_t out[VM_TREE_BYTES_MAX], size_t *size,
		 struct gw_error *error) GW_MUST_CHECK;

#endif
