/* SPDX-License-Identifier: Apache-2.0 */
/* device_test.c - the bus, the guest's memory, saved state; and the switch, which is small. */
#include "clint.h"
#include "plic.h"
#include "rig_fixture.h"
#include "rtc.h"
#include "syscon.h"
#include "uart.h"

#include "base/crc32c.h"
#include "base/little_endian.h"
#include "support/unit.h"

#define CLINT UINT64_C(0x2000000)
#define PLIC UINT64_C(0xc000000)
#define UART UINT64_C(0x10000000)
#define SYSCON UINT64_C(0x100000)

struct world {
	struct rig rig;
	struct vm_clint *clint;
	struct vm_plic *plic;
	struct vm_uart *uart;
	struct vm_syscon *syscon;
	int wish;
	unsigned code;
};

static void wish(void *context, enum vm_syscon_wish what, unsigned code)
{
	struct world *world = context;

	world->wish = what;
	world->code = code;
}

static void start(struct world *world)
{
	struct vm_syscon_setup syscon = {.wish = wish, .context = world};
	struct vm_uart_setup uart = {0};

	*world = (struct world){0};
	rig_start(&world->rig);
	assert_int_equal(vm_clint_new(&world->clint, world->rig.cpu, NULL), 0);
	assert_int_equal(vm_plic_new(&world->plic, world->rig.cpu, NULL), 0);
	uart.wire = vm_plic_wire(world->plic, 10);
	assert_int_equal(vm_uart_new(&world->uart, &uart, NULL), 0);
	assert_int_equal(vm_syscon_new(&world->syscon, &syscon, NULL), 0);
	rig_add(&world->rig, UART, vm_uart_device(world->uart));
	rig_add(&world->rig, CLINT, vm_clint_device(world->clint));
	rig_add(&world->rig, SYSCON, vm_syscon_device(world->syscon));
	rig_add(&world->rig, PLIC, vm_plic_device(world->plic));
}

static void end(struct world *world)
{
	vm_syscon_free(world->syscon);
	vm_uart_free(world->uart);
	vm_plic_free(world->plic);
	vm_clint_free(world->clint);
	rig_end(&world->rig);
}

static void devices_do_not_lie_over_each_other(void **state)
{
	struct world world;
	struct vm_device device;
	struct gw_error error = {0};

	(void)state;
	start(&world);
	device = vm_plic_device(world.plic);
	assert_int_equal(vm_devices_add(world.rig.devices, PLIC, device, &error), GW_E_INVALID);
	assert_int_equal(vm_devices_add(world.rig.devices, PLIC + VM_PLIC_BYTES - 4096, device,
					&error),
			 GW_E_INVALID);
	assert_string_equal(error.text, "a device at 0xc5ff000: over another");
	assert_int_equal(vm_devices_add(world.rig.devices, PLIC - 4096, device, NULL),
			 GW_E_INVALID);
	assert_int_equal(vm_devices_add(world.rig.devices, 1, device, NULL), GW_E_INVALID);
	assert_int_equal(vm_devices_add(world.rig.devices, UINT64_MAX - 4095, device, NULL),
			 GW_E_INVALID);
	assert_int_equal(vm_devices_add(world.rig.devices, PLIC + VM_PLIC_BYTES,
					vm_clint_device(world.clint), NULL),
			 0);
	for (size_t at = 5; at < VM_DEVICES_MAX; at++)
		rig_add(&world.rig, UINT64_C(0x40000000) + (at << 20),
			vm_clint_device(world.clint));
	assert_int_equal(vm_devices_add(world.rig.devices, 0, vm_syscon_device(world.syscon),
					NULL),
			 GW_E_TOO_LARGE);
	end(&world);
}

static void nothing_is_where_no_device_is(void **state)
{
	struct world world;

	(void)state;
	start(&world);
	assert_true(rig_faults(&world.rig, 0, 1));
	assert_true(rig_faults(&world.rig, UINT64_MAX, 1));
	assert_true(rig_faults(&world.rig, UINT64_MAX - 7, 8));
	assert_true(rig_faults(&world.rig, CLINT + 2, 4));
	assert_true(rig_faults(&world.rig, UART + VM_UART_BYTES, 1));
	assert_false(rig_faults(&world.rig, UART, 1));
	end(&world);
}

