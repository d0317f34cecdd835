/* SPDX-License-Identifier: Apache-2.0 */
#include "rig_fixture.h"

#include "vm/host/system.h"

#include <assert.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct world {
	struct rig *rig;
	uint64_t random;
	struct vm_machine *machine;
	struct vm_machine_setup setup;
	struct vm_recorder *recorder;
	struct vm_overlay *disk;
	size_t pending, entropy_wanted;
	struct vm_block_answer answers[RIG_PENDING_MAX];
};

static uint64_t draw(struct world *world, uint64_t below)
{
	uint64_t mixed = world->random += 0x9e3779b97f4a7c15;

	mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9;
	mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111eb;
	return (mixed ^ (mixed >> 31)) % below;
}

static void must(int code)
{
	assert(code >= 0);
	(void)code;
}

/* ---- Its files ------------------------------------------------------------------------------- */

bool rig_set_up(struct rig *rig)
{
	const char *folder = getenv("GW_VM_PROGRAMS");
	uint8_t sector[VM_BLOCK_SECTOR];
	int disk;

	*rig = (struct rig){.hash_interval = 5000};
	if (!folder)
		return false;
	snprintf(rig->program_path, sizeof(rig->program_path), "%s/../record/outside.elf", folder);
	snprintf(rig->directory, sizeof(rig->directory), "/tmp/gw-rig-XXXXXX");
	if (!mkdtemp(rig->directory))
		return false;
	snprintf(rig->log, sizeof(rig->log), "%s/log", rig->directory);
	snprintf(rig->other_log, sizeof(rig->other_log), "%s/other", rig->directory);
	snprintf(rig->disk_path, sizeof(rig->disk_path), "%s/disk", rig->directory);
	disk = open(rig->disk_path, O_WRONLY | O_CREAT, 0600);
	for (int at = 0; at < RIG_DISK_BYTES / VM_BLOCK_SECTOR; at++) {
		memset(sector, at, sizeof(sector));
		must((int)write(disk, sector, sizeof(sector)));
	}
	close(disk);
	return true;
}

void rig_tear_down(struct rig *rig)
{
	unlink(rig->log);
	unlink(rig->other_log);
	unlink(rig->disk_path);
	rmdir(rig->directory);
}

/* ---- Its outside ----------------------------------------------------------------------------- */

static void request(void *context, const struct vm_block_request *request)
{
	struct world *world = context;

	vm_block_begin(vm_overlay_block(world->disk), request);
	world->pending++;
}

static void entropy(void *context, size_t size)
{
	((struct world *)context)->entropy_wanted = size;
}

static void event(void *context, const struct vm_event *event)
{
	must(vm_recorder_event(((struct world *)context)->recorder, event, NULL));
}

static void input(struct world *world, struct vm_event event)
{
	event.count = vm_machine_count(world->machine);
	must(vm_machine_input(world->machine, &event, NULL));
}

static void type(struct world *world, uint8_t byte)
{
	input(world, (struct vm_event){.kind = VM_EVENT_CONSOLE, .data = {&byte, 1}});
}

static void send_frame(struct world *world)
{
	uint8_t frame[100];

	for (size_t at = 0; at < sizeof(frame); at++)
		frame[at] = (uint8_t)draw(world, 256);
	input(world, (struct vm_event){.kind = VM_EVENT_FRAME, .data = {frame, sizeof(frame)}});
}

static void answer_disk(struct world *world)
{
	struct vm_block_answer answer;

	if (!world->pending ||
	    !vm_overlay_block(world->disk)->kind->take(vm_overlay_block(world->disk), &answer))
		return;
	world->pending--;
	input(world, (struct vm_event){.kind = VM_EVENT_BLOCK,
				       .id = answer.id,
				       .value = answer.status,
				       .data = answer.data});
}

static void answer_entropy(struct world *world)
{
	uint8_t bytes[64];
	size_t size = world->entropy_wanted < 64 ? world->entropy_wanted : 64;

	if (!size)
		return;
	for (size_t at = 0; at < size; at++)
		bytes[at] = (uint8_t)draw(world, 256);
	world->entropy_wanted = 0;
	input(world, (struct vm_event){.kind = VM_EVENT_ENTROPY, .data = {bytes, size}});
}

static void something(struct world *world)
{
	switch (draw(world, 7)) {
	case 0:
		type(world, (uint8_t)('A' + draw(world, 26)));
		break;
	case 1:
		send_frame(world);
		break;
	case 2:
		answer_disk(world);
		break;
	case 3:
		answer_entropy(world);
		break;
	case 4:
		input(world, (struct vm_event){.kind = VM_EVENT_TIME,
					       .value = 1 + (int64_t)draw(world, 30)});
		break;
	case 5:
		if (draw(world, 20) == 0)
			type(world, 'r');
		break;
	}
}

