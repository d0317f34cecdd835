/* SPDX-License-Identifier: Apache-2.0 */
/* group_test.c - groups join what was started in them; requests and work that tasks wait for. */
#include "task/await.h"
#include "task/loop_fixture.h"

enum { MS = 1000000 };

struct job {
	uint64_t sleep_ms;
	int result; /* what it returns, when its sleep was not cut short */
	bool stubborn, ended;
};

static int do_job(void *argument)
{
	struct job *job = argument;
	int slept;

	if (job->stubborn)
		gw_shield_begin();
	slept = gw_sleep_ms(job->sleep_ms);
	if (job->stubborn)
		gw_shield_end();
	job->ended = true;
	return slept < 0 ? slept : job->result;
}

static void start_jobs(struct gw_group *group, struct job *jobs, size_t count)
{
	for (size_t i = 0; i < count; i++)
		assert_int_equal(gw_spawn(group, do_job, &jobs[i], NULL), 0);
}

static int a_wait_returns_the_first_failure(void *argument)
{
	struct gw_group group = {0};
	struct job jobs[3] = {{.sleep_ms = 20, .result = GW_E_IO},
			      {.sleep_ms = 10, .result = GW_E_CORRUPT},
			      {.sleep_ms = 30, .result = 5}};
	uint64_t begun = gw_now_ns();

	(void)argument;
	start_jobs(&group, jobs, 3);
	assert_int_equal(gw_group_wait(&group, GW_FOREVER), GW_E_CORRUPT);
	assert_int_equal(gw_now_ns() - begun, 30 * MS);
	assert_int_equal(gw_group_done(&group), GW_E_CORRUPT);
	assert_int_equal(gw_group_wait(&group, GW_FOREVER), 0); /* as new */
	return 0;
}

static int an_empty_group_is_waited_for_at_once(void *argument)
{
	struct gw_group group = {0};

	(void)argument;
	assert_int_equal(gw_group_wait(&group, GW_AT_ONCE), 0);
	assert_int_equal(gw_group_done(&group), 0);
	return 0;
}

static int leaving_a_group_joins_all_it_started(void *argument)
{
	struct gw_group group = {0};
	struct job jobs[3] = {{.sleep_ms = 1000}, {.sleep_ms = 40, .stubborn = true}, {0}};
	uint64_t begun = gw_now_ns();

	(void)argument;
	start_jobs(&group, jobs, 3);
	assert_int_equal(gw_sleep_ms(10), 0);
	assert_int_equal(gw_group_done(&group), 0); /* those it cancelled did not fail */
	for (size_t i = 0; i < 3; i++)
		assert_true(jobs[i].ended);
	assert_int_equal(gw_now_ns() - begun, 40 * MS); /* the stubborn one took its time */
	return 0;
}

struct nest {
	struct job jobs[2];
	int waited, left;
};

static int run_a_group_inside(void *argument)
{
	struct nest *nest = argument;
	struct gw_group group = {.name = "inner"};

	start_jobs(&group, nest->jobs, 2);
	nest->waited = gw_group_wait(&group, GW_FOREVER);
	nest->left = gw_group_done(&group);
	assert_true(nest->jobs[0].ended && nest->jobs[1].ended);
	return nest->waited;
}

static int a_cancel_reaches_groups_inside(void *argument)
{
	struct gw_group group = {.name = "outer"};
	struct nest nest = {.jobs = {{.sleep_ms = 500}, {.sleep_ms = 600}}};
	uint64_t begun = gw_now_ns();

	(void)argument;
	assert_int_equal(gw_spawn(&group, run_a_group_inside, &nest, NULL), 0);
	assert_int_equal(gw_sleep_ms(5), 0);
	assert_int_equal(gw_group_done(&group), 0);
	assert_int_equal(nest.waited, GW_E_CANCELLED);
	assert_int_equal(nest.left, 0);
	assert_int_equal(gw_now_ns() - begun, 5 * MS);
	return 0;
}

static int wait_for_it(void *argument)
{
	return gw_group_wait((struct gw_group *)argument, GW_FOREVER);
}

static int several_tasks_wait_for_one_group(void *argument)
{
	struct gw_group group = {0}, waiters = {0};
	struct job job = {.sleep_ms = 7};

	(void)argument;
	start_jobs(&group, &job, 1);
	for (int i = 0; i < 3; i++)
		assert_int_equal(gw_spawn(&waiters, wait_for_it, &group, NULL), 0);
	assert_int_equal(gw_group_wait(&waiters, gw_after_ms(2)), GW_E_TIMEOUT);
	assert_int_equal(gw_group_wait(&waiters, GW_FOREVER), 0);
	assert_true(job.ended);
	return 0;
}

