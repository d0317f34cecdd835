/* SPDX-License-Identifier: Apache-2.0 */
#include "plan.h"

#include "memory_store_test.h"

#include "support/allocation.h"

#include <setjmp.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define KIB 1024ull
#define MIB (1024 * KIB)
#define GIB (1024 * MIB)

/* Plans the files of the store, each named as an input. */
static int plan_files(struct mr_plan *plan, struct mr_config *config, struct memory_store *store,
		      struct gw_error *error)
{
	const char *inputs[MEMORY_FILES_MAX];

	for (size_t i = 0; i < store->count; i++)
		inputs[i] = store->files[i].path;
	config->options.inputs = inputs;
	config->options.input_count = store->count;
	return mr_plan_init(plan, config, &store->store, error);
}

static struct mr_config make_config(uint32_t slots, uint64_t split_size)
{
	return (struct mr_config){.slots = slots, .options.split_size = split_size};
}

/* What holds for every plan: the pieces, in order, are all bytes of all files, once. */
static void check_plan(const struct mr_plan *plan)
{
	uint64_t bytes = 0, offset = 0;
	uint32_t file = 0, piece = 0;

	for (uint32_t i = 0; i < plan->split_count; i++) {
		const struct mr_split *split = &plan->splits[i];
		uint64_t split_bytes = 0;

		assert_int_equal(split->first_piece, piece);
		assert_true(split->piece_count > 0);
		for (; piece < split->first_piece + split->piece_count; piece++) {
			const struct mr_piece *here = &plan->pieces[piece];

			while (offset == plan->files[file].size && here->file != file) {
				file++;
				offset = 0;
			}
			assert_int_equal(here->file, file);
			assert_int_equal(here->offset, offset);
			assert_true(here->size > 0 || plan->files[file].size == 0);
			assert_true(here->size <= plan->files[file].size - offset);
			offset += here->size;
			split_bytes += here->size;
		}
		assert_int_equal(split->bytes, split_bytes);
		bytes += split_bytes;
	}
	assert_int_equal(piece, plan->piece_count);
	assert_int_equal(bytes, plan->bytes);
}

static void plan_sizes(struct mr_plan *plan, struct mr_config *config, const uint64_t *sizes,
		       size_t count)
{
	static const char *const names[] = {"a", "b", "c", "d", "e", "f"};
	struct memory_store store;
	struct gw_error error = {0};

	memory_store_init(&store, true);
	assert_true(count <= sizeof names / sizeof names[0]);
	for (size_t i = 0; i < count; i++)
		memory_store_add(&store, names[i], NULL, sizes[i]);
	if (plan_files(plan, config, &store, &error) < 0)
		fail_msg("%s", error.text);
	check_plan(plan);
}

/* A single file; returns the number of splits and checks that they are equal to a byte. */
static uint32_t splits_of(uint64_t size, uint32_t slots, uint64_t split_size)
{
	struct mr_config config = make_config(slots, split_size);
	struct mr_plan plan;
	uint32_t count;

	plan_sizes(&plan, &config, &size, 1);
	count = plan.split_count;
	for (uint32_t i = 0; i < count; i++) {
		assert_true(plan.splits[i].bytes >= size / count);
		assert_true(plan.splits[i].bytes <= size / count + 1);
		assert_true(plan.splits[i].bytes <= split_size);
	}
	mr_plan_done(&plan);
	return count;
}

static void big_inputs_have_full_splits(void **state)
{
	(void)state;
	assert_int_equal(splits_of(GIB, 2, 64 * MIB), 16);
	assert_int_equal(splits_of(GIB + 1, 2, 64 * MIB), 17);
	assert_int_equal(splits_of(10 * GIB, 2, 64 * MIB), 160);
	assert_int_equal(splits_of(1ull << 46, 256, 64 * MIB), 1 << 20);
}

static void small_inputs_have_four_a_slot(void **state)
{
	(void)state;
	assert_int_equal(splits_of(128 * MIB - 1, 2, 64 * MIB), 8);
	assert_int_equal(splits_of(10 * MIB, 2, 64 * MIB), 8);
	assert_int_equal(splits_of(2 * MIB, 2, 64 * MIB), 8);
	/* But none under 256 KiB. */
	assert_int_equal(splits_of(2 * MIB - 1, 2, 64 * MIB), 7);
	assert_int_equal(splits_of(512 * KIB, 16, 64 * MIB), 2);
	assert_int_equal(splits_of(512 * KIB - 1, 16, 64 * MIB), 1);
	assert_int_equal(splits_of(1, 16, 64 * MIB), 1);
}

