/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log_writer.c - a log is written: records gather in memory, and go to the file a group at a time.
 */
#include "log.h"

#include "base/crc32c.h"
#include "base/little_endian.h"
#include "base/varint.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

struct vm_log_writer {
	const char *path;
	int descriptor;
	uint64_t written; /* bytes, of whole groups */
	uint64_t count;   /* of the last record */
	struct base_buffer group; /* its prefix first; empty: none was begun */
	struct gw_error failure;
};

static int write_all(struct vm_log_writer *writer, const uint8_t *data, size_t size,
		     struct gw_error *error)
{
	for (size_t done = 0; done < size;) {
		ssize_t part = pwrite(writer->descriptor, data + done, size - done,
				      (off_t)(writer->written + done));

		if (part < 0 && errno == EINTR)
			continue;
		if (part < 0) {
			gw_fail_errno(error, errno, "%s: the log cannot be written", writer->path);
			/* Best effort: a reader finds the last whole group anyway. */
			if (ftruncate(writer->descriptor, (off_t)writer->written) < 0)
				return error ? error->code : GW_E_IO;
			return error ? error->code : GW_E_IO;
		}
		done += (size_t)part;
	}
	writer->written += size;
	return 0;
}

static int write_header(struct vm_log_writer *writer, const struct vm_log_header *header,
			struct gw_error *error)
{
	struct base_buffer bytes = {0};
	int code = vm_log_put_header(&bytes, header, error);

	if (code == 0)
		code = write_all(writer, bytes.data, bytes.size, error);
	base_buffer_done(&bytes);
	return code;
}

int vm_log_create(struct vm_log_writer **out, const char *path, const struct vm_log_header *header,
		  struct gw_error *error)
{
	struct vm_log_writer *writer = calloc(1, sizeof(*writer));
	int code;

	if (!writer)
		return gw_fail(error, GW_E_NO_MEMORY, "%s: out of memory", path);
	writer->path = path;
	writer->group.size_max = VM_LOG_GROUP_PREFIX_BYTES + VM_LOG_GROUP_BYTES_MAX;
	writer->descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	if (writer->descriptor < 0) {
		code = gw_fail_errno(error, errno, "%s: the log cannot be made", path);
		free(writer);
		return code;
	}
	code = write_header(writer, header, error);
	if (code < 0) {
		close(writer->descriptor);
		free(writer);
		return code;
	}
	*out = writer;
	return 0;
}

static int begin_group(struct vm_log_writer *writer, struct gw_error *error)
{
	uint8_t head[VM_LOG_GROUP_PREFIX_BYTES + BASE_VARINT_MAX] = {0};
	size_t size = base_varint_put(head + VM_LOG_GROUP_PREFIX_BYTES, writer->count);

	return base_buffer_append(&writer->group, head, VM_LOG_GROUP_PREFIX_BYTES + size, error);
}

static int fail(struct vm_log_writer *writer, struct gw_error *error)
{
	if (error)
		*error = writer->failure;
	return writer->failure.code;
}

int vm_log_append(struct vm_log_writer *writer, const struct vm_log_record *record,
		  struct gw_error *error)
{
	int code = writer->failure.code;

	if (code == 0 && writer->group.size == 0)
		code = begin_group(writer, &writer->failure);
	if (code == 0)
		code = vm_log_put_record(&writer->group, record, writer->count, &writer->failure);
	if (code < 0)
		return fail(writer, error);
	writer->count = record->count;
	return writer->group.size < VM_LOG_GROUP_BYTES ? 0 : vm_log_flush(writer, error);
}

int vm_log_flush(struct vm_log_writer *writer, struct gw_error *error)
{
	struct base_buffer *group = &writer->group;
	const uint8_t *body;
	size_t size;

	if (writer->failure.code)
		return fail(writer, error);
	if (group->size == 0)
		return 0;
	assert(group->size > VM_LOG_GROUP_PREFIX_BYTES);
	body = group->data + VM_LOG_GROUP_PREFIX_BYTES;
	size = group->size - VM_LOG_GROUP_PREFIX_BYTES;
	assert(size <= VM_LOG_GROUP_BYTES_MAX);
	base_store32(group->data, (uint32_t)size);
	base_store32(group->data + 4, base_crc32c(0, body, size));
	if (write_all(writer, group->data, group->size, &writer->failure) < 0)
		return fail(writer, error);
	group->size = 0;
	return 0;
}

int vm_log_end(struct vm_log_writer *writer, struct vm_log_place *place, struct gw_error *error)
{
	int code = vm_log_flush(writer, error);

	*place = (struct vm_log_place){.group = writer->written, .before = writer->count};
	return code;
}

uint64_t vm_log_size(const struct vm_log_writer *writer)
{
	return writer->written + writer->group.size;
}

int vm_log_close(struct vm_log_writer *writer, struct gw_error *error)
{
	int code = vm_log_flush(writer, error);

	if (close(writer->descriptor) < 0 && code == 0)
		code = gw_fail_errno(error, errno, "%s", writer->path);
	base_buffer_done(&writer->group);
	free(writer);
	return code;
}
