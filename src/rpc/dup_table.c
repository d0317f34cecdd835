/* SPDX-License-Identifier: Apache-2.0 */
/* dup_table.c - which calls run and which were answered; records of it are in dup_record.c. */
#include "rpc/dup_table.h"

#include <assert.h>
#include <stdlib.h>

#include "task/loop.h"
#include "task/wait.h"

static struct gw_bytes id_bytes(const struct rpc_client_id *id)
{
	return (struct gw_bytes){id->words, sizeof(id->words)};
}

struct dup_client *dup_client_find(const struct dup_table *table, const struct rpc_client_id *id)
{
	return base_map_get(&table->clients, id_bytes(id));
}

int dup_client_add(struct dup_table *table, const struct rpc_client_id *id,
		   uint64_t first_incomplete, struct dup_client **out, struct gw_error *error)
{
	struct dup_client *client;
	int result;

	if (table->clients.count >= table->options.clients_max)
		return gw_fail(error, GW_E_BUSY, "more than %u clients remembered",
			       table->options.clients_max);
	client = calloc(1, sizeof(*client));
	if (!client)
		return gw_fail(error, GW_E_NO_MEMORY, "table of duplicates: out of memory");
	client->id = *id;
	client->first_incomplete = first_incomplete;
	client->touched_ms = table->now_ms;
	result = base_map_put(&table->clients, id_bytes(id), client, error);
	if (result < 0) {
		free(client);
		return result;
	}
	*out = client;
	return 0;
}

static void slot_free(struct dup_table *table, struct dup_slot *slot)
{
	assert(table->bytes >= slot->reply_bytes);
	table->bytes -= slot->reply_bytes;
	slot->state = DUP_SLOT_FREE;
	slot->reply_bytes = 0;
	slot->running = NULL;
	if (slot->reply_capacity > RPC_DUP_KEEP_BYTES) {
		free(slot->reply);
		slot->reply = NULL;
		slot->reply_capacity = 0;
	}
}

static void client_free(struct dup_table *table, struct dup_client *client)
{
	for (uint32_t i = 0; i < client->capacity; i++) {
		slot_free(table, &client->ring[i]);
		free(client->ring[i].reply);
	}
	free(client->ring);
	free(client);
}

void dup_client_forget_below(struct dup_table *table, struct dup_client *client,
			     uint64_t first_incomplete)
{
	uint64_t at = client->first_incomplete;

	if (first_incomplete <= at)
		return;
	client->first_incomplete = first_incomplete;
	if (first_incomplete - at > client->capacity)
		at = first_incomplete - client->capacity;
	for (; client->capacity && at < first_incomplete; at++) {
		struct dup_slot *slot = &client->ring[at & (client->capacity - 1)];

		/* One that still runs was given up by its caller: nobody will ask for it. */
		if (slot->state != DUP_SLOT_FREE && slot->sequence < first_incomplete)
			slot_free(table, slot);
	}
}

static int ring_grow(struct dup_client *client, uint32_t need)
{
	uint32_t capacity = client->capacity ? client->capacity : RPC_DUP_RING_MIN;
	struct dup_slot *ring;

	while (capacity < need)
		capacity *= 2;
	ring = calloc(capacity, sizeof(*ring));
	if (!ring)
		return GW_E_NO_MEMORY;
	for (uint32_t i = 0; i < client->capacity; i++) {
		struct dup_slot *old = &client->ring[i];

		if (old->state == DUP_SLOT_FREE)
			free(old->reply);
		else
			ring[old->sequence & (capacity - 1)] = *old;
	}
	assert((capacity & (capacity - 1)) == 0 && capacity <= GW_RPC_WINDOW);
	free(client->ring);
	client->ring = ring;
	client->capacity = capacity;
	return 0;
}

struct dup_slot *dup_client_slot(struct dup_client *client, uint64_t sequence)
{
	uint64_t need = sequence - client->first_incomplete + 1;

	assert(sequence >= client->first_incomplete && need <= GW_RPC_WINDOW);
	if (need > client->capacity && ring_grow(client, (uint32_t)need) < 0)
		return NULL;
	return &client->ring[sequence & (client->capacity - 1)];
}

void dup_slot_answer(struct dup_table *table, struct dup_slot *slot, int code,
		     struct gw_bytes reply)
{
	assert(slot->reply_bytes == 0 && slot->state <= DUP_SLOT_RUNNING);
	slot->code = code;
	slot->running = NULL;
	slot->state = DUP_SLOT_DONE;
	if (reply.size > slot->reply_capacity) {
		uint8_t *memory = realloc(slot->reply, reply.size);

		if (!memory) {
			slot->state = DUP_SLOT_LOST;
			return;
		}
		slot->reply = memory;
		slot->reply_capacity = reply.size;
	}
	if (reply.size > 0)
		memcpy(slot->reply, reply.data, reply.size);
	slot->reply_bytes = reply.size;
	table->bytes += reply.size;
}

