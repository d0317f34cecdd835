/* SPDX-License-Identifier: Apache-2.0 */
/*
 * views_test.c - small programs in supervisor mode that would see a translation, a link between
 * blocks or a right to write that was kept too long. Each was written for a mistake that the
 * random programs of duel_test.c do not meet.
 */
#include "cpu.h"

#include "base/little_endian.h"
#include "support/unit.h"

#include <stdlib.h>

#define RAM_BASE UINT64_C(0x80000000)
#define VIRTUAL_BASE UINT64_C(0x40000000)

enum { PAGES = 32, RAM_BYTES = PAGES * VM_PAGE_BYTES };

/* Pages of RAM. Virtual page 0 is CODE, others are what a test maps. */
enum { CODE = 0, HANDLER = 1, ROOT = 2, MIDDLE = 3, LEAVES = 4, FIRST_FREE = 8 };

/* Bits of a page table entry. */
enum { V = 1, R = 2, W = 4, X = 8, U = 16, A = 64, D = 128 };

/* Control registers. */
enum {
	SSTATUS = 0x100,
	SATP = 0x180,
	MTVEC = 0x305,
	MCAUSE = 0x342,
	PMPCFG = 0x3a0,
	PMPADDR = 0x3b0,
};

#define SUM (UINT64_C(1) << 18)

struct world {
	uint8_t *ram;
	struct vm_cpu *cpu;
};

/* ---- Instructions ---------------------------------------------------------------------------- */

#define IMMEDIATE(opcode, funct3, to, from, value)                                             \
	((uint32_t)(value) << 20 | (from) << 15 | (funct3) << 12 | (to) << 7 | (opcode))
#define STORE(funct3, what, at, offset)                                                        \
	((uint32_t)(offset) >> 5 << 25 | (what) << 20 | (at) << 15 | (funct3) << 12 |          \
	 ((offset) & 31) << 7 | 0x23)

#define ADDI(to, from, value) IMMEDIATE(0x13, 0, to, from, value)
#define LD(to, at, offset) IMMEDIATE(0x03, 3, to, at, offset)
#define SW(what, at, offset) STORE(2, what, at, offset)
#define SD(what, at, offset) STORE(3, what, at, offset)
#define CALL(at) IMMEDIATE(0x67, 0, 1, at, 0) /* jalr x1, (at) */
#define CSR_SET(csr, from) IMMEDIATE(0x73, 2, 0, from, csr)
#define CSR_CLEAR(csr, from) IMMEDIATE(0x73, 3, 0, from, csr)
#define RETURN UINT32_C(0x00008067) /* jalr x0, (x1) */
#define NEXT UINT32_C(0x0040006f)   /* j .+4 */
#define STAY UINT32_C(0x0000006f)   /* j . */

/* ---- The world ------------------------------------------------------------------------------- */

static uint64_t virtual(unsigned page)
{
	return VIRTUAL_BASE + (uint64_t)page * VM_PAGE_BYTES;
}

static uint64_t entry_of(unsigned page, unsigned bits)
{
	return (RAM_BASE / VM_PAGE_BYTES + page) << 10 | bits;
}

static uint8_t *page_at(const struct world *world, unsigned page)
{
	return world->ram + (size_t)page * VM_PAGE_BYTES;
}

static uint8_t *entry_at(const struct world *world, unsigned virtual_page)
{
	return page_at(world, LEAVES) + (size_t)virtual_page * 8;
}

static void map(struct world *world, unsigned virtual_page, unsigned page, unsigned bits)
{
	base_store64(entry_at(world, virtual_page), entry_of(page, bits));
}

static void put(struct world *world, unsigned page, size_t offset, const uint32_t *code,
		size_t count)
{
	for (size_t at = 0; at < count; at++)
		base_store32(page_at(world, page) + offset + 4 * at, code[at]);
}

#define PUT(world, page, offset, ...)                                                          \
	do {                                                                                   \
		const uint32_t put_code[] = {__VA_ARGS__};                                     \
		put(world, page, offset, put_code, sizeof(put_code) / 4);                      \
	} while (0)

static void start(struct world *world)
{
	struct vm_cpu_setup setup = {.ram_base = RAM_BASE, .ram_size = RAM_BYTES};
	uint64_t satp = UINT64_C(8) << 60 | (RAM_BASE / VM_PAGE_BYTES + ROOT);

	*world = (struct world){.ram = aligned_alloc(VM_PAGE_BYTES, RAM_BYTES)};
	assert_non_null(world->ram);
	memset(world->ram, 0, RAM_BYTES);
	base_store64(page_at(world, ROOT) + 8 * (VIRTUAL_BASE >> 30), entry_of(MIDDLE, V));
	base_store64(page_at(world, MIDDLE), entry_of(LEAVES, V));
	map(world, 0, CODE, V | R | X | A);
	PUT(world, HANDLER, 0, STAY);
	setup.ram = world->ram;
	assert_int_equal(vm_cpu_new(&world->cpu, &setup, NULL), 0);
	assert_true(vm_cpu_set_csr(world->cpu, MTVEC, RAM_BASE + HANDLER * VM_PAGE_BYTES));
	assert_true(vm_cpu_set_csr(world->cpu, SATP, satp));
	/* All of memory for supervisor mode. */
	assert_true(vm_cpu_set_csr(world->cpu, PMPADDR, UINT64_MAX));
	assert_true(vm_cpu_set_csr(world->cpu, PMPCFG, 0x1f));
	vm_cpu_set_mode(world->cpu, VM_MODE_SUPERVISOR);
	vm_cpu_set_pc(world->cpu, VIRTUAL_BASE);
}