static void a_value_is_as_wide_as_its_access(void **state)
{
	struct world world;

	(void)state;
	start(&world);
	rig_write(&world.rig, UART + 7, 1, 0x1234567890ab);
	assert_int_equal(rig_read(&world.rig, UART + 7, 1), 0xab);
	rig_write(&world.rig, CLINT + 0x4000, 4, UINT64_MAX - 1);
	assert_int_equal(rig_read(&world.rig, CLINT + 0x4000, 8), UINT64_MAX - 1);
	end(&world);
}

/* A program of the guest's, on the hart, so that lines, faults and stops go all the way. */
static void a_hart_sees_its_devices(void **state)
{
	static const uint32_t code[] = {
		0x10000537, /* lui a0, 0x10000 */
		0x00200593, /* li a1, 2 */
		0x00b500a3, /* sb a1, 1(a0): the console's IER */
		0x02004637, /* lui a2, 0x2004 */
		0x00063023, /* sd x0, 0(a2): mtimecmp */
		0x00b52023, /* sw a1, 0(a0): a wrong size */
	};
	struct world world;
	uint64_t value;

	(void)state;
	start(&world);
	rig_write(&world.rig, PLIC + 40, 4, 1);
	rig_write(&world.rig, PLIC + 0x2000, 4, 1 << 10);
	memcpy(world.rig.bytes, code, sizeof(code));
	vm_cpu_set_pc(world.rig.cpu, RIG_RAM);
	vm_cpu_set_csr(world.rig.cpu, 0x305, RIG_RAM + 0x100);
	assert_int_equal(vm_cpu_run(world.rig.cpu, 100), VM_STOP_ASKED);
	assert_int_equal(vm_cpu_count(world.rig.cpu), 5);
	assert_int_equal(vm_cpu_lines(world.rig.cpu),
			 VM_LINE_MACHINE_TIMER | VM_LINE_MACHINE_EXTERNAL);
	assert_int_equal(vm_cpu_run(world.rig.cpu, 6), VM_STOP_COUNT);
	assert_true(vm_cpu_csr(world.rig.cpu, 0x342, &value));
	assert_int_equal(value, 7); /* a store's access fault */
	end(&world);
}

static void the_switch_passes_wishes_on(void **state)
{
	struct world world;

	(void)state;
	start(&world);
	rig_write(&world.rig, SYSCON, 4, 0x1234);
	assert_int_equal(world.wish, 0);
	rig_write(&world.rig, SYSCON, 4, 0x5555);
	assert_int_equal(world.wish, VM_SYSCON_OFF);
	rig_write(&world.rig, SYSCON, 2, 0x7777);
	assert_int_equal(world.wish, VM_SYSCON_RESET);
	rig_write(&world.rig, SYSCON, 4, 0x00073333);
	assert_int_equal(world.wish, VM_SYSCON_FAIL);
	assert_int_equal(world.code, 7);
	assert_int_equal(rig_read(&world.rig, SYSCON, 4), 0);
	assert_true(rig_faults(&world.rig, SYSCON, 1));
	assert_true(rig_faults(&world.rig, SYSCON, 8));
	assert_true(rig_faults(&world.rig, SYSCON + 4, 4));
	end(&world);
}

/* ---- Memory ---------------------------------------------------------------------------------- */

static void an_address_is_believed_when_all_of_it_is_ram(void **state)
{
	struct world world;
	const struct vm_ram *ram = &world.rig.ram;
	uint64_t last = RIG_RAM + RIG_RAM_BYTES;

	(void)state;
	start(&world);
	assert_ptr_equal(vm_ram_at(ram, RIG_RAM, RIG_RAM_BYTES), world.rig.bytes);
	assert_non_null(vm_ram_at(ram, last - 1, 1));
	assert_non_null(vm_ram_at(ram, last, 0));
	assert_null(vm_ram_at(ram, last, 1));
	assert_null(vm_ram_at(ram, last - 1, 2));
	assert_null(vm_ram_at(ram, last + 1, 0));
	assert_null(vm_ram_at(ram, RIG_RAM - 1, 1));
	assert_null(vm_ram_at(ram, RIG_RAM, UINT64_MAX));
	assert_null(vm_ram_at(ram, RIG_RAM + 1, UINT64_MAX));
	assert_null(vm_ram_at(ram, UINT64_MAX, 2));
	assert_null(vm_ram_at(ram, 0, 1));
	end(&world);
}

