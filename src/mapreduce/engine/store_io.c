/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store_io.c - see store_io.h. Each call is a request of the task's io and the wait for it; they
 * end with a failure when the task is cancelled.
 */
#include "store_io.h"

#include "store_pieces.h"

#include "task/await.h"
#include "task/loop.h"

#include <assert.h>
#include <stdlib.h>

enum { DEPTH_MAX = 64 }; /* of trees that are removed or committed */

struct io_store_file {
	struct mr_file file;
	struct io_file *io;
	uint64_t end; /* where the next append goes */
};

static struct io_store_file *file_of(struct mr_file *file)
{
	return (struct io_store_file *)(void *)file;
}

/* ---- Names -------------------------------------------------------------------------------- */

typedef void path_operation(struct io *io, struct io_request *request, const char *path,
			    io_done *done);

static int on_path(path_operation *operation, const char *path, struct gw_error *error)
{
	struct task_request wait = {.error = error};

	operation(task_io(), &wait.request, path, task_request_done);
	return task_await(&wait, GW_FOREVER);
}

static int list_directory(const char *path, struct io_list *list, struct gw_error *error)
{
	struct task_request wait = {.error = error};

	io_list(task_io(), &wait.request, path, list, task_request_done);
	return task_await(&wait, GW_FOREVER);
}

/* directory/name, to be freed. */
static char *join(const char *directory, const char *name, struct gw_error *error)
{
	size_t head = strlen(directory), tail = strlen(name);
	char *path = malloc(head + 1 + tail + 1);

	assert(tail > 0);
	if (!path) {
		gw_fail(error, GW_E_NO_MEMORY, "no memory for a path in %s", directory);
		return NULL;
	}
	memcpy(path, directory, head);
	path[head] = '/';
	memcpy(path + head + 1, name, tail + 1);
	return path;
}

/* ---- Files -------------------------------------------------------------------------------- */

static int close_io_file(struct io_file *file, struct gw_error *error)
{
	struct task_request wait = {.error = error};
	int result;

	io_close(task_io(), &wait.request, file, task_request_done);
	gw_shield_begin();
	result = task_await(&wait, GW_FOREVER);
	gw_shield_end();
	return result;
}

static int size_of(struct io_file *file, uint64_t *size, struct gw_error *error)
{
	struct task_request wait = {.error = error};

	io_size(task_io(), &wait.request, file, size, task_request_done);
	return task_await(&wait, GW_FOREVER);
}

static int open_io_file(const char *path, uint32_t flags, struct io_file **file,
			struct gw_error *error)
{
	struct task_request wait = {.error = error};

	io_open(task_io(), &wait.request, path, flags, 0600, file, task_request_done);
	return task_await(&wait, GW_FOREVER);
}

static int open_file(struct mr_store *store, const char *path, uint32_t flags,
		     struct mr_file **file, struct gw_error *error)
{
	struct io_store_file *made = calloc(1, sizeof *made);
	int result;

	if (!made)
		return gw_fail(error, GW_E_NO_MEMORY, "%s: no memory to open it", path);
	made->file.store = store;
	result = open_io_file(path, flags, &made->io, error);
	if (result < 0) {
		free(made);
		return result;
	}
	result = size_of(made->io, &made->end, error);
	if (result < 0) {
		(void)close_io_file(made->io, NULL);
		free(made);
		return result;
	}
	*file = &made->file;
	return 0;
}

static int store_open(struct mr_store *store, const char *path, struct mr_file **file,
		      struct gw_error *error)
{
	return open_file(store, path, IO_READ, file, error);
}

static int store_open_temp(struct mr_store *store, const char *path, struct mr_file **file,
			   struct gw_error *error)
{
	return open_file(store, path, IO_READ | IO_WRITE, file, error);
}

static int store_create_temp(struct mr_store *store, const char *path, struct mr_file **file,
			     struct gw_error *error)
{
	return open_file(store, path, IO_READ | IO_WRITE | IO_CREATE | IO_EXCLUSIVE, file, error);
}

/* A failure of the close says that bytes may be lost; a commit syncs and hears of them there. */
static void store_close(struct mr_file *file)
{
	struct io_store_file *own = file_of(file);

	(void)close_io_file(own->io, NULL);
	free(own);
}

