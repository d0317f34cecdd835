/* SPDX-License-Identifier: Apache-2.0 */
/*
 * uv_pooled.c - requests that threads carry out: which pool they wait in, and what is done with
 * what they made.
 */
#include "io/uv_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

/* ---- The pool of a path --------------------------------------------------------------------- */

/* Does not ask a server for what is known already. */
static bool device_of(const struct io_uv *io, const char *path, dev_t *device)
{
	struct statx status;

	if (statx(io->directory, path, AT_STATX_DONT_SYNC, STATX_TYPE, &status) < 0)
		return false;
	*device = makedev(status.stx_dev_major, status.stx_dev_minor);
	return true;
}

/* The directory of a name into memory: false when it is too long. */
static bool directory_of(const char *path, char *directory, size_t size)
{
	const char *slash = strrchr(path, '/');
	size_t length = slash ? (size_t)(slash - path) : 0;

	if (!slash)
		return size >= 2 && snprintf(directory, size, ".") == 1;
	if (length == 0)
		length = 1; /* the root */
	if (length >= size)
		return false;
	memcpy(directory, path, length);
	directory[length] = 0;
	return true;
}

/* Looks at the disk: of the path or, where it does not exist, of the nearest above it. */
static uint32_t look_up(struct io_uv *io, const char *path)
{
	char above[IO_PATH_BYTES_MAX], shorter[IO_PATH_BYTES_MAX];
	dev_t device;

	if (device_of(io, path, &device))
		return real_pool_of_device(io, device);
	if (strlen(path) >= sizeof(above))
		path = "."; /* what follows will say that it is too long */
	snprintf(above, sizeof(above), "%s", path);
	while (directory_of(above, shorter, sizeof(shorter)) && strcmp(above, shorter) != 0) {
		memcpy(above, shorter, sizeof(above));
		if (device_of(io, above, &device))
			return real_pool_of_device(io, device);
	}
	return IO_POOL_CPU;
}

uint32_t real_pool_of(struct io *io, const char *path)
{
	return look_up(real_of(io), path);
}

/* Of a directory, remembered: a disk that hangs later is not asked where it is. */
static uint32_t pool_of_directory(struct io_uv *io, const char *directory)
{
	struct real_directory *place = &io->directories[io->directories_next];

	if (strlen(directory) >= REAL_DIRECTORY_BYTES_MAX)
		return look_up(io, directory);
	for (size_t i = 0; i < REAL_DIRECTORIES_MAX; i++)
		if (strcmp(io->directories[i].name, directory) == 0)
			return io->directories[i].pool;
	snprintf(place->name, sizeof(place->name), "%s", directory);
	place->pool = look_up(io, directory);
	io->directories_next = (io->directories_next + 1) % REAL_DIRECTORIES_MAX;
	return place->pool;
}

static uint32_t pool_of_name(struct io_uv *io, const char *path)
{
	char directory[IO_PATH_BYTES_MAX];

	if (!directory_of(path, directory, sizeof(directory)))
		return IO_POOL_CPU; /* too long: the system will say so */
	return pool_of_directory(io, directory);
}

static uint32_t pool_of_request(struct io_uv *io, const struct io_request *request)
{
	switch (request->operation) {
	case IO_OPERATION_OFFLOAD:
		return request->u.run.pool;
	case IO_OPERATION_RESOLVE:
		return REAL_POOL_RESOLVE;
	case IO_OPERATION_SPAWN:
		return REAL_POOL_SPAWN;
	case IO_OPERATION_LIST:
	case IO_OPERATION_SYNC_DIRECTORY:
	case IO_OPERATION_SPACE:
		return pool_of_directory(io, request->u.path.path);
	case IO_OPERATION_OPEN:
	case IO_OPERATION_RENAME:
	case IO_OPERATION_UNLINK:
	case IO_OPERATION_MKDIR:
	case IO_OPERATION_RMDIR:
		return pool_of_name(io, request->u.path.path);
	default:
		return ((struct real_file *)request->u.file.file)->pool;
	}
}

