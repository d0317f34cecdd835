/* SPDX-License-Identifier: Apache-2.0 */
/*
 * uv.h - the real `struct io`: this machine's clocks, files, network and processes, on an event
 * loop of libuv and threads of its own for what may block.
 *
 *     struct io *io;
 *
 *     if (io_uv_new(&io, NULL, &error) < 0)
 *             ...
 *     io_set_turn(io, &scheduler->turn);
 *     io_uv_run(io);
 *     io_uv_free(io);
 *
 * A turn of the loop: wait for events (not at all when there is something to do already), read all
 * that arrived, call done for all that has ended, run the turn function, then send what was
 * written, one system call a stream. Requests that end by the sending itself (a write that the
 * kernel took) are told in a round of the same turn: done, the turn function and sending again,
 * without asking the kernel for events in between; there are at most IO_UV_ROUNDS_MAX rounds.
 *
 * The io belongs to the thread that made it.
 */
#ifndef IO_UV_H
#define IO_UV_H

#include "io/io.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
	IO_UV_POOLS_MAX = 64, /* a few for other things, then one a disk; more disks share */
	IO_UV_THREADS_MAX = 64, /* of one pool */
	IO_UV_ROUNDS_MAX = 8,
};

struct io_socket_engine; /* uv_socket.h */
struct io_log_engine;    /* uv_log.h */

struct io_uv_options {
	const char *directory; /* where relative paths of files start; NULL: this process's, as it
				* is at each call. UNIX sockets always take this process's. */
	unsigned cpu_threads;  /* of IO_POOL_CPU; 0: as many as this process may use processors */
	unsigned disk_threads; /* of each disk's pool; 0: 4 */
	unsigned spin_us; /* look for events for so long before sleeping, while that is worth it
			   * (uv_spin.h); 0: sleep at once */
	const struct io_socket_engine *engine; /* NULL: the usual one; tests pass others */
	const struct io_log_engine *log_engine; /* likewise */
};

/* Makes one for this thread. No thread is started before it is needed. options may be NULL. */
int io_uv_new(struct io **io, const struct io_uv_options *options,
	      struct gw_error *error) GW_MUST_CHECK;

/*
 * Runs turns. Returns when io_uv_stop was called (at the end of that turn), or when nothing is left
 * to do: the turn function says there is no more to run, io_pending is 0, and nobody holds the
 * loop. There is at least one turn, so what is ready before the call is run. May be called again.
 */
void io_uv_run(struct io *io);

/* Makes io_uv_run return at the end of this turn; outside of it, makes the next one return after
 * its first turn. */
void io_uv_stop(struct io *io);

/* Between hold and release io_uv_run waits also when nothing is pending: for an io_post that will
 * come from another thread. They nest, and do not count in io_pending. */
void io_uv_hold(struct io *io);
void io_uv_release(struct io *io);

/*
 * Ends the threads and frees everything. Child processes that were to die with this one are killed
 * now, since the kernel looks at the thread that started them. No request may be under way (an
 * assertion), none be posted any more, and files must be closed; sockets and processes that are
 * still open are closed here. A thread that is inside io_post at this moment is waited for. NULL is
 * fine.
 */
void io_uv_free(struct io *io);

#ifdef __cplusplus
}
#endif

#endif
