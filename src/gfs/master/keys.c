/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keys.c - keys of the table, and files as bytes.
 */
#include "gfs/master/keys.h"

#include <endian.h>

#include "base/varint.h"

/* ---- Paths ---------------------------------------------------------------------------------- */

static bool is_dots(const uint8_t *name, size_t size)
{
	return size > 0 && size <= 2 && name[0] == '.' && name[size - 1] == '.';
}

int gfs_path_check(struct gw_bytes path, struct gw_error *error)
{
	const uint8_t *at = path.data;
	size_t begin = 1;

	if (path.size > GFS_PATH_BYTES_MAX)
		return gw_fail(error, GW_E_TOO_LARGE, "a path of %zu bytes; %d are the most",
			       path.size, GFS_PATH_BYTES_MAX);
	if (path.size == 0 || at[0] != '/')
		return gw_fail(error, GW_E_INVALID, "a path begins with /");
	if (memchr(at, 0, path.size))
		return gw_fail(error, GW_E_INVALID, "a path has a NUL in it");
	for (size_t i = 1; path.size > 1 && i <= path.size; i++) {
		if (i < path.size && at[i] != '/')
			continue;
		if (i == begin)
			return gw_fail(error, GW_E_INVALID, "a path has an empty name in it");
		if (is_dots(at + begin, i - begin))
			return gw_fail(error, GW_E_INVALID, "a path has . or .. in it");
		begin = i + 1;
	}
	return 0;
}

/* Behind what is in the key. */
static void add_path(struct gfs_key *key, struct gw_bytes path)
{
	size_t begin = key->size;

	if (path.size > 1)
		gfs_key_add(key, path.data, path.size);
	for (size_t i = begin; i < key->size; i++)
		if (key->bytes[i] == '/')
			key->bytes[i] = 0;
}

void gfs_key_path(struct gfs_key *key, struct gw_bytes path)
{
	gfs_key_begin(key, GFS_KEY_PATH);
	add_path(key, path);
}

size_t gfs_key_to_path(struct gw_bytes key, uint8_t path[GFS_PATH_BYTES_MAX])
{
	const uint8_t *from = key.data;
	size_t size = key.size - 1;

	assert(key.size > 0 && (from[0] == GFS_KEY_PATH || from[0] == GFS_KEY_WAS));
	if (from[0] == GFS_KEY_WAS) {
		assert(size >= 10);
		size -= 10;
	}
	assert(size <= GFS_PATH_BYTES_MAX);
	for (size_t i = 0; i < size; i++)
		path[i] = from[1 + i] ? from[1 + i] : '/';
	if (size == 0)
		path[size++] = '/';
	return size;
}

struct gw_bytes gfs_path_parent(struct gw_bytes path)
{
	const uint8_t *at = path.data;
	size_t size = path.size;

	while (size > 1 && at[size - 1] != '/')
		size--;
	return (struct gw_bytes){at, size > 1 ? size - 1 : 1};
}

/* ---- Keys ----------------------------------------------------------------------------------- */

void gfs_key_begin(struct gfs_key *key, enum gfs_key_kind kind)
{
	key->bytes[0] = (uint8_t)kind;
	key->size = 1;
}

void gfs_key_add(struct gfs_key *key, const void *bytes, size_t size)
{
	assert(size <= GFS_KEY_BYTES_MAX - key->size);
	memcpy(key->bytes + key->size, bytes, size);
	key->size += size;
}

void gfs_key_add32(struct gfs_key *key, uint32_t number)
{
	uint32_t raw = htobe32(number);

	gfs_key_add(key, &raw, sizeof(raw));
}

void gfs_key_add64(struct gfs_key *key, uint64_t number)
{
	uint64_t raw = htobe64(number);

	gfs_key_add(key, &raw, sizeof(raw));
}

uint32_t gfs_key_read32(struct gw_bytes key, size_t offset)
{
	uint32_t raw;

	assert(key.size >= sizeof(raw) && offset <= key.size - sizeof(raw));
	memcpy(&raw, (const uint8_t *)key.data + offset, sizeof(raw));
	return be32toh(raw);
}

