/* SPDX-License-Identifier: Apache-2.0 */
/*
 * message.h - messages of generated types (protobuf-c) in our memory: unpacked into an arena, so
 * that all of a call is freed at once, and within a limit, so that few bytes cannot ask for many.
 *
 * Unpacking calls itself for messages in messages. The generator takes only messages that do not
 * contain themselves and are at most RPC_SCHEMA_DEPTH_MAX deep, so a task's stack is large enough
 * whatever the bytes are.
 */
#ifndef RPC_MESSAGE_H
#define RPC_MESSAGE_H

#include <groundwork/rpc.h>

#include "base/arena.h"
#include "base/buffer.h"

enum {
	/* What a message of n bytes may take when it is unpacked: MIN + FACTOR * n. */
	RPC_MESSAGE_MEMORY_MIN = 16 << 20,
	RPC_MESSAGE_MEMORY_FACTOR = 16,
};

/* Appends the bytes of a message. GW_E_TOO_LARGE past the buffer's limit, GW_E_NO_MEMORY. */
int rpc_message_pack(const struct ProtobufCMessage *message, struct base_buffer *buffer,
		     struct gw_error *error) GW_MUST_CHECK;
size_t rpc_message_bytes(const struct ProtobufCMessage *message);

/* A message with nothing set. It lasts as long as the arena; NULL when memory is short. */
struct ProtobufCMessage *rpc_message_new(const struct ProtobufCMessageDescriptor *descriptor,
					 struct base_arena *arena) GW_MUST_CHECK;

/* Unpacks bytes; the message lasts as long as the arena and needs the bytes no more.
 * GW_E_CORRUPT, GW_E_TOO_LARGE over the limit above, GW_E_NO_MEMORY. The arena's own limit holds as
 * well. */
int rpc_message_unpack(const struct ProtobufCMessageDescriptor *descriptor, struct gw_bytes bytes,
		       struct base_arena *arena, struct ProtobufCMessage **message,
		       struct gw_error *error) GW_MUST_CHECK;

/* The same with memory of its own: for a reply or an item, which is freed by
 * gw_rpc_message_free. */
int rpc_message_unpack_owned(const struct ProtobufCMessageDescriptor *descriptor,
			     struct gw_bytes bytes, struct ProtobufCMessage **message,
			     struct gw_error *error) GW_MUST_CHECK;

#endif
