/* SPDX-License-Identifier: Apache-2.0 */
/*
 * driver_wire.c - messages of the core as messages of the wire, and back; queues of them.
 */
#include "driver.h"

#include <stdlib.h>

/* ---- Out ------------------------------------------------------------------------------------- */

/* What lies behind the struct: pointers to entries, the entries, their bytes or the snapshot. */
struct block {
	struct replog_outgoing outgoing;
	Replog__Snapshot snapshot;
	uint8_t members[RAFT_MEMBERS_BYTES_MAX];
};

static size_t data_bytes(const struct raft_message *message)
{
	size_t bytes = 0;

	for (uint32_t i = 0; i < message->entry_count; i++)
		bytes += message->entries[i].data.size;
	return bytes;
}

static void put_entries(Replog__Message *wire, const struct raft_message *message, void *room)
{
	Replog__Entry **pointers = room;
	Replog__Entry *entries = (Replog__Entry *)(void *)(pointers + message->entry_count);
	uint8_t *data = (uint8_t *)(entries + message->entry_count);

	for (uint32_t i = 0; i < message->entry_count; i++) {
		const struct raft_entry *from = &message->entries[i];
		Replog__Entry *entry = &entries[i];

		replog__entry__init(entry);
		entry->term = from->term;
		entry->kind = from->kind;
		entry->data.len = from->data.size;
		entry->data.data = data;
		if (from->data.size > 0)
			memcpy(data, from->data.data, from->data.size);
		data += from->data.size;
		pointers[i] = entry;
	}
	wire->entries = pointers;
	wire->n_entries = message->entry_count;
}

static void put_snapshot(struct block *block, const struct raft_snapshot *from)
{
	replog__snapshot__init(&block->snapshot);
	block->snapshot.index = from->index;
	block->snapshot.term = from->term;
	block->snapshot.members.len = raft_members_encode(&from->members, block->members);
	block->snapshot.members.data = block->members;
	block->outgoing.message.snapshot = &block->snapshot;
}

struct replog_outgoing *replog_outgoing_new(const struct raft_message *message)
{
	size_t each = sizeof(Replog__Entry *) + sizeof(Replog__Entry);
	size_t bytes = data_bytes(message);
	struct block *block = malloc(sizeof *block + message->entry_count * each + bytes);
	Replog__Message *wire;

	if (!block)
		return NULL;
	block->outgoing = (struct replog_outgoing){.to = message->to};
	block->outgoing.bytes = bytes + message->entry_count * 16 + 128; /* about */
	wire = &block->outgoing.message;
	replog__message__init(wire);
	wire->kind = message->kind;
	wire->term = message->term;
	wire->pre = message->pre;
	wire->forced = message->forced;
	wire->accepted = message->accepted;
	wire->index = message->index;
	wire->index_term = message->index_term;
	wire->commit = message->commit;
	wire->round = message->round;
	put_entries(wire, message, block + 1);
	if (message->snapshot)
		put_snapshot(block, message->snapshot);
	return &block->outgoing;
}

/* ---- In -------------------------------------------------------------------------------------- */

static int get_entries(const Replog__Message *wire, struct raft_entry **out,
		       struct gw_error *error)
{
	struct raft_entry *entries;

	*out = NULL;
	if (wire->n_entries > RAFT_BATCH_ENTRIES_MAX)
		return gw_fail(error, GW_E_CORRUPT, "a message with %zu entries", wire->n_entries);
	if (wire->n_entries == 0)
		return 0;
	entries = calloc(wire->n_entries, sizeof *entries);
	if (!entries)
		return gw_fail(error, GW_E_NO_MEMORY, "no memory for entries of the log");
	for (size_t i = 0; i < wire->n_entries; i++) {
		const Replog__Entry *entry = wire->entries[i];

		entries[i] = (struct raft_entry){entry->term, entry->kind,
						 {entry->data.data, entry->data.len}};
	}
	*out = entries;
	return 0;
}

int replog_incoming(const Replog__Message *wire, struct raft_message *message,
		    struct raft_entry **entries, struct raft_snapshot *snapshot,
		    struct gw_error *error)
{
	int result = get_entries(wire, entries, error);

	if (result < 0)
		return result;
	*message = (struct raft_message){
		.kind = wire->kind, .term = wire->term, .pre = wire->pre, .forced = wire->forced,
		.accepted = wire->accepted, .index = wire->index, .index_term = wire->index_term,
		.commit = wire->commit, .round = wire->round, .entries = *entries,
		.entry_count = (uint32_t)wire->n_entries,
	};
	if (!wire->snapshot)
		return 0;
	snapshot->index = wire->snapshot->index;
	snapshot->term = wire->snapshot->term;
	result = raft_members_decode((struct gw_bytes){wire->snapshot->members.data,
						       wire->snapshot->members.len},
				     &snapshot->members, error);
	if (result < 0) {
		free(*entries);
		*entries = NULL;
	}
	message->snapshot = snapshot;
	return result;
}

/* ---- Queues ---------------------------------------------------------------------------------- */

void replog_queue_add(struct replog_queue *queue, struct replog_outgoing *outgoing)
{
	outgoing->next = NULL;
	if (queue->last)
		queue->last->next = outgoing;
	else
		queue->first = outgoing;
	queue->last = outgoing;
	queue->count++;
	queue->bytes += outgoing->bytes;
}

struct replog_outgoing *replog_queue_take(struct replog_queue *queue)
{
	struct replog_outgoing *outgoing = queue->first;

	if (!outgoing)
		return NULL;
	queue->first = outgoing->next;
	if (!queue->first)
		queue->last = NULL;
	assert(queue->count > 0 && queue->bytes >= outgoing->bytes);
	queue->count--;
	queue->bytes -= outgoing->bytes;
	return outgoing;
}

void replog_queue_done(struct replog_queue *queue)
{
	struct replog_outgoing *outgoing;

	while ((outgoing = replog_queue_take(queue)))
		free(outgoing);
}
