/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stream_process.c - starts commands and moves bytes through their pipes. Our ends of the pipes
 * never block; `pump` is the one place that waits, for whichever end is ready first. No clock is
 * needed for the limit on idleness: poll returns 0 only when nothing at all happened for that long.
 */
#include "stream_process.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

enum {
	OUTPUT_BUFFER = MR_PROCESS_PIPE_SIZE,
	ERROR_BUFFER = 2 * MR_PROCESS_ERROR_LINE_MAX,
	ARGUMENTS_MAX = 16,
};

/* One of the pipes that are read. */
struct source {
	int descriptor;  /* -1: at its end, or not ours */
	bool lines;      /* keep what follows the last newline for the next time */
	size_t line_max; /* of a kept line */
	bool cut;        /* a longer one is given away in pieces; else it is an error */
	mr_process_take *take;
	char *buffer;
	size_t used, capacity;
};

struct mr_process {
	pid_t pid;   /* 0: has been waited for */
	int watch;   /* a descriptor that becomes readable when the command ends, or -1 */
	int input;   /* -1: closed */
	struct source output, errors;
	void *context;
	uint64_t idle_ms_max;
};

/* ---- Starting ----------------------------------------------------------------------------- */

struct pipes {
	int input[2], output[2], errors[2]; /* [0] is read; -1: not made */
};

static void close_one(int *descriptor)
{
	if (*descriptor >= 0)
		close(*descriptor);
	*descriptor = -1;
}

static void close_pipes(struct pipes *pipes)
{
	for (int i = 0; i < 2; i++) {
		close_one(&pipes->input[i]);
		close_one(&pipes->output[i]);
		close_one(&pipes->errors[i]);
	}
}

/* A pipe of which the end `ours` does not block. */
static int make_pipe(int ends[2], int ours, int size, struct gw_error *error)
{
	assert(ours == 0 || ours == 1);
	if (pipe2(ends, O_CLOEXEC) < 0) {
		int reason = errno;

		ends[0] = ends[1] = -1;
		return gw_fail_errno(error, reason, "a pipe");
	}
	if (fcntl(ends[ours], F_SETFL, O_NONBLOCK) < 0)
		return gw_fail_errno(error, errno, "a pipe");
	if (size > 0)
		(void)fcntl(ends[ours], F_SETPIPE_SZ, size); /* a smaller one will do */
	return 0;
}

static int make_pipes(struct pipes *pipes, const struct mr_process_setup *setup,
		      struct gw_error *error)
{
	int result = make_pipe(pipes->input, 1, MR_PROCESS_PIPE_SIZE, error);

	if (!result && setup->take_output)
		result = make_pipe(pipes->output, 0, MR_PROCESS_PIPE_SIZE, error);
	if (!result && setup->take_errors)
		result = make_pipe(pipes->errors, 0, 0, error);
	return result;
}

/* What the child needs, made beforehand: it shares this process's memory until it is another
 * program. */
struct child {
	char *arguments[ARGUMENTS_MAX];
	char *const *environment;
	const char *directory;
	const struct pipes *pipes;
	pid_t parent;
	volatile int reason; /* why it could not become that program: an errno value */
};

/* A group of its own, no blocked signals, and none ignored that this process may ignore. It dies
 * with this process, if that is killed. */
static void separate(const struct child *child)
{
	static const int defaults[] = {SIGPIPE, SIGINT, SIGTERM, SIGQUIT, SIGCHLD};
	struct sigaction action = {.sa_handler = SIG_DFL};
	sigset_t none;

	for (size_t i = 0; i < sizeof(defaults) / sizeof(defaults[0]); i++)
		sigaction(defaults[i], &action, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != child->parent)
		_exit(127);
}

static bool take_pipes(const struct pipes *pipes)
{
	if (dup2(pipes->input[0], STDIN_FILENO) < 0)
		return false;
	if (pipes->output[1] >= 0 && dup2(pipes->output[1], STDOUT_FILENO) < 0)
		return false;
	if (pipes->errors[1] >= 0 && dup2(pipes->errors[1], STDERR_FILENO) < 0)
		return false;
	return close_range(STDERR_FILENO + 1, ~0u, 0) == 0;
}