/* ---- The operations ---------------------------------------------------------------------- */

static int dup_open(struct gw_rpc_dup *dup, struct rpc_client_id id, struct gw_rpc_call *call,
		    struct gw_error *error)
{
	struct dup_table *table = dup_table_of(dup);
	struct base_buffer record = {0};
	struct dup_client *client;
	int result;

	(void)call;
	if (dup_client_find(table, &id))
		return gw_fail(error, GW_E_EXISTS, "another client has this id");
	if (table->options.log) {
		result = dup_record_client(&id, 1, &record, error);
		if (result == 0)
			result = table->options.log(table->options.context,
						    base_buffer_bytes(&record), error);
		base_buffer_done(&record);
		if (result < 0)
			return result;
		/* The log may have waited, and given the record to dup_import meanwhile. */
		if (dup_client_find(table, &id))
			return 0;
	}
	return dup_client_add(table, &id, 1, &client, error);
}

static int slot_answer(const struct dup_slot *slot, struct rpc_dup_answer *answer)
{
	assert(slot->state >= DUP_SLOT_DONE);
	answer->code = slot->state == DUP_SLOT_LOST ? GW_E_OUTCOME_UNKNOWN : slot->code;
	answer->reply = (struct gw_bytes){slot->reply, slot->reply_bytes};
	return RPC_DUP_DONE;
}

static int begin_known(struct dup_slot *slot, const struct rpc_dup_call *call,
		       struct rpc_dup_answer *answer, struct gw_error *error)
{
	if (slot->fingerprint != call->fingerprint || slot->object != call->object)
		return gw_fail(error, GW_E_INVALID,
			       "call %llu came with two requests: two clients have one id",
			       (unsigned long long)call->sequence);
	if (slot->state != DUP_SLOT_RUNNING)
		return slot_answer(slot, answer);
	answer->running = &slot->running;
	return RPC_DUP_RUNNING;
}

static int dup_look(struct gw_rpc_dup *dup, const struct rpc_dup_call *call,
		    struct rpc_dup_answer *answer, struct gw_error *error)
{
	struct dup_client *client = dup_client_find(dup_table_of(dup), &call->client);
	struct dup_slot *slot;
	int state;

	*answer = (struct rpc_dup_answer){0};
	if (!client || call->sequence < client->first_incomplete)
		return RPC_DUP_STALE;
	if (client->capacity == 0)
		return RPC_DUP_NEW;
	slot = &client->ring[call->sequence & (client->capacity - 1)];
	if (slot->state == DUP_SLOT_FREE || slot->sequence != call->sequence)
		return RPC_DUP_NEW;
	state = begin_known(slot, call, answer, error);
	answer->running = NULL;
	return state;
}

static int dup_begin(struct gw_rpc_dup *dup, const struct rpc_dup_call *call,
		     struct rpc_dup_answer *answer, struct gw_error *error)
{
	struct dup_table *table = dup_table_of(dup);
	struct dup_client *client = dup_client_find(table, &call->client);
	struct dup_slot *slot;

	*answer = (struct rpc_dup_answer){0};
	if (!client)
		return RPC_DUP_STALE;
	client->touched_ms = table->now_ms;
	if (call->sequence < client->first_incomplete)
		return RPC_DUP_STALE;
	if (call->sequence - client->first_incomplete >= GW_RPC_WINDOW)
		return gw_fail(error, GW_E_OVERLOADED,
			       "call %llu, and %llu is not acknowledged yet: the window is %u",
			       (unsigned long long)call->sequence,
			       (unsigned long long)client->first_incomplete, GW_RPC_WINDOW);
	slot = dup_client_slot(client, call->sequence);
	if (!slot)
		return gw_fail(error, GW_E_NO_MEMORY, "table of duplicates: out of memory");
	if (slot->state != DUP_SLOT_FREE && slot->sequence == call->sequence)
		return begin_known(slot, call, answer, error);
	assert(slot->state == DUP_SLOT_FREE);
	if (table->bytes >= table->options.bytes_max)
		return gw_fail(error, GW_E_OVERLOADED, "%zu bytes of answers not acknowledged",
			       table->bytes);
	slot->state = DUP_SLOT_RUNNING;
	slot->sequence = call->sequence;
	slot->object = call->object;
	slot->fingerprint = call->fingerprint;
	slot->running = NULL;
	client->running++;
	answer->running = &slot->running;
	return RPC_DUP_NEW;
}

/* Where a call runs that ends now; NULL when its caller has given it up. */
static struct dup_slot *running_slot(struct dup_table *table, const struct rpc_dup_call *call)
{
	struct dup_client *client = dup_client_find(table, &call->client);
	struct dup_slot *slot;

	assert(client && client->capacity && client->running > 0);
	client->running--;
	if (call->sequence < client->first_incomplete)
		return NULL;
	slot = &client->ring[call->sequence & (client->capacity - 1)];
	assert(slot->sequence == call->sequence && slot->state == DUP_SLOT_RUNNING);
	return slot;
}

