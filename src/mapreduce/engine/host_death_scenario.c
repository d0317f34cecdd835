/* SPDX-License-Identifier: Apache-2.0 */
/*
 * host_death_scenario.c - tasks that end in every way a process can, and the records that make
 * them.
 */
#include "host_fixture.h"

#include "support/unit.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

/* ---- Ways to die ------------------------------------------------------------------------------
 */

__attribute__((no_sanitize("undefined", "address"))) static void die_of_segv(void)
{
	volatile uintptr_t address = 0x10;

	*(volatile int *)address = 1;
}

__attribute__((no_sanitize("undefined", "address"))) static void die_of_null(void)
{
	int *volatile nowhere = NULL;

	*(volatile int *)nowhere = 1;
}

__attribute__((no_sanitize("undefined", "address"))) static void die_of_bus(void)
{
	int file = memfd_create("short", MFD_CLOEXEC);
	volatile char *memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);

	memory[0] = 1;
}

static void die_of_fpe(void)
{
	raise(SIGFPE);
}

static void die_of_ill(void)
{
	raise(SIGILL);
}

static void die_of_abort(void)
{
	abort();
}

static void die_of_kill(void)
{
	kill(getpid(), SIGKILL);
}

static void die_of_pipe(void)
{
	int pipes[2];

	if (pipe(pipes) == 0)
		close(pipes[0]);
	(void)!write(pipes[1], "x", 1);
}

/* Deeper than any stack; what it returns keeps the compiler from making it a loop. */
__attribute__((no_sanitize("undefined", "address"), noinline)) static int dive(volatile char *above,
									       uint64_t depth)
{
	volatile char frame[4096];

	frame[0] = above ? above[0] : 0;
	if (depth == 0)
		return 0;
	return dive(frame, depth - 1) + frame[0];
}

static void die_of_overflow(void)
{
	dive(NULL, UINT64_MAX);
}

static const struct {
	const char *name;
	void (*die)(void);
	int signal;
	bool address;
} deaths[] = {
	{"SIGSEGV", die_of_segv, SIGSEGV, true},  {"SIGSEGV", die_of_overflow, SIGSEGV, true},
	{"SIGBUS", die_of_bus, SIGBUS, true},     {"SIGFPE", die_of_fpe, SIGFPE, false},
	{"SIGILL", die_of_ill, SIGILL, false},    {"SIGABRT", die_of_abort, SIGABRT, false},
	{"SIGKILL", die_of_kill, SIGKILL, false}, {"SIGPIPE", die_of_pipe, SIGPIPE, false},
	{"SIGSEGV", die_of_null, SIGSEGV, true},
};

enum { DEATHS = sizeof(deaths) / sizeof(deaths[0]) };

/* Task i dies of death i at its first attempt. */
static int die_once(struct stage *stage, struct gw_error *error)
{
	stage_record(stage, stage->attempt->task, 70 + stage->attempt->task, 7);
	if (stage->attempt->number == 0)
		deaths[stage->attempt->task].die();
	return stage_emit_number(stage, error);
}

static void test_every_death_is_survived(void **state)
{
	struct host_fixture *fixture = *state;

	fixture->tasks = DEATHS;
	fixture->task = die_once;
	host_fixture_run_well(fixture, "0\n1\n2\n3\n4\n5\n6\n7\n8\n");
	assert_int_equal(fixture->result.failures[MR_MAP], DEATHS);
	assert_int_equal(fixture->failures_told, 1);
}

/* The task dies of the death that its fixture names, each time. */
static int die_twice(struct stage *stage, struct gw_error *error)
{
	(void)error;
	stage_record(stage, 0, 70, 7);
	deaths[stage->fixture->choice].die();
	return 0;
}

static void check_told(struct host_fixture *fixture, unsigned death)
{
	assert_int_equal(fixture->failures_told, 1);
	assert_int_equal(fixture->failure.failure.cause, MR_CAUSE_SIGNAL);
	assert_int_equal(fixture->failure.failure.code, deaths[death].signal);
	assert_non_null(strstr(fixture->failure.how, deaths[death].name));
	assert_string_equal(fixture->failure.where,
			    "record 70 of split 0 (record 7 of the attempt)");
	assert_int_equal(strstr(fixture->failure.error, "fault at address") != NULL,
			 deaths[death].address);
}

