/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cpu_test.c - what cpu.h promises to its caller: counts, lines, time, waiting, ecalls, devices,
 * memory written from outside, state saved and loaded, and nothing of the host in any of it.
 */
#include "cpu.h"
#include "oracle_fixture.h"

#include "base/crc32c.h"
#include "base/little_endian.h"
#include "support/unit.h"

#include <fenv.h>
#include <stdlib.h>

#define RAM_BASE UINT64_C(0x80000000)

enum { RAM_BYTES = 64 * VM_PAGE_BYTES };

struct world {
	uint8_t *ram;
	struct vm_cpu *cpu;
	uint64_t asked; /* of the device: the count when it was */
	bool stop;
	int answer;
};

static int read_device(void *device, uint64_t address, unsigned size, uint64_t *value)
{
	struct world *world = device;

	world->asked = vm_cpu_count(world->cpu);
	if (world->stop)
		vm_cpu_stop(world->cpu);
	*value = address + size;
	return world->answer;
}

static int write_device(void *device, uint64_t address, unsigned size, uint64_t value)
{
	struct world *world = device;

	(void)address, (void)size;
	world->asked = vm_cpu_count(world->cpu);
	vm_cpu_set_lines(world->cpu, value, true);
	return world->answer;
}

static const struct vm_bus bus = {read_device, write_device};

static void start(struct world *world, const uint32_t *code, size_t count,
		  struct vm_cpu_setup setup)
{
	*world = (struct world){.ram = aligned_alloc(VM_PAGE_BYTES, RAM_BYTES)};
	assert_non_null(world->ram);
	memset(world->ram, 0, RAM_BYTES);
	for (size_t at = 0; at < count; at++)
		base_store32(world->ram + 4 * at, code[at]);
	setup.ram = world->ram;
	setup.ram_base = RAM_BASE;
	setup.ram_size = RAM_BYTES;
	setup.bus = &bus;
	setup.device = world;
	setup.blocks_max = 64;
	assert_int_equal(vm_cpu_new(&world->cpu, &setup, NULL), 0);
	vm_cpu_set_pc(world->cpu, RAM_BASE);
	vm_cpu_set_csr(world->cpu, 0x305, RAM_BASE + 0x100); /* mtvec */
}

#define START(world, setup, ...)                                                            \
	do {                                                                                \
		static const uint32_t start_code[] = {__VA_ARGS__};                         \
		start(world, start_code, sizeof(start_code) / 4, setup);                    \
	} while (0)

static void end(struct world *world)
{
	vm_cpu_free(world->cpu);
	free(world->ram);
}

enum {
	ADDI_X1 = 0x00108093,      /* addi x1, x1, 1 */
	LOOP_BACK = 0xffdff06f,    /* j -4 */
	LOAD_X5 = 0x00053283,      /* ld x5, 0(x10) */
	STORE_X5 = 0x00553023,     /* sd x5, 0(x10) */
	READ_TIME = 0xc01022f3,    /* csrr x5, time */
	READ_INSTRET = 0xb02022f3, /* csrr x5, minstret */
	WFI = 0x10500073,
	ECALL = 0x00000073,
	NOTHING = 0x00000000,      /* illegal */
	FADD_X = 0x003100d3,       /* fadd.s f1, f2, f3, rne */
};

static const struct vm_cpu_setup plain;

static void a_run_ends_at_its_count(void **state)
{
	struct world world;

	(void)state;
	START(&world, plain, ADDI_X1, LOOP_BACK);
	assert_int_equal(vm_cpu_run(world.cpu, 1), VM_STOP_COUNT);
	assert_int_equal(vm_cpu_x(world.cpu, 1), 1);
	assert_int_equal(vm_cpu_pc(world.cpu), RAM_BASE + 4);
	assert_int_equal(vm_cpu_run(world.cpu, 1001), VM_STOP_COUNT);
	assert_int_equal(vm_cpu_x(world.cpu, 1), 501);
	assert_int_equal(vm_cpu_run(world.cpu, 1001), VM_STOP_COUNT);
	assert_int_equal(vm_cpu_run(world.cpu, 0), VM_STOP_COUNT);
	assert_int_equal(vm_cpu_count(world.cpu), 1001);
	end(&world);
}

