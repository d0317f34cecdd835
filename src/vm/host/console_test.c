/* SPDX-License-Identifier: Apache-2.0 */
/*
 * console_test.c - keys and the escape key, bytes from a pipe, output.
 */
#include "console.h"

#include "support/unit.h"

#include <fcntl.h>
#include <unistd.h>

static void expect_filtered(struct vm_console *console, const char *keys, const char *left)
{
	uint8_t bytes[64];
	size_t size = strlen(keys);

	memcpy(bytes, keys, size);
	size = vm_console_filter(console, bytes, size);
	assert_int_equal(size, strlen(left));
	assert_memory_equal(bytes, left, size);
}

static void the_escape_key_is_kept_back(void **state)
{
	struct vm_console console = {0};

	(void)state;
	expect_filtered(&console, "ls\r", "ls\r");
	expect_filtered(&console, "a\001\001b", "a\001b");
	expect_filtered(&console, "a\001", "a");
	expect_filtered(&console, "\001b", "\001b");
	expect_filtered(&console, "\001qx", "x"); /* an unknown key is lost */
	assert_false(console.escaped);
	expect_filtered(&console, "y\001", "y");
	expect_filtered(&console, "x", "");
	assert_true(console.escaped);
}

static void a_pipe_gives_every_byte_and_ends(void **state)
{
	struct vm_console console;
	struct gw_bytes bytes;
	int in[2];

	(void)state;
	assert_int_equal(pipe(in), 0);
	vm_console_open(&console, in[0], -1);
	assert_int_equal(write(in[1], "a\001xb", 4), 4);
	assert_int_equal(vm_console_descriptor(&console), in[0]);
	vm_console_read(&console);
	assert_false(console.escaped);
	bytes = vm_console_take(&console, 0);
	assert_int_equal(bytes.size, 0);
	bytes = vm_console_take(&console, 3);
	assert_int_equal(bytes.size, 3);
	assert_memory_equal(bytes.data, "a\001x", 3);
	bytes = vm_console_take(&console, 3);
	assert_int_equal(bytes.size, 1);
	assert_memory_equal(bytes.data, "b", 1);
	close(in[1]);
	vm_console_read(&console);
	assert_true(console.ended);
	assert_int_equal(vm_console_descriptor(&console), -1);
	vm_console_close(&console);
	close(in[0]);
}

static void what_is_not_taken_holds_input_back(void **state)
{
	struct vm_console console;
	uint8_t many[VM_CONSOLE_BYTES + 1] = {0};
	int in[2];

	(void)state;
	assert_int_equal(pipe(in), 0);
	vm_console_open(&console, in[0], -1);
	assert_int_equal(write(in[1], many, sizeof(many)), sizeof(many));
	vm_console_read(&console);
	assert_int_equal(console.typed_size, VM_CONSOLE_BYTES);
	assert_int_equal(vm_console_descriptor(&console), -1);
	assert_int_equal(vm_console_take(&console, 16).size, 16);
	assert_int_equal(vm_console_descriptor(&console), in[0]);
	vm_console_read(&console);
	assert_int_equal(console.typed_size, VM_CONSOLE_BYTES - 15);
	close(in[0]);
	close(in[1]);
}

static void what_is_said_is_written(void **state)
{
	struct vm_console console;
	char read_back[3 * VM_CONSOLE_BYTES];
	int out[2];

	(void)state;
	assert_int_equal(pipe(out), 0);
	vm_console_open(&console, -1, out[1]);
	for (int at = 0; at < VM_CONSOLE_BYTES + 5; at++)
		vm_console_say(&console, (uint8_t)at);
	vm_console_close(&console);
	assert_int_equal(read(out[0], read_back, sizeof(read_back)), VM_CONSOLE_BYTES + 5);
	for (int at = 0; at < VM_CONSOLE_BYTES + 5; at++)
		assert_int_equal((uint8_t)read_back[at], (uint8_t)at);
	assert_int_equal(console.failed, 0);
	close(out[0]);
	close(out[1]);
}

static void output_that_fails_is_remembered(void **state)
{
	struct vm_console console;
	int full = open("/dev/full", O_WRONLY);

	(void)state;
	assert_true(full >= 0);
	vm_console_open(&console, -1, full);
	vm_console_say(&console, 'x');
	vm_console_flush(&console);
	assert_int_not_equal(console.failed, 0);
	vm_console_say(&console, 'y');
	vm_console_close(&console);
	close(full);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_escape_key_is_kept_back),
		cmocka_unit_test(a_pipe_gives_every_byte_and_ends),
		cmocka_unit_test(what_is_not_taken_holds_input_back),
		cmocka_unit_test(what_is_said_is_written),
		cmocka_unit_test(output_that_fails_is_remembered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
