/* SPDX-License-Identifier: Apache-2.0 */
/*
 * entry.c - entries of the log to bytes and back.
 */
#include "kv/server/entry.h"

#include <assert.h>

#include "base/crc32c.h"
#include "base/little_endian.h"

int kv_operation_check(const struct kv_operation *operation, struct gw_error *error)
{
	const unsigned flags = operation->kind == KV_SWAP ? KV_IF_VERSION | KV_IF_VALUE | KV_REMOVE
							  : 0;

	if (operation->key.size == 0)
		return gw_fail(error, GW_E_INVALID, "a key has at least one byte");
	if (operation->key.size > KV_KEY_BYTES_MAX)
		return gw_fail(error, GW_E_TOO_LARGE, "a key of %zu bytes; %d are the most",
			       operation->key.size, KV_KEY_BYTES_MAX);
	if (operation->value.size > KV_VALUE_BYTES_MAX)
		return gw_fail(error, GW_E_TOO_LARGE, "a value of %zu bytes; %d are the most",
			       operation->value.size, KV_VALUE_BYTES_MAX);
	/* No value can be so large; and the entry has to fit the log. */
	if (operation->expected.size > KV_WRITE_BYTES_MAX - operation->value.size)
		return gw_fail(error, GW_E_TOO_LARGE, "values of %zu bytes; %d are the most",
			       operation->expected.size + operation->value.size,
			       KV_WRITE_BYTES_MAX);
	if (operation->kind < KV_PUT || operation->kind > KV_DELETE ||
	    (operation->flags & ~flags) != 0)
		return gw_fail(error, GW_E_INVALID, "operation %u with flags %u is unknown",
			       operation->kind, operation->flags);
	return 0;
}

/* ---- To bytes ------------------------------------------------------------------------------- */

static size_t operation_bytes(const struct kv_operation *operation)
{
	return KV_OPERATION_HEAD_BYTES + operation->key.size + operation->value.size +
	       operation->expected.size;
}

static uint8_t *put_bytes(uint8_t *at, struct gw_bytes bytes)
{
	if (bytes.size > 0)
		memcpy(at, bytes.data, bytes.size);
	return at + bytes.size;
}

static uint8_t *operation_encode(const struct kv_operation *operation, uint8_t *at)
{
	assert(operation->key.size > 0 && operation->key.size <= KV_KEY_BYTES_MAX);
	assert(operation->value.size <= KV_VALUE_BYTES_MAX);
	at[0] = operation->kind;
	at[1] = operation->flags;
	base_store16(at + 2, (uint16_t)operation->key.size);
	base_store32(at + 4, (uint32_t)operation->value.size);
	base_store32(at + 8, (uint32_t)operation->expected.size);
	base_store64(at + 12, operation->number);
	base_store64(at + 20, operation->version_expected);
	at = put_bytes(at + KV_OPERATION_HEAD_BYTES, operation->key);
	at = put_bytes(at, operation->value);
	return put_bytes(at, operation->expected);
}

static bool has_operations(uint8_t kind)
{
	return kind == KV_ENTRY_CHANGE || kind == KV_ENTRY_WRITE;
}

static uint32_t entry_crc(const uint8_t *start, size_t size)
{
	uint32_t crc = base_crc32c(0, start + KV_ENTRY_HEAD_BYTES, size - KV_ENTRY_HEAD_BYTES);

	return base_crc32c(crc, start, 4);
}

int kv_entry_encode(const struct kv_entry *entry, const struct kv_operation *operations,
		    struct base_buffer *out, struct gw_error *error)
{
	size_t size = KV_ENTRY_HEAD_BYTES + (entry->has_call ? RPC_DUP_CALL_BYTES : 0) + 16;
	uint8_t *start, *at;
	int code;

	assert(entry->kind != KV_ENTRY_CHANGE || entry->count == 1);
	for (uint16_t i = 0; i < entry->count; i++)
		size += operation_bytes(&operations[i]);
	code = base_buffer_reserve(out, size, error);
	if (code < 0)
		return code;
	start = out->data + out->size;
	start[0] = KV_ENTRY_VERSION;
	start[1] = entry->kind;
	start[2] = entry->has_call ? KV_ENTRY_CALL : 0;
	start[3] = 0;
	at = start + KV_ENTRY_HEAD_BYTES;
	if (entry->has_call) {
		rpc_dup_call_encode(&entry->call, at);
		at += RPC_DUP_CALL_BYTES;
	}
	if (has_operations(entry->kind)) {
		base_store16(at, entry->count);
		at += 2;
		for (uint16_t i = 0; i < entry->count; i++)
			at = operation_encode(&operations[i], at);
	} else if (entry->kind == KV_ENTRY_OPEN) {
		base_store64(at, entry->client.words[0]);
		base_store64(at + 8, entry->client.words[1]);
		at += 16;
	}
	assert((size_t)(at - start) <= size);
	base_store32(start + 4, entry_crc(start, (size_t)(at - start)));
	out->size += (size_t)(at - start);
	return 0;
}

/* ---- And back ------------------------------------------------------------------------------- */

