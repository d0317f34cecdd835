/* SPDX-License-Identifier: Apache-2.0 */
/*
 * await.h - a task waits for a request of its io:
 *
 *     struct task_request open = {.error = error};
 *     struct io_file *file;
 *
 *     io_open(task_io(), &open.request, path, IO_READ, 0, &file, task_request_done);
 *     result = task_await(&open, deadline_ns);
 *
 * Several requests may be under way at once, each awaited in its turn. Each that was started must
 * be awaited, since it is on the task's stack. error may be NULL; a failure leaves its sentence
 * there.
 */
#ifndef TASK_AWAIT_H
#define TASK_AWAIT_H

#include "io/io.h"
#include "task/wait.h"

struct task_request {
	struct io_request request;
	struct gw_error *error;
	/* Private. */
	struct task_wait *wait;
	int result;
	int ended_by; /* why it is being cancelled, or 0 */
};

/* What is passed as done. */
void task_request_done(struct io_request *request, int result);

/*
 * Waits until the request is done and returns its result. When deadline_ns, the task's deadline or
 * a cancel comes first, the request is cancelled by io_cancel, waited for (nothing of it is used
 * any more then), and the result is GW_E_TIMEOUT or GW_E_CANCELLED. A request that is done already
 * gives its result whatever the deadline.
 */
int task_await(struct task_request *request, uint64_t deadline_ns) GW_MUST_CHECK;

#endif
