/* SPDX-License-Identifier: Apache-2.0 */
/*
 * await.c - see await.h; and work on other threads, which is a request like others.
 */
#include "task/await.h"

#include "io/rare.h"
#include "task/state.h"

void task_request_done(struct io_request *io_request, int result)
{
	struct task_request *request = (struct task_request *)io_request;

	request->result = result;
	if (request->ended_by < 0)
		(void)gw_fail(request->error, request->ended_by, "cannot %s %s: %s",
			      io_operation_text(io_request->operation),
			      io_request->name ? io_request->name : "",
			      gw_code_text(request->ended_by));
	else if (result < 0)
		(void)io_request_error(io_request, request->error);
	if (request->wait && task_claim(request->wait))
		task_wake(request->wait, result);
}

/* Waits for done whatever happens to the task. */
static void await_end(struct task_request *request)
{
	struct task_wait wait;

	gw_shield_begin();
	task_wait_init(&wait, "for a cancelled request on", request, request->request.name, false);
	request->wait = &wait;
	(void)task_wait(&wait, GW_FOREVER);
	request->wait = NULL;
	gw_shield_end();
}

int task_await(struct task_request *request, uint64_t deadline_ns)
{
	struct task_wait wait;
	int result;

	if (!io_under_way(&request->request))
		return request->result;
	result = task_wait_refused(deadline_ns);
	if (result == 0) {
		task_wait_init(&wait, "for a request on", request, request->request.name, false);
		request->wait = &wait;
		result = task_wait(&wait, deadline_ns);
		request->wait = NULL;
	}
	/* It may have ended right after the deadline, before this task ran. */
	if (!io_under_way(&request->request)) {
		if (result < 0 && result != request->result)
			IO_PROBE(task_io(), "task.done-after-its-deadline");
		return request->result;
	}
	assert(result == GW_E_TIMEOUT || result == GW_E_CANCELLED);
	request->ended_by = result;
	io_cancel(task_io(), &request->request);
	await_end(request);
	request->ended_by = 0;
	return result;
}

struct offload {
	int (*work)(void *context);
	void *context;
	int result;
	bool begun;
};

static int run_work(void *context)
{
	struct offload *offload = context;

	offload->begun = true;
	offload->result = offload->work(offload->context);
	return offload->result;
}

int gw_offload(int (*work)(void *context), void *context, uint64_t deadline_ns)
{
	struct offload offload = {.work = work, .context = context};
	struct task_request request = {0};
	int result = task_wait_refused(deadline_ns);

	if (result < 0)
		return result;
	io_offload(task_io(), &request.request, IO_POOL_CPU, run_work, &offload,
		   task_request_done);
	result = task_await(&request, deadline_ns);
	return offload.begun ? offload.result : result;
}
