/* SPDX-License-Identifier: Apache-2.0 */
/*
 * table_memory.c - the table in memory: two trees, one by key, one by the end of a key's time. It
 * starts empty with its process; the log brings it back.
 */
#include "kv/server/table.h"
#include "kv/server/tree.h"

#include <assert.h>
#include <stdlib.h>

#include "kv/server/due.h"

struct memory_table {
	struct kv_table table;
	struct kv_tree keys;
	struct kv_tree due; /* kv_due_key of a key; no values */
};

static struct memory_table *memory_of(struct kv_table *table)
{
	return (struct memory_table *)table; /* its first member */
}

static int nothing_begins(struct kv_table *table, struct gw_error *error)
{
	(void)table;
	(void)error;
	return 0;
}

static int end(struct kv_table *table, uint64_t applied, struct gw_error *error)
{
	(void)error;
	table->applied = applied;
	return 0;
}

static void read_end(struct kv_table *table)
{
	(void)table;
}

static int get(struct kv_table *table, struct gw_bytes key, struct kv_item *item,
	       struct gw_error *error)
{
	struct kv_tree_pair pair;

	(void)error;
	if (!kv_tree_get(&memory_of(table)->keys, key, &pair))
		return 0;
	*item = pair.item;
	return 1;
}

static int walk(struct kv_table *table, struct gw_bytes begin, kv_visit *visit, void *context,
		struct gw_error *error)
{
	(void)error;
	return kv_tree_walk(&memory_of(table)->keys, begin, visit, context);
}

static int first_due(struct kv_table *table, struct gw_bytes *key, uint64_t *expires_ms,
		     struct gw_error *error)
{
	struct kv_tree_pair pair;

	(void)error;
	if (!kv_tree_next(&memory_of(table)->due, (struct gw_bytes){NULL, 0}, true, &pair))
		return 0;
	kv_due_read(pair.key, key, expires_ms);
	return 1;
}

static int change_due(struct memory_table *memory, struct gw_bytes key, uint64_t before_ms,
		      uint64_t after_ms, struct gw_error *error)
{
	static const struct kv_item nothing = {{NULL, 0}, 0, 0};
	uint8_t bytes[KV_DUE_BYTES_MAX];
	int code = 0;

	if (before_ms == after_ms)
		return 0;
	if (before_ms != 0)
		code = kv_tree_remove(&memory->due, kv_due_key(key, before_ms, bytes), error);
	if (code >= 0 && after_ms != 0)
		code = kv_tree_put(&memory->due, kv_due_key(key, after_ms, bytes), &nothing, error);
	return code < 0 ? code : 0;
}

static int put(struct kv_table *table, struct gw_bytes key, const struct kv_item *old,
	       const struct kv_item *item, struct gw_error *error)
{
	uint64_t before = old ? key.size + old->value.size : 0;
	uint64_t expired_ms = old ? old->expires_ms : 0;
	int code;

	assert(key.size > 0 && key.size <= KV_KEY_BYTES_MAX);
	code = kv_tree_put(&memory_of(table)->keys, key, item, error);
	if (code < 0)
		return code;
	table->keys += old ? 0 : 1;
	table->bytes += key.size + item->value.size - before;
	return change_due(memory_of(table), key, expired_ms, item->expires_ms, error);
}

static int remove_key(struct kv_table *table, struct gw_bytes key, const struct kv_item *old,
		      struct gw_error *error)
{
	uint64_t size = key.size + old->value.size, expires_ms = old->expires_ms;
	uint8_t bytes[KV_KEY_BYTES_MAX];
	int code;

	/* The key may be the tree's, and go with what is removed. */
	assert(key.size > 0 && key.size <= KV_KEY_BYTES_MAX);
	memcpy(bytes, key.data, key.size);
	key.data = bytes;
	code = kv_tree_remove(&memory_of(table)->keys, key, error);
	if (code < 0)
		return code;
	assert(code == 1 && table->keys > 0 && table->bytes >= size);
	table->keys--;
	table->bytes -= size;
	return change_due(memory_of(table), key, expires_ms, 0, error);
}

static int clear(struct kv_table *table, struct gw_error *error)
{
	(void)error;
	kv_tree_done(&memory_of(table)->keys);
	kv_tree_done(&memory_of(table)->due);
	table->keys = table->bytes = 0;
	return 0;
}

/* ---- As it was ------------------------------------------------------------------------------ */

struct memory_frozen {
	struct kv_frozen frozen;
	struct kv_tree keys;
	bool has_begun;
	struct kv_tree_pair last;
};

static int frozen_next(struct kv_frozen *frozen, struct gw_bytes *key, struct kv_item *item,
		       struct gw_error *error)
{
	struct memory_frozen *memory = (struct memory_frozen *)frozen;

	(void)error;
	if (!kv_tree_next(&memory->keys, memory->last.key, !memory->has_begun, &memory->last))
		return 0;
	memory->has_begun = true;
	*key = memory->last.key;
	*item = memory->last.item;
	return 1;
}

static void frozen_free(struct kv_frozen *frozen)
{
	struct memory_frozen *memory = (struct memory_frozen *)frozen;

	if (!memory)
		return;
	kv_tree_done(&memory->keys);
	free(memory);
}

static int freeze(struct kv_table *table, struct kv_frozen **out, struct gw_error *error)
{
	struct memory_frozen *memory = calloc(1, sizeof(*memory));

	*out = NULL;
	if (!memory)
		return gw_fail(error, GW_E_NO_MEMORY, "no memory for a snapshot");
	memory->frozen.next = frozen_next;
	memory->frozen.free = frozen_free;
	memory->keys = kv_tree_copy(&memory_of(table)->keys);
	*out = &memory->frozen;
	return 0;
}

static void free_table(struct kv_table *table)
{
	kv_tree_done(&memory_of(table)->keys);
	kv_tree_done(&memory_of(table)->due);
	free(table);
}

int kv_table_memory_new(struct kv_table **out, uint64_t seed, struct gw_error *error)
{
	static const struct kv_table_operations operations = {
		.name = "memory",
		.begin = nothing_begins,
		.end = end,
		.read_begin = nothing_begins,
		.read_end = read_end,
		.get = get,
		.walk = walk,
		.first_due = first_due,
		.put = put,
		.remove = remove_key,
		.clear = clear,
		.freeze = freeze,
		.sync = nothing_begins,
		.free = free_table,
	};
	struct memory_table *memory = calloc(1, sizeof(*memory));

	*out = NULL;
	if (!memory)
		return gw_fail(error, GW_E_NO_MEMORY, "no memory for a table");
	memory->table.operations = &operations;
	memory->keys.seed = memory->due.seed = seed;
	*out = &memory->table;
	return 0;
}

void kv_table_free(struct kv_table *table)
{
	if (table)
		table->operations->free(table);
}
