/* SPDX-License-Identifier: Apache-2.0 */
/*
 * machine_test.c - small guests in the machine: timers on an exact instruction, waiting, the
 * console, power, events that are refused; and that how a run is cut changes nothing.
 */
#include "guest_fixture.h"

#include "base/buffer.h"
#include "base/little_endian.h"
#include "support/unit.h"

#include <stdlib.h>

enum { CSR_SIE = 0x104, CSR_STVEC = 0x105, CSR_SSTATUS = 0x100, CSR_TIME = 0xc01 };
enum { TIMER = 0x54494d45, RESET = 0x53525354, SIE = 2, STIE = 0x20, SEIE = 0x200 };

#define FAR UINT64_C(1000000000)

/* ---- Guests ---------------------------------------------------------------------------------- */

/* Sets the timer; returns where its loop is, with interrupts on. The handler stops in a loop. */
static uint64_t timer_guest(struct guest *guest, uint32_t ticks, uint64_t *handler, bool waits)
{
	uint64_t loop;

	guest_begin(guest);
	guest_jump(guest, guest_here(guest) + 12);
	*handler = guest_addi(guest, S1, S1, 1);
	guest_jump(guest, guest_here(guest));
	guest_li(guest, A0, ticks);
	guest_call(guest, TIMER, 0);
	guest_li(guest, T0, (uint32_t)*handler);
	guest_csr_write(guest, CSR_STVEC, T0);
	guest_addi(guest, T0, ZERO, STIE);
	guest_csr_set(guest, CSR_SIE, T0);
	guest_addi(guest, T0, ZERO, SIE);
	guest_csr_set(guest, CSR_SSTATUS, T0);
	loop = waits ? guest_wfi(guest) : guest_addi(guest, S0, S0, 1);
	guest_jump(guest, loop);
	return loop;
}

/* Says every byte that is typed; ends at a 0. It polls. */
static void echo_guest(struct guest *guest)
{
	uint64_t wait, on;

	guest_begin(guest);
	guest_li(guest, S0, (uint32_t)VM_MAP_CONSOLE);
	wait = guest_load_byte(guest, T0, S0, 5);
	guest_word(guest, 0x0012f293); /* andi t0, t0, 1 */
	guest_branch_zero(guest, T0, wait);
	guest_load_byte(guest, T1, S0, 0);
	on = guest_here(guest) + 12;
	guest_branch_zero(guest, T1, on);
	guest_store_byte(guest, T1, S0, 0);
	guest_jump(guest, wait);
	guest_addi(guest, A0, ZERO, 0);
	guest_addi(guest, A1, ZERO, 0);
	guest_call(guest, RESET, 0);
}

/* Asks for a system reset of some type and reason. */
static void reset_guest(struct guest *guest, int type, int reason)
{
	guest_begin(guest);
	guest_li(guest, T0, (uint32_t)(VM_MAP_RAM + 0x1000));
	guest_store(guest, T0, T0, 0);
	guest_addi(guest, A0, ZERO, type);
	guest_addi(guest, A1, ZERO, reason);
	guest_call(guest, RESET, 0);
}

static uint64_t pc(const struct guest *guest)
{
	return vm_cpu_pc(vm_machine_cpu(guest->machine));
}

static int put(struct guest *guest, struct vm_event event)
{
	event.count = vm_machine_count(guest->machine);
	return vm_machine_input(guest->machine, &event, NULL);
}

static int type(struct guest *guest, const char *text, size_t size)
{
	return put(guest, (struct vm_event){.kind = VM_EVENT_CONSOLE, .data = {text, size}});
}

/* ---- Time ------------------------------------------------------------------------------------ */

