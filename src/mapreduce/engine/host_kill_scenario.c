/* SPDX-License-Identifier: Apache-2.0 */
/*
 * host_kill_scenario.c - driver, keeper and slots killed from outside, in each kind of isolation:
 * no process of the job is left, its grandchildren included, nothing is visible, and the next run
 * works.
 */
#include "host_fixture.h"
#include "host_message.h"

#include "support/unit.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static int status_of(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

/* Waits until count tasks said that they run. */
static void wait_started(struct host_fixture *fixture, int count)
{
	char byte;

	while (count-- > 0)
		assert_int_equal(read(fixture->started[0], &byte, 1), 1);
}

/* A grandchild that wants to live: a session of its own, signals ignored. */
static void leave_grandchild(struct stage *stage)
{
	if (fork() > 0)
		return;
	setsid();
	signal(SIGTERM, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	stage_started(stage);
	stage_hang();
}

static int hang_with_grandchild(struct stage *stage, struct gw_error *error)
{
	(void)error;
	leave_grandchild(stage);
	stage_started(stage);
	stage_hang();
}

static int emit_with_grandchild(struct stage *stage, struct gw_error *error)
{
	char byte;

	leave_grandchild(stage);
	if (read(stage->fixture->started[0], &byte, 1) != 1)
		return gw_fail(error, GW_E_IO, "no grandchild");
	return stage_emit_number(stage, error);
}

/* ---- In each kind of isolation -----------------------------------------------------------------
 */

static void grandchildren_end_with_the_job(enum mr_isolation isolation)
{
	struct host_fixture *fixture = host_fixture_new();

	fixture->isolation = isolation;
	fixture->tasks = 3;
	fixture->task = emit_with_grandchild;
	assert_int_equal(host_fixture_run(fixture), 0);
	host_fixture_check_left(fixture, true);
	host_fixture_free(fixture);
}

static void driver_killed(enum mr_isolation isolation)
{
	struct host_fixture *fixture = host_fixture_new();
	pid_t driver;

	fixture->isolation = isolation;
	fixture->tasks = 2;
	fixture->task = hang_with_grandchild;
	driver = host_fixture_fork(fixture);
	wait_started(fixture, 4);
	assert_int_equal(host_fixture_count(fixture, ".out.gw-"), 1);
	kill(driver, SIGKILL);
	assert_true(WIFSIGNALED(status_of(driver)));
	host_fixture_check_left(fixture, false);
	host_fixture_free(fixture);
}

/* Kills its own slot, as whoever is short of memory would. */
static int killed_once(struct stage *stage, struct gw_error *error)
{
	if (stage->attempt->number == 0)
		kill(getpid(), SIGKILL);
	return stage_emit_number(stage, error);
}

static void slot_killed(enum mr_isolation isolation)
{
	struct host_fixture *fixture = host_fixture_new();

	fixture->isolation = isolation;
	fixture->tasks = 4;
	fixture->task = killed_once;
	assert_int_equal(host_fixture_run(fixture), 0);
	assert_int_equal(fixture->result.failures[MR_MAP], 4);
	host_fixture_check_left(fixture, true);
	host_fixture_free(fixture);
}

static int open_lock(const struct stage *stage)
{
	char path[96];

	snprintf(path, sizeof(path), "%s/lock", stage->fixture->directory);
	return open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
}

/* As a shell does with a pipeline: a process group of its own, in which a grandchild, an orphan
 * soon, holds a lock for as long as it lives. */
static void leave_orphan(struct stage *stage)
{
	char byte;

	if (fork() == 0) {
		setpgid(0, 0);
		if (fork() > 0)
			_exit(0);
		signal(SIGTERM, SIG_IGN);
		signal(SIGHUP, SIG_IGN);
		if (flock(open_lock(stage), LOCK_EX) == 0)
			stage_started(stage);
		stage_hang();
	}
	(void)!read(stage->fixture->started[0], &byte, 1);
}

/* The second attempt ends when what the first one left behind is gone: the lock is free. */
static int killed_with_orphan(struct stage *stage, struct gw_error *error)
{
	int lock;

	if (stage->attempt->number == 0) {
		leave_orphan(stage);
		kill(getpid(), SIGKILL);
	}
	lock = open_lock(stage);
	if (lock < 0 || flock(lock, LOCK_EX) < 0)
		return gw_fail(error, GW_E_IO, "no lock");
	close(lock);
	return stage_emit_number(stage, error);
}

static void orphans_end_with_their_slot(enum mr_isolation isolation)
{
	struct host_fixture *fixture = host_fixture_new();
	char path[96];

	fixture->isolation = isolation;
	fixture->tasks = 1;
	fixture->task = killed_with_orphan;
	assert_int_equal(host_fixture_run(fixture), 0);
	assert_int_equal(fixture->result.failures[MR_MAP], 1);
	snprintf(path, sizeof(path), "%s/lock", fixture->directory);
	assert_int_equal(unlink(path), 0);
	host_fixture_check_left(fixture, true);
	host_fixture_free(fixture);
}

/* The driver's only child is the keeper. */
static void kill_keeper(void *context, const struct mr_view *view)
{
	char path[64], text[32] = "";
	int file;

	(void)context;
	if (view->tasks_done < 1)
		return;
	snprintf(path, sizeof(path), "/proc/self/task/%d/children", getpid());
	file = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(read(file, text, sizeof(text) - 1) > 0);
	close(file);
	kill((pid_t)strtol(text, NULL, 10), SIGKILL);
}

static int emit_then_hang(struct stage *stage, struct gw_error *error)
{
	if (stage->attempt->task > 0)
		stage_hang();
	return stage_emit_number(stage, error);
}

static void keeper_killed(enum mr_isolation isolation)
{
	struct host_fixture *fixture = host_fixture_new();

	fixture->isolation = isolation;
	fixture->tasks = 3;
	fixture->task = emit_then_hang;
	fixture->observer.tick = kill_keeper;
	fixture->observer.tick_us = 1000;
	assert_int_equal(host_fixture_run(fixture), GW_E_CRASHED);
	assert_non_null(strstr(fixture->error.text, "was killed from outside"));
	host_fixture_check_left(fixture, false);
	host_fixture_free(fixture);
}

#define IN_EACH(function)                                                                          \
	static void test_##function(void **state)                                                  \
	{                                                                                          \
		(void)state;                                                                       \
		function(MR_ISOLATE_NAMESPACE);                                                    \
		function(MR_ISOLATE_USER);                                                         \
		function(MR_ISOLATE_PLAIN);                                                        \
	}

IN_EACH(grandchildren_end_with_the_job)
IN_EACH(driver_killed)
IN_EACH(slot_killed)
IN_EACH(orphans_end_with_their_slot)
IN_EACH(keeper_killed)

/* ---- Signals to the driver --------------------------------------------------------------------
 */

static void interrupted(struct host_fixture *fixture, int number)
{
	pid_t driver;
	int status;

	fixture->tasks = 2;
	fixture->task = hang_with_grandchild;
	driver = host_fixture_fork(fixture);
	wait_started(fixture, 4);
	kill(driver, number);
	status = status_of(driver);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), -GW_E_CANCELLED);
	host_fixture_check_left(fixture, false);
}

