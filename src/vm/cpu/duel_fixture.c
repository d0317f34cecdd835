/* SPDX-License-Identifier: Apache-2.0 */
#include "duel_fixture.h"

#include "base/little_endian.h"
#include "instructions.h"

#include <stdio.h>
#include <stdlib.h>

#define RAM_BASE UINT64_C(0x80000000)
#define RAM_BYTES ((uint64_t)DUEL_PAGES * VM_PAGE_BYTES)
#define DEVICE_BASE UINT64_C(0x10000000)

enum {
	TABLE_PAGE = 8,
	DATA_PAGE = 12,
	/* Most of what happens happens here, so that it meets what happened before. */
	HOT_BYTES = 512,
	HOT_PAGES = 6,
};

static uint64_t draw(uint64_t *state)
{
	uint64_t mixed = *state += 0x9e3779b97f4a7c15;

	mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9;
	mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111eb;
	return mixed ^ (mixed >> 31);
}

static uint64_t pick(uint64_t *state, uint64_t below)
{
	return draw(state) % below;
}

/* ---- Programs -------------------------------------------------------------------------------- */

static const uint32_t known[][2] = {
#define KNOWN(name, match, mask, format, handler) {match, mask},
	VM_INSTRUCTION_TABLE(KNOWN)
#undef KNOWN
};

enum { KNOWN_COUNT = sizeof(known) / sizeof(known[0]) };

/* CSRs that are worth a visit. */
static const uint16_t registers[] = {
	0x001, 0x002, 0x003, 0x100, 0x104, 0x105, 0x106, 0x140, 0x141, 0x142, 0x143, 0x144,
	0x180, 0x300, 0x301, 0x302, 0x303, 0x304, 0x305, 0x306, 0x320, 0x340, 0x341, 0x342,
	0x343, 0x344, 0x3a0, 0x3a2, 0x3b0, 0x3b1, 0x3bf, 0xb00, 0xb02, 0xb03, 0xc00, 0xc01,
	0xc02, 0xc1f, 0xf14, 0x7a0, 0x10a, 0x30a, 0x3a1, 0x5c0,
};

static uint32_t draw_instruction(uint64_t *random)
{
	uint64_t which = pick(random, KNOWN_COUNT + 8);
	uint32_t bits = (uint32_t)draw(random);

	if (which >= KNOWN_COUNT)
		return which == KNOWN_COUNT ? bits
					    : (bits & 0xfffffffc) | (uint32_t)pick(random, 3);
	bits = known[which][0] | (bits & ~known[which][1]);
	if ((bits & 0x7f) == 0x73 && bits >> 12 & 3 && pick(random, 8))
		bits = (bits & 0xfffff) |
		       (uint32_t)registers[pick(random, sizeof(registers) / 2)] << 20;
	/* At the very address that a register holds, mostly. */
	if (((bits & 0x7f) == 0x03 || (bits & 0x7f) == 0x07) && pick(random, 4))
		bits &= 0x000fffff;
	if (((bits & 0x7f) == 0x23 || (bits & 0x7f) == 0x27) && pick(random, 4))
		bits &= 0x01fff07f;
	/* Near, so that code stays in code. */
	if ((bits & 0x7f) == 0x6f && pick(random, 8))
		bits &= 0x03f00fff;
	if ((bits & 0x7f) == 0x63 && pick(random, 8))
		bits &= ~0x60000000u;
	return bits;
}

void duel_draw_code(uint64_t *random, uint8_t *code, size_t size)
{
	uint32_t before = 0;
	size_t at = 0;

	while (at + 4 <= size) {
		uint32_t bits = draw_instruction(random);

		/* Behind an lr its sc, sometimes. */
		if ((before & 0xf800007f) == 0x1000002f && pick(random, 2))
			bits = (before & 0x07fff07f) | (bits & 0x01f00f80) | 0x18000000;
		before = bits;
		if ((bits & 3) != 3) {
			base_store16(code + at, (uint16_t)bits);
			at += 2;
		} else {
			base_store32(code + at, bits);
			at += 4;
		}
	}
}

