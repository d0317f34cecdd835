/* SPDX-License-Identifier: Apache-2.0 */
/*
 * uv_log.h - small writes with sync to files that were opened with IO_LOG. The kernel carries them
 * out by itself, around the page cache, and wakes the loop when they are durable: no thread of ours
 * is woken for them, and the loop waits for no disk. What the kernel would have to wait for to
 * begin (a lock, pages that are cached, a full queue) it refuses; that, and all that is not small
 * or not aligned, is done by a thread of the disk's pool as ever.
 *
 * A request is first looked at (real_log_submit), then with the kernel, perhaps with a thread
 * (real_log_run) and at last given its buffer back (real_log_finish).
 */
#ifndef IO_UV_LOG_H
#define IO_UV_LOG_H

#include "io/uv_queue.h"

#include <linux/aio_abi.h>

struct io_uv;
struct real_file;

enum {
	REAL_LOG_BYTES_MAX = 128 << 10,  /* of one write that goes this way */
	REAL_LOG_ALIGN_BYTES = 4096,     /* of the memory */
	REAL_LOG_UNDER_WAY_MAX = 64,     /* with the kernel, of one io */
	REAL_LOG_REFUSED_MAX = 64,       /* in a row: then the file goes the usual way */
	REAL_LOG_SLOW_NS = 2000000,      /* from here on a write was slow */
	REAL_LOG_SLOW_POINTS = 16,       /* for a slow one; a quick one takes one away */
	REAL_LOG_SLOW_MAX = 64,          /* with more of them a thread takes over for a while: */
	REAL_LOG_REST = 1000,            /* so many writes */
};

/* What the kernel is asked for; tests pass others (io_uv_options). Each returns -errno or what the
 * system call of that name does. */
struct io_log_engine {
	long (*submit)(aio_context_t context, struct iocb *write);
	long (*events)(aio_context_t context, struct io_event *events, long count);
};

/* Of one io. */
struct real_log {
	const struct io_log_engine *engine;
	aio_context_t context; /* 0: there is none */
	bool tried;            /* to make it */
	unsigned under_way;
};

/* Of one file. The io's thread has all of it; a thread of the pool only what it needs to write the
 * request that it has. */
struct real_log_file {
	int fd; /* around the page cache */
	uint8_t *buffer;
	size_t size;                /* of what is in it */
	struct io_request *request; /* whose bytes these are; NULL: it is free */
	/* Changes that wait for it: the kernel takes a write into the page cache that meets one
	 * around it for corruption (EIO at the next sync). */
	struct real_queue held;
	/* A sync of the kernel's own is one of its write and of nothing else. So nothing goes that
	 * way while something was changed that is not known to be durable. */
	uint64_t changes, durable;
	unsigned refused; /* in a row */
	/* The kernel ends a write on a thread of its own, on the processor that the disk speaks to;
	 * when something else keeps that busy, it takes its time. */
	uint64_t begun_ns;
	unsigned slow; /* points */
	unsigned rest; /* so many writes are a thread's */
};

/* The kernel took so long for a write. */
static inline void real_log_took(struct real_log_file *log, uint64_t ns)
{
	if (ns >= REAL_LOG_SLOW_NS)
		log->slow += REAL_LOG_SLOW_POINTS;
	else if (log->slow > 0)
		log->slow--;
	if (log->slow > REAL_LOG_SLOW_MAX) {
		log->slow = 0;
		log->rest = REAL_LOG_REST;
	}
}

/* The usual engine. */
const struct io_log_engine *real_log_engine(void);
void real_log_done(struct real_log *log);

/* On a thread: what the file needs, if its file system can do it; path as it was opened. 0, or
 * ENOMEM. */
int real_log_open(struct real_file *file, int directory, const char *path);
void real_log_close(struct real_file *file);

/* True: the request is on its way, or has ended. False: it goes the usual way. Takes note of what
 * it changes. The file has a log. */
bool real_log_submit(struct io_uv *io, struct io_request *request);
/* On a thread: writes what is in the buffer. False: that is not possible, and it is to go the usual
 * way. */
bool real_log_run(struct io_request *request);
/* One that waits for another: it has ended. */
void real_log_cancel(struct io_uv *io, struct io_request *request);
/* It has ended; what waited for it goes on. */
void real_log_finish(struct io_uv *io, struct io_request *request);
/* Whether there is something to reap. */
bool real_log_has_events(const struct real_log *log);
/* What the kernel has carried out. */
void real_log_reap(struct io_uv *io);

#endif
