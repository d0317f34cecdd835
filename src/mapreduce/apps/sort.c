/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sort.c - total order of lines, as `LC_ALL=C sort` has it, or of fixed-size records (paper section
 * 5.3): the parts, one behind the other, are the sorted output. The library sorts keys by their
 * bytes; so lines in another order than that get keys whose bytes are in it (sort_key.h).
 */
#include "apps.h"
#include "sort_key.h"

#include "base/little_endian.h"

#include <groundwork/mapreduce.h>

#include <assert.h>
#include <stdlib.h>

struct sort {
	struct gw_option_list keys;
	const char *separator;
	bool numeric, reverse, fold, dictionary, printing, skip_blanks;
	bool stable, unique;
	uint64_t record_size, key_size;
	struct mr_sort_rules rules;
};

#define FIELD(name) offsetof(struct sort, name)

const struct gw_option mr_sort_options[] = {
	{"key", 'k', GW_OPTION_LIST, FIELD(keys), "FIRST[,LAST]",
	 "Sort by the bytes from FIRST to LAST, each FIELD[.BYTE][bdfinr]", NULL},
	{"field-separator", 't', GW_OPTION_STRING, FIELD(separator), "BYTE",
	 "What separates fields; \\0 is the byte 0 (default: runs of blanks)", NULL},
	{"numeric-sort", 'n', GW_OPTION_FLAG, FIELD(numeric), NULL, "Compare as decimal numbers",
	 NULL},
	{"reverse", 'r', GW_OPTION_FLAG, FIELD(reverse), NULL, "Greatest first", NULL},
	{"ignore-case", 'f', GW_OPTION_FLAG, FIELD(fold), NULL,
	 "Compare lower-case letters as upper-case ones", NULL},
	{"dictionary-order", 'd', GW_OPTION_FLAG, FIELD(dictionary), NULL,
	 "Compare only blanks, letters and digits", NULL},
	{"ignore-nonprinting", 'i', GW_OPTION_FLAG, FIELD(printing), NULL,
	 "Compare only printable characters", NULL},
	{"ignore-leading-blanks", 'b', GW_OPTION_FLAG, FIELD(skip_blanks), NULL,
	 "Leave out blanks before a key", NULL},
	{"stable", 's', GW_OPTION_FLAG, FIELD(stable), NULL,
	 "Keep lines whose keys are equal in the order of the input", NULL},
	{"unique", 'u', GW_OPTION_FLAG, FIELD(unique), NULL,
	 "Print the first only of lines whose keys are equal", NULL},
	{"record-size", 0, GW_OPTION_SIZE, FIELD(record_size), "SIZE",
	 "Sort records of SIZE bytes instead of lines, by their bytes", NULL},
	{"key-size", 0, GW_OPTION_SIZE, FIELD(key_size), "SIZE",
	 "Compare the first SIZE bytes of a record only; equal ones keep their order", NULL},
	{0},
};

/* Plain lines: the line is the key and there is no value; the library compares bytes. */
static int emit_line(struct gw_mr_task *task, struct gw_bytes offset, struct gw_bytes line)
{
	(void)offset;
	gw_mr_emit(task, line, (struct gw_bytes){0});
	return 0;
}

static int emit_record(struct gw_mr_task *task, struct gw_bytes key, struct gw_bytes rest)
{
	gw_mr_emit(task, key, rest);
	return 0;
}

/*
 * Lines in another order. With the last resort the key is the code of the sort keys and behind it
 * the line (its code, if the last resort is in reverse too); the value is the size of the first, so
 * that the line is found again. Without it the key is the code alone, and the value the line.
 */
static int emit_code(struct gw_mr_task *task, struct gw_bytes offset, struct gw_bytes line)
{
	const struct mr_sort_rules *rules = &((const struct sort *)gw_mr_context(task))->rules;
	struct base_buffer *key = gw_mr_state(task);
	struct gw_error error = {0};

	(void)offset;
	assert(key);
	key->size = 0;
	int code = mr_sort_encode(rules, line, key, &error);
	struct gw_bytes value = line;
	uint8_t size[8];

	if (code == 0 && rules->last_resort) {
		base_store64(size, key->size);
		value = (struct gw_bytes){size, sizeof(size)};
		code = rules->reverse ? mr_sort_encode_backwards(line, key, &error)
				      : base_buffer_append(key, line.data, line.size, &error);
	}
	if (code < 0)
		return gw_mr_fail(task, "%s", error.text);
	gw_mr_emit(task, base_buffer_bytes(key), value);
	return 0;
}

static int write_line(struct gw_mr_task *task, struct gw_bytes key, struct gw_bytes value)
{
	const struct mr_sort_rules *rules = &((const struct sort *)gw_mr_context(task))->rules;
	struct base_buffer *scratch = gw_mr_state(task);
	struct gw_error error = {0};
	struct gw_bytes line = value;

	if (rules->last_resort) {
		assert(value.size == 8 && base_load64(value.data) <= key.size);
		size_t size = (size_t)base_load64(value.data);

		line = (struct gw_bytes){(const char *)key.data + size, key.size - size};
	}
	if (rules->last_resort && rules->reverse) {
		scratch->size = 0;
		if (mr_sort_decode_backwards(line, scratch, &error) < 0)
			return gw_mr_fail(task, "%s", error.text);
		line = base_buffer_bytes(scratch);
	}
	gw_mr_write(task, line.data, line.size);
	gw_mr_write(task, "\n", 1);
	return 0;
}