static void a_timer_goes_off_at_an_exact_instruction(void **state)
{
	const uint64_t due = 7 * VM_INSTRUCTIONS_PER_TICK;
	struct guest guest;
	uint64_t handler, loop = timer_guest(&guest, 7, &handler, false);

	(void)state;
	guest_start(&guest);
	assert_int_equal(vm_machine_run(guest.machine, due), VM_PAUSE_COUNT);
	assert_int_equal(vm_machine_count(guest.machine), due);
	assert_true(pc(&guest) == loop || pc(&guest) == loop + 4);
	assert_int_equal(vm_machine_run(guest.machine, due + 1), VM_PAUSE_COUNT);
	assert_int_equal(pc(&guest), handler + 4);
	assert_int_equal(vm_cpu_x(vm_machine_cpu(guest.machine), S1), 1);
	guest_end(&guest);
}

static void a_guest_that_waits_takes_no_instructions(void **state)
{
	struct guest guest;
	uint64_t handler, count;

	(void)state;
	timer_guest(&guest, 1000, &handler, true);
	guest_start(&guest);
	assert_int_equal(vm_machine_run(guest.machine, FAR), VM_PAUSE_WAIT);
	count = vm_machine_count(guest.machine);
	assert_true(count < 100);
	assert_int_equal(vm_machine_due(guest.machine), 1000);
	assert_int_equal(vm_machine_run(guest.machine, FAR), VM_PAUSE_WAIT);
	assert_int_equal(vm_machine_count(guest.machine), count);
	/* Not far enough, then far enough. */
	assert_int_equal(put(&guest, (struct vm_event){.kind = VM_EVENT_TIME, .value = 998}), 0);
	assert_int_equal(vm_machine_run(guest.machine, FAR), VM_PAUSE_WAIT);
	assert_int_equal(put(&guest, (struct vm_event){.kind = VM_EVENT_TIME, .value = 2}), 0);
	assert_int_equal(vm_machine_due(guest.machine), UINT64_MAX);
	assert_int_equal(vm_machine_run(guest.machine, count + 1), VM_PAUSE_COUNT);
	assert_int_equal(pc(&guest), handler + 4);
	assert_int_equal(guest.events, 2);
	guest_end(&guest);
}

static void a_wait_may_be_ended_for_nothing(void **state)
{
	struct guest guest;
	uint64_t handler, count, loop = timer_guest(&guest, 1000, &handler, true);

	(void)state;
	guest_start(&guest);
	assert_int_equal(vm_machine_run(guest.machine, FAR), VM_PAUSE_WAIT);
	count = vm_machine_count(guest.machine);
	assert_int_equal(put(&guest, (struct vm_event){.kind = VM_EVENT_WAKE}), 0);
	assert_int_equal(vm_machine_run(guest.machine, FAR), VM_PAUSE_WAIT);
	assert_int_equal(vm_machine_count(guest.machine), count + 2); /* the jump, and wfi again */
	assert_int_equal(pc(&guest), loop + 4);
	guest_end(&guest);
}

/* ---- Console and power ----------------------------------------------------------------------- */

static void what_is_typed_is_read_and_what_is_said_is_heard(void **state)
{
	struct guest guest;

	(void)state;
	echo_guest(&guest);
	guest_start(&guest);
	assert_int_equal(vm_machine_run(guest.machine, 1000), VM_PAUSE_COUNT);
	assert_int_equal(guest.said_size, 0);
	assert_true(vm_machine_console_room(guest.machine) >= 1);
	assert_int_equal(type(&guest, "a", 1), 0);
	assert_int_equal(vm_machine_run(guest.machine, 2000), VM_PAUSE_COUNT);
	assert_int_equal(type(&guest, "b", 1), 0);
	assert_int_equal(vm_machine_run(guest.machine, 3000), VM_PAUSE_COUNT);
	assert_int_equal(guest.said_size, 2);
	assert_memory_equal(guest.said, "ab", 2);
	assert_int_equal(type(&guest, "", 1), 0);
	assert_int_equal(vm_machine_run(guest.machine, FAR), VM_PAUSE_OFF);
	assert_int_equal(vm_machine_run(guest.machine, FAR), VM_PAUSE_OFF);
	assert_int_equal(type(&guest, "c", 1), GW_E_INVALID);
	guest_end(&guest);
}

