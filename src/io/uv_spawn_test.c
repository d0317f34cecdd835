/* SPDX-License-Identifier: Apache-2.0 */
/*
 * uv_spawn_test.c - child processes of the real io, beyond what every backend promises: they die
 * with their parent if that was asked for, start with plain signals, and leave no zombies. Called
 * with "parent" this program is a parent: it starts a child, says which, and waits to be killed.
 */
#include "io/uv.h"
#include "support/unit.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

struct call {
	struct io_request request;
	struct io *io;
	int calls, result;
};

static void note(struct io_request *request, int result)
{
	struct call *call = (struct call *)request->data;

	call->calls++;
	call->result = result;
	io_uv_stop(call->io);
}

static struct io_request *start(struct call *call, struct io *io)
{
	*call = (struct call){.io = io};
	call->request.data = call;
	return &call->request;
}

static int ended(struct call *call)
{
	while (!call->calls)
		io_uv_run(call->io);
	return call->result;
}

static struct io_process *spawn(struct io *io, const char *const *arguments, enum io_stdio stdio,
				bool die_with_parent)
{
	const struct io_spawn_options options = {
		.arguments = arguments,
		.stdio = {(uint8_t)stdio, (uint8_t)stdio, IO_STDIO_INHERIT},
		.die_with_parent = die_with_parent,
	};
	struct io_process *process = NULL;
	struct call call;

	io_spawn(io, start(&call, io), &options, &process, note);
	return ended(&call) == 0 ? process : NULL;
}

static struct io *new_io(void)
{
	struct io *io;

	assert_int_equal(io_uv_new(&io, NULL, NULL), 0);
	return io;
}

/* ---- In the program called as "parent" ------------------------------------------------------- */

static int be_parent(void)
{
	static const char *const arguments[] = {"sleep", "1000", NULL};
	struct io *io;
	struct io_process *process;

	if (io_uv_new(&io, NULL, NULL) < 0)
		return 1;
	process = spawn(io, arguments, IO_STDIO_NULL, true);
	if (!process)
		return 1;
	printf("%u\n", process->id);
	fflush(stdout);
	io_uv_hold(io);
	io_uv_run(io); /* until it is killed */
	return 1;
}

/* ---- Tests ----------------------------------------------------------------------------------- */

struct line {
	struct io_reader reader;
	struct io *io;
	char text[32];
	size_t used;
};

static struct io_buffer line_buffer(struct io_reader *reader)
{
	struct line *line = (struct line *)reader;

	return (struct io_buffer){line->text + line->used, sizeof(line->text) - 1 - line->used};
}

static void line_read(struct io_reader *reader, int result)
{
	struct line *line = (struct line *)reader;

	assert_true(result > 0);
	line->used += (size_t)result;
	if (line->text[line->used - 1] == '\n')
		io_uv_stop(line->io);
}

static void a_child_dies_with_its_parent(void **state)
{
	const char *const arguments[] = {"/proc/self/exe", "parent", NULL};
	struct io *io = new_io();
	struct io_process *parent = spawn(io, arguments, IO_STDIO_PIPE, true);
	struct line line = {.reader = {line_buffer, line_read, 0}, .io = io};
	struct io_exit exit;
	struct call call;
	int child;

	(void)state;
	assert_non_null(parent);
	io_read_start(io, parent->streams[1], &line.reader);
	io_uv_run(io);
	io_read_stop(io, parent->streams[1]);
	child = pidfd_open((pid_t)strtol(line.text, NULL, 10), 0);
	assert_true(child >= 0);
	assert_int_equal(io_kill(io, parent, SIGKILL, NULL), 0);
	io_wait(io, start(&call, io), parent, &exit, note);
	assert_int_equal(ended(&call), 0);
	assert_int_equal(exit.signal, SIGKILL);
	/* Its descriptor can be read when it has ended. */
	io_poll_fd(io, start(&call, io), child, IO_POLL_READ, note);
	assert_int_equal(ended(&call), IO_POLL_READ);
	close(child);
	io_stream_close(io, parent->streams[0]);
	io_stream_close(io, parent->streams[1]);
	io_process_close(io, parent);
	io_uv_free(io);
}

static void a_child_starts_with_plain_signals(void **state)
{
	static const char *const arguments[] = {"/bin/sh", "-c", "kill -PIPE $$; exit 3", NULL};
	struct io *io = new_io();
	struct io_process *process;
	struct io_exit exit;
	struct call call;
	sigset_t set;
	void (*before)(int) = signal(SIGPIPE, SIG_IGN);

	(void)state;
	sigemptyset(&set);
	sigaddset(&set, SIGPIPE);
	assert_int_equal(pthread_sigmask(SIG_BLOCK, &set, NULL), 0);
	process = spawn(io, arguments, IO_STDIO_NULL, false);
	assert_non_null(process);
	io_wait(io, start(&call, io), process, &exit, note);
	assert_int_equal(ended(&call), 0);
	assert_int_equal(exit.signal, SIGPIPE);
	io_process_close(io, process);
	io_uv_free(io);
	signal(SIGPIPE, before);
	assert_int_equal(pthread_sigmask(SIG_UNBLOCK, &set, NULL), 0);
}

static void a_process_that_was_closed_leaves_no_zombie(void **state)
{
	static const char *const arguments[] = {"cat", NULL};
	struct io *io = new_io();
	struct io_process *process = spawn(io, arguments, IO_STDIO_PIPE, false);
	struct io_stream *streams[2];
	siginfo_t info = {0};
	pid_t child;

	(void)state;
	assert_non_null(process);
	child = (pid_t)process->id;
	memcpy(streams, process->streams, sizeof(streams));
	io_process_close(io, process);
	io_stream_close(io, streams[0]); /* it ends by that */
	io_stream_close(io, streams[1]);
	/* Until it is known no more; nothing tells when, so the loop turns until then. */
	while (waitid(P_PID, (id_t)child, &info, WEXITED | WNOHANG | WNOWAIT) == 0) {
		struct call call;

		io_timer(io, start(&call, io), io_now_ns(io) + 1000000, note);
		assert_int_equal(ended(&call), 0);
	}
	assert_int_equal(errno, ECHILD);
	io_uv_free(io);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_child_dies_with_its_parent),
		cmocka_unit_test(a_child_starts_with_plain_signals),
		cmocka_unit_test(a_process_that_was_closed_leaves_no_zombie),
	};

	if (argc == 2 && strcmp(argv[1], "parent") == 0)
		return be_parent();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
