/* SPDX-License-Identifier: Apache-2.0 */
/*
 * virtio_net.c - an Ethernet card as the guest sees it. No frame is kept: what the guest sends is
 * passed on, what it gets is written, within one call.
 */
#include "virtio_net.h"

#include "virtio.h"

#include "base/little_endian.h"

#include <assert.h>
#include <stdlib.h>

enum {
	DEVICE_ID = 1,
	RECEIVE = 0,
	TRANSMIT = 1,
	QUEUE_SIZE = 256,

	MAC_F = 5, /* bits of features */
	MRG_RXBUF_F = 15,
	STATUS_F = 16,

	HEAD_BYTES = 12, /* all 0 but, in the last 2, over how many buffers a frame goes */
	HEAD_BUFFERS = 10,

	CONFIG_STATUS = 6,
	CONFIG_BYTES = 8,
	STATUS_LINK_UP = 1,
};

struct vm_virtio_net {
	struct vm_virtio virtio; /* first: the device is its transport, too */
	struct vm_virtio_net_setup setup;
	bool link;
	uint8_t frame[VM_NET_FRAME_BYTES_MAX]; /* while it is passed on */
};

static bool is_frame(uint64_t size)
{
	return size >= VM_NET_FRAME_BYTES_MIN && size <= VM_NET_FRAME_BYTES_MAX;
}

/* ---- Out ------------------------------------------------------------------------------------- */

static bool transmit_one(struct vm_virtio_net *net, const struct vm_chain *chain)
{
	struct vm_virtio *virtio = &net->virtio;
	size_t size;

	if (chain->readable_bytes < HEAD_BYTES) {
		vm_virtio_break(virtio);
		return false;
	}
	vm_queue_take(virtio, TRANSMIT);
	if (net->link && is_frame(chain->readable_bytes - HEAD_BYTES)) {
		size = (size_t)(chain->readable_bytes - HEAD_BYTES);
		vm_chain_read(virtio, chain, HEAD_BYTES, net->frame, size);
		net->setup.transmit(net->setup.context, (struct gw_bytes){net->frame, size});
	}
	vm_queue_give(virtio, TRANSMIT, chain->head, 0);
	return true;
}

static void notify(struct vm_virtio *virtio, unsigned queue)
{
	struct vm_virtio_net *net = (struct vm_virtio_net *)virtio;
	uint16_t before = virtio->queues[queue].next_used;
	struct vm_chain chain;

	if (queue != TRANSMIT)
		return; /* buffers are looked at when there is a frame for them */
	for (unsigned taken = 0; taken < virtio->queues[queue].size; taken++) {
		if (!vm_queue_peek(virtio, queue, &chain) || !transmit_one(net, &chain))
			break;
	}
	vm_queue_rest(virtio, queue);
	vm_queue_interrupt(virtio, queue, before);
}

/* ---- In -------------------------------------------------------------------------------------- */

enum { BUFFERS_BROKEN = -2, BUFFERS_TOO_SMALL = -1, BUFFERS_MISSING = 0 };

/*
 * How many of the buffers that wait a frame needs, or why it does not fit. Without mergeable
 * buffers the first has to hold all of it; with them, as many as the queue has.
 */
static int buffers_for(const struct vm_virtio_net *net, size_t size)
{
	const struct vm_virtio *virtio = &net->virtio;
	bool mergeable = virtio->driver_features & 1 << MRG_RXBUF_F;
	unsigned count_max = mergeable ? virtio->queues[RECEIVE].size : 1;
	uint64_t bytes = 0;
	struct vm_chain chain;

	for (unsigned count = 0; count < count_max;) {
		int found = vm_queue_look(virtio, RECEIVE, count, &chain);

		if (found < 0)
			return BUFFERS_BROKEN;
		if (found == 0)
			return BUFFERS_MISSING;
		if (chain.writable_bytes < HEAD_BYTES)
			return BUFFERS_BROKEN;
		bytes += chain.writable_bytes;
		count++;
		if (bytes >= HEAD_BYTES + size)
			return (int)count;
	}
	return BUFFERS_TOO_SMALL;
}

enum vm_net_room vm_virtio_net_room(const struct vm_virtio_net *net, size_t size)
{
	if (!net->link || !is_frame(size) || !vm_virtio_running(&net->virtio) ||
	    !net->virtio.queues[RECEIVE].ready)
		return VM_NET_LOST;
	switch (buffers_for(net, size)) {
	case BUFFERS_TOO_SMALL:
		return VM_NET_LOST;
	case BUFFERS_MISSING:
		return VM_NET_WAIT;
	default: /* a queue that is broken is found to be so by the next frame */
		return VM_NET_ROOM;
	}
}

