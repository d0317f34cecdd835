/* SPDX-License-Identifier: Apache-2.0 */
/*
 * uv_file.c - operations on an open file, on a thread of its disk's pool.
 */
#include "io/uv_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- Reading and writing ------------------------------------------------------------------ */

/* The pieces as the system wants them and their size; a code when they are not as they must be. */
static int take_pieces(const struct io_request *request, bool direct, struct iovec *vector,
		       size_t *size)
{
	const struct io_buffer *pieces = (const struct io_buffer *)request->u.file.pieces;
	size_t wrong = (size_t)request->u.file.offset;

	*size = 0;
	for (uint32_t i = 0; i < request->u.file.count; i++) {
		if (pieces[i].size > IO_TRANSFER_BYTES_MAX - *size)
			return GW_E_TOO_LARGE;
		*size += pieces[i].size;
		wrong |= pieces[i].size | (uintptr_t)pieces[i].data;
		vector[i] = (struct iovec){pieces[i].data, pieces[i].size};
	}
	if (request->u.file.offset > INT64_MAX - IO_TRANSFER_BYTES_MAX)
		return GW_E_INVALID;
	return direct && wrong % IO_DIRECT_ALIGN_BYTES != 0 ? GW_E_INVALID : 0;
}

/* Bytes moved: all, or fewer when a read met the end of the file; -1 and errno. */
static ssize_t move_all(const struct io_request *request, const struct real_file *file,
			struct iovec *vector, size_t size)
{
	bool writes = request->operation == IO_OPERATION_PWRITEV;
	off_t at = (off_t)request->u.file.offset;
	size_t first = 0, moved = 0;

	while (moved < size) {
		int count = (int)(request->u.file.count - first);
		ssize_t now = writes ? pwritev(file->fd, vector + first, count, at)
				     : preadv(file->fd, vector + first, count, at);

		if (now < 0 && errno == EINTR)
			continue;
		if (now < 0)
			return -1;
		if (now == 0)
			break;
		moved += (size_t)now;
		at += now;
		if (file->direct && now % IO_DIRECT_ALIGN_BYTES != 0)
			break; /* only the end of the file is not aligned */
		while (first < request->u.file.count && (size_t)now >= vector[first].iov_len)
			now -= (ssize_t)vector[first++].iov_len;
		if (first < request->u.file.count) {
			vector[first].iov_base = (char *)vector[first].iov_base + now;
			vector[first].iov_len -= (size_t)now;
		}
	}
	if (writes && moved < size) {
		errno = EIO;
		return -1;
	}
	return (ssize_t)moved;
}

static void move(struct io_request *request, struct real_file *file)
{
	struct iovec vector[IO_PIECES_MAX];
	size_t size;
	int code = take_pieces(request, file->direct, vector, &size);
	ssize_t moved;

	if (code < 0) {
		real_result(request, code);
		return;
	}
	moved = move_all(request, file, vector, size);
	if (moved >= 0 && (request->u.file.flags & IO_WRITE_SYNC) && fdatasync(file->fd) < 0)
		moved = -1;
	if (moved < 0)
		real_result_errno(request, errno);
	else
		real_result(request, request->operation == IO_OPERATION_PREADV ? (int)moved : 0);
}

/* ---- The others --------------------------------------------------------------------------- */

static void get_size(struct io_request *request, struct real_file *file)
{
	struct stat status;

	real_result_of(request, fstat(file->fd, &status));
	if (request->result == 0)
		*request->u.file.size_out = (uint64_t)status.st_size;
}

static void allocate(struct io_request *request, struct real_file *file, int mode)
{
	uint64_t offset = request->u.file.offset, size = request->u.file.size;
	int status;

	if (size == 0) {
		real_result(request, 0);
		return;
	}
	if (offset > INT64_MAX || size > INT64_MAX - offset) {
		real_result(request, GW_E_INVALID);
		return;
	}
	do
		status = fallocate(file->fd, mode, (off_t)offset, (off_t)size);
	while (status < 0 && errno == EINTR);
	real_result_of(request, status);
}

static void flush_range(struct io_request *request, struct real_file *file)
{
	const unsigned flags =
		SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER;

	real_result_of(request, sync_file_range(file->fd, (off_t)request->u.file.offset,
						(off_t)request->u.file.size, flags));
}

