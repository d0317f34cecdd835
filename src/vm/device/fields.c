/* SPDX-License-Identifier: Apache-2.0 */
/* fields.c - fields of a device's state: to bytes, from bytes, into a hash. */
#include "fields.h"

#include "base/little_endian.h"

#include <assert.h>

static void hash_word(struct vm_fields *fields, uint64_t word)
{
	fields->hash = (fields->hash ^ word) * UINT64_C(0x9e3779b97f4a7c15);
	fields->hash ^= fields->hash >> 32;
}

static void hash_bytes(struct vm_fields *fields, const uint8_t *bytes, size_t size)
{
	uint8_t last[8] = {0};

	for (; size >= 8; bytes += 8, size -= 8)
		hash_word(fields, base_load64(bytes));
	memcpy(last, bytes, size);
	hash_word(fields, base_load64(last) ^ (uint64_t)size << 56);
}

void vm_field_bytes(struct vm_fields *fields, void *field, size_t size)
{
	assert(fields->status <= 0);
	if (fields->status < 0 || size == 0)
		return;
	switch (fields->way) {
	case VM_FIELDS_SAVE:
		fields->status = base_buffer_append(fields->out, field, size, NULL);
		break;
	case VM_FIELDS_LOAD:
		if (size > fields->left) {
			fields->status = GW_E_CORRUPT;
			break;
		}
		memcpy(field, fields->in, size);
		fields->in += size;
		fields->left -= size;
		break;
	case VM_FIELDS_HASH:
		hash_bytes(fields, field, size);
		break;
	}
}

/* A number of `size` bytes; returns what the field is to be. */
static uint64_t number(struct vm_fields *fields, uint64_t value, size_t size)
{
	uint8_t bytes[8];

	assert(size <= 8);
	if (fields->way == VM_FIELDS_HASH) {
		hash_word(fields, value);
		return value;
	}
	base_store64(bytes, value);
	vm_field_bytes(fields, bytes, size);
	if (fields->way == VM_FIELDS_SAVE || fields->status < 0)
		return value;
	memset(bytes + size, 0, 8 - size);
	return base_load64(bytes);
}

void vm_field_u8(struct vm_fields *fields, uint8_t *field)
{
	*field = (uint8_t)number(fields, *field, 1);
}

void vm_field_u16(struct vm_fields *fields, uint16_t *field)
{
	*field = (uint16_t)number(fields, *field, 2);
}

void vm_field_u32(struct vm_fields *fields, uint32_t *field)
{
	*field = (uint32_t)number(fields, *field, 4);
}

void vm_field_u64(struct vm_fields *fields, uint64_t *field)
{
	*field = number(fields, *field, 8);
}

void vm_field_bool(struct vm_fields *fields, bool *field)
{
	uint64_t value = number(fields, *field, 1);

	vm_fields_check(fields, value <= 1);
	*field = value == 1;
}

void vm_fields_check(struct vm_fields *fields, bool can_be)
{
	if (fields->way == VM_FIELDS_LOAD && fields->status == 0 && !can_be)
		fields->status = GW_E_CORRUPT;
}
