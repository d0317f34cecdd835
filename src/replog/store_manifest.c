/* SPDX-License-Identifier: Apache-2.0 */
/* store_manifest.c - see store_manifest.h. */
#include "store_manifest.h"

#include "base/arena.h"
#include "base/crc32c.h"
#include "base/little_endian.h"

#include <assert.h>
#include <stdlib.h>

/* What decode makes; the manifest is first, so that it can be freed by it. */
struct decoded {
	struct replog_manifest manifest;
	struct base_arena arena;
};

/* The part of the bytes that is not read yet. */
struct reader {
	const char *name;
	const uint8_t *at;
	size_t left;
};

bool replog_is_file_name(struct gw_bytes name)
{
	const char *text = name.data;

	if (name.size == 0 || name.size >= REPLOG_NAME_MAX || text[0] == '.')
		return false;
	for (size_t i = 0; i < name.size; i++) {
		char c = text[i];

		if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') &&
		    c != '.' && c != '_' && c != '-')
			return false;
	}
	return true;
}

/* ---- Encoding ----------------------------------------------------------------------------- */

static int append32(struct base_buffer *out, uint32_t number, struct gw_error *error)
{
	uint8_t bytes[4];

	base_store32(bytes, number);
	return base_buffer_append(out, bytes, sizeof(bytes), error);
}

static int append_file(const struct replog_snapshot_file *file, struct base_buffer *out,
		       struct gw_error *error)
{
	size_t name = strlen(file->name);
	uint8_t head[12];
	int result;

	assert(replog_is_file_name(gw_string(file->name)));
	base_store64(head, file->size);
	base_store32(head + 8, (uint32_t)name);
	result = base_buffer_append(out, head, sizeof(head), error);
	if (result == 0)
		result = base_buffer_append(out, file->name, name, error);
	for (uint64_t i = 0; result == 0 && i < replog_file_pieces(file); i++)
		result = append32(out, file->piece_checksums[i], error);
	return result;
}

int replog_manifest_encode(const struct replog_manifest *manifest, struct base_buffer *out,
			   struct gw_error *error)
{
	uint8_t head[REPLOG_MANIFEST_HEAD_BYTES], members[RAFT_MEMBERS_BYTES_MAX];
	size_t size = raft_members_encode(&manifest->snapshot.members, members);
	int result;

	assert(out->size == 0 && manifest->file_count <= REPLOG_FILES_MAX);
	out->size_max = REPLOG_MANIFEST_BYTES_MAX;
	base_store32(head, REPLOG_MANIFEST_MAGIC);
	base_store32(head + 4, REPLOG_MANIFEST_VERSION);
	base_store64(head + 8, 0); /* the length, later */
	base_store64(head + 16, manifest->snapshot.index);
	base_store64(head + 24, manifest->snapshot.term);
	base_store32(head + 32, REPLOG_PIECE_BYTES);
	base_store32(head + 36, manifest->file_count);
	base_store32(head + 40, (uint32_t)size);
	base_store32(head + 44, 0);
	result = base_buffer_append(out, head, sizeof(head), error);
	if (result == 0)
		result = base_buffer_append(out, members, size, error);
	for (uint32_t i = 0; result == 0 && i < manifest->file_count; i++)
		result = append_file(&manifest->files[i], out, error);
	if (result < 0)
		return result;
	base_store64(out->data + 8, out->size + 4);
	return append32(out, base_crc32c(0, out->data, out->size), error);
}

/* ---- Decoding ----------------------------------------------------------------------------- */

static int wrong(const struct reader *reader, struct gw_error *error)
{
	return gw_fail(error, GW_E_CORRUPT, "%s: fields of the manifest that do not fit",
		       reader->name);
}

static const uint8_t *take(struct reader *reader, size_t size)
{
	const uint8_t *at = reader->at;

	if (size > reader->left)
		return NULL;
	reader->at += size;
	reader->left -= size;
	return at;
}

/* The checksum is looked at once, before everything else: after it only somebody's mistake can be
 * found. */
static int check_whole(const char *name, struct gw_bytes in, struct gw_error *error)
{
	const uint8_t *at = in.data;

	if (in.size < 8 || base_load32(at) != REPLOG_MANIFEST_MAGIC)
		return gw_fail(error, GW_E_CORRUPT, "%s: not a manifest", name);
	if (base_load32(at + 4) != REPLOG_MANIFEST_VERSION)
		return gw_fail(error, GW_E_VERSION, "%s: version %u of a manifest, not %u", name,
			       base_load32(at + 4), REPLOG_MANIFEST_VERSION);
	if (in.size < REPLOG_MANIFEST_HEAD_BYTES + 4 || in.size > REPLOG_MANIFEST_BYTES_MAX ||
	    base_load64(at + 8) != in.size)
		return gw_fail(error, GW_E_CORRUPT, "%s: %zu bytes are not its length", name,
			       in.size);
	if (base_load32(at + in.size - 4) != base_crc32c(0, at, in.size - 4))
		return gw_fail(error, GW_E_CORRUPT, "%s: wrong checksum", name);
	return 0;
}

