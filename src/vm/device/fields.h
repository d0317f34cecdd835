/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fields.h - the state of a device, named field by field by one function that saves, loads and
 * hashes it, so that these three cannot differ. Numbers are little-endian, nothing is padded.
 */
#ifndef VM_DEVICE_FIELDS_H
#define VM_DEVICE_FIELDS_H

#include "base/buffer.h"

enum vm_fields_way { VM_FIELDS_SAVE = 1, VM_FIELDS_LOAD, VM_FIELDS_HASH };

struct vm_fields {
	enum vm_fields_way way;
	struct base_buffer *out; /* of SAVE: appended to */
	const uint8_t *in;       /* of LOAD: what is left */
	size_t left;
	uint64_t hash;           /* of HASH */
	int status;              /* 0, or what was wrong first; all that follows does nothing */
};

/* Each saves *field, sets it, or adds it to the hash. */
void vm_field_u8(struct vm_fields *fields, uint8_t *field);
void vm_field_u16(struct vm_fields *fields, uint16_t *field);
void vm_field_u32(struct vm_fields *fields, uint32_t *field);
void vm_field_u64(struct vm_fields *fields, uint64_t *field);
void vm_field_bool(struct vm_fields *fields, bool *field); /* loaded: 0 or 1 */
void vm_field_bytes(struct vm_fields *fields, void *field, size_t size);

/* After the last field of a device, which is loaded: what cannot be is refused (GW_E_CORRUPT). */
void vm_fields_check(struct vm_fields *fields, bool can_be);

#endif
