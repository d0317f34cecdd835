/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io_file.h - the files of io.h, which includes this one.
 *
 * Paths are bytes ended by NUL; relative ones start at the directory that the backend was given.
 * A new name is durable after io_sync of the file and io_sync_directory of its directory, not
 * before. A read or write of more than IO_TRANSFER_BYTES_MAX is GW_E_TOO_LARGE; for an IO_DIRECT
 * file one that is not aligned to IO_DIRECT_ALIGN_BYTES is GW_E_INVALID.
 */
#ifndef IO_IO_FILE_H
#define IO_IO_FILE_H

/* For the functions below: a request on a file, not yet submitted. */
static inline void io_file_begin(struct io_request *request, enum io_operation operation,
				 struct io_file *file, uint64_t offset, uint64_t size,
				 io_done *done)
{
	io_request_begin(request, operation, file->name, done);
	request->u.file.file = file;
	request->u.file.offset = offset;
	request->u.file.size = size;
	request->u.file.pieces = NULL;
	request->u.file.size_out = NULL;
	request->u.file.count = 0;
	request->u.file.flags = 0;
}

/* Closes; the file is gone whatever the result. A failure means that bytes written may be lost. */
static inline void io_close(struct io *io, struct io_request *request, struct io_file *file,
			    io_done *done)
{
	io_file_begin(request, IO_OPERATION_CLOSE, file, 0, 0, done);
	io->operations->submit(io, request);
}

static inline void io_size(struct io *io, struct io_request *request, struct io_file *file,
			   uint64_t *size, io_done *done)
{
	io_file_begin(request, IO_OPERATION_SIZE, file, 0, 0, done);
	request->u.file.size_out = size;
	io->operations->submit(io, request);
}

/* Cuts, or lengthens with zeros. */
static inline void io_truncate(struct io *io, struct io_request *request, struct io_file *file,
			       uint64_t size, io_done *done)
{
	io_file_begin(request, IO_OPERATION_TRUNCATE, file, 0, size, done);
	io->operations->submit(io, request);
}

/* Fills the buffers from offset on. The result is the bytes read: all that was asked for, or
 * fewer when the file ends there (0: at or behind its end). Bytes of a buffer beyond the result
 * are undefined. */
static inline void io_preadv(struct io *io, struct io_request *request, struct io_file *file,
			     const struct io_buffer *buffers, uint32_t count, uint64_t offset,
			     io_done *done)
{
	assert(count <= IO_PIECES_MAX);
	io_file_begin(request, IO_OPERATION_PREADV, file, offset, 0, done);
	request->u.file.pieces = buffers;
	request->u.file.count = count;
	io->operations->submit(io, request);
}

/*
 * Writes all the bytes, result 0, or fails; then any part of the range may hold old bytes, new
 * ones or a mixture. flags: IO_WRITE_SYNC makes write and sync one operation. Writes under way at
 * the same time run in any order. After a failed sync nothing written since the last good one can
 * be relied on, and a second sync that succeeds does not bring it back.
 */
static inline void io_pwritev(struct io *io, struct io_request *request, struct io_file *file,
			      const struct gw_bytes *pieces, uint32_t count, uint64_t offset,
			      uint32_t flags, io_done *done)
{
	assert(count <= IO_PIECES_MAX);
	io_file_begin(request, IO_OPERATION_PWRITEV, file, offset, 0, done);
	request->u.file.pieces = pieces;
	request->u.file.count = count;
	request->u.file.flags = flags;
	io->operations->submit(io, request);
}

/* fdatasync: the bytes of writes that were done before this call, and the size, survive power
 * loss. */
static inline void io_sync(struct io *io, struct io_request *request, struct io_file *file,
			   io_done *done)
{
	io_file_begin(request, IO_OPERATION_SYNC, file, 0, 0, done);
	io->operations->submit(io, request);
}

/* Starts the range's way to the disk and waits for it, so that a later sync is short. Promises
 * nothing. */