static void a_guest_says_how_it_ends(void **state)
{
	static const struct {
		int type, reason;
		enum vm_pause end;
	} cases[] = {{0, 0, VM_PAUSE_OFF}, {0, 1, VM_PAUSE_FAILED}, {1, 0, VM_PAUSE_RESET}};

	(void)state;
	for (size_t at = 0; at < sizeof(cases) / sizeof(cases[0]); at++) {
		struct guest guest;

		reset_guest(&guest, cases[at].type, cases[at].reason);
		guest_start(&guest);
		assert_int_equal(vm_machine_run(guest.machine, FAR), cases[at].end);
		guest_end(&guest);
	}
}

static void a_restart_is_a_start(void **state)
{
	struct guest guest;
	uint64_t count;

	(void)state;
	reset_guest(&guest, 1, 0);
	guest_start(&guest);
	assert_int_equal(vm_machine_run(guest.machine, FAR), VM_PAUSE_RESET);
	count = vm_machine_count(guest.machine);
	assert_int_not_equal(base_load64(guest.ram + 0x1000), 0);
	assert_int_equal(vm_machine_restart(guest.machine, NULL), 0);
	assert_int_equal(base_load64(guest.ram + 0x1000), 0);
	assert_int_equal(pc(&guest), GUEST_START);
	assert_int_equal(vm_machine_count(guest.machine), count);
	assert_int_equal(vm_cpu_mode(vm_machine_cpu(guest.machine)), VM_MODE_SUPERVISOR);
	assert_int_equal(vm_machine_run(guest.machine, FAR), VM_PAUSE_RESET);
	assert_int_equal(vm_machine_count(guest.machine), 2 * count);
	guest_end(&guest);
}

static void the_plug_can_be_pulled(void **state)
{
	struct guest guest;

	(void)state;
	echo_guest(&guest);
	guest_start(&guest);
	assert_int_equal(put(&guest, (struct vm_event){.kind = VM_EVENT_POWER,
						       .value = VM_POWER_OFF}),
			 0);
	assert_int_equal(vm_machine_run(guest.machine, FAR), VM_PAUSE_OFF);
	assert_int_equal(vm_machine_count(guest.machine), 0);
	guest_end(&guest);
}

/* ---- Events ---------------------------------------------------------------------------------- */

static void events_that_cannot_be_are_refused(void **state)
{
	static const struct vm_event wrong[] = {
		{.kind = 0},
		{.kind = VM_EVENT_KINDS},
		{.kind = VM_EVENT_CONSOLE, .id = 1},
		{.kind = VM_EVENT_CONSOLE, .value = 1},
		{.kind = VM_EVENT_FRAME, .data = {"frame", 5}},
		{.kind = VM_EVENT_LINK},
		{.kind = VM_EVENT_BLOCK, .id = 1},
		{.kind = VM_EVENT_ENTROPY, .data = {"abc", 3}},
		{.kind = VM_EVENT_TIME, .value = -1},
		{.kind = VM_EVENT_TIME, .value = INT64_MAX},
		{.kind = VM_EVENT_TIME, .data = {"abc", 3}},
		{.kind = VM_EVENT_POWER, .value = 3},
		{.kind = VM_EVENT_WAKE, .value = 1},
	};
	struct guest guest;
	struct vm_event late = {.kind = VM_EVENT_WAKE, .count = 1};
	struct gw_error error = {0};
	uint64_t hash;

	(void)state;
	echo_guest(&guest);
	guest_start(&guest);
	/* So that the sum of times has no room for INT64_MAX. */
	assert_int_equal(put(&guest, (struct vm_event){.kind = VM_EVENT_TIME, .value = 1}), 0);
	hash = vm_machine_hash(guest.machine, true);
	for (size_t at = 0; at < sizeof(wrong) / sizeof(wrong[0]); at++)
		assert_int_equal(put(&guest, wrong[at]), GW_E_INVALID);
	assert_int_equal(vm_machine_input(guest.machine, &late, &error), GW_E_INVALID);
	assert_string_equal(error.text, "event WAKE at 1: the machine is at 0");
	assert_int_equal(guest.events, 1);
	assert_int_equal(vm_machine_hash(guest.machine, true), hash);
	guest_end(&guest);
}

