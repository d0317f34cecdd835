/* SPDX-License-Identifier: Apache-2.0 */
/*
 * uv_path.c - operations on names, on a thread of a disk's pool.
 */
#include "io/uv_file.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

static int open_directory(const struct io_uv *io, const char *path)
{
	return openat(io->directory, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static void rename_path(struct io_uv *io, struct io_request *request)
{
	unsigned flags = request->u.path.flags & IO_RENAME_EXCLUSIVE ? RENAME_NOREPLACE : 0;
	int status = renameat2(io->directory, request->u.path.path, io->directory,
			       request->u.path.to, flags);

	real_result_of(request, status);
}

static void sync_directory(struct io_uv *io, struct io_request *request)
{
	int fd = open_directory(io, request->u.path.path);

	real_result_of(request, fd < 0 ? -1 : fsync(fd));
	if (fd >= 0)
		close(fd);
}

static void get_space(struct io_uv *io, struct io_request *request)
{
	int fd = openat(io->directory, request->u.path.path, O_PATH | O_CLOEXEC);
	struct statvfs status = {0};

	real_result_of(request, fd < 0 ? -1 : fstatvfs(fd, &status));
	if (fd >= 0)
		close(fd);
	if (request->result < 0)
		return;
	*(struct io_space *)request->u.path.out = (struct io_space){
		.total_bytes = (uint64_t)status.f_blocks * status.f_frsize,
		.free_bytes = (uint64_t)status.f_bavail * status.f_frsize,
		.free_files = status.f_favail,
	};
}

void real_path_run(struct io_uv *io, struct io_request *request)
{
	const char *path = request->u.path.path;
	mode_t mode = (mode_t)request->u.path.mode;

	switch (request->operation) {
	case IO_OPERATION_OPEN:
		real_file_open(io, request);
		break;
	case IO_OPERATION_RENAME:
		rename_path(io, request);
		break;
	case IO_OPERATION_UNLINK:
		real_result_of(request, unlinkat(io->directory, path, 0));
		break;
	case IO_OPERATION_MKDIR:
		real_result_of(request, mkdirat(io->directory, path, mode));
		break;
	case IO_OPERATION_RMDIR:
		real_result_of(request, unlinkat(io->directory, path, AT_REMOVEDIR));
		break;
	case IO_OPERATION_LIST:
		real_list_run(io, request);
		break;
	case IO_OPERATION_SYNC_DIRECTORY:
		sync_directory(io, request);
		break;
	case IO_OPERATION_SPACE:
		get_space(io, request);
		break;
	default:
		assert(!"an operation on a name");
	}
}
