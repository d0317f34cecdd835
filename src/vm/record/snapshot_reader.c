/* SPDX-License-Identifier: Apache-2.0 */
/*
 * snapshot_reader.c - a snapshot is looked through to its end first: what is torn or damaged
 * changes nothing.
 */
#include "snapshot_inside.h"

#include "vm/host/system.h"

#include "base/crc32c.h"
#include "base/little_endian.h"

struct chunk {
	uint32_t kind;
	struct gw_bytes body;
};

static int fail(const char *path, const char *why, struct gw_error *error)
{
	return gw_fail(error, GW_E_CORRUPT, "%s: %s", path, why);
}

/* Takes the next chunk off *left: 1; GW_E_TRUNCATED, GW_E_CORRUPT. */
static int next(const char *path, struct gw_bytes *left, struct chunk *chunk,
		struct gw_error *error)
{
	const uint8_t *at = left->data;
	size_t size;

	if (left->size < VM_SNAPSHOT_PREFIX_BYTES + VM_SNAPSHOT_SUM_BYTES)
		return gw_fail(error, GW_E_TRUNCATED, "%s: it ends too early", path);
	chunk->kind = base_load32(at);
	size = base_load32(at + 4);
	if (size > left->size - VM_SNAPSHOT_PREFIX_BYTES - VM_SNAPSHOT_SUM_BYTES)
		return gw_fail(error, GW_E_TRUNCATED, "%s: it ends too early", path);
	chunk->body = (struct gw_bytes){at + VM_SNAPSHOT_PREFIX_BYTES, size};
	size += VM_SNAPSHOT_PREFIX_BYTES;
	if (base_load32(at + size) != base_crc32c(0, at, size))
		return fail(path, "checksum mismatch", error);
	size += VM_SNAPSHOT_SUM_BYTES;
	*left = (struct gw_bytes){at + size, left->size - size};
	return 1;
}

/* ---- Looked through -------------------------------------------------------------------------- */

static bool fits(const struct vm_replay *replay, const struct chunk *chunk)
{
	uint64_t number = chunk->body.size >= 8 ? base_load64(chunk->body.data) : 0;
	size_t size = chunk->body.size;

	switch (chunk->kind) {
	case VM_SNAPSHOT_START:
		return size == VM_SNAPSHOT_START_BYTES;
	case VM_SNAPSHOT_MACHINE:
		return true;
	case VM_SNAPSHOT_READ:
		return size >= 8 && size <= 8 + VM_BLOCK_REQUEST_BYTES_MAX;
	case VM_SNAPSHOT_PAGE:
		return size == 8 + VM_PAGE_BYTES && number < replay->ram.page_count;
	case VM_SNAPSHOT_SECTOR:
		return size == 8 + VM_BLOCK_SECTOR && replay->disk &&
		       number < vm_overlay_size(replay->disk) / VM_BLOCK_SECTOR;
	case VM_SNAPSHOT_END:
		return size == 0;
	}
	return false;
}

/* Whether chunks are whole, in order, and of this machine. */
static int look_through(const struct vm_replay *replay, const char *path, struct gw_bytes left,
			struct gw_error *error)
{
	uint32_t last = 0;
	size_t reads = 0;
	struct chunk chunk = {0};

	do {
		int code = next(path, &left, &chunk, error);

		if (code < 0)
			return code;
		if (!fits(replay, &chunk) || chunk.kind < last ||
		    (last < VM_SNAPSHOT_MACHINE && chunk.kind != last + 1) ||
		    (last == VM_SNAPSHOT_MACHINE && chunk.kind == last))
			return fail(path, "a chunk that cannot be", error);
		reads += chunk.kind == VM_SNAPSHOT_READ;
		last = chunk.kind;
	} while (chunk.kind != VM_SNAPSHOT_END);
	if (left.size || reads > VM_BLOCK_REQUESTS_MAX)
		return fail(path, "more than belongs there", error);
	return 0;
}

/* ---- Taken over ------------------------------------------------------------------------------ */

static int take_start(struct vm_replay *replay, const char *path, const uint8_t *body,
		      struct vm_photo *photo, struct gw_error *error)
{
	uint64_t numbers[8];

