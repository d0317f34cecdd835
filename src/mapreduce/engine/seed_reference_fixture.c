/* SPDX-License-Identifier: Apache-2.0 */
/*
 * seed_reference_fixture.c - what a job has to make: all pairs in one array, sorted by qsort,
 * grouped by walking over it. No tables, no runs, no ranges, no memory limit.
 */
#include "seed_fixture.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

struct made_pair {
	uint32_t part;
	size_t index; /* of emission */
	bool number;
	struct gw_bytes key, value; /* owned */
};

struct reference {
	struct seed_out map_out; /* first: map functions put pairs here */
	struct seed_out reduce_out;
	const struct seed_draw *draw;
	const struct seed_ranges *ranges;
	struct seed_result *result;
	struct made_pair *pairs;
	size_t count, capacity;
	uint32_t part; /* being written */
};

static struct reference *of_map(struct seed_out *out)
{
	return (struct reference *)out;
}

static struct reference *of_reduce(struct seed_out *out)
{
	return (struct reference *)(void *)((char *)out - offsetof(struct reference, reduce_out));
}

static bool makes_numbers(const struct seed_draw *draw)
{
	return draw->combine_with >= GW_MR_SUM && draw->combine_with <= GW_MR_COUNT;
}

/* ---- Counters ------------------------------------------------------------------------------- */

void seed_count(struct seed_result *result, const char *name, int64_t delta)
{
	for (size_t i = 0; i < SEED_COUNTERS_MAX; i++) {
		struct seed_counter *counter = &result->user[i];

		if (!counter->name)
			counter->name = name;
		if (strcmp(counter->name, name) == 0) {
			counter->value += delta;
			return;
		}
	}
	assert(!"more counters than there is room for");
}

static void count_in_map(struct seed_out *out, const char *name, int64_t delta)
{
	seed_count(of_map(out)->result, name, delta);
}

static void count_in_reduce(struct seed_out *out, const char *name, int64_t delta)
{
	seed_count(of_reduce(out)->result, name, delta);
}

/* ---- Output --------------------------------------------------------------------------------- */

static void output_bytes(struct seed_out *out, const void *data, size_t size)
{
	struct reference *reference = of_reduce(out);

	seed_append(&reference->result->parts[reference->part], data, size);
}

static void output_text(struct seed_bytes *part, struct gw_bytes key, struct gw_bytes value,
			bool number)
{
	char digits[32];

	seed_append(part, key.data, key.size);
	if (number) {
		snprintf(digits, sizeof digits, "%lld", (long long)gw_mr_i64(value));
		value = gw_string(digits);
	}
	if (value.size > 0)
		seed_append_byte(part, '\t');
	seed_append(part, value.data, value.size);
	seed_append_byte(part, '\n');
}

static void output_pair(struct seed_out *out, struct gw_bytes key, struct gw_bytes value,
			bool number)
{
	struct reference *reference = of_reduce(out);
	struct seed_bytes *part = &reference->result->parts[reference->part];
	uint32_t sizes[2] = {(uint32_t)key.size, (uint32_t)value.size};

	reference->result->reduce_pairs++;
	if (reference->draw->format) {
		seed_format_pair(out, key, value);
		return;
	}
	if (reference->draw->output == GW_MR_OUT_TEXT) {
		output_text(part, key, value, number);
		return;
	}
	if (reference->draw->output == GW_MR_OUT_FRAMED)
		seed_append(part, sizes, sizeof sizes);
	seed_append(part, key.data, key.size);
	seed_append(part, value.data, value.size);
}

/* ---- Partition ------------------------------------------------------------------------------ */

static uint64_t multiply_fold(uint64_t a, uint64_t b)
{
	unsigned __int128 product = (unsigned __int128)a * b;

	return (uint64_t)(product ^ product >> 64);
}

static uint64_t word_at(const uint8_t *data, size_t size, size_t at)
{
	uint64_t word = 0;

	for (size_t i = 0; i < 8 && at + i < size; i++)
		word |= (uint64_t)data[at + i] << (8 * i);
	return word;
}

/* The hash by which keys are partitioned (hash.h): it may never change, so it is written down
 * twice. */
static uint64_t hash_of(const uint8_t *data, size_t size)
{
	const uint64_t c0 = UINT64_C(0xa0761d6478bd642f), c1 = UINT64_C(0xe7037ed1a0b428db),
		       c2 = UINT64_C(0x8ebc6af09c88c6e3);
	uint64_t hash = c2 ^ size;

	if (size <= 16)
		return multiply_fold(word_at(data, size, 0) ^ c0,
				     word_at(data, size, 8) ^ c1 ^ size * c2);
	for (size_t at = 0; at + 16 < size; at += 16)
		hash = multiply_fold(word_at(data, size, at) ^ c0 ^ hash,
				     word_at(data, size, at + 8) ^ c1);
	return multiply_fold(word_at(data, size, size - 16) ^ c0 ^ hash,
			     word_at(data, size, size - 8) ^ c1);
}

