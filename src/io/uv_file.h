/* SPDX-License-Identifier: Apache-2.0 */
/*
 * uv_file.h - an open file of the real io. Its system calls are made by the threads of its disk's
 * pool only.
 */
#ifndef IO_UV_FILE_H
#define IO_UV_FILE_H

#include "io/uv_io.h"

#include <errno.h>

struct real_file {
	struct io_file file;
	int fd;
	bool direct;
	dev_t device;
	uint32_t pool; /* set when the caller gets it */
	struct real_log_file *log; /* NULL: it is none, or cannot be written so */
	char name[];
};

/* On a thread: carries the request out into its result and os_error. */
static inline void real_result(struct io_request *request, int result)
{
	request->result = result;
	request->os_error = 0;
}

static inline void real_result_errno(struct io_request *request, int os_error)
{
	request->result = real_code(os_error);
	request->os_error = os_error;
}

/* Of a system call that returned status, right behind it. */
static inline void real_result_of(struct io_request *request, int status)
{
	if (status < 0)
		real_result_errno(request, errno);
	else
		real_result(request, 0);
}

/* Opens; the file is in backend[0]. */
void real_file_open(struct io_uv *io, struct io_request *request);
/* Undoes it. */
void real_file_discard(struct real_file *file);

/* Lists; the entries are in backend[0], one block with their names, their count in backend[1]. */
void real_list_run(struct io_uv *io, struct io_request *request);

#endif
