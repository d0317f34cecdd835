/* SPDX-License-Identifier: Apache-2.0 */
/*
 * oracle_memory_fixture.c - the oracle's addresses: PMP by ranges of bytes, Sv39, a walk for every
 * access.
 */
#include "oracle_fixture.h"

#define PAGE UINT64_C(4096)

static uint64_t ram_word(const struct oracle *oracle, uint64_t offset, unsigned size)
{
	uint64_t value = 0;

	for (unsigned at = 0; at < size; at++)
		value |= (uint64_t)oracle->setup.ram[offset + at] << (8 * at);
	return value;
}

static void set_ram_word(struct oracle *oracle, uint64_t offset, unsigned size, uint64_t value)
{
	for (unsigned at = 0; at < size; at++)
		oracle->setup.ram[offset + at] = (uint8_t)(value >> (8 * at));
}

static bool in_ram(const struct oracle *oracle, uint64_t physical)
{
	return physical >= oracle->setup.ram_base &&
	       physical - oracle->setup.ram_base < oracle->setup.ram_size;
}

/* The first entry that holds the byte decides. */
static bool pmp(const struct oracle *oracle, uint64_t physical, enum oracle_access access,
		uint64_t mode)
{
	uint64_t below = 0;

	if (physical >= UINT64_C(1) << 56)
		return false;
	for (unsigned entry = 0; entry < 16; entry++) {
		uint64_t config = oracle->csr[0x3a0 + entry / 8 * 2] >> (entry % 8 * 8) & 0xff;
		uint64_t address = oracle->csr[0x3b0 + entry], from = 0, size = 0;

		if ((config >> 3 & 3) == 1) {
			uint64_t end = (address & ~UINT64_C(0x3ff)) << 2;

			from = below;
			size = end > from ? end - from : 0;
		} else if ((config >> 3 & 3) == 3) {
			address |= 0x1ff;
			for (size = 8; address & 1; size *= 2)
				address >>= 1;
			from = (oracle->csr[0x3b0 + entry] | 0x1ff) << 2 & ~(size - 1);
		}
		below = (oracle->csr[0x3b0 + entry] & ~UINT64_C(0x3ff)) << 2;
		if (physical - from < size)
			return (mode == 3 && !(config & 0x80)) || config & access;
	}
	return mode == 3;
}

static bool fault(struct oracle *oracle, uint64_t address, enum oracle_access access, bool page)
{
	uint64_t cause = access == ORACLE_FETCH ? 1 : access == ORACLE_READ ? 5 : 7;

	return oracle_trap(oracle, page ? (cause == 1 ? 12 : cause + 8) : cause, address);
}

static bool may(const struct oracle *oracle, uint64_t entry, enum oracle_access access,
		uint64_t mode)
{
	bool user = entry >> 4 & 1;

	if (mode == 0 && !user)
		return false;
	if (mode == 1 && user && (access == ORACLE_FETCH || !(oracle->csr[0x300] >> 18 & 1)))
		return false;
	if (access == ORACLE_FETCH)
		return entry >> 3 & 1;
	if (access == ORACLE_WRITE)
		return entry >> 2 & 1;
	return entry >> 1 & 1 || (entry >> 3 & 1 && oracle->csr[0x300] >> 19 & 1);
}

static bool walk(struct oracle *oracle, uint64_t address, enum oracle_access access, uint64_t mode,
		 uint64_t *physical)
{
	uint64_t table = (oracle->csr[0x180] & 0xfffffffffff) * PAGE, high = address >> 38;

	if (high != 0 && high != (UINT64_C(1) << 26) - 1)
		return fault(oracle, address, access, true);
	for (unsigned shift = 30;; shift -= 9) {
		uint64_t at = table + (address >> shift & 511) * 8, entry, wanted;

		if (!in_ram(oracle, at) || !pmp(oracle, at, ORACLE_READ, 1))
			return fault(oracle, address, access, false);
		entry = ram_word(oracle, at - oracle->setup.ram_base, 8);
		if (!(entry & 1) || (entry & 6) == 4 || entry >> 54)
			return fault(oracle, address, access, true);
		if (!(entry & 10)) {
			if (shift == 12 || entry & 0xd0)
				return fault(oracle, address, access, true);
			table = (entry >> 10 & 0xfffffffffff) * PAGE;
			continue;
		}
		*physical = (entry >> 10 & 0xfffffffffff) * PAGE;
		if (*physical & ((UINT64_C(1) << shift) - 1) || !may(oracle, entry, access, mode))
			return fault(oracle, address, access, true);
		*physical |= address & ((UINT64_C(1) << shift) - 1);
		if (!pmp(oracle, *physical, access, mode))
			return fault(oracle, address, access, false);
		wanted = entry | 0x40 | (access == ORACLE_WRITE ? 0x80 : 0);
		if (wanted != entry && !pmp(oracle, at, ORACLE_WRITE, 1))
			return fault(oracle, address, access, false);
		if (wanted != entry)
			set_ram_word(oracle, at - oracle->setup.ram_base, 8, wanted);
		return true;
	}
}

