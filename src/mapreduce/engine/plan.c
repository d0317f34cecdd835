/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plan.c - from names of inputs to splits.
 *
 * All inputs are thought of as one string of bytes, file behind file, with borders at equal
 * distances in it. A file that may be cut is cut where a border falls; one that may not belongs to
 * the split in which it begins. So big files are cut, small ones share a split, and both cost one
 * pass over the files.
 */
#include "plan.h"

#include "base/allocate.h"
#include "base/arena.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

struct planner {
	struct mr_plan *plan;
	const struct mr_config *config;
	struct mr_store *store;
	const char *listed; /* the path being listed */
	size_t file_capacity, piece_capacity, split_capacity;
	/* Border number `border` of `borders` is where the current split ends. */
	uint64_t borders, border, border_at;
	bool in_split; /* a split is open that ends at the border */
	struct gw_error *error;
};

static int fail_memory(const struct planner *planner)
{
	return gw_fail(planner->error, GW_E_NO_MEMORY,
		       "planning %" PRIu32 " input files: out of memory",
		       planner->plan->file_count);
}

/* ---- Files ----------------------------------------------------------------------------------- */

static bool ends_in(const char *path, const char *ending)
{
	size_t size = strlen(path), ending_size = strlen(ending);

	return size > ending_size && memcmp(path + size - ending_size, ending, ending_size) == 0;
}

static enum mr_compression compression_of(const char *path)
{
	if (ends_in(path, ".gz"))
		return MR_GZIP;
	if (ends_in(path, ".zst"))
		return MR_ZSTD;
	if (ends_in(path, ".lz4"))
		return MR_LZ4;
	return MR_PLAIN;
}

static int add_file(struct planner *planner, const struct mr_entry *entry)
{
	struct mr_plan *plan = planner->plan;
	struct mr_plan_file *files;
	const char *path;

	if (!entry->is_readable)
		return gw_fail(planner->error, GW_E_DENIED, "%s: may not be read", entry->path);
	if (plan->file_count == MR_FILES_MAX)
		return gw_fail(planner->error, GW_E_TOO_LARGE, "%s: more than %d input files",
			       entry->path, MR_FILES_MAX);
	if (entry->size > INT64_MAX - plan->bytes)
		return gw_fail(planner->error, GW_E_TOO_LARGE, "%s: inputs of more than 2^63 bytes",
			       entry->path);
	files = base_grow(plan->files, sizeof *files, &planner->file_capacity,
			  (size_t)plan->file_count + 1);
	if (!files)
		return fail_memory(planner);
	plan->files = files;
	path = base_arena_string(plan->memory, entry->path);
	if (!path)
		return fail_memory(planner);
	assert(plan->file_count < planner->file_capacity);
	files[plan->file_count++] = (struct mr_plan_file){path, entry->size, compression_of(path)};
	plan->bytes += entry->size;
	return 0;
}

static bool is_hidden(const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;

	return name[0] == '.' || name[0] == '_';
}

static int list(struct planner *planner, const char *path);

static int add_entry(void *context, const struct mr_entry *entry, struct gw_error *error)
{
	struct planner *planner = context;

	(void)error; /* is planner->error */
	if (strcmp(entry->path, planner->listed) == 0)
		return add_file(planner, entry);
	if (is_hidden(entry->path))
		return 0;
	return entry->is_directory ? list(planner, entry->path) : add_file(planner, entry);
}

static int list(struct planner *planner, const char *path)
{
	const char *outer = planner->listed;
	int result;

	assert(path && path[0]);
	planner->listed = path;
	result = planner->store->operations->list(planner->store, path, add_entry, planner,
						  planner->error);
	planner->listed = outer;
	return result;
}

static int compare_files(const void *a, const void *b)
{
	const struct mr_plan_file *left = a, *right = b;

	return strcmp(left->path, right->path);
}

static int find_files(struct planner *planner)
{
	const struct gw_mr_options *options = &planner->config->options;

	for (size_t i = 0; i < options->input_count; i++) {
		uint32_t first = planner->plan->file_count;
		int result = list(planner, options->inputs[i]);

		if (result < 0)
			return result;
		/* A directory's files come in the order of names, which is not that of whole paths:
		 * "a.txt" is before "a/b", but the directory "a" before "a.txt". */
		if (planner->plan->file_count > first)
			qsort(planner->plan->files + first, planner->plan->file_count - first,
			      sizeof *planner->plan->files, compare_files);
	}
	return 0;
}

/* ---- Splits ---------------------------------------------------------------------------------- */

static bool is_whole(const struct mr_config *config, const struct mr_plan_file *file)
{
	return file->compression != MR_PLAIN || config->job.whole_files ||
	       config->job.input == GW_MR_FILES || mr_config_quoted(config);
}

static int count_borders(struct planner *planner)
{
	const struct mr_config *config = planner->config;
	uint64_t bytes = planner->plan->bytes, split_size = config->options.split_size;
	uint64_t least = bytes / split_size + (bytes % split_size != 0);
	uint64_t wanted = (uint64_t)config->slots * MR_SPLITS_PER_SLOT;

	assert(split_size > 0);
	if (wanted > bytes / MR_SPLIT_MIN)
		wanted = bytes / MR_SPLIT_MIN;
	planner->borders = least > wanted ? least : wanted;
	if (planner->borders > MR_SPLITS_MAX)
		return gw_fail(planner->error, GW_E_TOO_LARGE,
			       "%" PRIu64 " bytes of input in splits of "
			       "%" PRIu64 " make more than %d: choose a greater --split-size",
			       bytes, split_size, MR_SPLITS_MAX);
	return 0;
}

