/* SPDX-License-Identifier: Apache-2.0 */
/*
 * virtio_block.c - a disk as the guest sees it.
 *
 * A request that was passed on is a slot: which chain, and what was asked. Its answer walks the
 * chain again, so nothing of the guest's memory is kept, and saved state is small.
 */
#include "virtio_block.h"

#include "virtio.h"

#include "base/little_endian.h"

#include <assert.h>
#include <stdlib.h>

enum {
	DEVICE_ID = 2,
	QUEUE = 0,
	QUEUE_SIZE = 128,

	SIZE_MAX_F = 1, /* bits of features */
	SEG_MAX_F = 2,
	RO_F = 5,
	BLK_SIZE_F = 6,
	FLUSH_F = 9,
	DISCARD_F = 13,
	WRITE_ZEROES_F = 14,

	TYPE_IN = 0,
	TYPE_OUT = 1,
	TYPE_FLUSH = 4,
	TYPE_GET_ID = 8,
	TYPE_DISCARD = 11,
	TYPE_WRITE_ZEROES = 13,

	STATUS_OK = 0,
	STATUS_IOERR = 1,
	STATUS_UNSUPP = 2,

	HEAD_BYTES = 16,  /* type 4, reserved 4, sector 8 */
	RANGE_BYTES = 16, /* of discard and zeroes: sector 8, sectors 4, flags 4 */
	RANGE_UNMAP = 1,

	SEGMENTS_MAX = QUEUE_SIZE - 2,
	SEGMENT_BYTES_MAX = VM_BLOCK_REQUEST_BYTES_MAX / QUEUE_SIZE,
	CONFIG_BYTES = 60,
};

struct slot {
	bool used;
	bool forgotten; /* the guest reset the device since */
	uint16_t head;
	uint8_t operation;
	uint64_t id;
	uint64_t offset;
	uint64_t size;
};

struct vm_virtio_block {
	struct vm_virtio virtio; /* first: the device is its transport, too */
	struct vm_virtio_block_setup setup;
	uint64_t next_id;
	struct slot slots[VM_BLOCK_REQUESTS_MAX];
};

/* ---- What is in flight ----------------------------------------------------------------------- */

static bool changes(uint8_t operation)
{
	return operation != VM_BLOCK_READ && operation != VM_BLOCK_FLUSH;
}

static bool carries(uint8_t operation)
{
	return operation == VM_BLOCK_READ || operation == VM_BLOCK_WRITE;
}

static bool overlap(const struct slot *a, const struct slot *b)
{
	if (!changes(a->operation) && !changes(b->operation))
		return false;
	return a->offset < b->offset ? b->offset - a->offset < a->size
				     : a->offset - b->offset < b->size;
}

/* A free slot for a request; NULL: it has to wait. */
static struct slot *slot_for(struct vm_virtio_block *block, const struct slot *request)
{
	uint64_t bytes = carries(request->operation) ? request->size : 0;
	struct slot *free_slot = NULL;

	for (size_t at = 0; at < VM_BLOCK_REQUESTS_MAX; at++) {
		struct slot *slot = &block->slots[at];

		if (slot->used && overlap(slot, request))
			return NULL;
		if (slot->used && carries(slot->operation))
			bytes += slot->size;
		if (!slot->used && !free_slot)
			free_slot = slot;
	}
	return bytes <= VM_BLOCK_BYTES_MAX ? free_slot : NULL;
}

static struct slot *slot_of(struct vm_virtio_block *block, uint64_t id)
{
	for (size_t at = 0; at < VM_BLOCK_REQUESTS_MAX; at++) {
		if (block->slots[at].used && block->slots[at].id == id)
			return &block->slots[at];
	}
	return NULL;
}

size_t vm_virtio_block_pending(const struct vm_virtio_block *block)
{
	size_t count = 0;

	for (size_t at = 0; at < VM_BLOCK_REQUESTS_MAX; at++)
		count += block->slots[at].used;
	return count;
}

/* ---- Requests of the guest ------------------------------------------------------------------- */

/* Whether sectors are on the disk, and what that is in bytes. */
static bool place(const struct vm_virtio_block *block, uint64_t sector, uint64_t size,
		  struct slot *request)
{
	uint64_t sectors = block->setup.size / VM_BLOCK_SECTOR;

	if (size == 0 || size % VM_BLOCK_SECTOR || sector > sectors ||
	    size / VM_BLOCK_SECTOR > sectors - sector)
		return false;
	request->offset = sector * VM_BLOCK_SECTOR;
	request->size = size;
	return true;
}

