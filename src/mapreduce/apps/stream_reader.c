/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stream_reader.c - splits of lines are found by counting newlines once, before the job starts.
 * Splits of records between marks are stretches of bytes: a record belongs to the stretch its first
 * mark begins in, and is read on behind the end of the stretch.
 */
#include "stream_reader.h"

#include "stream.h"

#include "base/allocate.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <fts.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

struct split {
	uint32_t file;
	uint64_t offset, size;
};

struct mr_stream_reader {
	struct mr_strings files;
	struct split *splits;
	size_t count, capacity;
	bool lines;
	const char *begin, *end; /* marks, the caller's */
	uint64_t split_size, split_lines;
	uint32_t opened; /* the split opened last in this process */
};

/* A file in memory. */
struct mapping {
	const char *data;
	size_t size;
};

/* A split while it is read. */
struct reading {
	const struct mr_stream_reader *reader;
	const char *file;
	struct mapping mapping;
	uint64_t at, end;
	char key[24];
};

static int map_file(struct mapping *mapping, const char *path, struct gw_error *error)
{
	int descriptor = open(path, O_RDONLY | O_CLOEXEC), result = 0;
	struct stat facts;
	void *memory;

	*mapping = (struct mapping){0};
	if (descriptor < 0)
		return gw_fail_errno(error, errno, "%s", path);
	if (fstat(descriptor, &facts) < 0) {
		result = gw_fail_errno(error, errno, "%s", path);
	} else if (facts.st_size > 0) {
		memory = mmap(NULL, (size_t)facts.st_size, PROT_READ, MAP_SHARED, descriptor, 0);
		if (memory == MAP_FAILED)
			result = gw_fail_errno(error, errno, "%s", path);
		else
			*mapping = (struct mapping){memory, (size_t)facts.st_size};
	}
	close(descriptor);
	return result;
}

static void unmap_file(struct mapping *mapping)
{
	union {
		const char *from;
		void *to;
	} both = {.from = mapping->data};

	assert(mapping->data || mapping->size == 0);
	if (mapping->size > 0)
		munmap(both.to, mapping->size);
	*mapping = (struct mapping){0};
}

/* ---- Splits ------------------------------------------------------------------------------- */

static int add_split(struct mr_stream_reader *reader, uint64_t offset, uint64_t size,
		     struct gw_error *error)
{
	struct split *splits = base_grow(reader->splits, sizeof(*splits), &reader->capacity,
					 reader->count + 1);

	assert(reader->files.count > 0 && size > 0);
	if (!splits || reader->count == UINT32_MAX)
		return gw_fail(error, GW_E_NO_MEMORY, "no memory for %zu splits", reader->count);
	reader->splits = splits;
	splits[reader->count++] = (struct split){(uint32_t)reader->files.count - 1, offset, size};
	return 0;
}

static int cut_lines(struct mr_stream_reader *reader, const struct mapping *mapping,
		     struct gw_error *error)
{
	uint64_t begin = 0, at = 0, lines = 0;
	int result = 0;

	assert(reader->split_lines > 0);
	while (at < mapping->size && !result) {
		const char *newline = memchr(mapping->data + at, '\n', mapping->size - at);

		at = newline ? (uint64_t)(newline - mapping->data) + 1 : mapping->size;
		if (++lines < reader->split_lines && at < mapping->size)
			continue;
		result = add_split(reader, begin, at - begin, error);
		begin = at;
		lines = 0;
	}
	return result;
}

static int add_file(struct mr_stream_reader *reader, const char *path, uint64_t size,
		    struct gw_error *error)
{
	struct mapping mapping;
	int result = mr_strings_add(&reader->files, gw_string(path), error);

	if (result)
		return result;
	if (!reader->lines) {
		for (uint64_t at = 0; at < size && !result; at += reader->split_size)
			result = add_split(reader, at, size - at < reader->split_size
					   ? size - at : reader->split_size, error);
		return result;
	}
	result = map_file(&mapping, path, error);
	if (!result)
		result = cut_lines(reader, &mapping, error);
	unmap_file(&mapping);
	return result;
}

static int by_name(const FTSENT **left, const FTSENT **right)
{
	return strcmp((*left)->fts_name, (*right)->fts_name);
}

/* The files of one input: itself, or what is below the directory. */
static int add_input(struct mr_stream_reader *reader, char *path, struct gw_error *error)
{
	char *paths[] = {path, NULL};
	FTS *walk = fts_open(paths, FTS_LOGICAL | FTS_NOCHDIR, by_name);
	FTSENT *entry;
	int result = 0;

	if (!walk)
		return gw_fail_errno(error, errno, "%s", path);
	while (!result && (entry = fts_read(walk))) {
		bool hidden = entry->fts_level > 0 &&
			      (entry->fts_name[0] == '.' || entry->fts_name[0] == '_');

		if (hidden)
			fts_set(walk, entry, FTS_SKIP);
		else if (entry->fts_info == FTS_F)
			result = add_file(reader, entry->fts_path,
					  (uint64_t)entry->fts_statp->st_size, error);
		else if (entry->fts_info == FTS_NS || entry->fts_info == FTS_DNR ||
			 entry->fts_info == FTS_ERR)
			result = gw_fail_errno(error, entry->fts_errno, "%s", entry->fts_path);
	}
	fts_close(walk);
	return result;
}

