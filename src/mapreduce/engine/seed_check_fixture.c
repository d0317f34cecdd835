/* SPDX-License-Identifier: Apache-2.0 */
/* seed_check_fixture.c - what a run has made against what the reference makes: every byte, every
 * counter. */
#include "seed_fixture.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static void hash_bytes(struct seed_run *run, const void *data, size_t size)
{
	for (size_t i = 0; i < size; i++)
		run->hash = (run->hash ^ ((const uint8_t *)data)[i]) * UINT64_C(0x100000001b3);
	run->hash = (run->hash ^ size) * UINT64_C(0x100000001b3);
}

/* ---- Frames --------------------------------------------------------------------------------- */

static uint32_t u32_at(const uint8_t *data)
{
	return data[0] | (uint32_t)data[1] << 8 | (uint32_t)data[2] << 16 | (uint32_t)data[3] << 24;
}

static bool read_size(const uint8_t *data, size_t end, size_t *at, uint32_t *value)
{
	*value = 0;
	for (unsigned shift = 0; *at < end && shift < 35; shift += 7) {
		uint8_t byte = data[(*at)++];

		*value |= (uint32_t)(byte & 127) << shift;
		if (byte < 128)
			return true;
	}
	return false;
}

/* The pairs of one frame's payload; false when it is not what its header says. */
static bool read_pairs(const uint8_t *data, size_t size, uint32_t pairs, struct seed_bytes *out)
{
	size_t at = 0;

	for (uint32_t i = 0; i < pairs; i++) {
		uint32_t sizes[2];

		if (!read_size(data, size, &at, &sizes[0]) ||
		    !read_size(data, size, &at, &sizes[1]) || sizes[0] > size - at ||
		    sizes[1] > size - at - sizes[0])
			return false;
		seed_append(out, sizes, sizeof sizes);
		seed_append(out, data + at, sizes[0] + sizes[1]);
		at += sizes[0] + sizes[1];
	}
	return at == size;
}

/* Framed output as the list of pairs that struct seed_result has. The frames' borders are not
 * compared: where a part is cut into units decides them. */
static bool read_frames(const uint8_t *data, size_t size, struct seed_bytes *out)
{
	for (size_t at = 0, payload; at < size; at += 20 + payload) {
		struct seed_bytes plain = {0};
		uint32_t crc;
		bool good;

		if (size - at < 20 || memcmp(data + at, "\367GWF\1\0", 6) != 0)
			return false;
		payload = u32_at(data + at + 8);
		if (payload > size - at - 20)
			return false;
		crc = seed_crc32c(0, data + at + 4, 12);
		if (seed_crc32c(crc, data + at + 20, payload) != u32_at(data + at + 16))
			return false;
		for (size_t i = 0; i < payload; i++)
			seed_append_byte(&plain, data[at + 20 + i] ^ data[at + 6 + i % 2]);
		good = read_pairs(plain.data, plain.size, u32_at(data + at + 12), out);
		seed_bytes_done(&plain);
		if (!good)
			return false;
	}
	return true;
}

/* ---- Parts ---------------------------------------------------------------------------------- */

static void compare_bytes(struct seed_run *run, uint32_t part, const uint8_t *got, size_t size,
			  const struct seed_bytes *wanted)
{
	size_t at = 0;

	while (at < size && at < wanted->size && got[at] == wanted->data[at])
		at++;
	if (at == size && at == wanted->size)
		return;
	seed_complain(run, "part %u: %zu bytes, not %zu; byte %zu is the first that differs: "
		      "\"%.*s\", not \"%.*s\"", part, size, wanted->size, at,
		      (int)(size - at < 40 ? size - at : 40), (const char *)got + at,
		      (int)(wanted->size - at < 40 ? wanted->size - at : 40),
		      (const char *)wanted->data + at);
}

static int64_t check_part(struct seed_run *run, uint32_t part, const struct seed_bytes *wanted)
{
	size_t size;
	uint8_t *got = (uint8_t *)fixture_part(run->fixture, part, &size);
	struct seed_bytes pairs = {0};

	hash_bytes(run, got, size);
	if (run->draw->output != GW_MR_OUT_FRAMED)
		compare_bytes(run, part, got, size, wanted);
	else if (read_frames(got, size, &pairs))
		compare_bytes(run, part, pairs.data, pairs.size, wanted);
	else
		seed_complain(run, "part %u: its frames cannot be read", part);
	seed_bytes_done(&pairs);
	free(got);
	return (int64_t)size;
}

static void check_units(struct seed_run *run)
{
	const struct mr_board *board = run->fixture->board;

	for (uint32_t i = 0; i < board->unit_count; i++) {
		const struct mr_unit *unit = &board->units[i];

		if (!unit->done || !unit->placed || !unit->written)
			seed_complain(run, "unit %u of %u is not done, placed and written", i,
				      board->unit_count);
	}
}

