/* SPDX-License-Identifier: Apache-2.0 */
/* host_fixture.c - see host_fixture.h. For tests only. */
#include "host_fixture.h"

#include "support/unit.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- An input of numbers ----------------------------------------------------------------------
 */

static uint32_t numbers_count(void *context)
{
	return ((struct host_fixture *)context)->tasks;
}

static int numbers_open(void *context, uint32_t split, void **state, struct gw_error *error)
{
	(void)context;
	(void)split;
	(void)error;
	*state = NULL;
	return 0;
}

static int numbers_next(void *state, struct gw_bytes *key, struct gw_bytes *value,
			struct gw_error *error)
{
	(void)state;
	(void)key;
	(void)value;
	(void)error;
	return 0;
}

static void numbers_close(void *state)
{
	(void)state;
}

static const struct gw_mr_reader numbers = {numbers_count, numbers_open, numbers_next,
					    numbers_close};

static int map_nothing(struct gw_mr_task *task, struct gw_bytes key, struct gw_bytes value)
{
	(void)task;
	(void)key;
	(void)value;
	return 0;
}

/* ---- The worker -------------------------------------------------------------------------------
 */

static int stage_init(struct mr_worker **worker, const struct mr_worker_setup *setup,
		      struct gw_error *error)
{
	struct stage *stage = calloc(1, sizeof(*stage));
	int code;

	assert(stage);
	stage->setup = *setup;
	stage->fixture = setup->config->job.context;
	*worker = (struct mr_worker *)(void *)stage;
	code = mr_worker_init(&stage->real, setup, error);
	if (code == 0 && stage->fixture->init)
		code = stage->fixture->init(stage, error);
	return code;
}

static void stage_free(struct mr_worker *worker)
{
	struct stage *stage = (struct stage *)(void *)worker;

	if (stage)
		mr_worker_free(stage->real);
	free(stage);
}

static int stage_run(struct mr_worker *worker, const struct mr_attempt *attempt,
		     struct gw_error *error)
{
	struct stage *stage = (struct stage *)(void *)worker;
	stage_function *const functions[] = {stage->fixture->sample, stage->fixture->task,
					     stage->fixture->reduce, NULL};
	struct mr_live *live = stage->setup.live;
	int code;

	if (!functions[attempt->kind])
		return mr_worker_run(stage->real, attempt, error);
	stage->attempt = attempt;
	live->side_count = 0;
	live->error = (struct gw_error){0};
	memset(&live->counters, 0, sizeof(live->counters));
	atomic_store(&live->block, 0);
	atomic_store(&live->record, 0);
	code = functions[attempt->kind](stage, error);
	if (code >= 0)
		atomic_store(&live->record, 0);
	return code;
}

static const struct mr_worker_operations worker = {stage_init, stage_run, stage_free};

/* ---- What the driver is told ------------------------------------------------------------------
 */

static void on_failed(void *context, const struct mr_failure_report *failure)
{
	struct host_fixture *fixture = context;

	if (failure->again)
		return;
	fixture->failures_told++;
	fixture->failure = *failure;
	memcpy(fixture->failure_printed, failure->printed, failure->printed_size);
	fixture->failure_printed[failure->printed_size] = 0;
}

static void on_printed(void *context, const char *data, size_t size)
{
	struct host_fixture *fixture = context;

	assert(size <= sizeof(fixture->printed) - fixture->printed_size);
	memcpy(fixture->printed + fixture->printed_size, data, size);
	fixture->printed_size += size;
}

/* ---- The fixture ------------------------------------------------------------------------------
 */

struct host_fixture *host_fixture_new(void)
{
	struct host_fixture *fixture = calloc(1, sizeof(*fixture));
	int made;

	assert(fixture);
	snprintf(fixture->directory, sizeof(fixture->directory), "/tmp/gw-host-XXXXXX");
	if (!mkdtemp(fixture->directory))
		abort();
	snprintf(fixture->output, sizeof(fixture->output), "%s/out", fixture->directory);
	gw_mr_options_init(&fixture->options);
	fixture->options.jobs = 2;
	fixture->options.memory = 64 << 20;
	fixture->options.output = fixture->output;
	fixture->job = (struct gw_mr_job){
		.name = "stage", .map = map_nothing, .map_only = true, .context = fixture};
	fixture->tasks = 1;
	fixture->observer = (struct mr_observer){
		.context = fixture, .failed = on_failed, .printed = on_printed};
	made = pipe2(fixture->alive, 0) + pipe2(fixture->started, 0) + pipe2(fixture->go, 0);
	assert(made == 0);
	(void)made;
	return fixture;
}

void host_fixture_free(struct host_fixture *fixture)
{
	struct mr_store store;

	mr_store_local_init(&store);
	if (store.operations->remove(&store, fixture->directory, NULL) < 0)
		abort();
	mr_result_done(&fixture->result);
	for (int i = 0; i < 2; i++) {
		close(fixture->alive[i]);
		close(fixture->started[i]);
		close(fixture->go[i]);
	}
	free(fixture);
}

int host_fixture_setup(void **state)
{
	*state = host_fixture_new();
	return 0;
}

