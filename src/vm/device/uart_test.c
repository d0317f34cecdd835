/* SPDX-License-Identifier: Apache-2.0 */
/* uart_test.c - each register of the console, and what a driver of 8250s relies on. */
#include "rig_fixture.h"
#include "uart.h"

#include "support/unit.h"

#define BASE UINT64_C(0x10000000)

enum { DATA, IER, IIR, LCR, MCR, LSR, MSR, SCR, FCR = IIR };

struct world {
	struct rig rig;
	struct vm_uart *uart;
	uint8_t sent[64];
	size_t count;
};

static void send(void *context, uint8_t byte)
{
	struct world *world = context;

	assert_true(world->count < sizeof(world->sent));
	world->sent[world->count++] = byte;
}

static void start(struct world *world)
{
	struct vm_uart_setup setup = {.send = send, .context = world};

	*world = (struct world){0};
	rig_start(&world->rig);
	setup.wire = rig_wire(&world->rig, 0);
	assert_int_equal(vm_uart_new(&world->uart, &setup, NULL), 0);
	rig_add(&world->rig, BASE, vm_uart_device(world->uart));
}

static void end(struct world *world)
{
	vm_uart_free(world->uart);
	rig_end(&world->rig);
}

static unsigned get(struct world *world, unsigned number)
{
	return (unsigned)rig_read(&world->rig, BASE + number, 1);
}

static void put(struct world *world, unsigned number, uint8_t value)
{
	rig_write(&world->rig, BASE + number, 1, value);
}

static void receive(struct world *world, const char *text)
{
	for (; *text; text++)
		vm_uart_receive(world->uart, (uint8_t)*text);
}

static void what_is_written_is_sent(void **state)
{
	struct world world;

	(void)state;
	start(&world);
	assert_int_equal(get(&world, LSR), 0x60);
	put(&world, DATA, 'a');
	put(&world, DATA, 0xff);
	assert_int_equal(world.count, 2);
	assert_memory_equal(world.sent, "a\xff", 2);
	assert_int_equal(get(&world, LSR), 0x60);
	assert_false(world.rig.high[0]);
	end(&world);
}

static void what_is_received_is_read_in_order(void **state)
{
	struct world world;

	(void)state;
	start(&world);
	put(&world, FCR, 1);
	receive(&world, "xyz");
	assert_int_equal(get(&world, LSR), 0x61);
	assert_int_equal(get(&world, DATA), 'x');
	assert_int_equal(get(&world, DATA), 'y');
	assert_int_equal(get(&world, DATA), 'z');
	assert_int_equal(get(&world, LSR), 0x60);
	assert_int_equal(get(&world, DATA), 0);
	end(&world);
}

static void the_fifo_has_room_and_an_end(void **state)
{
	struct world world;

	(void)state;
	start(&world);
	assert_int_equal(vm_uart_room(world.uart), 1);
	receive(&world, "ab");
	assert_int_equal(vm_uart_room(world.uart), 0);
	assert_int_equal(get(&world, LSR), 0x63); /* an overrun, said once */
	assert_int_equal(get(&world, LSR), 0x61);
	assert_int_equal(get(&world, DATA), 'a');
	put(&world, FCR, 1);
	assert_int_equal(vm_uart_room(world.uart), 16);
	receive(&world, "0123456789abcdefg");
	assert_int_equal(vm_uart_room(world.uart), 0);
	assert_int_equal(get(&world, LSR), 0x63);
	for (const char *text = "0123456789abcdef"; *text; text++)
		assert_int_equal(get(&world, DATA), *text);
	assert_int_equal(get(&world, LSR), 0x60);
	end(&world);
}

