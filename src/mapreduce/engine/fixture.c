/* SPDX-License-Identifier: Apache-2.0 */
/* fixture.c - see fixture.h. For tests only. */
#include "fixture.h"

#include <assert.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- The space ---------------------------------------------------------------------------- */

static bool fails_now(struct fixture *fixture, struct gw_error *error)
{
	if (++fixture->space_calls != fixture->space_fails_at)
		return false;
	gw_fail(error, GW_E_NO_SPACE, "call %llu of the space fails",
		(unsigned long long)fixture->space_calls);
	return true;
}

static int space_allocate(struct mr_space *space, uint64_t size, struct mr_region *region,
			  struct gw_error *error)
{
	struct fixture *fixture = (struct fixture *)space;
	struct fixture_region *made = &fixture->regions[fixture->region_count];

	if (fails_now(fixture, error))
		return GW_E_NO_SPACE;
	if (size > fixture->shared_max - fixture->shared_bytes)
		return 0;
	assert(fixture->region_count < FIXTURE_REGIONS_MAX);
	made->bytes = malloc(size ? size : 1);
	if (!made->bytes)
		return gw_fail(error, GW_E_NO_MEMORY, "no memory for a region");
	made->size = size;
	fixture->shared_bytes += size;
	*region = (struct mr_region){.offset = fixture->region_count++, .size = size};
	return 1;
}

static int space_write(struct mr_space *space, const struct mr_region *region, const void *data,
		       size_t size, struct gw_error *error)
{
	struct fixture *fixture = (struct fixture *)space;

	if (fails_now(fixture, error))
		return GW_E_NO_SPACE;
	assert(size <= region->size);
	memcpy(fixture->regions[region->offset].bytes, data, size);
	return 0;
}

static int space_spill(struct mr_space *space, const void *data, size_t size,
		       struct mr_region *region, struct gw_error *error)
{
	struct fixture *fixture = (struct fixture *)space;
	struct fixture_region *file = &fixture->spilled;

	if (++fixture->spill_calls == fixture->spill_fails_at)
		return gw_fail(error, GW_E_NO_SPACE, "spill: no space left");
	if (fails_now(fixture, error))
		return GW_E_NO_SPACE;
	if (size > file->capacity - file->size) {
		uint64_t capacity = (file->size + size) * 2;
		uint8_t *bytes = realloc(file->bytes, capacity);

		if (!bytes)
			return gw_fail(error, GW_E_NO_MEMORY, "no memory for a spill file");
		file->bytes = bytes;
		file->capacity = capacity;
	}
	memcpy(file->bytes + file->size, data, size);
	*region = (struct mr_region){.spilled = 1, .offset = file->size, .size = size};
	file->size += size;
	return 0;
}

static int space_read(struct mr_space *space, const struct mr_region *region, uint64_t offset,
		      void *data, size_t size, struct gw_error *error)
{
	struct fixture *fixture = (struct fixture *)space;

	if (fails_now(fixture, error))
		return GW_E_NO_SPACE;
	if (offset > region->size || size > region->size - offset)
		return gw_fail(error, GW_E_TRUNCATED, "read behind a region");
	if (region->spilled)
		memcpy(data, fixture->spilled.bytes + region->offset + offset, size);
	else
		memcpy(data, fixture->regions[region->offset].bytes + offset, size);
	return 0;
}

static int space_map(struct mr_space *space, const struct mr_region *region, struct gw_bytes *bytes,
		     struct gw_error *error)
{
	struct fixture *fixture = (struct fixture *)space;

	if (fails_now(fixture, error))
		return GW_E_NO_SPACE;
	bytes->size = region->size;
	if (region->spilled) {
		/* A copy, since the spill "file" may move when it grows. */
		void *copy = malloc(region->size ? region->size : 1);

		if (!copy)
			return gw_fail(error, GW_E_NO_MEMORY, "no memory to map a region");
		memcpy(copy, fixture->spilled.bytes + region->offset, region->size);
		bytes->data = copy;
	} else {
		bytes->data = fixture->regions[region->offset].bytes;
	}
	return 0;
}

static void space_unmap(struct mr_space *space, const struct mr_region *region,
			struct gw_bytes bytes)
{
	(void)space;
	if (region->spilled)
		free((void *)(uintptr_t)bytes.data);
}

static int space_publish_run(struct mr_space *space, const struct mr_run *run,
			     struct gw_error *error)
{
	struct fixture *fixture = (struct fixture *)space;

	if (fails_now(fixture, error))
		return GW_E_NO_SPACE;
	assert(fixture->left.run_count < FIXTURE_LEFT_MAX);
	fixture->left.runs[fixture->left.run_count++] = *run;
	return 0;
}

static int space_publish_output(struct mr_space *space, const struct mr_region *region,
				struct gw_error *error)
{
	struct fixture *fixture = (struct fixture *)space;

