/* SPDX-License-Identifier: Apache-2.0 */
/*
 * device.c - the bus: which device an address belongs to, and the state of all of them.
 */
#include "device.h"

#include "base/crc32c.h"
#include "base/little_endian.h"

#include <assert.h>
#include <stdlib.h>

static const char magic[7] = {'g', 'm', 'v', 'd', 'e', 'v', 's'}; /* the version follows */

enum { HEAD_BYTES = 8 + 4, DEVICE_HEAD_BYTES = 8 + 4 + 4 + 4, CHECKSUM_BYTES = 4 };

struct place {
	uint64_t base;
	struct vm_device device;
};

struct vm_devices {
	struct place places[VM_DEVICES_MAX]; /* by their bases */
	size_t count;
};

int vm_devices_new(struct vm_devices **devices, struct gw_error *error)
{
	*devices = calloc(1, sizeof(**devices));
	if (!*devices)
		return gw_fail(error, GW_E_NO_MEMORY, "a bus of devices: out of memory");
	return 0;
}

void vm_devices_free(struct vm_devices *devices)
{
	free(devices);
}

int vm_devices_add(struct vm_devices *devices, uint64_t base, struct vm_device device,
		   struct gw_error *error)
{
	uint64_t size = device.kind->size;
	size_t at = 0;

	assert(device.kind->read && device.kind->write);
	assert(device.kind->reset && device.kind->fields);
	assert(!device.kind->next == !device.kind->tick);
	if (base % VM_PAGE_BYTES || size == 0 || size > UINT64_MAX - base)
		return gw_fail(error, GW_E_INVALID, "a device at 0x%llx: not on a page",
			       (unsigned long long)base);
	if (devices->count == VM_DEVICES_MAX)
		return gw_fail(error, GW_E_TOO_LARGE, "more than %d devices", VM_DEVICES_MAX);
	while (at < devices->count && devices->places[at].base < base)
		at++;
	if ((at > 0 && base - devices->places[at - 1].base <
			       devices->places[at - 1].device.kind->size) ||
	    (at < devices->count && devices->places[at].base - base < size))
		return gw_fail(error, GW_E_INVALID, "a device at 0x%llx: over another",
			       (unsigned long long)base);
	memmove(&devices->places[at + 1], &devices->places[at],
		(devices->count - at) * sizeof(devices->places[0]));
	devices->places[at] = (struct place){base, device};
	devices->count++;
	return 0;
}

/* ---- The guest's accesses -------------------------------------------------------------------- */

static const struct place *place_of(const struct vm_devices *devices, uint64_t address,
				    unsigned size)
{
	assert(size == 1 || size == 2 || size == 4 || size == 8);
	if (address % size)
		return NULL;
	for (size_t at = 0; at < devices->count; at++) {
		const struct place *place = &devices->places[at];
		uint64_t bytes = place->device.kind->size;

		if (address >= place->base && address - place->base < bytes)
			return size > bytes - (address - place->base) ? NULL : place;
	}
	return NULL;
}

static int read_bus(void *of, uint64_t address, unsigned size, uint64_t *value)
{
	const struct place *place = place_of(of, address, size);

	if (!place)
		return GW_E_INVALID;
	*value = 0;
	return place->device.kind->read(place->device.state, address - place->base, size, value);
}

static int write_bus(void *of, uint64_t address, unsigned size, uint64_t value)
{
	const struct place *place = place_of(of, address, size);

	if (!place)
		return GW_E_INVALID;
	assert(address >= place->base);
	if (size < 8)
		value &= (UINT64_C(1) << 8 * size) - 1;
	return place->device.kind->write(place->device.state, address - place->base, size, value);
}

const struct vm_bus vm_devices_bus = {read_bus, write_bus};

/* ---- Time ------------------------------------------------------------------------------------ */

void vm_devices_reset(struct vm_devices *devices)
{
	for (size_t at = 0; at < devices->count; at++)
		devices->places[at].device.kind->reset(devices->places[at].device.state);
}

uint64_t vm_devices_next(const struct vm_devices *devices)
{
	uint64_t earliest = UINT64_MAX;

	for (size_t at = 0; at < devices->count; at++) {
		const struct vm_device *device = &devices->places[at].device;
		uint64_t next;

		if (!device->kind->next)
			continue;
		next = device->kind->next(device->state);
		if (next < earliest)
			earliest = next;
	}
	return earliest;
}

void vm_devices_tick(struct vm_devices *devices)
{
	for (size_t at = 0; at < devices->count; at++) {
		const struct vm_device *device = &devices->places[at].device;

		if (device->kind->tick)
			device->kind->tick(device->state);
	}
}

/* ---- State ----------------------------------------------------------------------------------- */

static uint32_t version_of(enum vm_device_number number)
{
	switch (number) {
#define VERSION(number, name, version)  \
	case VM_DEVICE_##name:          \
		return version;
		VM_DEVICE_TABLE(VERSION)
#undef VERSION
	}
	return 0;
}

