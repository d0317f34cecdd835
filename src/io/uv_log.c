/* SPDX-License-Identifier: Apache-2.0 */
/* uv_log.c - see uv_log.h. */
#include "io/uv_log.h"
#include "io/uv_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

/* ---- The kernel ------------------------------------------------------------------------------ */

static long usual_submit(aio_context_t context, struct iocb *write)
{
	long result = syscall(SYS_io_submit, context, 1L, &write);

	return result < 0 ? -errno : result;
}

static long usual_events(aio_context_t context, struct io_event *events, long count)
{
	struct timespec none = {0};
	long result = syscall(SYS_io_getevents, context, 0L, count, events, &none);

	return result < 0 ? -errno : result;
}

const struct io_log_engine *real_log_engine(void)
{
	static const struct io_log_engine usual = {usual_submit, usual_events};

	return &usual;
}

static bool has_context(struct real_log *log)
{
	if (!log->tried && syscall(SYS_io_setup, REAL_LOG_UNDER_WAY_MAX, &log->context) < 0)
		log->context = 0;
	log->tried = true;
	return log->context != 0;
}

void real_log_done(struct real_log *log)
{
	assert(log->under_way == 0);
	if (log->context)
		(void)syscall(SYS_io_destroy, log->context);
	log->context = 0;
}

/* Whether there may be events, without a system call: the context is where the kernel shows the
 * ring in which they wait, if it says so. */
bool real_log_has_events(const struct real_log *log)
{
	enum { RING_MAGIC = 0xa10a10a1 };
	const struct {
		uint32_t id, count, head, tail, magic;
	} *ring = (const void *)(uintptr_t)log->context;

	if (log->under_way == 0)
		return false;
	if (ring->magic != (uint32_t)RING_MAGIC)
		return true;
	return __atomic_load_n(&ring->tail, __ATOMIC_ACQUIRE) !=
	       __atomic_load_n(&ring->head, __ATOMIC_RELAXED);
}

/* ---- Files ----------------------------------------------------------------------------------- */

static int open_again(const struct real_file *file, int directory, const char *path)
{
	int fd = openat(directory, path, O_WRONLY | O_DIRECT | O_CLOEXEC | O_NONBLOCK);
	struct stat here, there;

	if (fd < 0)
		return -1;
	/* The name may be another file's by now. */
	if (fstat(file->fd, &here) == 0 && fstat(fd, &there) == 0 &&
	    here.st_dev == there.st_dev && here.st_ino == there.st_ino)
		return fd;
	close(fd);
	return -1;
}

int real_log_open(struct real_file *file, int directory, const char *path)
{
	struct real_log_file *log = calloc(1, sizeof(*log));
	void *buffer = NULL;

	assert(!file->log);
	if (!log || posix_memalign(&buffer, REAL_LOG_ALIGN_BYTES, REAL_LOG_BYTES_MAX) != 0) {
		free(log);
		return ENOMEM;
	}
	log->buffer = buffer;
	log->fd = open_again(file, directory, path);
	if (log->fd < 0) {
		free(buffer);
		free(log);
		return 0;
	}
	/* Writes around the page cache have to wait for what is in it. */
	(void)posix_fadvise(file->fd, 0, 0, POSIX_FADV_DONTNEED);
	log->changes = 1; /* by others before us, perhaps */
	file->log = log;
	return 0;
}

void real_log_close(struct real_file *file)
{
	struct real_log_file *log = file->log;

	if (!log)
		return;
	assert(!log->request && !log->held.first);
	close(log->fd);
	free(log->buffer);
	free(log);
	file->log = NULL;
}

/* ---- Requests -------------------------------------------------------------------------------- */

static struct real_log_file *log_of(const struct io_request *request)
{
	return ((struct real_file *)request->u.file.file)->log;
}

/* Copies the pieces. False: they are too many bytes, or none. */
static bool gather(struct real_log_file *log, const struct io_request *request)
{
	const struct gw_bytes *pieces = request->u.file.pieces;

	log->size = 0;
	for (uint32_t i = 0; i < request->u.file.count; i++) {
		if (pieces[i].size > REAL_LOG_BYTES_MAX - log->size)
			return false;
		if (pieces[i].size > 0)
			memcpy(log->buffer + log->size, pieces[i].data, pieces[i].size);
		log->size += pieces[i].size;
	}
	return log->size > 0 && log->size % IO_LOG_ALIGN_BYTES == 0;
}

static bool can_take(const struct real_log_file *log, const struct io_request *request)
{
	return request->operation == IO_OPERATION_PWRITEV &&
	       (request->u.file.flags & IO_WRITE_SYNC) && !log->request &&
	       log->durable == log->changes && log->refused < REAL_LOG_REFUSED_MAX &&
	       request->u.file.offset % IO_LOG_ALIGN_BYTES == 0 &&
	       request->u.file.offset <= INT64_MAX - REAL_LOG_BYTES_MAX;
}

/* The usual way. A request that makes durable what was changed before it, remembers how much that
 * is. */
