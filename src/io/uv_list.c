/* SPDX-License-Identifier: Apache-2.0 */
/*
 * uv_list.c - a directory as a sorted list, on a thread of its disk's pool. Names are collected one
 * behind the other, each after a byte that says whether it is a directory; then one block is made
 * of the entries and the names.
 */
#include "base/allocate.h"
#include "io/uv_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct listing {
	char *names;
	size_t used, capacity, count;
};

static bool is_directory(DIR *directory, const struct dirent *entry)
{
	struct stat status;

	if (entry->d_type != DT_UNKNOWN)
		return entry->d_type == DT_DIR;
	return fstatat(dirfd(directory), entry->d_name, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
	       S_ISDIR(status.st_mode);
}

static int add_name(struct listing *listing, DIR *directory, const struct dirent *entry)
{
	size_t size = strlen(entry->d_name) + 1, need = listing->used + 1 + size;
	char *names = listing->names;

	if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
		return 0;
	if (listing->count == IO_LIST_ENTRIES_MAX)
		return EFBIG;
	if (need > listing->capacity)
		names = base_grow(names, 1, &listing->capacity, need);
	if (!names)
		return ENOMEM;
	listing->names = names;
	names[listing->used] = is_directory(directory, entry);
	memcpy(names + listing->used + 1, entry->d_name, size);
	listing->used = need;
	listing->count++;
	return 0;
}

static int read_all(struct listing *listing, DIR *directory)
{
	for (;;) {
		const struct dirent *entry;
		int wrong;

		errno = 0;
		entry = readdir(directory);
		if (!entry)
			return errno;
		wrong = add_name(listing, directory, entry);
		if (wrong)
			return wrong;
	}
}

static int by_name(const void *left, const void *right)
{
	return strcmp(((const struct io_entry *)left)->name,
		      ((const struct io_entry *)right)->name);
}

static struct io_entry *sorted(const struct listing *listing)
{
	size_t entries_size = listing->count * sizeof(struct io_entry);
	struct io_entry *entries = malloc(entries_size + listing->used + 1);
	char *names;

	if (!entries)
		return NULL;
	names = (char *)entries + entries_size;
	if (listing->used)
		memcpy(names, listing->names, listing->used);
	for (size_t i = 0; i < listing->count; i++) {
		entries[i].is_directory = names[0] != 0;
		entries[i].name = names + 1;
		names += strlen(names + 1) + 2;
	}
	qsort(entries, listing->count, sizeof(*entries), by_name);
	return entries;
}

void real_list_run(struct io_uv *io, struct io_request *request)
{
	struct listing listing = {0};
	struct io_entry *entries = NULL;
	int fd = openat(io->directory, request->u.path.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *directory = fd < 0 ? NULL : fdopendir(fd);
	int wrong = errno;

	if (directory) {
		wrong = read_all(&listing, directory);
		closedir(directory);
	} else if (fd >= 0) {
		close(fd);
	}
	if (!wrong) {
		entries = sorted(&listing);
		wrong = entries ? 0 : ENOMEM;
	}
	free(listing.names);
	if (wrong) {
		real_result_errno(request, wrong);
		return;
	}
	request->backend[0] = (uintptr_t)entries;
	request->backend[1] = listing.count;
	real_result(request, 0);
}

void real_list_free(struct io *io, struct io_list *list)
{
	(void)io;
	free(list->memory);
	memset(list, 0, sizeof(*list));
}
