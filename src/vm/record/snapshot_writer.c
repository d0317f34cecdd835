/* SPDX-License-Identifier: Apache-2.0 */
#include "snapshot_inside.h"

#include "base/crc32c.h"
#include "base/little_endian.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

enum { PIECE_BYTES = 1 << 20 }; /* written at once */

struct writer {
	const char *path;
	int file;
	struct base_buffer bytes;
};

static int write_out(struct writer *writer, struct gw_error *error)
{
	for (size_t done = 0; done < writer->bytes.size;) {
		ssize_t part = write(writer->file, writer->bytes.data + done,
				     writer->bytes.size - done);

		if (part < 0 && errno == EINTR)
			continue;
		if (part < 0)
			return gw_fail_errno(error, errno, "%s", writer->path);
		done += (size_t)part;
	}
	writer->bytes.size = 0;
	return 0;
}

/* A chunk, of a number (if it begins with one) and bytes. */
static int put(struct writer *writer, enum vm_snapshot_chunk kind, const uint64_t *number,
	       struct gw_bytes bytes, struct gw_error *error)
{
	uint8_t head[VM_SNAPSHOT_PREFIX_BYTES + 8], sum[VM_SNAPSHOT_SUM_BYTES];
	size_t before = writer->bytes.size;
	size_t head_size = VM_SNAPSHOT_PREFIX_BYTES + (number ? 8 : 0);
	int code;

	base_store32(head, kind);
	base_store32(head + 4, (uint32_t)(head_size - VM_SNAPSHOT_PREFIX_BYTES + bytes.size));
	if (number)
		base_store64(head + VM_SNAPSHOT_PREFIX_BYTES, *number);
	code = base_buffer_append(&writer->bytes, head, head_size, error);
	if (code == 0 && bytes.size)
		code = base_buffer_append(&writer->bytes, bytes.data, bytes.size, error);
	if (code < 0)
		return code;
	base_store32(sum, base_crc32c(0, writer->bytes.data + before, writer->bytes.size - before));
	code = base_buffer_append(&writer->bytes, sum, sizeof(sum), error);
	if (code < 0 || writer->bytes.size < PIECE_BYTES)
		return code;
	return write_out(writer, error);
}

static int put_start(struct writer *writer, const struct vm_snapshot *snapshot,
		     struct gw_error *error)
{
	const struct vm_photo *photo = snapshot->photo;
	const uint64_t numbers[] = {photo->count,
				    photo->place.group,
				    photo->place.record,
				    photo->place.before,
				    photo->events,
				    photo->hashes,
				    snapshot->ram_size,
				    snapshot->disk ? vm_overlay_size(snapshot->disk) : 0};
	uint8_t body[VM_SNAPSHOT_START_BYTES];

	memcpy(body, snapshot->seed, VM_SEED_BYTES);
	for (size_t at = 0; at < sizeof(numbers) / sizeof(*numbers); at++)
		base_store64(body + VM_SEED_BYTES + 8 * at, numbers[at]);
	return put(writer, VM_SNAPSHOT_START, NULL, (struct gw_bytes){body, sizeof(body)}, error);
}

static int put_machine(struct writer *writer, const struct vm_photo *photo, struct gw_error *error)
{
	int code = put(writer, VM_SNAPSHOT_MACHINE, NULL, base_buffer_bytes(&photo->machine),
		       error);

	for (size_t at = 0; code == 0 && at < photo->read_count; at++) {
		const struct vm_replay_read *read = &photo->reads[at];
		struct gw_bytes data = {read->data, read->data ? read->size : 0};

		code = put(writer, VM_SNAPSHOT_READ, &read->id, data, error);
	}
	return code;
}

static int put_pages(struct writer *writer, const struct vm_snapshot *snapshot,
		     struct gw_error *error)
{
	int code = 0;

	for (uint64_t page = 0; code == 0 && page < snapshot->ram_size / VM_PAGE_BYTES; page++) {
		const uint8_t *bytes = snapshot->ram + page * VM_PAGE_BYTES;

		if (!vm_ram_page_is_zero(bytes))
			code = put(writer, VM_SNAPSHOT_PAGE, &page,
				   (struct gw_bytes){bytes, VM_PAGE_BYTES}, error);
	}
	return code;
}

static int put_sectors(struct writer *writer, struct vm_overlay *disk, struct gw_error *error)
{
	uint8_t bytes[VM_BLOCK_SECTOR];
	int code = 0;

	for (uint64_t sector = 0; code == 0 && sector < vm_overlay_size(disk) / VM_BLOCK_SECTOR;
	     sector++) {
		if (!vm_overlay_has(disk, sector))
			continue;
		code = vm_overlay_read(disk, sector * VM_BLOCK_SECTOR, sizeof(bytes), bytes);
		if (code < 0)
			return gw_fail(error, code, "%s: the overlay of the disk: %s",
				       writer->path, gw_code_text(code));
		code = put(writer, VM_SNAPSHOT_SECTOR, &sector,
			   (struct gw_bytes){bytes, sizeof(bytes)}, error);
	}
	return code;
}

static int put_all(struct writer *writer, const struct vm_snapshot *snapshot,
		   struct gw_error *error)
{
	uint8_t magic[VM_SNAPSHOT_MAGIC_BYTES] = VM_SNAPSHOT_MAGIC;
	int code;

	magic[7] = VM_SNAPSHOT_VERSION;
	code = base_buffer_append(&writer->bytes, magic, sizeof(magic), error);
	if (code == 0)
		code = put_start(writer, snapshot, error);
	if (code == 0)
		code = put_machine(writer, snapshot->photo, error);
	if (code == 0)
		code = put_pages(writer, snapshot, error);
	if (code == 0 && snapshot->disk)
		code = put_sectors(writer, snapshot->disk, error);
	if (code == 0)
		code = put(writer, VM_SNAPSHOT_END, NULL, (struct gw_bytes){NULL, 0}, error);
	return code < 0 ? code : write_out(writer, error);
}

int vm_snapshot_write(const char *path, const struct vm_snapshot *snapshot, struct gw_error *error)
{
	struct writer writer = {.path = path};
	int code;

	writer.file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	if (writer.file < 0)
		return gw_fail_errno(error, errno, "%s: the snapshot cannot be made", path);
	code = put_all(&writer, snapshot, error);
	if (close(writer.file) < 0 && code == 0)
		code = gw_fail_errno(error, errno, "%s", path);
	if (code < 0)
		(void)unlink(path);
	base_buffer_done(&writer.bytes);
	return code;
}

int vm_replay_snapshot(struct vm_replay *replay, const char *path, struct gw_error *error)
{
	struct vm_snapshot snapshot = {.seed = replay->setup.seed,
				       .ram = replay->setup.ram,
				       .ram_size = replay->setup.ram_size,
				       .disk = replay->disk};
	struct vm_photo photo;
	int code = vm_photo_take(&photo, replay, error);

	if (code < 0)
		return code;
	snapshot.photo = &photo;
	code = vm_snapshot_write(path, &snapshot, error);
	vm_photo_done(&photo);
	return code;
}