static inline void io_flush_range(struct io *io, struct io_request *request, struct io_file *file,
				  uint64_t offset, uint64_t size, io_done *done)
{
	io_file_begin(request, IO_OPERATION_FLUSH_RANGE, file, offset, size, done);
	io->operations->submit(io, request);
}

/* Reserves space, so that writes there do not meet GW_E_NO_SPACE; the size of the file stays. */
static inline void io_preallocate(struct io *io, struct io_request *request, struct io_file *file,
				  uint64_t offset, uint64_t size, io_done *done)
{
	io_file_begin(request, IO_OPERATION_PREALLOCATE, file, offset, size, done);
	io->operations->submit(io, request);
}

/* Gives the space of the range back; it reads as zeros, and the size of the file stays. */
static inline void io_punch(struct io *io, struct io_request *request, struct io_file *file,
			    uint64_t offset, uint64_t size, io_done *done)
{
	io_file_begin(request, IO_OPERATION_PUNCH, file, offset, size, done);
	io->operations->submit(io, request);
}

/* For the functions below: a whole request on a path. */
static inline void io_path_submit(struct io *io, struct io_request *request,
				  enum io_operation operation, const char *path, const char *to,
				  uint32_t flags, uint32_t mode, void *out, io_done *done)
{
	io_request_begin(request, operation, path, done);
	request->u.path.path = path;
	request->u.path.to = to;
	request->u.path.flags = flags;
	request->u.path.mode = mode;
	request->u.path.out = out;
	io->operations->submit(io, request);
}

/* Opens a regular file; flags of io_open_flag, mode for IO_CREATE. *file is set, the caller's,
 * when done gets 0. */
static inline void io_open(struct io *io, struct io_request *request, const char *path,
			   uint32_t flags, uint32_t mode, struct io_file **file, io_done *done)
{
	assert(flags & (IO_READ | IO_WRITE));
	io_path_submit(io, request, IO_OPERATION_OPEN, path, NULL, flags, mode, file, done);
}

/* Atomic: at any moment, also after a power loss, `to` is the old file or the new one. Flags of
 * io_rename_flag. */
static inline void io_rename(struct io *io, struct io_request *request, const char *path,
			     const char *to, uint32_t flags, io_done *done)
{
	io_path_submit(io, request, IO_OPERATION_RENAME, path, to, flags, 0, NULL, done);
}

/* Removes the name of a file. Who has it open keeps it. */
static inline void io_unlink(struct io *io, struct io_request *request, const char *path,
			     io_done *done)
{
	io_path_submit(io, request, IO_OPERATION_UNLINK, path, NULL, 0, 0, NULL, done);
}

static inline void io_mkdir(struct io *io, struct io_request *request, const char *path,
			    uint32_t mode, io_done *done)
{
	io_path_submit(io, request, IO_OPERATION_MKDIR, path, NULL, 0, mode, NULL, done);
}

/* Removes an empty directory. */
static inline void io_rmdir(struct io *io, struct io_request *request, const char *path,
			    io_done *done)
{
	io_path_submit(io, request, IO_OPERATION_RMDIR, path, NULL, 0, 0, NULL, done);
}

/* Fills *list when done gets 0; the caller frees it with io_list_free. */
static inline void io_list(struct io *io, struct io_request *request, const char *path,
			   struct io_list *list, io_done *done)
{
	io_path_submit(io, request, IO_OPERATION_LIST, path, NULL, 0, 0, list, done);
}

static inline void io_list_free(struct io *io, struct io_list *list)
{
	io->operations->list_free(io, list);
}

/* The names that were made, renamed and removed in the directory before this call survive power
 * loss. */
static inline void io_sync_directory(struct io *io, struct io_request *request, const char *path,
				     io_done *done)
{
	io_path_submit(io, request, IO_OPERATION_SYNC_DIRECTORY, path, NULL, 0, 0, NULL, done);
}

/* Of the file system that path is on. */
static inline void io_space(struct io *io, struct io_request *request, const char *path,
			    struct io_space *space, io_done *done)
{
	io_path_submit(io, request, IO_OPERATION_SPACE, path, NULL, 0, 0, space, done);
}

#endif
