/* SPDX-License-Identifier: Apache-2.0 */
/*
 * virtio_net.h - an Ethernet card as the guest sees it (virtio 1.1 section 5.1): MAC address, link
 * status, mergeable receive buffers; no offloads. Queue 0 receives, queue 1 transmits.
 *
 * A frame that the guest transmits is passed on and its buffer given back at once. A frame that
 * comes from outside is written into the guest's buffers at once, or lost if they do not suffice.
 */
#ifndef VM_DEVICE_VIRTIO_NET_H
#define VM_DEVICE_VIRTIO_NET_H

#include "device.h"

enum {
	VM_NET_FRAME_BYTES_MIN = 14,
	VM_NET_FRAME_BYTES_MAX = 9216, /* others are lost, whichever way they go */
	VM_NET_ADDRESS_BYTES = 6,
};

struct vm_virtio_net_setup {
	struct vm_ram ram;
	struct vm_wire wire;
	uint8_t address[VM_NET_ADDRESS_BYTES];
	void (*transmit)(void *context, struct gw_bytes frame);
	void *context;
};

struct vm_virtio_net;

int vm_virtio_net_new(struct vm_virtio_net **net, const struct vm_virtio_net_setup *setup,
		      struct gw_error *error) GW_MUST_CHECK;
void vm_virtio_net_free(struct vm_virtio_net *net);
struct vm_device vm_virtio_net_device(struct vm_virtio_net *net);

enum vm_net_room {
	VM_NET_LOST,  /* nobody listens, or it is no frame: it would be lost, and nothing else */
	VM_NET_WAIT,  /* the guest has no buffers for it yet */
	VM_NET_ROOM,
};

/* What would become of a frame of so many bytes. Changes nothing, so it need not be logged. */
enum vm_net_room vm_virtio_net_room(const struct vm_virtio_net *net, size_t size);
/* Returns whether the guest got it. */
bool vm_virtio_net_receive(struct vm_virtio_net *net, struct gw_bytes frame);
/* The cable is plugged in, as at the start, or out. Outlives a reset. */
void vm_virtio_net_set_link(struct vm_virtio_net *net, bool up);

#endif