/* scheme://user@HOST:port/path, or without a scheme. */
static struct gw_bytes host_of(struct gw_bytes url)
{
	const char *text = url.data;
	size_t begin = 0, end;

	for (size_t i = 0; i + 2 < url.size && text[i] != '/' && text[i] != '?'; i++) {
		if (text[i] == ':' && text[i + 1] == '/' && text[i + 2] == '/') {
			begin = i + 3;
			break;
		}
	}
	end = begin;
	while (end < url.size && !memchr("/?#", text[end], 3))
		end++;
	for (size_t i = begin; i < end; i++)
		begin = text[i] == '@' ? i + 1 : begin;
	for (size_t i = begin; i < end; i++)
		end = text[i] == ':' ? i : end;
	return (struct gw_bytes){end > begin ? text + begin : "", end - begin};
}

static uint32_t part_of(const struct reference *reference, struct gw_bytes key)
{
	const struct seed_draw *draw = reference->draw;
	const struct seed_ranges *ranges = reference->ranges;
	uint32_t passed = 0;

	if (draw->parts == 1)
		return 0;
	if (draw->user_partition)
		return seed_user_part(draw, key) % draw->parts;
	if (draw->partition_by == GW_MR_BY_RANGE) {
		while (passed < ranges->count &&
		       seed_compare_keys(draw, ranges->splitters[passed], key) <= 0)
			passed++;
		return passed / ranges->ranges;
	}
	if (draw->partition_by == GW_MR_BY_HOST)
		key = host_of(key);
	for (size_t i = 0; draw->partition_by == GW_MR_BY_PREFIX && i < key.size; i++) {
		if (((const uint8_t *)key.data)[i] == draw->partition_separator)
			key.size = i;
	}
	return (uint32_t)(hash_of(key.data, key.size) % draw->parts);
}

/* ---- Map ------------------------------------------------------------------------------------ */

static struct gw_bytes copy(struct gw_bytes bytes)
{
	uint8_t *data = malloc(bytes.size + 1);

	assert(data);
	if (bytes.size > 0)
		memcpy(data, bytes.data, bytes.size);
	return (struct gw_bytes){data, bytes.size};
}

static void collect(struct seed_out *out, struct gw_bytes key, struct gw_bytes value, bool number)
{
	struct reference *reference = of_map(out);

	reference->result->map_pairs++;
	if (reference->draw->map_only) {
		output_pair(&reference->reduce_out, key, value, number);
		return;
	}
	if (reference->count == reference->capacity) {
		reference->capacity = reference->capacity * 2 + 100;
		reference->pairs = realloc(reference->pairs,
					   reference->capacity * sizeof *reference->pairs);
		assert(reference->pairs);
	}
	reference->pairs[reference->count] = (struct made_pair){
		part_of(reference, key), reference->count, number, copy(key), copy(value)};
	reference->count++;
}

static void map_record(void *context, const struct seed_record *record)
{
	struct reference *reference = context;

	if (record->bad) {
		reference->result->bad++;
		return;
	}
	reference->result->records++;
	if (reference->draw->map == SEED_TOKENS)
		seed_map_tokens(&reference->map_out, record->value);
	else
		seed_map_record(reference->draw, &reference->map_out, record->key, record->value);
}

/* ---- Order and groups ----------------------------------------------------------------------- */

static int compare_values(const struct seed_draw *draw, struct gw_bytes a, struct gw_bytes b)
{
	int order = 0;

	if (draw->combine_with == GW_MR_TOP_K)
		return gw_bytes_compare(b, a);
	if (draw->values != SEED_AS_EMITTED)
		order = seed_compare_values(draw, a, b);
	/* A set has each value once, so the order is never undecided. */
	if (!order && draw->combine_with == GW_MR_SET_UNION)
		order = gw_bytes_compare(a, b);
	return order;
}

static int compare_pairs(const void *a, const void *b, void *context)
{
	const struct made_pair *x = a, *y = b;
	const struct seed_draw *draw = context;
	int order = (x->part > y->part) - (x->part < y->part);

	if (!order)
		order = seed_compare_keys(draw, x->key, y->key);
	/* Of keys that compare equal the first in byte order names a sum. */
	if (!order && makes_numbers(draw))
		order = gw_bytes_compare(x->key, y->key);
	if (!order && !makes_numbers(draw))
		order = compare_values(draw, x->value, y->value);
	return order ? order : (x->index > y->index) - (x->index < y->index);
}

/* The values of a group from `at` on that reduce is to see. */
struct group_values {
	struct seed_values values; /* first */
	const struct seed_draw *draw;
	const struct made_pair *pairs;
	size_t at, end;
	uint32_t left;
	int64_t number; /* combined from all of them */
	bool folded;
};

