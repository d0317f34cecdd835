/* SPDX-License-Identifier: Apache-2.0 */
/*
 * failure.h - how an attempt ended that did not succeed, in the few facts that decisions are made
 * from.
 */
#ifndef MR_FAILURE_H
#define MR_FAILURE_H

#include "attempt.h"

/* Names one attempt in messages and events; those of attempts that are over are recognised by it.
 */
struct mr_attempt_id {
	enum mr_task_kind kind;
	uint32_t task, number;
};

/* No address that could not be accessed is known. 0 is one, that of a null pointer. */
#define MR_NO_ADDRESS UINT64_MAX

enum mr_cause {
	MR_CAUSE_CODE,    /* the task runner returned `code`; the slot lives on */
	MR_CAUSE_EXIT,    /* the slot's process ended with exit status `code` */
	MR_CAUSE_SIGNAL,  /* the slot's process was ended by signal `code` */
	MR_CAUSE_TIMEOUT, /* the record in flight took longer than the limit */
	MR_CAUSE_LOST,    /* the slot is gone and nothing is known */
};

enum mr_where {
	MR_IN_ENGINE, /* no user code was running, or it is not known on what */
	MR_IN_RECORD, /* user code was running on the record at `position` (in reduce: the key) */
	MR_IN_BLOCK,  /* ... on some record of the block of `block_size` bytes at `position` */
};

struct mr_failure {
	enum mr_cause cause;
	int code;
	bool outside; /* killed by SIGKILL or lost: the record in flight need not be the reason */
	enum mr_where where;
	struct mr_position position;
	uint64_t block_size;
};

static inline bool mr_attempt_id_equal(const struct mr_attempt_id *a, const struct mr_attempt_id *b)
{
	return a->kind == b->kind && a->task == b->task && a->number == b->number;
}

static inline bool mr_position_equal(const struct mr_position *a, const struct mr_position *b)
{
	return a->file == b->file && a->offset == b->offset;
}

#endif
