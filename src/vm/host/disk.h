/* SPDX-License-Identifier: Apache-2.0 */
/*
 * disk.h - a disk that is a raw or sparse file, or a block device: struct vm_block on a thread of
 * its own, which carries out requests one behind the other. A file is locked, so that two machines
 * do not write to it. Discarded space is given back where the file system can.
 */
#ifndef VM_HOST_DISK_H
#define VM_HOST_DISK_H

#include "vm/device/block.h"

/* GW_E_BUSY: another has it. A last piece of less than a sector is not there for the guest. */
int vm_disk_open(struct vm_block **block, const char *path, bool read_only, struct gw_error *error)
	GW_MUST_CHECK;
void vm_disk_close(struct vm_block *block); /* NULL is fine */

#endif