static _Noreturn void become(struct child *child)
{
	assert(child->arguments[0] && child->environment);
	separate(child);
	if (take_pipes(child->pipes) && (!child->directory || chdir(child->directory) == 0))
		execve("/bin/sh", child->arguments, child->environment);
	child->reason = errno;
	_exit(127);
}

/* fork would copy the tables of all that is mapped here, which takes longer than a small command
 * runs. */
static int start_child(pid_t *pid, struct child *child)
{
	sigset_t all, before;
	int reason;

	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, &before);
	/* NOLINTNEXTLINE(clang-analyzer-security.insecureAPI.vfork, clang-analyzer-unix.Vfork) */
	*pid = vfork();
	if (*pid == 0)
		become(child);
	reason = *pid < 0 ? errno : child->reason;
	sigprocmask(SIG_SETMASK, &before, NULL);
	if (*pid > 0 && reason) {
		(void)waitpid(*pid, NULL, 0);
		*pid = 0;
	}
	return reason;
}

/* execve's arguments are not const only for historical reasons. */
static char *unconst(const char *text)
{
	union {
		const char *from;
		char *to;
	} both = {.from = text};

	return both.to;
}

static int spawn(pid_t *pid, const struct mr_process_setup *setup, const struct pipes *pipes)
{
	struct child child = {
		.arguments = {unconst("sh"), unconst("-c"), unconst(setup->command), unconst("sh")},
		.environment = setup->environment ? (char *const *)(uintptr_t)setup->environment
						  : environ,
		.directory = setup->directory, .pipes = pipes, .parent = getpid(),
	};
	size_t count = 4;

	for (const char *const *more = setup->arguments; more && *more; more++) {
		assert(count < ARGUMENTS_MAX - 1);
		child.arguments[count++] = unconst(*more);
	}
	return start_child(pid, &child);
}

/* Room for size more bytes. */
static int reserve(struct source *source, size_t size, struct gw_error *error)
{
	size_t capacity = source->capacity ? source->capacity : size;
	char *buffer;

	assert(source->used <= source->capacity && size > 0);
	if (size <= source->capacity - source->used)
		return 0;
	while (size > capacity - source->used)
		capacity *= 2;
	buffer = realloc(source->buffer, capacity);
	if (!buffer)
		return gw_fail(error, GW_E_NO_MEMORY, "no memory for a line of %zu bytes",
			       source->used);
	source->buffer = buffer;
	source->capacity = capacity;
	return 0;
}

static int make_buffers(struct mr_process *process, const struct mr_process_setup *setup,
			struct gw_error *error)
{
	int result;

	process->input = process->watch = -1;
	process->output = (struct source){.descriptor = -1, .lines = setup->output_lines,
					  .line_max = setup->line_size_max,
					  .take = setup->take_output};
	process->errors = (struct source){.descriptor = -1, .lines = true,
					  .line_max = MR_PROCESS_ERROR_LINE_MAX, .cut = true,
					  .take = setup->take_errors};
	process->context = setup->context;
	process->idle_ms_max = setup->idle_ms_max;
	result = reserve(&process->output, OUTPUT_BUFFER, error);
	return result ? result : reserve(&process->errors, ERROR_BUFFER, error);
}

static int start(struct mr_process *process, const struct mr_process_setup *setup,
		 struct pipes *pipes, struct gw_error *error)
{
	int failed = make_pipes(pipes, setup, error);

	if (failed)
		return failed;
	failed = spawn(&process->pid, setup, pipes);
	assert(!failed == (process->pid > 0));
	if (failed == E2BIG)
		return gw_fail(error, GW_E_TOO_LARGE, "the environment is too large for a command; "
			       "-D stream.jobconf.truncate.limit=N cuts its values");
	if (failed)
		return gw_fail_errno(error, failed, "sh%s%s", setup->directory ? " in " : "",
				     setup->directory ? setup->directory : "");
	process->watch = pidfd_open(process->pid, 0);
	process->input = pipes->input[1];
	process->output.descriptor = pipes->output[0];
	process->errors.descriptor = pipes->errors[0];
	pipes->input[1] = pipes->output[0] = pipes->errors[0] = -1;
	return 0;
}