static void a_split_size_that_is_asked_for_is_kept(void **state)
{
	(void)state;
	assert_int_equal(splits_of(100, 2, 1), 100);
	assert_int_equal(splits_of(100, 2, 7), 15);
	assert_int_equal(splits_of(10 * MIB, 2, 4 * KIB), 2560);
}

static void nothing_gives_no_split(void **state)
{
	struct mr_config config = make_config(2, 64 * MIB);
	uint64_t sizes[] = {0, 0};
	struct mr_plan plan;

	(void)state;
	plan_sizes(&plan, &config, sizes, 2);
	assert_int_equal(plan.split_count, 0);
	assert_int_equal(plan.piece_count, 0);
	assert_int_equal(plan.file_count, 2);
	mr_plan_done(&plan);
	plan_sizes(&plan, &config, sizes, 0);
	assert_int_equal(plan.file_count, 0);
	mr_plan_done(&plan);
}

static void files_share_splits(void **state)
{
	struct mr_config config = make_config(1, 100);
	uint64_t sizes[] = {30, 0, 30, 130, 10, 100};
	struct mr_plan plan;

	(void)state;
	/* 300 bytes in three splits: 30 30 40 | 90 10 | 100. */
	plan_sizes(&plan, &config, sizes, 6);
	assert_int_equal(plan.split_count, 3);
	assert_int_equal(plan.piece_count, 6);
	assert_int_equal(plan.splits[0].piece_count, 3);
	assert_int_equal(plan.splits[1].piece_count, 2);
	assert_int_equal(plan.pieces[2].size, 40);
	assert_int_equal(plan.pieces[3].offset, 40);
	mr_plan_done(&plan);
}

static void expect_whole(struct mr_config *config, bool whole)
{
	uint64_t sizes[] = {30, 500, 10, 10, 50};
	struct mr_plan plan;

	plan_sizes(&plan, config, sizes, 5);
	for (uint32_t i = 0; i < plan.piece_count && whole; i++)
		assert_int_equal(plan.pieces[i].size, plan.files[plan.pieces[i].file].size);
	assert_int_equal(plan.piece_count == 5, whole);
	/* 30 500 | 10 10 50: the second begins at 530 of 600. */
	if (whole)
		assert_int_equal(plan.split_count, 2);
	mr_plan_done(&plan);
}

static void some_formats_are_never_cut(void **state)
{
	struct mr_config config = make_config(2, 100);

	(void)state;
	expect_whole(&config, false);
	config.job.whole_files = true;
	expect_whole(&config, true);
	config.job.whole_files = false;
	config.job.input = GW_MR_FILES;
	expect_whole(&config, true);
	config.job.input = GW_MR_COLUMNS;
	config.job.separator = ',';
	expect_whole(&config, true);
	config.job.separator = '\t';
	expect_whole(&config, false);
	config.job.input = GW_MR_FIXED;
	config.job.record_size = 7;
	expect_whole(&config, false);
}

static void the_name_says_how_it_is_packed(void **state)
{
	static const struct {
		const char *name;
		enum mr_compression compression;
	} rows[] = {
		{"a.gz", MR_GZIP},    {"a.b.zst", MR_ZSTD},   {"a.lz4", MR_LZ4},
		{"a.gzip", MR_PLAIN}, {"a.gz.txt", MR_PLAIN}, {"gz", MR_PLAIN},
		{".gz", MR_PLAIN},    {"d/x.gz", MR_GZIP},
	};
	enum { ROWS = sizeof rows / sizeof rows[0] };
	struct mr_config config = make_config(2, 10);
	struct memory_store store;
	struct mr_plan plan;

	(void)state;
	memory_store_init(&store, true);
	for (size_t i = 0; i < ROWS; i++)
		memory_store_add(&store, rows[i].name, NULL, 100);
	assert_int_equal(plan_files(&plan, &config, &store, NULL), 0);
	check_plan(&plan);
	for (uint32_t i = 0; i < ROWS; i++)
		assert_int_equal(plan.files[i].compression, rows[i].compression);
	for (uint32_t i = 0; i < plan.piece_count; i++) {
		if (rows[plan.pieces[i].file].compression != MR_PLAIN)
			assert_int_equal(plan.pieces[i].size, 100);
		else
			assert_true(plan.pieces[i].size <= 10);
	}
	mr_plan_done(&plan);
}

static uint32_t empty_pieces(const struct mr_plan *plan)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < plan->piece_count; i++)
		count += plan->pieces[i].size == 0;
	return count;
}