/* Writes what fits of header and frame into the next buffer; *at counts both. */
static bool fill_one(struct vm_virtio_net *net, const uint8_t head[HEAD_BYTES],
		     struct gw_bytes frame, size_t *at)
{
	struct vm_virtio *virtio = &net->virtio;
	const uint8_t *bytes = frame.data;
	struct vm_chain chain;
	size_t begin = 0, part;

	if (!vm_queue_peek(virtio, RECEIVE, &chain) || chain.writable_bytes < HEAD_BYTES)
		return false;
	vm_queue_take(virtio, RECEIVE);
	if (*at == 0) {
		vm_chain_write(virtio, &chain, 0, head, HEAD_BYTES);
		begin = *at = HEAD_BYTES;
	}
	assert(*at >= HEAD_BYTES && *at <= HEAD_BYTES + frame.size);
	part = HEAD_BYTES + frame.size - *at;
	if (part > chain.writable_bytes - begin)
		part = (size_t)(chain.writable_bytes - begin);
	vm_chain_write(virtio, &chain, begin, bytes + (*at - HEAD_BYTES), part);
	*at += part;
	vm_queue_give(virtio, RECEIVE, chain.head, (uint32_t)(begin + part));
	return true;
}

/* The buffers were counted; but the rings may overlap what is written, if the guest wants it so. */
static bool fill(struct vm_virtio_net *net, int count, struct gw_bytes frame)
{
	uint8_t head[HEAD_BYTES] = {0};
	size_t at = 0;

	base_store16(head + HEAD_BUFFERS, (uint16_t)count);
	for (int filled = 0; filled < count; filled++) {
		if (!fill_one(net, head, frame, &at)) {
			vm_virtio_break(&net->virtio);
			return false;
		}
	}
	return at == HEAD_BYTES + frame.size;
}

bool vm_virtio_net_receive(struct vm_virtio_net *net, struct gw_bytes frame)
{
	struct vm_virtio *virtio = &net->virtio;
	uint16_t before = virtio->queues[RECEIVE].next_used;
	bool received;
	int count;

	if (vm_virtio_net_room(net, frame.size) != VM_NET_ROOM)
		return false;
	count = buffers_for(net, frame.size);
	assert(count > 0 || count == BUFFERS_BROKEN);
	if (count < 0) {
		vm_virtio_break(virtio);
		return false;
	}
	received = fill(net, count, frame);
	vm_queue_rest(virtio, RECEIVE);
	vm_queue_interrupt(virtio, RECEIVE, before);
	return received;
}

/* ---- Link ------------------------------------------------------------------------------------ */

static void configure(struct vm_virtio_net *net)
{
	uint8_t *config = net->virtio.config;

	memcpy(config, net->setup.address, VM_NET_ADDRESS_BYTES);
	base_store16(config + CONFIG_STATUS, net->link ? STATUS_LINK_UP : 0);
	net->virtio.config_size = CONFIG_BYTES;
}

void vm_virtio_net_set_link(struct vm_virtio_net *net, bool up)
{
	if (net->link == up)
		return;
	net->link = up;
	configure(net);
	vm_virtio_config_changed(&net->virtio);
}

/* ---- Life ------------------------------------------------------------------------------------ */

static void forget(struct vm_virtio *virtio)
{
	(void)virtio;
}

static void walk_fields(void *device, struct vm_fields *fields)
{
	struct vm_virtio_net *net = device;

	vm_virtio_fields(&net->virtio, fields);
	vm_field_bool(fields, &net->link);
	configure(net);
}

static const struct vm_virtio_kind virtio_kind = {
	.device_id = DEVICE_ID,
	.queue_count = 2,
	.queue_size_max = QUEUE_SIZE,
	.notify = notify,
	.reset = forget,
};

static const struct vm_device_kind kind = {
	.number = VM_DEVICE_VIRTIO_NET,
	.size = VM_VIRTIO_BYTES,
	.read = vm_virtio_read,
	.write = vm_virtio_write,
	.reset = vm_virtio_reset,
	.fields = walk_fields,
};

int vm_virtio_net_new(struct vm_virtio_net **out, const struct vm_virtio_net_setup *setup,
		      struct gw_error *error)
{
	struct vm_virtio_net *net = calloc(1, sizeof(*net));

	if (!net)
		return gw_fail(error, GW_E_NO_MEMORY, "a network card: out of memory");
	net->setup = *setup;
	net->link = true;
	net->virtio.features = 1 << MAC_F | 1 << MRG_RXBUF_F | 1 << STATUS_F;
	configure(net);
	vm_virtio_init(&net->virtio, &virtio_kind, &setup->ram, &setup->wire);
	*out = net;
	return 0;
}

void vm_virtio_net_free(struct vm_virtio_net *net)
{
	free(net);
}

struct vm_device vm_virtio_net_device(struct vm_virtio_net *net)
{
	return (struct vm_device){&kind, net};
}
