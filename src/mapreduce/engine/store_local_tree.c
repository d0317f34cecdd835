/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store_local_tree.c - names of local files: making them visible, removing and listing them. Trees
 * are walked by descriptor (openat, unlinkat), so that a symbolic link put into one is never
 * followed out of it.
 */
#include "store_local.h"

#include "base/allocate.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	DIRECTORY_FLAGS = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC,
	DEPTH_MAX = 64, /* of trees that are removed or committed: a descriptor a level */
};

int mr_local_make_directory(struct mr_store *store, const char *path, struct gw_error *error)
{
	(void)store;
	if (mkdir(path, 0700) < 0)
		return gw_fail_errno(error, errno, "%s: cannot be made", path);
	return 0;
}

/* A walk over a tree. path names the root in errors. */
struct walk {
	const char *path;
	mode_t mask; /* of new files; for opening up */
	struct gw_error *error;
};

typedef int visit_function(const struct walk *walk, int directory, const char *name, int depth);

static bool is_dots(const char *name)
{
	return name[0] == '.' && (name[1] == 0 || (name[1] == '.' && name[2] == 0));
}

static int fail_in_walk(const struct walk *walk, const char *name)
{
	return gw_fail_errno(walk->error, errno, "%s: %s", walk->path, name);
}

/* Visits each entry of the directory named name in directory. */
static int visit_entries(const struct walk *walk, int directory, const char *name, int depth,
			 visit_function *visit)
{
	int fd = openat(directory, name, DIRECTORY_FLAGS);
	struct dirent *entry;
	DIR *stream;
	int result = 0;

	assert(depth >= 0 && depth <= DEPTH_MAX);
	if (fd < 0)
		return fail_in_walk(walk, name);
	stream = fdopendir(fd);
	if (!stream) {
		result = fail_in_walk(walk, name);
		close(fd);
		return result;
	}
	if (depth >= DEPTH_MAX)
		result = gw_fail(walk->error, GW_E_TOO_LARGE, "%s: directories %d deep", walk->path,
				 DEPTH_MAX);
	while (result == 0) {
		errno = 0;
		entry = readdir(stream);
		if (!entry) {
			if (errno)
				result = fail_in_walk(walk, name);
			break;
		}
		if (!is_dots(entry->d_name))
			result = visit(walk, fd, entry->d_name, depth + 1);
	}
	closedir(stream);
	return result;
}

static int remove_at(const struct walk *walk, int directory, const char *name, int depth)
{
	int result;

	assert(depth >= 0 && depth <= DEPTH_MAX);
	if (unlinkat(directory, name, 0) == 0 || errno == ENOENT)
		return 0;
	/* Linux says EISDIR; POSIX, and a file system that follows it, EPERM. */
	if (errno != EISDIR && errno != EPERM)
		return fail_in_walk(walk, name);
	result = visit_entries(walk, directory, name, depth, remove_at);
	if (result < 0)
		return result;
	if (unlinkat(directory, name, AT_REMOVEDIR) < 0 && errno != ENOENT)
		return fail_in_walk(walk, name);
	return 0;
}

int mr_local_remove(struct mr_store *store, const char *path, struct gw_error *error)
{
	struct walk walk = {.path = path, .error = error};

	(void)store;
	return remove_at(&walk, AT_FDCWD, path, 0);
}

/* Temporary files are private; what is committed gets the permissions of any new file. */
static int open_up_at(const struct walk *walk, int directory, const char *name, int depth)
{
	struct stat status;
	int result = 0;
	mode_t mode;

	if (fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) < 0)
		return fail_in_walk(walk, name);
	if (S_ISDIR(status.st_mode))
		result = visit_entries(walk, directory, name, depth, open_up_at);
	else if (!S_ISREG(status.st_mode))
		return 0;
	if (result < 0)
		return result;
	mode = (S_ISDIR(status.st_mode) ? 0777 : 0666) & ~walk->mask;
	if (fchmodat(directory, name, mode, 0) < 0)
		return fail_in_walk(walk, name);
	return 0;
}

static mode_t file_mask(void)
{
	mode_t mask = umask(077); /* there is no way to ask but to set it */

	umask(mask);
	return mask;
}

/* A file is linked, which never replaces; a directory has to be looked for first, which leaves a
 * gap that only an empty directory made in it could fall into. */
int mr_local_rename_checked(const char *temporary, const char *path)
{
	struct stat status;

	if (link(temporary, path) == 0)
		return unlink(temporary);
	if (errno == EEXIST || errno == ENOENT || errno == ENOSPC || errno == EACCES)
		return -1;
	if (lstat(path, &status) == 0) {
		errno = EEXIST;
		return -1;
	}
	return rename(temporary, path);
}

int mr_local_commit(struct mr_store *store, const char *temporary, const char *path,
		    struct gw_error *error)
{
	struct walk walk = {.path = temporary, .mask = file_mask(), .error = error};
	int result = open_up_at(&walk, AT_FDCWD, temporary, 0);

