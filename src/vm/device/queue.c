/* SPDX-License-Identifier: Apache-2.0 */
/*
 * queue.c - split virtqueues in the guest's memory. Where the rings are was checked when the queue
 * became ready; all that is in them is checked each time, as the guest may write there.
 */
#include "queue.h"

#include "base/little_endian.h"

#include <assert.h>

enum {
	DESCRIPTOR_BYTES = 16, /* address 8, size 4, flags 2, next 2 */
	DESCRIPTOR_NEXT = 1,
	DESCRIPTOR_WRITE = 2,
	DESCRIPTOR_INDIRECT = 4,

	RING_HEAD_BYTES = 4, /* flags 2, index 2 */
	RING_EVENT_BYTES = 2, /* behind the ring */
	AVAILABLE_BYTES = 2,
	USED_BYTES = 8, /* head 4, bytes written 4 */
	AVAILABLE_NO_INTERRUPT = 1,
};

static uint64_t available_bytes(uint16_t size)
{
	return RING_HEAD_BYTES + AVAILABLE_BYTES * (uint64_t)size + RING_EVENT_BYTES;
}

static uint64_t used_bytes(uint16_t size)
{
	return RING_HEAD_BYTES + USED_BYTES * (uint64_t)size + RING_EVENT_BYTES;
}

bool vm_queue_can_be(const struct vm_virtio *virtio, const struct vm_queue *queue)
{
	uint16_t size = queue->size;

	if (size == 0 || size & (size - 1) || size > virtio->kind->queue_size_max)
		return false;
	if (queue->table % 16 || queue->available % 2 || queue->used % 4)
		return false;
	return vm_ram_at(&virtio->ram, queue->table, DESCRIPTOR_BYTES * (uint64_t)size) &&
	       vm_ram_at(&virtio->ram, queue->available, available_bytes(size)) &&
	       vm_ram_at(&virtio->ram, queue->used, used_bytes(size));
}

/* A number in one of the rings. */
static uint16_t ring_load(const struct vm_virtio *virtio, uint64_t ring, uint64_t at)
{
	const uint8_t *from = vm_ram_at(&virtio->ram, ring + at, 2);

	assert(from);
	return base_load16(from);
}

/* ---- Chains ---------------------------------------------------------------------------------- */

struct descriptor {
	uint64_t address;
	uint32_t size;
	uint16_t flags;
	uint16_t next;
};

struct table {
	const uint8_t *bytes;
	uint32_t count;
	bool indirect;
};

static struct descriptor descriptor_at(const struct table *table, uint32_t at)
{
	const uint8_t *from = table->bytes + DESCRIPTOR_BYTES * (size_t)at;

	assert(at < table->count);
	return (struct descriptor){base_load64(from), base_load32(from + 8),
				   base_load16(from + 12), base_load16(from + 14)};
}

/* Adds what a descriptor names to the chain. */
static bool add(const struct vm_virtio *virtio, struct vm_chain *chain,
		const struct descriptor *descriptor)
{
	bool writable = descriptor->flags & DESCRIPTOR_WRITE;

	if (descriptor->size == 0)
		return true;
	if (!writable && chain->readable != chain->count)
		return false; /* what is read comes first */
	if (chain->count == VM_QUEUE_SIZE_MAX ||
	    !vm_ram_at(&virtio->ram, descriptor->address, descriptor->size))
		return false;
	assert(chain->count < VM_QUEUE_SIZE_MAX);
	chain->pieces[chain->count++] = (struct vm_piece){descriptor->address, descriptor->size};
	if (writable) {
		chain->writable_bytes += descriptor->size;
	} else {
		chain->readable_bytes += descriptor->size;
		chain->readable = chain->count;
	}
	return true;
}

