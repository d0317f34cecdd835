/* SPDX-License-Identifier: Apache-2.0 */
/*
 * message.c - messages of generated types in our memory.
 */
#include "rpc/message.h"

#include <protobuf-c/protobuf-c.h>

#include "rpc/schema/field.h"

#include <assert.h>
#include <stdlib.h>

/* In front of a message that has memory of its own, most often this piece alone. */
struct owned {
	struct base_arena arena; /* what did not fit behind the message */
	uint64_t mark;
	_Alignas(16) uint8_t message[];
};

enum {
	OWNED_NEAR_BYTES = 192, /* behind a message, besides as many as it was packed in */
	OWNED_NEAR_BYTES_MAX = 64 << 10,
};

#define OWNED_MARK UINT64_C(0x4757206d65737367)

size_t rpc_message_bytes(const struct ProtobufCMessage *message)
{
	return protobuf_c_message_get_packed_size(message);
}

int rpc_message_pack(const struct ProtobufCMessage *message, struct base_buffer *buffer,
		     struct gw_error *error)
{
	size_t size = protobuf_c_message_get_packed_size(message);
	int code;

	assert(message->descriptor);
	code = base_buffer_reserve(buffer, size, error);

	if (code < 0)
		return gw_fail_in(error, "%s", message->descriptor->name);
	if (size == 0) /* perhaps there is no buffer yet */
		return 0;
	size_t packed = protobuf_c_message_pack(message, buffer->data + buffer->size);

	assert(packed == size);
	buffer->size += packed;
	return 0;
}

struct ProtobufCMessage *rpc_message_new(const struct ProtobufCMessageDescriptor *descriptor,
					 struct base_arena *arena)
{
	struct ProtobufCMessage *message =
		base_arena_alloc(arena, descriptor->sizeof_message, _Alignof(max_align_t));

	if (message)
		protobuf_c_message_init(descriptor, message);
	return message;
}

/* ---- Unpacking ----------------------------------------------------------------------------- */

/* What the allocator of one unpacking knows. */
struct budget {
	struct base_arena *arena;
	size_t left;
	uint8_t *near; /* taken from before the arena is, aligned for any type */
	size_t near_left;
	bool is_spent; /* more was asked for than is left: not a lack of memory */
	bool is_short; /* a lack of memory */
};

static void *allocate(void *data, size_t size)
{
	struct budget *budget = data;
	void *memory;

	assert(budget->arena);
	if (size > budget->left) {
		budget->is_spent = true;
		return NULL;
	}
	if (size <= budget->near_left) {
		size_t rounded = (size + 15) & ~(size_t)15;

		memory = budget->near;
		budget->near += rounded;
		budget->near_left -= rounded;
	} else {
		memory = base_arena_alloc(budget->arena, size, _Alignof(max_align_t));
	}
	if (memory)
		budget->left -= size;
	else
		budget->is_short = true;
	return memory;
}

/* The arena frees. */
static void release(void *data, void *memory)
{
	(void)data;
	(void)memory;
}

/* The name of the first field, in the message or those in it, whose text is no UTF-8; or NULL. No
 * message is nested deeper than RPC_SCHEMA_DEPTH_MAX: the generator saw to that. */
static const char *bad_text(const struct ProtobufCMessage *message);

static const char *bad_member(const ProtobufCFieldDescriptor *field, const void *member)
{
	const char *text;

	if (field->type == PROTOBUF_C_TYPE_MESSAGE) {
		const struct ProtobufCMessage *inside = *(struct ProtobufCMessage *const *)member;

		return inside ? bad_text(inside) : NULL;
	}
	text = *(char *const *)member;
	return text && !rpc_is_utf8(gw_string(text)) ? field->name : NULL;
}

static const char *bad_text(const struct ProtobufCMessage *message)
{
	const struct ProtobufCMessageDescriptor *descriptor = message->descriptor;
	const char *bad = NULL;

	for (unsigned i = 0; i < descriptor->n_fields && !bad; i++) {
		const ProtobufCFieldDescriptor *field = &descriptor->fields[i];
		const uint8_t *at = (const uint8_t *)message + field->offset;
		const uint8_t *quantifier = (const uint8_t *)message + field->quantifier_offset;

		if (field->type != PROTOBUF_C_TYPE_STRING && field->type != PROTOBUF_C_TYPE_MESSAGE)
			continue;
		if (field->label == PROTOBUF_C_LABEL_REPEATED) {
			size_t count = *(const size_t *)(const void *)quantifier;
			void *const *members = *(void *const *const *)(const void *)at;

			for (size_t j = 0; j < count && !bad; j++)
				bad = bad_member(field, &members[j]);
		} else if (!(field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) ||
			   *(const uint32_t *)(const void *)quantifier == field->id) {
			bad = bad_member(field, at);
		}
	}
	return bad;
}

