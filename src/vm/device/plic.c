/* SPDX-License-Identifier: Apache-2.0 */
/* plic.c - the interrupts of devices, collected for the hart. */
#include "plic.h"

#include <assert.h>
#include <stdlib.h>

/* Registers; sources are bits of words of 32. */
enum {
	PRIORITY = 0,
	PENDING = 0x1000,
	ENABLE = 0x2000,
	ENABLE_BYTES = 0x80, /* a context */
	CONTEXT = 0x200000,
	CONTEXT_BYTES = 0x1000,
	THRESHOLD = 0,
	CLAIM = 4,
	WORDS = VM_PLIC_SOURCES / 32,
	SPECIFIED_SOURCES = 1024, /* registers of sources that are not there read as 0 */
};

struct vm_plic {
	struct vm_cpu *cpu;
	uint8_t priority[VM_PLIC_SOURCES];
	uint64_t level;
	uint64_t pending;
	uint64_t claimed; /* by any context; not pending until it is completed */
	uint64_t enabled[VM_PLIC_CONTEXTS];
	uint8_t threshold[VM_PLIC_CONTEXTS];
};

_Static_assert(VM_PLIC_SOURCES == 64, "a set of sources is 64 bits");

static const enum vm_line lines[VM_PLIC_CONTEXTS] = {
	VM_LINE_MACHINE_EXTERNAL,
	VM_LINE_SUPERVISOR_EXTERNAL,
};

/* The source that a context would claim; 0: none. */
static unsigned best(const struct vm_plic *plic, unsigned context)
{
	uint64_t candidates = plic->pending & plic->enabled[context];
	unsigned source = 0;

	for (; candidates; candidates &= candidates - 1) {
		unsigned at = (unsigned)__builtin_ctzll(candidates);

		if (plic->priority[at] > plic->priority[source])
			source = at;
	}
	return source;
}

static void update(struct vm_plic *plic)
{
	plic->pending |= plic->level & ~plic->claimed;
	assert(!(plic->pending & plic->claimed) && !(plic->pending & 1));
	for (unsigned context = 0; context < VM_PLIC_CONTEXTS; context++) {
		unsigned source = best(plic, context);

		vm_cpu_set_lines(plic->cpu, lines[context],
				 plic->priority[source] > plic->threshold[context]);
	}
}

static void set_level(void *to, unsigned source, bool high)
{
	struct vm_plic *plic = to;
	uint64_t bit = UINT64_C(1) << source;

	assert(source > 0 && source < VM_PLIC_SOURCES);
	plic->level = high ? plic->level | bit : plic->level & ~bit;
	update(plic);
}

struct vm_wire vm_plic_wire(struct vm_plic *plic, unsigned source)
{
	assert(source > 0 && source < VM_PLIC_SOURCES);
	return (struct vm_wire){set_level, plic, source};
}

static unsigned claim(struct vm_plic *plic, unsigned context)
{
	unsigned source = best(plic, context);

	assert(context < VM_PLIC_CONTEXTS && source < VM_PLIC_SOURCES);
	if (source) {
		plic->pending &= ~(UINT64_C(1) << source);
		plic->claimed |= UINT64_C(1) << source;
		update(plic);
	}
	return source;
}

static void complete(struct vm_plic *plic, unsigned context, uint64_t source)
{
	if (source >= VM_PLIC_SOURCES || !(plic->enabled[context] >> source & 1))
		return;
	plic->claimed &= ~(UINT64_C(1) << source);
	update(plic);
}

/* ---- Registers ------------------------------------------------------------------------------- */

enum region { REGION_NONE, REGION_PRIORITY, REGION_PENDING, REGION_ENABLE, REGION_CONTEXT };

/* What an offset is of: a region, a context of it, and a number of bytes into that. */
static enum region region_of(uint64_t offset, unsigned *context, uint64_t *within)
{
	*context = 0;
	*within = offset;
	if (offset < 4 * SPECIFIED_SOURCES)
		return REGION_PRIORITY;
	*within = offset - PENDING;
	if (*within < SPECIFIED_SOURCES / 8)
		return REGION_PENDING;
	if (offset >= ENABLE && offset < ENABLE + ENABLE_BYTES * VM_PLIC_CONTEXTS) {
		*context = (unsigned)((offset - ENABLE) / ENABLE_BYTES);
		*within = (offset - ENABLE) % ENABLE_BYTES;
		return REGION_ENABLE;
	}
	if (offset >= CONTEXT && offset < CONTEXT + CONTEXT_BYTES * VM_PLIC_CONTEXTS) {
		*context = (unsigned)((offset - CONTEXT) / CONTEXT_BYTES);
		*within = (offset - CONTEXT) % CONTEXT_BYTES;
		return *within == THRESHOLD || *within == CLAIM ? REGION_CONTEXT : REGION_NONE;
	}
	return REGION_NONE;
}

