/* SPDX-License-Identifier: Apache-2.0 */
/*
 * jobs.c - see jobs.h. Process j of n runs the seeds j, j + n, ... and writes lines and results
 * into a pipe of its own; the parent reads the pipes in turn, which makes the order. When a
 * process dies, the seed it was at has failed, and another one goes on behind it.
 */
#include "sim/jobs.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

/* What comes through a pipe: a head, then its bytes. */
enum message_kind { MESSAGE_LINE, MESSAGE_RESULT };

struct head {
	uint32_t kind, size;
};

struct worker {
	pid_t process; /* 0: none */
	int pipe;      /* what it says */
};

struct runner {
	struct sim_jobs *jobs;
	uint32_t count;
	bool stopped; /* by result */
	struct worker workers[SIM_JOBS_MAX];
	struct sim_result result;
};

/* ---- In a process of seeds ------------------------------------------------------------------- */

static void send_all(int pipe, const void *data, size_t size)
{
	const char *at = data;

	while (size > 0) {
		ssize_t sent = write(pipe, at, size);

		if (sent < 0 && errno != EINTR)
			_exit(1); /* the parent is gone */
		at += sent > 0 ? sent : 0;
		size -= sent > 0 ? (size_t)sent : 0;
	}
}

static void send_message(int pipe, enum message_kind kind, const void *data, size_t size)
{
	struct head head = {kind, (uint32_t)size};

	send_all(pipe, &head, sizeof(head));
	send_all(pipe, data, size);
}

static void send_line(void *context, const char *line)
{
	send_message(*(int *)context, MESSAGE_LINE, line, strlen(line) + 1);
}

static void run_one(const struct sim_jobs *jobs, size_t at, int pipe, struct sim_result *result)
{
	struct sim_run_options options = {
		.workload = jobs->workload,
		.seed = jobs->seeds[at],
		.bug = jobs->bug,
		.tell_lines = jobs->tell_lines,
		.tell = send_line,
		.context = &pipe,
	};
	uint64_t hash;

	alarm(SIM_SEED_SECONDS);
	if (sim_run_seed(&options, result) == 0 && jobs->twice_every &&
	    at % jobs->twice_every == 0) {
		hash = result->hash;
		options.tell = NULL;
		(void)sim_run_seed(&options, result);
		if (result->hash != hash)
			(void)gw_fail(&result->error, GW_E_CORRUPT,
				      "run twice it has the hashes %016" PRIx64 " and %016" PRIx64,
				      hash, result->hash);
	}
	alarm(0);
	send_message(pipe, MESSAGE_RESULT, result, sizeof(*result));
}

static void run_seeds(struct runner *runner, size_t first, int pipe)
{
	for (size_t at = first; at < runner->jobs->count; at += runner->count)
		run_one(runner->jobs, at, pipe, &runner->result);
}

/* ---- In the parent --------------------------------------------------------------------------- */

static int start_worker(struct runner *runner, uint32_t number, size_t first,
			struct gw_error *error)
{
	struct worker *worker = &runner->workers[number];
	int ends[2];

	if (pipe(ends) < 0)
		return gw_fail_errno(error, errno, "a pipe for seeds");
	(void)fflush(NULL); /* or the process would write it once more */
	worker->process = fork();
	if (worker->process == 0) {
		for (uint32_t i = 0; i < runner->count; i++) {
			if (i != number && runner->workers[i].process)
				close(runner->workers[i].pipe);
		}
		close(ends[0]);
		run_seeds(runner, first, ends[1]);
		close(ends[1]);
		exit(0); /* not _exit: what looks for leaks does so on the way */
	}
	close(ends[1]);
	worker->pipe = ends[0];
	if (worker->process < 0) {
		worker->process = 0;
		close(ends[0]);
		return gw_fail_errno(error, errno, "a process for seeds");
	}
	return 0;
}

/* The exit status of waitpid. */
static int end_worker(struct worker *worker, bool now)
{
	int status = 0;

	if (!worker->process)
		return 0;
	if (now)
		kill(worker->process, SIGKILL);
	while (waitpid(worker->process, &status, 0) < 0 && errno == EINTR)
		;
	close(worker->pipe);
	worker->process = 0;
	return status;
}

static bool receive_all(int pipe, void *data, size_t size)
{
	char *at = data;

	while (size > 0) {
		ssize_t received = read(pipe, at, size);

		if (received == 0 || (received < 0 && errno != EINTR))
			return false;
		at += received > 0 ? received : 0;
		size -= received > 0 ? (size_t)received : 0;
	}
	return true;
}

/* Everything up to the next result; false when the process is gone. */
static bool receive_result(struct runner *runner, int pipe)
{
	char line[512];
	struct head head;

	while (receive_all(pipe, &head, sizeof(head))) {
		if (head.kind == MESSAGE_RESULT) {
			assert(head.size == sizeof(runner->result));
			return receive_all(pipe, &runner->result, head.size);
		}
		assert(head.size <= sizeof(line));
		if (!receive_all(pipe, line, head.size))
			return false;
		if (runner->jobs->tell)
			runner->jobs->tell(runner->jobs, line);
	}
	return false;
}

static void note_death(struct runner *runner, size_t at, int status)
{
	struct sim_result *result = &runner->result;

	*result = (struct sim_result){.seed = runner->jobs->seeds[at]};
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
		(void)gw_fail(&result->error, GW_E_TIMEOUT, "not over after %d s",
			      SIM_SEED_SECONDS);
	else
		(void)gw_fail(&result->error, GW_E_CRASHED, "the process ended by %s %d",
			      WIFSIGNALED(status) ? "signal" : "status",
			      WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
}

static int run_all(struct runner *runner, struct gw_error *error)
{
	struct sim_jobs *jobs = runner->jobs;
	int code = 0;

	for (uint32_t i = 0; i < runner->count && code == 0; i++)
		code = start_worker(runner, i, i, error);
	for (size_t at = 0; at < jobs->count && code == 0; at++) {
		uint32_t number = (uint32_t)(at % runner->count);
		struct worker *worker = &runner->workers[number];

		if (!receive_result(runner, worker->pipe)) {
			note_death(runner, at, end_worker(worker, false));
			if (at + runner->count < jobs->count)
				code = start_worker(runner, number, at + runner->count, error);
		}
		if (!jobs->result(jobs, &runner->result)) {
			runner->stopped = true;
			break;
		}
	}
	return code;
}

/* Ends all processes. One that has run its seeds may still say by its status that it leaked. */
static int end_all(struct runner *runner, int code, struct gw_error *error)
{
	for (uint32_t i = 0; i < runner->count; i++) {
		int status = end_worker(&runner->workers[i], code < 0 || runner->stopped);

		if (code == 0 && !runner->stopped && status != 0)
			code = gw_fail(error, GW_E_CRASHED,
				       "a process ended with status %d behind its last seed",
				       status);
	}
	return code;
}

int sim_jobs_run(struct sim_jobs *jobs, struct gw_error *error)
{
	struct runner *runner = calloc(1, sizeof(*runner));
	int code;

	if (!runner)
		return gw_fail(error, GW_E_NO_MEMORY, "no memory to run seeds");
	runner->jobs = jobs;
	runner->count = jobs->jobs ? jobs->jobs : 1;
	if (runner->count > SIM_JOBS_MAX)
		runner->count = SIM_JOBS_MAX;
	if (runner->count > jobs->count)
		runner->count = jobs->count ? (uint32_t)jobs->count : 1;
	code = run_all(runner, error);
	code = end_all(runner, code, error);
	free(runner);
	return code;
}