static void test_interrupted_by_the_terminal(void **state)
{
	interrupted(*state, SIGINT);
}

static void test_interrupted_politely(void **state)
{
	interrupted(*state, SIGTERM);
}

static int wait_and_emit(struct stage *stage, struct gw_error *error)
{
	stage_started(stage);
	stage_wait(stage);
	return stage_emit_number(stage, error);
}

/* A shell ignores SIGINT for what runs in the background: so do we then. */
static void test_an_ignored_signal_stays_ignored(void **state)
{
	struct host_fixture *fixture = *state;
	pid_t driver;

	fixture->task = wait_and_emit;
	signal(SIGINT, SIG_IGN);
	driver = host_fixture_fork(fixture);
	signal(SIGINT, SIG_DFL);
	wait_started(fixture, 1);
	kill(driver, SIGINT);
	assert_int_equal(write(fixture->go[1], "g", 1), 1);
	assert_int_equal(status_of(driver), 0);
	host_fixture_check_left(fixture, true);
}

/* A signal to the whole process group, as a terminal sends it, reaches the driver alone. */
static int started_then_hang(struct stage *stage, struct gw_error *error)
{
	(void)error;
	signal(SIGINT, SIG_DFL);
	stage_started(stage);
	stage_hang();
}

static void test_slots_are_not_in_the_terminals_group(void **state)
{
	struct host_fixture *fixture = *state;
	pid_t driver = fork();

	assert_true(driver >= 0);
	fixture->task = started_then_hang;
	if (driver == 0) {
		setpgid(0, 0);
		_exit(-host_fixture_run(fixture));
	}
	wait_started(fixture, 1);
	kill(-driver, SIGINT);
	assert_int_equal(WEXITSTATUS(status_of(driver)), -GW_E_CANCELLED);
	host_fixture_check_left(fixture, false);
}