static void an_exception_counts_and_does_not_retire(void **state)
{
	struct world world;
	uint64_t value;

	(void)state;
	START(&world, plain, ADDI_X1, NOTHING);
	assert_int_equal(vm_cpu_run(world.cpu, 2), VM_STOP_COUNT);
	assert_int_equal(vm_cpu_pc(world.cpu), RAM_BASE + 0x100);
	assert_true(vm_cpu_csr(world.cpu, 0x342, &value));
	assert_int_equal(value, 2);
	assert_true(vm_cpu_csr(world.cpu, 0xb02, &value)); /* minstret */
	assert_int_equal(value, 1);
	assert_true(vm_cpu_csr(world.cpu, 0xb00, &value)); /* mcycle */
	assert_int_equal(value, 2);
	end(&world);
}

static void a_trap_handler_that_traps_ends_too(void **state)
{
	struct world world;

	(void)state;
	START(&world, plain, NOTHING);
	vm_cpu_set_csr(world.cpu, 0x305, 0x40); /* not in RAM */
	assert_int_equal(vm_cpu_run(world.cpu, 100000), VM_STOP_COUNT);
	assert_int_equal(vm_cpu_count(world.cpu), 100000);
	end(&world);
}

static void a_line_is_heard_at_its_count(void **state)
{
	struct world world;
	uint64_t value;

	(void)state;
	START(&world, plain, ADDI_X1, LOOP_BACK);
	vm_cpu_set_csr(world.cpu, 0x304, VM_LINE_MACHINE_TIMER);
	vm_cpu_set_csr(world.cpu, 0x300, 8); /* MIE */
	assert_int_equal(vm_cpu_run(world.cpu, 77), VM_STOP_COUNT);
	vm_cpu_set_lines(world.cpu, VM_LINE_MACHINE_TIMER, true);
	assert_int_equal(vm_cpu_lines(world.cpu), VM_LINE_MACHINE_TIMER);
	assert_int_equal(vm_cpu_pc(world.cpu), RAM_BASE + 4);
	assert_int_equal(vm_cpu_run(world.cpu, 78), VM_STOP_COUNT);
	assert_true(vm_cpu_csr(world.cpu, 0x342, &value));
	/* The handler is not there: its first instruction is the 78th, and illegal. */
	assert_int_equal(value, 2);
	assert_true(vm_cpu_csr(world.cpu, 0x341, &value));
	assert_int_equal(value, RAM_BASE + 0x100);
	end(&world);
}

static void waiting_ends_when_a_line_is_set(void **state)
{
	struct world world;

	(void)state;
	START(&world, plain, ADDI_X1, WFI, ADDI_X1, LOOP_BACK);
	vm_cpu_set_csr(world.cpu, 0x304, VM_LINE_MACHINE_EXTERNAL);
	assert_int_equal(vm_cpu_run(world.cpu, 100), VM_STOP_WAIT);
	assert_int_equal(vm_cpu_count(world.cpu), 2);
	assert_int_equal(vm_cpu_run(world.cpu, 100), VM_STOP_WAIT);
	vm_cpu_set_lines(world.cpu, VM_LINE_MACHINE_SOFTWARE, true); /* not enabled */
	assert_int_equal(vm_cpu_run(world.cpu, 100), VM_STOP_WAIT);
	assert_int_equal(vm_cpu_count(world.cpu), 2);
	vm_cpu_set_lines(world.cpu, VM_LINE_MACHINE_EXTERNAL, true);
	assert_int_equal(vm_cpu_run(world.cpu, 3), VM_STOP_COUNT); /* interrupts are off: goes on */
	assert_int_equal(vm_cpu_x(world.cpu, 1), 2);
	end(&world);
}

