/* SPDX-License-Identifier: Apache-2.0 */
/* driver_fixture.c - a driver of a virtio device, by hand. */
#include "driver_fixture.h"

#include "base/little_endian.h"

#include <assert.h>

static uint8_t *at(struct driver *driver, uint64_t address, uint64_t size)
{
	uint8_t *bytes = vm_ram_at(&driver->rig->ram, address, size);

	assert(bytes);
	return bytes;
}

uint64_t driver_rings(unsigned queue)
{
	return RIG_RAM + 0x4000 * queue;
}

uint64_t driver_read(struct driver *driver, uint64_t offset)
{
	return rig_read(driver->rig, driver->base + offset, 4);
}

void driver_write(struct driver *driver, uint64_t offset, uint64_t value)
{
	rig_write(driver->rig, driver->base + offset, 4, value);
}

uint64_t driver_negotiate(struct driver *driver, uint64_t wanted)
{
	uint64_t features = 0;

	driver_write(driver, VIRTIO_STATUS, 0);
	driver_write(driver, VIRTIO_STATUS, VM_VIRTIO_ACKNOWLEDGE);
	driver_write(driver, VIRTIO_STATUS, VM_VIRTIO_ACKNOWLEDGE | VM_VIRTIO_DRIVER);
	for (unsigned half = 0; half < 2; half++) {
		driver_write(driver, VIRTIO_FEATURES_SELECT, half);
		features |= driver_read(driver, VIRTIO_FEATURES) << 32 * half;
	}
	features &= wanted | VM_VIRTIO_F_VERSION_1;
	for (unsigned half = 0; half < 2; half++) {
		driver_write(driver, VIRTIO_DRIVER_FEATURES_SELECT, half);
		driver_write(driver, VIRTIO_DRIVER_FEATURES, features >> 32 * half & 0xffffffff);
	}
	driver_write(driver, VIRTIO_STATUS,
		     VM_VIRTIO_ACKNOWLEDGE | VM_VIRTIO_DRIVER | VM_VIRTIO_FEATURES_OK);
	assert(driver_read(driver, VIRTIO_STATUS) & VM_VIRTIO_FEATURES_OK);
	return features;
}

static void write_address(struct driver *driver, uint64_t offset, uint64_t address)
{
	driver_write(driver, offset, address & 0xffffffff);
	driver_write(driver, offset + 4, address >> 32);
}

void driver_queue(struct driver *driver, unsigned number, uint16_t size)
{
	struct driver_queue *queue = &driver->queues[number];
	uint64_t rings = driver_rings(number);

	*queue = (struct driver_queue){size, rings, rings + 0x1000, rings + 0x2000, 0, 0};
	memset(at(driver, rings, 0x4000), 0, 0x4000);
	driver_write(driver, VIRTIO_QUEUE_SELECT, number);
	driver_write(driver, VIRTIO_QUEUE_SIZE, size);
	write_address(driver, VIRTIO_TABLE, queue->table);
	write_address(driver, VIRTIO_AVAILABLE, queue->available);
	write_address(driver, VIRTIO_USED, queue->used);
	driver_write(driver, VIRTIO_QUEUE_READY, 1);
}

void driver_go(struct driver *driver)
{
	driver_write(driver, VIRTIO_STATUS,
		     driver_read(driver, VIRTIO_STATUS) | VM_VIRTIO_DRIVER_OK);
}

void driver_start(struct driver *driver, uint64_t wanted, unsigned queues, uint16_t size)
{
	driver_negotiate(driver, wanted);
	for (unsigned queue = 0; queue < queues; queue++) {
		driver_queue(driver, queue, size);
		assert(driver_read(driver, VIRTIO_QUEUE_READY) == 1);
	}
	driver_go(driver);
}

void driver_describe(struct driver *driver, uint64_t table, uint16_t number, uint64_t address,
		     uint32_t size, uint16_t flags, uint16_t next)
{
	uint8_t *to = at(driver, table + 16 * (uint64_t)number, 16);

	base_store64(to, address);
	base_store32(to + 8, size);
	base_store16(to + 12, flags);
	base_store16(to + 14, next);
}

void driver_chain(struct driver *driver, unsigned queue, uint16_t number, uint64_t from,
		  uint32_t from_size, uint64_t to, uint32_t to_size)
{
	uint64_t table = driver->queues[queue].table;

	if (from_size)
		driver_describe(driver, table, number, from, from_size,
				to_size ? DESCRIPTOR_NEXT : 0, (uint16_t)(number + 1));
	if (to_size)
		driver_describe(driver, table, from_size ? (uint16_t)(number + 1) : number, to,
				to_size, DESCRIPTOR_WRITE, 0);
}

void driver_offer(struct driver *driver, unsigned number, uint16_t head)
{
	struct driver_queue *queue = &driver->queues[number];
	uint8_t *ring = at(driver, queue->available, 4 + 2 * (uint64_t)queue->size);

	base_store16(ring + 4 + 2 * (queue->offered % queue->size), head);
	base_store16(ring + 2, ++queue->offered);
}

void driver_notify(struct driver *driver, unsigned queue)
{
	driver_write(driver, VIRTIO_QUEUE_NOTIFY, queue);
}

bool driver_used(struct driver *driver, unsigned number, uint32_t *head, uint32_t *written)
{
	struct driver_queue *queue = &driver->queues[number];
	const uint8_t *ring = at(driver, queue->used, 4 + 8 * (uint64_t)queue->size);

	if (base_load16(ring + 2) == queue->seen)
		return false;
	ring += 4 + 8 * (queue->seen++ % queue->size);
	*head = base_load32(ring);
	*written = base_load32(ring + 4);
	return true;
}

bool driver_broken(struct driver *driver)
{
	return driver_read(driver, VIRTIO_STATUS) & VM_VIRTIO_NEEDS_RESET;
}
