/* SPDX-License-Identifier: Apache-2.0 */
/*
 * field.h - protobuf's wire format, one field at a time: what reads descriptors and turns messages
 * into JSON and back without compiled code for them. Groups, which proto3 does not have, are
 * refused. Nothing here recurses.
 *
 *     struct gw_bytes rest = message;
 *     while ((code = rpc_field_next(&rest, &field, error)) > 0)
 *             ...
 */
#ifndef RPC_SCHEMA_FIELD_H
#define RPC_SCHEMA_FIELD_H

#include "base/buffer.h"

enum rpc_wire {
	RPC_WIRE_VARINT = 0,
	RPC_WIRE_FIXED64 = 1,
	RPC_WIRE_LENGTH = 2,
	RPC_WIRE_FIXED32 = 5,
};

enum { RPC_FIELD_NUMBER_MAX = (1 << 29) - 1 };

struct rpc_field {
	uint32_t number;
	enum rpc_wire wire;
	uint64_t value;	       /* of all but LENGTH */
	struct gw_bytes bytes; /* of LENGTH: a part of the message */
};

/* Takes the next field off the front of *rest: 1, 0 at the end, or GW_E_TRUNCATED or GW_E_CORRUPT
 * (then *rest is where it was). */
int rpc_field_next(struct gw_bytes *rest, struct rpc_field *field,
		   struct gw_error *error) GW_MUST_CHECK;

/* Takes one number off the front, as those of a packed field. Like base_varint_get, but longer
 * forms of a number are accepted, as all of protobuf does. */
int rpc_field_varint(struct gw_bytes *rest, uint64_t *value, struct gw_error *error) GW_MUST_CHECK;
/* The same for 4 or 8 bytes, little-endian. */
int rpc_field_fixed(struct gw_bytes *rest, size_t size, uint64_t *value,
		    struct gw_error *error) GW_MUST_CHECK;

/* Append a field. */
int rpc_field_put_varint(struct base_buffer *buffer, uint32_t number, uint64_t value,
			 struct gw_error *error) GW_MUST_CHECK;
int rpc_field_put_fixed32(struct base_buffer *buffer, uint32_t number, uint32_t value,
			  struct gw_error *error) GW_MUST_CHECK;
int rpc_field_put_fixed64(struct base_buffer *buffer, uint32_t number, uint64_t value,
			  struct gw_error *error) GW_MUST_CHECK;
int rpc_field_put_bytes(struct base_buffer *buffer, uint32_t number, struct gw_bytes bytes,
			struct gw_error *error) GW_MUST_CHECK;

/* Whether the bytes are UTF-8, as strings of proto3 and all of JSON are. */
bool rpc_is_utf8(struct gw_bytes bytes);

#endif