/* The table that an indirect descriptor names; it is the last of its chain. */
static bool enter(const struct vm_virtio *virtio, const struct descriptor *descriptor,
		  struct table *table)
{
	if (table->indirect || !(virtio->driver_features & VM_VIRTIO_F_INDIRECT_DESC) ||
	    descriptor->flags & DESCRIPTOR_NEXT)
		return false;
	if (descriptor->size == 0 || descriptor->size % DESCRIPTOR_BYTES ||
	    descriptor->size / DESCRIPTOR_BYTES > VM_QUEUE_SIZE_MAX)
		return false;
	table->bytes = vm_ram_at(&virtio->ram, descriptor->address, descriptor->size);
	table->count = descriptor->size / DESCRIPTOR_BYTES;
	table->indirect = true;
	return table->bytes;
}

/* Follows a chain. One that has more descriptors than its table goes in circles. */
static bool walk(const struct vm_virtio *virtio, const struct vm_queue *queue, uint32_t head,
		 struct vm_chain *chain)
{
	struct table table = {
		.bytes = vm_ram_at(&virtio->ram, queue->table,
				   DESCRIPTOR_BYTES * (uint64_t)queue->size),
		.count = queue->size,
	};
	uint32_t at = head, steps = 0;

	chain->head = (uint16_t)head;
	chain->readable = chain->count = 0;
	chain->readable_bytes = chain->writable_bytes = 0;
	assert(table.bytes);
	while (at < table.count && steps++ < table.count) {
		struct descriptor descriptor = descriptor_at(&table, at);

		if (descriptor.flags & DESCRIPTOR_INDIRECT) {
			if (!enter(virtio, &descriptor, &table))
				return false;
			at = steps = 0;
			continue;
		}
		if (!add(virtio, chain, &descriptor))
			return false;
		if (!(descriptor.flags & DESCRIPTOR_NEXT))
			return true;
		at = descriptor.next;
	}
	return false;
}

int vm_queue_look(const struct vm_virtio *virtio, unsigned number, unsigned ahead,
		  struct vm_chain *chain)
{
	const struct vm_queue *queue = &virtio->queues[number];
	uint16_t filled, at;

	assert(number < virtio->kind->queue_count);
	if (!vm_virtio_running(virtio) || !queue->ready)
		return 0;
	assert(vm_queue_can_be(virtio, queue));
	filled = (uint16_t)(ring_load(virtio, queue->available, 2) - queue->next_available);
	if (filled > queue->size)
		return -1;
	if (ahead >= filled)
		return 0;
	at = (uint16_t)(queue->next_available + ahead) & (queue->size - 1);
	at = ring_load(virtio, queue->available, RING_HEAD_BYTES + AVAILABLE_BYTES * (uint64_t)at);
	return walk(virtio, queue, at, chain) ? 1 : -1;
}

bool vm_queue_peek(struct vm_virtio *virtio, unsigned queue, struct vm_chain *chain)
{
	int found = vm_queue_look(virtio, queue, 0, chain);

	if (found < 0)
		vm_virtio_break(virtio);
	return found > 0;
}

void vm_queue_take(struct vm_virtio *virtio, unsigned queue)
{
	assert(queue < virtio->kind->queue_count && virtio->queues[queue].ready);
	virtio->queues[queue].next_available++;
}

bool vm_queue_again(struct vm_virtio *virtio, unsigned number, uint16_t head,
		    struct vm_chain *chain)
{
	const struct vm_queue *queue = &virtio->queues[number];

	if (vm_virtio_running(virtio) && queue->ready && walk(virtio, queue, head, chain))
		return true;
	vm_virtio_break(virtio);
	return false;
}

/* ---- Given back ------------------------------------------------------------------------------ */

void vm_queue_rest(struct vm_virtio *virtio, unsigned number)
{
	const struct vm_queue *queue = &virtio->queues[number];
	uint64_t at = used_bytes(queue->size) - RING_EVENT_BYTES;
	uint8_t event[2];

	if (!queue->ready || !(virtio->driver_features & VM_VIRTIO_F_EVENT_IDX) ||
	    ring_load(virtio, queue->used, at) == queue->next_available)
		return;
	base_store16(event, queue->next_available);
	vm_ram_write(&virtio->ram, queue->used + at, event, sizeof(event));
}

