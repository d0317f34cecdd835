/* SPDX-License-Identifier: Apache-2.0 */
#include "page_set.h"

#include <assert.h>
#include <stdlib.h>

int vm_page_set_start(struct vm_page_set *set, uint64_t page_count, struct gw_error *error)
{
	*set = (struct vm_page_set){.page_count = page_count};
	set->numbers = malloc(page_count * sizeof(*set->numbers));
	set->has = calloc(page_count / 8 + 1, 1);
	if (set->numbers && set->has)
		return 0;
	vm_page_set_done(set);
	return gw_fail(error, GW_E_NO_MEMORY, "a set of pages: out of memory");
}

void vm_page_set_done(struct vm_page_set *set)
{
	free(set->numbers);
	free(set->has);
	*set = (struct vm_page_set){0};
}

bool vm_page_set_add(struct vm_page_set *set, uint64_t number)
{
	uint8_t bit = (uint8_t)(1 << number % 8);

	assert(number < set->page_count);
	if (set->has[number / 8] & bit)
		return false;
	set->has[number / 8] |= bit;
	set->numbers[set->count++] = (uint32_t)number;
	return true;
}

void vm_page_set_clear(struct vm_page_set *set)
{
	for (size_t at = 0; at < set->count; at++)
		set->has[set->numbers[at] / 8] = 0;
	set->count = 0;
}
