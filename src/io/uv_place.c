/* SPDX-License-Identifier: Apache-2.0 */
/*
 * uv_place.c - which disk a name is on, and so which pool its requests wait in. Asking may wait for
 * that very disk, so a thread of the look-up pool does it; the answer is remembered by directory,
 * and a disk that hangs later is not asked again.
 */
#include "io/uv_io.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

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

/* Of the path or, where it does not exist, of the nearest above it. */
static bool look_up(const struct io_uv *io, const char *path, dev_t *device)
{
	char above[IO_PATH_BYTES_MAX], shorter[IO_PATH_BYTES_MAX];

	if (device_of(io, path, device))
		return true;
	if (strlen(path) >= sizeof(above))
		path = "."; /* what follows will say that it is too long */
	snprintf(above, sizeof(above), "%s", path);
	while (directory_of(above, shorter, sizeof(shorter)) && strcmp(above, shorter) != 0) {
		memcpy(above, shorter, sizeof(above));
		if (device_of(io, above, device))
			return true;
	}
	return false;
}

uint32_t real_pool_of(struct io *io, const char *path)
{
	dev_t device;

	return look_up(real_of(io), path, &device) ? real_pool_of_device(real_of(io), device)
						   : IO_POOL_CPU;
}

/* The directory that the request works in. */
static bool directory_of_request(const struct io_request *request, char *directory, size_t size)
{
	const char *path = request->u.path.path;

	switch (request->operation) {
	case IO_OPERATION_LIST:
	case IO_OPERATION_SYNC_DIRECTORY:
	case IO_OPERATION_SPACE:
		if (strlen(path) >= size)
			return false;
		memcpy(directory, path, strlen(path) + 1);
		return true;
	default:
		return directory_of(path, directory, size);
	}
}

bool real_place_known(struct io_uv *io, const struct io_request *request, uint32_t *pool)
{
	char directory[REAL_DIRECTORY_BYTES_MAX];

	if (!directory_of_request(request, directory, sizeof(directory)))
		return false;
	for (size_t i = 0; i < io->directories_count; i++) {
		if (strcmp(io->directories[i].name, directory) != 0)
			continue;
		*pool = io->directories[i].pool;
		return true;
	}
	return false;
}

void real_place_look_up(struct io_uv *io, struct io_request *request)
{
	char directory[IO_PATH_BYTES_MAX];
	dev_t device;

	/* One that is too long fails on any disk. */
	if (!directory_of_request(request, directory, sizeof(directory)))
		memcpy(directory, ".", 2);
	request->backend[0] = look_up(io, directory, &device) ? device : 0;
	request->result = 0;
	request->os_error = 0;
}

uint32_t real_place_remember(struct io_uv *io, const struct io_request *request)
{
	dev_t device = (dev_t)request->backend[0];
	uint32_t pool = device ? real_pool_of_device(io, device) : IO_POOL_CPU, known;
	struct real_directory *place = &io->directories[io->directories_next];

	if (real_place_known(io, request, &known))
		return known;
	if (!directory_of_request(request, place->name, sizeof(place->name)))
		return pool;
	place->pool = pool;
	io->directories_next = (io->directories_next + 1) % REAL_DIRECTORIES_MAX;
	if (io->directories_count < REAL_DIRECTORIES_MAX)
		io->directories_count++;
	return pool;
}
