/* SPDX-License-Identifier: Apache-2.0 */
/* virtio.c - the MMIO transport, version 2: registers, features, status, interrupts. */
#include "queue.h"

#include <assert.h>

enum {
	MAGIC = 0x000,
	VERSION = 0x004,
	DEVICE_ID = 0x008,
	VENDOR_ID = 0x00c,
	FEATURES = 0x010,
	FEATURES_SELECT = 0x014,
	DRIVER_FEATURES = 0x020,
	DRIVER_FEATURES_SELECT = 0x024,
	QUEUE_SELECT = 0x030,
	QUEUE_SIZE_LIMIT = 0x034,
	QUEUE_SIZE = 0x038,
	QUEUE_READY = 0x044,
	QUEUE_NOTIFY = 0x050,
	INTERRUPT = 0x060,
	INTERRUPT_ACKNOWLEDGE = 0x064,
	STATUS = 0x070,
	QUEUE_TABLE = 0x080, /* each low, then high */
	QUEUE_AVAILABLE = 0x090,
	QUEUE_USED = 0x0a0,
	SHARED_MEMORY = 0x0b0, /* to 0x0bf: size and base of none are all ones */
	GENERATION = 0x0fc,

	MAGIC_VALUE = 0x74726976, /* "virt" */
	VENDOR_VALUE = 0x6d767767,
	INTERRUPT_USED = 1,
	INTERRUPT_CONFIG = 2,
	INTERRUPT_ALL = 3,
	STATUS_ALL = 0xff,
};

void vm_virtio_init(struct vm_virtio *virtio, const struct vm_virtio_kind *kind,
		    const struct vm_ram *ram, const struct vm_wire *wire)
{
	assert(kind->queue_count <= VM_VIRTIO_QUEUES_MAX);
	assert(kind->queue_size_max <= VM_QUEUE_SIZE_MAX);
	assert(virtio->config_size <= sizeof(virtio->config));
	virtio->kind = kind;
	virtio->ram = *ram;
	virtio->wire = *wire;
	virtio->features |=
		VM_VIRTIO_F_VERSION_1 | VM_VIRTIO_F_INDIRECT_DESC | VM_VIRTIO_F_EVENT_IDX;
}

static void update(struct vm_virtio *virtio)
{
	vm_wire_set(&virtio->wire, virtio->interrupt != 0);
}

bool vm_virtio_running(const struct vm_virtio *virtio)
{
	const uint32_t needed = VM_VIRTIO_FEATURES_OK | VM_VIRTIO_DRIVER_OK;

	return (virtio->status & (needed | VM_VIRTIO_NEEDS_RESET)) == needed;
}

void vm_virtio_break(struct vm_virtio *virtio)
{
	if (virtio->status & VM_VIRTIO_DRIVER_OK && !(virtio->status & VM_VIRTIO_NEEDS_RESET))
		virtio->interrupt |= INTERRUPT_CONFIG;
	virtio->status |= VM_VIRTIO_NEEDS_RESET;
	update(virtio);
}

void vm_virtio_config_changed(struct vm_virtio *virtio)
{
	virtio->generation++;
	if (vm_virtio_running(virtio))
		virtio->interrupt |= INTERRUPT_CONFIG;
	update(virtio);
}

void vm_virtio_used(struct vm_virtio *virtio)
{
	virtio->interrupt |= INTERRUPT_USED;
	update(virtio);
}

/* The generation goes on: a driver may compare it over a reset. */
void vm_virtio_reset(void *device)
{
	struct vm_virtio *virtio = device;

	virtio->kind->reset(virtio);
	virtio->driver_features = 0;
	virtio->features_select = virtio->driver_features_select = virtio->queue_select = 0;
	virtio->status = virtio->interrupt = 0;
	memset(virtio->queues, 0, sizeof(virtio->queues));
	update(virtio);
}

/* ---- Read ------------------------------------------------------------------------------------ */

static struct vm_queue *selected(struct vm_virtio *virtio)
{
	return virtio->queue_select < virtio->kind->queue_count
		       ? &virtio->queues[virtio->queue_select]
		       : NULL;
}

static uint32_t half(uint64_t features, uint32_t select)
{
	return select < 2 ? (uint32_t)(features >> 32 * select) : 0;
}

static uint32_t read_register(struct vm_virtio *virtio, uint64_t offset)
{
	const struct vm_queue *queue = selected(virtio);

	switch (offset) {
	case MAGIC:
		return MAGIC_VALUE;
	case VERSION:
		return 2;
	case DEVICE_ID:
		return virtio->kind->device_id;
	case VENDOR_ID:
		return VENDOR_VALUE;
	case FEATURES:
		return half(virtio->features, virtio->features_select);
	case QUEUE_SIZE_LIMIT:
		return queue ? virtio->kind->queue_size_max : 0;
	case QUEUE_READY:
		return queue && queue->ready;
	case INTERRUPT:
		return virtio->interrupt;
	case STATUS:
		return virtio->status;
	case SHARED_MEMORY:
	case SHARED_MEMORY + 4:
	case SHARED_MEMORY + 8:
	case SHARED_MEMORY + 12:
		return UINT32_MAX;
	case GENERATION:
		return virtio->generation;
	default: /* reserved, or only written */
		return 0;
	}
}

int vm_virtio_read(void *device, uint64_t offset, unsigned size, uint64_t *value)
{
	struct vm_virtio *virtio = device;

	*value = 0;
	if (offset < VM_VIRTIO_CONFIG) {
		if (size != 4)
			return GW_E_INVALID;
		*value = read_register(virtio, offset);
		return 0;
	}
	offset -= VM_VIRTIO_CONFIG;
	for (unsigned at = 0; at < size; at++) {
		if (offset + at < virtio->config_size)
			*value |= (uint64_t)virtio->config[offset + at] << 8 * at;
	}
	return 0;
}