static void take_note(struct real_log_file *log, struct io_request *request)
{
	switch (request->operation) {
	case IO_OPERATION_PWRITEV:
	case IO_OPERATION_TRUNCATE:
	case IO_OPERATION_PREALLOCATE:
	case IO_OPERATION_PUNCH:
		log->changes++;
		break;
	default:
		break;
	}
	request->backend[0] = log->changes;
}

static void send_to_thread(struct io_uv *io, struct io_request *request)
{
	struct real_file *file = (struct real_file *)request->u.file.file;
	int wrong;

	if (request->state == IO_REQUEST_CANCELLED) {
		real_end(io, request, GW_E_CANCELLED, 0);
		return;
	}
	request->backend[1] = REAL_STAGE_LOG;
	wrong = real_pooled_send(io, request, file->pool);
	if (wrong)
		real_end(io, request, GW_E_NO_MEMORY, wrong);
}

/* The kernel's answer: bytes that are durable, or -errno. */
static void answered(struct io_uv *io, struct io_request *request, int64_t result)
{
	struct real_log_file *log = log_of(request);
	bool never;

	assert(log->request == request);
	if (result == (int64_t)log->size) {
		log->refused = 0;
		real_log_took(log, real_now_ns(&io->io) - log->begun_ns);
		real_end(io, request, 0, 0);
		return;
	}
	never = result == -EINVAL || result == -EOPNOTSUPP; /* tmpfs says so */
	if (result < 0 && result != -EAGAIN && !never) {
		real_end_errno(io, request, (int)-result);
		return;
	}
	log->refused += never ? REAL_LOG_REFUSED_MAX : 1;
	send_to_thread(io, request);
}

bool real_log_submit(struct io_uv *io, struct io_request *request)
{
	struct real_log_file *log = log_of(request);
	struct iocb write = {
		.aio_data = (uintptr_t)request,
		.aio_lio_opcode = IOCB_CMD_PWRITE,
		.aio_rw_flags = RWF_DSYNC | RWF_NOWAIT,
		.aio_offset = (int64_t)request->u.file.offset,
		.aio_flags = IOCB_FLAG_RESFD,
		.aio_resfd = (uint32_t)io->wake_file,
	};
	long result;

	if (log->request && request->operation != IO_OPERATION_SYNC) {
		request->backend_state = REAL_STATE_WAITING;
		real_push(&log->held, request);
		return true;
	}
	if (!can_take(log, request) || !gather(log, request) || !has_context(&io->log) ||
	    io->log.under_way == REAL_LOG_UNDER_WAY_MAX) {
		take_note(log, request);
		return false;
	}
	log->request = request;
	if (log->rest > 0) {
		log->rest--;
		send_to_thread(io, request);
		return true;
	}
	log->begun_ns = real_now_ns(&io->io);
	write.aio_fildes = (uint32_t)log->fd;
	write.aio_buf = (uintptr_t)log->buffer;
	write.aio_nbytes = log->size;
	result = io->log.engine->submit(io->log.context, &write);
	if (result == 1)
		io->log.under_way++;
	else
		answered(io, request, result < 0 ? result : -EAGAIN);
	return true;
}

void real_log_reap(struct io_uv *io)
{
	struct io_event events[REAL_LOG_UNDER_WAY_MAX];
	long count;

	if (!real_log_has_events(&io->log))
		return;
	count = io->log.engine->events(io->log.context, events, REAL_LOG_UNDER_WAY_MAX);
	for (long i = 0; i < count; i++) {
		assert(io->log.under_way > 0);
		io->log.under_way--;
		answered(io, (struct io_request *)(uintptr_t)events[i].data, events[i].res);
	}
}

bool real_log_run(struct io_request *request)
{
	struct real_log_file *log = log_of(request);
	struct iovec piece = {log->buffer, log->size};
	ssize_t written;

	do
		written = pwritev2(log->fd, &piece, 1, (off_t)request->u.file.offset, RWF_DSYNC);
	while (written < 0 && errno == EINTR);
	if (written < 0 && errno != EINVAL && errno != EOPNOTSUPP) {
		real_result_errno(request, errno);
		return true;
	}
	real_result(request, 0);
	return written == (ssize_t)log->size;
}

void real_log_cancel(struct io_uv *io, struct io_request *request)
{
	real_remove(&log_of(request)->held, request);
	real_end(io, request, GW_E_CANCELLED, 0);
}

void real_log_finish(struct io_uv *io, struct io_request *request)
{
	struct real_log_file *log = log_of(request);
	struct real_queue held = log->held;
	bool syncs = request->operation == IO_OPERATION_SYNC ||
		     (request->operation == IO_OPERATION_PWRITEV &&
		      (request->u.file.flags & IO_WRITE_SYNC));

	if (log->request == request) {
		log->request = NULL;
		log->held = (struct real_queue){0};
		while ((request = real_pop(&held))) {
			request->backend_state = REAL_STATE_ELSEWHERE;
			real_pooled_submit(io, request);
		}
	} else if (syncs && request->result == 0 && request->backend[0] > log->durable) {
		log->durable = request->backend[0];
	}
}
