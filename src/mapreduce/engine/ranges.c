/* SPDX-License-Identifier: Apache-2.0 */
/* ranges.c - see ranges.h. */
#include "ranges.h"

#include "hash.h"
#include "pair.h"

#include <assert.h>
#include <stdlib.h>

static size_t common_prefix(struct gw_bytes a, struct gw_bytes b)
{
	const uint8_t *x = a.data, *y = b.data;
	size_t size = a.size < b.size ? a.size : b.size;
	size_t i = 0;

	while (i < size && x[i] == y[i])
		i++;
	return i;
}

static int ranges_reserve(struct mr_ranges *ranges, uint32_t count, struct gw_error *error)
{
	struct gw_bytes *splitters;
	uint64_t *prefixes;

	if (count <= ranges->capacity)
		return 0;
	splitters = realloc(ranges->splitters, count * sizeof *splitters);
	if (splitters)
		ranges->splitters = splitters;
	prefixes = realloc(ranges->prefixes, count * sizeof *prefixes);
	if (prefixes)
		ranges->prefixes = prefixes;
	if (!splitters || !prefixes)
		return gw_fail(error, GW_E_NO_MEMORY, "no memory for %u ranges of keys", count);
	ranges->capacity = count;
	return 0;
}

_Static_assert(MR_BUCKETS_MAX <= UINT16_MAX, "numbers of splitters fit starts[]");

/* Cuts the span of the prefixes into cells, so that a search has few splitters left. */
static void ranges_set_cells(struct mr_ranges *ranges)
{
	const uint64_t *prefixes = ranges->prefixes;
	uint64_t span = ranges->count ? prefixes[ranges->count - 1] - prefixes[0] : 0;
	uint32_t at = 0;

	assert(ranges->count <= ranges->capacity && ranges->count <= UINT16_MAX);
	ranges->shift = 0;
	while (span >> ranges->shift >= MR_RANGE_CELLS)
		ranges->shift++;
	for (uint32_t cell = 0; cell <= MR_RANGE_CELLS; cell++) {
		while (at < ranges->count && (prefixes[at] - prefixes[0]) >> ranges->shift < cell)
			at++;
		ranges->starts[cell] = (uint16_t)at;
	}
}

int mr_ranges_load(struct mr_ranges *ranges, const struct mr_config *config,
		   const struct mr_board *board, struct gw_error *error)
{
	const uint8_t *at = board->splitters;
	int failed = ranges_reserve(ranges, board->splitter_count, error);

	if (failed)
		return failed;
	ranges->config = config;
	ranges->parts = config->parts;
	ranges->ranges = board->ranges;
	ranges->buckets = config->parts * board->ranges;
	ranges->count = board->splitter_count;
	for (uint32_t i = 0; i < ranges->count; i++) {
		uint32_t size;

		assert(at < board->splitters + board->splitter_bytes);
		memcpy(&size, at, sizeof size);
		ranges->splitters[i] = (struct gw_bytes){at + sizeof size, size};
		at += sizeof size + size;
	}
	assert(at == board->splitters + board->splitter_bytes);
	ranges->common = 0;
	if (ranges->count > 0 && !config->job.compare)
		ranges->common =
			common_prefix(ranges->splitters[0], ranges->splitters[ranges->count - 1]);
	for (uint32_t i = 0; i < ranges->count; i++)
		ranges->prefixes[i] = mr_key_prefix(ranges->splitters[i], ranges->common);
	if (!config->job.compare)
		ranges_set_cells(ranges);
	return 0;
}

void mr_ranges_done(struct mr_ranges *ranges)
{
	free(ranges->splitters);
	free(ranges->prefixes);
	*ranges = (struct mr_ranges){0};
}

/* How many of the splitters from `low` on, of at most count, are not behind the key. */
static uint32_t count_by_compare(const struct mr_ranges *ranges, const struct gw_mr_task *task,
				 struct gw_bytes key, uint32_t low, uint32_t count)
{
	int (*compare)(const struct gw_mr_task *, struct gw_bytes, struct gw_bytes) =
		ranges->config->job.compare;
	uint32_t begin = low, end = low + count;

	while (begin < end) {
		uint32_t middle = begin + (end - begin) / 2;
		struct gw_bytes splitter = ranges->splitters[middle];
		int order =
			compare ? compare(task, splitter, key) : mr_compare_bytes(splitter, key);

		if (order <= 0)
			begin = middle + 1;
		else
			end = middle;
	}
	return begin;
}