static void time_is_the_count_and_an_offset(void **state)
{
	struct vm_cpu_setup setup = {.instructions_per_tick = 10};
	struct world world;

	(void)state;
	START(&world, setup, ADDI_X1, READ_TIME, LOOP_BACK);
	vm_cpu_set_time_offset(world.cpu, 1000);
	assert_int_equal(vm_cpu_time_offset(world.cpu), 1000);
	assert_int_equal(vm_cpu_count_at(world.cpu, 999), 0);
	assert_int_equal(vm_cpu_count_at(world.cpu, 1003), 30);
	assert_int_equal(vm_cpu_run(world.cpu, 30), VM_STOP_COUNT);
	assert_int_equal(vm_cpu_time(world.cpu), 1003);
	assert_int_equal(vm_cpu_x(world.cpu, 5), 1002); /* read by the 30th, after 29 */
	assert_true(vm_cpu_count_at(world.cpu, UINT64_MAX) == UINT64_MAX);
	end(&world);
}

static void an_ecall_can_end_the_run(void **state)
{
	struct vm_cpu_setup setup = {.ecall_stops = true};
	struct world world;
	uint64_t cause;

	(void)state;
	START(&world, setup, ADDI_X1, ECALL, ADDI_X1, LOOP_BACK);
	vm_cpu_set_csr(world.cpu, 0x3b0, UINT64_MAX);
	vm_cpu_set_csr(world.cpu, 0x3a0, 0x1f);
	vm_cpu_set_mode(world.cpu, VM_MODE_SUPERVISOR);
	assert_int_equal(vm_cpu_run(world.cpu, 100), VM_STOP_ECALL);
	assert_int_equal(vm_cpu_count(world.cpu), 2);
	assert_int_equal(vm_cpu_pc(world.cpu), RAM_BASE + 8);
	assert_int_equal(vm_cpu_run(world.cpu, 3), VM_STOP_COUNT);
	assert_int_equal(vm_cpu_x(world.cpu, 1), 2);
	/* Not so in user mode. */
	vm_cpu_set_mode(world.cpu, VM_MODE_USER);
	vm_cpu_set_pc(world.cpu, RAM_BASE + 4);
	assert_int_equal(vm_cpu_run(world.cpu, 4), VM_STOP_COUNT);
	assert_true(vm_cpu_csr(world.cpu, 0x342, &cause));
	assert_int_equal(cause, 8);
	end(&world);
}

static void a_device_sees_the_count_and_may_stop(void **state)
{
	struct world world;
	uint64_t cause;

	(void)state;
	START(&world, plain, ADDI_X1, LOAD_X5, ADDI_X1, STORE_X5, ADDI_X1, LOOP_BACK);
	vm_cpu_set_x(world.cpu, 10, 0x1000);
	world.stop = true;
	assert_int_equal(vm_cpu_run(world.cpu, 100), VM_STOP_ASKED);
	assert_int_equal(world.asked, 1);
	assert_int_equal(vm_cpu_count(world.cpu), 2);
	assert_int_equal(vm_cpu_x(world.cpu, 5), 0x1008);
	/* A line that a device sets is heard by the next instruction. */
	world.stop = false;
	vm_cpu_set_csr(world.cpu, 0x304, VM_LINE_MACHINE_EXTERNAL);
	vm_cpu_set_csr(world.cpu, 0x300, 8);
	vm_cpu_set_x(world.cpu, 5, VM_LINE_MACHINE_EXTERNAL);
	assert_int_equal(vm_cpu_run(world.cpu, 5), VM_STOP_COUNT);
	assert_int_equal(world.asked, 3);
	assert_int_equal(vm_cpu_x(world.cpu, 1), 2);
	/* One that refuses is an access fault. */
	world.answer = GW_E_INVALID;
	vm_cpu_set_csr(world.cpu, 0x300, 0);
	vm_cpu_set_pc(world.cpu, RAM_BASE + 4);
	assert_int_equal(vm_cpu_run(world.cpu, 6), VM_STOP_COUNT);
	assert_true(vm_cpu_csr(world.cpu, 0x342, &cause));
	assert_int_equal(cause, 5);
	end(&world);
}