/* The operation at the front of at[0..left): how many bytes it takes, 0 when it is cut. */
static size_t operation_decode(const uint8_t *at, size_t left, struct kv_operation *operation)
{
	size_t key, value, expected;

	if (left < KV_OPERATION_HEAD_BYTES)
		return 0;
	key = base_load16(at + 2);
	value = base_load32(at + 4);
	expected = base_load32(at + 8);
	left -= KV_OPERATION_HEAD_BYTES;
	if (key > left || value > left - key || expected > left - key - value)
		return 0;
	*operation = (struct kv_operation){
		.kind = at[0],
		.flags = at[1],
		.number = base_load64(at + 12),
		.version_expected = base_load64(at + 20),
		.key = {at + KV_OPERATION_HEAD_BYTES, key},
		.value = {at + KV_OPERATION_HEAD_BYTES + key, value},
		.expected = {at + KV_OPERATION_HEAD_BYTES + key + value, expected},
	};
	return operation_bytes(operation);
}

bool kv_entry_next(const struct kv_entry *entry, size_t *position, struct kv_operation *operation)
{
	size_t size;

	if (*position >= entry->operations.size)
		return false;
	size = operation_decode((const uint8_t *)entry->operations.data + *position,
				entry->operations.size - *position, operation);
	assert(size > 0);
	*position += size;
	return true;
}

static int check_operations(const struct kv_entry *entry, struct gw_error *error)
{
	const uint8_t *at = entry->operations.data;
	size_t left = entry->operations.size;
	struct kv_operation operation;
	int code;

	if (entry->count == 0 || (entry->kind == KV_ENTRY_CHANGE && entry->count != 1))
		return gw_fail(error, GW_E_CORRUPT, "an entry with %u operations", entry->count);
	for (uint16_t i = 0; i < entry->count; i++) {
		size_t size = operation_decode(at, left, &operation);

		if (size == 0)
			return gw_fail(error, GW_E_CORRUPT, "an entry is cut in operation %u", i);
		code = kv_operation_check(&operation, error);
		if (code < 0)
			return gw_fail(error, GW_E_CORRUPT,
				       "operation %u of an entry cannot be: %s", i,
				       gw_code_text(code));
		if (entry->kind == KV_ENTRY_WRITE && operation.kind != KV_PUT &&
		    operation.kind != KV_DELETE)
			return gw_fail(error, GW_E_CORRUPT, "an entry that writes has operation %u",
				       operation.kind);
		at += size;
		left -= size;
	}
	if (left > 0)
		return gw_fail(error, GW_E_CORRUPT, "an entry has %zu bytes behind its end", left);
	return 0;
}

/* What is behind the call. */
static int decode_rest(const uint8_t *at, size_t left, struct kv_entry *entry,
		       struct gw_error *error)
{
	if (has_operations(entry->kind)) {
		if (left < 2)
			return gw_fail(error, GW_E_CORRUPT, "an entry is cut");
		entry->count = base_load16(at);
		entry->operations = (struct gw_bytes){at + 2, left - 2};
		return check_operations(entry, error);
	}
	if (left != (entry->kind == KV_ENTRY_OPEN ? 16 : 0) || entry->has_call)
		return gw_fail(error, GW_E_CORRUPT, "an entry of kind %u has %zu bytes",
			       entry->kind, left);
	if (entry->kind == KV_ENTRY_OPEN)
		entry->client = (struct rpc_client_id){{base_load64(at), base_load64(at + 8)}};
	return 0;
}

int kv_entry_decode(struct gw_bytes bytes, struct kv_entry *entry, struct gw_error *error)
{
	const uint8_t *at = bytes.data;
	size_t left = bytes.size;

	*entry = (struct kv_entry){0};
	if (left < KV_ENTRY_HEAD_BYTES)
		return gw_fail(error, GW_E_CORRUPT, "an entry of %zu bytes", left);
	if (at[0] != KV_ENTRY_VERSION)
		return gw_fail(error, GW_E_VERSION,
			       "an entry of version %u; this program knows %u", at[0],
			       KV_ENTRY_VERSION);
	if (base_load32(at + 4) != entry_crc(at, left))
		return gw_fail(error, GW_E_CORRUPT, "checksum mismatch in an entry of %zu bytes",
			       left);
	if (at[1] < KV_ENTRY_CHANGE || at[1] > KV_ENTRY_TICK || (at[2] & ~KV_ENTRY_CALL) != 0 ||
	    at[3] != 0)
		return gw_fail(error, GW_E_VERSION, "an entry of kind %u with flags %u,%u", at[1],
			       at[2], at[3]);
	entry->kind = at[1];
	entry->has_call = (at[2] & KV_ENTRY_CALL) != 0;
	at += KV_ENTRY_HEAD_BYTES;
	left -= KV_ENTRY_HEAD_BYTES;
	if (entry->has_call) {
		if (left < RPC_DUP_CALL_BYTES)
			return gw_fail(error, GW_E_CORRUPT, "an entry is cut in its call");
		rpc_dup_call_decode(at, &entry->call);
		at += RPC_DUP_CALL_BYTES;
		left -= RPC_DUP_CALL_BYTES;
	}
	return decode_rest(at, left, entry, error);
}
