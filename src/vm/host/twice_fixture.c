/* SPDX-License-Identifier: Apache-2.0 */
/*
 * twice_fixture.c - runs a kernel twice at once, with the same events at the same counts but cut
 * elsewhere, and one of them with hardly any translations and decoded blocks kept; after every so
 * many instructions hart, devices and RAM have to be the same.
 *
 *     vm-twice [--small] KERNEL INITRD APPEND [FIRMWARE]
 *
 * Time stands still while the guest waits, and then is where its next timer is. Entropy is a
 * sequence. Prints the counts and hashes; ends with 0 when the guest switched off.
 */
#include "vm/host/system.h"
#include "vm/machine/machine.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { RAM_BYTES = 256 << 20, HASH_INSTRUCTIONS = 100000000, SLICE = 777777, ENTROPY_BYTES = 64 };

struct one {
	struct vm_machine_setup setup;
	struct vm_machine *machine;
	uint64_t slice;
	size_t wanted; /* entropy */
	bool loud;
	enum vm_pause end;
};

static void console(void *context, uint8_t byte)
{
	const struct one *one = context;

	if (one->loud)
		putchar(byte);
}

static void entropy(void *context, size_t size)
{
	struct one *one = context;

	one->wanted = size;
}

static int put(struct one *one, struct vm_event event, struct gw_error *error)
{
	event.count = vm_machine_count(one->machine);
	return vm_machine_input(one->machine, &event, error);
}

static int put_entropy(struct one *one, struct gw_error *error)
{
	uint8_t bytes[ENTROPY_BYTES];
	size_t size = one->wanted < sizeof(bytes) ? one->wanted : sizeof(bytes);

	for (size_t at = 0; at < size; at++)
		bytes[at] = (uint8_t)(at * 7 + vm_machine_count(one->machine));
	one->wanted = 0;
	return put(one, (struct vm_event){.kind = VM_EVENT_ENTROPY, .data = {bytes, size}}, error);
}

static int skip_time(struct one *one, struct gw_error *error)
{
	uint64_t due = vm_machine_due(one->machine), time = vm_machine_time(one->machine);

	if (due == UINT64_MAX)
		return gw_fail(error, GW_E_DEADLOCK, "the guest waits for nothing");
	return put(one, (struct vm_event){.kind = VM_EVENT_TIME, .value = (int64_t)(due - time)},
		   error);
}

/* Runs until a count, or its end. */
static int run(struct one *one, uint64_t until, struct gw_error *error)
{
	int code = 0;

	while (code == 0 && !one->end && vm_machine_count(one->machine) < until) {
		uint64_t next = vm_machine_count(one->machine) + one->slice;
		enum vm_pause why = vm_machine_run(one->machine, next < until ? next : until);

		if (why >= VM_PAUSE_OFF)
			one->end = why;
		else if (one->wanted)
			code = put_entropy(one, error);
		else if (why == VM_PAUSE_WAIT)
			code = skip_time(one, error);
	}
	return code;
}

static int make(struct one *one, const struct vm_load *load, struct gw_error *error)
{
	int code;

	one->setup.ram_size = RAM_BYTES;
	one->setup.load = *load;
	one->setup.outside = (struct vm_outside){.console = console, .entropy = entropy};
	one->setup.context = one;
	code = vm_system_memory(RAM_BYTES, &one->setup.ram, error);
	return code < 0 ? code : vm_machine_new(&one->machine, &one->setup, error);
}

static int compare(struct one *ones, struct gw_error *error)
{
	uint64_t until = 0;
	int code = 0;

	while (code == 0 && !ones[0].end) {
		uint64_t hashes[2];

		until += HASH_INSTRUCTIONS;
		for (int at = 0; at < 2 && code == 0; at++) {
			code = run(&ones[at], until, error);
			hashes[at] = vm_machine_hash(ones[at].machine, true);
		}
		if (code == 0 && (hashes[0] != hashes[1] || ones[0].end != ones[1].end))
			code = gw_fail(error, GW_E_FAILED, "they differ at %" PRIu64,
				       vm_machine_count(ones[0].machine));
		printf("# %" PRIu64 " %016" PRIx64 "\n", vm_machine_count(ones[0].machine),
		       hashes[0]);
	}
	if (code == 0 && ones[0].end != VM_PAUSE_OFF)
		code = gw_fail(error, GW_E_FAILED, "the guest did not switch off");
	return code;
}

static int open_file(const char *path, struct vm_file *file, struct gw_error *error)
{
	file->name = path;
	return vm_system_map(path, &file->bytes, error);
}

int main(int argc, char **argv)
{
	struct one ones[2] = {{.slice = UINT64_MAX / 2, .loud = true}, {.slice = SLICE}};
	struct vm_load load = {0};
	struct gw_error error = {0};
	int code;

	if (argc > 1 && strcmp(argv[1], "--small") == 0) {
		ones[1].setup.blocks_max = 5000;
		ones[1].setup.translations_max = 64;
		ones[1].setup.block_instructions_max = 7;
		argc--;
		argv++;
	}
	if (argc < 4)
		return -GW_E_USAGE;
	load.tree.append = argv[3];
	code = open_file(argv[1], &load.kernel, &error);
	if (code == 0)
		code = open_file(argv[2], &load.initrd, &error);
	if (code == 0 && argc > 4)
		code = open_file(argv[4], &load.firmware, &error);
	for (int at = 0; at < 2 && code == 0; at++)
		code = make(&ones[at], &load, &error);
	if (code == 0)
		code = compare(ones, &error);
	if (code < 0)
		fprintf(stderr, "vm-twice: %s\n", error.text);
	for (int at = 0; at < 2; at++) {
		vm_machine_free(ones[at].machine);
		vm_system_unmap(ones[at].setup.ram, RAM_BYTES);
	}
	return -code;
}