static void dup_finish(struct gw_rpc_dup *dup, const struct rpc_dup_call *call, int code,
		       struct gw_bytes reply)
{
	struct dup_table *table = dup_table_of(dup);
	struct dup_slot *slot = running_slot(table, call);

	if (slot)
		dup_slot_answer(table, slot, code, reply);
}

static void dup_abandon(struct gw_rpc_dup *dup, const struct rpc_dup_call *call)
{
	struct dup_slot *slot = running_slot(dup_table_of(dup), call);

	if (slot)
		slot_free(dup_table_of(dup), slot);
}

static void dup_forget_below(struct gw_rpc_dup *dup, struct rpc_client_id id,
			     uint64_t first_incomplete)
{
	struct dup_client *client = dup_client_find(dup_table_of(dup), &id);

	if (!client)
		return;
	client->touched_ms = dup_table_of(dup)->now_ms;
	dup_client_forget_below(dup_table_of(dup), client, first_incomplete);
}

static void dup_expire(struct gw_rpc_dup *dup, uint64_t now_ms)
{
	struct dup_table *table = dup_table_of(dup);
	bool is_first = table->now_ms == 0;
	size_t position = 0;
	struct gw_bytes key;
	void *value;

	if (now_ms > table->now_ms)
		table->now_ms = now_ms;
	/* Asked with every entry of a log, it looks through the clients about once a lease. */
	if (table->now_ms < table->due_ms)
		return;
	table->due_ms = table->now_ms + table->options.lease_ms + 1;
	while (base_map_next(&table->clients, &position, &key, &value)) {
		struct dup_client *client = value;

		/* Nobody had told the time when it was touched. */
		if (is_first)
			client->touched_ms = table->now_ms;
		if (client->running > 0 ||
		    table->now_ms - client->touched_ms <= table->options.lease_ms) {
			if (client->touched_ms + table->options.lease_ms < table->due_ms)
				table->due_ms = client->touched_ms + table->options.lease_ms + 1;
			continue;
		}
		(void)base_map_remove(&table->clients, key, NULL);
		client_free(table, client);
	}
}

static void dup_free(struct gw_rpc_dup *dup)
{
	struct dup_table *table = dup_table_of(dup);
	size_t position = 0;
	struct gw_bytes key;
	void *value;

	while (base_map_next(&table->clients, &position, &key, &value))
		client_free(table, value);
	assert(table->bytes == 0);
	base_map_done(&table->clients);
	free(table);
}

static const struct rpc_dup_operations operations = {
	.open = dup_open,
	.look = dup_look,
	.begin = dup_begin,
	.finish = dup_finish,
	.abandon = dup_abandon,
	.forget_below = dup_forget_below,
	.expire = dup_expire,
	.record = dup_record,
	.export_object = dup_export,
	.import = dup_import,
	.free = dup_free,
};

int gw_rpc_dup_new(struct gw_rpc_dup **dup, const struct gw_rpc_dup_options *options,
		   struct gw_error *error)
{
	struct dup_table *table = calloc(1, sizeof(*table));

	*dup = NULL;
	if (!table)
		return gw_fail(error, GW_E_NO_MEMORY, "table of duplicates: out of memory");
	if (options)
		table->options = *options;
	if (!table->options.lease_ms)
		table->options.lease_ms = GW_RPC_LEASE_MS;
	if (!table->options.clients_max)
		table->options.clients_max = GW_RPC_CLIENTS_MAX;
	if (!table->options.bytes_max)
		table->options.bytes_max = GW_RPC_DUP_BYTES_MAX;
	/* The ids come from outside; nobody is to choose them so that they collide. */
	if (task_current())
		io_random(task_io(), &table->clients.seed, sizeof(table->clients.seed));
	table->dup.operations = &operations;
	table->dup.is_durable = table->options.log != NULL;
	table->dup.lease_ms = table->options.lease_ms;
	*dup = &table->dup;
	return 0;
}

int rpc_dup_renew(struct gw_rpc_dup **table, const struct gw_rpc_dup_options *options,
		  struct gw_error *error)
{
	struct gw_rpc_dup *empty;
	int result = gw_rpc_dup_new(&empty, options, error);

	if (result < 0)
		return result;
	gw_rpc_dup_free(*table);
	*table = empty;
	return 0;
}

void gw_rpc_dup_free(struct gw_rpc_dup *dup)
{
	if (dup)
		dup->operations->free(dup);
}

int gw_rpc_dup_restore(struct gw_rpc_dup *dup, struct gw_bytes record, struct gw_error *error)
{
	return dup->operations->import(dup, record, error);
}

void gw_rpc_dup_expire(struct gw_rpc_dup *dup, uint64_t now_ms)
{
	dup->operations->expire(dup, now_ms);
}
