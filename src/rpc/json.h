/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json.h - messages as JSON and back, by their descriptors: the JSON mapping of proto3.
 *
 * Fields have their JSON names; reading takes those of the .proto too. 64-bit integers are strings
 * (reading takes numbers too), bytes base64, enums names (or numbers), floats that are no number
 * "NaN", "Infinity", "-Infinity". Writing shows fields that have their default value, reading takes
 * null for it. An unknown name is an error. The special forms of google.protobuf.Timestamp and its
 * like are not made.
 */
#ifndef RPC_JSON_H
#define RPC_JSON_H

#include "base/buffer.h"
#include "rpc/schema/schema.h"

struct json_t; /* of jansson */

enum {
	RPC_JSON_BYTES_MAX = 16 << 20,
	RPC_JSON_DEPTH_MAX = 64,      /* arrays and objects inside each other */
	RPC_JSON_VALUES_MAX = 1 << 20, /* that one message becomes */
};

/* Appends the bytes of the message that the JSON text says. GW_E_INVALID with the place and what
 * would be right; GW_E_TOO_LARGE past the limits above or the buffer's. */
int rpc_json_read(const struct rpc_schema_message *type, struct gw_bytes text,
		  struct base_buffer *buffer, struct gw_error *error) GW_MUST_CHECK;

/* The two halves of it. *json is the caller's (json_decref). */
int rpc_json_parse(struct gw_bytes text, struct json_t **json,
		   struct gw_error *error) GW_MUST_CHECK;
int rpc_json_read_value(const struct rpc_schema_message *type, const struct json_t *json,
			struct base_buffer *buffer, struct gw_error *error) GW_MUST_CHECK;

enum rpc_json_style {
	RPC_JSON_LINE,	 /* all in one line */
	RPC_JSON_INDENT, /* a line a field */
};

/* Appends a message as JSON text, without a newline behind. GW_E_CORRUPT or GW_E_TRUNCATED when the
 * bytes are no such message, GW_E_TOO_LARGE past the limits. */
int rpc_json_write(const struct rpc_schema_message *type, struct gw_bytes bytes,
		   enum rpc_json_style style, struct base_buffer *buffer,
		   struct gw_error *error) GW_MUST_CHECK;

#endif
