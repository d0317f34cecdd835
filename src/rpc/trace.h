/* SPDX-License-Identifier: Apache-2.0 */
/* trace.h - the trace id of the call that this task works on, for log lines. */
#ifndef RPC_TRACE_H
#define RPC_TRACE_H

#include "task/loop.h"
#include "task/wait.h"

/* As base_log wants it; 0 outside of tasks and calls. */
static inline uint64_t rpc_trace(void)
{
	return task_current() ? task_trace()->low : 0;
}

#endif