/* ---- Requests ------------------------------------------------------------------------------- */

void real_pooled_submit(struct io_uv *io, struct io_request *request)
{
	uint32_t pool = pool_of_request(io, request);
	int wrong;

	assert(pool < io->pools_count);
	request->backend[3] = pool; /* until it has arrived: to find it when it is cancelled */
	wrong = real_pool_add(&io->pools[pool], request);
	if (!wrong)
		return;
	request->backend[3] = 0;
	if (request->operation == IO_OPERATION_CLOSE) {
		real_file_run(request); /* it has to be closed in any case */
		real_end(io, request, request->result, request->os_error);
		return;
	}
	real_end(io, request, GW_E_NO_MEMORY, wrong);
}

void real_pooled_cancel(struct io_uv *io, struct io_request *request)
{
	/* A file is gone after its close, whatever the result. */
	if (request->operation == IO_OPERATION_CLOSE)
		return;
	if (!real_pool_take_back(&io->pools[request->backend[3]], request))
		return;
	request->backend[3] = 0;
	real_end(io, request, GW_E_CANCELLED, 0);
}

void real_pooled_run(struct io_uv *io, struct io_request *request)
{
	switch (request->operation) {
	case IO_OPERATION_OFFLOAD:
		real_result(request, request->u.run.work(request->u.run.context));
		break;
	case IO_OPERATION_RESOLVE:
		real_resolve_run(request);
		break;
	case IO_OPERATION_SPAWN:
		real_spawn_run(io, request);
		break;
	case IO_OPERATION_OPEN:
		if (request->backend[1]) /* for the second time: it was cancelled */
			real_file_discard((struct real_file *)(uintptr_t)request->backend[0]);
		else
			real_file_open(io, request);
		break;
	case IO_OPERATION_RENAME:
	case IO_OPERATION_UNLINK:
	case IO_OPERATION_MKDIR:
	case IO_OPERATION_RMDIR:
	case IO_OPERATION_LIST:
	case IO_OPERATION_SYNC_DIRECTORY:
	case IO_OPERATION_SPACE:
		real_path_run(io, request);
		break;
	default:
		real_file_run(request);
		break;
	}
}

/* ---- The end of those that make something --------------------------------------------------- */

static void finish_list(struct io_uv *io, struct io_request *request)
{
	struct io_list list = {.entries = (struct io_entry *)(uintptr_t)request->backend[0],
			       .count = (size_t)request->backend[1]};

	list.memory = list.entries;
	if (request->result < 0)
		return;
	if (request->state == IO_REQUEST_CANCELLED)
		real_list_free(&io->io, &list);
	else
		*(struct io_list *)request->u.path.out = list;
}

/* False: the file is being closed again, since its opening was cancelled. */
static bool finish_open(struct io_uv *io, struct io_request *request)
{
	struct real_file *file = (struct real_file *)(uintptr_t)request->backend[0];

	if (request->result < 0 || !file || request->backend[1])
		return true;
	file->pool = real_pool_of_device(io, file->device);
	if (request->state != IO_REQUEST_CANCELLED) {
		*(struct io_file **)request->u.path.out = &file->file;
		return true;
	}
	/* That may take long, so on a thread, too. */
	request->backend[1] = 1;
	request->backend[3] = file->pool;
	if (real_pool_add(&io->pools[file->pool], request) == 0)
		return false;
	real_file_discard(file);
	request->backend[3] = 0;
	return true;
}

bool real_pooled_finish(struct io_uv *io, struct io_request *request)
{
	switch (request->operation) {
	case IO_OPERATION_OPEN:
		return finish_open(io, request);
	case IO_OPERATION_LIST:
		finish_list(io, request);
		return true;
	case IO_OPERATION_SPAWN:
		real_spawn_finish(io, request);
		return true;
	default:
		return true;
	}
}