/* ---- The start ------------------------------------------------------------------------------- */

static uint64_t draw_value(uint64_t *random)
{
	static const uint64_t special[] = {
		0, 1, 2, UINT64_MAX, INT64_MAX, (uint64_t)INT64_MIN, INT32_MAX, 0x80000000,
		0xffffffff80000000, 0x3ff0000000000000, 0x7ff0000000000000, 0x7ff4000000000000,
		0xffffffff7fa00000, 0xffffffff7f800000, 0xffffffff3f800000, 0xffffffff00000001,
		0x0010000000000000, 0x8000000000000001, 0xffffffff80800000, 0x7fefffffffffffff,
	};

	switch (pick(random, 11)) {
	case 0:
		return RAM_BASE + pick(random, RAM_BYTES);
	case 1:
	case 8: /* where code is, so that it is written over */
		return RAM_BASE + pick(random, HOT_BYTES) / 8 * 8;
	case 2:
	case 9: /* entries of tables in use */
		return RAM_BASE + (TABLE_PAGE + 2) * VM_PAGE_BYTES + 8 * pick(random, HOT_PAGES);
	case 10: /* a good entry, to be stored there */
		return (RAM_BASE / VM_PAGE_BYTES + pick(random, HOT_PAGES)) << 10 | 0x0f |
		       (draw(random) & 0xd0);
	case 3: /* by the small tables */
		return pick(random, HOT_PAGES) * VM_PAGE_BYTES + pick(random, HOT_BYTES) / 8 * 8;
	case 4:
		return special[pick(random, sizeof(special) / sizeof(special[0]))];
	case 5:
		return DEVICE_BASE + pick(random, 64);
	case 6:
		return UINT64_MAX << 32 | draw(random);
	}
	return draw(random) >> pick(random, 64);
}

/* Addresses from 0 on lead to pages of RAM with all kinds of rights; RAM's own to itself. */
static void draw_tables(uint64_t *random, uint8_t *ram)
{
	uint8_t *root = ram + TABLE_PAGE * VM_PAGE_BYTES;
	uint64_t table = (RAM_BASE / VM_PAGE_BYTES) + TABLE_PAGE;

	base_store64(root, (table + 1) << 10 | 1);
	base_store64(root + 16, (RAM_BASE / VM_PAGE_BYTES) << 10 | (pick(random, 4) ? 0xcf : 0xdf));
	base_store64(root + VM_PAGE_BYTES, (table + 2) << 10 | 1);
	for (size_t at = 0; at < 512; at++) {
		uint64_t any = draw(random), rights = any & 0xff;
		uint64_t page = RAM_BASE / VM_PAGE_BYTES +
				pick(random, at < HOT_PAGES ? HOT_PAGES : DUEL_PAGES + 1);

		if (pick(random, 8))
			rights = 0x0f | (any & 0xd0);
		base_store64(root + 2 * VM_PAGE_BYTES + 8 * at, page << 10 | rights);
	}
}

