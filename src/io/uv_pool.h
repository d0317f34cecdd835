/* SPDX-License-Identifier: Apache-2.0 */
/*
 * uv_pool.h - threads that carry out requests which may block. Each pool has its own threads, made
 * when they are first needed, so that one whose disk hangs stalls no other.
 */
#ifndef IO_UV_POOL_H
#define IO_UV_POOL_H

#include "io/uv.h"
#include "io/uv_queue.h"

#include <pthread.h>
#include <sys/types.h>

/* Behind IO_POOL_CPU; from REAL_POOL_DISKS on there is one a disk. */
enum {
	REAL_POOL_RESOLVE = 1, /* a name server that does not answer holds nothing else up */
	REAL_POOL_SPAWN,   /* one thread: what is to die with its parent dies with that thread */
	REAL_POOL_LOOK_UP, /* finds out which disk a name is on, which may wait for it */
	REAL_POOL_DISKS,
};

struct io_uv;

struct real_pool {
	struct io_uv *io;
	dev_t device; /* of a disk's pool */
	unsigned threads_max;
	pthread_mutex_t mutex; /* of all below */
	pthread_cond_t more;
	struct real_queue queue;
	unsigned idle, threads_count;
	bool ending;
	pthread_t threads[IO_UV_THREADS_MAX];
};

/* Runs nothing and has no threads yet. */
int real_pool_init(struct real_pool *pool, struct io_uv *io, unsigned threads_max,
		   struct gw_error *error) GW_MUST_CHECK;

/* Queues it: real_pooled_run on a thread of the pool, then it arrives. An errno when there is
 * not one thread and none can be made; the request is the caller's then. */
int real_pool_add(struct real_pool *pool, struct io_request *request);

/* True: it had not begun and is the caller's again. False: a thread has it, or had. */
bool real_pool_take_back(struct real_pool *pool, struct io_request *request);

/* Waits for the threads. The queue is empty. */
void real_pool_done(struct real_pool *pool);

/* The pool of a disk; makes one when there is room, else the disk shares. */
uint32_t real_pool_of_device(struct io_uv *io, dev_t device);

#endif
