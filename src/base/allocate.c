/* SPDX-License-Identifier: Apache-2.0 */
/*
 * allocate.c - growing an array by doubling, so that n appends cost O(n); copies of texts.
 */
#include "base/allocate.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

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

char *base_copy_text(struct gw_bytes text)
{
	char *copy = malloc(text.size + 1);

	if (!copy)
		return NULL;
	if (text.size > 0)
		memcpy(copy, text.data, text.size);
	copy[text.size] = '\0';
	return copy;
}

bool base_copy_texts(const char **const texts[], size_t count)
{
	bool all = true;

	for (size_t i = 0; i < count; i++) {
		const char *given = *texts[i];

		*texts[i] = NULL;
		if (given && all)
			*texts[i] = base_copy_text((struct gw_bytes){given, strlen(given)});
		all = all && (!given || *texts[i]);
	}
	return all;
}

void base_free_texts(const char **const texts[], size_t count)
{
	for (size_t i = 0; i < count; i++) {
		free((char *)(uintptr_t)*texts[i]);
		*texts[i] = NULL;
	}
}