static void fifo_bits_clear_what_was_received(void **state)
{
	struct world world;

	(void)state;
	start(&world);
	put(&world, FCR, 1);
	receive(&world, "abc");
	put(&world, FCR, 1); /* no change */
	assert_int_equal(vm_uart_room(world.uart), 13);
	put(&world, FCR, 5); /* clear the transmitter only */
	assert_int_equal(vm_uart_room(world.uart), 13);
	put(&world, FCR, 3);
	assert_int_equal(vm_uart_room(world.uart), 16);
	receive(&world, "abc");
	put(&world, FCR, 0);
	assert_int_equal(vm_uart_room(world.uart), 1);
	assert_int_equal(get(&world, IIR), 1);
	put(&world, FCR, 0xc0); /* a trigger without FIFOs is none */
	receive(&world, "a");
	put(&world, IER, 1);
	assert_int_equal(get(&world, IIR), 4);
	end(&world);
}

static void reception_interrupts_at_its_trigger(void **state)
{
	struct world world;

	(void)state;
	start(&world);
	put(&world, FCR, 0x41); /* four */
	put(&world, IER, 1);
	assert_int_equal(get(&world, IIR), 0xc1);
	receive(&world, "abc");
	assert_true(world.rig.high[0]);
	assert_int_equal(get(&world, IIR), 0xcc); /* the time-out */
	receive(&world, "d");
	assert_int_equal(get(&world, IIR), 0xc4);
	get(&world, DATA);
	assert_int_equal(get(&world, IIR), 0xcc);
	for (unsigned at = 0; at < 3; at++)
		get(&world, DATA);
	assert_int_equal(get(&world, IIR), 0xc1);
	assert_false(world.rig.high[0]);
	end(&world);
}

/* What Linux's 8250 driver tests for at start-up, and lives by afterwards. */
static void an_empty_transmitter_interrupts_once(void **state)
{
	struct world world;

	(void)state;
	start(&world);
	put(&world, IER, 2);
	assert_true(world.rig.high[0]);
	assert_int_equal(get(&world, IIR), 2);
	assert_false(world.rig.high[0]); /* reading IIR ended it */
	assert_int_equal(get(&world, IIR), 1);
	put(&world, IER, 2); /* no change: nothing new */
	assert_int_equal(get(&world, IIR), 1);
	put(&world, IER, 0);
	put(&world, IER, 2); /* enabled anew */
	assert_int_equal(get(&world, IIR), 2);
	put(&world, DATA, 'a');
	assert_true(world.rig.high[0]);
	assert_int_equal(get(&world, IIR), 2);
	put(&world, IER, 0);
	put(&world, DATA, 'b');
	assert_false(world.rig.high[0]);
	end(&world);
}

static void interrupts_have_an_order(void **state)
{
	struct world world;

	(void)state;
	start(&world);
	put(&world, IER, 15);
	put(&world, MCR, 0x10); /* loop-back: all lines of the modem fall */
	put(&world, MCR, 0x00);
	receive(&world, "ab");
	assert_int_equal(get(&world, IIR), 6);
	assert_int_equal(get(&world, LSR), 0x63);
	assert_int_equal(get(&world, IIR), 4);
	assert_int_equal(get(&world, DATA), 'a');
	assert_int_equal(get(&world, IIR), 2);
	assert_int_equal(get(&world, IIR), 0);
	assert_true(world.rig.high[0]);
	assert_int_equal(get(&world, MSR), 0xbb);
	assert_int_equal(get(&world, IIR), 1);
	assert_false(world.rig.high[0]);
	end(&world);
}

static void the_modem_says_that_somebody_listens(void **state)
{
	struct world world;

	(void)state;
	start(&world);
	assert_int_equal(get(&world, MSR), 0xb0);
	put(&world, MCR, 0xff);
	assert_int_equal(get(&world, MCR), 0x1f);
	put(&world, MSR, 0);
	put(&world, LSR, 0);
	put(&world, MCR, 3);
	get(&world, MSR);
	assert_int_equal(get(&world, MSR), 0xb0);
	end(&world);
}

