/* SPDX-License-Identifier: Apache-2.0 */
/*
 * entry.c - what each kind of entry looks like.
 */
#include "gfs/master/entry.h"

#include "base/little_endian.h"
#include "base/varint.h"
#include "gfs/master/servers.h"

/* Whether bytes are so many numbers, each at most `most`. */
static bool are_varints(struct gw_bytes bytes, size_t count, uint64_t most)
{
	const uint8_t *at = bytes.data;
	size_t size = 0;

	for (size_t i = 0; i < count; i++) {
		uint64_t number;
		size_t took = base_varint_get(at + size, bytes.size - size, &number);

		if (took == 0 || number > most)
			return false;
		size += took;
	}
	return size == bytes.size;
}

/* A path in a key: every NUL ends a name. */
static bool is_path_key(const uint8_t *at, size_t size)
{
	uint8_t path[GFS_PATH_BYTES_MAX];

	if (size == 0)
		return true;
	if (size > GFS_PATH_BYTES_MAX || memchr(at, '/', size))
		return false;
	for (size_t i = 0; i < size; i++)
		path[i] = at[i] ? at[i] : '/';
	return gfs_path_check((struct gw_bytes){path, size}, NULL) == 0 && size > 1;
}

static bool is_file(struct gw_bytes value, size_t *size)
{
	struct gfs_file file;

	*size = gfs_file_decode(value, &file);
	return *size > 0;
}

static bool is_hidden(struct gw_bytes value)
{
	struct gfs_file file;
	size_t size = gfs_file_decode(value, &file);
	struct gw_bytes path = {(const uint8_t *)value.data + size, value.size - size};

	return size > 0 && !file.is_directory && gfs_path_check(path, NULL) == 0;
}

static bool is_grant(struct gw_bytes value)
{
	const uint8_t *at = value.data;
	uint64_t number;
	size_t size = base_varint_get(at, value.size, &number), took;

	took = size > 0 ? base_varint_get(at + size, value.size - size, &number) : 0;
	size += took;
	return took > 0 && number > 0 && number <= GFS_GOAL_MAX &&
	       are_varints((struct gw_bytes){at + size, value.size - size}, number,
			   GFS_SERVERS_MAX);
}

static bool is_server(struct gw_bytes value)
{
	const size_t head = 1 + GFS_SERVER_UUID_BYTES + 1;
	const uint8_t *at = value.data;

	return value.size >= head && at[0] <= GFS_SERVER_DRAINING &&
	       at[head - 1] <= value.size - head &&
	       value.size - head - at[head - 1] <= GFS_RACK_BYTES_MAX;
}

static bool fits(const uint8_t *key, size_t key_bytes, struct gw_bytes value)
{
	size_t size;

	switch (key[0]) {
	case GFS_KEY_PATH:
		return is_path_key(key + 1, key_bytes - 1) && is_file(value, &size) &&
		       size == value.size;
	case GFS_KEY_HIDDEN:
		return key_bytes == 17 && is_hidden(value);
	case GFS_KEY_WAS:
		return key_bytes >= 11 && is_path_key(key + 1, key_bytes - 11) &&
		       key[key_bytes - 10] == 0 && key[key_bytes - 9] == 0 &&
		       are_varints(value, 2, UINT64_MAX);
	case GFS_KEY_CHUNK:
		return key_bytes == 13 && value.size == 4;
	case GFS_KEY_GRANT:
		return key_bytes == 5 && is_grant(value);
	case GFS_KEY_COPY:
		return key_bytes == 5 && value.size == 8;
	case GFS_KEY_SERVER:
		return key_bytes == 5 && is_server(value);
	case GFS_KEY_UUID:
		return key_bytes == 1 + GFS_SERVER_UUID_BYTES && value.size == 4;
	case GFS_KEY_WRITER:
		return key_bytes == 9 && are_varints(value, 1, UINT64_MAX);
	case GFS_KEY_ENDS:
		return key_bytes == 17 && value.size == 0;
	default:
		return false;
	}
}

int gfs_entry_check(struct gw_bytes key, struct gw_bytes value, struct gw_error *error)
{
	const uint8_t *at = key.data;

	if (key.size > 0 && fits(at, key.size, value))
		return 0;
	return gw_fail(error, GW_E_CORRUPT, "an entry of kind %u cannot be read",
		       key.size > 0 ? at[0] : 0);
}
