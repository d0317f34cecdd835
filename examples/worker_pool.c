/* SPDX-License-Identifier: Apache-2.0 */
/*
 * worker_pool.c - some tasks do the work of one channel and put what came of it into another.
 *
 *     cc worker_pool.c -o worker_pool $(pkg-config --cflags --libs groundwork)
 *
 * The work is counting, on all cores: the workers are tasks of one loop, and what takes long goes
 * to gw_offload. Closing the channel of jobs says that there are no more; when the last worker has
 * seen that, the results are closed as well, which ends the loop of whoever reads them.
 */
#include <groundwork/task.h>

#include <stdio.h>

enum { WORKERS = 4, JOBS = 20, QUEUE = 8 };

struct pool {
	struct gw_chan *jobs, *results; /* of struct job */
	struct gw_group workers;
};

struct job {
	long number, steps;
};

/* How often the rule of Collatz is to be applied until 1 is reached. */
static int count_steps(void *context)
{
	struct job *job = context;

	for (long n = job->number; n != 1; n = n % 2 ? 3 * n + 1 : n / 2)
		job->steps++;
	return 0;
}

static int worker(void *argument)
{
	struct pool *pool = argument;
	struct job job;
	int result = 0;

	while (result == 0 && gw_receive(pool->jobs, &job, GW_FOREVER) == 0) {
		result = gw_offload(count_steps, &job, GW_FOREVER);
		if (result == 0)
			result = gw_send(pool->results, &job, GW_FOREVER);
	}
	return result;
}

static int boss(void *argument)
{
	struct pool *pool = argument;
	int result = 0;

	for (size_t i = 0; result == 0 && i < WORKERS; i++)
		result = gw_spawn(&pool->workers, worker, pool, NULL);
	for (long number = 1; result == 0 && number <= JOBS; number++)
		result = gw_send(pool->jobs, &(struct job){number, 0}, GW_FOREVER);
	gw_chan_close(pool->jobs);
	if (result == 0)
		result = gw_group_wait(&pool->workers, GW_FOREVER);
	(void)gw_group_done(&pool->workers);
	gw_chan_close(pool->results);
	return result;
}

static int first(void *argument)
{
	struct gw_group group = {.name = "boss"};
	struct pool pool = {
		.jobs = gw_chan_new(sizeof(struct job), QUEUE, NULL),
		.results = gw_chan_new(sizeof(struct job), 0, NULL),
		.workers = {.name = "workers"},
	};
	struct job job;
	int result = GW_E_NO_MEMORY;

	(void)argument;
	if (pool.jobs && pool.results)
		result = gw_spawn(&group, boss, &pool, NULL);
	if (result == 0) {
		while (gw_receive(pool.results, &job, GW_FOREVER) == 0)
			printf("%ld %ld\n", job.number, job.steps);
		result = gw_group_wait(&group, GW_FOREVER);
	}
	(void)gw_group_done(&group);
	gw_chan_unref(pool.jobs);
	gw_chan_unref(pool.results);
	return result;
}

int main(void)
{
	return -gw_run(first, NULL, NULL, NULL);
}