/* It waits: its timer comes, or nothing does and it is woken. */
static void wake(struct world *world)
{
	uint64_t due = vm_machine_due(world->machine), now = vm_machine_time(world->machine);

	if (due != UINT64_MAX && draw(world, 4))
		input(world, (struct vm_event){.kind = VM_EVENT_TIME,
					       .value = (int64_t)(due - now)});
	else
		input(world, (struct vm_event){.kind = VM_EVENT_WAKE});
}

/* ---- Recorded -------------------------------------------------------------------------------- */

static void start(struct world *world)
{
	struct vm_machine_setup *setup = &world->setup;
	struct vm_recorder_options options = {.path = world->rig->log,
					      .disk = world->rig->disk_path,
					      .hash_interval = world->rig->hash_interval};

	*setup = (struct vm_machine_setup){
		.ram_size = RIG_RAM_BYTES,
		.load = {.kernel = {.name = world->rig->program_path}, .bare = true},
		.seed = {1, 2, 3},
		.start_ns = 1700000000000000000,
		.has_disk = true,
		.disk_bytes = RIG_DISK_BYTES,
		.has_network = true,
		.network_address = {2, 0, 0, 0, 0, 1},
		.outside = {.request = request, .entropy = entropy, .event = event},
		.context = world,
	};
	must(vm_system_map(setup->load.kernel.name, &setup->load.kernel.bytes, NULL));
	must(vm_system_memory(RIG_RAM_BYTES, &setup->ram, NULL));
	must(vm_overlay_open(&world->disk, world->rig->disk_path, false, NULL));
	must(vm_recorder_new(&world->recorder, &options, setup, NULL));
	must(vm_machine_new(&world->machine, setup, NULL));
}

static enum vm_pause step(struct world *world, uint64_t count)
{
	uint64_t until = vm_machine_count(world->machine) + 1 + draw(world, 2000);
	uint64_t next = vm_recorder_next(world->recorder);
	enum vm_pause why = vm_machine_run(world->machine, until < next ? until : next);

	must(vm_recorder_pause(world->recorder, world->machine, NULL));
	if (why == VM_PAUSE_RESET) {
		must(vm_machine_restart(world->machine, NULL));
		must(vm_recorder_restart(world->recorder, world->machine, NULL));
		world->entropy_wanted = 0;
	} else if (why != VM_PAUSE_OFF) {
		if (why == VM_PAUSE_WAIT)
			wake(world);
		something(world);
	}
	/* It is lost while the guest has no room for it. */
	if (vm_machine_count(world->machine) > count && why != VM_PAUSE_OFF)
		type(world, 'q');
	return why;
}

uint64_t rig_record(struct rig *rig, uint64_t seed, uint64_t count, bool whole)
{
	struct world world = {.rig = rig, .random = seed};
	uint64_t hash;

	unlink(rig->log);
	start(&world);
	while (step(&world, whole ? count : UINT64_MAX) != VM_PAUSE_OFF &&
	       (whole || vm_machine_count(world.machine) < count))
		continue;
	hash = vm_machine_hash(world.machine, true);
	if (whole)
		must(vm_recorder_end(world.recorder, world.machine, VM_PAUSE_OFF, NULL));
	else
		vm_recorder_free(world.recorder);
	vm_machine_free(world.machine);
	vm_overlay_close(world.disk);
	vm_system_unmap(world.setup.ram, RIG_RAM_BYTES);
	vm_system_unmap(world.setup.load.kernel.bytes.data, world.setup.load.kernel.bytes.size);
	return hash;
}

/* ---- Replayed, altered ----------------------------------------------------------------------- */

int rig_replay(const struct rig *rig, const char *log, const struct vm_replay_options *options,
	       uint64_t *hash, struct gw_error *error)
{
	struct vm_replay_options none = {0};
	struct vm_replay *replay;
	int code = vm_replay_open(&replay, log, options ? options : &none, error);

	(void)rig;
	if (code < 0)
		return code;
	code = vm_replay_run(replay, UINT64_MAX, error);
	if (hash)
		*hash = vm_machine_hash(vm_replay_machine(replay), true);
	vm_replay_close(replay);
	return code;
}

void rig_alter(const struct rig *rig, bool (*change)(void *context, struct vm_log_record *record),
	       void *context)
{
	struct vm_log_reader *reader;
	struct vm_log_writer *writer;
	struct vm_log_record record;

	unlink(rig->other_log);
	must(vm_log_open(&reader, rig->log, NULL));
	must(vm_log_create(&writer, rig->other_log, vm_log_header(reader), NULL));
	while (vm_log_next(reader, &record, NULL) > 0) {
		if (change(context, &record))
			must(vm_log_append(writer, &record, NULL));
	}
	must(vm_log_close(writer, NULL));
	vm_log_reader_free(reader);
}