	for (size_t at = 0; at < 8; at++)
		numbers[at] = base_load64(body + VM_SEED_BYTES + 8 * at);
	if (memcmp(body, replay->setup.seed, VM_SEED_BYTES) != 0 ||
	    numbers[6] != replay->setup.ram_size ||
	    numbers[7] != (replay->disk ? vm_overlay_size(replay->disk) : 0))
		return gw_fail(error, GW_E_INVALID, "%s: not of the recording in %s", path,
			       replay->path);
	*photo = (struct vm_photo){
		.count = numbers[0],
		.place = {numbers[1], (size_t)numbers[2], numbers[3]},
		.events = numbers[4],
		.hashes = numbers[5],
		.state = VM_REPLAY_GOES_ON,
	};
	return 0;
}

static int take_read(struct vm_photo *photo, struct gw_bytes body, struct gw_error *error)
{
	const struct gw_bytes data = {(const uint8_t *)body.data + 8, body.size - 8};

	return vm_photo_add_read(photo, base_load64(body.data), data, error);
}

static int take_sector(struct vm_replay *replay, struct gw_bytes body, struct gw_error *error)
{
	const struct gw_bytes sector = {(const uint8_t *)body.data + 8, VM_BLOCK_SECTOR};
	int code = vm_overlay_write(replay->disk, base_load64(body.data) * VM_BLOCK_SECTOR,
				    &sector, 1);

	return code < 0 ? gw_fail(error, code, "a snapshot's disk: %s", gw_code_text(code)) : 0;
}

static void put_page(struct vm_replay *replay, uint64_t number, const uint8_t *bytes)
{
	uint8_t *page = replay->setup.ram + number * VM_PAGE_BYTES;

	if (bytes)
		memcpy(page, bytes, VM_PAGE_BYTES);
	else
		memset(page, 0, VM_PAGE_BYTES);
	vm_ram_hash_look(&replay->ram, number);
}

static int take(struct vm_replay *replay, const char *path, const struct chunk *chunk,
		struct vm_photo *photo, struct gw_error *error)
{
	const uint8_t *body = chunk->body.data;

	switch ((enum vm_snapshot_chunk)chunk->kind) {
	case VM_SNAPSHOT_START:
		return take_start(replay, path, body, photo, error);
	case VM_SNAPSHOT_MACHINE:
		return base_buffer_append(&photo->machine, body, chunk->body.size, error);
	case VM_SNAPSHOT_READ:
		return take_read(photo, chunk->body, error);
	case VM_SNAPSHOT_PAGE:
		put_page(replay, base_load64(body), body + 8);
		return 0;
	case VM_SNAPSHOT_SECTOR:
		return take_sector(replay, chunk->body, error);
	case VM_SNAPSHOT_END:
		break;
	}
	return 0;
}

static int take_all(struct vm_replay *replay, const char *path, struct gw_bytes left,
		    struct gw_error *error)
{
	struct vm_photo photo = {0};
	struct chunk chunk = {0};
	int code;

	(void)vm_ram_hash_now(&replay->ram);
	for (uint64_t page = 0; page < replay->ram.page_count; page++)
		if (replay->ram.pages[page]) /* not all zero */
			put_page(replay, page, NULL);
	do {
		code = next(path, &left, &chunk, error);
		if (code > 0)
			code = take(replay, path, &chunk, &photo, error);
	} while (code == 0 && chunk.kind != VM_SNAPSHOT_END);
	if (code == 0)
		code = vm_photo_restore(&photo, replay, error);
	if (code == 0 && vm_replay_count(replay) != photo.count)
		code = fail(path, "the machine is at another count", error);
	vm_photo_done(&photo);
	return code;
}

int vm_replay_begin_at(struct vm_replay *replay, const char *path, struct gw_error *error)
{
	struct gw_bytes file, left;
	const uint8_t *bytes;
	int code = vm_system_map(path, &file, error);

	if (code < 0)
		return code;
	bytes = file.data;
	if (file.size < VM_SNAPSHOT_MAGIC_BYTES ||
	    memcmp(bytes, VM_SNAPSHOT_MAGIC, VM_SNAPSHOT_MAGIC_BYTES - 1) != 0)
		code = fail(path, "not a snapshot of a machine", error);
	else if (bytes[7] != VM_SNAPSHOT_VERSION)
		code = gw_fail(error, GW_E_VERSION, "%s: a snapshot of version %u; known is %d",
			       path, bytes[7], VM_SNAPSHOT_VERSION);
	if (code == 0) {
		left = (struct gw_bytes){bytes + VM_SNAPSHOT_MAGIC_BYTES,
					 file.size - VM_SNAPSHOT_MAGIC_BYTES};
		code = look_through(replay, path, left, error);
	}
	if (code == 0)
		code = take_all(replay, path, left, error);
	vm_system_unmap(file.data, file.size);
	return code;
}
