/* SPDX-License-Identifier: Apache-2.0 */
#include "ram_hash.h"

#include "base/crc32c.h"

#include <assert.h>
#include <stdlib.h>

bool vm_ram_page_is_zero(const uint8_t *page)
{
	return page[0] == 0 && memcmp(page, page + 1, VM_PAGE_BYTES - 1) == 0;
}

static uint64_t hash_page(const struct vm_ram_hash *hash, uint64_t number)
{
	const uint8_t *page = hash->ram + number * VM_PAGE_BYTES;
	uint64_t mixed;

	if (vm_ram_page_is_zero(page))
		return 0;
	mixed = (number + 1) << 32 | base_crc32c(0, page, VM_PAGE_BYTES);
	mixed = (mixed ^ mixed >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	mixed = (mixed ^ mixed >> 27) * UINT64_C(0x94d049bb133111eb);
	return mixed ^ mixed >> 31;
}

void vm_ram_hash_look(struct vm_ram_hash *hash, uint64_t number)
{
	uint64_t now = hash_page(hash, number);

	assert(number < hash->page_count);
	hash->sum += now - hash->pages[number];
	hash->pages[number] = now;
}

int vm_ram_hash_start(struct vm_ram_hash *hash, struct vm_cpu *cpu, const uint8_t *ram,
		      uint64_t size, struct gw_error *error)
{
	int code;

	*hash = (struct vm_ram_hash){.cpu = cpu, .ram = ram, .page_count = size / VM_PAGE_BYTES};
	hash->pages = calloc(hash->page_count, sizeof(*hash->pages));
	if (!hash->pages)
		return gw_fail(error, GW_E_NO_MEMORY, "the hash of RAM: out of memory");
	code = vm_cpu_written_begin(cpu, error);
	if (code < 0) {
		vm_ram_hash_done(hash);
		return code;
	}
	for (uint64_t number = 0; number < hash->page_count; number++)
		vm_ram_hash_look(hash, number);
	return 0;
}

void vm_ram_hash_done(struct vm_ram_hash *hash)
{
	free(hash->pages);
	*hash = (struct vm_ram_hash){0};
}

uint64_t vm_ram_hash_now(struct vm_ram_hash *hash)
{
	size_t count;
	const uint32_t *written = vm_cpu_written(hash->cpu, &count);

	for (size_t at = 0; at < count; at++) {
		vm_ram_hash_look(hash, written[at]);
		if (hash->changed)
			(void)vm_page_set_add(hash->changed, written[at]);
	}
	vm_cpu_written_forget(hash->cpu);
	return hash->sum;
}