/* ---- How a run is cut changes nothing -------------------------------------------------------- */

static const char typed[] = "deterministic";

/* Types a letter every 1000 counts, cutting the run after at most `slice` between; the hash. */
static uint64_t run_cut(uint64_t slice, struct vm_machine_setup sizes)
{
	struct guest guest;
	uint64_t hash;

	echo_guest(&guest);
	guest.setup.block_instructions_max = sizes.block_instructions_max;
	guest.setup.translations_max = sizes.translations_max;
	guest.setup.blocks_max = sizes.blocks_max;
	guest_start(&guest);
	for (uint64_t letter = 0; letter < sizeof(typed) - 1; letter++) {
		uint64_t next = 1000 * (letter + 1);

		while (vm_machine_count(guest.machine) < next) {
			uint64_t until = vm_machine_count(guest.machine) + slice;

			assert_int_equal(vm_machine_run(guest.machine, until < next ? until : next),
					 VM_PAUSE_COUNT);
		}
		assert_int_equal(type(&guest, typed + letter, 1), 0);
	}
	assert_int_equal(vm_machine_run(guest.machine, 20000), VM_PAUSE_COUNT);
	assert_memory_equal(guest.said, typed, sizeof(typed) - 1);
	hash = vm_machine_hash(guest.machine, true);
	guest_end(&guest);
	return hash;
}

static void where_a_run_is_cut_changes_nothing(void **state)
{
	static const struct vm_machine_setup usual = {.blocks_max = 64};
	static const struct vm_machine_setup small = {
		.blocks_max = 2, .translations_max = 1, .block_instructions_max = 1};
	uint64_t hash = run_cut(FAR, usual);

	(void)state;
	for (uint64_t slice = 1; slice < 2000; slice = slice * 3 + 1)
		assert_int_equal(run_cut(slice, usual), hash);
	assert_int_equal(run_cut(FAR, small), hash);
	assert_int_equal(run_cut(7, small), hash);
}

static void each_part_is_in_the_hash(void **state)
{
	struct guest guest;
	uint64_t hash, handler;

	(void)state;
	timer_guest(&guest, 1000, &handler, true);
	guest_start(&guest);
	hash = vm_machine_hash(guest.machine, true);
	guest.ram[GUEST_RAM_BYTES / 2] ^= 1;
	assert_int_not_equal(vm_machine_hash(guest.machine, true), hash);
	assert_int_equal(vm_machine_hash(guest.machine, false),
			 vm_machine_hash(guest.machine, false));
	guest.ram[GUEST_RAM_BYTES / 2] ^= 1;
	vm_cpu_set_x(vm_machine_cpu(guest.machine), S0, 1);
	assert_int_not_equal(vm_machine_hash(guest.machine, true), hash);
	vm_cpu_set_x(vm_machine_cpu(guest.machine), S0, 0);
	assert_int_equal(vm_machine_hash(guest.machine, true), hash);
	assert_int_equal(type(&guest, "x", 1), 0);
	assert_int_not_equal(vm_machine_hash(guest.machine, true), hash);
	guest_end(&guest);
}

/* ---- Saved and loaded ------------------------------------------------------------------------ */

static void a_loaded_machine_goes_on_as_the_saved_one(void **state)
{
	struct base_buffer saved = {0};
	struct guest one, other;
	uint64_t handler;

	(void)state;
	timer_guest(&one, 50, &handler, false);
	timer_guest(&other, 50, &handler, false);
	guest_start(&one);
	guest_start(&other);
	assert_int_equal(vm_machine_run(one.machine, 1234), VM_PAUSE_COUNT);
	assert_int_equal(vm_machine_save(one.machine, &saved, NULL), 0);
	memcpy(other.ram, one.ram, GUEST_RAM_BYTES);
	assert_int_equal(vm_machine_load(other.machine, base_buffer_bytes(&saved), NULL), 0);
	assert_int_equal(vm_machine_hash(other.machine, true), vm_machine_hash(one.machine, true));
	assert_int_equal(vm_machine_run(one.machine, 9999), VM_PAUSE_COUNT);
	assert_int_equal(vm_machine_run(other.machine, 9999), VM_PAUSE_COUNT);
	assert_int_equal(vm_machine_hash(other.machine, true), vm_machine_hash(one.machine, true));
	assert_int_equal(vm_cpu_x(vm_machine_cpu(other.machine), S1), 1);
	base_buffer_done(&saved);
	guest_end(&one);
	guest_end(&other);
}

