/* SPDX-License-Identifier: Apache-2.0 */
/* dup_record.c - records of the duplicate table: to a log or another server, and back. */
#include "rpc/dup_table.h"

#include <assert.h>
#include <stdlib.h>

#include "base/crc32c.h"
#include "base/little_endian.h"

static void front_encode(uint8_t *out, uint32_t size, uint8_t type, const struct rpc_client_id *id,
			 uint64_t first_incomplete)
{
	base_store32(out, size);
	out[4] = RPC_DUP_VERSION;
	out[5] = type;
	base_store16(out + 6, 0);
	base_store64(out + 8, id->words[0]);
	base_store64(out + 16, id->words[1]);
	base_store64(out + 24, first_incomplete);
}

/* The CRC at the end of the record that begins at `start`. */
static int record_end(struct base_buffer *out, size_t start, struct gw_error *error)
{
	uint8_t crc[4];

	base_store32(crc, base_crc32c(0, out->data + start, out->size - start));
	assert(base_load32(out->data + start) == out->size - start + sizeof(crc));
	return base_buffer_append(out, crc, sizeof(crc), error);
}

int dup_record_client(const struct rpc_client_id *id, uint64_t first_incomplete,
		      struct base_buffer *out, struct gw_error *error)
{
	uint8_t front[RPC_DUP_FRONT_BYTES];
	size_t start = out->size;
	int result;

	front_encode(front, RPC_DUP_FRONT_BYTES + 4, RPC_DUP_CLIENT_RECORD, id, first_incomplete);
	result = base_buffer_append(out, front, sizeof(front), error);
	return result < 0 ? result : record_end(out, start, error);
}

/* Behind the answers of its client, whose import counts as having heard of it. */
static int times_record(const struct dup_table *table, const struct dup_client *client,
			struct base_buffer *out, struct gw_error *error)
{
	uint8_t front[RPC_DUP_TIMES_BYTES];
	size_t start = out->size;
	int result;

	front_encode(front, RPC_DUP_TIMES_BYTES + 4, RPC_DUP_TIMES_RECORD, &client->id,
		     client->first_incomplete);
	base_store64(front + 32, client->touched_ms);
	base_store64(front + 40, table->now_ms);
	result = base_buffer_append(out, front, sizeof(front), error);
	return result < 0 ? result : record_end(out, start, error);
}

static int answer_record(const struct rpc_dup_call *call, int code, struct gw_bytes reply,
			 struct base_buffer *out, struct gw_error *error)
{
	uint8_t front[RPC_DUP_ANSWER_BYTES];
	size_t start = out->size;
	int result;

	if (reply.size > UINT32_MAX - RPC_DUP_ANSWER_BYTES - 4)
		return gw_fail(error, GW_E_TOO_LARGE, "record of a reply of %zu bytes", reply.size);
	front_encode(front, (uint32_t)(RPC_DUP_ANSWER_BYTES + reply.size + 4),
		     RPC_DUP_ANSWER_RECORD, &call->client, call->first_incomplete);
	base_store64(front + 32, call->sequence);
	base_store64(front + 40, call->object);
	base_store64(front + 48, call->fingerprint);
	base_store32(front + 56, (uint32_t)code);
	base_store32(front + 60, (uint32_t)reply.size);
	result = base_buffer_reserve(out, sizeof(front) + reply.size + 4, error);
	if (result == 0)
		result = base_buffer_append(out, front, sizeof(front), error);
	if (result == 0 && reply.size > 0)
		result = base_buffer_append(out, reply.data, reply.size, error);
	return result < 0 ? result : record_end(out, start, error);
}

int dup_record(struct gw_rpc_dup *dup, const struct rpc_dup_call *call, int code,
	       struct gw_bytes reply, struct base_buffer *out, struct gw_error *error)
{
	(void)dup;
	return answer_record(call, code, reply, out, error);
}

static int export_slot(const struct dup_client *client, const struct dup_slot *slot,
		       struct base_buffer *out, struct gw_error *error)
{
	struct rpc_dup_call call = {.client = client->id,
				    .sequence = slot->sequence,
				    .first_incomplete = client->first_incomplete,
				    .object = slot->object,
				    .fingerprint = slot->fingerprint};
	bool lost = slot->state == DUP_SLOT_LOST;

	assert(slot->state >= DUP_SLOT_DONE && slot->sequence >= client->first_incomplete);
	return answer_record(&call, lost ? GW_E_OUTCOME_UNKNOWN : slot->code,
			     (struct gw_bytes){slot->reply, slot->reply_bytes}, out, error);
}

int dup_export(struct gw_rpc_dup *dup, uint64_t object, struct base_buffer *out,
	       struct gw_error *error)
{
	const struct dup_table *table = dup_table_of(dup);
	size_t position = 0, start = out->size;
	int result = 0;
	struct gw_bytes key;
	void *value;