/* ---- Counters ------------------------------------------------------------------------------- */

static void check_counter(struct seed_run *run, const char *name, int64_t got, int64_t wanted)
{
	if (got != wanted)
		seed_complain(run, "counter %s is %" PRId64 ", not %" PRId64, name, got, wanted);
}

static void check_automatic(struct seed_run *run, const struct seed_result *wanted, int64_t output)
{
	const int64_t *got = run->fixture->counters.automatic;
	const struct gw_mr_job *job = &run->job;
	bool grouped = job->reduce || job->format || job->combine || job->combine_with;

	check_counter(run, "map_records_in", got[MR_COUNT_MAP_RECORDS_IN],
		      job->map ? wanted->records : 0);
	if (!job->reader)
		check_counter(run, "map_bytes_in", got[MR_COUNT_MAP_BYTES_IN], wanted->bytes_in);
	check_counter(run, "skipped_records", got[MR_COUNT_SKIPPED_RECORDS], wanted->bad);
	check_counter(run, "map_pairs_out", got[MR_COUNT_MAP_PAIRS_OUT], wanted->map_pairs);
	check_counter(run, "reduce_pairs_out", got[MR_COUNT_REDUCE_PAIRS_OUT],
		      wanted->reduce_pairs);
	check_counter(run, "output_bytes", got[MR_COUNT_OUTPUT_BYTES], output);
	if (grouped)
		check_counter(run, "reduce_keys_in", got[MR_COUNT_REDUCE_KEYS_IN], wanted->groups);
	if (job->combine || job->combine_with > GW_MR_SET_UNION ||
	    (job->combine_with && job->combine_with < GW_MR_SET_UNION))
		check_counter(run, "reduce_pairs_in", got[MR_COUNT_REDUCE_PAIRS_IN],
			      got[MR_COUNT_COMBINE_PAIRS_OUT]);
	else if (!job->combine_with && !job->map_only)
		check_counter(run, "reduce_pairs_in", got[MR_COUNT_REDUCE_PAIRS_IN],
			      wanted->map_pairs);
	if ((got[MR_COUNT_SPILLED_BYTES] > 0) > (run->draw->shared_max < UINT64_MAX) &&
	    run->draw->slot_memory > (1 << 20))
		seed_complain(run, "spilled with all the memory there is");
}

static int64_t user_counter(const struct seed_run *run, const char *name)
{
	const struct mr_user_counter *counters = run->fixture->counters.user;

	for (size_t i = 0; i < MR_USER_COUNTERS_MAX; i++) {
		if (strcmp(counters[i].name, name) == 0)
			return counters[i].value;
	}
	return 0;
}

static void check_user(struct seed_run *run, const struct seed_result *wanted)
{
	const struct mr_user_counter *got = run->fixture->counters.user;

	for (size_t i = 0; i < SEED_COUNTERS_MAX && wanted->user[i].name; i++)
		check_counter(run, wanted->user[i].name, user_counter(run, wanted->user[i].name),
			      wanted->user[i].value);
	for (size_t i = 0; i < MR_USER_COUNTERS_MAX && got[i].name[0]; i++) {
		bool known = got[i].value == 0;

		for (size_t k = 0; k < SEED_COUNTERS_MAX && wanted->user[k].name; k++)
			known |= strcmp(got[i].name, wanted->user[k].name) == 0;
		if (!known)
			seed_complain(run, "counter %s should not be", got[i].name);
	}
}

/* ---- All ------------------------------------------------------------------------------------ */

static void read_ranges(const struct mr_board *board, struct seed_ranges *ranges)
{
	size_t at = 0;

	ranges->ranges = board->ranges;
	ranges->count = board->splitter_count;
	ranges->splitters = malloc((ranges->count + 1) * sizeof *ranges->splitters);
	assert(ranges->splitters);
	for (uint32_t i = 0; i < ranges->count; i++) {
		uint32_t size = u32_at(board->splitters + at);

		ranges->splitters[i] = (struct gw_bytes){board->splitters + at + 4, size};
		at += 4 + (size_t)size;
	}
}

void seed_check(struct seed_run *run)
{
	struct fixture *fixture = run->fixture;
	struct seed_ranges ranges;
	struct seed_result wanted;
	int64_t output = 0;

	check_units(run);
	read_ranges(fixture->board, &ranges);
	seed_reference(run->draw, &run->files, &ranges, fixture->plan.split_count, &wanted);
	for (uint32_t part = 0; part < run->draw->parts; part++)
		output += check_part(run, part, &wanted.parts[part]);
	check_automatic(run, &wanted, output);
	check_user(run, &wanted);
	hash_bytes(run, &fixture->counters, sizeof fixture->counters);
	hash_bytes(run, &run->attempts, sizeof run->attempts);
	seed_result_done(&wanted);
	free(ranges.splitters);
}