/* Discard and zeroes name one range. STATUS_OK: the request says where. */
static uint8_t read_range(const struct vm_virtio_block *block, const struct vm_chain *chain,
			  struct slot *request)
{
	uint8_t range[RANGE_BYTES];
	uint64_t size;
	uint32_t flags, allowed = request->operation == VM_BLOCK_ZEROES ? RANGE_UNMAP : 0;

	if (chain->readable_bytes != HEAD_BYTES + RANGE_BYTES)
		return STATUS_IOERR;
	vm_chain_read(&block->virtio, chain, HEAD_BYTES, range, sizeof(range));
	size = (uint64_t)base_load32(range + 8) * VM_BLOCK_SECTOR;
	flags = base_load32(range + 12);
	if (flags & ~allowed)
		return STATUS_UNSUPP;
	if (block->setup.read_only || size > VM_BLOCK_CLEAR_BYTES_MAX ||
	    !place(block, base_load64(range), size, request))
		return STATUS_IOERR;
	return STATUS_OK;
}

static uint8_t read_transfer(const struct vm_virtio_block *block, const struct vm_chain *chain,
			     uint64_t sector, struct slot *request)
{
	bool write = request->operation == VM_BLOCK_WRITE;
	uint64_t size = write ? chain->readable_bytes - HEAD_BYTES : chain->writable_bytes - 1;

	if ((write && block->setup.read_only) || size > VM_BLOCK_REQUEST_BYTES_MAX ||
	    !place(block, sector, size, request))
		return STATUS_IOERR;
	return STATUS_OK;
}

/* What a chain asks for; STATUS_OK: the request is to be passed on. */
static uint8_t read_request(const struct vm_virtio_block *block, const struct vm_chain *chain,
			    const uint8_t head[HEAD_BYTES], struct slot *request)
{
	*request = (struct slot){.used = true, .head = chain->head};
	switch (base_load32(head)) {
	case TYPE_IN:
		request->operation = VM_BLOCK_READ;
		return read_transfer(block, chain, base_load64(head + 8), request);
	case TYPE_OUT:
		request->operation = VM_BLOCK_WRITE;
		return read_transfer(block, chain, base_load64(head + 8), request);
	case TYPE_FLUSH:
		request->operation = VM_BLOCK_FLUSH;
		return STATUS_OK;
	case TYPE_DISCARD:
		request->operation = VM_BLOCK_DISCARD;
		return read_range(block, chain, request);
	case TYPE_WRITE_ZEROES:
		request->operation = VM_BLOCK_ZEROES;
		return read_range(block, chain, request);
	default:
		return STATUS_UNSUPP;
	}
}

/* The last byte that the device writes is the status. */
static void give(struct vm_virtio_block *block, const struct vm_chain *chain, uint8_t status,
		 struct gw_bytes data)
{
	struct vm_virtio *virtio = &block->virtio;

	assert(data.size < chain->writable_bytes);
	vm_chain_write(virtio, chain, 0, data.data, data.size);
	vm_chain_write(virtio, chain, chain->writable_bytes - 1, &status, 1);
	vm_queue_give(virtio, QUEUE, chain->head,
		      data.size + 1 == chain->writable_bytes ? (uint32_t)data.size + 1 : 1);
}

static void give_id(struct vm_virtio_block *block, const struct vm_chain *chain)
{
	uint64_t size = chain->writable_bytes - 1;

	if (size > VM_VIRTIO_BLOCK_ID_BYTES)
		size = VM_VIRTIO_BLOCK_ID_BYTES;
	give(block, chain, STATUS_OK, (struct gw_bytes){block->setup.id, (size_t)size});
}

static void pass_on(struct vm_virtio_block *block, const struct slot *slot,
		    const struct vm_chain *chain)
{
	struct gw_bytes pieces[VM_QUEUE_SIZE_MAX];
	struct vm_block_request request = {
		.id = slot->id,
		.operation = (enum vm_block_operation)slot->operation,
		.offset = slot->offset,
		.size = slot->size,
	};

	if (request.operation == VM_BLOCK_WRITE) {
		request.pieces = pieces;
		request.piece_count = vm_chain_pieces(&block->virtio, chain, HEAD_BYTES, pieces);
	}
	block->setup.request(block->setup.context, &request);
}

