/* SPDX-License-Identifier: Apache-2.0 */
/* disk.c - see disk.h. */
#include "task/disk.h"

#include "task/await.h"
#include "task/loop.h"

#include <assert.h>
#include <inttypes.h>

enum { ZERO_BYTES = 64 << 10, FILL_PIECES = 16 };

static int finish(struct task_request *wait)
{
	int result;

	gw_shield_begin();
	result = task_await(wait, GW_FOREVER);
	gw_shield_end();
	return result;
}

int task_disk_open(const char *path, uint32_t flags, struct io_file **file,
		     struct gw_error *error)
{
	struct task_request wait = {.error = error};

	io_open(task_io(), &wait.request, path, flags, 0600, file, task_request_done);
	return finish(&wait);
}

int task_disk_close(struct io_file *file, struct gw_error *error)
{
	struct task_request wait = {.error = error};

	if (!file)
		return 0;
	io_close(task_io(), &wait.request, file, task_request_done);
	return finish(&wait);
}

int task_disk_write(struct io_file *file, const struct gw_bytes *pieces, uint32_t count,
		      uint64_t offset, uint32_t flags, struct gw_error *error)
{
	struct task_request wait = {.error = error};

	io_pwritev(task_io(), &wait.request, file, pieces, count, offset, flags, task_request_done);
	return finish(&wait);
}

int task_disk_read(struct io_file *file, void *data, size_t size, uint64_t offset,
		     struct gw_error *error)
{
	struct task_request wait = {.error = error};
	struct io_buffer buffer = {data, size};

	io_preadv(task_io(), &wait.request, file, &buffer, 1, offset, task_request_done);
	return finish(&wait);
}

int task_disk_size(struct io_file *file, uint64_t *size, struct gw_error *error)
{
	struct task_request wait = {.error = error};

	io_size(task_io(), &wait.request, file, size, task_request_done);
	return finish(&wait);
}

int task_disk_sync(struct io_file *file, struct gw_error *error)
{
	struct task_request wait = {.error = error};

	io_sync(task_io(), &wait.request, file, task_request_done);
	return finish(&wait);
}

int task_disk_truncate(struct io_file *file, uint64_t size, struct gw_error *error)
{
	struct task_request wait = {.error = error};

	io_truncate(task_io(), &wait.request, file, size, task_request_done);
	return finish(&wait);
}

static int preallocate(struct io_file *file, uint64_t from, uint64_t to, struct gw_error *error)
{
	struct task_request wait = {.error = error};
	int result;

	io_preallocate(task_io(), &wait.request, file, from, to - from, task_request_done);
	result = finish(&wait);
	/* Then the zeros have to find their space themselves. */
	return result == GW_E_UNSUPPORTED ? 0 : result;
}

/* On its way to the disk now, a little at a time: the sync at the end would hold up the others. */
static int flush(struct io_file *file, uint64_t from, uint64_t size, struct gw_error *error)
{
	struct task_request wait = {.error = error};

	io_flush_range(task_io(), &wait.request, file, from, size, task_request_done);
	return finish(&wait);
}

int task_disk_fill(struct io_file *file, uint64_t from, uint64_t to, struct gw_error *error)
{
	static const uint8_t zeros[ZERO_BYTES];
	struct gw_bytes pieces[FILL_PIECES];
	int result;

	assert(from < to);
	result = preallocate(file, from, to, error);
	while (result == 0 && from < to) {
		uint64_t start = from;
		uint32_t count = 0;

		for (; count < FILL_PIECES && from < to; count++) {
			uint64_t left = to - from;

			pieces[count] = (struct gw_bytes){
				zeros, left < ZERO_BYTES ? (size_t)left : ZERO_BYTES};
			from += pieces[count].size;
		}
		result = task_disk_write(file, pieces, count, start, 0, error);
		if (result == 0)
			result = flush(file, start, from - start, error);
	}
	return result < 0 ? result : task_disk_sync(file, error);
}

/* ---- Names -------------------------------------------------------------------------------- */

int task_disk_rename(const char *path, const char *to, struct gw_error *error)
{
	struct task_request wait = {.error = error};

	io_rename(task_io(), &wait.request, path, to, 0, task_request_done);
	return finish(&wait);
}

int task_disk_unlink(const char *path, struct gw_error *error)
{
	struct task_request wait = {.error = error};

	io_unlink(task_io(), &wait.request, path, task_request_done);
	return finish(&wait);
}

int task_disk_mkdir(const char *path, struct gw_error *error)
{
	struct task_request wait = {.error = error};

	io_mkdir(task_io(), &wait.request, path, 0700, task_request_done);
	return finish(&wait);
}

int task_disk_list(const char *path, struct io_list *list, struct gw_error *error)
{
	struct task_request wait = {.error = error};

	io_list(task_io(), &wait.request, path, list, task_request_done);
	return finish(&wait);
}

int task_disk_sync_directory(const char *path, struct gw_error *error)
{
	struct task_request wait = {.error = error};

	io_sync_directory(task_io(), &wait.request, path, task_request_done);
	return finish(&wait);
}

/* ---- Whole files -------------------------------------------------------------------------- */

static int load(struct io_file *file, size_t size_max, struct base_buffer *bytes,
		struct gw_error *error)
{
	uint64_t size = 0;
	int result = task_disk_size(file, &size, error);

	if (result < 0)
		return result;
	if (size > size_max)
		return gw_fail(error, GW_E_TOO_LARGE, "%s: %" PRIu64 " bytes are more than %zu",
			       file->name, size, size_max);
	bytes->size = 0;
	result = base_buffer_reserve(bytes, (size_t)size + 1, error);
	while (result == 0 && bytes->size < size) {
		result = task_disk_read(file, bytes->data + bytes->size,
					  (size_t)size - bytes->size, bytes->size, error);
		if (result == 0)
			break; /* somebody has cut it meanwhile */
		if (result > 0) {
			bytes->size += (size_t)result;
			result = 0;
		}
	}
	return result;
}

int task_disk_load(const char *path, size_t size_max, struct base_buffer *bytes,
		     struct gw_error *error)
{
	struct io_file *file;
	int result = task_disk_open(path, IO_READ, &file, error);

	if (result < 0)
		return result;
	result = load(file, size_max, bytes, error);
	(void)task_disk_close(file, NULL);
	return result;
}

int task_disk_save(const char *path, struct gw_bytes bytes, struct gw_error *error)
{
	struct io_file *file;
	int result = task_disk_open(path, IO_READ | IO_WRITE | IO_CREATE | IO_TRUNCATE, &file,
				      error);
	int closed;

	if (result < 0)
		return result;
	result = task_disk_write(file, &bytes, 1, 0, IO_WRITE_SYNC, error);
	closed = task_disk_close(file, result == 0 ? error : NULL);
	return result < 0 ? result : closed;
}
