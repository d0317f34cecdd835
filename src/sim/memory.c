/* SPDX-License-Identifier: Apache-2.0 */
/*
 * memory.c - blocks in free lists by size, so that an event or a packet costs no call of malloc.
 * Under AddressSanitizer every block is malloc's, so that a use after free is seen.
 */
#include "inside.h"

#include <stdlib.h>

#if defined(__SANITIZE_ADDRESS__)
#define MEMORY_IS_CHECKED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define MEMORY_IS_CHECKED 1
#endif
#endif
#ifndef MEMORY_IS_CHECKED
#define MEMORY_IS_CHECKED 0
#endif

void *sim_allocate(size_t size)
{
	void *block = calloc(1, size);

	assert(block && "no memory for the simulator");
	return block;
}

static size_t class_of(size_t size)
{
	size_t class = 0;

	while (size > (size_t)1 << (SIZE_CLASS_MIN + class))
		class++;
	return class;
}

void *sim_take(struct sim *sim, size_t size)
{
	size_t class = class_of(size);
	struct free_block *block;

	if (MEMORY_IS_CHECKED || class >= SIZE_CLASSES) {
		block = malloc(size);
	} else if (sim->blocks[class]) {
		block = sim->blocks[class];
		sim->blocks[class] = block->next;
	} else {
		block = malloc((size_t)1 << (SIZE_CLASS_MIN + class));
	}
	assert(block && "no memory for the simulator");
	return block;
}

void sim_give(struct sim *sim, void *memory, size_t size)
{
	size_t class = class_of(size);
	struct free_block *block = (struct free_block *)memory;

	if (!memory)
		return;
	if (MEMORY_IS_CHECKED || class >= SIZE_CLASSES) {
		free(memory);
		return;
	}
	block->next = sim->blocks[class];
	sim->blocks[class] = block;
}

void sim_memory_done(struct sim *sim)
{
	for (size_t class = 0; class < SIZE_CLASSES; class++) {
		while (sim->blocks[class]) {
			struct free_block *block = sim->blocks[class];

			sim->blocks[class] = block->next;
			free(block);
		}
	}
}