static bool translate(struct oracle *oracle, uint64_t address, enum oracle_access access,
		      uint64_t *physical)
{
	uint64_t mode = oracle->mode;

	if (access != ORACLE_FETCH && oracle->csr[0x300] >> 17 & 1)
		mode = oracle->csr[0x300] >> 11 & 3;
	if (mode != 3 && oracle->csr[0x180] >> 60 == 8)
		return walk(oracle, address, access, mode, physical);
	*physical = address;
	return pmp(oracle, address, access, mode) || fault(oracle, address, access, false);
}

bool oracle_fetch(struct oracle *oracle)
{
	uint64_t physical;

	if (!translate(oracle, oracle->pc, ORACLE_FETCH, &physical))
		return false;
	if (!in_ram(oracle, physical))
		return fault(oracle, oracle->pc, ORACLE_FETCH, false);
	oracle->bits = (uint32_t)ram_word(oracle, physical - oracle->setup.ram_base, 2);
	if ((oracle->bits & 3) != 3)
		return true;
	physical += 2;
	if ((oracle->pc + 2) % PAGE == 0) {
		if (!translate(oracle, oracle->pc + 2, ORACLE_FETCH, &physical))
			return false;
		if (!in_ram(oracle, physical))
			return fault(oracle, oracle->pc + 2, ORACLE_FETCH, false);
	}
	oracle->bits |= (uint32_t)ram_word(oracle, physical - oracle->setup.ram_base, 2) << 16;
	return true;
}

/* The places of all bytes of an access; false also if it is misaligned and not all in RAM. */
static bool places(struct oracle *oracle, uint64_t address, unsigned size,
		   enum oracle_access access, uint64_t place[8])
{
	for (unsigned at = 0; at < size; at++) {
		if (at == 0 || (address + at) % PAGE == 0) {
			if (!translate(oracle, address + at, access, &place[at]))
				return false;
			if (address % size && !in_ram(oracle, place[at]))
				return fault(oracle, address + at, access, false);
		} else {
			place[at] = place[at - 1] + 1;
		}
	}
	return true;
}

bool oracle_load(struct oracle *oracle, uint64_t address, unsigned size, uint64_t *value)
{
	const struct vm_bus *bus = oracle->setup.bus;
	uint64_t place[8];

	*value = 0;
	if (!places(oracle, address, size, ORACLE_READ, place))
		return false;
	if (!in_ram(oracle, place[0])) {
		if (bus && bus->read(oracle->setup.device, place[0], size, value) >= 0)
			return true;
		return fault(oracle, address, ORACLE_READ, false);
	}
	for (unsigned at = 0; at < size; at++)
		*value |= ram_word(oracle, place[at] - oracle->setup.ram_base, 1) << (8 * at);
	return true;
}

bool oracle_store(struct oracle *oracle, uint64_t address, unsigned size, uint64_t value)
{
	const struct vm_bus *bus = oracle->setup.bus;
	uint64_t place[8];

	if (!places(oracle, address, size, ORACLE_WRITE, place))
		return false;
	if (!in_ram(oracle, place[0])) {
		if (size < 8)
			value &= (UINT64_C(1) << (8 * size)) - 1;
		if (bus && bus->write(oracle->setup.device, place[0], size, value) >= 0)
			return true;
		return fault(oracle, address, ORACLE_WRITE, false);
	}
	for (unsigned at = 0; at < size; at++)
		set_ram_word(oracle, place[at] - oracle->setup.ram_base, 1, value >> (8 * at));
	return true;
}

bool oracle_place(struct oracle *oracle, uint64_t address, unsigned size, enum oracle_access access,
		  uint64_t *offset)
{
	uint64_t physical;

	if (address % size)
		return oracle_trap(oracle, access == ORACLE_READ ? 4 : 6, address);
	if (!translate(oracle, address, access, &physical))
		return false;
	if (!in_ram(oracle, physical))
		return fault(oracle, address, access, false);
	*offset = physical - oracle->setup.ram_base;
	return true;
}