	if (fails_now(fixture, error))
		return GW_E_NO_SPACE;
	assert(fixture->left.output_count < FIXTURE_LEFT_MAX);
	fixture->left.outputs[fixture->left.output_count++] = *region;
	return 0;
}

/* ---- The fixture -------------------------------------------------------------------------- */

struct fixture *fixture_new(void)
{
	struct fixture *fixture = calloc(1, sizeof *fixture);

	assert(fixture);
	fixture->space = (struct mr_space){
		.allocate = space_allocate, .write = space_write, .spill = space_spill,
		.read = space_read, .map = space_map, .unmap = space_unmap,
		.publish_run = space_publish_run, .publish_output = space_publish_output,
	};
	mr_store_local_init(&fixture->store);
	gw_mr_options_init(&fixture->options);
	fixture->options.jobs = 1;
	fixture->options.memory = 64 << 20;
	fixture->shared_max = UINT64_MAX;
	snprintf(fixture->directory, sizeof fixture->directory, "/tmp/gw-test-%d-XXXXXX",
		 (int)getpid());
	assert(mkdtemp(fixture->directory));
	snprintf(fixture->staging, sizeof fixture->staging, "%s/staging", fixture->directory);
	return fixture;
}

void fixture_end(struct fixture *fixture)
{
	for (uint32_t i = 0; i < fixture->region_count; i++)
		free(fixture->regions[i].bytes);
	fixture->region_count = fixture->left.run_count = fixture->left.output_count = 0;
	fixture->shared_bytes = 0;
	fixture->spilled.size = 0;
	mr_worker_free(fixture->worker);
	fixture->worker = NULL;
	mr_plan_done(&fixture->plan);
	if (fixture->board)
		munmap(fixture->board, fixture->board_size);
	fixture->board = NULL;
}

void fixture_free(struct fixture *fixture)
{
	fixture_end(fixture);
	free(fixture->spilled.bytes);
	fixture->store.operations->remove(&fixture->store, fixture->directory, NULL);
	free(fixture);
}

void fixture_clean_up_after(pid_t process)
{
	struct mr_store store;
	char pattern[64];
	glob_t found;

	mr_store_local_init(&store);
	snprintf(pattern, sizeof pattern, "/tmp/gw-test-%d-*", (int)process);
	if (glob(pattern, GLOB_NOSORT, NULL, &found) == 0) {
		for (size_t i = 0; i < found.gl_pathc; i++)
			store.operations->remove(&store, found.gl_pathv[i], NULL);
		globfree(&found);
	}
}

const char *fixture_file(struct fixture *fixture, const char *name, const void *data, size_t size)
{
	FILE *file;

	snprintf(fixture->output, sizeof fixture->output, "%s/%s", fixture->directory, name);
	file = fopen(fixture->output, "we");
	assert(file);
	assert(fwrite(data, 1, size, file) == size);
	assert(fclose(file) == 0);
	return fixture->output;
}

char *fixture_part(struct fixture *fixture, uint32_t part, size_t *size)
{
	char path[256];
	struct stat status;
	FILE *file;
	char *bytes;

	mr_part_path(&fixture->config, part, path, sizeof path);
	file = fopen(path, "re");
	assert(file);
	assert(fstat(fileno(file), &status) == 0);
	*size = (size_t)status.st_size;
	bytes = malloc(*size + 1);
	assert(bytes);
	assert(fread(bytes, 1, *size, file) == *size);
	bytes[*size] = 0;
	fclose(file);
	return bytes;
}

/* ---- The job ------------------------------------------------------------------------------ */

static void make_parts(struct fixture *fixture)
{
	char path[256];

	fixture->store.operations->remove(&fixture->store, fixture->staging, NULL);
	assert(mkdir(fixture->staging, 0700) == 0);
	snprintf(path, sizeof path, "%s/out", fixture->staging);
	assert(mkdir(path, 0700) == 0);
	for (uint32_t part = 0; part < fixture->config.parts; part++) {
		struct mr_file *file;
		int failed;

		mr_part_path(&fixture->config, part, path, sizeof path);
		failed = fixture->store.operations->create_temp(&fixture->store, path, &file, NULL);
		assert(!failed);
		mr_file_close(file);
	}
}

int fixture_worker(struct fixture *fixture, struct mr_worker **worker, struct gw_error *error)
{
	struct mr_worker_setup setup = {&fixture->config, &fixture->plan, &fixture->store,
					fixture->board, &fixture->live, &fixture->space};

	return mr_worker_init(worker, &setup, error);
}

int fixture_begin(struct fixture *fixture, const struct gw_mr_job *job, const char *const *inputs,
		  struct gw_error *error)
{
	size_t count = 0;
	int failed;