static void a_damaged_state_is_refused(void **state)
{
	struct base_buffer saved = {0};
	struct guest guest;

	(void)state;
	echo_guest(&guest);
	guest_start(&guest);
	assert_int_equal(vm_machine_save(guest.machine, &saved, NULL), 0);
	for (size_t at = 0; at < saved.size; at += 13) {
		saved.data[at] ^= 0x10;
		assert_true(vm_machine_load(guest.machine, base_buffer_bytes(&saved), NULL) < 0);
		saved.data[at] ^= 0x10;
	}
	for (size_t size = 0; size < saved.size; size += 101)
		assert_int_equal(vm_machine_load(guest.machine,
						 (struct gw_bytes){saved.data, size}, NULL),
				 GW_E_CORRUPT);
	saved.data[7]++;
	assert_int_equal(vm_machine_load(guest.machine, base_buffer_bytes(&saved), NULL),
			 GW_E_VERSION);
	base_buffer_done(&saved);
	guest_end(&guest);
}

/* ---- Made ------------------------------------------------------------------------------------ */

static int make(void *context)
{
	struct guest *guest = context;
	struct vm_machine *machine = NULL;
	int code;

	memset(guest->ram, 0, GUEST_RAM_BYTES);
	code = vm_machine_new(&machine, &guest->setup, NULL);
	vm_machine_free(machine);
	return code;
}

static void each_allocation_may_fail(void **state)
{
	struct guest guest;

	(void)state;
	echo_guest(&guest);
	guest.setup.has_disk = true;
	guest.setup.disk_bytes = 1 << 20;
	guest.setup.has_network = true;
	assert_true(test_each_allocation_fails(make, &guest) > 8);
	guest_end(&guest);
}

static void a_machine_has_some_memory(void **state)
{
	struct gw_error error = {0};
	struct guest guest;

	(void)state;
	echo_guest(&guest);
	guest.setup.ram_size = GUEST_RAM_BYTES - VM_PAGE_BYTES;
	assert_int_equal(vm_machine_new(&guest.machine, &guest.setup, &error), GW_E_INVALID);
	assert_string_equal(error.text, "3 MiB of memory: 4 to 65536 are allowed");
	guest.setup.ram_size = GUEST_RAM_BYTES;
	guest.setup.load.firmware = (struct vm_file){"fw", {"abcd", 4}};
	guest.setup.load.bare = true;
	assert_int_equal(vm_machine_new(&guest.machine, &guest.setup, &error), GW_E_INVALID);
	assert_string_equal(error.text, "fw: a bare program has no firmware below it");
	guest_end(&guest);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_timer_goes_off_at_an_exact_instruction),
		cmocka_unit_test(a_guest_that_waits_takes_no_instructions),
		cmocka_unit_test(a_wait_may_be_ended_for_nothing),
		cmocka_unit_test(what_is_typed_is_read_and_what_is_said_is_heard),
		cmocka_unit_test(a_guest_says_how_it_ends),
		cmocka_unit_test(a_restart_is_a_start),
		cmocka_unit_test(the_plug_can_be_pulled),
		cmocka_unit_test(events_that_cannot_be_are_refused),
		cmocka_unit_test(where_a_run_is_cut_changes_nothing),
		cmocka_unit_test(each_part_is_in_the_hash),
		cmocka_unit_test(a_loaded_machine_goes_on_as_the_saved_one),
		cmocka_unit_test(a_damaged_state_is_refused),
		cmocka_unit_test(each_allocation_may_fail),
		cmocka_unit_test(a_machine_has_some_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