int host_fixture_teardown(void **state)
{
	host_fixture_free(*state);
	return 0;
}

static int run_planned(struct host_fixture *fixture, struct mr_config *config,
		       struct mr_store *store)
{
	struct mr_staging staging;
	struct mr_plan plan;
	struct mr_host_setup setup = {
		.config = config,
		.plan = &plan,
		.store = store,
		.worker = &worker,
		.observer = &fixture->observer,
		.staging = &staging,
		.isolation = fixture->isolation,
		.keep_spans = true,
		.measure_memory = true,
	};
	int code = mr_plan_init(&plan, config, store, &fixture->error);

	if (code < 0)
		return code;
	code = mr_staging_make(&staging, &config->options, store, &fixture->error);
	if (code == 0) {
		config->staging = staging.path;
		code = mr_host_run(&setup, &fixture->result, &fixture->error);
		mr_staging_remove(&staging, store);
		mr_staging_done(&staging);
	}
	mr_plan_done(&plan);
	return code;
}

int host_fixture_run(struct host_fixture *fixture)
{
	struct mr_config config;
	struct mr_store store;
	int code;

	mr_store_local_init(&store);
	fixture->error = (struct gw_error){0};
	fixture->failures_told = 0;
	mr_result_done(&fixture->result);
	if (fixture->file) {
		fixture->options.inputs = &fixture->file;
		fixture->options.input_count = 1;
	} else {
		fixture->job.reader = &numbers;
	}
	code = mr_config_init(&config, &fixture->job, &fixture->options, &fixture->error);
	if (code < 0)
		return code;
	if (fixture->pool_memory)
		config.pool_memory = fixture->pool_memory;
	return run_planned(fixture, &config, &store);
}

pid_t host_fixture_fork(struct host_fixture *fixture)
{
	pid_t pid;

	fflush(NULL);
	pid = fork();
	assert(pid >= 0);
	if (pid == 0)
		_exit(-host_fixture_run(fixture));
	return pid;
}

void host_fixture_all_gone(struct host_fixture *fixture)
{
	char byte;
	ssize_t size;

	close(fixture->alive[1]);
	fixture->alive[1] = -1;
	do
		size = read(fixture->alive[0], &byte, 1);
	while (size < 0 && errno == EINTR);
	assert(size == 0);
}

char *host_fixture_part(const struct host_fixture *fixture)
{
	char path[192];
	struct stat status;
	char *text;
	int fd;

	snprintf(path, sizeof(path), "%s/part-00000-of-00001", fixture->output);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &status) < 0)
		return NULL;
	text = calloc(1, (size_t)status.st_size + 1);
	assert(text);
	if (read(fd, text, (size_t)status.st_size) != status.st_size)
		abort();
	close(fd);
	return text;
}

unsigned host_fixture_count(const struct host_fixture *fixture, const char *beginning)
{
	DIR *stream = opendir(fixture->directory);
	struct dirent *entry;
	unsigned count = 0;

	assert(stream);
	while ((entry = readdir(stream)))
		count += strncmp(entry->d_name, beginning, strlen(beginning)) == 0;
	closedir(stream);
	return count;
}

void host_fixture_check_left(struct host_fixture *fixture, bool output)
{
	host_fixture_all_gone(fixture);
	assert_int_equal(host_fixture_count(fixture, "out"), output);
	assert_int_equal(host_fixture_count(fixture, ".out.gw-"), 0);
}

void host_fixture_run_well(struct host_fixture *fixture, const char *expected)
{
	char *text;

	if (host_fixture_run(fixture) < 0)
		fail_msg("%s", fixture->error.text);
	text = host_fixture_part(fixture);
	assert_non_null(text);
	assert_string_equal(text, expected);
	free(text);
	host_fixture_check_left(fixture, true);
}

/* ---- For tasks --------------------------------------------------------------------------------
 */

int stage_emit(struct stage *stage, const char *text, struct gw_error *error)
{
	struct mr_space *space = stage->setup.space;
	struct mr_region region;
	size_t size = strlen(text);
	int code = space->allocate(space, size, &region, error);

	if (code == 1)
		code = space->write(space, &region, text, size, error);
	else if (code == 0)
		code = space->spill(space, text, size, &region, error);
	return code < 0 ? code : space->publish_output(space, &region, error);
}

int stage_emit_number(struct stage *stage, struct gw_error *error)
{
	char text[32];

	snprintf(text, sizeof(text), "%u\n", stage->attempt->task);
	return stage_emit(stage, text, error);
}

void stage_record(struct stage *stage, uint32_t file, uint64_t offset, uint64_t record)
{
	atomic_store(&stage->setup.live->file, file);
	atomic_store(&stage->setup.live->offset, offset);
	atomic_store(&stage->setup.live->record, record);
}

void stage_started(const struct stage *stage)
{
	if (write(stage->fixture->started[1], "s", 1) != 1)
		_exit(99);
}

void stage_wait(const struct stage *stage)
{
	char byte;

	while (read(stage->fixture->go[0], &byte, 1) < 0 && errno == EINTR)
		continue;
}

_Noreturn void stage_hang(void)
{
	for (;;)
		pause();
}
