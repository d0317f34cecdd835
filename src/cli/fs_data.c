/* SPDX-License-Identifier: Apache-2.0 */
/* fs_data.c - bytes in and out: a file stored, fetched or copied, `gw fs cat|append`. */
#include "cli/fs.h"

#include "task/loop.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

enum { BUFFER_BYTES = 8 << 20 };

/* Where bytes come from and go to: a file here, or one of the file system. */
struct end {
	const char *name;
	FILE *local;
	struct gw_gfs_file *file;
	uint64_t offset;
};

/* ---- From one end to the other --------------------------------------------------------------- */

static int take(struct end *from, uint8_t *buffer, size_t size, size_t *bytes,
		struct gw_error *error)
{
	if (from->file)
		return gw_gfs_read(from->file, from->offset, buffer, size, bytes, error);
	*bytes = fread(buffer, 1, size, from->local);
	return *bytes < size && ferror(from->local) ? gw_fail_errno(error, errno, "%s", from->name)
						    : 0;
}

static int give(struct end *to, const uint8_t *buffer, size_t size, struct gw_error *error)
{
	if (to->file)
		return gw_gfs_write(to->file, to->offset, (struct gw_bytes){buffer, size}, error);
	return fwrite(buffer, 1, size, to->local) == size
		       ? 0
		       : gw_fail_errno(error, errno, "%s", to->name);
}

static int move_all(struct cli_fs *fs, struct end *from, struct end *to, struct gw_error *error)
{
	uint8_t *buffer = malloc(BUFFER_BYTES);
	size_t bytes = BUFFER_BYTES;
	int code = 0;

	if (!buffer)
		return gw_fail(error, GW_E_NO_MEMORY, "no memory for a buffer");
	while (code == 0 && bytes == BUFFER_BYTES) {
		code = take(from, buffer, BUFFER_BYTES, &bytes, error);
		if (code == 0 && bytes > 0)
			code = give(to, buffer, bytes, error);
		from->offset += bytes;
		to->offset += bytes;
		cli_fs_progress_add(fs, bytes);
	}
	free(buffer);
	return code;
}

static struct gw_gfs_open new_file(const struct cli_fs *fs, bool exclusive)
{
	return (struct gw_gfs_open){
		.create = true,
		.exclusive = exclusive,
		.goal = (uint32_t)fs->goal,
		.chunk_log2 = fs->chunk_bytes ? (uint32_t)__builtin_ctzll(fs->chunk_bytes) : 0,
	};
}

/* ---- Into the file system -------------------------------------------------------------------- */

/* The name of a file that is not whole yet; malloc'ed. */
static char *part_name(const char *path)
{
	char name[32];
	uint64_t number;
	char *part = malloc(strlen(path) + sizeof(name));

	io_random(task_io(), &number, sizeof(number));
	(void)snprintf(name, sizeof(name), ".%016" PRIx64 ".part", number);
	if (part) {
		memcpy(part, path, strlen(path));
		memcpy(part + strlen(path), name, strlen(name) + 1);
	}
	return part;
}

/* Under another name until all of it is on disks. */
static int store_as(struct cli_fs *fs, struct end *from, const char *part, const char *path,
		    struct gw_error *error)
{
	const struct gw_gfs_open open = new_file(fs, true);
	struct end to = {.name = path};
	int code = gw_gfs_open(&to.file, fs->client, gw_string(part), &open, error), closed;

	if (code < 0)
		return code;
	code = move_all(fs, from, &to, error);
	if (code == 0)
		code = gw_gfs_sync(to.file, error);
	closed = gw_gfs_close(to.file, code == 0 ? error : NULL);
	if (code == 0)
		code = closed;
	if (code == 0)
		code = gw_gfs_rename(fs->client, gw_string(part), gw_string(path), fs->force, NULL,
				     error);
	if (code < 0) { /* after an unknown outcome there may be nothing to delete */
		int deleted = gw_gfs_delete(fs->client, gw_string(part), true, NULL, NULL);

		(void)deleted;
	}
	return code;
}

