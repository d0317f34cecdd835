/* SPDX-License-Identifier: Apache-2.0 */
/*
 * explain.h - failures in words: what ended an attempt, where in the input that was, why the job
 * failed.
 */
#ifndef MR_EXPLAIN_H
#define MR_EXPLAIN_H

#include "board.h"
#include "result.h"

/* What numbers stand for in a job. */
struct mr_names {
	const struct mr_config *config;
	const struct mr_plan *plan;
	const struct mr_board *board; /* while the job runs */
};

/* "map task 17", "reduce task 3 (part 0)", "the sample". */
void mr_explain_task(const struct mr_names *names, enum mr_task_kind kind, uint32_t task,
		     char *text, size_t size);

/* How it ended: "killed by SIGSEGV (Segmentation fault)". */
void mr_explain_how(const struct mr_failure *failure, uint64_t timeout_ms, char *text, size_t size);

/* Where: "input.txt, byte 17", "some record in bytes 0 to 4096 of input.txt", "key 3 of part 0".
 * The first needs no board. */
void mr_explain_position(const struct mr_names *names, const struct mr_skipped *record, char *text,
			 size_t size);
void mr_explain_where(const struct mr_names *names, const struct mr_attempt_id *id,
		      const struct mr_failure *failure, char *text, size_t size);

/* The end of the job as an error; last is the error of the attempt that decided. */
int mr_explain_verdict(const struct mr_names *names, const struct mr_verdict *verdict,
		       const char *last, struct gw_error *error);

#endif
