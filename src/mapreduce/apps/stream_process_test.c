/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stream_process_test.c - real commands: what they read, write and say, how they end, and what they
 * do wrong. Nothing here waits for a time to pass but the test of the limit on idleness, which
 * waits for that limit.
 */
#include "stream_process.h"

#include "support/unit.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/pidfd.h>
#include <unistd.h>

enum { MIB = 1 << 20 };

/* What the commands of a test wrote. */
struct heard {
	char *output;
	size_t output_size, output_calls;
	char errors[20000];
	size_t errors_size;
	bool whole_lines; /* every call but the last ended with a newline */
	int refuse;	  /* take_output fails with this */
};

static int take_output(void *context, const char *data, size_t size, struct gw_error *error)
{
	struct heard *heard = context;

	assert_true(size > 0);
	if (heard->refuse)
		return gw_fail(error, heard->refuse, "refused");
	heard->output = realloc(heard->output, heard->output_size + size);
	memcpy(heard->output + heard->output_size, data, size);
	heard->output_size += size;
	heard->output_calls++;
	heard->whole_lines = data[size - 1] == '\n';
	return 0;
}

static int take_errors(void *context, const char *data, size_t size, struct gw_error *error)
{
	struct heard *heard = context;

	(void)error;
	assert_true(size < sizeof(heard->errors) - heard->errors_size);
	memcpy(heard->errors + heard->errors_size, data, size);
	heard->errors_size += size;
	heard->errors[heard->errors_size] = 0;
	return 0;
}

static struct mr_process_setup setup_of(const char *command, struct heard *heard)
{
	*heard = (struct heard){0};
	return (struct mr_process_setup){
		.command = command,
		.take_output = take_output,
		.take_errors = take_errors,
		.context = heard,
		.idle_ms_max = 60000,
	};
}

/* Runs a command on the input to its end. */
static struct mr_process_end run(const struct mr_process_setup *setup, const char *input,
				 size_t size)
{
	struct mr_process *process;
	struct mr_process_end end;
	struct gw_error error = {0};

	assert_int_equal(mr_process_start(&process, setup, &error), 0);
	assert_int_equal(mr_process_write(process, input, size, &error), 0);
	assert_int_equal(mr_process_finish(process, &end, &error), 0);
	mr_process_free(process);
	return end;
}

static char *fill(size_t size, const char *pattern)
{
	char *data = malloc(size);
	size_t length = strlen(pattern);

	for (size_t i = 0; i < size; i++)
		data[i] = pattern[i % length];
	return data;
}

static void a_command_reads_and_writes(void **state)
{
	struct heard heard;
	struct mr_process_setup setup = setup_of("tr a-z A-Z; echo said >&2; exit 3", &heard);
	struct mr_process_end end = run(&setup, "hello\n", 6);

	(void)state;
	assert_int_equal(end.signal, 0);
	assert_int_equal(end.status, 3);
	assert_int_equal(heard.output_size, 6);
	assert_memory_equal(heard.output, "HELLO\n", 6);
	assert_string_equal(heard.errors, "said\n");
	free(heard.output);
}

static void more_than_the_pipes_hold_goes_both_ways(void **state)
{
	enum { SIZE = 20 * MIB };
	struct heard heard;
	/* Writes first, then echoes, then says a lot: none of them may wait for the others. */
	struct mr_process_setup setup = setup_of(
		"head -c 3000000 /dev/zero; cat; head -c 10000 /dev/zero | tr '\\0' e >&2", &heard);
	char *data = fill(SIZE, "some line\n");
	struct mr_process_end end = run(&setup, data, SIZE);

	(void)state;
	assert_int_equal(end.status, 0);
	assert_int_equal(heard.output_size, 3000000 + SIZE);
	assert_memory_equal(heard.output + 3000000, data, SIZE);
	assert_int_equal(heard.errors_size, 10000);
	free(heard.output);
	free(data);
}

static void output_comes_in_whole_lines(void **state)
{
	enum { SIZE = 5 * MIB };
	struct heard heard;
	struct mr_process_setup setup = setup_of("cat; echo tail; printf unfinished", &heard);
	char *data = fill(SIZE, "a line of some length that does not divide a power of two\n");
	struct mr_process_end end;

	(void)state;
	data[SIZE - 1] = '\n';
	setup.output_lines = true;
	end = run(&setup, data, SIZE);
	assert_int_equal(end.status, 0);
	assert_int_equal(heard.output_size, SIZE + 15);
	assert_memory_equal(heard.output, data, SIZE);
	assert_memory_equal(heard.output + SIZE, "tail\nunfinished", 15);
	assert_false(heard.whole_lines); /* only the last call */
	free(heard.output);
	free(data);
}

