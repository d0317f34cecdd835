/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vm_snapshot_fuzz.c - any chunks as a snapshot of a recording: refused, or a machine that goes
 * on from there. Checksums and what names the recording are made right first, so that what is
 * behind them is reached.
 */
#include "recorder.h"
#include "replayer.h"
#include "snapshot_inside.h"

#include "base/buffer.h"
#include "base/crc32c.h"
#include "base/little_endian.h"
#include "vm/host/system.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { RAM_BYTES = 4 << 20, DISK_BYTES = 16 * VM_BLOCK_SECTOR, COUNT = 2000 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct world {
	char directory[64], program[96], disk[96], log[96], snapshot[96];
	struct vm_machine_setup setup;
};

static void must(bool well)
{
	if (!well)
		abort();
}

static void write_file(const char *path, const void *bytes, size_t size)
{
	int file = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);

	must(file >= 0 && write(file, bytes, size) == (ssize_t)size);
	close(file);
}

/* A program that goes round and round, and what it needs. */
static void make_world(struct world *world)
{
	static const uint8_t round_and_round[4] = {0x6f, 0x00, 0x00, 0x00};
	static const uint8_t disk[DISK_BYTES];

	snprintf(world->directory, sizeof(world->directory), "/tmp/gw-snapshot-XXXXXX");
	must(mkdtemp(world->directory));
	snprintf(world->program, sizeof(world->program), "%s/program", world->directory);
	snprintf(world->disk, sizeof(world->disk), "%s/disk", world->directory);
	snprintf(world->log, sizeof(world->log), "%s/log", world->directory);
	snprintf(world->snapshot, sizeof(world->snapshot), "%s/snapshot", world->directory);
	write_file(world->program, round_and_round, sizeof(round_and_round));
	write_file(world->disk, disk, sizeof(disk));
	world->setup = (struct vm_machine_setup){
		.ram_size = RAM_BYTES,
		.load = {.kernel = {.name = world->program}, .bare = true},
		.seed = {1, 2, 3},
		.has_disk = true,
		.disk_bytes = DISK_BYTES,
		.has_network = true,
		.network_address = {2, 0, 0, 0, 0, 1},
	};
}

static void remove_world(const struct world *world)
{
	unlink(world->program);
	unlink(world->disk);
	unlink(world->log);
	unlink(world->snapshot);
	rmdir(world->directory);
}

/* Nobody runs it: a log of a start and of one event is enough, up to which a replay goes. */
static void record(struct world *world)
{
	const struct vm_event event = {.kind = VM_EVENT_TIME, .count = COUNT, .value = 1};
	const struct vm_recorder_options options = {.path = world->log, .disk = world->disk};
	struct vm_recorder *recorder;
	struct vm_file *kernel = &world->setup.load.kernel;

	must(vm_system_map(kernel->name, &kernel->bytes, NULL) == 0);
	must(vm_recorder_new(&recorder, &options, &world->setup, NULL) == 0);
	must(vm_recorder_event(recorder, &event, NULL) == 0);
	must(vm_recorder_flush(recorder, NULL) == 0);
	vm_recorder_free(recorder);
	vm_system_unmap(kernel->bytes.data, kernel->bytes.size);
}

/* How large a chunk's body is to be, of which the input has so much: pages are mostly zeroes. */
static size_t whole_size(uint32_t kind, size_t size)
{
	if (kind == VM_SNAPSHOT_PAGE && size < 8 + VM_PAGE_BYTES)
		return 8 + VM_PAGE_BYTES;
	if (kind == VM_SNAPSHOT_SECTOR && size < 8 + VM_BLOCK_SECTOR)
		return 8 + VM_BLOCK_SECTOR;
	return size;
}

static void mend_body(const struct world *world, uint32_t kind, uint8_t *body, size_t size)
{
	if (kind == VM_SNAPSHOT_START && size == VM_SNAPSHOT_START_BYTES) {
		memcpy(body, world->setup.seed, VM_SEED_BYTES);
		base_store64(body + VM_SEED_BYTES + 6 * 8, RAM_BYTES);
		base_store64(body + VM_SEED_BYTES + 7 * 8, DISK_BYTES);
	} else if (kind == VM_SNAPSHOT_MACHINE && size >= VM_SNAPSHOT_SUM_BYTES) {
		size -= VM_SNAPSHOT_SUM_BYTES;
		base_store32(body + size, base_crc32c(0, body, size));
	}
}

static void add_chunk(const struct world *world, uint32_t kind, const uint8_t *body, size_t size,
		      struct base_buffer *out)
{
	const size_t whole = whole_size(kind, size), before = out->size;
	static const uint8_t zeroes[8 + VM_PAGE_BYTES];
	uint8_t prefix[VM_SNAPSHOT_PREFIX_BYTES], sum[VM_SNAPSHOT_SUM_BYTES];

	base_store32(prefix, kind);
	base_store32(prefix + 4, (uint32_t)whole);
	must(base_buffer_append(out, prefix, sizeof(prefix), NULL) == 0);
	must(base_buffer_append(out, body, size, NULL) == 0);
	must(base_buffer_append(out, zeroes, whole - size, NULL) == 0);
	mend_body(world, kind, out->data + before + sizeof(prefix), whole);
	base_store32(sum, base_crc32c(0, out->data + before, out->size - before));
	must(base_buffer_append(out, sum, sizeof(sum), NULL) == 0);
}

/* The input is chunks without checksums; what is left over at its end stays as it is. */
static void make_snapshot(const struct world *world, const uint8_t *data, size_t size)
{
	static const uint8_t magic[] = VM_SNAPSHOT_MAGIC "\x01";
	struct base_buffer out = {0};

	must(base_buffer_append(&out, magic, VM_SNAPSHOT_MAGIC_BYTES, NULL) == 0);
	while (size >= VM_SNAPSHOT_PREFIX_BYTES) {
		uint32_t length = base_load32(data + 4);

		if (length > size - VM_SNAPSHOT_PREFIX_BYTES)
			break;
		add_chunk(world, base_load32(data), data + VM_SNAPSHOT_PREFIX_BYTES, length, &out);
		data += VM_SNAPSHOT_PREFIX_BYTES + length;
		size -= VM_SNAPSHOT_PREFIX_BYTES + length;
	}
	must(base_buffer_append(&out, data, size, NULL) == 0);
	write_file(world->snapshot, out.data, out.size);
	base_buffer_done(&out);
}

static void begin_at(const struct world *world)
{
	const struct vm_replay_options none = {0};
	struct gw_error error = {0};
	struct vm_replay *replay;

	must(vm_replay_open(&replay, world->log, &none, &error) == 0);
	if (vm_replay_begin_at(replay, world->snapshot, &error) == 0)
		(void)!vm_replay_run(replay, COUNT, &error);
	vm_replay_close(replay);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct world world;

	make_world(&world);
	record(&world);
	make_snapshot(&world, data, size);
	begin_at(&world);
	remove_world(&world);
	return 0;
}
