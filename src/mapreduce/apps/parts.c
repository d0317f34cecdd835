/* SPDX-License-Identifier: Apache-2.0 */
/*
 * parts.c - see parts.h. Files are read through the engine's store, by positions and in bounded
 * memory.
 */
#include "parts.h"

#include "base/allocate.h"

#include <assert.h>
#include <stdlib.h>

enum { READ_SIZE = 1 << 20, PROBE_SIZE = 4096 };

/* ---- Which files ----------------------------------------------------------------------------- */

static const char *name_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* Reads "00012" and moves *text behind it; false when there are no digits. */
static bool take_number(const char **text, uint64_t *number)
{
	const char *begin = *text;

	for (*number = 0; **text >= '0' && **text <= '9' && *text - begin < 18; ++*text)
		*number = *number * 10 + (uint64_t)(**text - '0');
	return *text > begin;
}

static bool parse_part(const char *name, uint64_t *number, uint64_t *of)
{
	if (strncmp(name, "part-", 5) != 0)
		return false;
	name += 5;
	if (!take_number(&name, number) || strncmp(name, "-of-", 4) != 0)
		return false;
	name += 4;
	return take_number(&name, of) && *name == '\0';
}

struct listing {
	struct mr_parts *parts;
	const char *directory;
};

static int add_entry(void *context, const struct mr_entry *entry, struct gw_error *error)
{
	const struct listing *listing = context;
	struct mr_parts *parts = listing->parts;
	const char *name = name_of(entry->path);
	uint64_t number, of;

	if (strcmp(entry->path, listing->directory) == 0)
		return gw_fail(error, GW_E_INVALID, "%s: a file, not the output directory of a job",
			       entry->path);
	if (strcmp(name, "_SUCCESS") == 0)
		parts->success = true;
	if (entry->is_directory || !parse_part(name, &number, &of))
		return 0;
	const char **paths =
		base_grow(parts->paths, sizeof(*paths), &parts->capacity, parts->count + 1);
	const char *path = base_arena_string(&parts->arena, entry->path);

	if (paths)
		parts->paths = paths;
	if (!paths || !path)
		return gw_fail(error, GW_E_NO_MEMORY, "%s: no memory for the names of its parts",
			       listing->directory);
	assert(parts->count < parts->capacity);
	paths[parts->count++] = path;
	return 0;
}

static int compare_paths(const void *left, const void *right)
{
	const char *const *a = left, *const *b = right;

	return strcmp(*a, *b);
}

/* All parts are there, each once, of the same number of parts. */
static int check_parts(const struct mr_parts *parts, const char *directory, struct gw_error *error)
{
	if (!parts->success)
		return gw_fail(error, GW_E_NOT_FOUND,
			       "%s: no _SUCCESS there: not the output of a job that finished "
			       "(--force reads it all the same)",
			       directory);
	for (size_t i = 0; i < parts->count; i++) {
		const char *name = name_of(parts->paths[i]);
		uint64_t number = 0, of = 0;

		if (!parse_part(name, &number, &of) || number != i || of != parts->count)
			return gw_fail(error, GW_E_CORRUPT,
				       "%s: %zu parts, but the one in place %zu is %s "
				       "(--force reads them all the same)",
				       directory, parts->count, i, name);
	}
	return 0;
}

int mr_parts_open(struct mr_parts *parts, const char *directory, bool force, struct gw_error *error)
{
	struct listing listing = {parts, directory};

	*parts = (struct mr_parts){0};
	mr_store_local_init(&parts->store);
	int code =
		parts->store.operations->list(&parts->store, directory, add_entry, &listing, error);

	if (code < 0)
		return code;
	if (parts->count > 0)
		qsort(parts->paths, parts->count, sizeof(*parts->paths), compare_paths);
	return force ? 0 : check_parts(parts, directory, error);
}

void mr_parts_done(struct mr_parts *parts)
{
	free(parts->paths);
	parts->paths = NULL;
	parts->count = parts->capacity = 0;
	base_arena_done(&parts->arena);
}

/* ---- Front to back --------------------------------------------------------------------------- */

struct part {
	const struct mr_store_operations *operations;
	struct mr_file *file;
	uint64_t size;
};

static int open_part(struct mr_parts *parts, size_t number, struct part *part,
		     struct gw_error *error)
{
	*part = (struct part){.operations = parts->store.operations};
	int code = part->operations->open(&parts->store, parts->paths[number], &part->file, error);

	if (code < 0)
		return code;
	code = part->operations->size(part->file, &part->size, error);
	if (code < 0)
		mr_file_close(part->file);
	return code;
}

static int read_part(const struct part *part, char *buffer, mr_parts_function *function,
		     void *context, struct gw_error *error)
{
	int code = 0;

	for (uint64_t offset = 0; code >= 0 && offset < part->size;) {
		uint64_t left = part->size - offset;
		size_t size = left < READ_SIZE ? (size_t)left : READ_SIZE;

		assert(size > 0);
		code = part->operations->read_at(part->file, offset, buffer, size, error);
		if (code >= 0)
			code = function(context, (struct gw_bytes){buffer, size}, error);
		offset += size;
	}
	return code;
}

int mr_parts_read(struct mr_parts *parts, mr_parts_function *function, void *context,
		  struct gw_error *error)
{
	char *buffer = malloc(READ_SIZE);
	int code = buffer ? 0 : gw_fail(error, GW_E_NO_MEMORY, "no memory to read parts");