static int store(struct cli_fs *fs, struct end *from, const char *path, struct gw_error *error)
{
	char *part = part_name(path);
	struct gw_gfs_stat stat;
	int code = 0;

	/* So that nothing is sent in vain; the rename looks once more. */
	if (part && !fs->force &&
	    gw_gfs_stat(fs->client, gw_string(path), false, false, &stat, NULL) == 0)
		code = gw_fail(error, GW_E_EXISTS, "%s: exists already", path);
	if (!part)
		code = gw_fail(error, GW_E_NO_MEMORY, "no memory for a name");
	if (code == 0)
		code = store_as(fs, from, part, path, error);
	free(part);
	return code;
}

int cli_fs_store(struct cli_fs *fs, FILE *local, const char *name, const char *path,
		 struct gw_error *error)
{
	struct end from = {.name = name, .local = local};

	return store(fs, &from, path, error);
}

int cli_fs_store_copy(struct cli_fs *fs, const char *path, const char *to, struct gw_error *error)
{
	struct end from = {.name = path};
	int code = gw_gfs_open(&from.file, fs->client, gw_string(path), NULL, error);

	if (code == 0)
		code = store(fs, &from, to, error);
	(void)gw_gfs_close(from.file, NULL);
	return code;
}

/* ---- Appending ------------------------------------------------------------------------------- */

static int append_all(struct gw_gfs_writer *writer, struct gw_gfs_file *file, struct end *from,
		      struct gw_error *error)
{
	uint64_t size = gw_gfs_file_chunk_bytes(file) / GW_GFS_APPEND_SHARE, sequence = 0;
	uint8_t *buffer;
	size_t bytes;
	int code = 0;

	if (size > GW_GFS_PIECE_BYTES)
		size = GW_GFS_PIECE_BYTES;
	buffer = malloc((size_t)size);
	if (!buffer)
		return gw_fail(error, GW_E_NO_MEMORY, "no memory for a buffer");
	do {
		code = take(from, buffer, (size_t)size, &bytes, error);
		if (code == 0 && bytes > 0)
			code = gw_gfs_append_once(writer, file, ++sequence,
						  (struct gw_bytes){buffer, bytes}, NULL, error);
	} while (code == 0 && bytes == size);
	free(buffer);
	return code;
}

int cli_fs_append(struct cli_fs *fs, struct gw_error *error)
{
	const struct gw_gfs_open open = new_file(fs, false);
	struct gw_gfs_writer *writer = NULL;
	struct gw_gfs_file *file = NULL;
	struct end from = {.name = fs->operands[0]};
	int code = cli_fs_open_local(from.name, &from.local, error);

	if (code == 0)
		code = gw_gfs_open(&file, fs->client, gw_string(fs->operands[1]), &open, error);
	if (code == 0)
		code = gw_gfs_writer_new(&writer, fs->client, error);
	if (code == 0)
		code = append_all(writer, file, &from, error);
	if (code == 0)
		code = gw_gfs_sync(file, error);
	gw_gfs_writer_free(writer);
	(void)gw_gfs_close(file, NULL);
	cli_fs_close_local(from.local);
	return code;
}

/* ---- Out of the file system ------------------------------------------------------------------ */

int cli_fs_fetch(struct cli_fs *fs, const char *path, FILE *local, const char *name,
		 struct gw_error *error)
{
	struct end from = {.name = path}, to = {.name = name, .local = local};
	int code = gw_gfs_open(&from.file, fs->client, gw_string(path), NULL, error);

	if (code == 0)
		code = move_all(fs, &from, &to, error);
	(void)gw_gfs_close(from.file, NULL);
	return code;
}

static int print_file(struct cli_fs *fs, const char *path, struct gw_error *error)
{
	return cli_fs_fetch(fs, path, stdout, "standard output", error);
}

int cli_fs_cat(struct cli_fs *fs, struct gw_error *error)
{
	return cli_fs_each_path(fs, 0, print_file, error);
}
