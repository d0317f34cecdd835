/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pairs.h - the buffer in which a map attempt collects pairs that no built-in combiner merges,
 * until there are enough for a run. It holds references: bytes that do not last are copied into its
 * arena.
 */
#ifndef MR_PAIRS_H
#define MR_PAIRS_H

#include "pair.h"

#include "base/arena.h"

struct mr_pairs {
	struct mr_pair *pairs;
	size_t count, capacity;
	uint64_t encoded;  /* bytes that all pairs take in a run */
	uint64_t memory_max; /* of pairs and copies, and separately of encoded */
	struct base_arena arena; /* copies */
	uint64_t copied;
	/* Distinct pairs only (GW_MR_SET_UNION): indexes + 1 into pairs by hash of key and
	 * value. */
	bool distinct;
	uint32_t *set;
	size_t set_size; /* a power of two */
};

int mr_pairs_init(struct mr_pairs *pairs, uint64_t memory_max, bool distinct,
		  struct gw_error *error) GW_MUST_CHECK;
void mr_pairs_done(struct mr_pairs *pairs);
void mr_pairs_clear(struct mr_pairs *pairs);

/* Adds a pair; copies the key or the value when keep_key or keep_value is false. 1 added (or
 * known already), 0 the buffer is full: write it out, clear it and add again; a buffer that is
 * empty takes a pair of any size. Negative when memory is short. */
int mr_pairs_add(struct mr_pairs *pairs, const struct mr_pair *pair, bool keep_key, bool keep_value,
		 struct gw_error *error) GW_MUST_CHECK;

/* The common case of mr_pairs_add, inline: room for a pair that needs no copy and no set. False:
 * call that. */
static inline bool mr_pairs_add_kept(struct mr_pairs *pairs, const struct mr_pair *pair)
{
	uint64_t size = mr_pair_size(pair, false);

	if (pairs->distinct || pairs->count == pairs->capacity ||
	    pairs->encoded + size > pairs->memory_max ||
	    (pairs->count + 1) * sizeof *pair + pairs->copied > pairs->memory_max)
		return false;
	pairs->pairs[pairs->count++] = *pair;
	pairs->encoded += size;
	return true;
}

#endif
