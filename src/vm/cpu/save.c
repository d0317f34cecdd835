/* SPDX-License-Identifier: Apache-2.0 */
/*
 * save.c - the state as bytes, in the order of VM_STATE_FIELDS, then x1 to x31, f0 to f31, pmpaddr
 * and pmpcfg, each as 8 bytes.
 */
#include "base/crc32c.h"
#include "base/little_endian.h"
#include "stops.h"

#include <assert.h>

#define MAGIC UINT64_C(0x0000757063766d67) /* "gmvcpu", and 0 before the version */

enum {
#define COUNT(name) +1
	FIELDS = 0 VM_STATE_FIELDS(COUNT),
#undef COUNT
	WORDS = 1 + FIELDS + (VM_REGISTERS - 1) + VM_REGISTERS + VM_PMP_ENTRIES + VM_PMP_ENTRIES,
};

_Static_assert(VM_CPU_STATE_BYTES == 8 * WORDS + 4, "VM_CPU_STATE_BYTES says how many");

static void to_words(const struct vm_cpu *cpu, uint64_t words[WORDS])
{
	size_t at = 0;

	words[at++] = MAGIC | (uint64_t)VM_CPU_STATE_VERSION << 56;
#define PUT(name) words[at++] = cpu->name;
	VM_STATE_FIELDS(PUT)
#undef PUT
	for (size_t number = 1; number < VM_REGISTERS; number++)
		words[at++] = cpu->x[number];
	for (size_t number = 0; number < VM_REGISTERS; number++)
		words[at++] = cpu->f[number];
	for (size_t entry = 0; entry < VM_PMP_ENTRIES; entry++)
		words[at++] = cpu->pmpaddr[entry];
	for (size_t entry = 0; entry < VM_PMP_ENTRIES; entry++)
		words[at++] = cpu->pmpcfg[entry];
	assert(at == WORDS);
}

static void from_words(struct vm_cpu *cpu, const uint64_t words[WORDS])
{
	size_t at = 1;

#define GET(name) cpu->name = words[at++];
	VM_STATE_FIELDS(GET)
#undef GET
	for (size_t number = 1; number < VM_REGISTERS; number++)
		cpu->x[number] = words[at++];
	for (size_t number = 0; number < VM_REGISTERS; number++)
		cpu->f[number] = words[at++];
	for (size_t entry = 0; entry < VM_PMP_ENTRIES; entry++)
		cpu->pmpaddr[entry] = words[at++];
	for (size_t entry = 0; entry < VM_PMP_ENTRIES; entry++)
		cpu->pmpcfg[entry] = (uint8_t)words[at++];
	assert(at == WORDS);
}

void vm_cpu_save(const struct vm_cpu *cpu, uint8_t out[VM_CPU_STATE_BYTES])
{
	uint64_t words[WORDS];

	assert(!cpu->running);
	to_words(cpu, words);
	for (size_t at = 0; at < WORDS; at++)
		base_store64(out + 8 * at, words[at]);
	base_store32(out + 8 * (size_t)WORDS, base_crc32c(0, out, 8 * (size_t)WORDS));
}

/* Whether code that trusts the state may run on it: what a register cannot hold is not in it. */
static bool sound(const struct vm_cpu *cpu)
{
	if (cpu->mode > VM_MODE_MACHINE || cpu->mode == 2 || vm_status_mode(cpu) == 2)
		return false;
	if (cpu->satp && cpu->satp >> 60 != VM_SATP_SV39)
		return false;
	if (cpu->pc & 1 || cpu->frm > 7 || cpu->fflags > 0x1f || cpu->waiting > 1)
		return false;
	return !((cpu->mie | cpu->mip | cpu->lines) & ~UINT64_C(0xaaa)) &&
	       !(cpu->mideleg & ~UINT64_C(0x222));
}

int vm_cpu_load(struct vm_cpu *cpu, struct gw_bytes in, struct gw_error *error)
{
	const uint8_t *bytes = in.data;
	uint64_t words[WORDS], before[WORDS];

	assert(!cpu->running);
	if (in.size < 8 || (base_load64(bytes) ^ MAGIC) << 8)
		return gw_fail(error, GW_E_CORRUPT, "state of a hart: there is none");
	if (bytes[7] != VM_CPU_STATE_VERSION)
		return gw_fail(error, GW_E_VERSION, "state of a hart: version %u, known is %d",
			       bytes[7], VM_CPU_STATE_VERSION);
	if (in.size != VM_CPU_STATE_BYTES ||
	    base_load32(bytes + 8 * (size_t)WORDS) != base_crc32c(0, bytes, 8 * (size_t)WORDS))
		return gw_fail(error, GW_E_CORRUPT, "state of a hart: checksum mismatch");
	for (size_t at = 0; at < WORDS; at++)
		words[at] = base_load64(bytes + 8 * at);
	/* RAM is another's: what was made from it goes, and whatever hangs on it. */
	to_words(cpu, before);
	vm_forget_translations(cpu);
	vm_cpu_ram_written(cpu, cpu->setup.ram_base, cpu->setup.ram_size);
	from_words(cpu, words);
	if (!sound(cpu)) {
		from_words(cpu, before);
		return gw_fail(error, GW_E_CORRUPT, "state of a hart: one that cannot be");
	}
	vm_cpu_changed(cpu);
	if (cpu->stops)
		cpu->stops->passed = UINT64_MAX;
	return 0;
}

uint64_t vm_cpu_hash(const struct vm_cpu *cpu)
{
	uint64_t words[WORDS], hash = 0;

	to_words(cpu, words);
	for (size_t at = 0; at < WORDS; at++) {
		hash = (hash ^ words[at]) * UINT64_C(0x9e3779b97f4a7c15);
		hash ^= hash >> 32;
	}
	return hash;
}