static void empty_files_are_planned_when_the_job_wants_them(void **state)
{
	static const uint64_t rows[][6] = {{0, 0, 0},	 {0, 50, 0, 50, 0}, {100, 0, 0, 100, 7},
					   {0, 0, 1, 0}, {5, 5, 0, 300, 0}, {0}};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct mr_config config = make_config(2, 50);
		struct mr_plan plan;
		uint32_t empty = 0;

		for (size_t j = 0; j < 6; j++)
			empty += rows[i][j] == 0;
		plan_sizes(&plan, &config, rows[i], 6);
		assert_int_equal(empty_pieces(&plan), 0);
		mr_plan_done(&plan);
		config.job.empty_files = true;
		plan_sizes(&plan, &config, rows[i], 6);
		assert_int_equal(empty_pieces(&plan), empty);
		assert_true(plan.split_count > 0);
		mr_plan_done(&plan);
	}
}

static void random_sizes(void **state)
{
	uint64_t seed = 1;

	(void)state;
	for (int round = 0; round < 2000; round++) {
		struct mr_config config;
		struct mr_plan plan;
		uint64_t sizes[6];
		uint32_t empty = 0;

		for (size_t i = 0; i < 6; i++) {
			seed = seed * 6364136223846793005ull + 1442695040888963407ull;
			sizes[i] = seed >> 33 >> (seed >> 27 & 31);
		}
		config = make_config(1 + (uint32_t)(seed >> 40) % 9, (1 + (seed >> 50)) * MIB);
		config.job.whole_files = seed >> 63;
		config.job.empty_files = seed >> 62 & 1;
		for (int i = 0; i <= round % 6 && config.job.empty_files; i++)
			empty += sizes[i] == 0;
		plan_sizes(&plan, &config, sizes, 1 + round % 6);
		assert_int_equal(empty_pieces(&plan), empty);
		mr_plan_done(&plan);
	}
}

static void too_many_splits(void **state)
{
	struct mr_config config = make_config(2, 1);
	struct memory_store store;
	struct gw_error error = {0};
	struct mr_plan plan;

	(void)state;
	memory_store_init(&store, true);
	memory_store_add(&store, "a", NULL, MR_SPLITS_MAX + 1);
	assert_int_equal(plan_files(&plan, &config, &store, &error), GW_E_TOO_LARGE);
	assert_non_null(strstr(error.text, "--split-size"));
	assert_null(plan.memory);
	memory_store_add(&store, "b", NULL, INT64_MAX);
	assert_int_equal(plan_files(&plan, &config, &store, &error), GW_E_TOO_LARGE);
	assert_non_null(strstr(error.text, "2^63"));
}

static void missing_and_unreadable_inputs_are_named(void **state)
{
	struct mr_config config = make_config(2, 100);
	struct memory_store store;
	struct gw_error error = {0};
	struct mr_plan plan;
	const char *absent = "absent";

	(void)state;
	memory_store_init(&store, true);
	memory_store_add(&store, "fine", NULL, 10);
	memory_store_add(&store, "secret", NULL, 10);
	store.files[1].is_readable = false;
	assert_int_equal(plan_files(&plan, &config, &store, &error), GW_E_DENIED);
	assert_non_null(strstr(error.text, "secret"));
	config.options.inputs = &absent;
	config.options.input_count = 1;
	assert_int_equal(mr_plan_init(&plan, &config, &store.store, &error), GW_E_NOT_FOUND);
	assert_non_null(strstr(error.text, "absent"));
	mr_plan_done(&plan);
}

/* ---- Directories ----------------------------------------------------------------------------- */

