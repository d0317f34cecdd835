/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bisect.c - see bisect.h.
 *
 * Invariant: from < middle <= to, and middle == to only when a single byte is left. Such a stretch
 * holds the beginning of one record at most, so a probe that dies there has found it.
 */
#include "bisect.h"

#include <assert.h>

static void cut(struct mr_bisect *bisect)
{
	assert(bisect->from < bisect->to);
	bisect->middle = bisect->from + (bisect->to - bisect->from + 1) / 2;
	assert(bisect->from < bisect->middle && bisect->middle <= bisect->to);
}

void mr_bisect_start(struct mr_bisect *bisect, const struct mr_failure *failure)
{
	uint64_t size = failure->block_size > 0 ? failure->block_size : 1;
	uint64_t from = failure->position.offset;

	assert(failure->where == MR_IN_BLOCK);
	/* User code may have scribbled over the page that the numbers come from. */
	if (from >= INT64_MAX)
		from = INT64_MAX - 1;
	*bisect = (struct mr_bisect){.file = failure->position.file, .from = from};
	bisect->to = size > INT64_MAX - from ? INT64_MAX : from + size;
	cut(bisect);
}

enum mr_bisect_state mr_bisect_died(struct mr_bisect *bisect, const struct mr_failure *failure)
{
	uint64_t at = failure->position.offset;
	bool inside =
		failure->position.file == bisect->file && at >= bisect->from && at < bisect->middle;

	assert(bisect->from < bisect->middle && bisect->middle <= bisect->to);
	bisect->to = bisect->middle;
	if (inside) {
		bisect->from = at;
		if (failure->where == MR_IN_RECORD)
			return MR_BISECT_FOUND;
		/* The block that died is what the worker made of the probe: no record begins before
		 * it, nor behind it. */
		if (failure->block_size > 0 && failure->block_size < bisect->to - at)
			bisect->to = at + failure->block_size;
	}
	if (bisect->to - bisect->from == 1)
		return MR_BISECT_FOUND;
	cut(bisect);
	return MR_BISECT_ON;
}

enum mr_bisect_state mr_bisect_lived(struct mr_bisect *bisect)
{
	assert(bisect->from < bisect->middle && bisect->middle <= bisect->to);
	if (bisect->middle == bisect->to)
		return MR_BISECT_LOST;
	bisect->from = bisect->middle;
	cut(bisect);
	return MR_BISECT_ON;
}
