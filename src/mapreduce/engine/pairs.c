/* SPDX-License-Identifier: Apache-2.0 */
/* pairs.c - see pairs.h. */
#include "pairs.h"

#include "hash.h"

#include <assert.h>
#include <stdlib.h>

enum { PAIRS_MIN = 1024, SET_MIN = 4096 };

int mr_pairs_init(struct mr_pairs *pairs, uint64_t memory_max, bool distinct,
		  struct gw_error *error)
{
	*pairs = (struct mr_pairs){.memory_max = memory_max, .distinct = distinct};
	pairs->pairs = malloc(PAIRS_MIN * sizeof *pairs->pairs);
	pairs->capacity = PAIRS_MIN;
	if (distinct) {
		pairs->set_size = SET_MIN;
		pairs->set = calloc(SET_MIN, sizeof *pairs->set);
	}
	if (pairs->pairs && (pairs->set || !distinct))
		return 0;
	mr_pairs_done(pairs);
	return gw_fail(error, GW_E_NO_MEMORY, "no memory for the pairs of a map task");
}

void mr_pairs_done(struct mr_pairs *pairs)
{
	free(pairs->pairs);
	free(pairs->set);
	base_arena_done(&pairs->arena);
	*pairs = (struct mr_pairs){0};
}

void mr_pairs_clear(struct mr_pairs *pairs)
{
	base_arena_reset(&pairs->arena);
	if (pairs->set)
		memset(pairs->set, 0, pairs->set_size * sizeof *pairs->set);
	pairs->count = 0;
	pairs->encoded = 0;
	pairs->copied = 0;
}

/* What `count` pairs cost: the array, and in the set two indexes a pair. */
static uint64_t pairs_cost(const struct mr_pairs *pairs, size_t count)
{
	return (uint64_t)count * (sizeof *pairs->pairs + (pairs->distinct ? 8 : 0));
}

static int pairs_grow(struct mr_pairs *pairs, struct gw_error *error)
{
	size_t capacity = pairs->capacity * 2;
	struct mr_pair *more;

	assert(capacity > PAIRS_MIN && pairs->count <= pairs->capacity);
	more = realloc(pairs->pairs, capacity * sizeof *more);
	if (!more)
		return gw_fail(error, GW_E_NO_MEMORY, "no memory for %zu pairs of a map task",
			       capacity);
	pairs->pairs = more;
	pairs->capacity = capacity;
	return 0;
}

static int set_grow(struct mr_pairs *pairs, struct gw_error *error)
{
	size_t size = pairs->set_size * 2;
	uint32_t *set;

	assert(size > SET_MIN && (size & (size - 1)) == 0);
	set = calloc(size, sizeof *set);
	if (!set)
		return gw_fail(error, GW_E_NO_MEMORY, "no memory for a set of %zu pairs", size);
	for (size_t i = 0; i < pairs->count; i++) {
		size_t at = pairs->pairs[i].tag & (size - 1);

		while (set[at])
			at = (at + 1) & (size - 1);
		set[at] = (uint32_t)i + 1;
	}
	free(pairs->set);
	pairs->set = set;
	pairs->set_size = size;
	return 0;
}

static bool pair_same(const struct mr_pair *a, const struct mr_pair *b)
{
	return a->tag == b->tag && a->key_size == b->key_size && a->value_size == b->value_size &&
	       memcmp(a->key, b->key, a->key_size) == 0 &&
	       memcmp(a->value, b->value, a->value_size) == 0;
}

/* Where the pair is in the set, or the free place where it belongs. */
static uint32_t *set_find(struct mr_pairs *pairs, const struct mr_pair *pair)
{
	size_t at = pair->tag & (pairs->set_size - 1);

	while (pairs->set[at] && !pair_same(&pairs->pairs[pairs->set[at] - 1], pair))
		at = (at + 1) & (pairs->set_size - 1);
	return &pairs->set[at];
}

static int copy_bytes(struct mr_pairs *pairs, const char **bytes, uint32_t size,
		      struct gw_error *error)
{
	void *copy;

	if (size == 0)
		return 0;
	copy = base_arena_alloc(&pairs->arena, size, 1);
	if (!copy)
		return gw_fail(error, GW_E_NO_MEMORY, "no memory to copy a pair of %u bytes", size);
	memcpy(copy, *bytes, size);
	*bytes = copy;
	pairs->copied += size;
	return 0;
}

static int pairs_reserve(struct mr_pairs *pairs, struct gw_error *error)
{
	int failed = 0;

	if (pairs->count == pairs->capacity)
		failed = pairs_grow(pairs, error);
	if (!failed && pairs->distinct && pairs->count * 2 >= pairs->set_size)
		failed = set_grow(pairs, error);
	return failed;
}

int mr_pairs_add(struct mr_pairs *pairs, const struct mr_pair *pair, bool keep_key, bool keep_value,
		 struct gw_error *error)
{
	uint64_t size = mr_pair_size(pair, false);
	struct mr_pair added = *pair;
	uint32_t *known = NULL;
	int failed;

	if (pairs->count > 0 &&
	    (pairs_cost(pairs, pairs->count + 1) + pairs->copied + size > pairs->memory_max ||
	     pairs->encoded + size > pairs->memory_max))
		return 0;
	failed = pairs_reserve(pairs, error);
	if (failed)
		return failed;
	if (pairs->distinct) {
		added.tag = mr_hash(pair->key, pair->key_size) * MR_HASH_1 ^
			    mr_hash(pair->value, pair->value_size);
		known = set_find(pairs, &added);
		if (*known)
			return 1;
	}
	if (!keep_key)
		failed = copy_bytes(pairs, &added.key, pair->key_size, error);
	if (!failed && !keep_value)
		failed = copy_bytes(pairs, &added.value, pair->value_size, error);
	if (failed)
		return failed;
	pairs->pairs[pairs->count++] = added;
	if (known)
		*known = (uint32_t)pairs->count;
	pairs->encoded += size;
	return 1;
}
