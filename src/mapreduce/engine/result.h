/* SPDX-License-Identifier: Apache-2.0 */
/*
 * result.h - what a job has to tell: while it runs (struct mr_view, for a progress line) and when
 * it has ended (struct mr_result, for the report). Filled in by the driver; how it is printed is
 * not its business. All times are microseconds since the job started.
 */
#ifndef MR_RESULT_H
#define MR_RESULT_H

#include "schedule.h"

enum {
	MR_SPANS_MAX = 100000,  /* attempts remembered; of those after them only the number */
	MR_RATES_MAX = 2048,    /* samples remembered; then every second one is given up */
	MR_RATE_US = 50 * 1000, /* between two samples at first */
	MR_STDERR_MAX = 8192,   /* bytes of an attempt's stderr that are kept */
	MR_SKIPPED_MAX = 10000, /* bad records listed; all are counted */
	MR_WHERE_MAX = 512,     /* bytes of a place in words */
};

enum mr_outcome { MR_COMMITTED, MR_FAILED, MR_DROPPED /* a probe, or not the first to succeed */ };

/* One attempt, from start to end. */
struct mr_span {
	uint8_t kind; /* enum mr_task_kind */
	uint8_t outcome;
	uint16_t slot;
	uint32_t task, number;
	uint64_t from_us, to_us;
};

/* Sums since the start of the job, as the paper's figures 2 and 3 draw their rates. */
struct mr_rate {
	uint64_t at_us;
	uint64_t input_bytes;   /* read by maps */
	uint64_t shuffle_bytes; /* read by reduces */
	uint64_t output_bytes;
};

struct mr_skipped {
	enum mr_task_kind kind;
	uint32_t task;
	uint32_t part; /* of a reduce */
	struct mr_position position;
};

/* How a phase and the job stand. */
struct mr_view {
	uint64_t now_us;
	enum mr_phase phase;
	uint64_t phase_from_us;
	uint32_t tasks_done, tasks; /* of the phase */
	uint64_t bytes_done, bytes; /* of the phase, as the plan counts them */
	uint64_t records_in;        /* read by maps */
	struct mr_rate sums;
	char status[128]; /* of some running task; "" if none says anything */
};

struct mr_result {
	struct mr_counters counters;
	struct mr_span *spans;
	size_t span_count, span_capacity;
	uint64_t spans_lost;
	struct mr_rate *rates;
	size_t rate_count, rate_capacity;
	uint64_t rate_us; /* between two samples now */
	struct mr_skipped *skipped;
	size_t skipped_count, skipped_capacity;
	uint64_t skipped_total;
	uint32_t tasks[MR_PLACE + 1];    /* committed, by kind */
	uint32_t attempts[MR_PLACE + 1]; /* started */
	uint32_t failures[MR_PLACE + 1];
	uint64_t phase_us[MR_PHASE_OVER + 1]; /* when it began; 0: it never did (or at once) */
	uint64_t end_us;
	uint64_t pool_peak_bytes;
	uint64_t memory_peak_bytes;      /* 0: nobody measured */
	int signal;                      /* that ended the job from outside: 0, SIGINT or SIGTERM */
	char part_of_only[MR_WHERE_MAX]; /* --only-map, --only-reduce: what was run; "" else */
};

void mr_result_done(struct mr_result *result);

/* Each drops what there is no memory for: a report is not worth failing a job. */
void mr_result_add_span(struct mr_result *result, const struct mr_span *span);
void mr_result_add_rate(struct mr_result *result, const struct mr_rate *rate);
void mr_result_add_skipped(struct mr_result *result, const struct mr_skipped *skipped);

/* A failed attempt, for people. */
struct mr_failure_report {
	struct mr_attempt_id id;
	struct mr_failure failure;
	bool probe;
	bool decided;           /* the job ends for it */
	bool again;             /* one of the same task at the same place was told before */
	uint32_t part;          /* of a reduce */
	char how[MR_WHERE_MAX]; /* "killed by SIGSEGV" */
	char where
		[MR_WHERE_MAX]; /* "input.txt, byte 17 (record 3 of the attempt)"; "" if unknown */
	char error[GW_ERROR_TEXT_MAX];
	const char *printed; /* the last it wrote to stderr; not NUL-terminated */
	size_t printed_size;
};

#endif
