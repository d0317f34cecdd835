/* SPDX-License-Identifier: Apache-2.0 */
/*
 * map.h - a hash map from byte strings to pointers that remembers the order of insertion, so that
 * walking it gives the same order in every run.
 *
 *     struct base_map map = {0};
 *     base_map_put(&map, gw_string("name"), thing, &error);
 *     for (size_t at = 0; base_map_next(&map, &at, &key, &value);)
 *             ...
 *     base_map_done(&map);
 *
 * Keys are copied; values belong to the caller and may be NULL. Zero is an empty map. A map whose
 * keys come from outside gets a random seed before its first use, so that nobody can choose keys
 * that collide.
 */
#ifndef BASE_MAP_H
#define BASE_MAP_H

#include <groundwork/base.h>

enum { BASE_MAP_KEYS_MAX = 1 << 28 };

struct base_map_entry;

struct base_map {
	struct base_map_entry *entries; /* in order of insertion; removed ones leave a hole */
	size_t used;                    /* entries with holes */
	size_t capacity;                /* of entries */
	size_t count;                   /* keys in the map */
	uint32_t *slots;                /* open addressing: index in entries + 1; 0: free */
	size_t slot_count;              /* a power of two, at least twice used */
	uint64_t seed;
};

/* Sets the value of key. A new key goes to the end of the order, an old one keeps its place. */
int base_map_put(struct base_map *map, struct gw_bytes key, void *value, struct gw_error *error)
	GW_MUST_CHECK;

/* Whether key is there; if so *value (if not NULL) is its value. */
bool base_map_find(const struct base_map *map, struct gw_bytes key, void **value);

/* The value of key, NULL when it is not there. */
void *base_map_get(const struct base_map *map, struct gw_bytes key);

/* Takes key out; whether it was there, and its value as in base_map_find. */
bool base_map_remove(struct base_map *map, struct gw_bytes key, void **value);

/* The next key in order of insertion, from *position = 0 on; false at the end. Keys may be removed
 * meanwhile, but not put. key is the map's and lasts as long as it is in the map. */
bool base_map_next(const struct base_map *map, size_t *position, struct gw_bytes *key,
		   void **value);

/* Frees all but the values; the map is empty as at the start, its seed kept. */
void base_map_done(struct base_map *map);

#endif
