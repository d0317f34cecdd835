/* SPDX-License-Identifier: Apache-2.0 */
/*
 * append.c - durable appends of 128 bytes, one at a time: what a log costs that answers each record
 * only when it is on the disk.
 *
 *     bench-append inline|one|two COUNT FILE
 *
 * inline: pwrite and fdatasync right here, the floor. one: io_pwritev with IO_WRITE_SYNC, so one
 * job for a thread. two: io_pwritev and then io_sync. The file is made anew and grows.
 */
#include "io/uv.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { RECORD_BYTES = 128 };

struct bench {
	struct io *io;
	struct io_request request;
	struct io_file *file;
	struct gw_bytes piece;
	uint64_t left, offset;
	uint32_t flags;
};

static const char record[RECORD_BYTES] = "a record";

static void check(int result, const char *what)
{
	if (result >= 0)
		return;
	fprintf(stderr, "%s: %s\n", what, gw_code_text(result));
	exit(1);
}

static void append(struct bench *bench);

static void durable(struct io_request *request, int result)
{
	struct bench *bench = request->data;

	check(result, "sync");
	bench->offset += RECORD_BYTES;
	bench->left--;
	append(bench);
}

static void written(struct io_request *request, int result)
{
	struct bench *bench = request->data;

	check(result, "write");
	io_sync(bench->io, request, bench->file, durable);
}

static void closed(struct io_request *request, int result)
{
	(void)request;
	check(result, "close");
}

static void append(struct bench *bench)
{
	if (bench->left == 0) {
		io_close(bench->io, &bench->request, bench->file, closed);
		return;
	}
	io_pwritev(bench->io, &bench->request, bench->file, &bench->piece, 1, bench->offset,
		   bench->flags, bench->flags ? durable : written);
}

static void opened(struct io_request *request, int result)
{
	check(result, "open");
	append(request->data);
}

static void append_by_io(uint64_t count, const char *path, uint32_t flags)
{
	struct bench bench = {.piece = {record, RECORD_BYTES}, .left = count, .flags = flags};

	bench.request.data = &bench;
	check(io_uv_new(&bench.io, NULL, NULL), "loop");
	io_open(bench.io, &bench.request, path, IO_WRITE | IO_CREATE | IO_TRUNCATE, 0600,
		&bench.file, opened);
	io_uv_run(bench.io);
	io_uv_free(bench.io);
}

static void append_inline(uint64_t count, const char *path)
{
	int file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	for (uint64_t i = 0; file >= 0 && i < count; i++) {
		if (pwrite(file, record, RECORD_BYTES, (off_t)(i * RECORD_BYTES)) != RECORD_BYTES ||
		    fdatasync(file) < 0)
			break;
		if (i + 1 == count && close(file) == 0)
			return;
	}
	if (count > 0)
		perror(path);
	exit(count > 0);
}

int main(int argc, char **argv)
{
	uint64_t count = argc == 4 ? strtoull(argv[2], NULL, 10) : 0;

	if (argc == 4 && strcmp(argv[1], "inline") == 0) {
		append_inline(count, argv[3]);
	} else if (argc == 4 && strcmp(argv[1], "one") == 0) {
		append_by_io(count, argv[3], IO_WRITE_SYNC);
	} else if (argc == 4 && strcmp(argv[1], "two") == 0) {
		append_by_io(count, argv[3], 0);
	} else {
		fprintf(stderr, "usage: bench-append inline|one|two COUNT FILE\n");
		return 2;
	}
	return 0;
}