static bool same_value(const struct made_pair *a, const struct made_pair *b)
{
	return gw_bytes_compare(a->value, b->value) == 0;
}

static bool group_next(struct seed_values *values, struct gw_bytes *value)
{
	struct group_values *group = (struct group_values *)values;

	if (group->left == 0 || group->at == group->end)
		return false;
	*value = group->pairs[group->at].value;
	if (group->folded) {
		*value = (struct gw_bytes){&group->number, sizeof group->number};
		group->at = group->end;
		return true;
	}
	group->left--;
	group->at++;
	while (group->draw->combine_with == GW_MR_SET_UNION && group->at < group->end &&
	       same_value(&group->pairs[group->at - 1], &group->pairs[group->at]))
		group->at++;
	return true;
}

static int64_t fold(const struct seed_draw *draw, const struct made_pair *pairs, size_t at,
		    size_t end)
{
	int64_t result = gw_mr_i64(pairs[at].value);

	if (draw->combine_with == GW_MR_COUNT)
		return (int64_t)(end - at);
	while (++at < end) {
		int64_t value = gw_mr_i64(pairs[at].value);

		if (draw->combine_with == GW_MR_SUM)
			result = (int64_t)((uint64_t)result + (uint64_t)value);
		else if (draw->combine_with == GW_MR_MIN ? value < result : value > result)
			result = value;
	}
	return result;
}

static void reduce_group(struct reference *reference, size_t at, size_t end)
{
	const struct seed_draw *draw = reference->draw;
	struct group_values group = {{group_next}, draw, reference->pairs, at, end, UINT32_MAX, 0,
				     false};
	struct gw_bytes key = reference->pairs[at].key, value;

	if (makes_numbers(draw)) {
		group.number = fold(draw, reference->pairs, at, end);
		group.folded = true;
	}
	if (draw->combine_with == GW_MR_TOP_K)
		group.left = draw->top_k ? draw->top_k : 10;
	reference->result->groups++;
	if (draw->reduce != SEED_NO_REDUCE) {
		seed_reduce_key(draw, &reference->reduce_out, key, &group.values);
		return;
	}
	for (size_t from = at; group_next(&group.values, &value); from = group.at)
		output_pair(&reference->reduce_out, key, value,
			    group.folded || reference->pairs[from].number);
}

static void reduce_part(struct reference *reference, size_t at, size_t part_end)
{
	const struct seed_draw *draw = reference->draw;
	struct made_pair *pairs = reference->pairs;

	for (size_t end; at < part_end; at = end) {
		for (end = at + 1; end < part_end; end++) {
			if (seed_compare_keys(draw, pairs[at].key, pairs[end].key) != 0)
				break;
		}
		if (draw->combine_with || draw->combine || draw->reduce || draw->format) {
			reduce_group(reference, at, end);
			continue;
		}
		for (size_t i = at; i < end; i++)
			output_pair(&reference->reduce_out, pairs[i].key, pairs[i].value,
				    pairs[i].number);
	}
	if (draw->finish)
		seed_finish_pair(&reference->reduce_out);
}

static void reduce_all(struct reference *reference)
{
	const struct seed_draw *draw = reference->draw;
	size_t at = 0;

	if (reference->count > 0)
		qsort_r(reference->pairs, reference->count, sizeof *reference->pairs, compare_pairs,
			(void *)(uintptr_t)draw);
	for (uint32_t part = 0; part < draw->parts; part++) {
		size_t end = at;

		while (end < reference->count && reference->pairs[end].part == part)
			end++;
		reference->part = part;
		reduce_part(reference, at, end);
		at = end;
	}
	assert(at == reference->count);
}

void seed_reference(const struct seed_draw *draw, const struct seed_files *files,
		    const struct seed_ranges *ranges, uint32_t splits, struct seed_result *result)
{
	struct reference reference = {
		.map_out = {collect, NULL, count_in_map},
		.reduce_out = {output_pair, output_bytes, count_in_reduce},
		.draw = draw, .ranges = ranges, .result = result,
	};

	*result = (struct seed_result){0};
	seed_records(draw, files, map_record, &reference);
	for (uint32_t i = 0; draw->finish && i < splits; i++)
		seed_finish_pair(&reference.map_out);
	for (uint32_t i = 0; i < draw->files && draw->input != SEED_READER; i++)
		result->bytes_in += (int64_t)files->plain[i].size;
	if (!draw->map_only)
		reduce_all(&reference);
	for (size_t i = 0; i < reference.count; i++) {
		free((void *)(uintptr_t)reference.pairs[i].key.data);
		free((void *)(uintptr_t)reference.pairs[i].value.data);
	}
	free(reference.pairs);
}

void seed_result_done(struct seed_result *result)
{
	for (uint32_t i = 0; i < SEED_PARTS_MAX; i++)
		seed_bytes_done(&result->parts[i]);
}