/* What a device writes is what the hart fetches next, though it decoded what was there. */
static void a_written_instruction_is_carried_out(void **state)
{
	static const uint32_t loop[] = {0x00108093, 0xffdff06f}; /* addi x1, x1, 1; j -4 */
	static const uint32_t two = 0x00208093;                  /* addi x1, x1, 2 */
	struct world world;

	(void)state;
	start(&world);
	memcpy(world.rig.bytes, loop, sizeof(loop));
	vm_cpu_set_pc(world.rig.cpu, RIG_RAM);
	assert_int_equal(vm_cpu_run(world.rig.cpu, 10), VM_STOP_COUNT);
	assert_int_equal(vm_cpu_x(world.rig.cpu, 1), 5);
	vm_ram_write(&world.rig.ram, RIG_RAM, &two, sizeof(two));
	vm_ram_write(&world.rig.ram, RIG_RAM + RIG_RAM_BYTES, NULL, 0);
	assert_int_equal(vm_cpu_run(world.rig.cpu, 20), VM_STOP_COUNT);
	assert_int_equal(vm_cpu_x(world.rig.cpu, 1), 15);
	end(&world);
}

/* ---- State ----------------------------------------------------------------------------------- */

static void save(struct world *world, struct base_buffer *out)
{
	rig_write(&world->rig, UART + 7, 1, 0x55);
	rig_write(&world->rig, CLINT + 0x4000, 8, 99);
	rig_write(&world->rig, PLIC + 40, 4, 5);
	assert_int_equal(vm_devices_save(world->rig.devices, out, NULL), 0);
}

static void seal(struct base_buffer *state)
{
	base_store32(state->data + state->size - 4,
		     base_crc32c(0, state->data, state->size - 4));
}

static void the_state_goes_into_devices_like_these(void **state)
{
	struct base_buffer saved = {0};
	struct world one, two;

	(void)state;
	start(&one);
	start(&two);
	save(&one, &saved);
	assert_int_not_equal(vm_devices_hash(one.rig.devices), vm_devices_hash(two.rig.devices));
	assert_int_equal(vm_devices_load(two.rig.devices, base_buffer_bytes(&saved), NULL), 0);
	assert_int_equal(vm_devices_hash(one.rig.devices), vm_devices_hash(two.rig.devices));
	assert_int_equal(rig_read(&two.rig, UART + 7, 1), 0x55);
	rig_round_trip(&two.rig);
	base_buffer_done(&saved);
	end(&one);
	end(&two);
}

static void assert_refused(struct world *world, struct base_buffer *saved, int code)
{
	struct gw_error error = {0};

	rig_write(&world->rig, UART + 7, 1, 0x77);
	assert_int_equal(vm_devices_load(world->rig.devices, base_buffer_bytes(saved), &error),
			 code);
	assert_true(strstr(error.text, "state of the device") == error.text);
	assert_int_equal(rig_read(&world->rig, UART + 7, 1), 0); /* reset */
}

static void what_is_cut_or_changed_is_refused(void **state)
{
	struct base_buffer saved = {0};
	struct world world;

	(void)state;
	start(&world);
	save(&world, &saved);
	while (saved.size-- > 0)
		assert_refused(&world, &saved, GW_E_CORRUPT);
	saved.size = 0;
	save(&world, &saved);
	for (size_t at = 0; at < saved.size; at++) {
		saved.data[at] ^= 0x10;
		assert_refused(&world, &saved, at == 7 ? GW_E_VERSION : GW_E_CORRUPT);
		saved.data[at] ^= 0x10;
	}
	base_buffer_done(&saved);
	end(&world);
}