static void run(struct world *world)
{
	assert_int_equal(vm_cpu_run(world->cpu, 100), VM_STOP_COUNT);
}

static uint64_t cause(const struct world *world)
{
	uint64_t value = 0;

	assert_true(vm_cpu_csr(world->cpu, MCAUSE, &value));
	return value;
}

static void end(struct world *world)
{
	vm_cpu_free(world->cpu);
	free(world->ram);
}

/* ---- Tests ----------------------------------------------------------------------------------- */

/* A page is written by three names, then executed, then changed by one of them. */
static void change_by_name(unsigned name)
{
	struct world world;

	start(&world);
	for (unsigned page = 2; page <= 4; page++)
		map(&world, page, FIRST_FREE, V | R | W | X | A | D);
	PUT(&world, CODE, 0, SW(12, 10, 0), SW(14, 10, 4), SW(12, 11, 0), SW(12, 15, 0), CALL(10),
	    SW(13, 16, 0), CALL(10), STAY);
	vm_cpu_set_x(world.cpu, 10, virtual(2));
	vm_cpu_set_x(world.cpu, 11, virtual(3));
	vm_cpu_set_x(world.cpu, 15, virtual(4));
	vm_cpu_set_x(world.cpu, 16, virtual(name));
	vm_cpu_set_x(world.cpu, 12, ADDI(5, 5, 1));
	vm_cpu_set_x(world.cpu, 13, ADDI(5, 5, 16));
	vm_cpu_set_x(world.cpu, 14, RETURN);
	run(&world);
	assert_int_equal(cause(&world), 0);
	assert_int_equal(vm_cpu_x(world.cpu, 5), 17);
	end(&world);
}

static void a_page_of_many_names_is_executed_as_it_is_now(void **state)
{
	(void)state;
	for (unsigned name = 2; name <= 4; name++)
		change_by_name(name);
}

/* The last instruction of a page leads into the next, whose translation changes in between. */
static void change_next_page(uint32_t last)
{
	struct world world;

	start(&world);
	map(&world, 4, FIRST_FREE, V | R | X | A);
	map(&world, 5, FIRST_FREE + 1, V | R | X | A);
	map(&world, 6, LEAVES, V | R | W | A | D);
	PUT(&world, FIRST_FREE, VM_PAGE_BYTES - 4, last);
	PUT(&world, FIRST_FREE + 1, 0, ADDI(5, 5, 1), RETURN);
	PUT(&world, FIRST_FREE + 2, 0, ADDI(5, 5, 16), RETURN);
	PUT(&world, CODE, 0, CALL(10), CALL(10), SD(12, 13, 0), CALL(10), STAY);
	vm_cpu_set_x(world.cpu, 10, virtual(5) - 4);
	vm_cpu_set_x(world.cpu, 12, entry_of(FIRST_FREE + 2, V | R | X | A));
	vm_cpu_set_x(world.cpu, 13, virtual(6) + 5 * 8);
	run(&world);
	assert_int_equal(cause(&world), 0);
	assert_int_equal(vm_cpu_x(world.cpu, 5), 18);
	end(&world);
}

static void what_follows_in_the_next_page_is_asked_again(void **state)
{
	(void)state;
	change_next_page(ADDI(6, 6, 1));
	change_next_page(NEXT);
}

static void the_first_store_behind_a_load_sets_the_dirty_bit(void **state)
{
	struct world world;

	(void)state;
	start(&world);
	map(&world, 2, FIRST_FREE, V | R | W | A);
	PUT(&world, CODE, 0, LD(5, 10, 0), LD(5, 10, 8), SD(12, 10, 0), STAY);
	vm_cpu_set_x(world.cpu, 10, virtual(2));
	vm_cpu_set_x(world.cpu, 12, 7);
	assert_int_equal(vm_cpu_run(world.cpu, 2), VM_STOP_COUNT);
	assert_int_equal(base_load64(entry_at(&world, 2)), entry_of(FIRST_FREE, V | R | W | A));
	run(&world);
	assert_int_equal(cause(&world), 0);
	assert_int_equal(base_load64(entry_at(&world, 2)), entry_of(FIRST_FREE, V | R | W | A | D));
	assert_int_equal(base_load64(page_at(&world, FIRST_FREE)), 7);
	end(&world);
}

static void what_sum_allowed_ends_with_it(void **state)
{
	struct world world;

	(void)state;
	start(&world);
	map(&world, 2, FIRST_FREE, V | R | W | U | A | D);
	base_store64(page_at(&world, FIRST_FREE), 7);
	PUT(&world, CODE, 0, CSR_SET(SSTATUS, 20), LD(5, 10, 0), SD(5, 10, 8),
	    CSR_CLEAR(SSTATUS, 20), LD(6, 10, 0), STAY);
	vm_cpu_set_x(world.cpu, 10, virtual(2));
	vm_cpu_set_x(world.cpu, 20, SUM);
	run(&world);
	assert_int_equal(vm_cpu_x(world.cpu, 5), 7);
	assert_int_equal(vm_cpu_x(world.cpu, 6), 0);
	assert_int_equal(cause(&world), 13); /* load page fault */
	end(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_page_of_many_names_is_executed_as_it_is_now),
		cmocka_unit_test(what_follows_in_the_next_page_is_asked_again),
		cmocka_unit_test(the_first_store_behind_a_load_sets_the_dirty_bit),
		cmocka_unit_test(what_sum_allowed_ends_with_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
