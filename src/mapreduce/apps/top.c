/* SPDX-License-Identifier: Apache-2.0 */
/*
 * top.c - a heap of the best with the worst of them at its root, where each newcomer is compared.
 */
#include "top.h"

#include "base/allocate.h"

#include <assert.h>
#include <stdlib.h>

/* Whether the text with its number comes before the item. */
static bool beats(struct gw_bytes text, int64_t number, const struct mr_top_item *item)
{
	if (number != item->number)
		return number > item->number;
	return gw_bytes_compare(text, (struct gw_bytes){item->text, item->size}) < 0;
}

static bool is_better(const struct mr_top_item *a, const struct mr_top_item *b)
{
	return beats((struct gw_bytes){a->text, a->size}, a->number, b);
}

static void swap(struct mr_top_item *a, struct mr_top_item *b)
{
	struct mr_top_item item = *a;

	*a = *b;
	*b = item;
}

/* Moves the item at the root down to where both items below it are better. */
static void sift_down(struct mr_top *top)
{
	size_t at = 0;

	for (;;) {
		size_t worst = at;

		for (size_t below = 2 * at + 1; below <= 2 * at + 2 && below < top->count; below++)
			if (is_better(&top->items[worst], &top->items[below]))
				worst = below;
		if (worst == at)
			return;
		assert(worst > at && worst < top->count);
		swap(&top->items[at], &top->items[worst]);
		at = worst;
	}
}

static void sift_up(struct mr_top *top)
{
	assert(top->count > 0 && top->count <= top->capacity);
	size_t at = top->count - 1;

	while (at > 0 && is_better(&top->items[(at - 1) / 2], &top->items[at])) {
		swap(&top->items[at], &top->items[(at - 1) / 2]);
		at = (at - 1) / 2;
	}
}

int mr_top_add(struct mr_top *top, struct gw_bytes text, int64_t number, struct gw_error *error)
{
	struct mr_top_item item = {.size = text.size, .number = number};

	assert(top->max <= MR_TOP_MAX && top->count <= top->max);
	if (top->max == 0 || (top->count == top->max && !beats(text, number, &top->items[0])))
		return 0;
	struct mr_top_item *items = top->items;

	if (top->count < top->max)
		items = base_grow(items, sizeof(*items), &top->capacity, top->count + 1);
	if (items)
		top->items = items;
	item.text = base_copy_text(text);
	if (!items || !item.text) {
		free(item.text);
		return gw_fail(error, GW_E_NO_MEMORY, "no memory for the %zu greatest", top->max);
	}
	if (top->count < top->max) {
		items[top->count++] = item;
		sift_up(top);
	} else {
		free(items[0].text);
		items[0] = item;
		sift_down(top);
	}
	return 0;
}

static int compare_items(const void *left, const void *right)
{
	return is_better(left, right) ? -1 : is_better(right, left);
}

void mr_top_sort(struct mr_top *top)
{
	if (top->count > 0)
		qsort(top->items, top->count, sizeof(*top->items), compare_items);
}

void mr_top_clear(struct mr_top *top)
{
	for (size_t i = 0; i < top->count; i++)
		free(top->items[i].text);
	top->count = 0;
}

void mr_top_done(struct mr_top *top)
{
	mr_top_clear(top);
	free(top->items);
	top->items = NULL;
	top->capacity = 0;
}