static void test_every_death_is_named(void **state)
{
	(void)state;
	for (unsigned i = 0; i < DEATHS; i++) {
		struct host_fixture *fixture = host_fixture_new();

		fixture->task = die_twice;
		fixture->choice = i;
		assert_int_equal(host_fixture_run(fixture), GW_E_CRASHED);
		check_told(fixture, i);
		assert_non_null(strstr(fixture->error.text, "record 70 of split 0"));
		assert_non_null(strstr(fixture->error.text, deaths[i].name));
		host_fixture_check_left(fixture, false);
		host_fixture_free(fixture);
	}
}

static int exit_early(struct stage *stage, struct gw_error *error)
{
	if (stage->attempt->number == 0)
		exit(7);
	return stage_emit_number(stage, error);
}

static void test_user_code_that_exits(void **state)
{
	struct host_fixture *fixture = *state;

	fixture->task = exit_early;
	host_fixture_run_well(fixture, "0\n");
	assert_int_equal(fixture->failure.failure.cause, MR_CAUSE_EXIT);
	assert_int_equal(fixture->failure.failure.code, 7);
	assert_string_equal(fixture->failure.how, "the process ended with exit status 7");
	assert_string_equal(fixture->failure.where, "");
}

/* User code that writes astray hits its own process, and nobody else's memory. */
static int write_astray(struct stage *stage, struct gw_error *error)
{
	uint8_t *const places[] = {(uint8_t *)stage->setup.board,
				   (uint8_t *)stage->setup.live + MR_LIVE_STRIDE,
				   (uint8_t *)stage->setup.live + 3 * MR_LIVE_STRIDE};

	if (stage->attempt->number < 3)
		*places[stage->attempt->number] = 1;
	return stage_emit_number(stage, error);
}

static void test_writing_astray(void **state)
{
	struct host_fixture *fixture = *state;

	fixture->task = write_astray;
	fixture->options.jobs = 1;
	host_fixture_run_well(fixture, "0\n");
	assert_int_equal(fixture->result.failures[MR_MAP], 3);
	assert_int_equal(fixture->failure.failure.code, SIGSEGV);
}

static int hang_once(struct stage *stage, struct gw_error *error)
{
	stage_record(stage, 0, 3, 1);
	if (stage->attempt->number == 0)
		stage_hang();
	return stage_emit_number(stage, error);
}

static void test_a_record_that_hangs(void **state)
{
	struct host_fixture *fixture = *state;

	fixture->task = hang_once;
	fixture->options.record_timeout_ms = 20;
	host_fixture_run_well(fixture, "0\n");
	assert_int_equal(fixture->failure.failure.cause, MR_CAUSE_TIMEOUT);
	assert_string_equal(fixture->failure.how, "a record took longer than 20 ms");
}

/* ---- Bad records ------------------------------------------------------------------------------
 */

enum { WORD = 7, WORDS = 64 };

/* Maps words of the input file; a word that begins with '!' kills. */
static int map_words(struct stage *stage, struct gw_error *error)
{
	const struct mr_attempt *attempt = stage->attempt;
	char text[WORD * WORDS + 1] = "";
	int file = open(stage->fixture->file, O_RDONLY | O_CLOEXEC);
	uint64_t begin = WORDS, end = 0;
	bool mapped[WORDS] = {false};

	if (read(file, text, sizeof(text)) != WORD * WORDS)
		return gw_fail(error, GW_E_IO, "%s", stage->fixture->file);
	close(file);
	for (uint64_t i = 0; i < WORDS; i++) {
		uint64_t at = i * WORD;

		mapped[i] =
			!attempt->probe || (at >= attempt->probe_from && at < attempt->probe_to);
		for (uint32_t skip = 0; skip < attempt->skip_count; skip++)
			mapped[i] = mapped[i] && attempt->skips[skip].offset != at;
		if (mapped[i] && begin == WORDS)
			begin = i;
		end = mapped[i] ? i + 1 : end;
	}
	if (stage->setup.config->job.map_block && begin < end) {
		atomic_store(&stage->setup.live->block_size, (end - begin) * WORD);
		atomic_store(&stage->setup.live->block, 1);
		stage_record(stage, 0, begin * WORD, 1);
	}
	for (uint64_t i = 0; i < WORDS; i++) {
		char word[WORD + 1] = "";

		if (!mapped[i])
			continue;
		if (!stage->setup.config->job.map_block)
			stage_record(stage, 0, i * WORD, i + 1);
		if (text[i * WORD] == '!')
			die_of_segv();
		memcpy(word, text + i * WORD, WORD);
		if (stage_emit(stage, word, error) < 0)
			return error->code;
	}
	return 0;
}

