/* SPDX-License-Identifier: Apache-2.0 */
/*
 * host_test.c - machines run for real, with small guests: console through pipes, images, who looks
 * on, and what cannot be run.
 */
#include "host.h"

#include "support/unit.h"
#include "vm/machine/guest_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { RESET = 0x53525354 };

struct world {
	char directory[64], kernel[128];
	int in[2], out[2];
	struct gw_vm_options options;
	struct gw_vm_result result;
	struct gw_error error;
};

static void write_file(const struct world *world, const char *name, const void *bytes, size_t size)
{
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", world->directory, name);
	file = fopen(path, "wb");
	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, size, file), size);
	assert_int_equal(fclose(file), 0);
}

static void begin(struct world *world, struct guest *guest)
{
	*world = (struct world){.directory = "/tmp/gw-vm-host-XXXXXX"};
	assert_non_null(mkdtemp(world->directory));
	snprintf(world->kernel, sizeof(world->kernel), "%s/kernel", world->directory);
	write_file(world, "kernel", guest->image, sizeof(guest->image));
	guest_end(guest);
	assert_int_equal(pipe(world->in), 0);
	assert_int_equal(pipe(world->out), 0);
	world->options = (struct gw_vm_options){
		.kernel = world->kernel,
		.memory_bytes = GUEST_RAM_BYTES,
		.no_restart = true,
		.console_in = world->in[0],
		.console_out = world->out[1],
	};
}

static void end(struct world *world)
{
	static const char *const names[] = {"kernel", "append", "disk", "initrd"};
	char path[128];

	for (size_t at = 0; at < sizeof(names) / sizeof(names[0]); at++) {
		snprintf(path, sizeof(path), "%s/%s", world->directory, names[at]);
		unlink(path);
	}
	rmdir(world->directory);
	for (int at = 0; at < 2; at++) {
		close(world->in[at]);
		close(world->out[at]);
	}
}

static int run(struct world *world, const struct vm_host_watch *watch)
{
	return vm_host_run(&world->options, watch, &world->result, &world->error);
}

/* Ends with a system reset of that type and reason. */
static void ending_guest(struct guest *guest, int type, int reason)
{
	guest_begin(guest);
	guest_addi(guest, A0, ZERO, type);
	guest_addi(guest, A1, ZERO, reason);
	guest_call(guest, RESET, 0);
}

/* Says every byte that is typed, waiting for interrupts between; ends at a 0. */
static void echo_guest(struct guest *guest)
{
	uint64_t wait, poll;

	guest_begin(guest);
	guest_li(guest, S0, (uint32_t)VM_MAP_CONSOLE);
	guest_addi(guest, T0, ZERO, 1);
	guest_store_byte(guest, T0, S0, 1); /* interrupts when something is received */
	guest_li(guest, T0, (uint32_t)VM_MAP_PLIC);
	guest_addi(guest, T1, ZERO, 1);
	guest_store_word(guest, T1, T0, 4 * VM_INTERRUPT_CONSOLE); /* its priority */
	guest_li(guest, T0, (uint32_t)VM_MAP_PLIC + 0x2080);
	guest_addi(guest, T1, ZERO, 1 << VM_INTERRUPT_CONSOLE);
	guest_store_word(guest, T1, T0, 0); /* enabled for supervisor mode */
	guest_addi(guest, T0, ZERO, 0x200);
	guest_csr_set(guest, 0x104, T0); /* sie: wfi ends, though no interrupt is taken */
	wait = guest_wfi(guest);
	poll = guest_load_byte(guest, T0, S0, 5);
	guest_word(guest, 0x0012f293); /* andi t0, t0, 1 */
	guest_branch_zero(guest, T0, poll);
	guest_load_byte(guest, T1, S0, 0);
	guest_branch_zero(guest, T1, guest_here(guest) + 12);
	guest_store_byte(guest, T1, S0, 0);
	guest_jump(guest, wait);
	guest_addi(guest, A0, ZERO, 0);
	guest_addi(guest, A1, ZERO, 0);
	guest_call(guest, RESET, 0);
}

static void a_guest_ends_the_run(void **state)
{
	static const struct {
		int type, reason;
		enum gw_vm_end end;
	} cases[] = {{0, 0, GW_VM_OFF}, {0, 1, GW_VM_FAILED}, {1, 0, GW_VM_RESET}};

	(void)state;
	for (size_t at = 0; at < sizeof(cases) / sizeof(cases[0]); at++) {
		struct guest guest;
		struct world world;

		ending_guest(&guest, cases[at].type, cases[at].reason);
		begin(&world, &guest);
		assert_int_equal(run(&world, NULL), 0);
		assert_int_equal(world.result.end, cases[at].end);
		assert_true(world.result.instructions > 0);
		end(&world);
	}
}

static void the_console_is_what_is_piped(void **state)
{
	struct guest guest;
	struct world world;
	char said[16];

	(void)state;
	echo_guest(&guest);
	begin(&world, &guest);
	assert_int_equal(write(world.in[1], "hello", 6), 6);
	assert_int_equal(run(&world, NULL), 0);
	assert_int_equal(world.result.end, GW_VM_OFF);
	assert_int_equal(read(world.out[0], said, sizeof(said)), 5);
	assert_memory_equal(said, "hello", 5);
	end(&world);
}