/* Whoever made the checksum again is not believed either. */
static void what_does_not_fit_is_refused(void **state)
{
	struct base_buffer saved = {0};
	struct world world;
	uint64_t seed = 1;

	(void)state;
	start(&world);
	save(&world, &saved);
	saved.data[8]++; /* how many devices */
	seal(&saved);
	assert_refused(&world, &saved, GW_E_CORRUPT);
	saved.data[8]--;
	saved.data[12]++; /* where the first is */
	seal(&saved);
	assert_refused(&world, &saved, GW_E_CORRUPT);
	saved.data[12]--;
	saved.data[24] = 9; /* its version */
	seal(&saved);
	assert_refused(&world, &saved, GW_E_VERSION);
	saved.data[24] = 1;
	saved.data[28]++; /* its size */
	seal(&saved);
	assert_refused(&world, &saved, GW_E_CORRUPT);
	saved.data[28]--;
	seal(&saved);
	assert_int_equal(vm_devices_load(world.rig.devices, base_buffer_bytes(&saved), NULL), 0);
	for (unsigned round = 0; round < 5000; round++) {
		size_t at = 12 + test_pick(&seed, saved.size - 16);
		uint8_t before = saved.data[at];

		saved.data[at] = (uint8_t)test_random(&seed);
		seal(&saved);
		if (vm_devices_load(world.rig.devices, base_buffer_bytes(&saved), NULL) == 0)
			rig_round_trip(&world.rig);
		saved.data[at] = before;
	}
	base_buffer_done(&saved);
	end(&world);
}

static int save_and_load(void *context)
{
	struct base_buffer saved = {0};
	struct world *world = context;
	int status = vm_devices_save(world->rig.devices, &saved, NULL);

	if (status == 0)
		status = vm_devices_load(world->rig.devices, base_buffer_bytes(&saved), NULL);
	base_buffer_done(&saved);
	return status;
}

static int make_all(void *context)
{
	struct vm_rtc_setup rtc_setup = {.cpu = context, .tick_ns = 1};
	struct vm_syscon_setup syscon_setup = {0};
	struct vm_uart_setup uart_setup = {0};
	struct vm_devices *devices = NULL;
	struct vm_syscon *syscon = NULL;
	struct vm_clint *clint = NULL;
	struct vm_plic *plic = NULL;
	struct vm_uart *uart = NULL;
	struct vm_rtc *rtc = NULL;
	int status = vm_devices_new(&devices, NULL);

	status = status < 0 ? status : vm_syscon_new(&syscon, &syscon_setup, NULL);
	status = status < 0 ? status : vm_clint_new(&clint, context, NULL);
	status = status < 0 ? status : vm_plic_new(&plic, context, NULL);
	status = status < 0 ? status : vm_uart_new(&uart, &uart_setup, NULL);
	status = status < 0 ? status : vm_rtc_new(&rtc, &rtc_setup, NULL);
	vm_rtc_free(rtc);
	vm_uart_free(uart);
	vm_plic_free(plic);
	vm_clint_free(clint);
	vm_syscon_free(syscon);
	vm_devices_free(devices);
	return status;
}

static void short_memory_is_an_error(void **state)
{
	struct world world;

	(void)state;
	start(&world);
	assert_true(test_each_allocation_fails(save_and_load, &world) > 0);
	assert_int_equal(test_each_allocation_fails(make_all, world.rig.cpu), 6);
	end(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(devices_do_not_lie_over_each_other),
		cmocka_unit_test(nothing_is_where_no_device_is),
		cmocka_unit_test(a_value_is_as_wide_as_its_access),
		cmocka_unit_test(a_hart_sees_its_devices),
		cmocka_unit_test(the_switch_passes_wishes_on),
		cmocka_unit_test(an_address_is_believed_when_all_of_it_is_ram),
		cmocka_unit_test(a_written_instruction_is_carried_out),
		cmocka_unit_test(the_state_goes_into_devices_like_these),
		cmocka_unit_test(what_is_cut_or_changed_is_refused),
		cmocka_unit_test(what_does_not_fit_is_refused),
		cmocka_unit_test(short_memory_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