static int decode_file(struct decoded *decoded, struct reader *reader,
		       struct replog_snapshot_file *file, struct gw_error *error)
{
	const uint8_t *head = take(reader, 12), *name, *checksums;
	uint32_t *numbers, length;
	uint64_t pieces;

	if (!head)
		return wrong(reader, error);
	file->size = base_load64(head);
	length = base_load32(head + 8);
	name = take(reader, length);
	if (!name || !replog_is_file_name((struct gw_bytes){name, length}))
		return wrong(reader, error);
	memcpy(file->name, name, length);
	pieces = replog_file_pieces(file);
	if (pieces > reader->left / 4)
		return wrong(reader, error);
	checksums = take(reader, pieces * 4);
	numbers = base_arena_array(&decoded->arena, pieces + 1, sizeof(*numbers));
	if (!numbers)
		return gw_fail(error, GW_E_NO_MEMORY, "%s: no memory for the manifest",
			       reader->name);
	for (uint64_t i = 0; i < pieces; i++)
		numbers[i] = base_load32(checksums + 4 * i);
	file->piece_checksums = numbers;
	return 0;
}

static int decode_files(struct decoded *decoded, struct reader *reader, struct gw_error *error)
{
	uint32_t count = decoded->manifest.file_count;
	struct replog_snapshot_file *files;
	int result = 0;

	if (count > REPLOG_FILES_MAX || count > reader->left / 12)
		return wrong(reader, error);
	files = base_arena_array(&decoded->arena, (size_t)count + 1, sizeof(*files));
	if (!files)
		return gw_fail(error, GW_E_NO_MEMORY, "%s: no memory for the manifest",
			       reader->name);
	decoded->manifest.files = files;
	for (uint32_t i = 0; result == 0 && i < count; i++) {
		result = decode_file(decoded, reader, &files[i], error);
		for (uint32_t k = 0; result == 0 && k < i; k++) {
			if (strcmp(files[k].name, files[i].name) == 0)
				result = wrong(reader, error);
		}
	}
	if (result == 0 && reader->left > 0)
		return wrong(reader, error);
	return result;
}

static int decode_head(struct decoded *decoded, struct reader *reader, struct gw_error *error)
{
	const uint8_t *head = take(reader, REPLOG_MANIFEST_HEAD_BYTES), *members;
	struct raft_snapshot *snapshot = &decoded->manifest.snapshot;
	uint32_t size = base_load32(head + 40);
	int result;

	snapshot->index = base_load64(head + 16);
	snapshot->term = base_load64(head + 24);
	decoded->manifest.file_count = base_load32(head + 36);
	members = take(reader, size);
	if (!members || snapshot->index == 0 || base_load32(head + 32) != REPLOG_PIECE_BYTES)
		return wrong(reader, error);
	result = raft_members_decode((struct gw_bytes){members, size}, &snapshot->members, error);
	return result < 0 ? gw_fail_in(error, "%s", reader->name) : 0;
}

int replog_manifest_decode(const char *name, struct gw_bytes in, struct replog_manifest **manifest,
			   struct gw_error *error)
{
	struct decoded *decoded;
	struct reader reader = {name, NULL, in.size - 4};
	int result = check_whole(name, in, error);

	if (result < 0)
		return result;
	decoded = calloc(1, sizeof(*decoded));
	if (decoded)
		reader.at = (const uint8_t *)base_arena_copy(&decoded->arena, in);
	if (!reader.at) {
		free(decoded);
		return gw_fail(error, GW_E_NO_MEMORY, "%s: no memory for the manifest", name);
	}
	decoded->manifest.bytes = (struct gw_bytes){reader.at, in.size};
	result = decode_head(decoded, &reader, error);
	if (result == 0)
		result = decode_files(decoded, &reader, error);
	if (result < 0) {
		replog_manifest_free(&decoded->manifest);
		return result;
	}
	*manifest = &decoded->manifest;
	return 0;
}

void replog_manifest_free(struct replog_manifest *manifest)
{
	struct decoded *decoded = (struct decoded *)(void *)manifest;

	if (!decoded)
		return;
	base_arena_done(&decoded->arena);
	free(decoded);
}
