/* SPDX-License-Identifier: Apache-2.0 */
/* ram.c - the guest's memory as devices see it. */
#include "ram.h"

#include <assert.h>

uint8_t *vm_ram_at(const struct vm_ram *ram, uint64_t address, uint64_t size)
{
	uint64_t offset = address - ram->base;

	if (address < ram->base || offset > ram->size || size > ram->size - offset)
		return NULL;
	return ram->bytes + offset;
}

void vm_ram_write(const struct vm_ram *ram, uint64_t address, const void *data, size_t size)
{
	uint8_t *to = vm_ram_at(ram, address, size);

	assert(to);
	if (size == 0)
		return;
	memcpy(to, data, size);
	vm_cpu_ram_written(ram->cpu, address, size);
}