int mr_reader_new(struct mr_stream_reader **made, const struct mr_reader_setup *setup,
		  struct gw_error *error)
{
	struct mr_stream_reader *reader = calloc(1, sizeof(*reader));
	int result = 0;

	*made = reader;
	if (!reader)
		return gw_fail(error, GW_E_NO_MEMORY, "no memory for an input");
	assert(setup->lines > 0 || (setup->split_size > 0 && *setup->begin && *setup->end));
	reader->lines = setup->lines > 0;
	reader->split_lines = setup->lines;
	reader->split_size = setup->split_size;
	reader->begin = setup->begin;
	reader->end = setup->end;
	for (size_t i = 0; i < setup->inputs->count && !result; i++)
		result = add_input(reader, setup->inputs->items[i], error);
	if (result) {
		mr_reader_free(reader);
		*made = NULL;
	}
	return result;
}

void mr_reader_free(struct mr_stream_reader *reader)
{
	if (!reader)
		return;
	mr_strings_done(&reader->files);
	free(reader->splits);
	free(reader);
}

void mr_reader_split(const struct mr_stream_reader *reader, uint32_t number, const char **file,
		     uint64_t *offset, uint64_t *size)
{
	const struct split *split = &reader->splits[number];

	assert(number < reader->count);
	*file = reader->files.items[split->file];
	*offset = split->offset;
	*size = split->size;
}

uint32_t mr_reader_splits(const struct mr_stream_reader *reader)
{
	return (uint32_t)reader->count;
}

/* ---- Reading ------------------------------------------------------------------------------ */

int mr_reader_open(struct mr_stream_reader *reader, uint32_t number, void **state,
		   struct gw_error *error)
{
	const struct split *split = &reader->splits[number];
	struct reading *reading = calloc(1, sizeof(*reading));
	int result;

	assert(number < reader->count);
	if (!reading)
		return gw_fail(error, GW_E_NO_MEMORY, "no memory for an input");
	reader->opened = number;
	reading->reader = reader;
	reading->file = reader->files.items[split->file];
	reading->at = split->offset;
	reading->end = split->offset + split->size;
	result = map_file(&reading->mapping, reading->file, error);
	if (!result && reading->mapping.size < reading->end)
		result = gw_fail(error, GW_E_TRUNCATED, "%s: became shorter", reading->file);
	if (result) {
		mr_reader_close(reading);
		return result;
	}
	*state = reading;
	return 0;
}

void mr_reader_close(void *state)
{
	struct reading *reading = state;

	unmap_file(&reading->mapping);
	free(reading);
}

static int next_line(struct reading *reading, struct gw_bytes *value)
{
	const char *data = reading->mapping.data + reading->at;
	size_t left = (size_t)(reading->end - reading->at);
	const char *newline = memchr(data, '\n', left);

	assert(reading->at < reading->end && reading->end <= reading->mapping.size);
	*value = (struct gw_bytes){data, newline ? (size_t)(newline - data) : left};
	reading->at += value->size + (newline != NULL);
	return 1;
}

/* Where the text is in the file from `from` on, or its size. */
static size_t find_mark(const struct mapping *mapping, uint64_t from, const char *mark)
{
	const char *found = memmem(mapping->data + from, mapping->size - from, mark, strlen(mark));

	assert(from <= mapping->size);
	return found ? (size_t)(found - mapping->data) : mapping->size;
}

static int next_record(struct reading *reading, struct gw_bytes *value, struct gw_error *error)
{
	const struct mr_stream_reader *reader = reading->reader;
	const struct mapping *mapping = &reading->mapping;
	size_t begin = find_mark(mapping, reading->at, reader->begin), end;

	reading->at = begin;
	if (begin >= reading->end)
		return 0;
	end = find_mark(mapping, begin + strlen(reader->begin), reader->end);
	if (end == mapping->size)
		return gw_fail(error, GW_E_TRUNCATED, "%s: the record at byte %zu does not end",
			       reading->file, begin);
	end += strlen(reader->end);
	*value = (struct gw_bytes){mapping->data + begin, end - begin};
	return 1;
}

int mr_reader_next(void *state, struct gw_bytes *key, struct gw_bytes *value,
		   struct gw_error *error)
{
	struct reading *reading = state;
	int result;

	if (reading->at >= reading->end)
		return 0;
	if (reading->reader->lines) {
		snprintf(reading->key, sizeof(reading->key), "%" PRIu64, reading->at);
		result = next_line(reading, value);
	} else {
		result = next_record(reading, value, error);
		snprintf(reading->key, sizeof(reading->key), "%" PRIu64, reading->at);
		reading->at += result == 1 ? value->size : 0;
	}
	*key = gw_string(reading->key);
	return result;
}

/* ---- As the public API wants it ----------------------------------------------------------- */

static uint32_t count_of(void *context)
{
	const struct mr_stream *stream = context;

	return mr_reader_splits(stream->reader);
}

static int open_of(void *context, uint32_t split, void **state, struct gw_error *error)
{
	struct mr_stream *stream = context;

	assert(stream->reader);
	return mr_reader_open(stream->reader, split, state, error);
}

const struct gw_mr_reader mr_stream_reader_calls = {
	.split_count = count_of,
	.open = open_of,
	.next = mr_reader_next,
	.close = mr_reader_close,
};