static void an_image_is_a_directory(void **state)
{
	struct guest guest;
	struct world world;
	static const uint8_t disk[1024];

	(void)state;
	ending_guest(&guest, 0, 0);
	begin(&world, &guest);
	world.options.kernel = NULL;
	world.options.image = world.directory;
	write_file(&world, "append", "quiet\n", 6);
	write_file(&world, "disk", disk, sizeof(disk));
	write_file(&world, "initrd", disk, sizeof(disk));
	assert_int_equal(run(&world, NULL), 0);
	assert_int_equal(world.result.end, GW_VM_OFF);
	write_file(&world, "append", "a\0b", 3);
	assert_int_equal(run(&world, NULL), GW_E_INVALID);
	assert_non_null(strstr(world.error.text, "append: not a command line for the kernel"));
	unlink(world.kernel);
	assert_int_equal(run(&world, NULL), GW_E_NOT_FOUND);
	assert_non_null(strstr(world.error.text, "no image: it has no kernel"));
	end(&world);
}

static void what_cannot_be_run_is_refused(void **state)
{
	struct guest guest;
	struct world world;

	(void)state;
	ending_guest(&guest, 0, 0);
	begin(&world, &guest);
	world.options.memory_bytes = 1 << 20;
	assert_int_equal(run(&world, NULL), GW_E_INVALID);
	assert_string_equal(world.error.text, "memory of 1 MiB: 4 to 65536 MiB are allowed");
	world.options.memory_bytes = GUEST_RAM_BYTES;
	world.options.initrd = "/tmp/gw-vm-no-such-initrd";
	assert_int_equal(run(&world, NULL), GW_E_NOT_FOUND);
	world.options.initrd = NULL;
	world.options.network = "smoke";
	assert_int_equal(run(&world, NULL), GW_E_INVALID);
	assert_string_equal(world.error.text, "network smoke: neither user nor tap:NAME");
	world.options.network = "tap:a-name-that-is-too-long";
	assert_int_equal(run(&world, NULL), GW_E_INVALID);
	world.options.network = NULL;
	world.options.kernel = NULL;
	assert_int_equal(run(&world, NULL), GW_E_INVALID);
	world.options.kernel = "/tmp";
	assert_int_equal(run(&world, NULL), GW_E_INVALID);
	assert_string_equal(world.error.text, "/tmp: not a regular file");
	end(&world);
}

/* ---- Who looks on ---------------------------------------------------------------------------- */

struct watcher {
	uint64_t events, pauses, restarts;
	uint64_t asked; /* the count of the only pause that is wanted */
	bool met;
	int answer;
};

static int on_event(void *context, const struct vm_event *event, struct gw_error *error)
{
	struct watcher *watcher = context;

	(void)event;
	watcher->events++;
	return watcher->answer ? gw_fail(error, watcher->answer, "no more") : 0;
}

static uint64_t next(void *context)
{
	struct watcher *watcher = context;

	return watcher->met ? UINT64_MAX : watcher->asked;
}

static int on_pause(void *context, struct vm_machine *machine, struct gw_error *error)
{
	struct watcher *watcher = context;

	(void)error;
	watcher->pauses++;
	if (vm_machine_count(machine) == watcher->asked)
		watcher->met = true;
	return 0;
}

static int on_restart(void *context, struct vm_machine *machine, struct gw_error *error)
{
	struct watcher *watcher = context;

	(void)machine;
	watcher->restarts++;
	return watcher->restarts == 3 ? gw_fail(error, GW_E_CANCELLED, "enough") : 0;
}

static void who_looks_on_sees_everything(void **state)
{
	struct watcher watcher = {.asked = 7};
	const struct vm_host_watch watch = {
		.context = &watcher, .event = on_event, .next = next, .pause = on_pause};
	struct guest guest;
	struct world world;

	(void)state;
	echo_guest(&guest);
	begin(&world, &guest);
	assert_int_equal(write(world.in[1], "abc", 4), 4);
	assert_int_equal(run(&world, &watch), 0);
	assert_true(watcher.met);
	assert_true(watcher.pauses > 1);
	assert_true(watcher.events > 0);
	assert_int_equal(watcher.events, world.result.events);
	end(&world);
}

static void who_looks_on_may_end_it(void **state)
{
	struct watcher watcher = {.answer = GW_E_NO_SPACE};
	const struct vm_host_watch watch = {.context = &watcher, .event = on_event};
	struct guest guest;
	struct world world;

	(void)state;
	echo_guest(&guest);
	begin(&world, &guest);
	assert_int_equal(write(world.in[1], "abc", 4), 4);
	assert_int_equal(run(&world, &watch), GW_E_NO_SPACE);
	assert_string_equal(world.error.text, "no more");
	end(&world);
}

static void a_guest_may_start_again(void **state)
{
	struct watcher watcher = {0};
	const struct vm_host_watch watch = {.context = &watcher, .restart = on_restart};
	struct guest guest;
	struct world world;

	(void)state;
	ending_guest(&guest, 1, 0);
	begin(&world, &guest);
	world.options.no_restart = false;
	assert_int_equal(run(&world, &watch), GW_E_CANCELLED);
	assert_int_equal(watcher.restarts, 3);
	end(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_guest_ends_the_run),
		cmocka_unit_test(the_console_is_what_is_piped),
		cmocka_unit_test(an_image_is_a_directory),
		cmocka_unit_test(what_cannot_be_run_is_refused),
		cmocka_unit_test(who_looks_on_sees_everything),
		cmocka_unit_test(who_looks_on_may_end_it),
		cmocka_unit_test(a_guest_may_start_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