	for (size_t i = 0; code >= 0 && i < parts->count; i++) {
		struct part part;

		code = open_part(parts, i, &part, error);
		if (code < 0)
			break;
		code = read_part(&part, buffer, function, context, error);
		mr_file_close(part.file);
	}
	free(buffer);
	return code < 0 ? code : 0;
}

struct cutting {
	mr_parts_function *function;
	void *context;
	struct base_buffer begun; /* a line whose end has not come */
};

static int cut_lines(void *context, struct gw_bytes piece, struct gw_error *error)
{
	struct cutting *cutting = context;
	const char *data = piece.data, *end = data + piece.size;
	int code = 0;

	while (code >= 0 && data < end) {
		const char *newline = memchr(data, '\n', (size_t)(end - data));
		size_t size = (size_t)((newline ? newline : end) - data);
		struct gw_bytes line = {data, size};

		if (!newline || cutting->begun.size > 0) {
			code = base_buffer_append(&cutting->begun, data, size, error);
			line = base_buffer_bytes(&cutting->begun);
		}
		data += size + (newline != NULL);
		assert(data <= end);
		if (!newline || code < 0)
			break;
		code = cutting->function(cutting->context, line, error);
		cutting->begun.size = 0;
	}
	return code;
}

int mr_parts_lines(struct mr_parts *parts, mr_parts_function *function, void *context,
		   struct gw_error *error)
{
	struct cutting cutting = {.function = function, .context = context};
	int code = mr_parts_read(parts, cut_lines, &cutting, error);

	if (code >= 0 && cutting.begun.size > 0)
		code = function(context, base_buffer_bytes(&cutting.begun), error);
	base_buffer_done(&cutting.begun);
	return code < 0 ? code : 0;
}

/* ---- Looking for a line ---------------------------------------------------------------------- */

/* Where the byte is that ends the line at or behind offset: the newline, or the end of the part. */
static int find_newline(const struct part *part, uint64_t offset, uint64_t *found,
			struct gw_error *error)
{
	char page[PROBE_SIZE];

	assert(offset <= part->size);

	while (offset < part->size) {
		uint64_t left = part->size - offset;
		size_t size = left < sizeof(page) ? (size_t)left : sizeof(page);
		int code = part->operations->read_at(part->file, offset, page, size, error);

		if (code < 0)
			return code;
		const char *newline = memchr(page, '\n', size);

		if (newline) {
			*found = offset + (uint64_t)(newline - page);
			return 0;
		}
		offset += size;
	}
	*found = part->size;
	return 0;
}

/* Compares the key of the line at offset with the given one; buffer is for its bytes. */
static int compare_key(const struct part *part, uint64_t offset, struct gw_bytes key,
		       struct base_buffer *buffer, int *order, struct gw_error *error)
{
	uint64_t left = part->size - offset;
	/* One byte more tells a longer key from an equal one. */
	size_t size = left < key.size + 1 ? (size_t)left : key.size + 1;

	assert(offset < part->size);
	buffer->size = 0;
	int code = base_buffer_reserve(buffer, size, error);

	if (code == 0)
		code = part->operations->read_at(part->file, offset, buffer->data, size, error);
	if (code < 0)
		return code;
	size_t end = 0;

	while (end < size && buffer->data[end] != '\t' && buffer->data[end] != '\n')
		end++;
	*order = gw_bytes_compare((struct gw_bytes){buffer->data, end}, key);
	return 0;
}

/* The first line whose key is not before the given one, and how the two compare. */
static int find_line(const struct part *part, struct gw_bytes key, struct base_buffer *buffer,
		     uint64_t *begin, int *order, struct gw_error *error)
{
	uint64_t low = 0, high = part->size; /* lines that begin before low have lesser keys */

	*begin = part->size;
	while (low < high) {
		uint64_t middle = low + (high - low) / 2, line = 0;
		int compared = 0, code = 0;

		/* The first line that begins at middle or behind it. */
		if (middle > 0) {
			code = find_newline(part, middle - 1, &line, error);
			line++;
		}
		if (code == 0 && line < part->size)
			code = compare_key(part, line, key, buffer, &compared, error);
		if (code < 0)
			return code;
		assert(line >= middle && middle < high);
		if (line < part->size && compared < 0) {
			low = line + 1;
		} else {
			high = middle;
			if (line < part->size) {
				*begin = line;
				*order = compared;
			}
		}
	}
	return 0;
}

static int find_in_part(const struct part *part, struct gw_bytes key, struct base_buffer *rest,
			struct gw_error *error)
{
	uint64_t begin, end;
	int order = 1;
	int code = find_line(part, key, rest, &begin, &order, error);

	if (code < 0 || begin == part->size || order != 0)
		return code;
	begin += key.size;
	code = find_newline(part, begin, &end, error);
	if (code < 0)
		return code;
	begin += begin < end; /* the tab */
	assert(begin <= end && end <= part->size);
	rest->size = 0;
	code = base_buffer_reserve(rest, (size_t)(end - begin), error);
	if (code == 0)
		code = part->operations->read_at(part->file, begin, rest->data,
						 (size_t)(end - begin), error);
	if (code < 0)
		return code;
	rest->size = (size_t)(end - begin);
	return 1;
}

int mr_parts_find(struct mr_parts *parts, struct gw_bytes key, struct base_buffer *rest,
		  struct gw_error *error)
{
	int code = 0;

	for (size_t i = 0; code == 0 && i < parts->count; i++) {
		struct part part;

		code = open_part(parts, i, &part, error);
		if (code < 0)
			break;
		code = find_in_part(&part, key, rest, error);
		mr_file_close(part.file);
	}
	if (code == 0)
		rest->size = 0;
	return code;
}
