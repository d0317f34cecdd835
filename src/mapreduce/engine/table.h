/* SPDX-License-Identifier: Apache-2.0 */
/*
 * table.h - one int64 per distinct key: where the built-in combiners run, at every emit (paper
 * section 4.3). Open addressing over 32-byte slots; a key of up to 16 bytes is in the slot itself,
 * a longer one is pointed to. Nothing is allocated and nothing copied per pair, but long keys that
 * do not last.
 *
 * The table never grows past slots_max: when it is full the owner takes the slots out as a run and
 * empties it. A small table that stays in the cache and is emptied often is faster than one growing
 * table.
 */
#ifndef MR_TABLE_H
#define MR_TABLE_H

#include "hash.h"

#include <groundwork/base.h>
#include <groundwork/mapreduce.h>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

struct mr_slot {
	uint64_t word[2]; /* the key zero-padded, or its first 8 bytes and a pointer to all of it */
	int64_t value;
	uint32_t hash;
	uint32_t size_plus_1; /* 0: a free slot */
};

struct mr_table {
	struct mr_slot *slots;
	size_t slot_count; /* a power of two */
	size_t slots_max;
	size_t used;
	size_t used_max;   /* at which it grows or is full */
	enum gw_mr_combiner combiner; /* SUM, MIN, MAX or COUNT */
	/* Copies of long keys, in chunks; NULL function: long keys last as long as the table's
	 * contents. */
};

enum { MR_TABLE_BATCH = 32, MR_SHORT_KEY_MAX = 16 };

int mr_table_init(struct mr_table *table, enum gw_mr_combiner combiner, size_t slots_max,
		  struct gw_error *error) GW_MUST_CHECK;
void mr_table_done(struct mr_table *table);

/* Makes room for count more keys: 1 there is room, 0 the table is full (take it out and clear
 * it), negative when memory is short. count is at most MR_TABLE_BATCH. */
int mr_table_reserve(struct mr_table *table, size_t count, struct gw_error *error) GW_MUST_CHECK;

/* Finds the slot of the key or makes it. The caller reserved room. A long key that is new must
 * outlive the contents: when `*made` comes back true for one, the caller may replace it by
 * mr_slot_set_key. */
struct mr_slot *mr_table_put(struct mr_table *table, const char *key, size_t size, bool *made);

/* Combines value into the slot that mr_table_put found or made. */
static inline void mr_slot_combine(struct mr_slot *slot, enum gw_mr_combiner combiner,
				   int64_t value, bool made)
{
	if (!made && (combiner == GW_MR_SUM || combiner == GW_MR_COUNT))
		slot->value = (int64_t)((uint64_t)slot->value + (uint64_t)value);
	else if (made || (combiner == GW_MR_MIN ? value < slot->value : value > slot->value))
		slot->value = value;
}

/* Puts count <= MR_TABLE_BATCH tokens of data, each with the same value. The caller reserved
 * room; bytes up to data + readable may be read. New long keys point into data. */
void mr_table_put_tokens(struct mr_table *table, const char *data, size_t readable,
			 const struct gw_token *tokens, size_t count, int64_t value);

static inline struct gw_bytes mr_slot_key(const struct mr_slot *slot)
{
	size_t size = slot->size_plus_1 - 1;
	const void *data = slot->word;

	if (size > MR_SHORT_KEY_MAX)
		memcpy(&data, &slot->word[1], sizeof data);
	return (struct gw_bytes){data, size};
}

static inline void mr_slot_set_key(struct mr_slot *slot, const char *key)
{
	memcpy(&slot->word[1], &key, sizeof key);
}

/* ---- The inner loop, inline for emit.c ---------------------------------------------------- */

/* What is compared first: equal for equal keys. */
struct mr_probe {
	uint64_t word[2];
	uint32_t hash;
	uint32_t size_plus_1;
};

static inline bool mr_slot_is(const struct mr_slot *slot, const struct mr_probe *probe,
			      const char *key)
{
	if (slot->size_plus_1 != probe->size_plus_1 || slot->word[0] != probe->word[0])
		return false;
	if (probe->size_plus_1 <= MR_SHORT_KEY_MAX + 1)
		return slot->word[1] == probe->word[1];
	return slot->hash == probe->hash &&
	       memcmp(mr_slot_key(slot).data, key, probe->size_plus_1 - 1) == 0;
}

static inline struct mr_slot *mr_slot_find(struct mr_table *table, const struct mr_probe *probe,
					const char *key, bool *made)
{
	size_t mask = table->slot_count - 1;
	size_t at = probe->hash & mask;

	for (;; at = (at + 1) & mask) {
		struct mr_slot *slot = &table->slots[at];

		if (mr_slot_is(slot, probe, key)) {
			*made = false;
			return slot;
		}
		if (slot->size_plus_1)
			continue;
		slot->word[0] = probe->word[0];
		slot->word[1] = probe->word[1];
		slot->hash = probe->hash;
		slot->size_plus_1 = probe->size_plus_1;
		table->used++;
		*made = true;
		return slot;
	}
}

/* 16 bytes of which the first `size` are kept: a load and a mask, no branch on the size. */
static inline void mr_load_masked(const char *data, size_t size, uint64_t word[2])
{
#if defined(__SSE2__)
	static const uint8_t mask[32] = {255, 255, 255, 255, 255, 255, 255, 255,
					 255, 255, 255, 255, 255, 255, 255, 255};
	__m128i keep = _mm_loadu_si128((const __m128i *)(const void *)(mask + 16 - size));
	__m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)data);

	_mm_storeu_si128((__m128i *)(void *)word, _mm_and_si128(bytes, keep));
#else
	mr_load_short(data, size, &word[0], &word[1]);
#endif
}

/* Puts a key of at most 16 bytes, of which 16 may be read. The caller reserved room. */
static inline void mr_table_put_short(struct mr_table *table, const char *key, size_t size,
				      int64_t value)
{
	struct mr_probe probe = {.size_plus_1 = (uint32_t)size + 1};
	struct mr_slot *slot;
	bool made;

	mr_load_masked(key, size, probe.word);
	probe.hash = (uint32_t)mr_hash_short(probe.word[0], probe.word[1], size);
	slot = mr_slot_find(table, &probe, key, &made);
	mr_slot_combine(slot, table->combiner, value, made);
}

/* Moves the used slots to the front and returns them: *count of them, in no order that means
 * anything but the same for the same puts. The table must be cleared before it is used again. */
struct mr_slot *mr_table_take(struct mr_table *table, size_t *count);
void mr_table_clear(struct mr_table *table);

#endif
