/* SPDX-License-Identifier: Apache-2.0 */
/*
 * replayer_start.c - the machine that a log's header names is made; its files are those of then.
 */
#include "replayer_inside.h"

#include "digest.h"

#include "vm/host/system.h"

static const char *path_of(const struct vm_replay *replay, enum vm_log_file_name name)
{
	const char *other = replay->options.files[name];

	return other ? other : vm_log_header(replay->log)->files[name].path;
}

/* Refuses a file that is another than the one recorded. */
static int check(const struct vm_replay *replay, enum vm_log_file_name name, uint64_t size,
		 const uint8_t digest[VM_LOG_DIGEST_BYTES], struct gw_error *error)
{
	const struct vm_log_file *then = &vm_log_header(replay->log)->files[name];

	if (size == then->size && memcmp(digest, then->digest, VM_LOG_DIGEST_BYTES) == 0)
		return 0;
	return gw_fail(error, GW_E_INVALID, "%s: not the %s that was recorded in %s",
		       path_of(replay, name), vm_log_file_name(name), replay->path);
}

static int open_file(struct vm_replay *replay, enum vm_log_file_name name, struct vm_file *file,
		     struct gw_error *error)
{
	uint8_t digest[VM_LOG_DIGEST_BYTES];
	int code;

	if (!vm_log_header(replay->log)->files[name].there)
		return 0;
	file->name = path_of(replay, name);
	code = vm_system_map(file->name, &file->bytes, error);
	if (code < 0)
		return gw_fail_in(error, "the %s of %s", vm_log_file_name(name), replay->path);
	code = vm_digest_bytes(file->bytes, digest, error);
	return code < 0 ? code : check(replay, name, file->bytes.size, digest, error);
}

static int open_disk(struct vm_replay *replay, struct gw_error *error)
{
	const struct vm_log_header *header = vm_log_header(replay->log);
	const char *path = path_of(replay, VM_LOG_DISK);
	uint8_t digest[VM_LOG_DIGEST_BYTES] = {0};
	int code;

	if (!header->files[VM_LOG_DISK].there)
		return 0;
	code = vm_overlay_open(&replay->disk, path, header->disk_read_only, error);
	if (code < 0)
		return gw_fail_in(error, "the disk of %s", replay->path);
	if (vm_overlay_size(replay->disk) == header->disk_bytes)
		code = vm_digest_file(path, header->disk_bytes, digest, error);
	if (code == 0)
		code = check(replay, VM_LOG_DISK, vm_overlay_size(replay->disk), digest, error);
	replay->setup.has_disk = true;
	replay->setup.disk_bytes = header->disk_bytes;
	replay->setup.disk_read_only = header->disk_read_only;
	return code;
}

static int open_memory(struct vm_replay *replay, struct gw_error *error)
{
	uint64_t size = vm_log_header(replay->log)->ram_size;

	if (size % VM_PAGE_BYTES || size < VM_MACHINE_RAM_BYTES_MIN ||
	    size > VM_MACHINE_RAM_BYTES_MAX)
		return gw_fail(error, GW_E_CORRUPT, "%s: a machine of %llu bytes of memory",
			       replay->path, (unsigned long long)size);
	replay->setup.ram_size = size;
	return vm_system_memory(size, &replay->setup.ram, error);
}

static void console(void *context, uint8_t byte)
{
	struct vm_replay *replay = context;

	if (replay->options.console)
		replay->options.console(replay->options.context, byte);
}

static void copy_header(struct vm_replay *replay)
{
	const struct vm_log_header *header = vm_log_header(replay->log);
	struct vm_machine_setup *setup = &replay->setup;

	setup->start_ns = header->start_ns;
	setup->load.bare = header->bare;
	setup->load.tree.append = header->append[0] ? header->append : NULL;
	setup->has_network = header->has_network;
	memcpy(setup->seed, header->seed, sizeof(setup->seed));
	memcpy(setup->network_address, header->network_address, sizeof(setup->network_address));
	setup->outside = (struct vm_outside){.console = console, .request = vm_replay_request};
	setup->context = replay;
	setup->block_instructions_max = replay->options.block_instructions_max;
	setup->translations_max = replay->options.translations_max;
	setup->blocks_max = replay->options.blocks_max;
}

int vm_replay_start(struct vm_replay *replay, struct gw_error *error)
{
	struct vm_load *load = &replay->setup.load;
	int code = open_memory(replay, error);

	copy_header(replay);
	if (code == 0)
		code = open_file(replay, VM_LOG_KERNEL, &load->kernel, error);
	if (code == 0)
		code = open_file(replay, VM_LOG_INITRD, &load->initrd, error);
	if (code == 0)
		code = open_file(replay, VM_LOG_FIRMWARE, &load->firmware, error);
	if (code == 0)
		code = open_disk(replay, error);
	if (code == 0)
		code = vm_machine_new(&replay->machine, &replay->setup, error);
	if (code == 0)
		code = vm_ram_hash_start(&replay->ram, vm_machine_cpu(replay->machine),
					 replay->setup.ram, replay->setup.ram_size, error);
	return code;
}

void vm_replay_release(struct vm_replay *replay)
{
	const struct vm_load *load = &replay->setup.load;

	vm_ram_hash_done(&replay->ram);
	vm_machine_free(replay->machine);
	vm_replay_forget_reads(replay);
	vm_overlay_close(replay->disk);
	vm_system_unmap(load->firmware.bytes.data, load->firmware.bytes.size);
	vm_system_unmap(load->initrd.bytes.data, load->initrd.bytes.size);
	vm_system_unmap(load->kernel.bytes.data, load->kernel.bytes.size);
	vm_system_unmap(replay->setup.ram, replay->setup.ram_size);
}