	while (result == 0 && base_map_next(&table->clients, &position, &key, &value)) {
		const struct dup_client *client = value;

		result = dup_record_client(&client->id, client->first_incomplete, out, error);
		for (uint32_t i = 0; result == 0 && i < client->capacity; i++) {
			const struct dup_slot *slot = &client->ring[i];

			if (slot->state >= DUP_SLOT_DONE &&
			    (object == UINT64_MAX || slot->object == object))
				result = export_slot(client, slot, out, error);
		}
		if (result == 0 && object == UINT64_MAX)
			result = times_record(table, client, out, error);
	}
	if (result < 0)
		out->size = start;
	return result;
}

/* ---- Back -------------------------------------------------------------------------------- */

/* The size of the record at the front of data, checked as a whole. */
static int record_check(const uint8_t *data, size_t left, uint32_t *size, struct gw_error *error)
{
	if (left < RPC_DUP_FRONT_BYTES + 4)
		return gw_fail(error, GW_E_TRUNCATED, "record of a call: %zu bytes", left);
	*size = base_load32(data);
	if (*size > left || *size < RPC_DUP_FRONT_BYTES + 4)
		return gw_fail(error, GW_E_TRUNCATED, "record of a call: %u bytes, %zu are here",
			       *size, left);
	if (base_load32(data + *size - 4) != base_crc32c(0, data, *size - 4))
		return gw_fail(error, GW_E_CORRUPT, "record of a call: checksum mismatch");
	if (data[4] != RPC_DUP_VERSION)
		return gw_fail(error, GW_E_VERSION, "record of a call: version %u, we know %u",
			       data[4], RPC_DUP_VERSION);
	if (data[5] == RPC_DUP_CLIENT_RECORD && *size == RPC_DUP_FRONT_BYTES + 4)
		return 0;
	if (data[5] == RPC_DUP_TIMES_RECORD && *size == RPC_DUP_TIMES_BYTES + 4)
		return 0;
	if (data[5] == RPC_DUP_ANSWER_RECORD && *size >= RPC_DUP_ANSWER_BYTES + 4 &&
	    base_load32(data + 60) == *size - RPC_DUP_ANSWER_BYTES - 4)
		return 0;
	return gw_fail(error, GW_E_CORRUPT, "record of a call: type %u of %u bytes", data[5],
		       *size);
}

static int import_answer(struct dup_table *table, struct dup_client *client, const uint8_t *data,
			 struct gw_error *error)
{
	uint64_t sequence = base_load64(data + 32);
	struct dup_slot *slot;

	if (sequence < client->first_incomplete)
		return 0;
	if (sequence - client->first_incomplete >= GW_RPC_WINDOW)
		return gw_fail(error, GW_E_CORRUPT, "record of a call: %llu is over the window",
			       (unsigned long long)sequence);
	slot = dup_client_slot(client, sequence);
	if (!slot)
		return gw_fail(error, GW_E_NO_MEMORY, "record of a call: out of memory");
	/* Known already, or running here: its own finish follows. */
	if (slot->state != DUP_SLOT_FREE)
		return 0;
	slot->sequence = sequence;
	slot->object = base_load64(data + 40);
	slot->fingerprint = base_load64(data + 48);
	dup_slot_answer(table, slot, (int)base_load32(data + 56),
			(struct gw_bytes){data + RPC_DUP_ANSWER_BYTES, base_load32(data + 60)});
	return 0;
}

static void import_times(struct dup_table *table, struct dup_client *client, const uint8_t *data)
{
	uint64_t touched_ms = base_load64(data + 32), now_ms = base_load64(data + 40);

	if (now_ms > table->now_ms)
		table->now_ms = now_ms;
	client->touched_ms = touched_ms < table->now_ms ? touched_ms : table->now_ms;
	table->due_ms = 0;
}

static int import_one(struct dup_table *table, const uint8_t *data, struct gw_error *error)
{
	struct rpc_client_id id = {{base_load64(data + 8), base_load64(data + 16)}};
	uint64_t first_incomplete = base_load64(data + 24);
	struct dup_client *client = dup_client_find(table, &id);
	int result;

	if (!client) {
		result = dup_client_add(table, &id, first_incomplete, &client, error);
		if (result < 0)
			return result;
	}
	client->touched_ms = table->now_ms;
	dup_client_forget_below(table, client, first_incomplete);
	if (data[5] == RPC_DUP_TIMES_RECORD)
		import_times(table, client, data);
	return data[5] == RPC_DUP_ANSWER_RECORD ? import_answer(table, client, data, error) : 0;
}

int dup_import(struct gw_rpc_dup *dup, struct gw_bytes records, struct gw_error *error)
{
	const uint8_t *data = records.data;
	size_t left = records.size;

	while (left > 0) {
		uint32_t size = 0;
		int result = record_check(data, left, &size, error);

		if (result == 0)
			result = import_one(dup_table_of(dup), data, error);
		if (result < 0)
			return result;
		assert(size <= left);
		data += size;
		left -= size;
	}
	return 0;
}