	while (inputs[count])
		count++;
	fixture->options.inputs = inputs;
	fixture->options.input_count = count;
	fixture->options.output = "out";
	failed = mr_config_init(&fixture->config, job, &fixture->options, error);
	if (failed)
		return failed;
	fixture->config.staging = fixture->staging;
	if (fixture->slot_memory)
		fixture->config.slot_memory = fixture->slot_memory;
	failed = mr_plan_init(&fixture->plan, &fixture->config, &fixture->store, error);
	if (failed)
		return failed;
	make_parts(fixture);
	fixture->counters = (struct mr_counters){0};
	/* As in a job: mostly never touched, so it is not malloc's business. */
	fixture->board_size = mr_board_size(&fixture->config, &fixture->plan);
	fixture->board = mmap(NULL, fixture->board_size, PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	assert(fixture->board != MAP_FAILED);
	mr_board_init(fixture->board, &fixture->config, &fixture->plan);
	return fixture_worker(fixture, &fixture->worker, error);
}

int fixture_commit(struct fixture *fixture, const struct fixture_left *left, struct gw_error *error)
{
	int failed = 0;

	for (uint32_t i = 0; i < left->run_count && !failed; i++)
		failed = mr_board_add_run(fixture->board, &left->runs[i], error);
	for (uint32_t i = 0; i < left->output_count && !failed; i++)
		failed = mr_board_add_output(fixture->board, left->task, &left->outputs[i], error);
	if (left->kind == MR_REDUCE || (left->kind == MR_MAP && fixture->config.job.map_only))
		mr_board_unit_done(fixture->board, left->task);
	if (!failed && left->kind != MR_SAMPLE)
		failed = mr_counters_add(&fixture->counters, &left->counters, error);
	return failed;
}

void fixture_give_back(struct fixture *fixture, const struct fixture_left *left)
{
	for (uint32_t i = left->first_region; i < left->end_region; i++) {
		fixture->shared_bytes -= fixture->regions[i].size;
		free(fixture->regions[i].bytes);
		fixture->regions[i] = (struct fixture_region){0};
	}
	if (left->end_region == fixture->region_count)
		fixture->region_count = left->first_region;
	if (left->end_spilled == fixture->spilled.size)
		fixture->spilled.size = left->first_spilled;
}

int fixture_execute(struct fixture *fixture, enum mr_task_kind kind, uint32_t task,
		    struct gw_error *error)
{
	struct fixture_left *left = &fixture->left;
	int failed;

	fixture->attempt.kind = left->kind = kind;
	fixture->attempt.task = left->task = task;
	left->run_count = left->output_count = 0;
	left->first_region = fixture->region_count;
	left->first_spilled = fixture->spilled.size;
	failed = mr_worker_run(fixture->worker, &fixture->attempt, error);
	left->end_region = fixture->region_count;
	left->end_spilled = fixture->spilled.size;
	left->counters = fixture->live.counters;
	return failed;
}

int fixture_attempt(struct fixture *fixture, enum mr_task_kind kind, uint32_t task,
		    struct gw_error *error)
{
	int failed = fixture_execute(fixture, kind, task, error);

	if (failed)
		fixture_give_back(fixture, &fixture->left);
	else if (!fixture->attempt.probe)
		failed = fixture_commit(fixture, &fixture->left, error);
	return failed;
}

int fixture_maps(struct fixture *fixture, struct gw_error *error)
{
	int failed = 0;

	if (fixture->config.job.map_only)
		failed = mr_board_plan_map_only(fixture->board, &fixture->config, &fixture->plan,
						error);
	else if (!fixture->no_sample && mr_board_wants_sample(&fixture->config, &fixture->plan))
		failed = fixture_attempt(fixture, MR_SAMPLE, 0, error);
	for (uint32_t i = 0; i < fixture->plan.split_count && !failed; i++)
		failed = fixture_attempt(fixture, MR_MAP, i, error);
	return failed;
}

int fixture_reduces(struct fixture *fixture, struct gw_error *error)
{
	uint32_t unit;
	int failed = 0;

	if (!fixture->config.job.map_only)
		failed = mr_board_plan_reduces(fixture->board, &fixture->config, &fixture->space,
					       error);
	/* Backwards, so that places really have to wait. */
	for (uint32_t i = fixture->board->unit_count; i-- > 0 && !failed;) {
		if (!fixture->config.job.map_only)
			failed = fixture_attempt(fixture, MR_REDUCE, i, error);
	}
	while (!failed && mr_board_next_place(fixture->board, &unit))
		failed = fixture_attempt(fixture, MR_PLACE, unit, error);
	return failed;
}

int fixture_run(struct fixture *fixture, const struct gw_mr_job *job, const char *const *inputs,
		struct gw_error *error)
{
	int failed;

	fixture_end(fixture);
	failed = fixture_begin(fixture, job, inputs, error);
	if (!failed)
		failed = fixture_maps(fixture, error);
	if (!failed)
		failed = fixture_reduces(fixture, error);
	return failed;
}
