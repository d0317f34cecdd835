/* SPDX-License-Identifier: Apache-2.0 */
/*
 * group.h - pairs in order become keys with their values, and the reduce or combine function is
 * called for each (paper sections 2.2, 4.2 and 4.3).
 */
#ifndef MR_GROUP_H
#define MR_GROUP_H

#include "task.h"

/* Pairs in order, one after the other; what a pair points to stays valid as long as the cursor.
 * next gives 1 and a pair, 0 at the end, or a negative code. */
struct mr_cursor {
	int (*next)(struct mr_cursor *cursor, struct mr_pair *pair, struct gw_error *error);
};

/* The values of one key: the pairs of a cursor while the key stays the same. */
struct gw_mr_values {
	struct gw_mr_task *task;
	struct mr_cursor *cursor;
	struct gw_bytes key;
	struct mr_pair pair; /* read ahead: the next one, of this key or of another */
	bool more;           /* pair holds one */
	bool same;           /* and it is of this key */
	bool distinct;       /* equal values that follow each other are given once */
	struct gw_bytes last;
	uint32_t left;       /* values that may still be given */
	bool folded;         /* the values are numbers, combined into one */
	bool given_number;   /* the value given last came from gw_mr_emit_i64 */
	int64_t number;
	int failed;
	struct gw_error error;
};

enum mr_group_use {
	MR_GROUP_REDUCE,  /* job.reduce, or the pairs as they are, into the output */
	MR_GROUP_COMBINE, /* job.combine, or TOP_K, into what the task's sink is */
};

/* Goes through all keys of the cursor. first_key: the number of the first one in the unit, for
 * bad records; on return the number after the last. */
int mr_groups(struct gw_mr_task *task, struct mr_cursor *cursor, enum mr_group_use use,
	      uint64_t *first_key, struct gw_error *error) GW_MUST_CHECK;

/* The order of keys. Numbers come out of a table in no order, so of keys that compare equal the
 * least in byte order is the first: a group is named by it, whatever memory there was. */
static inline int mr_keys_compare(const struct gw_mr_task *task, struct gw_bytes a,
				  struct gw_bytes b)
{
	const struct gw_mr_job *job = &task->config->job;
	int order = job->compare ? job->compare(task, a, b) : 0;

	if (!order && (!job->compare || mr_job_numbers(job)))
		order = mr_compare_bytes(a, b);
	return order;
}

/* Whether values of a key have an order of their own, and that order: the job's, that of bytes,
 * or for TOP_K that of bytes backwards. */
bool mr_values_ordered(const struct gw_mr_job *job);
int mr_values_compare(const struct gw_mr_task *task, struct gw_bytes a, struct gw_bytes b);

#endif
