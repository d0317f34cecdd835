/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pmp.c - physical memory protection, section 3.7 of the privileged specification: sixteen entries,
 * their grain a page, so that every page is wholly in or out of a region.
 */
#include "memory.h"

enum {
	PMP_LOCKED = 1 << 7,
	PMP_KIND_SHIFT = 3,
	PMP_KIND_OFF = 0,
	PMP_KIND_TOR = 1,
	PMP_KIND_NA4 = 2, /* cannot be chosen with this grain */
	PMP_GRAIN_BITS = 10, /* of an address shifted by two */
};

static bool matches(const struct vm_cpu *cpu, unsigned entry, uint64_t page)
{
	/* Both in units of 4 KiB. */
	uint64_t number = cpu->pmpaddr[entry] >> PMP_GRAIN_BITS;
	uint64_t from = entry ? cpu->pmpaddr[entry - 1] >> PMP_GRAIN_BITS : 0;
	uint64_t ones;

	switch ((cpu->pmpcfg[entry] >> PMP_KIND_SHIFT) & 3) {
	case PMP_KIND_OFF:
	case PMP_KIND_NA4:
		return false;
	case PMP_KIND_TOR:
		return page >= from && page < number;
	}
	/* A power of two: as many low bits as the address ends in ones, and one more. */
	ones = cpu->pmpaddr[entry] | ((UINT64_C(1) << (PMP_GRAIN_BITS - 1)) - 1);
	ones = (ones ^ (ones + 1)) >> PMP_GRAIN_BITS;
	return (number | ones) == (page | ones);
}

bool vm_pmp_allows(const struct vm_cpu *cpu, uint64_t physical, enum vm_access access,
		   uint64_t mode)
{
	if (physical >> 56)
		return false;
	for (unsigned entry = 0; entry < VM_PMP_ENTRIES; entry++) {
		if (!matches(cpu, entry, physical / VM_PAGE_BYTES))
			continue;
		if (mode == VM_MODE_MACHINE && !(cpu->pmpcfg[entry] & PMP_LOCKED))
			return true;
		return cpu->pmpcfg[entry] & access; /* R, W, X are the accesses' bits */
	}
	return mode == VM_MODE_MACHINE;
}