/* What the calling process had is given back to it. */
static void test_the_caller_is_as_before(void **state)
{
	struct host_fixture *fixture = *state;
	sigset_t before = {0}, after = {0};
	struct sigaction action;

	fixture->task = stage_emit_number;
	sigprocmask(SIG_SETMASK, NULL, &before);
	signal(SIGPIPE, SIG_DFL);
	assert_int_equal(host_fixture_run(fixture), 0);
	sigprocmask(SIG_SETMASK, NULL, &after);
	sigaction(SIGPIPE, NULL, &action);
	assert_memory_equal(&before, &after, sizeof(before));
	assert_true(action.sa_handler == SIG_DFL);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* no child is left to be reaped */
	host_fixture_check_left(fixture, true);
}

/* ---- Messages of the dead
 * ------------------------------------------------------------------------ */

/* The socket to the driver, as user code could find it. */
static int find_socket(void)
{
	for (int fd = 3; fd < 1024; fd++) {
		int type = 0;
		socklen_t size = sizeof(type);

		if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 &&
		    type == SOCK_SEQPACKET)
			return fd;
	}
	return -1;
}

/* The child of an attempt that died says, once the next attempt runs, that it is done. */
static void speak_for_the_dead(struct stage *stage)
{
	struct mr_message message = {
		.kind = MR_SAY_DONE, .generation = 1, .id = {MR_MAP, stage->attempt->task, 0}};
	struct gw_error error = {0};

	char byte;

	if (fork() > 0) {
		(void)!read(stage->fixture->started[0], &byte, 1);
		return;
	}
	setsid(); /* what is in the session of a slot dies with it */
	stage_started(stage);
	stage_wait(stage);
	(void)!mr_message_send(find_socket(), &message, &error);
	message.generation = 2; /* or it even guesses the generation */
	(void)!mr_message_send(find_socket(), &message, &error);
	stage_started(stage);
	stage_hang();
}

static int die_and_be_spoken_for(struct stage *stage, struct gw_error *error)
{
	char byte;

	if (stage->attempt->number == 0) {
		speak_for_the_dead(stage);
		kill(getpid(), SIGKILL);
	}
	/* The dead speaks while this attempt runs, and before it emits. */
	if (write(stage->fixture->go[1], "g", 1) != 1 ||
	    read(stage->fixture->started[0], &byte, 1) != 1)
		return gw_fail(error, GW_E_IO, "the dead did not speak");
	return stage_emit_number(stage, error);
}

static void test_messages_of_the_dead_are_dropped(void **state)
{
	struct host_fixture *fixture = *state;
	char *text;

	fixture->options.jobs = 1;
	fixture->task = die_and_be_spoken_for;
	if (host_fixture_run(fixture) < 0)
		fail_msg("%s", fixture->error.text);
	text = host_fixture_part(fixture);
	assert_string_equal(text, "0\n");
	free(text);
	assert_int_equal(fixture->result.attempts[MR_MAP], 2);
	host_fixture_check_left(fixture, true);
}

/* User code that writes to every descriptor it finds costs its slot, not the job. */
static int write_everywhere(struct stage *stage, struct gw_error *error)
{
	if (stage->attempt->number == 0) {
		(void)!write(find_socket(), "garbage", 7);
		stage_hang();
	}
	return stage_emit_number(stage, error);
}

static void test_garbage_in_the_socket(void **state)
{
	struct host_fixture *fixture = *state;

	fixture->task = write_everywhere;
	assert_int_equal(host_fixture_run(fixture), 0);
	assert_int_equal(fixture->result.failures[MR_MAP], 1);
	host_fixture_check_left(fixture, true);
}

int main(void)
{
#define SCENARIO(test)                                                                             \
	cmocka_unit_test_setup_teardown(test, host_fixture_setup, host_fixture_teardown)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_grandchildren_end_with_the_job),
		cmocka_unit_test(test_driver_killed),
		cmocka_unit_test(test_slot_killed),
		cmocka_unit_test(test_orphans_end_with_their_slot),
		cmocka_unit_test(test_keeper_killed),
		SCENARIO(test_interrupted_by_the_terminal),
		SCENARIO(test_interrupted_politely),
		SCENARIO(test_an_ignored_signal_stays_ignored),
		SCENARIO(test_slots_are_not_in_the_terminals_group),
		SCENARIO(test_the_caller_is_as_before),
		SCENARIO(test_messages_of_the_dead_are_dropped),
		SCENARIO(test_garbage_in_the_socket),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
