/* SPDX-License-Identifier: Apache-2.0 */
/* block.c - a request to a disk, begun by the call that fits it. */
#include "block.h"

#include <assert.h>

void vm_block_begin(struct vm_block *block, const struct vm_block_request *request)
{
	uint64_t offset = request->offset, size = request->size;

	assert(offset % VM_BLOCK_SECTOR == 0 && size % VM_BLOCK_SECTOR == 0);
	assert(offset <= block->size && size <= block->size - offset);
	switch (request->operation) {
	case VM_BLOCK_READ:
		block->kind->read(block, request->id, offset, size);
		break;
	case VM_BLOCK_WRITE:
		block->kind->write(block, request->id, offset, request->pieces,
				   request->piece_count);
		break;
	case VM_BLOCK_FLUSH:
		block->kind->flush(block, request->id);
		break;
	case VM_BLOCK_DISCARD:
	case VM_BLOCK_ZEROES:
		block->kind->discard(block, request->id, offset, size,
				     request->operation == VM_BLOCK_ZEROES);
		break;
	}
}
