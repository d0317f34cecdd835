/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conformance_process_fixture.c - the promises of io.h on child processes and descriptors of other
 * libraries.
 */
#include "io/conformance_world_fixture.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

/* ---- Processes ----------------------------------------------------------------------------- */

/* Runs /bin/sh -c script with all three as given. */
static struct io_process *shell(struct world *world, const char *script, enum io_stdio stdio,
				const char *const *environment)
{
	const char *const arguments[] = {"/bin/sh", "-c", script, NULL};
	const struct io_spawn_options options = {
		.arguments = arguments,
		.environment = environment,
		.stdio = {(uint8_t)stdio, (uint8_t)stdio, (uint8_t)stdio},
		.die_with_parent = true,
	};
	struct io_process *process = NULL;
	struct call call = call_of(world);

	io_spawn(world->io, start(&call), &options, &process, note);
	assert_null(process);
	if (ended(&call) < 0)
		fail_msg("%s", call.error.text);
	assert_non_null(process);
	assert_true(process->id > 0);
	return process;
}

static struct io_exit wait_for(struct world *world, struct io_process *process)
{
	struct call call = call_of(world);
	struct io_exit exit = {-1, -1};

	io_wait(world->io, start(&call), process, &exit, note);
	assert_int_equal(ended(&call), 0);
	return exit;
}

static void a_process_tells_how_it_ended(void **state)
{
	struct world *world = (struct world *)*state;
	struct io_process *process = shell(world, "exit 7", IO_STDIO_NULL, NULL);

	for (int i = 0; i < 2; i++) { /* may be asked again */
		struct io_exit exit = wait_for(world, process);

		assert_int_equal(exit.status, 7);
		assert_int_equal(exit.signal, 0);
	}
	assert_int_equal(io_kill(world->io, process, SIGTERM, NULL), GW_E_NOT_FOUND);
	io_process_close(world->io, process);
}

static void a_program_that_cannot_be_run_fails_here(void **state)
{
	struct world *world = (struct world *)*state;
	const char *const arguments[] = {"no-such-program-anywhere", NULL};
	const char *const true_arguments[] = {"true", NULL}; /* in PATH */
	struct io_spawn_options options = {.arguments = arguments};
	struct io_process *process = NULL;
	struct call call = call_of(world);

	io_spawn(world->io, start(&call), &options, &process, note);
	assert_int_equal(ended(&call), GW_E_NOT_FOUND);
	assert_null(process);
	assert_non_null(strstr(call.error.text, "cannot run no-such-program-anywhere"));
	options.arguments = true_arguments;
	options.directory = "/no/such/directory";
	io_spawn(world->io, start(&call), &options, &process, note);
	assert_int_equal(ended(&call), GW_E_NOT_FOUND);
	options.directory = "/";
	io_spawn(world->io, start(&call), &options, &process, note);
	assert_int_equal(ended(&call), 0);
	assert_int_equal(wait_for(world, process).status, 0);
	io_process_close(world->io, process);
}

static void a_signal_ends_a_process(void **state)
{
	struct world *world = (struct world *)*state;
	struct io_process *process = shell(world, "exec sleep 1000", IO_STDIO_NULL, NULL);
	struct call calls[2] = {call_of(world), call_of(world)};
	struct io_exit exits[2];

	for (int i = 0; i < 2; i++)
		io_wait(world->io, start(&calls[i]), process, &exits[i], note);
	io_cancel(world->io, &calls[1].request);
	assert_int_equal(ended(&calls[1]), GW_E_CANCELLED);
	assert_int_equal(calls[0].calls, 0);
	assert_int_equal(io_kill(world->io, process, SIGKILL, NULL), 0);
	assert_int_equal(ended(&calls[0]), 0);
	assert_int_equal(exits[0].signal, SIGKILL);
	io_process_close(world->io, process);
}

static void pipes_lead_to_and_from_a_process(void **state)
{
	struct world *world = (struct world *)*state;
	const char *const environment[] = {"GREETING=hello", NULL};
	struct io_process *process = shell(world, "read name; echo $GREETING $name; echo oh >&2",
					   IO_STDIO_PIPE, environment);
	struct io_stream *streams[3];
	struct collector output, errors;
	char bytes[2][32] = {{0}};
	struct gw_bytes piece = gw_string("world\n");
	struct call call = call_of(world);

	for (int i = 0; i < 3; i++) {
		streams[i] = process->streams[i];
		assert_non_null(streams[i]);
	}
	io_writev(world->io, start(&call), streams[0], &piece, 1, note);
	assert_int_equal(ended(&call), 0);
	io_shutdown(world->io, start(&call), streams[0], note);
	assert_int_equal(ended(&call), 0);
	collect(&output, world, streams[1], bytes[0], sizeof(bytes[0]));
	collect(&errors, world, streams[2], bytes[1], sizeof(bytes[1]));
	run_until(world, &output.ends, 1);
	run_until(world, &errors.ends, 1);
	assert_string_equal(bytes[0], "hello world\n");
	assert_string_equal(bytes[1], "oh\n");
	assert_int_equal(wait_for(world, process).status, 0);
	io_process_close(world->io, process);
	for (int i = 0; i < 3; i++)
		io_stream_close(world->io, streams[i]);
}