uint64_t gfs_key_read64(struct gw_bytes key, size_t offset)
{
	uint64_t raw;

	assert(key.size >= sizeof(raw) && offset <= key.size - sizeof(raw));
	memcpy(&raw, (const uint8_t *)key.data + offset, sizeof(raw));
	return be64toh(raw);
}

bool gfs_key_has_prefix(struct gw_bytes key, const struct gfs_key *prefix)
{
	return key.size >= prefix->size && memcmp(key.data, prefix->bytes, prefix->size) == 0;
}

void gfs_key_hidden(struct gfs_key *key, uint64_t due_ms, uint64_t id)
{
	gfs_key_begin(key, GFS_KEY_HIDDEN);
	gfs_key_add64(key, due_ms);
	gfs_key_add64(key, id);
}

void gfs_key_was(struct gfs_key *key, struct gw_bytes path, uint64_t id)
{
	gfs_key_begin(key, GFS_KEY_WAS);
	add_path(key, path);
	gfs_key_add(key, "\0", 2);
	gfs_key_add64(key, id);
}

void gfs_key_chunk(struct gfs_key *key, uint64_t id, uint32_t index)
{
	gfs_key_begin(key, GFS_KEY_CHUNK);
	gfs_key_add64(key, id);
	gfs_key_add32(key, index);
}

void gfs_key_slot(struct gfs_key *key, enum gfs_key_kind kind, uint32_t slot)
{
	gfs_key_begin(key, kind);
	gfs_key_add32(key, slot);
}

/* ---- Files ---------------------------------------------------------------------------------- */

/*
 * varint: goal * 2 + is_directory; mode; user; group; id; modified_ms; changed_ms less modified_ms
 * (zigzag); length; chunks; then of a file chunk_log2, of a directory collect_ms.
 */
size_t gfs_file_encode(const struct gfs_file *file, uint8_t out[GFS_FILE_BYTES_MAX_ENCODED])
{
	const uint64_t numbers[] = {
		(uint64_t)file->goal * 2 + file->is_directory,
		file->mode,
		file->user,
		file->group,
		file->id,
		file->modified_ms,
		base_zigzag((int64_t)(file->changed_ms - file->modified_ms)),
		file->length,
		file->chunks,
		file->is_directory ? file->collect_ms : file->chunk_log2,
	};
	size_t size = 0;

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		assert(size <= GFS_FILE_BYTES_MAX_ENCODED - BASE_VARINT_MAX);
		size += base_varint_put(out + size, numbers[i]);
	}
	return size;
}

size_t gfs_file_decode(struct gw_bytes bytes, struct gfs_file *file)
{
	const uint8_t *at = bytes.data;
	uint64_t numbers[10];
	size_t size = 0;

	for (size_t i = 0; i < 10; i++) {
		size_t took = base_varint_get(at + size, bytes.size - size, &numbers[i]);

		if (took == 0)
			return 0;
		size += took;
	}
	if (numbers[0] / 2 > GFS_GOAL_MAX || numbers[1] > UINT32_MAX ||
	    numbers[2] > UINT32_MAX || numbers[3] > UINT32_MAX)
		return 0;
	*file = (struct gfs_file){
		.is_directory = numbers[0] & 1,
		.goal = (uint8_t)(numbers[0] / 2),
		.mode = (uint32_t)numbers[1],
		.user = (uint32_t)numbers[2],
		.group = (uint32_t)numbers[3],
		.id = numbers[4],
		.modified_ms = numbers[5],
		.changed_ms = numbers[5] + (uint64_t)base_unzigzag(numbers[6]),
		.length = numbers[7],
		.chunks = numbers[8],
	};
	if (file->is_directory) {
		file->collect_ms = numbers[9];
		return size;
	}
	if (numbers[9] < GFS_CHUNK_LOG2_MIN || numbers[9] > GFS_CHUNK_LOG2_MAX)
		return 0;
	file->chunk_log2 = (uint8_t)numbers[9];
	return size;
}