static uint32_t word_of(uint64_t sources, uint64_t within)
{
	return within / 4 < WORDS ? (uint32_t)(sources >> within * 8) : 0;
}

static int read_register(void *device, uint64_t offset, unsigned size, uint64_t *value)
{
	struct vm_plic *plic = device;
	unsigned context;
	uint64_t within;

	if (size != 4)
		return GW_E_INVALID;
	switch (region_of(offset, &context, &within)) {
	case REGION_PRIORITY:
		*value = within / 4 < VM_PLIC_SOURCES ? plic->priority[within / 4] : 0;
		return 0;
	case REGION_PENDING:
		*value = word_of(plic->pending, within);
		return 0;
	case REGION_ENABLE:
		*value = word_of(plic->enabled[context], within);
		return 0;
	case REGION_CONTEXT:
		*value = within == CLAIM ? claim(plic, context) : plic->threshold[context];
		return 0;
	case REGION_NONE:
		break;
	}
	return GW_E_INVALID;
}

static void enable(struct vm_plic *plic, unsigned context, uint64_t within, uint64_t word)
{
	uint64_t mask = UINT64_C(0xffffffff) << within * 8 % 64;

	if (within / 4 >= WORDS)
		return;
	plic->enabled[context] &= ~mask;
	plic->enabled[context] |= word << within * 8 & ~UINT64_C(1);
}

static int write_register(void *device, uint64_t offset, unsigned size, uint64_t value)
{
	struct vm_plic *plic = device;
	unsigned context;
	uint64_t within;

	if (size != 4)
		return GW_E_INVALID;
	switch (region_of(offset, &context, &within)) {
	case REGION_PRIORITY:
		if (within > 0 && within / 4 < VM_PLIC_SOURCES)
			plic->priority[within / 4] = value & VM_PLIC_PRIORITY_MAX;
		break;
	case REGION_PENDING:
		break;
	case REGION_ENABLE:
		enable(plic, context, within, value);
		break;
	case REGION_CONTEXT:
		if (within == CLAIM)
			complete(plic, context, value);
		else
			plic->threshold[context] = value & VM_PLIC_PRIORITY_MAX;
		break;
	case REGION_NONE:
		return GW_E_INVALID;
	}
	update(plic);
	return 0;
}

/* ---- Life ------------------------------------------------------------------------------------ */

/* The levels are the devices'. */
static void reset(void *device)
{
	struct vm_plic *plic = device;
	uint64_t level = plic->level;

	*plic = (struct vm_plic){.cpu = plic->cpu, .level = level};
	update(plic);
}

static void walk_fields(void *device, struct vm_fields *fields)
{
	struct vm_plic *plic = device;
	bool can_be = true;

	for (unsigned source = 0; source < VM_PLIC_SOURCES; source++) {
		vm_field_u8(fields, &plic->priority[source]);
		can_be = can_be && plic->priority[source] <= VM_PLIC_PRIORITY_MAX;
	}
	vm_field_u64(fields, &plic->level);
	vm_field_u64(fields, &plic->pending);
	vm_field_u64(fields, &plic->claimed);
	for (unsigned context = 0; context < VM_PLIC_CONTEXTS; context++) {
		vm_field_u64(fields, &plic->enabled[context]);
		vm_field_u8(fields, &plic->threshold[context]);
		can_be = can_be && plic->threshold[context] <= VM_PLIC_PRIORITY_MAX &&
			 !(plic->enabled[context] & 1);
	}
	vm_fields_check(fields, can_be && plic->priority[0] == 0 &&
				!((plic->level | plic->pending | plic->claimed) & 1) &&
				!(plic->pending & plic->claimed));
	if (fields->way == VM_FIELDS_LOAD && fields->status < 0)
		*plic = (struct vm_plic){.cpu = plic->cpu}; /* reset would keep the levels */
}

static const struct vm_device_kind kind = {
	.number = VM_DEVICE_PLIC,
	.size = VM_PLIC_BYTES,
	.read = read_register,
	.write = write_register,
	.reset = reset,
	.fields = walk_fields,
};

int vm_plic_new(struct vm_plic **out, struct vm_cpu *cpu, struct gw_error *error)
{
	struct vm_plic *plic = calloc(1, sizeof(*plic));

	if (!plic)
		return gw_fail(error, GW_E_NO_MEMORY, "an interrupt controller: out of memory");
	plic->cpu = cpu;
	update(plic);
	*out = plic;
	return 0;
}

void vm_plic_free(struct vm_plic *plic)
{
	free(plic);
}

struct vm_device vm_plic_device(struct vm_plic *plic)
{
	return (struct vm_device){&kind, plic};
}