static void a_process_closed_early_goes_on(void **state)
{
	struct world *world = (struct world *)*state;
	struct io_process *process = shell(world, "read line; echo $line", IO_STDIO_PIPE, NULL);
	struct io_stream *streams[3];
	struct collector output;
	struct gw_bytes piece = gw_string("still here\n");
	struct call call = call_of(world);
	char bytes[32] = {0};

	for (int i = 0; i < 3; i++)
		streams[i] = process->streams[i];
	io_process_close(world->io, process);
	io_writev(world->io, start(&call), streams[0], &piece, 1, note);
	assert_int_equal(ended(&call), 0);
	collect(&output, world, streams[1], bytes, sizeof(bytes));
	run_until(world, &output.ends, 1);
	assert_string_equal(bytes, "still here\n");
	for (int i = 0; i < 3; i++)
		io_stream_close(world->io, streams[i]);
}

static void a_process_has_no_descriptors_but_its_three(void **state)
{
	struct world *world = (struct world *)*state;
	struct io_file *file = open_file(world, "a", IO_READ | IO_WRITE | IO_CREATE);
	struct io_address address;
	struct io_listener *listener = listen_at(world, IO_FAMILY_IP4, &address);
	/* The list itself is read by one more, and the test's own may be inherited. */
	struct io_process *process = shell(world,
					   "for f in /proc/self/fd/*; do case $(readlink $f) in "
					   "socket:*|*/a|*eventpoll*|*pidfd*) exit 9;; esac; done",
					   IO_STDIO_NULL, NULL);

	assert_int_equal(wait_for(world, process).status, 0);
	io_process_close(world->io, process);
	io_listener_close(world->io, listener);
	close_file(world, file);
}

static void a_cancelled_spawn_leaves_nothing_to_close(void **state)
{
	struct world *world = (struct world *)*state;
	const char *const arguments[] = {"/bin/sh", "-c", "exit 0", NULL};
	const struct io_spawn_options options = {
		.arguments = arguments,
		.stdio = {IO_STDIO_PIPE, IO_STDIO_PIPE, IO_STDIO_PIPE},
	};

	for (int i = 0; i < 8; i++) {
		struct io_process *process = NULL;
		struct call call = call_of(world);

		io_spawn(world->io, start(&call), &options, &process, note);
		io_cancel(world->io, &call.request);
		assert_int_equal(ended(&call), GW_E_CANCELLED);
		assert_null(process);
	}
}

/* ---- Descriptors --------------------------------------------------------------------------- */

static void a_descriptor_of_others_can_be_waited_for(void **state)
{
	struct world *world = (struct world *)*state;
	struct call calls[3] = {call_of(world), call_of(world), call_of(world)};
	int pipes[2];

	assert_int_equal(pipe(pipes), 0);
	io_poll_fd(world->io, start(&calls[0]), pipes[1], IO_POLL_WRITE, note);
	assert_int_equal(ended(&calls[0]), IO_POLL_WRITE);
	for (int i = 0; i < 3; i++) /* several for one */
		io_poll_fd(world->io, start(&calls[i]), pipes[0], IO_POLL_READ, note);
	io_cancel(world->io, &calls[1].request);
	assert_int_equal(ended(&calls[1]), GW_E_CANCELLED);
	assert_int_equal(calls[0].calls + calls[2].calls, 0);
	assert_int_equal(write(pipes[1], "x", 1), 1);
	assert_int_equal(ended(&calls[0]), IO_POLL_READ);
	assert_int_equal(ended(&calls[2]), IO_POLL_READ);
	/* It is as it was. */
	assert_int_equal(fcntl(pipes[0], F_GETFL) & O_NONBLOCK, 0);
	close(pipes[0]);
	close(pipes[1]);
	io_poll_fd(world->io, start(&calls[0]), pipes[0], IO_POLL_READ, note);
	assert_true(ended(&calls[0]) < 0);
}

const struct conformance_test conformance_processes[] = {
	TEST(a_process_tells_how_it_ended, IO_LACKS_PROCESSES),
	TEST(a_program_that_cannot_be_run_fails_here, IO_LACKS_PROCESSES),
	TEST(a_signal_ends_a_process, IO_LACKS_PROCESSES),
	TEST(pipes_lead_to_and_from_a_process, IO_LACKS_PROCESSES),
	TEST(a_process_closed_early_goes_on, IO_LACKS_PROCESSES),
	TEST(a_process_has_no_descriptors_but_its_three, IO_LACKS_PROCESSES),
	TEST(a_cancelled_spawn_leaves_nothing_to_close, IO_LACKS_PROCESSES),
	TEST(a_descriptor_of_others_can_be_waited_for, IO_LACKS_POLL_FD),
	{0},
};
