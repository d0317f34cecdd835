/* SPDX-License-Identifier: Apache-2.0 */
/*
 * disk.h - operations on files, awaited by the task that asks. Once begun they are not ended
 * by a cancel or a deadline of the task: what a disk has half done is of no use to anyone.
 */
#ifndef TASK_DISK_H
#define TASK_DISK_H

#include "base/buffer.h"
#include "io/io.h"

int task_disk_open(const char *path, uint32_t flags, struct io_file **file,
		     struct gw_error *error) GW_MUST_CHECK;
/* NULL is fine. */
int task_disk_close(struct io_file *file, struct gw_error *error);
/* flags of io_write_flag. */
int task_disk_write(struct io_file *file, const struct gw_bytes *pieces, uint32_t count,
		      uint64_t offset, uint32_t flags, struct gw_error *error) GW_MUST_CHECK;
/* Returns what was read: `size`, or less at the file's end. */
int task_disk_read(struct io_file *file, void *data, size_t size, uint64_t offset,
		     struct gw_error *error) GW_MUST_CHECK;
int task_disk_size(struct io_file *file, uint64_t *size, struct gw_error *error) GW_MUST_CHECK;
int task_disk_sync(struct io_file *file, struct gw_error *error) GW_MUST_CHECK;
int task_disk_truncate(struct io_file *file, uint64_t size,
			 struct gw_error *error) GW_MUST_CHECK;
/* Gives the range space and zeros, durably. */
int task_disk_fill(struct io_file *file, uint64_t from, uint64_t to,
		     struct gw_error *error) GW_MUST_CHECK;

int task_disk_rename(const char *path, const char *to, struct gw_error *error) GW_MUST_CHECK;
int task_disk_unlink(const char *path, struct gw_error *error) GW_MUST_CHECK;
int task_disk_mkdir(const char *path, struct gw_error *error) GW_MUST_CHECK;
int task_disk_list(const char *path, struct io_list *list,
		     struct gw_error *error) GW_MUST_CHECK;
int task_disk_sync_directory(const char *path, struct gw_error *error) GW_MUST_CHECK;

/* The whole file; *bytes is emptied first and keeps its memory. GW_E_TOO_LARGE. */
int task_disk_load(const char *path, size_t size_max, struct base_buffer *bytes,
		     struct gw_error *error) GW_MUST_CHECK;
/* A new file (or a new content of one) by that name, durable but for the name. */
int task_disk_save(const char *path, struct gw_bytes bytes,
		     struct gw_error *error) GW_MUST_CHECK;

#endif
