/* SPDX-License-Identifier: Apache-2.0 */
/*
 * host_fixture.h - a job in real processes whose tasks a test writes itself: each map attempt
 * calls the test's function instead of the task runner. It is a map-only job, so what tasks emit
 * appears in the one part in the order of their numbers; placing it is left to the real task
 * runner.
 *
 * The fixture knows when every process of the job is gone, without waiting for time to pass: all
 * of them inherit the write end of a pipe.
 */
#ifndef MR_HOST_FIXTURE_H
#define MR_HOST_FIXTURE_H

#include "host.h"

#include <sys/types.h>

/* What a task of a test sees. */
struct stage {
	struct mr_worker_setup setup;
	struct mr_worker *real;       /* for what the test leaves to it */
	struct host_fixture *fixture; /* as it was when the job began */
	const struct mr_attempt *attempt;
};

typedef int stage_function(struct stage *stage, struct gw_error *error);

enum { FIXTURE_PRINTED_MAX = 16384 };

struct host_fixture {
	char directory[64];
	char output[128];
	struct gw_mr_job job;
	struct gw_mr_options options;
	uint32_t tasks;         /* map tasks; ignored with a file */
	const char *file;       /* input file instead of a reader; NULL: none */
	uint64_t pool_memory;   /* 0: as the configuration says */
	stage_function *task;   /* a map attempt */
	stage_function *reduce; /* a reduce attempt of a job that is not map_only */
	stage_function *sample;
	stage_function *init; /* at the start of a slot */
	unsigned choice;      /* the test's, for its tasks */
	enum mr_isolation isolation;
	struct mr_observer observer;
	/* What came of it. */
	struct mr_result result;
	struct gw_error error;
	struct mr_failure_report failure; /* the last one told; printed is copied below */
	char failure_printed[MR_STDERR_MAX + 1];
	unsigned failures_told;
	char printed[FIXTURE_PRINTED_MAX];
	size_t printed_size;
	/* Pipes: alive is written to by nobody, started and go by tasks and tests. */
	int alive[2], started[2], go[2];
};

struct host_fixture *host_fixture_new(void);
void host_fixture_free(struct host_fixture *fixture);

/* Around a test of cmocka: *state is its fixture. */
int host_fixture_setup(void **state);
int host_fixture_teardown(void **state);

/* Runs the job to its end, in this process as driver: the code of mr_host_run or of what was
 * before. */
int host_fixture_run(struct host_fixture *fixture);

/* Runs it in a child process, whose exit status is -code. */
pid_t host_fixture_fork(struct host_fixture *fixture);

/* Waits until no process of the job is left; this one closes its own end. Fails the test if a byte
 * comes. */
void host_fixture_all_gone(struct host_fixture *fixture);

/* The only part, NUL-terminated; freed by the caller. NULL: there is no output. */
char *host_fixture_part(const struct host_fixture *fixture);

/* How many entries of the directory begin so. */
unsigned host_fixture_count(const struct host_fixture *fixture, const char *beginning);

/* Waits until all is gone. Fails the test unless nothing is left but, if so asked, the output. */
void host_fixture_check_left(struct host_fixture *fixture, bool output);

/* Runs the job, which is to succeed with this text as its part and to leave nothing else. */
void host_fixture_run_well(struct host_fixture *fixture, const char *expected);

/* ---- For tasks
 * -------------------------------------------------------------------------------------- */

/* Leaves text as a piece of the task's output: in the pool, or in a spill file when that is full.
 */
int stage_emit(struct stage *stage, const char *text, struct gw_error *error);
/* A line with the task's number, as a whole task. */
int stage_emit_number(struct stage *stage, struct gw_error *error);
/* The record in flight. */
void stage_record(struct stage *stage, uint32_t file, uint64_t offset, uint64_t record);
/* Tells the test that the task runs, by one byte. */
void stage_started(const struct stage *stage);
/* Waits until the test wrote a byte to go, or for ever. */
void stage_wait(const struct stage *stage);
/* Waits for ever. */
_Noreturn void stage_hang(void);

#endif