/* Moves on to the split that holds position. */
static void pass_borders(struct planner *planner, uint64_t position)
{
	while (position >= planner->border_at) {
		assert(planner->border < planner->borders);
		planner->border++;
		planner->border_at = (uint64_t)((unsigned __int128)planner->plan->bytes *
						planner->border / planner->borders);
		planner->in_split = false;
	}
}

static int add_split(struct planner *planner)
{
	struct mr_plan *plan = planner->plan;
	struct mr_split *splits = base_grow(plan->splits, sizeof *splits, &planner->split_capacity,
					    (size_t)plan->split_count + 1);

	if (!splits)
		return fail_memory(planner);
	assert(!planner->in_split || planner->config->job.reader);
	assert(plan->split_count < MR_SPLITS_MAX && plan->split_count < planner->split_capacity);
	plan->splits = splits;
	splits[plan->split_count++] = (struct mr_split){.first_piece = plan->piece_count};
	planner->in_split = true;
	return 0;
}

static int add_piece(struct planner *planner, uint32_t file, uint64_t offset, uint64_t size)
{
	struct mr_plan *plan = planner->plan;
	struct mr_piece *pieces;
	struct mr_split *split;
	int result;

	if (!planner->in_split) {
		result = add_split(planner);
		if (result < 0)
			return result;
	}
	pieces = base_grow(plan->pieces, sizeof *pieces, &planner->piece_capacity,
			   (size_t)plan->piece_count + 1);
	if (!pieces)
		return fail_memory(planner);
	plan->pieces = pieces;
	assert(plan->piece_count < MR_FILES_MAX + MR_SPLITS_MAX); /* one a file and one a border */
	assert(size > 0 || planner->config->job.empty_files);
	assert(size <= plan->files[file].size - offset);
	pieces[plan->piece_count++] = (struct mr_piece){file, offset, size};
	assert(plan->split_count > 0 && planner->in_split);
	split = &plan->splits[plan->split_count - 1];
	split->piece_count++;
	split->bytes += size;
	return 0;
}

/* It belongs to the split before it; the first, to that of the first byte, if there is any. */
static int add_empty_file(struct planner *planner, uint32_t number, uint64_t position)
{
	if (!planner->config->job.empty_files)
		return 0;
	if (!planner->in_split && position < planner->plan->bytes)
		pass_borders(planner, position);
	return add_piece(planner, number, 0, 0);
}

/* The file begins at `position` of all bytes. */
static int cut_file(struct planner *planner, uint32_t number, uint64_t position)
{
	const struct mr_plan_file *file = &planner->plan->files[number];
	bool whole = is_whole(planner->config, file);
	uint64_t offset = 0;

	if (file->size == 0)
		return add_empty_file(planner, number, position);
	while (offset < file->size) {
		uint64_t size = file->size - offset;
		int result;

		pass_borders(planner, position + offset);
		assert(planner->border_at > position + offset);
		if (!whole && size > planner->border_at - (position + offset))
			size = planner->border_at - (position + offset);
		result = add_piece(planner, number, offset, size);
		if (result < 0)
			return result;
		offset += size;
	}
	return 0;
}

static int cut_files(struct planner *planner)
{
	uint64_t position = 0;
	int result = count_borders(planner);

	for (uint32_t i = 0; i < planner->plan->file_count && result == 0; i++) {
		result = cut_file(planner, i, position);
		position += planner->plan->files[i].size;
	}
	assert(result < 0 || position == planner->plan->bytes);
	return result;
}

static int split_reader(struct planner *planner)
{
	const struct gw_mr_job *job = &planner->config->job;
	uint32_t count = job->reader->split_count(job->context);

	if (count > MR_SPLITS_MAX)
		return gw_fail(planner->error, GW_E_TOO_LARGE, "job %s: its reader has %" PRIu32
			       " splits, more than %d", job->name, count, MR_SPLITS_MAX);
	for (uint32_t i = 0; i < count; i++) {
		int result = add_split(planner);

		if (result < 0)
			return result;
	}
	return 0;
}

int mr_plan_init(struct mr_plan *plan, const struct mr_config *config, struct mr_store *store,
		 struct gw_error *error)
{
	struct planner planner = {.plan = plan, .config = config, .store = store, .error = error};
	int result;

	*plan = (struct mr_plan){.memory = calloc(1, sizeof(struct base_arena))};
	assert(config->slots > 0);
	if (!plan->memory)
		result = fail_memory(&planner);
	else if (config->job.reader)
		result = split_reader(&planner);
	else
		result = find_files(&planner);
	if (result == 0 && !config->job.reader)
		result = cut_files(&planner);
	if (result < 0)
		mr_plan_done(plan);
	return result;
}

void mr_plan_done(struct mr_plan *plan)
{
	if (plan->memory)
		base_arena_done(plan->memory);
	free(plan->memory);
	free(plan->files);
	free(plan->pieces);
	free(plan->splits);
	*plan = (struct mr_plan){0};
}