/* ---- Written --------------------------------------------------------------------------------- */

static void set_half(uint64_t *number, uint64_t select, uint32_t value)
{
	uint64_t mask = UINT64_C(0xffffffff) << 32 * select;

	assert(select < 2);
	*number = (*number & ~mask) | (uint64_t)value << 32 * select;
}

static void write_driver_features(struct vm_virtio *virtio, uint32_t value)
{
	if (virtio->driver_features_select < 2 && !(virtio->status & VM_VIRTIO_FEATURES_OK))
		set_half(&virtio->driver_features, virtio->driver_features_select, value);
}

static void write_status(struct vm_virtio *virtio, uint32_t value)
{
	uint32_t before = virtio->status;

	if (value == 0) {
		vm_virtio_reset(virtio);
		return;
	}
	virtio->status = (value & STATUS_ALL) | (before & VM_VIRTIO_NEEDS_RESET);
	if (virtio->status & ~before & VM_VIRTIO_FEATURES_OK &&
	    (virtio->driver_features & ~virtio->features ||
	     !(virtio->driver_features & VM_VIRTIO_F_VERSION_1)))
		virtio->status &= ~(uint32_t)VM_VIRTIO_FEATURES_OK;
}

static void write_ready(struct vm_virtio *virtio, struct vm_queue *queue, uint32_t value)
{
	if (!(value & 1)) {
		queue->ready = false;
	} else if (!queue->ready) {
		queue->next_available = queue->next_used = 0;
		queue->ready = vm_queue_can_be(virtio, queue);
		if (!queue->ready)
			vm_virtio_break(virtio);
	}
}

/* What describes the selected queue; fixed while it is ready. */
static void write_queue(struct vm_virtio *virtio, uint64_t offset, uint32_t value)
{
	struct vm_queue *queue = selected(virtio);

	if (!queue)
		return;
	if (offset == QUEUE_READY) {
		write_ready(virtio, queue, value);
		return;
	}
	if (queue->ready)
		return;
	if (offset == QUEUE_SIZE)
		queue->size = value > UINT16_MAX ? 0 : (uint16_t)value;
	else if ((offset & ~UINT64_C(4)) == QUEUE_TABLE)
		set_half(&queue->table, offset / 4 % 2, value);
	else if ((offset & ~UINT64_C(4)) == QUEUE_AVAILABLE)
		set_half(&queue->available, offset / 4 % 2, value);
	else if ((offset & ~UINT64_C(4)) == QUEUE_USED)
		set_half(&queue->used, offset / 4 % 2, value);
}

static void notify(struct vm_virtio *virtio, uint32_t queue)
{
	if (queue < virtio->kind->queue_count && virtio->queues[queue].ready &&
	    vm_virtio_running(virtio))
		virtio->kind->notify(virtio, queue);
}

int vm_virtio_write(void *device, uint64_t offset, unsigned size, uint64_t written)
{
	struct vm_virtio *virtio = device;
	uint32_t value = (uint32_t)written;

	if (offset >= VM_VIRTIO_CONFIG)
		return 0;
	if (size != 4)
		return GW_E_INVALID;
	switch (offset) {
	case FEATURES_SELECT:
		virtio->features_select = value;
		break;
	case DRIVER_FEATURES:
		write_driver_features(virtio, value);
		break;
	case DRIVER_FEATURES_SELECT:
		virtio->driver_features_select = value;
		break;
	case QUEUE_SELECT:
		virtio->queue_select = value;
		break;
	case QUEUE_NOTIFY:
		notify(virtio, value);
		break;
	case INTERRUPT_ACKNOWLEDGE:
		virtio->interrupt &= ~value;
		update(virtio);
		break;
	case STATUS:
		write_status(virtio, value);
		break;
	default: /* of a queue; or reserved, or only read */
		write_queue(virtio, offset, value);
		break;
	}
	return 0;
}

/* ---- State ----------------------------------------------------------------------------------- */

static void queue_fields(const struct vm_virtio *virtio, struct vm_queue *queue,
			 struct vm_fields *fields)
{
	vm_field_u16(fields, &queue->size);
	vm_field_bool(fields, &queue->ready);
	vm_field_u64(fields, &queue->table);
	vm_field_u64(fields, &queue->available);
	vm_field_u64(fields, &queue->used);
	vm_field_u16(fields, &queue->next_available);
	vm_field_u16(fields, &queue->next_used);
	vm_fields_check(fields, !queue->ready || vm_queue_can_be(virtio, queue));
	if (fields->status < 0)
		queue->ready = false;
}

void vm_virtio_fields(struct vm_virtio *virtio, struct vm_fields *fields)
{
	vm_field_u64(fields, &virtio->driver_features);
	vm_field_u32(fields, &virtio->features_select);
	vm_field_u32(fields, &virtio->driver_features_select);
	vm_field_u32(fields, &virtio->queue_select);
	vm_field_u32(fields, &virtio->status);
	vm_field_u32(fields, &virtio->interrupt);
	vm_field_u32(fields, &virtio->generation);
	vm_fields_check(fields, virtio->status <= STATUS_ALL &&
				virtio->interrupt <= INTERRUPT_ALL);
	for (unsigned queue = 0; queue < virtio->kind->queue_count; queue++)
		queue_fields(virtio, &virtio->queues[queue], fields);
}
