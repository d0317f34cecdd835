/* SPDX-License-Identifier: Apache-2.0 */
/*
 * block.h - a disk, as the machine sees it: a file, a file under an overlay, or a file in the file
 * system. Requests are only begun; each is answered later, in any order, when it is asked for
 * answers. Those that touch the same bytes are carried out in the order they were begun. flush
 * makes durable what was answered before flush was begun.
 *
 * The bytes of a disk are `size`, a multiple of VM_BLOCK_SECTOR; offsets and sizes are, too, and
 * are within it (the device has seen to that). At most VM_BLOCK_REQUESTS_MAX requests and
 * VM_BLOCK_BYTES_MAX bytes of them are begun and not answered. No call waits for the disk.
 */
#ifndef VM_DEVICE_BLOCK_H
#define VM_DEVICE_BLOCK_H

#include <groundwork/base.h>

enum {
	VM_BLOCK_SECTOR = 512,
	VM_BLOCK_REQUESTS_MAX = 64,
	VM_BLOCK_REQUEST_BYTES_MAX = 4 << 20, /* of a read or write */
	VM_BLOCK_CLEAR_BYTES_MAX = 64 << 20,  /* of a discard or of zeroes */
	VM_BLOCK_BYTES_MAX = 16 << 20,        /* of all reads and writes that are not answered */
};

enum vm_block_operation {
	VM_BLOCK_READ = 1,
	VM_BLOCK_WRITE,
	VM_BLOCK_FLUSH,
	VM_BLOCK_DISCARD, /* what is read from there afterwards is zero, here */
	VM_BLOCK_ZEROES,
};

struct vm_block_request {
	uint64_t id; /* never used twice */
	enum vm_block_operation operation;
	uint64_t offset; /* bytes; 0 for flush */
	uint64_t size;
	/* Of a write: its bytes in pieces, in the guest's memory, for the time of the call only. */
	const struct gw_bytes *pieces;
	size_t piece_count;
};

struct vm_block_answer {
	uint64_t id;
	int status; /* 0, or negative: GW_E_IO, GW_E_NO_SPACE, ... */
	struct gw_bytes data; /* of a read that succeeded: all of it; valid until the next call */
};

struct vm_block;

struct vm_block_kind {
	void (*read)(struct vm_block *block, uint64_t id, uint64_t offset, uint64_t size);
	void (*write)(struct vm_block *block, uint64_t id, uint64_t offset,
		      const struct gw_bytes *pieces, size_t piece_count);
	void (*flush)(struct vm_block *block, uint64_t id);
	/* zeroes: must read as zero afterwards, and the space stays reserved where it can. */
	void (*discard)(struct vm_block *block, uint64_t id, uint64_t offset, uint64_t size,
			bool zeroes);
	/* The next answer; false: there is none yet. */
	bool (*take)(struct vm_block *block, struct vm_block_answer *answer);
	/* To be polled: readable while take has one. -1: take is to be asked from time to time. */
	int (*descriptor)(struct vm_block *block);
	void (*free)(struct vm_block *block); /* ends what was begun */
};

struct vm_block {
	const struct vm_block_kind *kind;
	uint64_t size;
	bool read_only;
};

/* Begins the request that a device asked for. */
void vm_block_begin(struct vm_block *block, const struct vm_block_request *request);

#endif
