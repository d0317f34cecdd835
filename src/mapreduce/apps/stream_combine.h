/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stream_combine.h - `-combiner COMMAND`. The mapper's pairs are collected up to a limit, sorted by
 * key, given to the command as lines, and what it writes goes on instead of them. A combiner may be
 * run any number of times, also never: pairs that are too large to be collected go on as they are.
 */
#ifndef MR_STREAM_COMBINE_H
#define MR_STREAM_COMBINE_H

#include "stream_command.h"

struct mr_combiner;

struct mr_combiner_setup {
	const struct mr_stream *stream;
	struct gw_mr_task *task;
	struct mr_facts facts;
	mr_process_take *take;  /* gets what the command writes, in whole lines */
	void *context;
};

int mr_combiner_new(struct mr_combiner **combiner, const struct mr_combiner_setup *setup,
		    struct gw_error *error) GW_MUST_CHECK;
void mr_combiner_free(struct mr_combiner *combiner);

/* 1: taken; 0: does not fit, it is to go on as it is. */
int mr_combiner_add(struct mr_combiner *combiner, struct gw_bytes key, struct gw_bytes value,
		    struct gw_error *error) GW_MUST_CHECK;

/* Combines what is there. */
int mr_combiner_flush(struct mr_combiner *combiner, struct gw_error *error) GW_MUST_CHECK;

#endif
