/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store_local.c - mr_store over the files of this machine. Descriptors are never inherited by
 * programs that user code starts. Trees (removing, listing, committing) are in store_local_tree.c.
 */
#include "store_local.h"

#include "store_pieces.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LOOKS = 4 }; /* pages of a mapping that tell whether it is in memory */

struct local_file {
	struct mr_file file;
	int fd;
	uint64_t end; /* where append goes on */
	char path[];
};

static struct local_file *local_of(struct mr_file *file)
{
	assert(file);
	return (struct local_file *)file;
}

/* Wraps the descriptor, which is closed on failure. */
static int make_file(struct mr_store *store, int fd, const char *path, uint64_t end,
		     struct mr_file **file, struct gw_error *error)
{
	size_t size = strlen(path) + 1;
	struct local_file *local = malloc(sizeof *local + size);

	assert(fd >= 0);
	if (!local) {
		close(fd);
		return gw_fail(error, GW_E_NO_MEMORY, "%s: out of memory", path);
	}
	local->file.store = store;
	local->fd = fd;
	local->end = end;
	memcpy(local->path, path, size);
	*file = &local->file;
	return 0;
}

int mr_local_check_kind(const char *path, const struct stat *status, struct gw_error *error)
{
	if (S_ISREG(status->st_mode))
		return 0;
	if (S_ISDIR(status->st_mode))
		return gw_fail(error, GW_E_INVALID, "%s: is a directory", path);
	if (S_ISFIFO(status->st_mode))
		return gw_fail(error, GW_E_INVALID,
			       "%s: is a pipe and can be read only once; copy it to a file first",
			       path);
	return gw_fail(error, GW_E_INVALID, "%s: is not a regular file", path);
}

static int open_any(struct mr_store *store, const char *path, int flags, struct mr_file **file,
		    struct gw_error *error)
{
	struct stat status;
	int result, fd;

	/* Without O_NONBLOCK opening a FIFO would wait for its writer; regular files ignore it. */
	fd = open(path, flags | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0 && errno == ENXIO)
		return gw_fail(error, GW_E_INVALID, "%s: is not a regular file", path);
	if (fd < 0)
		return gw_fail_errno(error, errno, "%s", path);
	if (fstat(fd, &status) < 0) {
		result = gw_fail_errno(error, errno, "%s", path);
		close(fd);
		return result;
	}
	result = mr_local_check_kind(path, &status, error);
	if (result < 0) {
		close(fd);
		return result;
	}
	return make_file(store, fd, path, (uint64_t)status.st_size, file, error);
}

static int local_open(struct mr_store *store, const char *path, struct mr_file **file,
		      struct gw_error *error)
{
	return open_any(store, path, O_RDONLY, file, error);
}

static int local_open_temp(struct mr_store *store, const char *path, struct mr_file **file,
			   struct gw_error *error)
{
	return open_any(store, path, O_RDWR | O_NOFOLLOW, file, error);
}

static int local_create_temp(struct mr_store *store, const char *path, struct mr_file **file,
			     struct gw_error *error)
{
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOCTTY, 0600);

	if (fd < 0)
		return gw_fail_errno(error, errno, "%s: cannot be created", path);
	return make_file(store, fd, path, 0, file, error);
}

static void local_close(struct mr_file *file)
{
	struct local_file *local = local_of(file);

	assert(local->fd >= 0);
	close(local->fd);
	free(local);
}

static int local_size(struct mr_file *file, uint64_t *size, struct gw_error *error)
{
	struct local_file *local = local_of(file);
	struct stat status;

	if (fstat(local->fd, &status) < 0)
		return gw_fail_errno(error, errno, "%s", local->path);
	*size = (uint64_t)status.st_size;
	return 0;
}

static const char *name_of(struct mr_file *file)
{
	return local_of(file)->path;
}

static int64_t read_piece(struct mr_file *file, uint64_t offset, void *data, size_t size,
			  struct gw_error *error)
{
	struct local_file *local = local_of(file);
	ssize_t got;

	do
		got = pread(local->fd, data, size, (off_t)offset);
	while (got < 0 && errno == EINTR);
	return got < 0 ? gw_fail_errno(error, errno, "%s: reading at byte %" PRIu64, local->path,
				       offset)
		       : got;
}

static int64_t write_piece(struct mr_file *file, uint64_t offset, const void *data, size_t size,
			   struct gw_error *error)
{
	struct local_file *local = local_of(file);
	ssize_t put;