/* ---- Requests -------------------------------------------------------------------------------- */

static int a_request_is_awaited(void *argument)
{
	struct io *io = task_io();
	struct gw_error error = {0};
	struct task_request request = {.error = &error};
	struct gw_bytes hello = gw_string("hello");
	struct io_file *file;

	(void)argument;
	io_open(io, &request.request, "none", IO_READ, 0, &file, task_request_done);
	assert_int_equal(task_await(&request, GW_FOREVER), GW_E_NOT_FOUND);
	assert_non_null(strstr(error.text, "cannot open none"));
	io_open(io, &request.request, "a", IO_WRITE | IO_CREATE, 0600, &file, task_request_done);
	assert_int_equal(task_await(&request, GW_FOREVER), 0);
	io_pwritev(io, &request.request, file, &hello, 1, 0, IO_WRITE_SYNC, task_request_done);
	assert_int_equal(gw_sleep_ms(1), 0); /* it ends meanwhile */
	assert_int_equal(task_await(&request, GW_AT_ONCE), 0);
	io_close(io, &request.request, file, task_request_done);
	assert_int_equal(task_await(&request, GW_FOREVER), 0);
	return 0;
}

static int a_late_request_is_cancelled_and_waited_for(void *argument)
{
	struct gw_error error = {0};
	struct task_request request = {.error = &error};
	uint64_t at = gw_after_ms(10);

	(void)argument;
	io_timer(task_io(), &request.request, gw_after_ms(100), task_request_done);
	assert_int_equal(task_await(&request, at), GW_E_TIMEOUT);
	assert_int_equal(gw_now_ns(), at);
	assert_false(io_under_way(&request.request));
	assert_int_equal(error.code, GW_E_TIMEOUT);
	assert_non_null(strstr(error.text, "deadline passed"));
	return 0;
}

static int await_a_timer(void *argument)
{
	struct task_request request = {0};
	int result;

	io_timer(task_io(), &request.request, gw_after_ms(100), task_request_done);
	result = task_await(&request, GW_FOREVER);
	*(bool *)argument = !io_under_way(&request.request);
	return result;
}

static int a_cancelled_task_waits_for_its_request(void *argument)
{
	struct gw_group group = {0};
	bool idle = false;

	(void)argument;
	assert_int_equal(gw_spawn(&group, await_a_timer, &idle, NULL), 0);
	assert_int_equal(gw_sleep_ms(10), 0);
	gw_group_cancel(&group);
	assert_int_equal(gw_group_wait(&group, GW_FOREVER), GW_E_CANCELLED);
	assert_true(idle);
	return 0;
}

static int add_one(void *context)
{
	return ++*(int *)context;
}

static int work_elsewhere_returns_its_result(void *argument)
{
	int number = 41;

	(void)argument;
	assert_int_equal(gw_offload(add_one, &number, GW_FOREVER), 42);
	assert_int_equal(number, 42);
	return 0;
}

static int offload_when_cancelled(void *argument)
{
	(void)gw_sleep_ms(1);
	return gw_offload(add_one, argument, GW_FOREVER);
}

static int work_of_a_late_or_cancelled_task_is_not_begun(void *argument)
{
	struct gw_group group = {0};
	int number = 0;

	(void)argument;
	assert_int_equal(gw_offload(add_one, &number, GW_AT_ONCE), GW_E_TIMEOUT);
	assert_int_equal(gw_spawn(&group, offload_when_cancelled, &number, NULL), 0);
	assert_int_equal(gw_yield(), 0);
	gw_group_cancel(&group);
	assert_int_equal(gw_group_wait(&group, GW_FOREVER), GW_E_CANCELLED);
	assert_int_equal(number, 0);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_the_loop(a_wait_returns_the_first_failure),
		in_the_loop(an_empty_group_is_waited_for_at_once),
		in_the_loop(leaving_a_group_joins_all_it_started),
		in_the_loop(a_cancel_reaches_groups_inside),
		in_the_loop(several_tasks_wait_for_one_group),
		in_the_loop(a_request_is_awaited),
		in_the_loop(a_late_request_is_cancelled_and_waited_for),
		in_the_loop(a_cancelled_task_waits_for_its_request),
		in_the_loop(work_elsewhere_returns_its_result),
		in_the_loop(work_of_a_late_or_cancelled_task_is_not_begun),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
