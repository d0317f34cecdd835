/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trouble.c - see trouble.h.
 */
#include "trouble.h"

#include <assert.h>

/* Whether an earlier attempt failed at the same place; remembers this one if not. */
static bool suspected(struct mr_trouble *trouble, const struct mr_failure *failure)
{
	struct mr_suspect suspect = {failure->position, failure->where == MR_IN_BLOCK};
	uint32_t count = trouble->suspect_count;

	for (uint32_t i = 0; i < MR_SUSPECTS_MAX && i < count; i++) {
		if (trouble->suspects[i].block == suspect.block &&
		    mr_position_equal(&trouble->suspects[i].position, &suspect.position))
			return true;
	}
	trouble->suspects[count % MR_SUSPECTS_MAX] = suspect;
	trouble->suspect_count++;
	return false;
}

static enum mr_trouble_next after_probe(struct mr_trouble *trouble, enum mr_bisect_state state)
{
	trouble->killed = false;
	if (state == MR_BISECT_ON)
		return MR_TROUBLE_AGAIN;
	trouble->probing = false;
	if (state == MR_BISECT_LOST)
		return MR_TROUBLE_COUNT;
	trouble->failure.where = MR_IN_RECORD;
	trouble->failure.position =
		(struct mr_position){trouble->bisect.file, trouble->bisect.from};
	trouble->failure.block_size = 0;
	return MR_TROUBLE_BAD;
}

static enum mr_trouble_next probe_failed(struct mr_trouble *trouble,
					 const struct mr_failure *failure)
{
	assert(trouble->probing);
	if (failure->where == MR_IN_ENGINE)
		return MR_TROUBLE_COUNT;
	if (failure->outside && !trouble->outside && !trouble->killed) {
		trouble->killed = true;
		return MR_TROUBLE_AGAIN;
	}
	trouble->failure = *failure;
	return after_probe(trouble, mr_bisect_died(&trouble->bisect, failure));
}

enum mr_trouble_next mr_trouble_failed(struct mr_trouble *trouble, const struct mr_failure *failure,
				       bool probe)
{
	assert(trouble->skip_count <= MR_SKIPS_MAX && failure->where <= MR_IN_BLOCK);
	if (probe)
		return probe_failed(trouble, failure);
	if (failure->where == MR_IN_ENGINE)
		return MR_TROUBLE_COUNT;
	trouble->failure = *failure;
	if (!suspected(trouble, failure))
		return MR_TROUBLE_COUNT;
	if (failure->where == MR_IN_RECORD)
		return MR_TROUBLE_BAD;
	assert(failure->where == MR_IN_BLOCK);
	trouble->probing = true;
	trouble->killed = false;
	trouble->outside = failure->outside;
	mr_bisect_start(&trouble->bisect, failure);
	return MR_TROUBLE_AGAIN;
}

enum mr_trouble_next mr_trouble_lived(struct mr_trouble *trouble)
{
	assert(trouble->probing);
	return after_probe(trouble, mr_bisect_lived(&trouble->bisect));
}

static int compare(const struct mr_position *a, const struct mr_position *b)
{
	if (a->file != b->file)
		return a->file < b->file ? -1 : 1;
	return (a->offset > b->offset) - (a->offset < b->offset);
}

bool mr_trouble_skip(struct mr_trouble *trouble)
{
	const struct mr_position *bad = &trouble->failure.position;
	uint32_t place = trouble->skip_count;

	assert(trouble->skip_count < MR_SKIPS_MAX);
	while (place > 0 && compare(&trouble->skips[place - 1], bad) >= 0)
		place--;
	if (place < trouble->skip_count && compare(&trouble->skips[place], bad) == 0)
		return false;
	for (uint32_t i = trouble->skip_count; i > place; i--)
		trouble->skips[i] = trouble->skips[i - 1];
	trouble->skips[place] = *bad;
	trouble->skip_count++;
	assert(place < trouble->skip_count && trouble->skip_count <= MR_SKIPS_MAX);
	trouble->suspect_count = 0;
	return true;
}
