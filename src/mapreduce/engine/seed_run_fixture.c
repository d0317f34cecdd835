/* SPDX-License-Identifier: Apache-2.0 */
/*
 * seed_run_fixture.c - carries a draw's job out through the fixture as a bad day would: attempts
 * that fail somewhere and are run again, by the same worker or by a new one; attempts executed
 * twice and committed once; tasks in any order, and output placed whenever its place happens to be
 * known.
 */
#include "pack_test.h"
#include "seed_fixture.h"

#include "support/unit.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

enum { FAULTS_A_TASK_MAX = 3, SPLITS_MAX = 200 };

enum fault { FAULT_NONE, FAULT_SPACE, FAULT_MEMORY, FAULT_USER };

void seed_complain(struct seed_run *run, const char *format, ...)
{
	va_list arguments;

	if (run->what[0])
		return;
	va_start(arguments, format);
	vsnprintf(run->what, sizeof run->what, format, arguments);
	va_end(arguments);
}

static bool chance(struct seed_run *run, unsigned percent)
{
	return test_pick(&run->random, 100) < percent;
}

/* ---- Faults --------------------------------------------------------------------------------- */

/* Lets something fail at the n-th time from now, often early. */
static enum fault arm(struct seed_run *run)
{
	struct fixture *fixture = run->fixture;
	uint64_t mask = (UINT64_C(1) << test_pick(&run->random, chance(run, 80) ? 6 : 11)) - 1;
	uint64_t at = 1 + (test_random(&run->random) & mask);
	enum fault fault = FAULT_NONE;

	if (fixture->attempt.number < FAULTS_A_TASK_MAX && chance(run, run->draw->fault_percent))
		fault = (enum fault)(FAULT_SPACE + test_pick(&run->random, 3));
	fixture->space_calls = run->user.calls = 0;
	fixture->space_fails_at = fault == FAULT_SPACE ? at : 0;
	run->user.fails_at = fault == FAULT_USER ? at : 0;
	run->user.returns = at % 2;
	run->user.failed = false;
	test_fail_allocation(fault == FAULT_MEMORY ? at : 0);
	return fault;
}

/* Ends it; whether it has happened. */
static bool disarm(struct seed_run *run, enum fault fault)
{
	struct fixture *fixture = run->fixture;
	bool met = test_allocation_failed();

	test_fail_allocation(0);
	if (fault == FAULT_SPACE)
		met = fixture->space_calls >= fixture->space_fails_at;
	if (fault == FAULT_USER)
		met = run->user.failed;
	fixture->space_fails_at = run->user.fails_at = 0;
	return met;
}

static int code_of(enum fault fault)
{
	static const int codes[] = {0, GW_E_NO_SPACE, GW_E_NO_MEMORY, GW_E_USER_CODE};

	return codes[fault];
}

/* ---- Attempts ------------------------------------------------------------------------------- */

/* A worker whose attempt failed goes on, or its process has died and another took its place. */
static int replace_worker(struct seed_run *run, uint32_t number)
{
	struct gw_error error = {0};

	mr_worker_free(run->workers[number]);
	run->workers[number] = NULL;
	if (fixture_worker(run->fixture, &run->workers[number], &error) == 0)
		return 0;
	seed_complain(run, "no new worker: %s", error.text);
	return -1;
}

static const char *kind_name(enum mr_task_kind kind)
{
	static const char *const names[] = {"sample", "map", "reduce", "place"};

	return names[kind];
}

/* What the attempt left is not committed, unless a planted mistake is on. */
static void give_back(struct seed_run *run, const struct fixture_left *left, bool failed)
{
	struct fixture *fixture = run->fixture;

	if (run->draw->counts_uncommitted &&
	    mr_counters_add(&fixture->counters, &left->counters, NULL) < 0)
		assert(!"a seed has few counters");
	if (!run->draw->keeps_failed || !failed || left->kind != MR_MAP || run->draw->map_only) {
		fixture_give_back(fixture, left);
		return;
	}
	for (uint32_t i = 0; i < left->run_count; i++) {
		int added = mr_board_add_run(fixture->board, &left->runs[i], NULL);

		assert(added == 0);
	}
}

