/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control_test.c - a socket that only its owner comes to; requests whole or in pieces, answers, and
 * who is silent.
 */
#include "control.h"

#include "support/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

struct world {
	char parent[64], directory[96];
	struct vm_control control;
};

static int set_up(void **state)
{
	struct world *world = calloc(1, sizeof(*world));

	*state = world;
	if (!world)
		return -1;
	snprintf(world->parent, sizeof(world->parent), "/tmp/gw-control-XXXXXX");
	if (!mkdtemp(world->parent))
		return -1;
	snprintf(world->directory, sizeof(world->directory), "%s/vm", world->parent);
	return vm_control_open(&world->control, world->directory, NULL);
}

static int tear_down(void **state)
{
	struct world *world = *state;

	vm_control_close(&world->control);
	rmdir(world->directory);
	rmdir(world->parent);
	free(world);
	return 0;
}

static int come(struct world *world)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int made = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", world->control.path);
	assert_int_equal(connect(made, (struct sockaddr *)&address, sizeof(address)), 0);
	return made;
}

/* One look; what was asked. */
static const char *look(struct world *world)
{
	struct pollfd polls[VM_CONTROL_POLLS];

	vm_control_fill(&world->control, polls);
	assert_true(poll(polls, VM_CONTROL_POLLS, 0) >= 0);
	return vm_control_polled(&world->control, polls);
}

static void say(int connection, const char *words)
{
	assert_int_equal(write(connection, words, strlen(words)), strlen(words));
}

static void assert_hears(int connection, const char *words)
{
	char heard[256] = "";
	ssize_t got, size = 0;

	while ((got = read(connection, heard + size, sizeof(heard) - 1 - (size_t)size)) > 0)
		size += got;
	assert_string_equal(heard, words);
	close(connection);
}

static void a_request_is_a_line_in_any_pieces(void **state)
{
	struct world *world = *state;
	int connection = come(world);

	assert_null(look(world));
	assert_null(look(world));
	say(connection, "sta");
	assert_null(look(world));
	say(connection, "tus\n");
	assert_string_equal(look(world), "status");
	vm_control_answer(&world->control, "state running\n", NULL);
	assert_hears(connection, "ok\nstate running\n");
}

static void a_failure_is_a_sentence(void **state)
{
	struct world *world = *state;
	struct gw_error failure;
	int connection = come(world);

	say(connection, "fly\n");
	assert_null(look(world));
	assert_string_equal(look(world), "fly");
	gw_fail(&failure, GW_E_UNSUPPORTED, "it has no wings");
	vm_control_answer(&world->control, NULL, &failure);
	assert_hears(connection, "error 14 it has no wings\n");
}

static void who_came_first_is_heard_out(void **state)
{
	struct world *world = *state;
	int first = come(world), second;

	assert_null(look(world));
	second = come(world);
	say(second, "second\n");
	assert_null(look(world));
	say(first, "first\n");
	assert_string_equal(look(world), "first");
	vm_control_answer(&world->control, "", NULL);
	assert_hears(first, "ok\n");
	assert_null(look(world));
	assert_string_equal(look(world), "second");
	vm_control_answer(&world->control, "", NULL);
	assert_hears(second, "ok\n");
}

static void who_is_silent_makes_way(void **state)
{
	struct world *world = *state;
	int silent = come(world), next;

	assert_null(look(world));
	world->control.since_ns = 0; /* long ago */
	next = come(world);
	say(next, "next\n");
	assert_null(look(world));
	assert_string_equal(look(world), "next");
	assert_hears(silent, "");
	vm_control_answer(&world->control, "", NULL);
	assert_hears(next, "ok\n");
}

static void who_says_too_much_or_goes_is_left(void **state)
{
	struct world *world = *state;
	char many[VM_CONTROL_LINE_BYTES_MAX];
	int connection = come(world);

	memset(many, 'x', sizeof(many));
	assert_null(look(world));
	assert_int_equal(write(connection, many, sizeof(many)), sizeof(many));
	assert_null(look(world));
	assert_hears(connection, "");
	connection = come(world);
	assert_null(look(world));
	close(connection);
	assert_null(look(world));
	assert_int_equal(world->control.connection, -1);
}

static void a_directory_has_one_machine(void **state)
{
	struct world *world = *state;
	struct vm_control other;
	struct gw_error error = {0};

	assert_int_equal(vm_control_open(&other, world->directory, &error), GW_E_BUSY);
	assert_non_null(strstr(error.text, world->directory));
	/* What one that was killed has left is no machine. */
	close(world->control.listener);
	assert_int_equal(vm_control_open(&world->control, world->directory, NULL), 0);
}

static void a_directory_others_may_enter_is_refused(void **state)
{
	struct world *world = *state;
	struct vm_control other;
	struct gw_error error = {0};

	assert_int_equal(chmod(world->parent, 0750), 0);
	assert_int_equal(vm_control_open(&other, world->parent, &error), GW_E_DENIED);
	assert_non_null(strstr(error.text, "0700"));
	assert_int_equal(vm_control_open(&other, "/nowhere/vm", &error), GW_E_NOT_FOUND);
	assert_int_equal(vm_control_open(&other, "/dev/null", &error), GW_E_INVALID);
}

/* What another process makes of an answer. */
static int ask(struct world *world, const char *said)
{
	struct base_buffer answer = {0};
	struct pollfd polls[VM_CONTROL_POLLS];
	pid_t asker = fork();
	int status;

	assert_true(asker >= 0);
	if (asker == 0)
		_exit(-vm_control_ask(world->directory, "status", &answer, NULL));
	do {
		vm_control_fill(&world->control, polls);
		assert_true(poll(polls, VM_CONTROL_POLLS, -1) > 0);
	} while (!vm_control_polled(&world->control, polls));
	say(world->control.connection, said);
	assert_int_equal(shutdown(world->control.connection, SHUT_RDWR), 0);
	assert_int_equal(waitpid(asker, &status, 0), asker);
	assert_true(WIFEXITED(status));
	return -WEXITSTATUS(status);
}

static void a_failure_keeps_its_code(void **state)
{
	struct world *world = *state;

	assert_int_equal(ask(world, "error 5 it is there\n"), GW_E_EXISTS);
	assert_int_equal(ask(world, "error 0 it is there\n"), GW_E_IO);
	assert_int_equal(ask(world, "error 99 it is there\n"), GW_E_IO);
	assert_int_equal(ask(world, "error -5 it is there\n"), GW_E_IO);
	assert_int_equal(ask(world, "error it is there\n"), GW_E_IO);
	assert_int_equal(ask(world, "ok\n"), 0);
}

static void where_no_machine_runs_is_said(void **state)
{
	struct world *world = *state;
	struct base_buffer answer = {0};
	struct gw_error error = {0};

	assert_int_equal(vm_control_ask(world->parent, "status", &answer, &error),
			 GW_E_NOT_FOUND);
	assert_non_null(strstr(error.text, "no machine runs there"));
	base_buffer_done(&answer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		TEST(a_request_is_a_line_in_any_pieces),
		TEST(a_failure_is_a_sentence),
		TEST(a_failure_keeps_its_code),
		TEST(who_came_first_is_heard_out),
		TEST(who_is_silent_makes_way),
		TEST(who_says_too_much_or_goes_is_left),
		TEST(a_directory_has_one_machine),
		TEST(a_directory_others_may_enter_is_refused),
		TEST(where_no_machine_runs_is_said),
#undef TEST
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
