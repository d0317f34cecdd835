/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log_reader.c - a log is read, a group at a time.
 */
#include "log.h"

#include "base/crc32c.h"
#include "base/little_endian.h"
#include "base/varint.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct vm_log_reader {
	const char *path;
	int descriptor;
	uint64_t size; /* of the file, when it was opened */
	struct vm_log_header header;
	struct base_buffer texts;
	struct base_buffer body; /* of the group that is read */
	uint64_t group;          /* where it begins in the file */
	size_t at;               /* of the next record in the body; at its end: the next group */
	uint64_t before;
	bool torn;
};

/* All of size, or GW_E_IO: the size was asked for before. */
static int read_all(const struct vm_log_reader *reader, uint64_t offset, size_t size, uint8_t *data,
		    struct gw_error *error)
{
	for (size_t done = 0; done < size;) {
		ssize_t part = pread(reader->descriptor, data + done, size - done,
				     (off_t)(offset + done));

		if (part < 0 && errno == EINTR)
			continue;
		if (part < 0)
			return gw_fail_errno(error, errno, "%s", reader->path);
		if (part == 0)
			return gw_fail(error, GW_E_IO, "%s: it became shorter", reader->path);
		done += (size_t)part;
	}
	return 0;
}

/* ---- Opened ---------------------------------------------------------------------------------- */

static int read_header(struct vm_log_reader *reader, struct gw_error *error)
{
	uint8_t prefix[VM_LOG_PREFIX_BYTES];
	size_t size = 0;
	int code;

	if (reader->size < sizeof(prefix))
		return gw_fail(error, GW_E_CORRUPT, "not the log of a machine");
	code = read_all(reader, 0, sizeof(prefix), prefix, error);
	if (code == 0)
		code = vm_log_header_size(prefix, &size, error);
	if (code < 0)
		return code;
	if (size > reader->size)
		return gw_fail(error, GW_E_TRUNCATED, "it ends in its header");
	code = base_buffer_reserve(&reader->body, size, error);
	if (code == 0)
		code = read_all(reader, 0, size, reader->body.data, error);
	if (code == 0)
		code = vm_log_get_header((struct gw_bytes){reader->body.data, size},
					 &reader->header, &reader->texts, error);
	reader->group = size;
	return code;
}

static int open_file(struct vm_log_reader *reader, struct gw_error *error)
{
	struct stat about;

	reader->descriptor = open(reader->path, O_RDONLY | O_CLOEXEC);
	if (reader->descriptor < 0 || fstat(reader->descriptor, &about) < 0)
		return gw_fail_errno(error, errno, "%s", reader->path);
	if (!S_ISREG(about.st_mode))
		return gw_fail(error, GW_E_INVALID, "%s: not a file", reader->path);
	reader->size = (uint64_t)about.st_size;
	if (read_header(reader, error) < 0)
		return gw_fail_in(error, "%s", reader->path);
	return 0;
}

int vm_log_open(struct vm_log_reader **out, const char *path, struct gw_error *error)
{
	struct vm_log_reader *reader = calloc(1, sizeof(*reader));
	struct gw_error failure = {0};
	int code;

	if (!reader)
		return gw_fail(error, GW_E_NO_MEMORY, "%s: out of memory", path);
	reader->path = path;
	reader->descriptor = -1;
	code = open_file(reader, &failure);
	if (code < 0) {
		if (error)
			*error = failure;
		vm_log_reader_free(reader);
		return code;
	}
	*out = reader;
	return 0;
}

void vm_log_reader_free(struct vm_log_reader *reader)
{
	if (!reader)
		return;
	if (reader->descriptor >= 0)
		close(reader->descriptor);
	base_buffer_done(&reader->texts);
	base_buffer_done(&reader->body);
	free(reader);
}

const struct vm_log_header *vm_log_header(const struct vm_log_reader *reader)
{
	return &reader->header;
}

/* ---- Groups ---------------------------------------------------------------------------------- */

/* Whether the log was cut at a group whose bytes are there but wrong: it is the last then. */
static bool cut(const struct vm_log_reader *reader, uint64_t end)
{
	return end >= reader->size;
}

static int fail_at(const struct vm_log_reader *reader, const char *what, struct gw_error *error)
{
	return gw_fail(error, GW_E_CORRUPT, "%s: %s at byte %llu", reader->path, what,
		       (unsigned long long)reader->group);
}

