/* SPDX-License-Identifier: Apache-2.0 */
/* virtio_rng.c - a source of entropy: one wish at a time, kept as its chain and size. */
#include "virtio_rng.h"

#include "virtio.h"

#include <assert.h>
#include <stdlib.h>

enum { DEVICE_ID = 4, QUEUE = 0, QUEUE_SIZE = 16 };

struct vm_virtio_rng {
	struct vm_virtio virtio; /* first: the device is its transport, too */
	struct vm_virtio_rng_setup setup;
	uint32_t wanted; /* bytes; 0: no wish */
	uint16_t head;
};

size_t vm_virtio_rng_wanted(const struct vm_virtio_rng *rng)
{
	return rng->wanted;
}

/* The next wish, if there is none. */
static void advance(struct vm_virtio_rng *rng)
{
	struct vm_virtio *virtio = &rng->virtio;
	struct vm_chain chain;

	if (rng->wanted == 0 && vm_queue_peek(virtio, QUEUE, &chain)) {
		if (chain.writable_bytes == 0) {
			vm_virtio_break(virtio);
			return;
		}
		vm_queue_take(virtio, QUEUE);
		rng->head = chain.head;
		rng->wanted = chain.writable_bytes < VM_RNG_BYTES_MAX
				      ? (uint32_t)chain.writable_bytes
				      : VM_RNG_BYTES_MAX;
		rng->setup.want(rng->setup.context, rng->wanted);
	}
	vm_queue_rest(virtio, QUEUE);
}

static void notify(struct vm_virtio *virtio, unsigned queue)
{
	(void)queue;
	advance((struct vm_virtio_rng *)virtio);
}

void vm_virtio_rng_fill(struct vm_virtio_rng *rng, struct gw_bytes bytes)
{
	struct vm_virtio *virtio = &rng->virtio;
	uint16_t before = virtio->queues[QUEUE].next_used, head = rng->head;
	size_t size = bytes.size < rng->wanted ? bytes.size : rng->wanted;
	struct vm_chain chain;

	if (size == 0)
		return;
	assert(size <= VM_RNG_BYTES_MAX);
	rng->wanted = rng->head = 0;
	if (!vm_virtio_running(virtio) || !vm_queue_again(virtio, QUEUE, head, &chain))
		return;
	if (chain.writable_bytes < size) { /* the guest changed it since */
		vm_virtio_break(virtio);
		return;
	}
	vm_chain_write(virtio, &chain, 0, bytes.data, size);
	vm_queue_give(virtio, QUEUE, head, (uint32_t)size);
	advance(rng);
	vm_queue_interrupt(virtio, QUEUE, before);
}

/* ---- Life ------------------------------------------------------------------------------------ */

static void forget(struct vm_virtio *virtio)
{
	struct vm_virtio_rng *rng = (struct vm_virtio_rng *)virtio;

	rng->wanted = rng->head = 0;
}

static void walk_fields(void *device, struct vm_fields *fields)
{
	struct vm_virtio_rng *rng = device;

	vm_virtio_fields(&rng->virtio, fields);
	vm_field_u32(fields, &rng->wanted);
	vm_field_u16(fields, &rng->head);
	vm_fields_check(fields, rng->wanted <= VM_RNG_BYTES_MAX);
}

static const struct vm_virtio_kind virtio_kind = {
	.device_id = DEVICE_ID,
	.queue_count = 1,
	.queue_size_max = QUEUE_SIZE,
	.notify = notify,
	.reset = forget,
};

static const struct vm_device_kind kind = {
	.number = VM_DEVICE_VIRTIO_RNG,
	.size = VM_VIRTIO_BYTES,
	.read = vm_virtio_read,
	.write = vm_virtio_write,
	.reset = vm_virtio_reset,
	.fields = walk_fields,
};

int vm_virtio_rng_new(struct vm_virtio_rng **out, const struct vm_virtio_rng_setup *setup,
		      struct gw_error *error)
{
	struct vm_virtio_rng *rng = calloc(1, sizeof(*rng));

	if (!rng)
		return gw_fail(error, GW_E_NO_MEMORY, "a source of entropy: out of memory");
	rng->setup = *setup;
	vm_virtio_init(&rng->virtio, &virtio_kind, &setup->ram, &setup->wire);
	*out = rng;
	return 0;
}

void vm_virtio_rng_free(struct vm_virtio_rng *rng)
{
	free(rng);
}

struct vm_device vm_virtio_rng_device(struct vm_virtio_rng *rng)
{
	return (struct vm_device){&kind, rng};
}