/* With --unique: of lines whose keys are equal the first. Combines, and reduces. */
static int keep_first(struct gw_mr_task *task, struct gw_bytes key, struct gw_mr_values *values)
{
	struct gw_bytes line;

	if (gw_mr_next(values, &line))
		gw_mr_emit(task, key, line);
	return 0;
}

static int start(struct gw_mr_task *task, void **state)
{
	*state = calloc(1, sizeof(struct base_buffer));
	return *state ? 0 : gw_mr_fail(task, "no memory for a line's key");
}

static int finish(struct gw_mr_task *task, void *state)
{
	(void)task;
	base_buffer_done(state);
	free(state);
	return 0;
}

static int compare_backwards(const struct gw_mr_task *task, struct gw_bytes a, struct gw_bytes b)
{
	(void)task;
	return gw_bytes_compare(b, a);
}

static int parse_separator(const char *text, int *separator, struct gw_error *error)
{
	*separator = -1;
	if (!text)
		return 0;
	if (strcmp(text, "\\0") == 0)
		*separator = 0;
	else if (strlen(text) == 1)
		*separator = (uint8_t)text[0];
	else
		return gw_fail(error, GW_E_USAGE, "-t '%s': the separator is one byte", text);
	return 0;
}

static int make_rules(struct sort *sort, struct gw_error *error)
{
	const struct mr_sort_global global = {
		.order = {sort->numeric, sort->reverse, sort->fold, sort->dictionary,
			  sort->printing},
		.skip_blanks = sort->skip_blanks,
		.stable = sort->stable || sort->unique,
	};
	struct mr_sort_rules *rules = &sort->rules;

	assert(rules->key_count == 0);
	int code = parse_separator(sort->separator, &rules->separator, error);

	if (code == 0 && sort->keys.count > MR_SORT_KEYS_MAX)
		return gw_fail(error, GW_E_TOO_LARGE, "more than %d sort keys", MR_SORT_KEYS_MAX);
	for (size_t i = 0; code == 0 && i < sort->keys.count; i++)
		code = mr_sort_key_parse(&rules->keys[rules->key_count++], sort->keys.items[i],
					 error);
	assert(rules->key_count <= MR_SORT_KEYS_MAX);
	return code < 0 ? code : mr_sort_rules_finish(rules, &global, error);
}

static int prepare_records(struct gw_mr_job *job, const struct sort *sort, struct gw_error *error)
{
	if (sort->keys.count > 0 || sort->separator || sort->numeric || sort->fold ||
	    sort->dictionary || sort->printing || sort->skip_blanks || sort->unique)
		return gw_fail(error, GW_E_USAGE,
			       "--record-size goes with --key-size and --reverse only");
	assert(sort->record_size > 0);
	job->key_size = sort->key_size > 0 ? sort->key_size : sort->record_size;
	if (job->key_size > sort->record_size)
		return gw_fail(error, GW_E_USAGE, "--key-size %llu is more than --record-size %llu",
			       (unsigned long long)sort->key_size,
			       (unsigned long long)sort->record_size);
	job->map = emit_record;
	job->input = GW_MR_FIXED;
	job->output = GW_MR_OUT_FIXED;
	job->record_size = sort->record_size;
	job->compare = sort->reverse ? compare_backwards : NULL;
	return 0;
}

static int prepare(struct gw_mr_job *job, char ***operands, size_t *count, struct gw_error *error)
{
	struct sort *sort = job->context;

	(void)operands;
	(void)count;
	if (sort->record_size > 0)
		return prepare_records(job, sort, error);
	if (sort->key_size > 0)
		return gw_fail(error, GW_E_USAGE, "--key-size needs --record-size");
	int code = make_rules(sort, error);

	if (code < 0)
		return code;
	if (!mr_sort_rules_plain(&sort->rules)) {
		job->map = emit_code;
		job->format = write_line;
		job->combine = sort->unique ? keep_first : NULL;
		job->reduce = sort->unique ? keep_first : NULL;
		job->start = start;
		job->finish = finish;
	} else if (sort->unique) {
		/* Equal lines are the same bytes: they meet in the table of the map already. */
		job->combine_with = GW_MR_SET_UNION;
	}
	return 0;
}

int mr_sort_main(int argc, char **argv)
{
	struct sort context = {0};
	const struct gw_mr_job job = {
		.name = "sort",
		.summary = "Sort lines as LC_ALL=C sort does, or fixed-size records; the parts in "
			   "order "
			   "are the result",
		.map = emit_line,
		.partition_by = GW_MR_BY_RANGE,
		.context = &context,
		.options = mr_sort_options,
		.prepare = prepare,
	};

	return gw_mr_main(argc, argv, &job);
}
