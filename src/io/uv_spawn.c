/* SPDX-License-Identifier: Apache-2.0 */
/*
 * uv_spawn.c - starts a program, on a thread of its own pool. By vfork: the child shares the memory
 * of a process that has threads, and does nothing in it but system calls on what was prepared
 * before. The thread waits until the child runs the program; what goes wrong in the child comes
 * back through a pipe.
 */
#include "io/uv_file.h"
#include "io/uv_process.h"
#include "io/uv_stream.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* All that the child needs. */
struct plan {
	const struct io_spawn_options *options;
	int directory; /* where a relative one starts, or AT_FDCWD */
	int stdio[3];  /* what becomes 0, 1 and 2; above 2; -1: inherited */
	int errors;    /* the pipe */
	pid_t parent;
};

/* ---- In the child --------------------------------------------------------------------------- */

static int set_up(const struct plan *plan)
{
	struct sigaction usual = {.sa_handler = SIG_DFL};
	sigset_t none;

	for (int signal = 1; signal < NSIG; signal++)
		(void)sigaction(signal, &usual, NULL);
	sigemptyset(&none);
	if (sigprocmask(SIG_SETMASK, &none, NULL) < 0)
		return errno;
	if (plan->options->die_with_parent) {
		if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
			return errno;
		if (getppid() != plan->parent)
			return ESRCH; /* it has died before it was looked at */
	}
	for (int i = 0; i < 3; i++)
		if (plan->stdio[i] >= 0 && dup2(plan->stdio[i], i) < 0)
			return errno;
	if (plan->options->directory) {
		if (plan->directory >= 0 && fchdir(plan->directory) < 0)
			return errno;
		if (chdir(plan->options->directory) < 0)
			return errno;
	}
	return 0;
}

static void __attribute__((noreturn)) run_child(const struct plan *plan)
{
	const struct io_spawn_options *options = plan->options;
	union { /* exec does not change them; its type is older than const */
		const char *const *given;
		char *const *wanted;
	} arguments = {.given = options->arguments}, environment = {.given = options->environment};
	int wrong = set_up(plan);

	if (!wrong) {
		execvpe(arguments.wanted[0], arguments.wanted,
			environment.given ? environment.wanted : environ);
		wrong = errno;
	}
	if (write(plan->errors, &wrong, sizeof(wrong)) < 0)
		_exit(126);
	_exit(127);
}

/* ---- In the parent -------------------------------------------------------------------------- */

/* Apart, so that no variable of the caller lives in a register over the vfork. */
static pid_t __attribute__((noinline)) start_child(const struct plan *plan)
{
	pid_t child = vfork();

	if (child == 0)
		run_child(plan);
	return child;
}

/* Above the three, which dup2 writes to. */
static int raise_fd(int fd)
{
	int higher;

	if (fd < 0 || fd > 2)
		return fd;
	higher = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	close(fd);
	return higher;
}

static void close_all(int *fds, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (fds[i] >= 0)
			close(fds[i]);
		fds[i] = -1;
	}
}

/* One of the three: the child's end, and ours when it is a stream. 0 or an errno. */
static int make_stdio(uint8_t kind, int number, int *theirs, int *ours)
{
	int pair[2];

	*theirs = *ours = -1;
	switch (kind) {
	case IO_STDIO_INHERIT:
		return 0;
	case IO_STDIO_NULL:
		*theirs = raise_fd(
			open("/dev/null", (number == 0 ? O_RDONLY : O_WRONLY) | O_CLOEXEC));
		return *theirs < 0 ? errno : 0;
	case IO_STDIO_PIPE:
		if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
			return errno;
		*theirs = raise_fd(pair[0]);
		*ours = pair[1];
		if (*theirs < 0 || fcntl(*ours, F_SETFL, O_NONBLOCK) < 0)
			return errno;
		return 0;
	default:
		return EINVAL;
	}
}

