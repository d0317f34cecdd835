/* SPDX-License-Identifier: Apache-2.0 */
/* record_write.c - records in frames, and checkpoints, appended to a file. */
#include "gfs/client/client.h"

#include <assert.h>
#include <stdlib.h>

#include "base/buffer.h"
#include "gfs/client/frame.h"
#include "task/loop.h"

struct gw_gfs_record_writer {
	struct gw_gfs_file *file;
	uint64_t id, sequence;
	struct gw_mutex one; /* record at a time: readers take lower sequences for copies */
	struct base_buffer frame;
};

int gw_gfs_record_writer_new(struct gw_gfs_record_writer **out, struct gw_gfs_file *file,
			     struct gw_error *error)
{
	struct gw_gfs_record_writer *writer = calloc(1, sizeof(*writer));

	*out = writer;
	if (!writer)
		return gw_fail(error, GW_E_NO_MEMORY, "no memory for a writer of records");
	writer->file = file;
	writer->one.name = "one record";
	io_random(task_io(), &writer->id, sizeof(writer->id));
	return 0;
}

void gw_gfs_record_writer_free(struct gw_gfs_record_writer *writer)
{
	if (!writer)
		return;
	base_buffer_done(&writer->frame);
	free(writer);
}

static int append(struct gw_gfs_record_writer *writer, enum gfs_frame_kind kind,
		  struct gw_bytes data, uint64_t *offset, struct gw_error *error)
{
	const struct gfs_frame frame = {
		.kind = kind, .writer = writer->id, .sequence = ++writer->sequence, .data = data};
	int code;

	if (data.size > GFS_FRAME_DATA_MAX)
		return gw_fail(error, GW_E_TOO_LARGE, "a record of %zu bytes: %d is the limit",
			       data.size, GFS_FRAME_DATA_MAX);
	writer->frame.size = 0;
	code = base_buffer_reserve(&writer->frame, GW_GFS_RECORD_FRAME_BYTES + data.size, error);
	if (code < 0)
		return code;
	writer->frame.size = gfs_frame_put(writer->frame.data, &frame);
	return gw_gfs_append(writer->file, base_buffer_bytes(&writer->frame), offset, error);
}

static int take_turn(struct gw_gfs_record_writer *writer, struct gw_error *error)
{
	int code = gw_lock(&writer->one, GW_FOREVER);

	return code < 0 ? gw_fail(error, code, "a record before this one: %s", gw_code_text(code))
			: 0;
}

int gw_gfs_record_append(struct gw_gfs_record_writer *writer, struct gw_bytes data,
			 uint64_t *offset, struct gw_error *error)
{
	int code = take_turn(writer, error);

	if (code < 0)
		return code;
	code = append(writer, GFS_FRAME_RECORD, data, offset, error);
	gw_unlock(&writer->one);
	return code;
}

int gw_gfs_record_checkpoint(struct gw_gfs_record_writer *writer, struct gw_error *error)
{
	int code = take_turn(writer, error);

	if (code < 0)
		return code;
	code = gw_gfs_sync(writer->file, error);
	if (code == 0)
		code = append(writer, GFS_FRAME_CHECKPOINT, (struct gw_bytes){0}, NULL, error);
	gw_unlock(&writer->one);
	return code;
}
