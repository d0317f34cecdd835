/* SPDX-License-Identifier: Apache-2.0 */
/*
 * console_test.c - keys and the escape key, bytes from a pipe, output.
 */
#include "console.h"

#include "support/unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
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

static void output_that_nobody_reads_is_lost_and_counted(void **state)
{
	enum { MANY = 1 << 20, ROOM = 8192 };
	struct vm_console console;
	char read_back[2 * ROOM] = "";
	int out[2];
	ssize_t got;

	(void)state;
	assert_int_equal(pipe(out), 0);
	assert_true(fcntl(out[1], F_SETPIPE_SZ, ROOM) >= ROOM);
	vm_console_open(&console, -1, out[1]);
	console.patience_ms = 0;
	for (int at = 0; at < MANY; at++)
		vm_console_say(&console, 'x');
	vm_console_flush(&console);
	assert_int_equal(console.failed, 0);
	assert_true(console.lost > MANY / 2);
	got = read(out[0], read_back, sizeof(read_back));
	assert_int_equal((uint64_t)got + console.lost, MANY);
	vm_console_say(&console, 'y');
	vm_console_flush(&console);
	assert_int_equal(console.lost, 0);
	memset(read_back, 0, sizeof(read_back));
	assert_true(read(out[0], read_back, sizeof(read_back) - 1) > 0);
	assert_non_null(strstr(read_back, " bytes were lost]\r\ny"));
	vm_console_close(&console);
	close(out[0]);
	close(out[1]);
}

/* A socket: who comes may type and listen, who goes makes room; what nobody heard is counted. */
static void a_socket_is_a_console_for_one_at_a_time(void **state)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct vm_console console;
	char place[96], heard[256] = "";
	struct gw_bytes typed;

	(void)state;
	snprintf(address.sun_path, sizeof(address.sun_path), "/tmp/gw-console-%d", (int)getpid());
	snprintf(place, sizeof(place), "unix:%s", address.sun_path);
	vm_console_open(&console, -1, -1);
	assert_int_equal(vm_console_place(&console, place, NULL), 0);
	vm_console_say(&console, 'a');
	vm_console_flush(&console);
	assert_int_equal(console.lost, 1);
	for (int times = 0; times < 2; times++) {
		int one = socket(AF_UNIX, SOCK_STREAM, 0);

		assert_int_equal(connect(one, (struct sockaddr *)&address, sizeof(address)), 0);
		vm_console_read(&console);
		assert_int_equal(write(one, "hi\001x", 4), 4);
		vm_console_read(&console);
		typed = vm_console_take(&console, 16);
		assert_int_equal(typed.size, 4);
		assert_memory_equal(typed.data, "hi\001x", 4);
		vm_console_say(&console, 'b');
		vm_console_flush(&console);
		memset(heard, 0, sizeof(heard));
		assert_true(read(one, heard, sizeof(heard) - 1) > 0);
		assert_string_equal(heard + strlen(heard) - 1, "b");
		assert_int_equal(strstr(heard, "1 bytes were lost") != NULL, times == 0);
		close(one);
		vm_console_read(&console);
		assert_false(console.ended);
		assert_int_equal(vm_console_descriptor(&console), console.listener);
	}
	vm_console_close(&console);
	assert_int_equal(access(address.sun_path, F_OK), -1);
}

static void a_file_is_a_console_that_only_listens(void **state)
{
	struct vm_console console;
	char path[] = "/tmp/gw-console-XXXXXX", place[64], heard[8] = "";
	int file = mkstemp(path);

	(void)state;
	snprintf(place, sizeof(place), "file:%s", path);
	vm_console_open(&console, -1, -1);
	assert_int_equal(vm_console_place(&console, place, NULL), 0);
	assert_int_equal(vm_console_descriptor(&console), -1);
	vm_console_say(&console, 'c');
	vm_console_close(&console);
	assert_int_equal(read(file, heard, sizeof(heard)), 1);
	assert_string_equal(heard, "c");
	close(file);
	unlink(path);
}

static void a_place_that_cannot_be_is_refused(void **state)
{
	struct vm_console console;
	struct gw_error error = {0};

	(void)state;
	vm_console_open(&console, -1, -1);
	assert_int_equal(vm_console_place(&console, "tcp:1", &error), GW_E_USAGE);
	assert_int_equal(vm_console_place(&console, "file:/nowhere/x", &error), GW_E_NOT_FOUND);
	assert_non_null(strstr(error.text, "/nowhere/x"));
	assert_int_equal(vm_console_place(&console, "unix:/nowhere/x", &error), GW_E_NOT_FOUND);
	vm_console_close(&console);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_escape_key_is_kept_back),
		cmocka_unit_test(a_pipe_gives_every_byte_and_ends),
		cmocka_unit_test(what_is_not_taken_holds_input_back),
		cmocka_unit_test(what_is_said_is_written),
		cmocka_unit_test(output_that_fails_is_remembered),
		cmocka_unit_test(output_that_nobody_reads_is_lost_and_counted),
		cmocka_unit_test(a_socket_is_a_console_for_one_at_a_time),
		cmocka_unit_test(a_file_is_a_console_that_only_listens),
		cmocka_unit_test(a_place_that_cannot_be_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
