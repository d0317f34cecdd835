/* SPDX-License-Identifier: Apache-2.0 */
/*
 * uv_pool.c - see uv_pool.h. A request is in the queue, or with a thread that took it out; which of
 * the two is known under the mutex only, by request->backend[2].
 */
#include "io/uv_io.h"

#include <errno.h>
#include <signal.h>

enum { POOL_QUEUED = 1, POOL_TAKEN };

int real_pool_init(struct real_pool *pool, struct io_uv *io, unsigned threads_max,
		   struct gw_error *error)
{
	int wrong = pthread_mutex_init(&pool->mutex, NULL);

	assert(threads_max > 0);
	if (wrong)
		return gw_fail_errno(error, wrong, "cannot make a lock");
	wrong = pthread_cond_init(&pool->more, NULL);
	if (wrong) {
		pthread_mutex_destroy(&pool->mutex);
		return gw_fail_errno(error, wrong, "cannot make a condition");
	}
	pool->io = io;
	pool->threads_max = threads_max < IO_UV_THREADS_MAX ? threads_max : IO_UV_THREADS_MAX;
	return 0;
}

static void *pool_thread(void *context)
{
	struct real_pool *pool = (struct real_pool *)context;
	struct io_request *request;

	pthread_mutex_lock(&pool->mutex);
	for (;;) {
		request = real_pop(&pool->queue);
		if (!request && pool->ending)
			break;
		if (!request) {
			pool->idle++;
			pthread_cond_wait(&pool->more, &pool->mutex);
			pool->idle--;
			continue;
		}
		request->backend[2] = POOL_TAKEN;
		pthread_mutex_unlock(&pool->mutex);
		real_pooled_run(pool->io, request);
		real_arrive(pool->io, request);
		pthread_mutex_lock(&pool->mutex);
	}
	pthread_mutex_unlock(&pool->mutex);
	return NULL;
}

/* Signals are for the threads that the program made itself. */
static int start_thread(struct real_pool *pool)
{
	sigset_t all, before;
	int wrong;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	wrong = pthread_create(&pool->threads[pool->threads_count], NULL, pool_thread, pool);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (!wrong)
		pool->threads_count++;
	return wrong;
}

int real_pool_add(struct real_pool *pool, struct io_request *request)
{
	int wrong = 0;

	assert(pool->io && !pool->ending);
	pthread_mutex_lock(&pool->mutex);
	request->backend[2] = POOL_QUEUED;
	real_push(&pool->queue, request);
	if (pool->queue.count > pool->idle && pool->threads_count < pool->threads_max)
		wrong = start_thread(pool);
	if (wrong && pool->threads_count == 0)
		real_remove(&pool->queue, request);
	else
		wrong = 0;
	pthread_cond_signal(&pool->more);
	pthread_mutex_unlock(&pool->mutex);
	return wrong;
}

bool real_pool_take_back(struct real_pool *pool, struct io_request *request)
{
	bool queued;

	pthread_mutex_lock(&pool->mutex);
	queued = request->backend[2] == POOL_QUEUED;
	if (queued)
		real_remove(&pool->queue, request);
	pthread_mutex_unlock(&pool->mutex);
	return queued;
}

void real_pool_done(struct real_pool *pool)
{
	if (!pool->io)
		return;
	pthread_mutex_lock(&pool->mutex);
	assert(pool->queue.count == 0);
	pool->ending = true;
	pthread_cond_broadcast(&pool->more);
	pthread_mutex_unlock(&pool->mutex);
	for (unsigned i = 0; i < pool->threads_count; i++)
		pthread_join(pool->threads[i], NULL);
	pthread_cond_destroy(&pool->more);
	pthread_mutex_destroy(&pool->mutex);
}

uint32_t real_pool_of_device(struct io_uv *io, dev_t device)
{
	uint32_t next = io->pools_count;

	for (uint32_t i = REAL_POOL_DISKS; i < io->pools_count; i++)
		if (io->pools[i].device == device)
			return i;
	if (next < IO_UV_POOLS_MAX &&
	    real_pool_init(&io->pools[next], io, io->disk_threads, NULL) == 0) {
		io->pools[next].device = device;
		return io->pools_count++;
	}
	if (next == REAL_POOL_DISKS)
		return IO_POOL_CPU;
	return REAL_POOL_DISKS + (uint32_t)(device % (next - REAL_POOL_DISKS));
}