static int never(struct gw_mr_task *task, const struct gw_mr_block *block)
{
	(void)task;
	(void)block;
	return 0;
}

/* The file of words with bad ones at the two places; returns what is left when they are skipped. */
static void write_words(struct host_fixture *fixture, char path[128], char good[WORD * WORDS + 1],
			int bad, int other)
{
	char text[WORD * WORDS + 1] = "";
	int file;

	good[0] = 0;
	for (int i = 0; i < WORDS; i++) {
		char word[32];

		snprintf(word, sizeof(word), "%cw%04d\n", i == bad || i == other ? '!' : '.', i);
		memcpy(text + i * WORD, word, WORD);
		if (i != bad && i != other)
			memcpy(good + strlen(good), word, WORD + 1);
	}
	snprintf(path, 128, "%s/words", fixture->directory);
	file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	assert_int_equal(write(file, text, WORD * WORDS), WORD * WORDS);
	close(file);
	fixture->file = path;
	fixture->task = map_words;
}

static void test_bad_records_are_skipped(void **state)
{
	struct host_fixture *fixture = *state;
	char path[128], good[WORD * WORDS + 1];

	write_words(fixture, path, good, 5, 40);
	fixture->options.skip_bad_records = true;
	host_fixture_run_well(fixture, good);
	assert_int_equal(fixture->result.skipped_total, 2);
	assert_int_equal(fixture->result.skipped[0].position.offset, 5 * WORD);
	assert_int_equal(fixture->result.skipped[1].position.offset, 40 * WORD);
	assert_int_equal(fixture->result.attempts[MR_MAP], 5);
}

static void test_a_bad_record_ends_the_job(void **state)
{
	struct host_fixture *fixture = *state;
	char path[128], good[WORD * WORDS + 1], where[160];

	write_words(fixture, path, good, 5, 40);
	assert_int_equal(host_fixture_run(fixture), GW_E_CRASHED);
	snprintf(where, sizeof(where), "%s, byte 35", path);
	assert_non_null(strstr(fixture->error.text, where));
	assert_non_null(strstr(fixture->error.text, "--skip-bad-records"));
	host_fixture_check_left(fixture, false);
}

static void test_bad_records_of_a_block_are_found(void **state)
{
	struct host_fixture *fixture = *state;
	char path[128], good[WORD * WORDS + 1];

	write_words(fixture, path, good, 0, 63);
	fixture->job.map = NULL;
	fixture->job.map_block = never;
	fixture->options.skip_bad_records = true;
	host_fixture_run_well(fixture, good);
	assert_int_equal(fixture->result.skipped_total, 2);
	assert_int_equal(fixture->result.skipped[0].position.offset, 0);
	assert_int_equal(fixture->result.skipped[1].position.offset, 63 * WORD);
}

static void test_the_bad_record_of_a_block_is_named(void **state)
{
	struct host_fixture *fixture = *state;
	char path[128], good[WORD * WORDS + 1], where[160];

	write_words(fixture, path, good, 33, 33);
	fixture->job.map = NULL;
	fixture->job.map_block = never;
	assert_int_equal(host_fixture_run(fixture), GW_E_CRASHED);
	snprintf(where, sizeof(where), "%s, byte %d", path, 33 * WORD);
	assert_non_null(strstr(fixture->error.text, where));
	assert_string_equal(fixture->failure.where, where);
	assert_true(fixture->failure.decided);
	host_fixture_check_left(fixture, false);
}

int main(void)
{
#define SCENARIO(test)                                                                             \
	cmocka_unit_test_setup_teardown(test, host_fixture_setup, host_fixture_teardown)
	const struct CMUnitTest tests[] = {
		SCENARIO(test_every_death_is_survived),
		SCENARIO(test_every_death_is_named),
		SCENARIO(test_user_code_that_exits),
		SCENARIO(test_writing_astray),
		SCENARIO(test_a_record_that_hangs),
		SCENARIO(test_bad_records_are_skipped),
		SCENARIO(test_a_bad_record_ends_the_job),
		SCENARIO(test_bad_records_of_a_block_are_found),
		SCENARIO(test_the_bad_record_of_a_block_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