static void draw_state(struct duel *duel, const struct duel_options *options)
{
	struct oracle *oracle = &duel->oracle;
	uint64_t *random = &duel->random;

	for (unsigned at = 1; at < 32; at++)
		oracle->x[at] = draw_value(random);
	for (unsigned at = 0; at < 32; at++)
		oracle->f[at] = draw_value(random);
	oracle->csr[0x001] = pick(random, 32);
	oracle->csr[0x002] = pick(random, 2) ? 0 : pick(random, 8);
	oracle->csr[0x300] = pick(random, 4) << 13 | (draw(random) & 0x1801aa);
	oracle->csr[0x302] = draw(random) & 0xb3ff;
	oracle->csr[0x303] = draw(random) & 0x222;
	oracle->csr[0x304] = draw(random) & 0xaaa;
	oracle->csr[0x305] = RAM_BASE + pick(random, HOT_BYTES) / 4 * 4 + pick(random, 2);
	oracle->csr[0x105] = RAM_BASE + pick(random, HOT_BYTES) / 4 * 4;
	oracle->csr[0x306] = draw(random) & UINT32_MAX;
	oracle->csr[0x106] = draw(random) & UINT32_MAX;
	oracle->csr[0x341] = RAM_BASE + pick(random, DUEL_CODE_BYTES_MAX) / 2 * 2;
	oracle->csr[0x141] = RAM_BASE + pick(random, DUEL_CODE_BYTES_MAX) / 2 * 2;
	oracle->csr[0x3a0] = 0x1f;
	oracle->csr[0x3b0] = (UINT64_C(1) << 54) - 1;
	oracle->pc = RAM_BASE;
	if (options->paged) {
		static const uint8_t modes[] = {0, 1, 1, 3};

		oracle->csr[0x180] = UINT64_C(8) << 60 | (RAM_BASE / VM_PAGE_BYTES + TABLE_PAGE);
		oracle->mode = modes[pick(random, 4)];
	}
	oracle_copy_to(oracle, duel->cpu);
}

/* ---- Devices --------------------------------------------------------------------------------- */

static void set_lines(struct duel_device *device, uint64_t lines)
{
	struct duel *duel = device->duel;

	lines &= 0xaaa;
	if (device->of_oracle) {
		duel->oracle.lines = lines;
		return;
	}
	vm_cpu_set_lines(duel->cpu, UINT64_MAX, false);
	vm_cpu_set_lines(duel->cpu, lines, true);
}

static void see(struct duel_device *device, uint64_t what)
{
	uint64_t count = device->of_oracle ? device->duel->oracle.count
					   : vm_cpu_count(device->duel->cpu);

	device->seen = (device->seen ^ what ^ count << 32) * UINT64_C(0x9e3779b97f4a7c15);
}

static int device_read(void *data, uint64_t address, unsigned size, uint64_t *value)
{
	struct duel_device *device = data;

	if (address < DEVICE_BASE || address >= DEVICE_BASE + VM_PAGE_BYTES || address % 64 == 8)
		return GW_E_INVALID;
	see(device, address * 16 + size);
	*value = size == 8 ? device->seen : device->seen & ((UINT64_C(1) << 8 * size) - 1);
	return 0;
}

static int device_write(void *data, uint64_t address, unsigned size, uint64_t value)
{
	struct duel_device *device = data;

	if (address < DEVICE_BASE || address >= DEVICE_BASE + VM_PAGE_BYTES || address % 64 == 16)
		return GW_E_INVALID;
	see(device, address * 16 + size + 8);
	see(device, value);
	if (address % 64 == 0)
		set_lines(device, value);
	return 0;
}

static const struct vm_bus bus = {device_read, device_write};

/* ---- Pages written --------------------------------------------------------------------------- */

static int watch_pages(struct duel *duel)
{
	duel->before = aligned_alloc(VM_PAGE_BYTES, RAM_BYTES);
	if (!duel->before)
		return GW_E_NO_MEMORY;
	memcpy(duel->before, duel->ram[0], RAM_BYTES);
	return vm_cpu_written_begin(duel->cpu, NULL);
}

/* Every page that changed was noted, and none twice. */
static const char *check_pages(struct duel *duel)
{
	bool noted[DUEL_PAGES] = {false};
	size_t count;
	const uint32_t *pages = vm_cpu_written(duel->cpu, &count);

	for (size_t at = 0; at < count; at++) {
		if (pages[at] >= DUEL_PAGES || noted[pages[at]])
			return "a page that was written is noted twice";
		noted[pages[at]] = true;
	}
	for (size_t page = 0; page < DUEL_PAGES; page++) {
		size_t at = page * VM_PAGE_BYTES;

		if (!noted[page] &&
		    memcmp(duel->before + at, duel->ram[0] + at, VM_PAGE_BYTES) != 0)
			return "a page was written and not noted";
	}
	if (pick(&duel->random, 4) == 0) {
		memcpy(duel->before, duel->ram[0], RAM_BYTES);
		vm_cpu_written_forget(duel->cpu);
	}
	return NULL;
}

