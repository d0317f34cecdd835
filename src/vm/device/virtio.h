/* SPDX-License-Identifier: Apache-2.0 */
/*
 * virtio.h - what all virtio devices share: the MMIO transport (version 2; virtio 1.1, section
 * 4.2.2) and split virtqueues (2.6), with indirect descriptors and event indices.
 *
 * A device embeds struct vm_virtio, made by vm_virtio_init, and passes the guest's accesses on. The
 * rings are in the guest's memory and are not believed: where a ring, a chain or an index cannot
 * be, the device is broken (vm_virtio_break): the status says NEEDS_RESET, a change of the
 * configuration is announced, and nothing happens until the driver resets it. The work for one
 * notification is bounded: a queue has at most VM_QUEUE_SIZE_MAX chains of so many descriptors.
 */
#ifndef VM_DEVICE_VIRTIO_H
#define VM_DEVICE_VIRTIO_H

#include "device.h"

enum {
	VM_VIRTIO_BYTES = 0x1000,
	VM_VIRTIO_CONFIG = 0x100, /* where a device's own configuration begins */
	VM_VIRTIO_CONFIG_BYTES_MAX = 64,
	VM_VIRTIO_QUEUES_MAX = 2,
	VM_QUEUE_SIZE_MAX = 256,
};

#define VM_VIRTIO_F_INDIRECT_DESC (UINT64_C(1) << 28)
#define VM_VIRTIO_F_EVENT_IDX (UINT64_C(1) << 29)
#define VM_VIRTIO_F_VERSION_1 (UINT64_C(1) << 32)

enum vm_virtio_status {
	VM_VIRTIO_ACKNOWLEDGE = 1,
	VM_VIRTIO_DRIVER = 2,
	VM_VIRTIO_DRIVER_OK = 4,
	VM_VIRTIO_FEATURES_OK = 8,
	VM_VIRTIO_NEEDS_RESET = 64,
	VM_VIRTIO_FAILED = 128,
};

struct vm_queue {
	uint16_t size;       /* what the driver chose, a power of two */
	bool ready;          /* what follows was checked: the rings are in RAM */
	uint64_t table;      /* the descriptors */
	uint64_t available;
	uint64_t used;
	uint16_t next_available; /* of the driver's ring: the next that is taken */
	uint16_t next_used;
};

struct vm_virtio;

/* What makes a device its own. */
struct vm_virtio_kind {
	uint32_t device_id; /* virtio's number: 1 network, 2 block, 4 entropy */
	unsigned queue_count;
	uint16_t queue_size_max;
	/* The driver has put chains into a queue that is ready; only while vm_virtio_running. */
	void (*notify)(struct vm_virtio *virtio, unsigned queue);
	/* The driver resets the device; the transport is reset behind this. */
	void (*reset)(struct vm_virtio *virtio);
};

struct vm_virtio {
	const struct vm_virtio_kind *kind;
	struct vm_ram ram;
	struct vm_wire wire;
	uint64_t features; /* offered; VERSION_1, INDIRECT_DESC and EVENT_IDX are added */
	uint8_t config[VM_VIRTIO_CONFIG_BYTES_MAX]; /* little-endian; read-only to the driver */
	size_t config_size;
	/* Saved: */
	uint64_t driver_features;
	uint32_t features_select;
	uint32_t driver_features_select;
	uint32_t queue_select;
	uint32_t status;
	uint32_t interrupt; /* bit 0: a buffer was used; bit 1: the configuration changed */
	uint32_t generation; /* of the configuration */
	struct vm_queue queues[VM_VIRTIO_QUEUES_MAX];
};

void vm_virtio_init(struct vm_virtio *virtio, const struct vm_virtio_kind *kind,
		    const struct vm_ram *ram, const struct vm_wire *wire);

/* For vm_device_kind, whose device begins with its struct vm_virtio. */
int vm_virtio_read(void *device, uint64_t offset, unsigned size, uint64_t *value);
int vm_virtio_write(void *device, uint64_t offset, unsigned size, uint64_t value);
void vm_virtio_reset(void *device);
/* The transport's fields; a device adds its own behind them. */
void vm_virtio_fields(struct vm_virtio *virtio, struct vm_fields *fields);

bool vm_virtio_running(const struct vm_virtio *virtio); /* DRIVER_OK, and not broken */
void vm_virtio_break(struct vm_virtio *virtio);
/* The configuration was changed by the device: says so to the driver. */
void vm_virtio_config_changed(struct vm_virtio *virtio);

/* ---- Queues ---------------------------------------------------------------------------------- */

struct vm_piece {
	uint64_t address; /* of the guest's; the whole piece is in RAM */
	uint32_t size;    /* not 0 */
};

/* A chain of descriptors: what the device reads, then what it writes. */
struct vm_chain {
	uint16_t head;
	unsigned readable;
	unsigned count; /* pieces[0..readable) are read, [readable..count) written */
	uint64_t readable_bytes;
	uint64_t writable_bytes;
	struct vm_piece pieces[VM_QUEUE_SIZE_MAX];
};

/*
 * Looks at the next chain of a queue (ahead 0) or one behind it, without taking it: 1: it is there
 * and well formed; 0: there is none, or the device is not running; -1: it cannot be. Changes
 * nothing.
 */
int vm_queue_look(const struct vm_virtio *virtio, unsigned queue, unsigned ahead,
		  struct vm_chain *chain);
/* The same for the next; false: there is none, or it cannot be, and the device is broken now. */
bool vm_queue_peek(struct vm_virtio *virtio, unsigned queue, struct vm_chain *chain);
/*
 * Takes the chain that was looked at last. What a device writes may change the rings, where they
 * are made to overlap; so a loop over a queue takes at most its size at once.
 */
void vm_queue_take(struct vm_virtio *virtio, unsigned queue);
/* A chain that was taken before, walked again: its memory may have changed. False: broken. */
bool vm_queue_again(struct vm_virtio *virtio, unsigned queue, uint16_t head,
		    struct vm_chain *chain);
/* No more is taken for now: the driver is asked to notify of the next. */
void vm_queue_rest(struct vm_virtio *virtio, unsigned queue);
/* Gives a chain back with so many bytes written. vm_queue_interrupt follows after the last. */
void vm_queue_give(struct vm_virtio *virtio, unsigned queue, uint16_t head, uint32_t written);
/* Interrupts, if the driver wants it for what was given since `before` (next_used then). */
void vm_queue_interrupt(struct vm_virtio *virtio, unsigned queue, uint16_t before);

/* Copies from the readable or to the writable bytes of a chain, from `at` on; they are there. */
void vm_chain_read(const struct vm_virtio *virtio, const struct vm_chain *chain, uint64_t at,
		   void *to, size_t size);
void vm_chain_write(const struct vm_virtio *virtio, const struct vm_chain *chain, uint64_t at,
		    const void *from, size_t size);
/* All readable bytes from `at` on, where they are in RAM; returns how many pieces. */
size_t vm_chain_pieces(const struct vm_virtio *virtio, const struct vm_chain *chain, uint64_t at,
		       struct gw_bytes pieces[VM_QUEUE_SIZE_MAX]);

#endif