int mr_process_start(struct mr_process **made, const struct mr_process_setup *setup,
		     struct gw_error *error)
{
	struct pipes pipes = {{-1, -1}, {-1, -1}, {-1, -1}};
	struct mr_process *process;
	int result;

	assert(setup->command);
	*made = NULL;
	process = calloc(1, sizeof(*process));
	if (!process)
		return gw_fail(error, GW_E_NO_MEMORY, "no memory for a command");
	result = make_buffers(process, setup, error);
	if (!result)
		result = start(process, setup, &pipes, error);
	close_pipes(&pipes);
	if (result)
		mr_process_free(process);
	else
		*made = process;
	return result;
}

/* ---- Moving bytes ------------------------------------------------------------------------- */

/* Gives away what is whole in the buffer; fresh: how many of the bytes are new. */
static int give(struct mr_process *process, struct source *source, size_t fresh, bool last,
		struct gw_error *error)
{
	size_t size = source->used;
	int result;

	assert(fresh <= size);
	if (source->lines && !last) {
		const char *newline = memrchr(source->buffer + size - fresh, '\n', fresh);

		if (!newline && (size <= source->line_max || source->line_max == 0))
			return 0;
		if (!newline && !source->cut)
			return gw_fail(error, GW_E_TOO_LARGE, "wrote a line of over %zu bytes",
				       source->line_max);
		if (newline)
			size = (size_t)(newline - source->buffer) + 1;
	}
	if (size == 0)
		return 0;
	result = source->take(process->context, source->buffer, size, error);
	source->used -= size;
	memmove(source->buffer, source->buffer + size, source->used);
	return result;
}

/* Reads what is there: 1 if there was something, 0 if not. */
static int read_some(struct mr_process *process, struct source *source, struct gw_error *error)
{
	ssize_t got;
	int result;

	assert(source->used <= source->capacity);
	if (source->descriptor < 0)
		return 0;
	result = reserve(source, source->capacity / 2, error);
	if (result)
		return result;
	got = read(source->descriptor, source->buffer + source->used,
		   source->capacity - source->used);
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (got < 0)
		return gw_fail_errno(error, errno, "output of a command");
	source->used += (size_t)got;
	if (got == 0)
		close_one(&source->descriptor);
	result = give(process, source, (size_t)got, got == 0, error);
	return result ? result : 1;
}

/* write without the signal that a closed pipe raises, which is not ours to handle for good. */
static ssize_t write_quietly(int descriptor, const char *data, size_t size)
{
	struct sigaction ignore = {.sa_handler = SIG_IGN}, before;
	ssize_t put;
	int reason;

	sigaction(SIGPIPE, &ignore, &before);
	put = write(descriptor, data, size);
	reason = errno;
	sigaction(SIGPIPE, &before, NULL);
	errno = reason;
	return put;
}

/* Writes what fits: 1 if something did (or the rest is not wanted), 0 if nothing. */
static int write_some(struct mr_process *process, const char **data, size_t *size,
		      struct gw_error *error)
{
	ssize_t put;

	assert(*size == 0 || process->input >= 0);
	if (*size == 0)
		return 0;
	put = write_quietly(process->input, *data, *size);
	if (put >= 0) {
		*data += put;
		*size -= (size_t)put;
		return put > 0;
	}
	if (errno == EAGAIN || errno == EINTR)
		return 0;
	if (errno != EPIPE)
		return gw_fail_errno(error, errno, "input of a command");
	close_one(&process->input);
	*size = 0;
	return 1;
}

/* Waits until something can be done about one of the descriptors. */
static int wait_for_any(struct mr_process *process, bool writing, bool ending,
			struct gw_error *error)
{
	struct pollfd polls[4] = {
		{process->output.descriptor, POLLIN, 0},
		{process->errors.descriptor, POLLIN, 0},
		{writing ? process->input : -1, POLLOUT, 0},
		{ending ? process->watch : -1, POLLIN, 0},
	};
	uint64_t limit = process->idle_ms_max;
	int timeout = limit == 0 ? -1 : limit > INT32_MAX ? INT32_MAX : (int)limit;
	int ready = poll(polls, 4, timeout);