static int store_size(struct mr_file *file, uint64_t *size, struct gw_error *error)
{
	return size_of(file_of(file)->io, size, error);
}

static const char *name_of(struct mr_file *file)
{
	return file_of(file)->io->name;
}

static int64_t read_piece(struct mr_file *file, uint64_t offset, void *data, size_t size,
			  struct gw_error *error)
{
	struct task_request wait = {.error = error};
	const struct io_buffer buffer = {data, size};

	io_preadv(task_io(), &wait.request, file_of(file)->io, &buffer, 1, offset,
		  task_request_done);
	return task_await(&wait, GW_FOREVER);
}

static int64_t write_piece(struct mr_file *file, uint64_t offset, const void *data, size_t size,
			   struct gw_error *error)
{
	struct task_request wait = {.error = error};
	const struct gw_bytes piece = {data, size};
	int result;

	io_pwritev(task_io(), &wait.request, file_of(file)->io, &piece, 1, offset, 0,
		   task_request_done);
	result = task_await(&wait, GW_FOREVER);
	return result < 0 ? result : (int64_t)size;
}

static const struct mr_pieces io_pieces = {
	.size_max = IO_TRANSFER_BYTES_MAX,
	.name = name_of,
	.read = read_piece,
	.write = write_piece,
};

static int store_read_at(struct mr_file *file, uint64_t offset, void *data, size_t size,
			 struct gw_error *error)
{
	return mr_pieces_read(&io_pieces, file, offset, data, size, error);
}

static int store_write_at(struct mr_file *file, uint64_t offset, const void *data, size_t size,
			  struct gw_error *error)
{
	return mr_pieces_write(&io_pieces, file, offset, data, size, error);
}

static int store_append(struct mr_file *file, const void *data, size_t size, uint64_t *offset,
			struct gw_error *error)
{
	return mr_pieces_append(&io_pieces, file, &file_of(file)->end, data, size, offset, error);
}

