/* SPDX-License-Identifier: Apache-2.0 */
/*
 * field.c - protobuf's wire format, one field at a time.
 */
#include "rpc/schema/field.h"

#include "base/little_endian.h"
#include "base/varint.h"

#include <assert.h>

static void skip(struct gw_bytes *rest, size_t size)
{
	assert(size <= rest->size);
	rest->data = (const uint8_t *)rest->data + size;
	rest->size -= size;
}

int rpc_field_varint(struct gw_bytes *rest, uint64_t *value, struct gw_error *error)
{
	const uint8_t *data = rest->data;
	uint64_t sum = 0;

	*value = 0;
	for (size_t i = 0; i < rest->size && i < BASE_VARINT_MAX; i++) {
		/* Bits past the 64th are dropped, as protobuf's own readers do. */
		sum |= (uint64_t)(data[i] & 0x7f) << (7 * i);
		if (data[i] & 0x80)
			continue;
		*value = sum;
		skip(rest, i + 1);
		return 0;
	}
	if (rest->size < BASE_VARINT_MAX)
		return gw_fail(error, GW_E_TRUNCATED, "message ends inside a number");
	return gw_fail(error, GW_E_CORRUPT, "number of more than %d bytes", BASE_VARINT_MAX);
}

int rpc_field_fixed(struct gw_bytes *rest, size_t size, uint64_t *value, struct gw_error *error)
{
	assert(size == 4 || size == 8);
	if (size > rest->size)
		return gw_fail(error, GW_E_TRUNCATED, "message ends inside a number");
	*value = size == 4 ? base_load32(rest->data) : base_load64(rest->data);
	skip(rest, size);
	return 0;
}

static int take_bytes(struct gw_bytes *rest, struct rpc_field *field, struct gw_error *error)
{
	uint64_t size;
	int code = rpc_field_varint(rest, &size, error);

	if (code < 0)
		return code;
	if (size > rest->size)
		return gw_fail(error, GW_E_TRUNCATED, "message ends inside field %u",
			       field->number);
	field->bytes = (struct gw_bytes){rest->data, (size_t)size};
	skip(rest, (size_t)size);
	return 0;
}

static int take_value(struct gw_bytes *rest, struct rpc_field *field, struct gw_error *error)
{
	switch (field->wire) {
	case RPC_WIRE_VARINT:
		return rpc_field_varint(rest, &field->value, error);
	case RPC_WIRE_FIXED64:
		return rpc_field_fixed(rest, 8, &field->value, error);
	case RPC_WIRE_FIXED32:
		return rpc_field_fixed(rest, 4, &field->value, error);
	case RPC_WIRE_LENGTH:
		return take_bytes(rest, field, error);
	}
	return gw_fail(error, GW_E_CORRUPT, "field %u has wire type %d, which proto3 does not have",
		       field->number, (int)field->wire);
}

int rpc_field_next(struct gw_bytes *rest, struct rpc_field *field, struct gw_error *error)
{
	struct gw_bytes at = *rest;
	uint64_t tag;
	int code;

	if (at.size == 0)
		return 0;
	code = rpc_field_varint(&at, &tag, error);
	if (code < 0)
		return code;
	if (tag >> 3 == 0 || tag >> 3 > RPC_FIELD_NUMBER_MAX)
		return gw_fail(error, GW_E_CORRUPT, "field number %llu is not possible",
			       (unsigned long long)(tag >> 3));
	*field = (struct rpc_field){.number = (uint32_t)(tag >> 3), .wire = tag & 7};
	code = take_value(&at, field, error);
	if (code < 0)
		return code;
	assert(at.size < rest->size);
	*rest = at;
	return 1;
}

/* ---- Writing ------------------------------------------------------------------------------- */

static int put(struct base_buffer *buffer, uint32_t number, enum rpc_wire wire, const void *data,
	       size_t size, struct gw_error *error)
{
	uint8_t tag[BASE_VARINT_MAX];
	int code;

	assert(number > 0 && number <= RPC_FIELD_NUMBER_MAX);
	code = base_buffer_append(buffer, tag, base_varint_put(tag, (uint64_t)number << 3 | wire),
				  error);
	return code < 0 ? code : base_buffer_append(buffer, data, size, error);
}

int rpc_field_put_varint(struct base_buffer *buffer, uint32_t number, uint64_t value,
			 struct gw_error *error)
{
	uint8_t bytes[BASE_VARINT_MAX];

	return put(buffer, number, RPC_WIRE_VARINT, bytes, base_varint_put(bytes, value), error);
}

int rpc_field_put_fixed32(struct base_buffer *buffer, uint32_t number, uint32_t value,
			  struct gw_error *error)
{
	uint8_t bytes[4];

	base_store32(bytes, value);
	return put(buffer, number, RPC_WIRE_FIXED32, bytes, sizeof(bytes), error);
}

int rpc_field_put_fixed64(struct base_buffer *buffer, uint32_t number, uint64_t value,
			  struct gw_error *error)
{
	uint8_t bytes[8];

	base_store64(bytes, value);
	return put(buffer, number, RPC_WIRE_FIXED64, bytes, sizeof(bytes), error);
}

int rpc_field_put_bytes(struct base_buffer *buffer, uint32_t number, struct gw_bytes bytes,
			struct gw_error *error)
{
	uint8_t size[BASE_VARINT_MAX];
	int code = put(buffer, number, RPC_WIRE_LENGTH, size, base_varint_put(size, bytes.size),
		       error);

	return code < 0 ? code : base_buffer_append(buffer, bytes.data, bytes.size, error);
}

/* ---- UTF-8 --------------------------------------------------------------------------------- */

/* How many bytes the character at the front has, or 0 when it is none. */
static size_t character(const uint8_t *at, size_t size)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	size_t ones = at[0] == 0xff ? 8 : (size_t)__builtin_clz(~((uint32_t)at[0] << 24));
	size_t length = ones == 0 ? 1 : ones >= 2 && ones <= 4 ? ones : 0;

	if (length == 0 || length > size)
		return 0;
	uint32_t code = length == 1 ? at[0] : at[0] & (0x7fu >> length);

	for (size_t i = 1; i < length; i++) {
		if ((at[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (at[i] & 0x3f);
	}
	if (code < least[length] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000))
		return 0;
	return length;
}

bool rpc_is_utf8(struct gw_bytes bytes)
{
	const uint8_t *data = bytes.data;

	for (size_t at = 0; at < bytes.size;) {
		size_t length = character(data + at, bytes.size - at);

		if (length == 0)
			return false;
		at += length;
	}
	return true;
}
