/* SPDX-License-Identifier: Apache-2.0 */
#include "photo.h"

#include <stdlib.h>

static int copy_read(struct vm_replay_read *to, uint64_t id, struct gw_bytes data,
		     struct gw_error *error)
{
	*to = (struct vm_replay_read){.id = id, .size = data.size};
	if (!data.size)
		return 0;
	to->data = malloc(data.size);
	if (!to->data)
		return gw_fail(error, GW_E_NO_MEMORY, "a snapshot: out of memory");
	memcpy(to->data, data.data, data.size);
	return 0;
}

static int copy_reads(struct vm_replay_read *to, size_t *to_count,
		      const struct vm_replay_read *from, size_t count, struct gw_error *error)
{
	for (*to_count = 0; *to_count < count; (*to_count)++) {
		const struct vm_replay_read *read = &from[*to_count];
		int code = copy_read(&to[*to_count], read->id,
				     (struct gw_bytes){read->data, read->size}, error);

		if (code < 0)
			return code;
	}
	return 0;
}

int vm_photo_add_read(struct vm_photo *photo, uint64_t id, struct gw_bytes data,
		      struct gw_error *error)
{
	int code = copy_read(&photo->reads[photo->read_count], id, data, error);

	photo->read_count += code == 0;
	return code;
}

int vm_photo_take(struct vm_photo *photo, struct vm_replay *replay, struct gw_error *error)
{
	int code;

	*photo = (struct vm_photo){
		.count = vm_machine_count(replay->machine),
		.place = replay->has_record ? replay->place : vm_log_place(replay->log),
		.state = replay->state,
		.end = replay->end,
		.events = replay->events,
		.hashes = replay->hashes,
	};
	code = vm_machine_save(replay->machine, &photo->machine, error);
	if (code == 0)
		code = copy_reads(photo->reads, &photo->read_count, replay->reads,
				  replay->read_count, error);
	if (code < 0)
		vm_photo_done(photo);
	return code;
}

int vm_photo_restore(const struct vm_photo *photo, struct vm_replay *replay, struct gw_error *error)
{
	struct vm_cpu *cpu = vm_machine_cpu(replay->machine);
	int code;

	vm_replay_forget_reads(replay);
	code = copy_reads(replay->reads, &replay->read_count, photo->reads, photo->read_count,
			  error);
	if (code == 0)
		code = vm_log_seek(replay->log, &photo->place, error);
	if (code == 0)
		code = vm_machine_load(replay->machine, base_buffer_bytes(&photo->machine), error);
	if (code < 0)
		return code;
	/* All pages count as written to the hart; but the hash of RAM has seen them. */
	vm_cpu_written_forget(cpu);
	replay->has_record = false;
	replay->state = photo->state;
	replay->end = photo->end;
	replay->events = photo->events;
	replay->hashes = photo->hashes;
	replay->failure = (struct gw_error){0};
	return 0;
}

void vm_photo_done(struct vm_photo *photo)
{
	base_buffer_done(&photo->machine);
	for (size_t at = 0; at < photo->read_count; at++)
		free(photo->reads[at].data);
	photo->read_count = 0;
}

uint64_t vm_photo_bytes(const struct vm_photo *photo)
{
	uint64_t bytes = sizeof(*photo) + photo->machine.capacity;

	for (size_t at = 0; at < photo->read_count; at++)
		bytes += photo->reads[at].size;
	return bytes;
}
