/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stream_command.h - one command of an attempt, from its start to its end: its environment, what it
 * says on its standard error, and what is reported when it fails. Input is gathered into large
 * writes.
 *
 * Failures are sentences that name the command and its input. While the job samples its input
 * nothing of the command's errors is passed on.
 */
#ifndef MR_STREAM_COMMAND_H
#define MR_STREAM_COMMAND_H

#include "stream_environment.h"
#include "stream_process.h"

struct mr_command;

struct mr_command_setup {
	const struct mr_stream *stream;
	struct gw_mr_task *task;
	const char *role; /* "mapper", "combiner", "reducer" */
	const char *text; /* the command */
	const struct mr_facts *facts;
	mr_process_take *take;
	bool lines; /* take gets whole lines */
	void *context;
};

int mr_command_start(struct mr_command **command, const struct mr_command_setup *setup,
		     struct gw_error *error) GW_MUST_CHECK;

/* The input so far, then these bytes, which are not copied. */
int mr_command_write(struct mr_command *command, const char *data, size_t size,
		     struct gw_error *error) GW_MUST_CHECK;

/* Adds a few bytes to the input; they may wait until there are many. */
int mr_command_put(struct mr_command *command, const char *data, size_t size,
		   struct gw_error *error) GW_MUST_CHECK;

/* Whether the command still reads; if not, input need not be made. */
bool mr_command_reads(const struct mr_command *command);

/* The end of the input: reads the rest of the output, waits for the command, frees it. */
int mr_command_finish(struct mr_command *command, struct gw_error *error) GW_MUST_CHECK;

/* Kills the command, if it runs, and frees it. NULL is fine. */
void mr_command_free(struct mr_command *command);

#endif