	do
		put = pwrite(local->fd, data, size, (off_t)offset);
	while (put < 0 && errno == EINTR);
	return put < 0 ? gw_fail_errno(error, errno, "%s: writing at byte %" PRIu64, local->path,
				       offset)
		       : put;
}

static const struct mr_pieces local_pieces = {
	.size_max = 1 << 30, /* the kernel moves at most 2 GiB a call */
	.name = name_of,
	.read = read_piece,
	.write = write_piece,
};

static int local_read_at(struct mr_file *file, uint64_t offset, void *data, size_t size,
			 struct gw_error *error)
{
	return mr_pieces_read(&local_pieces, file, offset, data, size, error);
}

static int local_write_at(struct mr_file *file, uint64_t offset, const void *data, size_t size,
			  struct gw_error *error)
{
	return mr_pieces_write(&local_pieces, file, offset, data, size, error);
}

static int local_append(struct mr_file *file, const void *data, size_t size, uint64_t *offset,
			struct gw_error *error)
{
	return mr_pieces_append(&local_pieces, file, &local_of(file)->end, data, size, offset,
				error);
}

/* Maps whole pages: how far into its first page offset is. */
static size_t page_part(uint64_t offset)
{
	return (size_t)(offset & ((uint64_t)sysconf(_SC_PAGESIZE) - 1));
}

static bool is_resident(char *page)
{
	unsigned char resident = 0;

	return mincore(page, 1, &resident) == 0 && (resident & 1);
}

/* Starts reading all of it from disk if it is not in memory, as a few looks tell. What is in
 * memory is left to faults: they map a whole folio each, which no call that populates does
 * faster. */
static void read_ahead(char *memory, size_t size)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	for (size_t look = 0; look < LOOKS; look++) {
		size_t at = size / LOOKS * look;

		if (!is_resident(memory + at - at % page)) {
			madvise(memory, size, MADV_WILLNEED);
			return;
		}
	}
}

static int local_map(struct mr_file *file, uint64_t offset, size_t size, struct gw_bytes *bytes,
		     struct gw_error *error)
{
	struct local_file *local = local_of(file);
	size_t part = page_part(offset);
	uint64_t file_size = 0;
	char *memory;
	int result;

	*bytes = (struct gw_bytes){NULL, 0};
	result = local_size(file, &file_size, error);
	if (result < 0)
		return result;
	if (offset > file_size || size > file_size - offset)
		return mr_pieces_truncated(local->path, offset, size, error);
	if (size == 0)
		return 0;
	if (size > SIZE_MAX - part)
		return gw_fail(error, GW_E_TOO_LARGE, "%s: too long to map", local->path);
	memory = mmap(NULL, part + size, PROT_READ, MAP_SHARED, local->fd, (off_t)(offset - part));
	if (memory == MAP_FAILED)
		return gw_fail_errno(error, errno, "%s: mapping %zu bytes at byte %" PRIu64,
				     local->path, size, offset);
	read_ahead(memory, part + size);
	*bytes = (struct gw_bytes){memory + part, size};
	return 0;
}

static void local_unmap(struct mr_store *store, struct gw_bytes bytes)
{
	size_t part;

	(void)store;
	if (bytes.size == 0)
		return;
	/* What lies before the range in its page is found again from the address. */
	assert(bytes.data);
	part = page_part((uintptr_t)bytes.data);
	if (munmap((char *)(uintptr_t)bytes.data - part, part + bytes.size) < 0)
		assert(!"unmap of memory that map did not give");
}

static int local_locations(struct mr_file *file, uint64_t offset, uint64_t size,
			   struct mr_location *locations, size_t max, struct gw_error *error)
{
	(void)file;
	(void)offset;
	(void)size;
	(void)locations;
	(void)max;
	(void)error;
	return 0;
}

static int local_descriptor(struct mr_file *file)
{
	return local_of(file)->fd;
}

static const struct mr_store_operations local_operations = {
	.open = local_open,
	.size = local_size,
	.read_at = local_read_at,
	.map = local_map,
	.unmap = local_unmap,
	.locations = local_locations,
	.create_temp = local_create_temp,
	.open_temp = local_open_temp,
	.write_at = local_write_at,
	.append = local_append,
	.descriptor = local_descriptor,
	.close = local_close,
	.commit = mr_local_commit,
	.make_directory = mr_local_make_directory,
	.remove = mr_local_remove,
	.list = mr_local_list,
};

void mr_store_local_init(struct mr_store *store)
{
	store->operations = &local_operations;
}