static void a_line_may_be_long_up_to_the_limit(void **state)
{
	enum { SIZE = 7 * MIB };
	struct heard heard;
	struct mr_process_setup setup = setup_of("cat; echo", &heard);
	char *data = fill(SIZE, "x");
	struct mr_process *process;
	struct mr_process_end end;
	struct gw_error error = {0};

	(void)state;
	setup.output_lines = true;
	end = run(&setup, data, SIZE);
	assert_int_equal(end.status, 0);
	assert_int_equal(heard.output_size, SIZE + 1);
	assert_int_equal(heard.output_calls, 1);
	free(heard.output);
	setup = setup_of("cat", &heard);
	setup.output_lines = true;
	setup.line_size_max = SIZE / 2;
	assert_int_equal(mr_process_start(&process, &setup, NULL), 0);
	if (!mr_process_write(process, data, SIZE, &error))
		assert_int_equal(mr_process_finish(process, &end, &error), GW_E_TOO_LARGE);
	assert_int_equal(error.code, GW_E_TOO_LARGE);
	assert_string_equal(error.text, "wrote a line of over 3670016 bytes");
	mr_process_free(process);
	free(data);
}

static void input_that_is_not_wanted_is_dropped(void **state)
{
	static const char *const commands[] = {"head -n 1", "true", "exec <&-; echo x",
					       "exec cat </dev/null"};
	enum { SIZE = 10 * MIB };
	char *data = fill(SIZE, "line\n");

	(void)state;
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		struct heard heard;
		struct mr_process_setup setup = setup_of(commands[i], &heard);
		struct mr_process_end end = run(&setup, data, SIZE);

		assert_int_equal(end.status, 0);
		assert_int_equal(end.signal, 0);
		free(heard.output);
	}
	free(data);
}

static void a_command_may_read_nothing_and_go_on(void **state)
{
	struct heard heard;
	struct mr_process_setup setup =
		setup_of("echo out; exec >&-; cat >/dev/null; exit 4", &heard);
	char *data = fill(5 * MIB, "line\n");
	struct mr_process_end end = run(&setup, data, 5 * MIB);

	(void)state;
	assert_int_equal(end.status, 4);
	assert_int_equal(heard.output_size, 4);
	free(heard.output);
	free(data);
}

static void ends_are_described(void **state)
{
	struct heard heard;
	struct mr_process_setup setup = setup_of("kill -9 $$", &heard);
	struct mr_process_end end = run(&setup, "", 0);
	char text[80];

	(void)state;
	assert_int_equal(end.signal, SIGKILL);
	mr_process_describe(&end, text, sizeof(text));
	assert_string_equal(text, "signal 9 (Killed)");
	end = (struct mr_process_end){.status = 12};
	mr_process_describe(&end, text, sizeof(text));
	assert_string_equal(text, "exit status 12");
}

static void directory_environment_and_arguments_are_given(void **state)
{
	static const char *const environment[] = {"PATH=/usr/bin:/bin", "WORD=some value", NULL};
	static const char *const arguments[] = {"one two", "$three", NULL};
	static const char expected[] = "/\nsome value\none two|$three\n";
	struct heard heard;
	struct mr_process_setup setup = setup_of("pwd; echo \"$WORD\"; echo \"$1|$2\"", &heard);
	struct mr_process_end end;

	(void)state;
	setup.environment = environment;
	setup.arguments = arguments;
	setup.directory = "/";
	end = run(&setup, "", 0);
	assert_int_equal(end.status, 0);
	assert_int_equal(heard.output_size, strlen(expected));
	assert_memory_equal(heard.output, expected, strlen(expected));
	free(heard.output);
}

static void nothing_else_is_inherited(void **state)
{
	struct heard heard;
	/* A descriptor of this process, and a signal that it ignores. */
	struct mr_process_setup setup = setup_of(
		"ls /proc/self/fd | wc -l; (kill -PIPE $(exec sh -c 'echo $PPID'); echo alive)",
		&heard);
	int extra = dup(STDERR_FILENO);
	void (*before)(int) = signal(SIGPIPE, SIG_IGN);
	struct mr_process_end end = run(&setup, "", 0);

	(void)state;
	assert_true(extra > STDERR_FILENO);
	signal(SIGPIPE, before);
	close(extra);
	(void)end;
	assert_true(heard.output_size >= 2);
	/* 0, 1, 2 and the one that ls reads the directory with. */
	assert_memory_equal(heard.output, "4\n", 2);
	assert_int_equal(heard.output_size, 2);
	free(heard.output);
}

static void what_cannot_be_started_is_an_error(void **state)
{
	struct heard heard;
	struct mr_process_setup setup = setup_of("true", &heard);
	struct mr_process *process;
	struct gw_error error = {0};
	char *large = fill(300 << 10, "x");
	const char *environment[] = {large, NULL};

	(void)state;
	setup.directory = "/does/not/exist";
	assert_int_equal(mr_process_start(&process, &setup, &error), GW_E_NOT_FOUND);
	assert_null(process);
	assert_non_null(strstr(error.text, "/does/not/exist"));
	setup.directory = NULL;
	large[(300 << 10) - 1] = 0;
	memcpy(large, "A=", 2);
	setup.environment = environment;
	assert_int_equal(mr_process_start(&process, &setup, &error), GW_E_TOO_LARGE);
	assert_non_null(strstr(error.text, "stream.jobconf.truncate.limit"));
	free(large);
	mr_process_free(NULL);
}