static void truncate_file(struct io_request *request, struct real_file *file)
{
	if (request->u.file.size > INT64_MAX)
		real_result(request, GW_E_TOO_LARGE);
	else
		real_result_of(request, ftruncate(file->fd, (off_t)request->u.file.size));
}

static void close_file(struct io_request *request, struct real_file *file)
{
	int status;

	real_log_close(file);
	status = close(file->fd);
	/* The descriptor is gone also when a signal came. */
	real_result_of(request, status < 0 && errno != EINTR ? -1 : 0);
}

void real_file_run(struct io_request *request)
{
	struct real_file *file = (struct real_file *)request->u.file.file;

	switch (request->operation) {
	case IO_OPERATION_CLOSE:
		close_file(request, file);
		break;
	case IO_OPERATION_SIZE:
		get_size(request, file);
		break;
	case IO_OPERATION_TRUNCATE:
		truncate_file(request, file);
		break;
	case IO_OPERATION_PREADV:
		move(request, file);
		break;
	case IO_OPERATION_PWRITEV:
		if (request->backend[1] != REAL_STAGE_LOG || !real_log_run(request))
			move(request, file);
		break;
	case IO_OPERATION_SYNC:
		real_result_of(request, fdatasync(file->fd));
		break;
	case IO_OPERATION_FLUSH_RANGE:
		flush_range(request, file);
		break;
	case IO_OPERATION_PREALLOCATE:
		allocate(request, file, FALLOC_FL_KEEP_SIZE);
		break;
	case IO_OPERATION_PUNCH:
		allocate(request, file, FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE);
		break;
	default:
		assert(!"an operation on a file");
	}
}

/* ---- Opening ------------------------------------------------------------------------------ */

/* Without O_TRUNC: what another one has locked is not cut. Never waits for a pipe's other end. */
static int open_flags(uint32_t flags)
{
	int value = O_CLOEXEC | O_NOCTTY | O_NONBLOCK;

	if (flags & IO_WRITE)
		value |= flags & IO_READ ? O_RDWR : O_WRONLY;
	if (flags & IO_CREATE)
		value |= O_CREAT;
	if (flags & IO_CREATE && flags & IO_EXCLUSIVE)
		value |= O_EXCL;
	if (flags & IO_DIRECT)
		value |= O_DIRECT;
	return value;
}

/* Checks, locks and cuts what was opened: 0 or an errno. */
static int prepare(struct real_file *file, uint32_t flags)
{
	struct stat status;

	if (fstat(file->fd, &status) < 0)
		return errno;
	if (S_ISDIR(status.st_mode))
		return EISDIR;
	if (!S_ISREG(status.st_mode))
		return EINVAL;
	file->device = status.st_dev;
	if (flags & IO_LOCKED && flock(file->fd, LOCK_EX | LOCK_NB) < 0)
		return errno == EWOULDBLOCK ? EBUSY : errno;
	if (flags & IO_TRUNCATE && ftruncate(file->fd, 0) < 0)
		return errno;
	return 0;
}

void real_file_discard(struct real_file *file)
{
	real_log_close(file);
	if (file->fd >= 0)
		close(file->fd);
	free(file);
}

void real_file_open(struct io_uv *io, struct io_request *request)
{
	const char *path = request->u.path.path;
	uint32_t flags = request->u.path.flags;
	size_t size = strlen(path) + 1;
	struct real_file *file = malloc(sizeof(*file) + size);
	int wrong;

	if (!file) {
		real_result(request, GW_E_NO_MEMORY);
		return;
	}
	memset(file, 0, sizeof(*file));
	memcpy(file->name, path, size);
	file->file.name = file->name;
	file->direct = flags & IO_DIRECT;
	file->fd = openat(io->directory, path, open_flags(flags), (mode_t)request->u.path.mode);
	wrong = file->fd < 0 ? errno : prepare(file, flags);
	if (!wrong && flags & IO_LOG && flags & IO_WRITE && !file->direct)
		wrong = real_log_open(file, io->directory, path);
	if (wrong) {
		real_file_discard(file);
		real_result_errno(request, wrong);
		if (wrong == EINVAL && flags & IO_DIRECT)
			real_result(request, GW_E_UNSUPPORTED);
		return;
	}
	request->backend[0] = (uintptr_t)file;
	real_result(request, 0);
}