static int store_locations(struct mr_file *file, uint64_t offset, uint64_t size,
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

static int store_descriptor(struct mr_file *file)
{
	(void)file;
	return GW_E_UNSUPPORTED;
}

/* ---- Trees -------------------------------------------------------------------------------- */

static void make_path(struct io *io, struct io_request *request, const char *path, io_done *done)
{
	io_mkdir(io, request, path, 0700, done);
}

static int store_make_directory(struct mr_store *store, const char *path, struct gw_error *error)
{
	(void)store;
	return on_path(make_path, path, error);
}

typedef int tree_function(const char *path, int depth, struct gw_error *error);

/* Calls on_file for the files in the directory and on_directory for the directories. */
static int visit(const char *path, int depth, tree_function *on_file, tree_function *on_directory,
		 struct gw_error *error)
{
	struct io_list list = {0};
	int result;

	assert(depth >= 0 && depth <= DEPTH_MAX);
	if (depth == DEPTH_MAX)
		return gw_fail(error, GW_E_TOO_LARGE, "%s: directories %d deep", path, DEPTH_MAX);
	result = list_directory(path, &list, error);
	if (result < 0)
		return result;
	for (size_t i = 0; result == 0 && i < list.count; i++) {
		char *inside = join(path, list.entries[i].name, error);

		if (!inside)
			result = GW_E_NO_MEMORY;
		else if (list.entries[i].is_directory)
			result = on_directory(inside, depth + 1, error);
		else
			result = on_file(inside, depth + 1, error);
		free(inside);
	}
	io_list_free(task_io(), &list);
	return result;
}

static int remove_file(const char *path, int depth, struct gw_error *error)
{
	int result = on_path(io_unlink, path, error);

	(void)depth;
	return result == GW_E_NOT_FOUND ? 0 : result;
}

static int remove_directory(const char *path, int depth, struct gw_error *error)
{
	int result = visit(path, depth, remove_file, remove_directory, error);

	if (result == 0)
		result = on_path(io_rmdir, path, error);
	return result == GW_E_NOT_FOUND ? 0 : result;
}

static int store_remove(struct mr_store *store, const char *path, struct gw_error *error)
{
	struct gw_error first = {0};

	(void)store;
	if (remove_file(path, 0, &first) == 0)
		return 0;
	return remove_directory(path, 0, error);
}

static int sync_file(const char *path, int depth, struct gw_error *error)
{
	struct task_request wait = {.error = error};
	struct io_file *file;
	int result = open_io_file(path, IO_READ | IO_WRITE, &file, error);

	(void)depth;
	if (result < 0)
		return result;
	io_sync(task_io(), &wait.request, file, task_request_done);
	result = task_await(&wait, GW_FOREVER);
	if (result < 0) {
		(void)close_io_file(file, NULL);
		return result;
	}
	return close_io_file(file, error);
}

static int sync_tree(const char *path, int depth, struct gw_error *error)
{
	int result = visit(path, depth, sync_file, sync_tree, error);

	return result < 0 ? result : on_path(io_sync_directory, path, error);
}

static int sync_parent(const char *path, struct gw_error *error)
{
	const char *slash = strrchr(path, '/');
	char *parent;
	int result;

	if (!slash)
		return on_path(io_sync_directory, ".", error);
	parent = strndup(path, slash == path ? 1 : (size_t)(slash - path));
	if (!parent)
		return gw_fail(error, GW_E_NO_MEMORY, "%s: no memory to commit it", path);
	result = on_path(io_sync_directory, parent, error);
	free(parent);
	return result;
}

/* Whether path is a directory: it can be listed. */
static bool is_directory(const char *path)
{
	struct io_list list = {0};

	if (list_directory(path, &list, NULL) < 0)
		return false;
	io_list_free(task_io(), &list);
	return true;
}

static int store_commit(struct mr_store *store, const char *temporary, const char *path,
			struct gw_error *error)
{
	struct task_request wait = {.error = error};
	int result;

	(void)store;
	if (is_directory(temporary))
		result = sync_tree(temporary, 0, error);
	else
		result = sync_file(temporary, 0, error);
	if (result < 0)
		return result;
	io_rename(task_io(), &wait.request, temporary, path, IO_RENAME_EXCLUSIVE,
		  task_request_done);
	result = task_await(&wait, GW_FOREVER);
	return result < 0 ? result : sync_parent(path, error);
}

/* ---- Lists -------------------------------------------------------------------------------- */

static int list_file(const char *path, bool must_open, mr_entry_function *function, void *context,
		     struct gw_error *error)
{
	struct mr_entry entry = {.path = path};
	struct io_file *file;
	int result = open_io_file(path, IO_READ, &file, error);

	if (result < 0 && must_open)
		return result;
	entry.is_readable = result == 0;
	if (entry.is_readable) {
		result = size_of(file, &entry.size, error);
		(void)close_io_file(file, NULL);
		if (result < 0)
			return result;
	}
	return function(context, &entry, error);
}

static int list_entries(const char *path, const struct io_list *list, mr_entry_function *function,
			void *context, struct gw_error *error)
{
	int result = 0;

	for (size_t i = 0; result == 0 && i < list->count; i++) {
		char *inside = join(path, list->entries[i].name, error);
		struct mr_entry entry = {.path = inside, .is_directory = true, .is_readable = true};

		if (!inside)
			return GW_E_NO_MEMORY;
		result = list->entries[i].is_directory
				 ? function(context, &entry, error)
				 : list_file(inside, false, function, context, error);
		free(inside);
	}
	return result;
}

static int store_list(struct mr_store *store, const char *path, mr_entry_function *function,
		      void *context, struct gw_error *error)
{
	struct io_list list = {0};
	int result = list_directory(path, &list, NULL);

	(void)store;
	if (result < 0)
		return list_file(path, true, function, context, error);
	result = list_entries(path, &list, function, context, error);
	io_list_free(task_io(), &list);
	return result;
}

static const struct mr_store_operations io_operations = {
	.open = store_open,
	.size = store_size,
	.read_at = store_read_at,
	.locations = store_locations,
	.create_temp = store_create_temp,
	.open_temp = store_open_temp,
	.write_at = store_write_at,
	.append = store_append,
	.descriptor = store_descriptor,
	.close = store_close,
	.commit = store_commit,
	.make_directory = store_make_directory,
	.remove = store_remove,
	.list = store_list,
};

void mr_store_io_init(struct mr_store *store)
{
	store->operations = &io_operations;
}
