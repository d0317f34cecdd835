/* SPDX-License-Identifier: Apache-2.0 */
/*
 * recorder.c - a machine's events become records.
 */
#include "recorder.h"

#include "digest.h"
#include "log.h"
#include "ram_hash.h"
#include "snapshot.h"

#include "base/crc32c.h"
#include "base/little_endian.h"

#include <assert.h>
#include <stdlib.h>

struct vm_recorder {
	struct vm_log_writer *log;
	struct vm_ram_hash ram; /* begun when the machine is seen first */
	const uint8_t *bytes;   /* RAM */
	uint64_t ram_size, interval, next;
	uint64_t events, hashes; /* in the log */
	uint8_t seed[VM_SEED_BYTES];
	bool disk_failed;
};

/* ---- Begun ----------------------------------------------------------------------------------- */

static int describe(const struct vm_file *file, struct vm_log_file *to, struct gw_error *error)
{
	if (!file->bytes.size)
		return 0;
	*to = (struct vm_log_file){.there = true, .path = file->name, .size = file->bytes.size};
	return vm_digest_bytes(file->bytes, to->digest, error);
}

static int describe_disk(const char *path, uint64_t size, struct vm_log_file *to,
			 struct gw_error *error)
{
	*to = (struct vm_log_file){.there = true, .path = path, .size = size};
	return path ? vm_digest_file(path, size, to->digest, error) : 0;
}

static int make_header(struct vm_log_header *header, const struct vm_recorder_options *options,
		       const struct vm_machine_setup *setup, struct gw_error *error)
{
	const struct vm_load *load = &setup->load;
	int code;

	*header = (struct vm_log_header){
		.disk_read_only = setup->disk_read_only,
		.has_network = setup->has_network,
		.bare = load->bare,
		.ram_size = setup->ram_size,
		.start_ns = setup->start_ns,
		.disk_bytes = setup->disk_bytes,
		.hash_interval = options->hash_interval ? options->hash_interval
							: VM_RECORDER_HASH_INTERVAL,
		.append = load->tree.append,
		.made_by = "groundwork " GW_VERSION,
	};
	memcpy(header->seed, setup->seed, sizeof(header->seed));
	memcpy(header->network_address, setup->network_address, sizeof(header->network_address));
	code = describe(&load->kernel, &header->files[VM_LOG_KERNEL], error);
	if (code == 0)
		code = describe(&load->initrd, &header->files[VM_LOG_INITRD], error);
	if (code == 0)
		code = describe(&load->firmware, &header->files[VM_LOG_FIRMWARE], error);
	if (code == 0 && setup->has_disk)
		code = describe_disk(options->disk, setup->disk_bytes,
				     &header->files[VM_LOG_DISK], error);
	return code;
}

int vm_recorder_new(struct vm_recorder **out, const struct vm_recorder_options *options,
		    const struct vm_machine_setup *setup, struct gw_error *error)
{
	struct vm_recorder *recorder = calloc(1, sizeof(*recorder));
	struct vm_log_header header;
	int code;

	if (!recorder)
		return gw_fail(error, GW_E_NO_MEMORY, "%s: out of memory", options->path);
	code = make_header(&header, options, setup, error);
	if (code == 0)
		code = vm_log_create(&recorder->log, options->path, &header, error);
	if (code < 0) {
		free(recorder);
		return code;
	}
	recorder->bytes = setup->ram;
	recorder->ram_size = setup->ram_size;
	memcpy(recorder->seed, setup->seed, sizeof(recorder->seed));
	recorder->interval = recorder->next = header.hash_interval;
	*out = recorder;
	return 0;
}

/* ---- Going on -------------------------------------------------------------------------------- */

uint64_t vm_recorder_next(const struct vm_recorder *recorder)
{
	return recorder->next;
}

static int see(struct vm_recorder *recorder, struct vm_machine *machine, struct gw_error *error)
{
	if (recorder->ram.pages)
		return 0;
	return vm_ram_hash_start(&recorder->ram, vm_machine_cpu(machine), recorder->bytes,
				 recorder->ram_size, error);
}

static int put_hash(struct vm_recorder *recorder, struct vm_machine *machine,
		    struct gw_error *error)
{
	struct vm_log_record record = {.kind = VM_LOG_HASH, .count = vm_machine_count(machine)};
	uint8_t hashes[16];