/* ---- Side by side ---------------------------------------------------------------------------- */

int duel_start(struct duel *duel, const struct duel_options *options)
{
	struct vm_cpu_setup setup = {
		.ram_base = RAM_BASE,
		.ram_size = RAM_BYTES,
		.bus = &bus,
		.hart_id = options->seed & 7,
		.instructions_per_tick = 1 + options->seed % 5,
		.block_instructions_max = options->block_instructions_max,
		.translations_max = options->translations_max,
		.blocks_max = options->blocks_max,
	};
	int status;

	*duel = (struct duel){.random = options->seed};
	for (int who = 0; who < 2; who++) {
		duel->devices[who] = (struct duel_device){.duel = duel, .of_oracle = who};
		duel->ram[who] = aligned_alloc(VM_PAGE_BYTES, RAM_BYTES);
		if (!duel->ram[who])
			return GW_E_NO_MEMORY;
	}
	memset(duel->ram[0], 0, RAM_BYTES);
	if (options->code.size)
		memcpy(duel->ram[0], options->code.data, options->code.size);
	else
		duel_draw_code(&duel->random, duel->ram[0], DUEL_CODE_BYTES_MAX);
	draw_tables(&duel->random, duel->ram[0]);
	for (uint64_t at = DATA_PAGE * VM_PAGE_BYTES; at < RAM_BYTES; at += 8)
		base_store64(duel->ram[0] + at, draw_value(&duel->random));
	memcpy(duel->ram[1], duel->ram[0], RAM_BYTES);
	setup.ram = duel->ram[0];
	setup.device = &duel->devices[0];
	status = vm_cpu_new(&duel->cpu, &setup, NULL);
	if (status < 0)
		return status;
	setup.ram = duel->ram[1];
	setup.device = &duel->devices[1];
	oracle_start(&duel->oracle, &setup);
	draw_state(duel, options);
	return options->seed % 2 ? watch_pages(duel) : 0;
}

void duel_done(struct duel *duel)
{
	vm_cpu_free(duel->cpu);
	free(duel->ram[0]);
	free(duel->ram[1]);
	free(duel->before);
}

/* Most programs soon run in circles: both are taken elsewhere, as a debugger would. */
static void move_elsewhere(struct duel *duel)
{
	struct oracle *oracle = &duel->oracle;
	uint64_t *random = &duel->random;
	uint64_t to = pick(random, pick(random, 8) ? HOT_BYTES / 2 : DUEL_CODE_BYTES_MAX / 2) * 2;

	if (oracle->mode == 3 || pick(random, 2))
		to += RAM_BASE;
	oracle->pc = to;
	oracle->waiting = false;
	vm_cpu_set_pc(duel->cpu, to);
	if (pick(random, 2) == 0) {
		static const uint8_t modes[] = {0, 1, 1, 3};

		oracle->mode = modes[pick(random, 4)];
		vm_cpu_set_mode(duel->cpu, (enum vm_mode)oracle->mode);
	}
	for (unsigned times = 0; times < 16; times++) {
		unsigned number = 1 + (unsigned)pick(random, 31);

		oracle->x[number] = draw_value(random);
		vm_cpu_set_x(duel->cpu, number, oracle->x[number]);
		oracle->f[number] = draw_value(random);
		vm_cpu_set_f(duel->cpu, number, oracle->f[number]);
	}
	if (pick(random, 2)) {
		/* Floating point on, rounding to nearest. */
		oracle->csr[0x300] |= UINT64_C(3) << 13;
		oracle->csr[0x300] ^= pick(random, 2) << 18; /* SUM */
		oracle->csr[2] = 0;
		vm_cpu_set_csr(duel->cpu, 2, 0);
		vm_cpu_set_csr(duel->cpu, 0x300, oracle->csr[0x300]);
	}
	if (pick(random, 8) == 0) {
		/* The tables as they were, so that there is something to translate. */
		oracle->csr[0x180] = UINT64_C(8) << 60 | (RAM_BASE / VM_PAGE_BYTES + TABLE_PAGE);
		vm_cpu_set_csr(duel->cpu, 0x180, oracle->csr[0x180]);
		draw_tables(random, duel->ram[0]);
		memcpy(duel->ram[1], duel->ram[0], RAM_BYTES);
		vm_cpu_ram_written(duel->cpu, RAM_BASE + TABLE_PAGE * VM_PAGE_BYTES,
				   3 * VM_PAGE_BYTES);
		if (oracle->reservation - RAM_BASE - TABLE_PAGE * VM_PAGE_BYTES <
		    3 * VM_PAGE_BYTES)
			oracle->reserved = false;
	}
}

