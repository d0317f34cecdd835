/* SPDX-License-Identifier: Apache-2.0 */
/*
 * uv_io.h - inside the real backend: the io itself, and what its files give each other. A request
 * passes through
 *
 *     submit -> a place to wait (the heap of timers, the queue of a pool or object) -> real_end
 *     -> ready -> real_finish, which calls done
 *
 * and backend_state says where it is. What ends on another thread arrives by real_arrive.
 *
 * request->backend: [0] the object that was made, or a timer's child; [1] an order, a piece, a
 * count; [2] an offset, or a pool's; [3] the socket that the request uses, which keeps the socket's
 * memory.
 */
#ifndef IO_UV_IO_H
#define IO_UV_IO_H

#include "io/uv.h"
#include "io/uv_heap.h"
#include "io/uv_log.h"
#include "io/uv_pool.h"
#include "io/uv_queue.h"
#include "io/uv_socket.h"
#include "io/uv_spin.h"

#include <pthread.h>
#include <stdatomic.h>
#include <uv.h>

enum real_state {
	REAL_STATE_ELSEWHERE, /* with a thread, or arriving */
	REAL_STATE_TIMED,     /* in the heap */
	REAL_STATE_WAITING,   /* in the queue of its object */
	REAL_STATE_READY,     /* in io->ready */
};

/* What a thread does with a request, when it is not just the request: in backend[1]. Beyond what
 * counts anything there. */
enum real_stage {
	/* Of a name, first: which disk it is on, into backend[0]. */
	REAL_STAGE_LOOK_UP = INT32_MAX - 2,
	REAL_STAGE_UNDO, /* of a cancelled open: closes what was opened */
	REAL_STAGE_LOG,  /* of a write: real_log_run */
};

enum {
	REAL_RANDOM_BYTES = 512,
	REAL_DIRECTORIES_MAX = 16, /* remembered with their pools */
	REAL_DIRECTORY_BYTES_MAX =
		256, /* of a remembered name; longer ones are looked at each time */
};

struct real_directory {
	char name[REAL_DIRECTORY_BYTES_MAX];
	uint32_t pool;
};

struct real_stream;

struct io_uv {
	struct io io;
	uv_loop_t loop;
	uv_poll_t wake; /* wake_file is readable: from other threads */
	int wake_file;
	uint64_t events; /* that the kernel has told of */
	struct real_spin spin;
	atomic_bool asleep; /* or about to be: who hands something over has to wake it */
	uv_timer_t alarm; /* for the first of the timers */
	pthread_t thread;
	const struct io_socket_engine *engine;

	_Atomic(struct io_request *) arrived; /* from other threads, the last first */
	atomic_size_t arriving;		      /* threads inside real_arrive */
	struct real_queue ready;	      /* to be told */
	struct real_heap timers;
	struct io_turn *turn;
	struct real_stream *dirty;   /* with something to send, linked by next_dirty */
	struct real_socket *sockets; /* all, linked */
	uint64_t alarm_ms;	     /* when the alarm is set to, on the loop's clock */
	size_t requests, readers, holds;
	bool stopped;

	int directory; /* descriptor, or AT_FDCWD */
	struct real_pool pools[IO_UV_POOLS_MAX];
	uint32_t pools_count;
	struct real_directory directories[REAL_DIRECTORIES_MAX];
	size_t directories_count, directories_next; /* the next one to be replaced */
	unsigned disk_threads;
	struct real_log log;

	uint8_t boot_id[16];
	uint8_t random[REAL_RANDOM_BYTES];
	size_t random_left;
};

static inline struct io_uv *real_of(struct io *io)
{
	return (struct io_uv *)io;
}

/* The request has ended: its done is called in this turn or the next, but not now. os_error is an
 * errno, or 0. On the io's thread. */
void real_end(struct io_uv *io, struct io_request *request, int result, int os_error);
/* The same for a failed system call: the code that fits. */
void real_end_errno(struct io_uv *io, struct io_request *request, int os_error);
/* The code for an errno. */
int real_code(int os_error);

/* From another thread: the request and what was written before are the io's. */
void real_arrive(struct io_uv *io, struct io_request *request);

/* Operations, by the file that has them: start a request, end it early. */
void real_pooled_submit(struct io_uv *io, struct io_request *request);
void real_pooled_cancel(struct io_uv *io, struct io_request *request);
/* Before done: sets what the caller gets; false: the request was sent on, to undo what it made. */
bool real_pooled_finish(struct io_uv *io, struct io_request *request);
/* To a thread of the pool. An errno when there is no thread, and none can be had. */
int real_pooled_send(struct io_uv *io, struct io_request *request, uint32_t pool);
/* On a thread of the pool. */
void real_pooled_run(struct io_uv *io, struct io_request *request);

/* Which disk a request on a name is for (uv_place.c). Known: the directory was asked for before. */
bool real_place_known(struct io_uv *io, const struct io_request *request, uint32_t *pool);
/* On a thread: finds its device, into backend[0]; 0 for none. */
void real_place_look_up(struct io_uv *io, struct io_request *request);
/* Back on the io's thread: the pool, remembered from now on. */
uint32_t real_place_remember(struct io_uv *io, const struct io_request *request);
uint32_t real_pool_of(struct io *io, const char *path);

void real_file_run(struct io_request *request);			  /* operations on an open file */
void real_path_run(struct io_uv *io, struct io_request *request); /* operations on a name */
void real_resolve_run(struct io_request *request);
void real_spawn_run(struct io_uv *io, struct io_request *request);
void real_list_free(struct io *io, struct io_list *list);

void real_process_submit(struct io_uv *io, struct io_request *request); /* WAIT */
void real_process_cancel(struct io_uv *io, struct io_request *request);
void real_spawn_finish(struct io_uv *io, struct io_request *request);
int real_kill_process(struct io *io, struct io_process *process, int signal,
		      struct gw_error *error);
void real_process_close(struct io *io, struct io_process *process);

/* Clocks and chance (uv_time.c). */
uint64_t real_now_ns(struct io *io);
int64_t real_wall_ns(struct io *io);
int real_boot_id_read(struct io_uv *io, struct gw_error *error) GW_MUST_CHECK;
void real_boot_id(struct io *io, uint8_t id[16]);
void real_random_bytes(struct io *io, void *data, size_t size);
uint32_t real_pick(struct io *io, uint32_t n);

void real_poll_submit(struct io_uv *io, struct io_request *request);
void real_poll_cancel(struct io_uv *io, struct io_request *request);

#endif
