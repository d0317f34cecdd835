/* SPDX-License-Identifier: Apache-2.0 */
/*
 * driver_fixture.h - a driver of a virtio device on a rig: what Linux does, by hand, and what it
 * would never do. Queue n has its rings at driver_rings(n); buffers are from DRIVER_BUFFERS on.
 */
#ifndef VM_DEVICE_DRIVER_FIXTURE_H
#define VM_DEVICE_DRIVER_FIXTURE_H

#include "rig_fixture.h"
#include "virtio.h"

#define DRIVER_BUFFERS (RIG_RAM + 0x10000)

/* Registers of the transport, as the specification numbers them. */
enum {
	VIRTIO_MAGIC = 0x000,
	VIRTIO_VERSION = 0x004,
	VIRTIO_DEVICE_ID = 0x008,
	VIRTIO_VENDOR_ID = 0x00c,
	VIRTIO_FEATURES = 0x010,
	VIRTIO_FEATURES_SELECT = 0x014,
	VIRTIO_DRIVER_FEATURES = 0x020,
	VIRTIO_DRIVER_FEATURES_SELECT = 0x024,
	VIRTIO_QUEUE_SELECT = 0x030,
	VIRTIO_QUEUE_SIZE_LIMIT = 0x034,
	VIRTIO_QUEUE_SIZE = 0x038,
	VIRTIO_QUEUE_READY = 0x044,
	VIRTIO_QUEUE_NOTIFY = 0x050,
	VIRTIO_INTERRUPT = 0x060,
	VIRTIO_ACKNOWLEDGE = 0x064,
	VIRTIO_STATUS = 0x070,
	VIRTIO_TABLE = 0x080,
	VIRTIO_AVAILABLE = 0x090,
	VIRTIO_USED = 0x0a0,
	VIRTIO_GENERATION = 0x0fc,
	VIRTIO_CONFIG = 0x100,
};

enum { DESCRIPTOR_NEXT = 1, DESCRIPTOR_WRITE = 2, DESCRIPTOR_INDIRECT = 4 };

struct driver_queue {
	uint16_t size;
	uint64_t table, available, used;
	uint16_t offered;
	uint16_t seen; /* of the used ring */
};

struct driver {
	struct rig *rig;
	uint64_t base;
	struct driver_queue queues[VM_VIRTIO_QUEUES_MAX];
};

uint64_t driver_rings(unsigned queue);
uint64_t driver_read(struct driver *driver, uint64_t offset);
void driver_write(struct driver *driver, uint64_t offset, uint64_t value);

/* Reset, acknowledge, choose: all features that are wanted and offered. Returns those. */
uint64_t driver_negotiate(struct driver *driver, uint64_t wanted);
void driver_queue(struct driver *driver, unsigned queue, uint16_t size);
void driver_go(struct driver *driver);
/* All of that. */
void driver_start(struct driver *driver, uint64_t wanted, unsigned queues, uint16_t size);

void driver_describe(struct driver *driver, uint64_t table, uint16_t at, uint64_t address,
		     uint32_t size, uint16_t flags, uint16_t next);
/* A chain of two parts in descriptors `at` and the one behind; a part of size 0 is left out. */
void driver_chain(struct driver *driver, unsigned queue, uint16_t at, uint64_t from,
		  uint32_t from_size, uint64_t to, uint32_t to_size);
void driver_offer(struct driver *driver, unsigned queue, uint16_t head); /* not yet notified */
void driver_notify(struct driver *driver, unsigned queue);
/* The next that came back; false: none. */
bool driver_used(struct driver *driver, unsigned queue, uint32_t *head, uint32_t *written);
bool driver_broken(struct driver *driver);

#endif
