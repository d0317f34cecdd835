/* SPDX-License-Identifier: Apache-2.0 */
/*
 * failure.h - the first failure of a job, for the one who has to mend it: which task and attempt,
 * how it ended, the record in flight, what it printed last, and the command that runs just this
 * task again.
 */
#ifndef MR_API_FAILURE_H
#define MR_API_FAILURE_H

#include "run.h"

#include "base/buffer.h"
#include "mapreduce/engine/result.h"

enum { MR_FAILURE_LINES = 20 }; /* of what the task printed */

int mr_failure_text(const struct mr_failure_report *failure, const struct mr_talk *talk,
		    struct base_buffer *out, struct gw_error *error) GW_MUST_CHECK;

/* Appends the word as a shell reads it. */
int mr_shell_quote(const char *word, struct base_buffer *out, struct gw_error *error) GW_MUST_CHECK;

#endif
