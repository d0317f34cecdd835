/* SPDX-License-Identifier: Apache-2.0 */
/*
 * map.c - entries in an array in order of insertion, found through a table of their indexes (open
 * addressing, linear probing). A removed entry becomes a hole that still ends no probe; when the
 * array is full, holes are closed and the table is made anew.
 */
#include "base/map.h"

#include "base/allocate.h"

#include <assert.h>
#include <stdlib.h>

struct base_map_entry {
	char *key; /* owned; NULL: a hole */
	size_t key_size;
	uint64_t hash;
	void *value;
};

/* Folds eight bytes at a time by multiplication; good enough in all bits for a table of indexes. */
static uint64_t hash_key(uint64_t seed, struct gw_bytes key)
{
	const uint64_t odd = 0x9e3779b97f4a7c15; /* 2^64 divided by the golden ratio */
	const unsigned char *at = key.data;
	uint64_t hash = seed ^ (key.size * odd);

	for (size_t left = key.size; left > 0;) {
		size_t piece = left < 8 ? left : 8;
		uint64_t word = 0;

		memcpy(&word, at, piece);
		hash = (hash ^ word) * odd;
		hash ^= hash >> 32;
		at += piece;
		left -= piece;
	}
	hash *= odd;
	return hash ^ (hash >> 29);
}

static bool is_key(const struct base_map_entry *entry, uint64_t hash, struct gw_bytes key)
{
	return entry->key && entry->hash == hash && entry->key_size == key.size &&
	       (key.size == 0 || memcmp(entry->key, key.data, key.size) == 0);
}

static struct base_map_entry *find_entry(const struct base_map *map, uint64_t hash,
					 struct gw_bytes key)
{
	size_t mask = map->slot_count - 1;

	if (map->slot_count == 0)
		return NULL;
	for (size_t slot = hash & mask; map->slots[slot]; slot = (slot + 1) & mask) {
		struct base_map_entry *entry = &map->entries[map->slots[slot] - 1];

		if (is_key(entry, hash, key))
			return entry;
	}
	return NULL;
}

/* Enters the index of an entry into the table, which has a free slot. */
static void link_entry(struct base_map *map, size_t index)
{
	size_t mask = map->slot_count - 1;
	size_t slot = map->entries[index].hash & mask;

	assert(index < map->slot_count);
	assert(map->slot_count >= 2 * map->count && (map->slot_count & mask) == 0);
	while (map->slots[slot])
		slot = (slot + 1) & mask;
	map->slots[slot] = (uint32_t)index + 1;
}

static void close_holes(struct base_map *map)
{
	size_t kept = 0;

	for (size_t i = 0; i < map->used; i++) {
		if (map->entries[i].key)
			map->entries[kept++] = map->entries[i];
	}
	assert(kept == map->count);
	map->used = kept;
}

/* Makes room for one more entry; on failure the map is as before. */
static int make_room(struct base_map *map, struct gw_error *error)
{
	size_t slot_count = 16;
	struct base_map_entry *moved;
	uint32_t *slots;

	if (map->count >= BASE_MAP_KEYS_MAX)
		return gw_fail(error, GW_E_TOO_LARGE, "a map of %zu keys is full", map->count);
	while (slot_count < 4 * (map->count + 1))
		slot_count *= 2;
	moved = base_grow(map->entries, sizeof(*moved), &map->capacity, slot_count / 2);
	if (!moved)
		return gw_fail(error, GW_E_NO_MEMORY, "no memory for a map of %zu keys",
			       map->count);
	map->entries = moved;
	slots = calloc(slot_count, sizeof(*slots));
	if (!slots)
		return gw_fail(error, GW_E_NO_MEMORY, "no memory for a map of %zu keys",
			       map->count);
	free(map->slots);
	map->slots = slots;
	map->slot_count = slot_count;
	close_holes(map);
	assert(map->used < map->slot_count / 2 && map->used < map->capacity);
	for (size_t i = 0; i < map->used; i++)
		link_entry(map, i);
	return 0;
}

int base_map_put(struct base_map *map, struct gw_bytes key, void *value, struct gw_error *error)
{
	uint64_t hash = hash_key(map->seed, key);
	struct base_map_entry *entry = find_entry(map, hash, key);
	char *copy;

	if (entry) {
		entry->value = value;
		return 0;
	}
	copy = malloc(key.size ? key.size : 1);
	if (!copy)
		return gw_fail(error, GW_E_NO_MEMORY, "no memory for a key of %zu bytes", key.size);
	if (map->used == map->slot_count / 2) {
		int result = make_room(map, error);

		if (result < 0) {
			free(copy);
			return result;
		}
	}
	if (key.size)
		memcpy(copy, key.data, key.size);
	assert(map->used < map->capacity);
	map->entries[map->used] = (struct base_map_entry){copy, key.size, hash, value};
	link_entry(map, map->used);
	map->used++;
	map->count++;
	return 0;
}

bool base_map_find(const struct base_map *map, struct gw_bytes key, void **value)
{
	const struct base_map_entry *entry = find_entry(map, hash_key(map->seed, key), key);

	if (entry && value)
		*value = entry->value;
	return entry != NULL;
}

void *base_map_get(const struct base_map *map, struct gw_bytes key)
{
	void *value = NULL;

	base_map_find(map, key, &value);
	return value;
}

bool base_map_remove(struct base_map *map, struct gw_bytes key, void **value)
{
	struct base_map_entry *entry = find_entry(map, hash_key(map->seed, key), key);

	if (!entry)
		return false;
	if (value)
		*value = entry->value;
	free(entry->key);
	entry->key = NULL;
	assert(map->count > 0 && map->count <= map->used);
	map->count--;
	return true;
}

bool base_map_next(const struct base_map *map, size_t *position, struct gw_bytes *key, void **value)
{
	assert(map->count <= map->used && map->used <= map->capacity);
	while (*position < map->used) {
		const struct base_map_entry *entry = &map->entries[(*position)++];

		if (!entry->key)
			continue;
		*key = (struct gw_bytes){entry->key, entry->key_size};
		if (value)
			*value = entry->value;
		return true;
	}
	return false;
}

void base_map_done(struct base_map *map)
{
	if (!map)
		return;
	for (size_t i = 0; i < map->used; i++)
		free(map->entries[i].key);
	free(map->entries);
	free(map->slots);
	*map = (struct base_map){.seed = map->seed};
}