static void idleness_has_a_limit(void **state)
{
	struct heard heard;
	struct mr_process_setup setup = setup_of("exec sleep 1000", &heard);
	struct mr_process *process;
	struct mr_process_end end;
	struct gw_error error = {0};

	(void)state;
	setup.idle_ms_max = 30;
	assert_int_equal(mr_process_start(&process, &setup, &error), 0);
	assert_int_equal(mr_process_finish(process, &end, &error), GW_E_TIMEOUT);
	assert_string_equal(error.text, "neither read nor wrote for 30 ms");
	mr_process_free(process);
	/* Output and errors closed, but it runs on. */
	setup.command = "exec sleep 1000 >/dev/null 2>&1";
	assert_int_equal(mr_process_start(&process, &setup, &error), 0);
	assert_int_equal(mr_process_finish(process, &end, &error), GW_E_TIMEOUT);
	mr_process_free(process);
}

/* Reads the process number that a command wrote. */
static pid_t number_in(const struct heard *heard)
{
	char text[20] = "";

	memcpy(text, heard->output, heard->output_size < 19 ? heard->output_size : 19);
	return (pid_t)strtol(text, NULL, 10);
}

/* The process has ended, or is about to; it may be a zombie that is not ours to wait for. */
static void assert_gone(pid_t pid)
{
	int descriptor;
	struct pollfd poll_for = {.events = POLLIN};

	assert_true(pid > 1);
	descriptor = pidfd_open(pid, 0);
	if (descriptor < 0) {
		assert_int_equal(errno, ESRCH);
		return;
	}
	poll_for.fd = descriptor;
	assert_int_equal(poll(&poll_for, 1, 60000), 1);
	close(descriptor);
}

static void what_a_command_leaves_behind_is_killed(void **state)
{
	struct heard heard;
	struct mr_process_setup setup = setup_of("sleep 1000 >/dev/null 2>&1 & echo $!", &heard);
	struct mr_process_end end = run(&setup, "", 0);

	(void)state;
	assert_int_equal(end.status, 0);
	assert_gone(number_in(&heard));
	free(heard.output);
}

static void a_process_that_is_freed_is_killed_with_its_children(void **state)
{
	struct heard heard;
	struct mr_process_setup setup =
		setup_of("sleep 1000 & echo $!; exec cat >/dev/null", &heard);
	struct mr_process *process;
	char data[4096] = "";

	(void)state;
	assert_int_equal(mr_process_start(&process, &setup, NULL), 0);
	while (heard.output_size == 0)
		assert_int_equal(mr_process_write(process, data, sizeof(data), NULL), 0);
	mr_process_free(process);
	assert_gone(number_in(&heard));
	free(heard.output);
}

static void a_refusal_ends_the_call(void **state)
{
	struct heard heard;
	struct mr_process_setup setup = setup_of("echo x; cat", &heard);
	struct mr_process *process;
	struct mr_process_end end;
	struct gw_error error = {0};

	(void)state;
	heard.refuse = GW_E_NO_SPACE;
	assert_int_equal(mr_process_start(&process, &setup, &error), 0);
	assert_int_equal(mr_process_finish(process, &end, &error), GW_E_NO_SPACE);
	assert_string_equal(error.text, "refused");
	mr_process_free(process);
}

static int start_with_little_memory(void *context)
{
	struct heard heard;
	struct mr_process_setup setup = setup_of("cat", &heard);
	struct mr_process *process;
	struct mr_process_end end;
	int result = mr_process_start(&process, &setup, context);

	if (!result)
		result = mr_process_write(process, "x", 1, context);
	if (!result)
		result = mr_process_finish(process, &end, context);
	mr_process_free(process);
	free(heard.output);
	return result;
}

static void memory_may_be_short(void **state)
{
	struct gw_error error = {0};
	struct heard heard;

	(void)state;
	for (uint64_t number = 1; number <= 3; number++) {
		test_fail_allocation(number);
		assert_int_equal(start_with_little_memory(&error), GW_E_NO_MEMORY);
	}
	test_fail_allocation(0);
	(void)heard;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_command_reads_and_writes),
		cmocka_unit_test(more_than_the_pipes_hold_goes_both_ways),
		cmocka_unit_test(output_comes_in_whole_lines),
		cmocka_unit_test(a_line_may_be_long_up_to_the_limit),
		cmocka_unit_test(input_that_is_not_wanted_is_dropped),
		cmocka_unit_test(a_command_may_read_nothing_and_go_on),
		cmocka_unit_test(ends_are_described),
		cmocka_unit_test(directory_environment_and_arguments_are_given),
		cmocka_unit_test(nothing_else_is_inherited),
		cmocka_unit_test(what_cannot_be_started_is_an_error),
		cmocka_unit_test(idleness_has_a_limit),
		cmocka_unit_test(what_a_command_leaves_behind_is_killed),
		cmocka_unit_test(a_process_that_is_freed_is_killed_with_its_children),
		cmocka_unit_test(a_refusal_ends_the_call),
		cmocka_unit_test(memory_may_be_short),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