/* Takes one chain; false: it stays where it is, or the device is broken. */
static bool advance_one(struct vm_virtio_block *block, const struct vm_chain *chain)
{
	struct vm_virtio *virtio = &block->virtio;
	uint8_t head[HEAD_BYTES], status;
	struct slot request, *slot;

	if (chain->readable_bytes < HEAD_BYTES || chain->writable_bytes == 0) {
		vm_virtio_break(virtio);
		return false;
	}
	vm_chain_read(virtio, chain, 0, head, sizeof(head));
	if (base_load32(head) == TYPE_GET_ID) {
		vm_queue_take(virtio, QUEUE);
		give_id(block, chain);
		return true;
	}
	status = read_request(block, chain, head, &request);
	if (status != STATUS_OK) {
		vm_queue_take(virtio, QUEUE);
		give(block, chain, status, (struct gw_bytes){0});
		return true;
	}
	assert(request.offset <= block->setup.size);
	assert(request.size <= block->setup.size - request.offset);
	slot = slot_for(block, &request);
	if (!slot)
		return false;
	assert(!slot->used);
	vm_queue_take(virtio, QUEUE);
	request.id = block->next_id++;
	*slot = request;
	pass_on(block, slot, chain);
	return true;
}

static void advance(struct vm_virtio_block *block)
{
	struct vm_chain chain;

	for (unsigned taken = 0; taken < block->virtio.queues[QUEUE].size; taken++) {
		if (!vm_queue_peek(&block->virtio, QUEUE, &chain) || !advance_one(block, &chain))
			break;
	}
	vm_queue_rest(&block->virtio, QUEUE);
}

static void notify(struct vm_virtio *virtio, unsigned queue)
{
	struct vm_virtio_block *block = (struct vm_virtio_block *)virtio;
	uint16_t before = virtio->queues[queue].next_used;

	advance(block);
	vm_queue_interrupt(virtio, queue, before);
}

/* ---- Answers --------------------------------------------------------------------------------- */

static void answer(struct vm_virtio_block *block, const struct slot *slot, int status,
		   struct gw_bytes data)
{
	struct vm_virtio *virtio = &block->virtio;
	struct vm_chain chain;

	if (slot->forgotten || !vm_virtio_running(virtio))
		return;
	if (slot->operation != VM_BLOCK_READ || status < 0)
		data = (struct gw_bytes){0};
	if (!vm_queue_again(virtio, QUEUE, slot->head, &chain))
		return;
	if (chain.writable_bytes <= data.size)
		vm_virtio_break(virtio); /* the guest changed it since */
	else
		give(block, &chain, status < 0 ? STATUS_IOERR : STATUS_OK, data);
}

bool vm_virtio_block_complete(struct vm_virtio_block *block, uint64_t id, int status,
			      struct gw_bytes data)
{
	struct vm_virtio *virtio = &block->virtio;
	uint16_t before = virtio->queues[QUEUE].next_used;
	struct slot *found = slot_of(block, id), slot;

	if (!found ||
	    (found->operation == VM_BLOCK_READ && status >= 0 && data.size != found->size))
		return false;
	slot = *found;
	*found = (struct slot){0};
	answer(block, &slot, status, data);
	if (vm_virtio_running(virtio))
		advance(block);
	vm_queue_interrupt(virtio, QUEUE, before);
	return true;
}

/* The oldest that was asked for at or after an id; NULL: none. */
static struct slot *oldest_from(struct vm_virtio_block *block, uint64_t id)
{
	struct slot *oldest = NULL;

	for (size_t at = 0; at < VM_BLOCK_REQUESTS_MAX; at++) {
		struct slot *slot = &block->slots[at];

		if (slot->used && slot->id >= id && (!oldest || slot->id < oldest->id))
			oldest = slot;
	}
	return oldest;
}

void vm_virtio_block_again(struct vm_virtio_block *block)
{
	struct vm_virtio *virtio = &block->virtio;
	struct slot *slot = oldest_from(block, 0);
	struct vm_chain chain;

	for (; slot; slot = oldest_from(block, slot->id + 1)) {
		bool wanted = !slot->forgotten && vm_virtio_running(virtio) &&
			      vm_queue_again(virtio, QUEUE, slot->head, &chain);

		if (wanted && slot->operation == VM_BLOCK_WRITE &&
		    chain.readable_bytes != HEAD_BYTES + slot->size) {
			vm_virtio_break(virtio);
			wanted = false;
		}
		if (wanted)
			pass_on(block, slot, &chain);
		else
			slot->used = false;
	}
	if (vm_virtio_running(virtio))
		notify(virtio, QUEUE);
}

/* ---- Life ------------------------------------------------------------------------------------ */

static void forget(struct vm_virtio *virtio)
{
	struct vm_virtio_block *block = (struct vm_virtio_block *)virtio;

	for (size_t at = 0; at < VM_BLOCK_REQUESTS_MAX; at++)
		block->slots[at].forgotten = block->slots[at].used;
}