/* What a crash of the whole machine may leave: room that was never written. */
static int only_zeroes(const struct vm_log_reader *reader, bool *zeroes, struct gw_error *error)
{
	uint8_t piece[4096];

	*zeroes = true;
	for (uint64_t at = reader->group; *zeroes && at < reader->size; at += sizeof(piece)) {
		uint64_t left = reader->size - at;
		size_t size = left < sizeof(piece) ? (size_t)left : sizeof(piece);
		int code = read_all(reader, at, size, piece, error);

		if (code < 0)
			return code;
		for (size_t i = 0; i < size; i++)
			*zeroes = *zeroes && piece[i] == 0;
	}
	return 0;
}

static int read_body(struct vm_log_reader *reader, uint32_t size, uint32_t sum,
		     struct gw_error *error)
{
	struct base_buffer *body = &reader->body;
	uint64_t start = reader->group + VM_LOG_GROUP_PREFIX_BYTES;
	int code;

	body->size = 0;
	code = base_buffer_reserve(body, size, error);
	if (code == 0)
		code = read_all(reader, start, size, body->data, error);
	if (code < 0)
		return code;
	if (base_crc32c(0, body->data, size) != sum) {
		if (!cut(reader, start + size))
			return fail_at(reader, "checksum mismatch in the group", error);
		reader->torn = true;
		return 0;
	}
	body->size = size;
	return 1;
}

/* Reads the group at reader->group: 1; 0: there is none. */
static int read_group(struct vm_log_reader *reader, struct gw_error *error)
{
	uint8_t prefix[VM_LOG_GROUP_PREFIX_BYTES];
	uint64_t left = reader->size - reader->group;
	bool zeroes = false;
	uint32_t size;
	int code;

	reader->body.size = reader->at = 0;
	reader->torn = left > 0;
	if (left < sizeof(prefix))
		return 0;
	code = read_all(reader, reader->group, sizeof(prefix), prefix, error);
	if (code < 0)
		return code;
	size = base_load32(prefix);
	if (size == 0) {
		code = only_zeroes(reader, &zeroes, error);
		return code < 0 || zeroes ? code : fail_at(reader, "an empty group", error);
	}
	if (size > VM_LOG_GROUP_BYTES_MAX)
		return fail_at(reader, "a group that is too large", error);
	if (size > left - sizeof(prefix))
		return 0;
	reader->torn = false;
	return read_body(reader, size, base_load32(prefix + 4), error);
}

static int begin_group(struct vm_log_reader *reader, struct gw_error *error)
{
	uint64_t count;

	reader->at = base_varint_get(reader->body.data, reader->body.size, &count);
	if (reader->at == 0 || reader->at == reader->body.size)
		return fail_at(reader, "a group that cannot be", error);
	if (count != reader->before)
		return fail_at(reader, "a group that does not follow the one before", error);
	return 1;
}

int vm_log_next(struct vm_log_reader *reader, struct vm_log_record *record, struct gw_error *error)
{
	struct gw_bytes left;
	int code;

	assert(reader->at <= reader->body.size);
	if (reader->at == reader->body.size) {
		if (reader->body.size)
			reader->group += VM_LOG_GROUP_PREFIX_BYTES + reader->body.size;
		code = read_group(reader, error);
		if (code > 0)
			code = begin_group(reader, error);
		if (code <= 0)
			return code;
	}
	left = (struct gw_bytes){reader->body.data + reader->at, reader->body.size - reader->at};
	code = vm_log_get_record(&left, reader->before, record, error);
	if (code < 0)
		return gw_fail_in(error, "%s: in the group at byte %llu", reader->path,
				  (unsigned long long)reader->group);
	reader->at = reader->body.size - left.size;
	reader->before = record->count;
	return 1;
}

bool vm_log_torn(const struct vm_log_reader *reader)
{
	return reader->torn;
}

struct vm_log_place vm_log_place(const struct vm_log_reader *reader)
{
	return (struct vm_log_place){reader->group, reader->at, reader->before};
}

int vm_log_seek(struct vm_log_reader *reader, const struct vm_log_place *place,
		struct gw_error *error)
{
	int code = 0;

	if (place->group > reader->size)
		return gw_fail(error, GW_E_INVALID, "%s: it is shorter than byte %llu",
			       reader->path, (unsigned long long)place->group);
	reader->group = place->group;
	reader->body.size = reader->at = 0;
	if (place->record)
		code = read_group(reader, error);
	if (code < 0)
		return code;
	if (place->record > reader->body.size)
		return gw_fail(error, GW_E_IO, "%s: it was changed", reader->path);
	reader->at = place->record;
	reader->before = place->before;
	return 0;
}