/* The first splitter whose prefix is not less than word. */
static inline uint32_t lower_bound(const struct mr_ranges *ranges, uint64_t word)
{
	const uint64_t *prefixes = ranges->prefixes, *base;
	uint32_t first, count;

	if (word <= prefixes[0])
		return 0;
	if (word > prefixes[ranges->count - 1])
		return ranges->count;
	first = ranges->starts[(word - prefixes[0]) >> ranges->shift];
	count = ranges->starts[((word - prefixes[0]) >> ranges->shift) + 1] - first;
	base = prefixes + first;
	/* No branch that could be mispredicted. */
	while (count > 1) {
		uint32_t half = count / 2;

		base += base[half - 1] < word ? half : 0;
		count -= half;
	}
	return (uint32_t)(base - prefixes) + (count == 1 && *base < word);
}

static uint32_t range_of(const struct mr_ranges *ranges, const struct gw_mr_task *task,
			 struct gw_bytes key)
{
	uint32_t low, equal = 0;
	uint64_t word;

	if (ranges->count == 0)
		return 0;
	if (ranges->config->job.compare)
		return count_by_compare(ranges, task, key, 0, ranges->count);
	if (ranges->common > 0) {
		struct gw_bytes shared = {ranges->splitters[0].data, ranges->common};
		struct gw_bytes head = {key.data, key.size < shared.size ? key.size : shared.size};
		int order = mr_compare_bytes(head, shared);

		if (order)
			return order < 0 ? 0 : ranges->count;
	}
	word = mr_key_prefix(key, ranges->common);
	low = lower_bound(ranges, word);
	while (low + equal < ranges->count && ranges->prefixes[low + equal] == word)
		equal++;
	return equal ? count_by_compare(ranges, task, key, low, equal) : low;
}

struct gw_bytes mr_url_host(struct gw_bytes url)
{
	const char *text = url.data;
	size_t begin = 0, end;

	for (size_t i = 0; i + 3 <= url.size; i++) {
		if (memcmp(text + i, "://", 3) == 0) {
			begin = i + 3;
			break;
		}
		if (text[i] == '/' || text[i] == '?')
			break;
	}
	for (end = begin; end < url.size; end++) {
		if (text[end] == '@')
			begin = end + 1;
		else if (text[end] == '/' || text[end] == '?' || text[end] == '#')
			break;
	}
	for (size_t i = begin; i < end; i++) {
		if (text[i] == ':') {
			end = i;
			break;
		}
	}
	return (struct gw_bytes){text + begin, end - begin};
}

static uint32_t part_of(const struct mr_ranges *ranges, const struct gw_mr_task *task,
			struct gw_bytes key)
{
	const struct gw_mr_job *job = &ranges->config->job;
	const void *end;

	if (job->partition) {
		uint32_t part = job->partition(task, key, ranges->parts);

		return part < ranges->parts ? part : part % ranges->parts;
	}
	if (job->partition_by == GW_MR_BY_HOST)
		key = mr_url_host(key);
	if (job->partition_by == GW_MR_BY_PREFIX && key.size > 0) {
		end = memchr(key.data, job->partition_separator, key.size);
		if (end)
			key.size = (size_t)((const char *)end - (const char *)key.data);
	}
	return (uint32_t)(mr_hash(key.data, key.size) % ranges->parts);
}

uint32_t mr_ranges_bucket(const struct mr_ranges *ranges, const struct gw_mr_task *task,
			  struct gw_bytes key)
{
	const struct gw_mr_job *job = &ranges->config->job;
	uint32_t range = range_of(ranges, task, key);

	if (ranges->parts == 1 || (job->partition_by == GW_MR_BY_RANGE && !job->partition))
		return range;
	return part_of(ranges, task, key) * ranges->ranges + range;
}

size_t mr_ranges_common(const struct mr_ranges *ranges, uint32_t bucket)
{
	const struct gw_mr_job *job = &ranges->config->job;
	bool global = job->partition_by == GW_MR_BY_RANGE && !job->partition;
	uint32_t range = global ? bucket : bucket % ranges->ranges;

	assert(bucket < ranges->buckets);
	if (job->compare || range == 0 || range >= ranges->count)
		return 0;
	return common_prefix(ranges->splitters[range - 1], ranges->splitters[range]);
}