static void make_file(const char *directory, const char *name, const char *text)
{
	char path[256];
	FILE *file;

	snprintf(path, sizeof path, "%s/%s", directory, name);
	file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static void make_directory(const char *directory, const char *name)
{
	char path[256];

	snprintf(path, sizeof path, "%s/%s", directory, name);
	assert_int_equal(mkdir(path, 0700), 0);
}

static void directories_in_order_of_paths(void **state)
{
	static const char *const wanted[] = {"A", "a.txt", "a/b", "a/c/d", "a0", "b"};
	char directory[] = "/tmp/gw-plan-XXXXXX", link[256];
	struct mr_config config = make_config(1, 100);
	const char *inputs[3] = {directory, link, directory};
	struct mr_store store;
	struct mr_plan plan;

	(void)state;
	assert_non_null(mkdtemp(directory));
	make_directory(directory, "a");
	make_directory(directory, "a/c");
	make_directory(directory, ".git");
	make_directory(directory, "_temporary");
	make_directory(directory, "empty");
	for (size_t i = 0; i < 6; i++)
		make_file(directory, wanted[i], "x");
	make_file(directory, ".hidden", "x");
	make_file(directory, "_SUCCESS", "x");
	make_file(directory, ".git/x", "x");
	make_file(directory, "_temporary/x", "x");
	/* A link is read when it is named, not when it is found. */
	snprintf(link, sizeof link, "%s/link", directory);
	assert_int_equal(symlink("_SUCCESS", link), 0);
	mr_store_local_init(&store);
	config.options.inputs = inputs;
	config.options.input_count = 3;
	assert_int_equal(mr_plan_init(&plan, &config, &store, NULL), 0);
	check_plan(&plan);
	assert_int_equal(plan.file_count, 13);
	for (size_t i = 0; i < 13; i++) {
		const char *name = plan.files[i].path + strlen(directory) + 1;

		assert_string_equal(name, i == 6 ? "link" : wanted[i < 6 ? i : i - 7]);
		assert_int_equal(plan.files[i].size, 1);
	}
	mr_plan_done(&plan);
	assert_int_equal(store.operations->remove(&store, directory, NULL), 0);
}

/* ---- Very many files ------------------------------------------------------------------------- */

enum { MANY = 100000 };

static int list_many(struct mr_store *store, const char *path, mr_entry_function *function,
		     void *context, struct gw_error *error)
{
	char name[64];
	int result = 0;

	(void)store;
	for (int i = 0; i < MANY && result == 0; i++) {
		struct mr_entry entry = {name, 1000, false, true};

		snprintf(name, sizeof name, "%s/%06d", path, i);
		result = function(context, &entry, error);
	}
	return result;
}

static void many_files_are_few_splits(void **state)
{
	const struct mr_store_operations operations = {.list = list_many};
	struct mr_store store = {&operations};
	struct mr_config config = make_config(2, 64 * MIB);
	const char *input = "many";
	struct mr_plan plan;

	(void)state;
	config.options.inputs = &input;
	config.options.input_count = 1;
	assert_int_equal(mr_plan_init(&plan, &config, &store, NULL), 0);
	check_plan(&plan);
	assert_int_equal(plan.file_count, MANY);
	assert_int_equal(plan.split_count, 8);
	mr_plan_done(&plan);
}

/* ---- Readers, memory ------------------------------------------------------------------------- */

static uint32_t count_splits(void *context)
{
	return *(const uint32_t *)context;
}

static void a_reader_has_its_own_splits(void **state)
{
	const struct gw_mr_reader reader = {.split_count = count_splits};
	struct mr_config config = make_config(2, 64 * MIB);
	struct gw_error error = {0};
	uint32_t count = 5;
	struct mr_plan plan;

	(void)state;
	config.job.reader = &reader;
	config.job.context = &count;
	assert_int_equal(mr_plan_init(&plan, &config, NULL, NULL), 0);
	assert_int_equal(plan.split_count, 5);
	assert_int_equal(plan.piece_count, 0);
	assert_int_equal(plan.splits[4].piece_count, 0);
	mr_plan_done(&plan);
	count = 0;
	assert_int_equal(mr_plan_init(&plan, &config, NULL, NULL), 0);
	assert_int_equal(plan.split_count, 0);
	mr_plan_done(&plan);
	count = UINT32_MAX;
	assert_int_equal(mr_plan_init(&plan, &config, NULL, &error), GW_E_TOO_LARGE);
	assert_non_null(strstr(error.text, "reader"));
}

static int plan_some(void *context)
{
	struct mr_config config = make_config(4, 10);
	struct mr_plan plan;
	int result = plan_files(&plan, &config, context, NULL);

	if (result == 0)
		mr_plan_done(&plan);
	return result;
}

static void out_of_memory(void **state)
{
	struct memory_store store;

	(void)state;
	memory_store_init(&store, true);
	for (size_t i = 0; i < 20; i++)
		memory_store_add(&store, "file", NULL, 100);
	assert_true(test_each_allocation_fails(plan_some, &store) > 8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(big_inputs_have_full_splits),
		cmocka_unit_test(small_inputs_have_four_a_slot),
		cmocka_unit_test(a_split_size_that_is_asked_for_is_kept),
		cmocka_unit_test(nothing_gives_no_split),
		cmocka_unit_test(files_share_splits),
		cmocka_unit_test(some_formats_are_never_cut),
		cmocka_unit_test(the_name_says_how_it_is_packed),
		cmocka_unit_test(empty_files_are_planned_when_the_job_wants_them),
		cmocka_unit_test(random_sizes),
		cmocka_unit_test(too_many_splits),
		cmocka_unit_test(missing_and_unreadable_inputs_are_named),
		cmocka_unit_test(directories_in_order_of_paths),
		cmocka_unit_test(many_files_are_few_splits),
		cmocka_unit_test(a_reader_has_its_own_splits),
		cmocka_unit_test(out_of_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