/* 0: it went well; 1: it failed because it was made to; negative: something is wrong. */
static int execute(struct seed_run *run, enum mr_task_kind kind, uint32_t task)
{
	struct fixture *fixture = run->fixture;
	uint32_t number = (uint32_t)test_pick(&run->random, run->draw->workers);
	struct gw_error error = {0};
	enum fault fault = arm(run);
	int failed;
	bool met;

	fixture->worker = run->workers[number];
	failed = fixture_execute(fixture, kind, task, &error);
	met = disarm(run, fault);
	run->attempts++;
	if (failed && failed == code_of(fault) && met && error.text[0]) {
		run->failures++;
		if (kind == MR_SAMPLE)
			mr_board_reset_ranges(fixture->board);
		give_back(run, &fixture->left, true);
		if (chance(run, 30) && replace_worker(run, number))
			return -1;
		return 1;
	}
	if (failed || met)
		seed_complain(run, "%s %u: %s %s: %d, \"%s\"", kind_name(kind), task,
			      met ? "met a planned failure" : "no failure was planned",
			      failed ? "and failed otherwise" : "and did not fail", failed,
			      error.text);
	return failed || met ? -1 : 0;
}

static int commit(struct seed_run *run, const struct fixture_left *left)
{
	struct gw_error error = {0};
	int failed = fixture_commit(run->fixture, left, &error);

	if (failed)
		seed_complain(run, "%s %u: commit: %s", kind_name(left->kind), left->task,
			      error.text);
	return failed;
}

/* The attempt has been executed. A backup of it may have been too: one of the two is committed. */
static int commit_one(struct seed_run *run, enum mr_task_kind kind, uint32_t task)
{
	struct fixture *fixture = run->fixture;
	int failed;

	if (!chance(run, run->draw->twice_percent))
		return commit(run, &fixture->left);
	*run->first = fixture->left;
	fixture->attempt.number++;
	run->executed_twice++;
	failed = execute(run, kind, task);
	if (failed < 0)
		return failed;
	if (failed || chance(run, 50)) {
		if (!failed)
			give_back(run, &fixture->left, false);
		return commit(run, run->first);
	}
	give_back(run, run->first, false);
	return commit(run, &fixture->left);
}

static int carry_out(struct seed_run *run, enum mr_task_kind kind, uint32_t task)
{
	struct fixture *fixture = run->fixture;
	int failed = 1;

	for (fixture->attempt.number = 0; failed == 1; fixture->attempt.number++) {
		failed = execute(run, kind, task);
		if (!failed)
			return commit_one(run, kind, task);
	}
	return failed;
}

/* ---- Tasks ---------------------------------------------------------------------------------- */

static int place(struct seed_run *run, unsigned percent)
{
	uint32_t unit;

	while (chance(run, percent) && mr_board_next_place(run->fixture->board, &unit)) {
		int failed = carry_out(run, MR_PLACE, unit);

		if (failed)
			return failed;
	}
	return 0;
}

/* Tasks 0 to count - 1 in some order. */
static int carry_out_all(struct seed_run *run, enum mr_task_kind kind, uint32_t count)
{
	uint32_t *order = malloc((count + 1) * sizeof *order);
	int failed = 0;

	assert(order);
	for (uint32_t i = 0; i < count; i++) {
		uint32_t at = run->draw->shuffle ? (uint32_t)test_pick(&run->random, i + 1) : i;

		order[i] = order[at];
		order[at] = i;
	}
	for (uint32_t i = 0; i < count && !failed; i++) {
		failed = carry_out(run, kind, order[i]);
		if (!failed)
			failed = place(run, 50);
	}
	free(order);
	return failed;
}

static int plan_units(struct seed_run *run)
{
	struct fixture *fixture = run->fixture;
	struct gw_error error = {0};
	int failed;

	if (run->draw->map_only)
		failed = mr_board_plan_map_only(fixture->board, &fixture->config, &fixture->plan,
						&error);
	else
		failed = mr_board_plan_reduces(fixture->board, &fixture->config, &fixture->space,
					       &error);
	if (failed)
		seed_complain(run, "planning: %s", error.text);
	return failed;
}

int seed_run_job(struct seed_run *run)
{
	struct fixture *fixture = run->fixture;
	bool map_only = run->draw->map_only;
	int failed = 0;

	if (map_only)
		failed = plan_units(run);
	else if (run->draw->sample && fixture->plan.split_count > 0)
		failed = carry_out(run, MR_SAMPLE, 0);
	if (!failed)
		failed = carry_out_all(run, MR_MAP, fixture->plan.split_count);
	if (!failed && !map_only)
		failed = plan_units(run);
	if (!failed && !map_only)
		failed = carry_out_all(run, MR_REDUCE, fixture->board->unit_count);
	if (!failed)
		failed = place(run, 100);
	return failed;
}

/* ---- Beginning and end ---------------------------------------------------------------------- */

