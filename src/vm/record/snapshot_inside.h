/* SPDX-License-Identifier: Apache-2.0 */
/*
 * snapshot_inside.h - the chunks of a snapshot, for who writes and who reads them.
 */
#ifndef VM_RECORD_SNAPSHOT_INSIDE_H
#define VM_RECORD_SNAPSHOT_INSIDE_H

#include "snapshot.h"

#define VM_SNAPSHOT_MAGIC "gwvmsnp"

enum vm_snapshot_chunk {
	VM_SNAPSHOT_START = 1,
	VM_SNAPSHOT_MACHINE,
	VM_SNAPSHOT_READ,
	VM_SNAPSHOT_PAGE,
	VM_SNAPSHOT_SECTOR,
	VM_SNAPSHOT_END,
};

enum {
	VM_SNAPSHOT_MAGIC_BYTES = 8,
	VM_SNAPSHOT_PREFIX_BYTES = 8,
	VM_SNAPSHOT_SUM_BYTES = 4,
	VM_SNAPSHOT_START_BYTES = VM_SEED_BYTES + 8 * 8,
};

#endif