void vm_queue_give(struct vm_virtio *virtio, unsigned number, uint16_t head, uint32_t written)
{
	struct vm_queue *queue = &virtio->queues[number];
	uint64_t at = queue->next_used & (queue->size - 1);
	uint8_t element[USED_BYTES], index[2];

	assert(queue->ready);
	base_store32(element, head);
	base_store32(element + 4, written);
	vm_ram_write(&virtio->ram, queue->used + RING_HEAD_BYTES + USED_BYTES * at, element,
		     sizeof(element));
	base_store16(index, ++queue->next_used);
	vm_ram_write(&virtio->ram, queue->used + 2, index, sizeof(index));
}

void vm_queue_interrupt(struct vm_virtio *virtio, unsigned number, uint16_t before)
{
	const struct vm_queue *queue = &virtio->queues[number];
	uint16_t now = queue->next_used, event;
	bool wanted;

	if (!queue->ready || now == before)
		return;
	if (virtio->driver_features & VM_VIRTIO_F_EVENT_IDX) {
		event = ring_load(virtio, queue->available,
				  available_bytes(queue->size) - RING_EVENT_BYTES);
		wanted = (uint16_t)(now - event - 1) < (uint16_t)(now - before);
	} else {
		wanted = !(ring_load(virtio, queue->available, 0) & AVAILABLE_NO_INTERRUPT);
	}
	if (wanted)
		vm_virtio_used(virtio);
}

/* ---- Bytes of chains ------------------------------------------------------------------------- */

void vm_chain_read(const struct vm_virtio *virtio, const struct vm_chain *chain, uint64_t at,
		   void *to, size_t size)
{
	uint8_t *out = to;

	assert(at <= chain->readable_bytes && size <= chain->readable_bytes - at);
	for (unsigned number = 0; number < chain->readable && size > 0; number++) {
		const struct vm_piece *piece = &chain->pieces[number];
		size_t part;

		if (at >= piece->size) {
			at -= piece->size;
			continue;
		}
		part = size < piece->size - at ? size : (size_t)(piece->size - at);
		memcpy(out, vm_ram_at(&virtio->ram, piece->address + at, part), part);
		out += part;
		size -= part;
		at = 0;
	}
	assert(size == 0);
}

void vm_chain_write(const struct vm_virtio *virtio, const struct vm_chain *chain, uint64_t at,
		    const void *from, size_t size)
{
	const uint8_t *in = from;

	assert(at <= chain->writable_bytes && size <= chain->writable_bytes - at);
	for (unsigned number = chain->readable; number < chain->count && size > 0; number++) {
		const struct vm_piece *piece = &chain->pieces[number];
		size_t part;

		if (at >= piece->size) {
			at -= piece->size;
			continue;
		}
		part = size < piece->size - at ? size : (size_t)(piece->size - at);
		vm_ram_write(&virtio->ram, piece->address + at, in, part);
		in += part;
		size -= part;
		at = 0;
	}
	assert(size == 0);
}

size_t vm_chain_pieces(const struct vm_virtio *virtio, const struct vm_chain *chain, uint64_t at,
		       struct gw_bytes pieces[VM_QUEUE_SIZE_MAX])
{
	size_t count = 0;

	for (unsigned number = 0; number < chain->readable; number++) {
		const struct vm_piece *piece = &chain->pieces[number];

		if (at >= piece->size) {
			at -= piece->size;
			continue;
		}
		pieces[count].size = (size_t)(piece->size - at);
		pieces[count].data = vm_ram_at(&virtio->ram, piece->address + at,
					       pieces[count].size);
		count++;
		at = 0;
	}
	return count;
}