static void write_file(struct seed_run *run, uint32_t file, char *path, size_t size)
{
	const struct seed_bytes *plain = &run->files.plain[file];
	const void *data = plain->size ? plain->data : (const void *)"";
	struct packed packed = {0};
	char name[32];

	seed_file_name(run->draw, file, name, sizeof name);
	if (run->draw->packed[file] == MR_GZIP)
		pack_gzip(&packed, data, plain->size);
	else if (run->draw->packed[file] == MR_ZSTD)
		pack_zstd(&packed, data, plain->size, 0);
	else if (run->draw->packed[file] == MR_LZ4)
		pack_lz4(&packed, data, plain->size);
	if (run->draw->packed[file] != MR_PLAIN)
		snprintf(path, size, "%s",
			 fixture_file(run->fixture, name, packed.data, packed.size));
	else
		snprintf(path, size, "%s", fixture_file(run->fixture, name, data, plain->size));
	free(packed.data);
}

/* What has to fit a slot's memory at once: a record, or a file of frames that are small. */
static void note_size(void *context, const struct seed_record *record)
{
	uint64_t *largest = context;
	uint64_t size = record->key.size + record->value.size;

	if (size > *largest)
		*largest = size;
}

static uint64_t largest_record(const struct seed_run *run)
{
	uint64_t largest = 0;

	seed_records(run->draw, &run->files, note_size, &largest);
	for (uint32_t i = 0; run->draw->input == SEED_FRAMED && i < run->draw->files; i++) {
		if (run->files.plain[i].size > largest)
			largest = run->files.plain[i].size;
	}
	return largest;
}

static void set_options(struct seed_run *run)
{
	uint64_t least = 2 * largest_record(run), bytes = 0;

	static const char *const codecs[] = {"none", "lz4", "zstd"};
	const struct seed_draw *draw = run->draw;
	struct gw_mr_options *options = &run->fixture->options;

	options->jobs = draw->slots;
	options->parts = draw->parts;
	options->memory = 256 << 20;
	for (uint32_t i = 0; i < draw->files; i++)
		bytes += run->files.plain[i].size;
	options->split_size = draw->split_size > bytes / SPLITS_MAX ? draw->split_size
								     : bytes / SPLITS_MAX + 1;
	options->compress_spill = codecs[draw->codec];
	run->fixture->slot_memory = draw->slot_memory > least ? draw->slot_memory : least;
	run->fixture->shared_max = draw->shared_max;
}

/* The records that are to be left out. */
static void skip_bad(void *context, const struct seed_record *record)
{
	struct mr_attempt *attempt = context;

	if (record->bad)
		attempt->skips[attempt->skip_count++] =
			(struct mr_position){record->file, record->offset};
}

static int begin(struct seed_run *run)
{
	struct fixture *fixture = run->fixture;
	char paths[SEED_FILES_MAX][128];
	const char *inputs[SEED_FILES_MAX + 1] = {NULL};
	struct gw_error error = {0};
	int failed;

	for (uint32_t i = 0; i < run->draw->files && !run->job.reader; i++) {
		write_file(run, i, paths[i], sizeof paths[i]);
		inputs[i] = paths[i];
	}
	set_options(run);
	fixture->attempt = (struct mr_attempt){0};
	if (run->draw->skip_every)
		seed_records(run->draw, &run->files, skip_bad, &fixture->attempt);
	failed = fixture_begin(fixture, &run->job, inputs, &error);
	run->workers[0] = fixture->worker;
	for (uint32_t i = 1; i < run->draw->workers && !failed; i++)
		failed = fixture_worker(fixture, &run->workers[i], &error);
	if (failed)
		seed_complain(run, "beginning: %s", error.text);
	if (run->draw->pool_memory)
		fixture->config.pool_memory = run->draw->pool_memory;
	return failed;
}

bool seed_run(struct seed_run *run, const struct seed_draw *draw)
{
	*run = (struct seed_run){.draw = draw, .random = ~draw->seed};
	run->fixture = fixture_new();
	run->first = malloc(sizeof *run->first);
	assert(run->first);
	seed_files_make(draw, &run->files);
	run->user = (struct seed_user){.draw = draw, .files = &run->files};
	seed_job(draw, &run->user, &run->job);
	if (begin(run) == 0 && seed_run_job(run) == 0)
		seed_check(run);
	run->fixture->worker = run->workers[0];
	for (uint32_t i = 1; i < SEED_WORKERS_MAX; i++)
		mr_worker_free(run->workers[i]);
	fixture_free(run->fixture);
	seed_files_done(&run->files);
	free(run->first);
	return run->what[0] == 0;
}