static void memory_written_from_outside_is_what_runs(void **state)
{
	struct world world;

	(void)state;
	START(&world, plain, ADDI_X1, LOOP_BACK);
	assert_int_equal(vm_cpu_run(world.cpu, 100), VM_STOP_COUNT);
	base_store32(world.ram, 0x00208093); /* addi x1, x1, 2 */
	vm_cpu_ram_written(world.cpu, RAM_BASE, 4);
	assert_int_equal(vm_cpu_run(world.cpu, 102), VM_STOP_COUNT);
	assert_int_equal(vm_cpu_x(world.cpu, 1), 52);
	/* What is not RAM does not matter. */
	vm_cpu_ram_written(world.cpu, 0, 8);
	vm_cpu_ram_written(world.cpu, RAM_BASE, UINT64_MAX);
	vm_cpu_ram_written(world.cpu, RAM_BASE, 0);
	end(&world);
}

static void a_saved_hart_goes_on_in_another(void **state)
{
	uint8_t saved[VM_CPU_STATE_BYTES], again[VM_CPU_STATE_BYTES];
	struct world one, two;

	(void)state;
	START(&one, plain, ADDI_X1, READ_TIME, READ_INSTRET, LOOP_BACK);
	START(&two, plain, ADDI_X1, READ_TIME, READ_INSTRET, LOOP_BACK);
	assert_int_equal(vm_cpu_run(one.cpu, 777), VM_STOP_COUNT);
	vm_cpu_save(one.cpu, saved);
	assert_int_equal(vm_cpu_load(two.cpu, (struct gw_bytes){saved, sizeof(saved)}, NULL), 0);
	assert_true(vm_cpu_hash(one.cpu) == vm_cpu_hash(two.cpu));
	vm_cpu_save(two.cpu, again);
	assert_memory_equal(saved, again, sizeof(saved));
	assert_int_equal(vm_cpu_run(one.cpu, 5000), VM_STOP_COUNT);
	assert_int_equal(vm_cpu_run(two.cpu, 5000), VM_STOP_COUNT);
	assert_true(vm_cpu_hash(one.cpu) == vm_cpu_hash(two.cpu));
	assert_int_equal(vm_cpu_run(two.cpu, 5001), VM_STOP_COUNT);
	assert_false(vm_cpu_hash(one.cpu) == vm_cpu_hash(two.cpu));
	end(&one);
	end(&two);
}

static int load(struct world *world, const uint8_t *bytes, size_t size)
{
	struct gw_error error = {0};
	int status = vm_cpu_load(world->cpu, (struct gw_bytes){bytes, size}, &error);

	assert_true(status == 0 || error.text[0]);
	return status;
}

static void a_broken_state_is_refused(void **state)
{
	uint8_t saved[VM_CPU_STATE_BYTES], bad[VM_CPU_STATE_BYTES];
	struct world world;
	uint64_t hash;

	(void)state;
	START(&world, plain, ADDI_X1, LOOP_BACK);
	assert_int_equal(vm_cpu_run(world.cpu, 100), VM_STOP_COUNT);
	vm_cpu_save(world.cpu, saved);
	hash = vm_cpu_hash(world.cpu);
	for (size_t size = 0; size < sizeof(saved); size++)
		assert_int_equal(load(&world, saved, size), GW_E_CORRUPT);
	for (size_t at = 0; at < sizeof(saved); at++) {
		memcpy(bad, saved, sizeof(bad));
		bad[at] ^= 0x10;
		assert_int_equal(load(&world, bad, sizeof(bad)),
				 at == 7 ? GW_E_VERSION : GW_E_CORRUPT);
	}
	/* A right checksum over a mode that is none. */
	memcpy(bad, saved, sizeof(bad));
	bad[16] = 2;
	base_store32(bad + sizeof(bad) - 4, base_crc32c(0, bad, sizeof(bad) - 4));
	assert_int_equal(load(&world, bad, sizeof(bad)), GW_E_CORRUPT);
	assert_true(vm_cpu_hash(world.cpu) == hash);
	end(&world);
}