/* Starts the child; 0, or the errno of what went wrong here or there. */
static int start_with_pipe(struct plan *plan, struct real_process *process)
{
	sigset_t all, before;
	int pipes[2], wrong = 0;
	pid_t child;
	ssize_t size;

	if (pipe2(pipes, O_CLOEXEC) < 0)
		return errno;
	plan->errors = raise_fd(pipes[1]);
	plan->parent = getpid();
	/* No handler of ours may run in the child. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	child = start_child(plan);
	if (child < 0)
		wrong = errno;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	close(plan->errors);
	do
		size = read(pipes[0], &wrong, child < 0 ? 0 : sizeof(wrong));
	while (size < 0 && errno == EINTR);
	close(pipes[0]);
	if (child < 0)
		return wrong;
	if (size == 0) {
		process->process.id = (uint32_t)child;
		process->pidfd = pidfd_open(child, 0);
		if (process->pidfd >= 0)
			return 0;
		wrong = errno;
		kill(child, SIGKILL);
	}
	waitpid(child, NULL, 0);
	return wrong;
}

static struct real_process *new_process(const char *name)
{
	size_t size = strlen(name) + 1;
	struct real_process *process = calloc(1, sizeof(*process) + size);

	if (!process)
		return NULL;
	memcpy(process->name, name, size);
	process->process.name = process->name;
	for (size_t i = 0; i < 3; i++)
		process->ends[i] = -1;
	return process;
}

void real_spawn_run(struct io_uv *io, struct io_request *request)
{
	const struct io_spawn_options *options = request->u.process.options;
	struct real_process *process = new_process(options->arguments[0]);
	struct plan plan = {.options = options, .directory = io->directory, .stdio = {-1, -1, -1}};
	int wrong = process ? 0 : ENOMEM;

	for (int i = 0; i < 3 && !wrong; i++)
		wrong = make_stdio(options->stdio[i], i, &plan.stdio[i], &process->ends[i]);
	if (!wrong)
		wrong = start_with_pipe(&plan, process);
	close_all(plan.stdio, 3);
	if (wrong) {
		if (process)
			close_all(process->ends, 3);
		free(process);
		real_result_errno(request, wrong);
		return;
	}
	request->backend[0] = (uintptr_t)process;
	real_result(request, 0);
}

/* ---- Back on the io's thread ---------------------------------------------------------------- */

static int make_streams(struct real_process *process, struct io_uv *io)
{
	static const char *const names[] = {"input", "output", "errors"};
	const struct io_address none = {0};

	for (size_t i = 0; i < 3; i++) {
		char text[REAL_NAME_BYTES_MAX];
		struct real_stream *stream;
		int wrong;

		if (process->ends[i] < 0)
			continue;
		snprintf(text, sizeof(text), "%s of %.100s", names[i], process->name);
		stream = real_stream_new(io, process->ends[i], &none, text, &wrong);
		process->ends[i] = -1;
		if (!stream)
			return wrong;
		process->process.streams[i] = &stream->stream;
	}
	return 0;
}

static void close_streams(struct real_process *process, struct io_uv *io)
{
	for (size_t i = 0; i < 3; i++) {
		if (process->process.streams[i])
			real_stream_close(&io->io, process->process.streams[i], false);
	}
	close_all(process->ends, 3);
}

void real_spawn_finish(struct io_uv *io, struct io_request *request)
{
	struct real_process *process = (struct real_process *)(uintptr_t)request->backend[0];
	int wrong;

	request->backend[0] = 0;
	if (!process)
		return;
	wrong = real_process_attach(process, io);
	if (wrong < 0) { /* without a way to know its end: as if it had not been started */
		kill((pid_t)process->process.id, SIGKILL);
		waitpid((pid_t)process->process.id, NULL, 0);
		close_streams(process, io);
		free(process);
		real_result_errno(request, -wrong);
		return;
	}
	wrong = make_streams(process, io);
	if (wrong < 0) {
		(void)real_kill_process(&io->io, &process->process, SIGKILL, NULL);
		real_result_errno(request, -wrong);
	}
	if (wrong < 0 || request->state == IO_REQUEST_CANCELLED) {
		close_streams(process, io);
		real_process_close(&io->io, &process->process);
		return;
	}
	*request->u.process.process_out = &process->process;
}