static int save_device(const struct place *place, struct base_buffer *out)
{
	struct vm_fields fields = {.way = VM_FIELDS_SAVE, .out = out};
	uint8_t head[DEVICE_HEAD_BYTES];
	size_t begin = out->size;

	base_store64(head, place->base);
	base_store32(head + 8, place->device.kind->number);
	base_store32(head + 12, version_of(place->device.kind->number));
	base_store32(head + 16, 0);
	vm_field_bytes(&fields, head, sizeof(head));
	place->device.kind->fields(place->device.state, &fields);
	if (fields.status == 0)
		base_store32(out->data + begin + 16, (uint32_t)(out->size - begin - sizeof(head)));
	return fields.status;
}

int vm_devices_save(struct vm_devices *devices, struct base_buffer *out, struct gw_error *error)
{
	uint8_t head[HEAD_BYTES], checksum[CHECKSUM_BYTES];
	size_t begin = out->size;
	int status;

	memcpy(head, magic, sizeof(magic));
	head[7] = VM_DEVICES_STATE_VERSION;
	base_store32(head + 8, (uint32_t)devices->count);
	status = base_buffer_append(out, head, sizeof(head), NULL);
	for (size_t at = 0; at < devices->count && status == 0; at++)
		status = save_device(&devices->places[at], out);
	if (status == 0) {
		base_store32(checksum, base_crc32c(0, out->data + begin, out->size - begin));
		status = base_buffer_append(out, checksum, sizeof(checksum), NULL);
	}
	if (status < 0) {
		out->size = begin;
		return gw_fail(error, status, "state of the devices: %s", gw_code_text(status));
	}
	return 0;
}

static int load_device(const struct place *place, struct vm_fields *in, struct gw_error *error)
{
	struct vm_fields fields = {.way = VM_FIELDS_LOAD};
	enum vm_device_number number = place->device.kind->number;
	uint8_t head[DEVICE_HEAD_BYTES];
	uint32_t size;

	vm_field_bytes(in, head, sizeof(head));
	if (in->status < 0 || base_load64(head) != place->base || base_load32(head + 8) != number)
		return gw_fail(error, GW_E_CORRUPT, "state of the devices: not of these devices");
	if (base_load32(head + 12) != version_of(number))
		return gw_fail(error, GW_E_VERSION,
			       "state of the device at 0x%llx: version %u, known is %u",
			       (unsigned long long)place->base, base_load32(head + 12),
			       version_of(number));
	size = base_load32(head + 16);
	fields.in = in->in;
	fields.left = size < in->left ? size : in->left;
	place->device.kind->fields(place->device.state, &fields);
	if (fields.status < 0 || fields.left != 0 || size > in->left)
		return gw_fail(error, GW_E_CORRUPT,
			       "state of the device at 0x%llx: one that cannot be",
			       (unsigned long long)place->base);
	in->in += size;
	in->left -= size;
	return 0;
}

static int load_devices(struct vm_devices *devices, struct gw_bytes in, struct gw_error *error)
{
	struct vm_fields fields = {.way = VM_FIELDS_LOAD};
	const uint8_t *bytes = in.data;
	int status = 0;

	if (in.size < HEAD_BYTES + CHECKSUM_BYTES || memcmp(bytes, magic, sizeof(magic)) != 0)
		return gw_fail(error, GW_E_CORRUPT, "state of the devices: there is none");
	if (bytes[7] != VM_DEVICES_STATE_VERSION)
		return gw_fail(error, GW_E_VERSION,
			       "state of the devices: version %u, known is %d", bytes[7],
			       VM_DEVICES_STATE_VERSION);
	fields.in = bytes + HEAD_BYTES;
	fields.left = in.size - HEAD_BYTES - CHECKSUM_BYTES;
	if (base_load32(bytes + in.size - CHECKSUM_BYTES) !=
	    base_crc32c(0, bytes, in.size - CHECKSUM_BYTES))
		return gw_fail(error, GW_E_CORRUPT, "state of the devices: checksum mismatch");
	if (base_load32(bytes + 8) != devices->count)
		return gw_fail(error, GW_E_CORRUPT, "state of the devices: not of these devices");
	for (size_t at = 0; at < devices->count && status == 0; at++)
		status = load_device(&devices->places[at], &fields, error);
	if (status == 0 && fields.left != 0)
		status = gw_fail(error, GW_E_CORRUPT, "state of the devices: too long");
	return status;
}

int vm_devices_load(struct vm_devices *devices, struct gw_bytes in, struct gw_error *error)
{
	int status = load_devices(devices, in, error);

	if (status < 0)
		vm_devices_reset(devices);
	return status;
}

uint64_t vm_devices_hash(struct vm_devices *devices)
{
	struct vm_fields fields = {.way = VM_FIELDS_HASH};

	for (size_t at = 0; at < devices->count; at++) {
		const struct vm_device *device = &devices->places[at].device;

		vm_field_u64(&fields, &devices->places[at].base);
		device->kind->fields(device->state, &fields);
	}
	return fields.hash;
}