static void the_hosts_rounding_is_not_seen(void **state)
{
	static const int modes[] = {FE_TONEAREST, FE_DOWNWARD, FE_UPWARD, FE_TOWARDZERO};
	uint64_t results[4];

	(void)state;
	for (int at = 0; at < 4; at++) {
		struct world world;

		START(&world, plain, FADD_X, FADD_X);
		vm_cpu_set_csr(world.cpu, 0x300, 3 << 13);
		vm_cpu_set_csr(world.cpu, 0x001, at & 1); /* by software, and by the host */
		vm_cpu_set_f(world.cpu, 2, UINT64_C(0xffffffff3f800000));
		vm_cpu_set_f(world.cpu, 3, UINT64_C(0xffffffff33000001));
		fesetround(modes[at]);
		assert_int_equal(vm_cpu_run(world.cpu, 2), VM_STOP_COUNT);
		assert_int_equal(fegetround(), modes[at]);
		fesetround(FE_TONEAREST);
		results[at] = vm_cpu_f(world.cpu, 1);
		end(&world);
		assert_true(results[at] == UINT64_C(0xffffffff3f800000));
	}
}

static void bad_setups_are_refused(void **state)
{
	uint8_t *ram = aligned_alloc(VM_PAGE_BYTES, VM_PAGE_BYTES);
	struct vm_cpu_setup good = {.ram = ram, .ram_base = RAM_BASE, .ram_size = VM_PAGE_BYTES};
	struct vm_cpu_setup bad[4] = {good, good, good, good};
	struct vm_cpu *cpu = NULL;

	(void)state;
	bad[0].ram = NULL;
	bad[1].ram_size = 100;
	bad[2].ram_base = 1;
	bad[3].ram_base = UINT64_C(1) << 60;
	for (size_t at = 0; at < 4; at++) {
		struct gw_error error = {0};

		assert_int_equal(vm_cpu_new(&cpu, &bad[at], &error), GW_E_INVALID);
		assert_true(error.text[0]);
	}
	vm_cpu_free(NULL);
	free(ram);
}

static int make_one(void *ram)
{
	struct vm_cpu_setup setup = {.ram = ram, .ram_base = RAM_BASE, .ram_size = RAM_BYTES};
	struct vm_cpu *cpu = NULL;
	int status = vm_cpu_new(&cpu, &setup, NULL);

	if (status == 0)
		vm_cpu_free(cpu);
	return status;
}

static void no_memory_is_an_error(void **state)
{
	void *ram = aligned_alloc(VM_PAGE_BYTES, RAM_BYTES);

	(void)state;
	test_each_allocation_fails(make_one, ram);
	free(ram);
}

static void csrs_are_those_of_the_oracle(void **state)
{
	struct vm_cpu_setup setup = {.instructions_per_tick = 1};
	struct oracle oracle;
	struct world world;

	(void)state;
	START(&world, setup, ADDI_X1);
	oracle_start(&oracle, &setup);
	for (unsigned number = 0; number < 4096; number++) {
		uint64_t value;

		assert_int_equal(vm_cpu_csr(world.cpu, number, &value),
				 oracle_csr_read(&oracle, number, &value));
	}
	assert_false(vm_cpu_set_csr(world.cpu, 0xf14, 1));
	assert_false(vm_cpu_set_csr(world.cpu, 0x5c0, 1));
	end(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_run_ends_at_its_count),
		cmocka_unit_test(an_exception_counts_and_does_not_retire),
		cmocka_unit_test(a_trap_handler_that_traps_ends_too),
		cmocka_unit_test(a_line_is_heard_at_its_count),
		cmocka_unit_test(waiting_ends_when_a_line_is_set),
		cmocka_unit_test(time_is_the_count_and_an_offset),
		cmocka_unit_test(an_ecall_can_end_the_run),
		cmocka_unit_test(a_device_sees_the_count_and_may_stop),
		cmocka_unit_test(memory_written_from_outside_is_what_runs),
		cmocka_unit_test(a_saved_hart_goes_on_in_another),
		cmocka_unit_test(a_broken_state_is_refused),
		cmocka_unit_test(the_hosts_rounding_is_not_seen),
		cmocka_unit_test(bad_setups_are_refused),
		cmocka_unit_test(no_memory_is_an_error),
		cmocka_unit_test(csrs_are_those_of_the_oracle),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
