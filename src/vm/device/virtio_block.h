/* SPDX-License-Identifier: Apache-2.0 */
/*
 * virtio_block.h - a disk as the guest sees it (virtio 1.1 section 5.2): read, write, flush,
 * discard, write zeroes, get id.
 *
 * A request is passed on through the setup's callback and answered by vm_virtio_block_complete; the
 * guest's memory is written only there. A request that touches the same bytes as one that is not
 * answered yet waits for it, where one of both changes them; so does all that is behind it in the
 * queue. So one order of requests that overlap follows from the count of each answer.
 */
#ifndef VM_DEVICE_VIRTIO_BLOCK_H
#define VM_DEVICE_VIRTIO_BLOCK_H

#include "block.h"
#include "device.h"

enum { VM_VIRTIO_BLOCK_ID_BYTES = 20 };

struct vm_virtio_block_setup {
	struct vm_ram ram;
	struct vm_wire wire;
	uint64_t size; /* bytes, a multiple of VM_BLOCK_SECTOR */
	bool read_only;
	char id[VM_VIRTIO_BLOCK_ID_BYTES]; /* what the guest sees as serial number; padded by 0 */
	void (*request)(void *context, const struct vm_block_request *request);
	void *context;
};

struct vm_virtio_block;

int vm_virtio_block_new(struct vm_virtio_block **block, const struct vm_virtio_block_setup *setup,
			struct gw_error *error) GW_MUST_CHECK;
void vm_virtio_block_free(struct vm_virtio_block *block);
struct vm_device vm_virtio_block_device(struct vm_virtio_block *block);

/*
 * The answer to request `id`: status 0 or negative, and for a read that succeeded its bytes. False:
 * there is no such request, or the bytes are not as many as were asked for; nothing happens then. A
 * request that the guest forgot by a reset of the device is to be answered, too.
 */
bool vm_virtio_block_complete(struct vm_virtio_block *block, uint64_t id, int status,
			      struct gw_bytes data);
/* The requests that are not answered. */
size_t vm_virtio_block_pending(const struct vm_virtio_block *block);
/*
 * Passes all requests that are not answered on again, in their order: after the state was loaded by
 * one who goes on by himself, where nobody else will answer. Those the guest forgot are dropped.
 */
void vm_virtio_block_again(struct vm_virtio_block *block);

#endif