static int unpack(const struct ProtobufCMessageDescriptor *descriptor, struct gw_bytes bytes,
		  struct budget budget, struct ProtobufCMessage **message, struct gw_error *error)
{
	ProtobufCAllocator allocator = {allocate, release, &budget};

	*message = NULL;
	budget.left = RPC_MESSAGE_MEMORY_MIN;
	if (bytes.size > (SIZE_MAX - RPC_MESSAGE_MEMORY_MIN) / RPC_MESSAGE_MEMORY_FACTOR)
		return gw_fail(error, GW_E_TOO_LARGE, "%s of %zu bytes", descriptor->name,
			       bytes.size);
	budget.left += bytes.size * RPC_MESSAGE_MEMORY_FACTOR;
	*message = protobuf_c_message_unpack(descriptor, &allocator, bytes.size,
					     bytes.data ? bytes.data : (const uint8_t *)"");
	if (*message) {
		const char *bad = bad_text(*message);

		if (!bad)
			return 0;
		*message = NULL;
		return gw_fail(error, GW_E_CORRUPT, "%s: %s is no UTF-8", descriptor->name, bad);
	}
	if (budget.is_spent)
		return gw_fail(error, GW_E_TOO_LARGE,
			       "%s of %zu bytes takes too much memory when unpacked",
			       descriptor->name, bytes.size);
	if (budget.is_short)
		return gw_fail(error, GW_E_NO_MEMORY, "no memory for a %s of %zu bytes",
			       descriptor->name, bytes.size);
	return gw_fail(error, GW_E_CORRUPT, "%zu bytes are no %s", bytes.size, descriptor->name);
}

int rpc_message_unpack(const struct ProtobufCMessageDescriptor *descriptor, struct gw_bytes bytes,
		       struct base_arena *arena, struct ProtobufCMessage **message,
		       struct gw_error *error)
{
	struct budget budget = {.arena = arena};

	return unpack(descriptor, bytes, budget, message, error);
}

int rpc_message_unpack_owned(const struct ProtobufCMessageDescriptor *descriptor,
			     struct gw_bytes bytes, struct ProtobufCMessage **message,
			     struct gw_error *error)
{
	size_t near = bytes.size < OWNED_NEAR_BYTES_MAX ? bytes.size : OWNED_NEAR_BYTES_MAX;
	size_t head = (descriptor->sizeof_message + 15) & ~(size_t)15;
	struct budget budget = {0};
	struct ProtobufCMessage *inside;
	struct owned *owned;
	int code;

	/* Room for the message twice: it is made behind the place that it is moved to. */
	near = ((near + 15) & ~(size_t)15) + head + OWNED_NEAR_BYTES;
	owned = malloc(sizeof(*owned) + head + near);
	*message = NULL;
	if (!owned)
		return gw_fail(error, GW_E_NO_MEMORY, "no memory for a %s", descriptor->name);
	owned->arena = (struct base_arena){0};
	budget.arena = &owned->arena;
	budget.near = owned->message + head;
	budget.near_left = near;
	code = unpack(descriptor, bytes, budget, &inside, error);
	if (code < 0) {
		base_arena_done(&owned->arena);
		free(owned);
		return code;
	}
	/* Nothing points to the outermost message, so it can be moved to where its owner is found
	 * from its address. */
	memcpy(owned->message, inside, descriptor->sizeof_message);
	owned->mark = OWNED_MARK;
	*message = (struct ProtobufCMessage *)owned->message;
	return 0;
}

void gw_rpc_message_free(struct ProtobufCMessage *message)
{
	struct owned *owned;

	if (!message)
		return;
	owned = (struct owned *)((uint8_t *)message - offsetof(struct owned, message));
	assert(owned->mark == OWNED_MARK); /* else it is not one that this library gave out */
	owned->mark = 0;
	base_arena_done(&owned->arena);
	free(owned);
}