	if (ready < 0 && errno != EINTR)
		return gw_fail_errno(error, errno, "waiting for a command");
	if (ready == 0)
		return gw_fail(error, GW_E_TIMEOUT, "neither read nor wrote for %llu ms",
			       (unsigned long long)limit);
	return 0;
}

/* One round: writes and reads what can be, or waits. */
static int pump(struct mr_process *process, const char **data, size_t *size, struct gw_error *error)
{
	int wrote = write_some(process, data, size, error), read, heard;

	if (wrote < 0)
		return wrote;
	read = read_some(process, &process->output, error);
	if (read < 0)
		return read;
	heard = read_some(process, &process->errors, error);
	if (heard < 0)
		return heard;
	if (wrote || read || heard)
		return 0;
	return wait_for_any(process, *size > 0, false, error);
}

int mr_process_write(struct mr_process *process, const char *data, size_t size,
		     struct gw_error *error)
{
	int result = 0;

	assert(process->pid > 0 && (data || size == 0));
	while (!result && size > 0 && process->input >= 0)
		result = pump(process, &data, &size, error);
	return result;
}

bool mr_process_reads(const struct mr_process *process)
{
	return process->input >= 0;
}

/* ---- Ending ------------------------------------------------------------------------------- */

/* Waits for the command's end, kills what it left behind in its group, and takes its status.
 * While it is not taken the number of the group belongs to nobody else. */
static int reap(struct mr_process *process, struct mr_process_end *end, struct gw_error *error)
{
	siginfo_t info;
	int status;
	pid_t pid;

	assert(process->pid > 0);
	while (waitid(P_PID, (id_t)process->pid, &info, WEXITED | WNOWAIT) < 0 && errno == EINTR)
		;
	kill(-process->pid, SIGKILL);
	do
		pid = waitpid(process->pid, &status, 0);
	while (pid < 0 && errno == EINTR);
	process->pid = 0;
	if (pid < 0)
		return gw_fail_errno(error, errno, "waiting for a command");
	*end = (struct mr_process_end){0};
	if (WIFSIGNALED(status))
		end->signal = WTERMSIG(status);
	else
		end->status = WEXITSTATUS(status);
	return 0;
}

int mr_process_finish(struct mr_process *process, struct mr_process_end *end,
		      struct gw_error *error)
{
	const char *nothing = NULL;
	size_t none = 0;
	int result = 0;

	assert(process->pid > 0);
	close_one(&process->input);
	while (!result && (process->output.descriptor >= 0 || process->errors.descriptor >= 0))
		result = pump(process, &nothing, &none, error);
	if (!result && process->watch >= 0)
		result = wait_for_any(process, false, true, error);
	return result ? result : reap(process, end, error);
}

void mr_process_free(struct mr_process *process)
{
	struct mr_process_end end;

	if (!process)
		return;
	if (process->pid > 0) {
		kill(-process->pid, SIGKILL);
		(void)reap(process, &end, NULL);
	}
	close_one(&process->input);
	close_one(&process->output.descriptor);
	close_one(&process->errors.descriptor);
	close_one(&process->watch);
	free(process->output.buffer);
	free(process->errors.buffer);
	free(process);
}

void mr_process_describe(const struct mr_process_end *end, char *text, size_t size)
{
	if (end->signal)
		snprintf(text, size, "signal %d (%s)", end->signal, strsignal(end->signal));
	else
		snprintf(text, size, "exit status %d", end->status);
}

int64_t mr_process_number(void)
{
	return getpid();
}

int mr_process_detach(const char *log, int64_t *child, struct gw_error *error)
{
	int descriptor = open(log, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666), input;
	pid_t pid;

	if (descriptor < 0)
		return gw_fail_errno(error, errno, "%s", log);
	pid = fork();
	if (pid < 0) {
		close(descriptor);
		return gw_fail_errno(error, errno, "fork");
	}
	*child = pid;
	if (pid == 0) {
		setsid();
		input = open("/dev/null", O_RDONLY | O_CLOEXEC);
		dup2(input, STDIN_FILENO);
		dup2(descriptor, STDOUT_FILENO);
		dup2(descriptor, STDERR_FILENO);
		close_one(&input);
	}
	close(descriptor);
	return 0;
}