static bool slot_can_be(const struct vm_virtio_block *block, const struct slot *slot)
{
	if (slot->operation < VM_BLOCK_READ || slot->operation > VM_BLOCK_ZEROES)
		return false;
	if (slot->id >= block->next_id || slot->offset > block->setup.size ||
	    slot->size > block->setup.size - slot->offset)
		return false;
	return slot->offset % VM_BLOCK_SECTOR == 0 && slot->size % VM_BLOCK_SECTOR == 0 &&
	       slot->size <= (carries(slot->operation) ? VM_BLOCK_REQUEST_BYTES_MAX
						       : VM_BLOCK_CLEAR_BYTES_MAX);
}

static void slot_fields(const struct vm_virtio_block *block, struct slot *slot,
			struct vm_fields *fields)
{
	if (fields->way == VM_FIELDS_LOAD)
		*slot = (struct slot){0};
	vm_field_bool(fields, &slot->used);
	if (!slot->used)
		return;
	vm_field_bool(fields, &slot->forgotten);
	vm_field_u16(fields, &slot->head);
	vm_field_u8(fields, &slot->operation);
	vm_field_u64(fields, &slot->id);
	vm_field_u64(fields, &slot->offset);
	vm_field_u64(fields, &slot->size);
	vm_fields_check(fields, slot_can_be(block, slot));
	if (fields->status < 0)
		slot->used = false;
}

static void walk_fields(void *device, struct vm_fields *fields)
{
	struct vm_virtio_block *block = device;

	vm_virtio_fields(&block->virtio, fields);
	vm_field_u64(fields, &block->next_id);
	for (size_t at = 0; at < VM_BLOCK_REQUESTS_MAX; at++)
		slot_fields(block, &block->slots[at], fields);
}

static const struct vm_virtio_kind virtio_kind = {
	.device_id = DEVICE_ID,
	.queue_count = 1,
	.queue_size_max = QUEUE_SIZE,
	.notify = notify,
	.reset = forget,
};

static const struct vm_device_kind kind = {
	.number = VM_DEVICE_VIRTIO_BLOCK,
	.size = VM_VIRTIO_BYTES,
	.read = vm_virtio_read,
	.write = vm_virtio_write,
	.reset = vm_virtio_reset,
	.fields = walk_fields,
};

static void configure(struct vm_virtio_block *block)
{
	struct vm_virtio *virtio = &block->virtio;
	uint8_t *config = virtio->config;
	const uint32_t clear_sectors_max = VM_BLOCK_CLEAR_BYTES_MAX / VM_BLOCK_SECTOR;

	virtio->features = 1 << SIZE_MAX_F | 1 << SEG_MAX_F | 1 << BLK_SIZE_F | 1 << FLUSH_F |
			   1 << DISCARD_F | 1 << WRITE_ZEROES_F;
	if (block->setup.read_only)
		virtio->features |= 1 << RO_F;
	virtio->config_size = CONFIG_BYTES;
	base_store64(config, block->setup.size / VM_BLOCK_SECTOR);
	base_store32(config + 8, SEGMENT_BYTES_MAX);
	base_store32(config + 12, SEGMENTS_MAX);
	base_store32(config + 20, VM_BLOCK_SECTOR);
	base_store32(config + 36, clear_sectors_max); /* discard: sectors, ranges, alignment */
	base_store32(config + 40, 1);
	base_store32(config + 44, 1);
	base_store32(config + 48, clear_sectors_max); /* zeroes: sectors, ranges, may unmap */
	base_store32(config + 52, 1);
	config[56] = 1;
}

int vm_virtio_block_new(struct vm_virtio_block **out, const struct vm_virtio_block_setup *setup,
			struct gw_error *error)
{
	struct vm_virtio_block *block;

	if (setup->size % VM_BLOCK_SECTOR)
		return gw_fail(error, GW_E_INVALID, "a disk of %llu bytes: not of whole sectors",
			       (unsigned long long)setup->size);
	block = calloc(1, sizeof(*block));
	if (!block)
		return gw_fail(error, GW_E_NO_MEMORY, "a disk: out of memory");
	block->setup = *setup;
	configure(block);
	vm_virtio_init(&block->virtio, &virtio_kind, &setup->ram, &setup->wire);
	*out = block;
	return 0;
}

void vm_virtio_block_free(struct vm_virtio_block *block)
{
	free(block);
}

struct vm_device vm_virtio_block_device(struct vm_virtio_block *block)
{
	return (struct vm_device){&kind, block};
}