/* Both get the same from outside. */
static void draw_event(struct duel *duel)
{
	uint64_t offset, value;

	switch (pick(&duel->random, 12)) {
	case 3:
	case 4:
	case 5:
		move_elsewhere(duel);
		break;
	case 0:
		value = draw(&duel->random) & draw(&duel->random);
		set_lines(&duel->devices[0], value);
		set_lines(&duel->devices[1], value);
		break;
	case 1:
		offset = pick(&duel->random, RAM_BYTES / 8) * 8;
		value = draw_value(&duel->random);
		base_store64(duel->ram[0] + offset, value);
		base_store64(duel->ram[1] + offset, value);
		vm_cpu_ram_written(duel->cpu, RAM_BASE + offset, 8);
		if ((duel->oracle.reservation & ~UINT64_C(7)) == RAM_BASE + offset)
			duel->oracle.reserved = false;
		break;
	case 2:
		value = draw(&duel->random);
		vm_cpu_set_time_offset(duel->cpu, value);
		duel->oracle.time_offset = value;
		break;
	}
}

/* They wait: something must happen, or neither goes on. */
static void wake(struct duel *duel)
{
	uint64_t enabled = duel->oracle.csr[0x304] | 0x2;

	duel->oracle.csr[0x304] = enabled;
	vm_cpu_set_csr(duel->cpu, 0x304, enabled);
	set_lines(&duel->devices[0], enabled);
	set_lines(&duel->devices[1], enabled);
}

static const char *compare(struct duel *duel)
{
	if (oracle_compare(&duel->oracle, duel->cpu, duel->words, sizeof(duel->words)))
		return duel->words;
	if (duel->devices[0].seen != duel->devices[1].seen)
		return "their devices saw different things";
	if (memcmp(duel->ram[0], duel->ram[1], RAM_BYTES) == 0)
		return duel->before ? check_pages(duel) : NULL;
	for (uint64_t at = 0; at < RAM_BYTES; at += 8) {
		if (memcmp(duel->ram[0] + at, duel->ram[1] + at, 8) == 0)
			continue;
		snprintf(duel->words, sizeof(duel->words), "RAM at %llx: %llx expected, %llx found",
			 (unsigned long long)(RAM_BASE + at),
			 (unsigned long long)base_load64(duel->ram[1] + at),
			 (unsigned long long)base_load64(duel->ram[0] + at));
		return duel->words;
	}
	return NULL;
}

const char *duel_run(struct duel *duel, const struct duel_options *options, uint64_t count)
{
	uint64_t until = duel->oracle.count + count;

	while (duel->oracle.count < until) {
		uint64_t step = 1 + pick(&duel->random, options->step_max);
		uint64_t to = duel->oracle.count + step;
		const char *difference;
		enum vm_stop why;

		draw_event(duel);
		why = vm_cpu_run(duel->cpu, to);
		while (duel->oracle.count < to && oracle_step(&duel->oracle))
			continue;
		difference = compare(duel);
		if (difference)
			return difference;
		if ((why == VM_STOP_WAIT) != (duel->oracle.count < to))
			return "one waits, the other does not";
		if (why == VM_STOP_WAIT)
			wake(duel);
	}
	return NULL;
}