static void loop_back_leads_to_itself(void **state)
{
	static const uint8_t lines[][2] = {{1, 0x20}, {2, 0x10}, {4, 0x40}, {8, 0x80}};
	struct world world;

	(void)state;
	start(&world);
	put(&world, FCR, 1);
	put(&world, MCR, 0x10);
	put(&world, DATA, 'q');
	assert_int_equal(world.count, 0);
	assert_int_equal(vm_uart_room(world.uart), 0);
	receive(&world, "lost");
	assert_int_equal(get(&world, DATA), 'q');
	assert_int_equal(get(&world, LSR), 0x60);
	for (size_t at = 0; at < 4; at++) {
		put(&world, MCR, 0x10 | lines[at][0]);
		assert_int_equal(get(&world, MSR) & 0xf0, lines[at][1]);
	}
	put(&world, MCR, 0x14);
	get(&world, MSR);
	put(&world, MCR, 0x10);
	assert_int_equal(get(&world, MSR), 0x04); /* the bell stopped */
	put(&world, MCR, 0x14);
	assert_int_equal(get(&world, MSR), 0x40); /* that it began is not counted */
	end(&world);
}

static void the_divisor_is_behind_its_bit(void **state)
{
	struct world world;

	(void)state;
	start(&world);
	put(&world, IER, 5);
	put(&world, LCR, 0x83);
	put(&world, DATA, 0x12);
	put(&world, IER, 0x34);
	assert_int_equal(get(&world, DATA), 0x12);
	assert_int_equal(get(&world, IER), 0x34);
	put(&world, LCR, 0x03);
	assert_int_equal(get(&world, LCR), 3);
	assert_int_equal(get(&world, IER), 5);
	assert_int_equal(world.count, 0);
	put(&world, IER, 0xff);
	assert_int_equal(get(&world, IER), 15);
	put(&world, SCR, 0xa5);
	assert_int_equal(get(&world, SCR), 0xa5);
	end(&world);
}

static void other_accesses_fault(void **state)
{
	struct world world;

	(void)state;
	start(&world);
	assert_true(rig_faults(&world.rig, BASE, 2));
	assert_true(rig_faults(&world.rig, BASE, 4));
	assert_true(rig_faults(&world.rig, BASE, 8));
	assert_true(rig_faults(&world.rig, BASE + 8, 1));
	assert_true(rig_faults(&world.rig, BASE + VM_UART_BYTES - 1, 1));
	assert_true(rig_faults(&world.rig, BASE + VM_UART_BYTES, 1));
	end(&world);
}

static void the_state_is_saved_and_reset(void **state)
{
	struct world world;

	(void)state;
	start(&world);
	put(&world, FCR, 0x81);
	put(&world, IER, 7);
	put(&world, SCR, 9);
	put(&world, MCR, 0x0b);
	receive(&world, "hello");
	rig_round_trip(&world.rig);
	assert_int_equal(get(&world, SCR), 9);
	assert_int_equal(get(&world, DATA), 'h');
	assert_int_equal(get(&world, DATA), 'e');
	vm_devices_reset(world.rig.devices);
	assert_false(world.rig.high[0]);
	assert_int_equal(vm_uart_room(world.uart), 1);
	assert_int_equal(get(&world, IER), 0);
	end(&world);
}

static void a_console_may_be_deaf(void **state)
{
	struct vm_uart_setup setup = {0};
	struct vm_device device;
	struct vm_uart *uart;

	(void)state;
	assert_int_equal(vm_uart_new(&uart, &setup, NULL), 0);
	device = vm_uart_device(uart);
	assert_int_equal(device.kind->write(device.state, DATA, 1, 'a'), 0);
	vm_uart_free(uart);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_is_sent),
		cmocka_unit_test(what_is_received_is_read_in_order),
		cmocka_unit_test(the_fifo_has_room_and_an_end),
		cmocka_unit_test(fifo_bits_clear_what_was_received),
		cmocka_unit_test(reception_interrupts_at_its_trigger),
		cmocka_unit_test(an_empty_transmitter_interrupts_once),
		cmocka_unit_test(interrupts_have_an_order),
		cmocka_unit_test(the_modem_says_that_somebody_listens),
		cmocka_unit_test(loop_back_leads_to_itself),
		cmocka_unit_test(the_divisor_is_behind_its_bit),
		cmocka_unit_test(other_accesses_fault),
		cmocka_unit_test(the_state_is_saved_and_reset),
		cmocka_unit_test(a_console_may_be_deaf),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
