/* SPDX-License-Identifier: Apache-2.0 */
/*
 * allocate.c - growing an array by doubling, so that n appends cost O(n).
 */
#include "base/allocate.h"

#include <assert.h>
#include <stdlib.h>

enum { FIRST_CAPACITY = 8 };

void *base_grow(void *items, size_t item_size, size_t *capacity, size_t need)
{
	size_t larger = *capacity;
	size_t bytes;
	void *moved;

	assert(item_size > 0 && need > 0);
	if (need <= *capacity)
		return items;
	if (__builtin_mul_overflow(larger, 2, &larger) || larger < need)
		larger = need;
	if (larger < FIRST_CAPACITY)
		larger = FIRST_CAPACITY;
	if (__builtin_mul_overflow(larger, item_size, &bytes) || bytes > PTRDIFF_MAX)
		return NULL;
	assert(larger >= need && larger > *capacity);
	moved = realloc(items, bytes);
	if (moved)
		*capacity = larger;
	return moved;
}