	(void)store;
	if (result < 0)
		return result;
	if (renameat2(AT_FDCWD, temporary, AT_FDCWD, path, RENAME_NOREPLACE) == 0)
		return 0;
	if ((errno == EINVAL || errno == ENOSYS) &&
	    mr_local_rename_checked(temporary, path) == 0)
		return 0;
	if (errno == EEXIST || errno == ENOTEMPTY)
		return gw_fail(error, GW_E_EXISTS, "%s: exists already", path);
	return gw_fail_errno(error, errno, "%s: cannot be renamed to %s", temporary, path);
}

/* ---- Listing --------------------------------------------------------------------------------- */

struct listing {
	const char *path;
	struct listed {
		uint64_t size;
		size_t name; /* in names */
		bool is_directory, is_readable;
	} *items;
	char *names; /* each ended by NUL */
	size_t count, capacity, names_used, names_capacity;
	size_t longest;
	struct gw_error *error;
};

static int fail_memory(const struct listing *listing)
{
	return gw_fail(listing->error, GW_E_NO_MEMORY, "%s: listing it: out of memory",
		       listing->path);
}

static int grow_listing(struct listing *listing, size_t name_size)
{
	struct listed *items;
	char *names;

	items = base_grow(listing->items, sizeof *items, &listing->capacity, listing->count + 1);
	if (!items)
		return fail_memory(listing);
	listing->items = items;
	names = base_grow(listing->names, 1, &listing->names_capacity,
			  listing->names_used + name_size);
	if (!names)
		return fail_memory(listing);
	listing->names = names;
	assert(listing->count < listing->capacity);
	assert(name_size <= listing->names_capacity - listing->names_used);
	return 0;
}

/* A look at the mode spares most files a second system call. */
static bool may_read(int directory, const char *name, const struct stat *status)
{
	if ((status->st_mode & 0444) == 0444)
		return true;
	return faccessat(directory, name, R_OK, AT_EACCESS) == 0;
}

static int add_to_listing(struct listing *listing, int directory, const char *name)
{
	size_t name_size = strlen(name) + 1;
	struct stat status;
	int result;

	if (fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) < 0) {
		if (errno == ENOENT) /* removed since */
			return 0;
		return gw_fail_errno(listing->error, errno, "%s/%s", listing->path, name);
	}
	if (!S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode))
		return 0;
	result = grow_listing(listing, name_size);
	if (result < 0)
		return result;
	listing->items[listing->count++] = (struct listed){
		.size = (uint64_t)status.st_size,
		.name = listing->names_used,
		.is_directory = S_ISDIR(status.st_mode),
		.is_readable = may_read(directory, name, &status),
	};
	memcpy(listing->names + listing->names_used, name, name_size);
	listing->names_used += name_size;
	if (name_size > listing->longest)
		listing->longest = name_size;
	return 0;
}

static int read_directory(struct listing *listing)
{
	DIR *stream = opendir(listing->path);
	struct dirent *entry;
	int result = 0;

	if (!stream)
		return gw_fail_errno(listing->error, errno, "%s", listing->path);
	while (result == 0) {
		errno = 0;
		entry = readdir(stream);
		if (!entry) {
			if (errno)
				result = gw_fail_errno(listing->error, errno, "%s", listing->path);
			break;
		}
		if (!is_dots(entry->d_name))
			result = add_to_listing(listing, dirfd(stream), entry->d_name);
	}
	closedir(stream);
	return result;
}

static int compare_listed(const void *a, const void *b, void *names)
{
	const struct listed *left = a, *right = b;

	return strcmp((char *)names + left->name, (char *)names + right->name);
}

/* Calls function for all items; the directory is closed by now, so it may list others. */
static int report_listing(struct listing *listing, mr_entry_function *function, void *context)
{
	size_t path_size = strlen(listing->path);
	char *path = malloc(path_size + 1 + listing->longest);
	int result = 0;

	if (!path)
		return fail_memory(listing);
	memcpy(path, listing->path, path_size);
	if (path_size == 0 || path[path_size - 1] != '/')
		path[path_size++] = '/';
	for (size_t i = 0; i < listing->count && result == 0; i++) {
		const struct listed *item = &listing->items[i];
		const char *name = listing->names + item->name;
		struct mr_entry entry = {path, item->size, item->is_directory, item->is_readable};

		assert(item->name < listing->names_used && strlen(name) < listing->longest);
		memcpy(path + path_size, name, strlen(name) + 1);
		result = function(context, &entry, listing->error);
	}
	free(path);
	return result;
}

int mr_local_list(struct mr_store *store, const char *path, mr_entry_function *function,
		  void *context, struct gw_error *error)
{
	struct listing listing = {.path = path, .error = error};
	struct stat status;
	int result;

	(void)store;
	if (stat(path, &status) < 0)
		return gw_fail_errno(error, errno, "%s", path);
	if (!S_ISDIR(status.st_mode)) {
		struct mr_entry entry = {path, (uint64_t)status.st_size, false,
					 may_read(AT_FDCWD, path, &status)};

		result = mr_local_check_kind(path, &status, error);
		return result < 0 ? result : function(context, &entry, error);
	}
	result = read_directory(&listing);
	if (result == 0 && listing.count) {
		qsort_r(listing.items, listing.count, sizeof *listing.items, compare_listed,
			listing.names);
		result = report_listing(&listing, function, context);
	}
	free(listing.items);
	free(listing.names);
	return result;
}
