/* SPDX-License-Identifier: Apache-2.0 */
/*
 * page_set.h - numbers of pages, each once.
 */
#ifndef VM_RECORD_PAGE_SET_H
#define VM_RECORD_PAGE_SET_H

#include <groundwork/base.h>

struct vm_page_set {
	uint64_t page_count; /* numbers are below */
	uint32_t *numbers;
	size_t count;
	uint8_t *has; /* a bit a number */
};

/* Empty. GW_E_NO_MEMORY; nothing else fails. */
int vm_page_set_start(struct vm_page_set *set, uint64_t page_count, struct gw_error *error)
	GW_MUST_CHECK;
void vm_page_set_done(struct vm_page_set *set);
/* false: it is in already. */
bool vm_page_set_add(struct vm_page_set *set, uint64_t number);
void vm_page_set_clear(struct vm_page_set *set);

#endif
