/* SPDX-License-Identifier: Apache-2.0 */
/* table.c - see table.h. */
#include "table.h"

#include <assert.h>
#include <stdlib.h>
#include <sys/mman.h>

_Static_assert(sizeof(struct mr_slot) == 32, "two slots a cache line");

enum { TABLE_SLOTS_MIN = 1 << 10 };

/* Slots are mapped, not malloc'ed: huge pages where the kernel has them, zero without a memset. */
static struct mr_slot *slots_map(size_t count)
{
	size_t bytes = count * sizeof(struct mr_slot);
	void *memory =
		mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		return NULL;
	madvise(memory, bytes, MADV_HUGEPAGE);
	return memory;
}

static void slots_unmap(struct mr_slot *slots, size_t count)
{
	if (slots)
		munmap(slots, count * sizeof *slots);
}

/* At most 5/8 full, less the batch that is put without a further check. */
static size_t used_limit(size_t slot_count)
{
	return slot_count / 8 * 5 - MR_TABLE_BATCH;
}

int mr_table_init(struct mr_table *table, enum gw_mr_combiner combiner, size_t slots_max,
		  struct gw_error *error)
{
	size_t count = TABLE_SLOTS_MIN;

	assert(combiner >= GW_MR_SUM && combiner <= GW_MR_COUNT);
	while (count * 2 <= slots_max)
		count *= 2;
	*table = (struct mr_table){.combiner = combiner, .slots_max = count};
	assert(count >= TABLE_SLOTS_MIN && (count & (count - 1)) == 0);
	table->slot_count = TABLE_SLOTS_MIN;
	table->slots = slots_map(table->slot_count);
	if (!table->slots)
		return gw_fail(error, GW_E_NO_MEMORY, "no memory for the table of a combiner");
	table->used_max = used_limit(table->slot_count);
	return 0;
}

void mr_table_done(struct mr_table *table)
{
	slots_unmap(table->slots, table->slot_count);
	*table = (struct mr_table){0};
}

static int table_grow(struct mr_table *table, struct gw_error *error)
{
	size_t count = table->slot_count * 4 <= table->slots_max ? table->slot_count * 4
								  : table->slots_max;
	struct mr_slot *slots = slots_map(count);

	assert(count > table->slot_count && (count & (count - 1)) == 0);
	if (!slots)
		return gw_fail(error, GW_E_NO_MEMORY, "no memory for %zu slots of a combiner",
			       count);
	for (size_t i = 0; i < table->slot_count; i++) {
		const struct mr_slot *slot = &table->slots[i];
		size_t at = slot->hash & (count - 1);

		if (!slot->size_plus_1)
			continue;
		while (slots[at].size_plus_1)
			at = (at + 1) & (count - 1);
		slots[at] = *slot;
	}
	slots_unmap(table->slots, table->slot_count);
	table->slots = slots;
	table->slot_count = count;
	table->used_max = used_limit(count);
	assert(table->used < table->used_max);
	return 0;
}

int mr_table_reserve(struct mr_table *table, size_t count, struct gw_error *error)
{
	int failed;

	assert(count <= MR_TABLE_BATCH);
	if (table->used + count <= table->used_max)
		return 1;
	if (table->slot_count == table->slots_max)
		return 0;
	failed = table_grow(table, error);
	return failed ? failed : 1;
}

static inline void probe_set_long(struct mr_probe *probe, const char *key, size_t size)
{
	probe->word[0] = mr_load64(key);
	memcpy(&probe->word[1], &key, sizeof key);
	probe->hash = (uint32_t)mr_hash_long(key, size);
}

struct mr_slot *mr_table_put(struct mr_table *table, const char *key, size_t size, bool *made)
{
	struct mr_probe probe = {.size_plus_1 = (uint32_t)size + 1};

	assert(table->used < table->slot_count);
	if (size > MR_SHORT_KEY_MAX) {
		probe_set_long(&probe, key, size);
	} else {
		mr_load_short(key, size, &probe.word[0], &probe.word[1]);
		probe.hash = (uint32_t)mr_hash_short(probe.word[0], probe.word[1], size);
	}
	return mr_slot_find(table, &probe, key, made);
}

void mr_table_put_tokens(struct mr_table *table, const char *data, size_t readable,
			 const struct gw_token *tokens, size_t count, int64_t value)
{
	struct mr_probe probes[MR_TABLE_BATCH];
	size_t mask = table->slot_count - 1;

	assert(count <= MR_TABLE_BATCH && table->used + count <= table->used_max);
	/* First all hashes, so that the slots are on their way from memory when they are looked
	 * at. */
	for (size_t i = 0; i < count; i++) {
		const char *key = data + tokens[i].offset;
		size_t size = tokens[i].size;
		struct mr_probe *probe = &probes[i];

		probe->size_plus_1 = (uint32_t)size + 1;
		if (size > MR_SHORT_KEY_MAX) {
			probe_set_long(probe, key, size);
		} else {
			if (readable - tokens[i].offset >= 16)
				mr_load_masked(key, size, probe->word);
			else
				mr_load_short(key, size, &probe->word[0], &probe->word[1]);
			probe->hash = (uint32_t)mr_hash_short(probe->word[0], probe->word[1], size);
		}
		__builtin_prefetch(&table->slots[probe->hash & mask], 1);
	}
	for (size_t i = 0; i < count; i++) {
		bool made;
		struct mr_slot *slot =
			mr_slot_find(table, &probes[i], data + tokens[i].offset, &made);

		mr_slot_combine(slot, table->combiner, value, made);
	}
}

struct mr_slot *mr_table_take(struct mr_table *table, size_t *count)
{
	size_t kept = 0;

	for (size_t i = 0; i < table->slot_count; i++) {
		if (!table->slots[i].size_plus_1)
			continue;
		if (kept != i)
			table->slots[kept] = table->slots[i];
		kept++;
	}
	assert(kept == table->used);
	*count = kept;
	return table->slots;
}

void mr_table_clear(struct mr_table *table)
{
	memset(table->slots, 0, table->slot_count * sizeof *table->slots);
	table->used = 0;
}