	base_store64(hashes, vm_machine_hash(machine, false));
	base_store64(hashes + 8, vm_ram_hash_now(&recorder->ram));
	record.data = (struct gw_bytes){hashes, sizeof(hashes)};
	recorder->hashes++;
	return vm_log_append(recorder->log, &record, error);
}

int vm_recorder_pause(struct vm_recorder *recorder, struct vm_machine *machine,
		      struct gw_error *error)
{
	int code = see(recorder, machine, error);

	assert(vm_machine_count(machine) <= recorder->next);
	if (code < 0 || vm_machine_count(machine) < recorder->next)
		return code;
	recorder->next += recorder->interval;
	return put_hash(recorder, machine, error);
}

int vm_recorder_event(struct vm_recorder *recorder, const struct vm_event *event,
		      struct gw_error *error)
{
	struct vm_log_record record = {.kind = event->kind,
				       .count = event->count,
				       .id = event->id,
				       .value = event->value,
				       .data = event->data};
	uint8_t sum[4];

	recorder->events++;
	if (event->kind == VM_EVENT_BLOCK && event->value < 0)
		recorder->disk_failed = true;
	if (event->kind == VM_EVENT_BLOCK && event->data.size && !recorder->disk_failed) {
		base_store32(sum, base_crc32c(0, event->data.data, event->data.size));
		record.kind = VM_LOG_ON_DISK;
		record.data = (struct gw_bytes){sum, sizeof(sum)};
	}
	return vm_log_append(recorder->log, &record, error);
}

int vm_recorder_restart(struct vm_recorder *recorder, struct vm_machine *machine,
			struct gw_error *error)
{
	struct vm_log_record record = {.kind = VM_LOG_RESTART,
				       .count = vm_machine_count(machine)};

	return vm_log_append(recorder->log, &record, error);
}

int vm_recorder_flush(struct vm_recorder *recorder, struct gw_error *error)
{
	return vm_log_flush(recorder->log, error);
}

uint64_t vm_recorder_size(const struct vm_recorder *recorder)
{
	return vm_log_size(recorder->log);
}

/* ---- A snapshot ------------------------------------------------------------------------------ */

int vm_recorder_snapshot(struct vm_recorder *recorder, struct vm_machine *machine,
			 struct vm_overlay *disk, const char *path, struct gw_error *error)
{
	struct vm_photo photo = {.count = vm_machine_count(machine),
				 .state = VM_REPLAY_GOES_ON,
				 .events = recorder->events,
				 .hashes = recorder->hashes};
	const struct vm_snapshot snapshot = {.seed = recorder->seed,
					     .photo = &photo,
					     .ram = recorder->bytes,
					     .ram_size = recorder->ram_size,
					     .disk = disk};
	struct vm_block_answer answer;
	int code = vm_log_end(recorder->log, &photo.place, error);

	if (code == 0)
		code = vm_machine_save(machine, &photo.machine, error);
	while (code == 0 && disk && vm_overlay_answer(disk, photo.read_count, &answer))
		code = vm_photo_add_read(&photo, answer.id, answer.data, error);
	if (code == 0)
		code = vm_snapshot_write(path, &snapshot, error);
	vm_photo_done(&photo);
	return code;
}

/* ---- Ended ----------------------------------------------------------------------------------- */

static void release(struct vm_recorder *recorder)
{
	vm_ram_hash_done(&recorder->ram);
	free(recorder);
}

int vm_recorder_end(struct vm_recorder *recorder, struct vm_machine *machine, enum vm_pause why,
		    struct gw_error *error)
{
	struct vm_log_record record = {
		.kind = VM_LOG_END, .count = vm_machine_count(machine), .value = why};
	int code = see(recorder, machine, error), closed;

	if (code == 0)
		code = put_hash(recorder, machine, error);
	if (code == 0)
		code = vm_log_append(recorder->log, &record, error);
	closed = vm_log_close(recorder->log, code < 0 ? NULL : error);
	release(recorder);
	return code < 0 ? code : closed;
}

void vm_recorder_free(struct vm_recorder *recorder)
{
	if (!recorder)
		return;
	(void)!vm_log_close(recorder->log, NULL);
	release(recorder);
}
