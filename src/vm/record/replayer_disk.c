/* SPDX-License-Identifier: Apache-2.0 */
/*
 * replayer_disk.c - the disk of a machine that is replayed. Requests are carried out in the order
 * they are begun, at once; so what a read gives is what it gave when it was recorded, where those
 * that touch the same bytes were in that order too.
 */
#include "replayer_inside.h"

#include "base/crc32c.h"
#include "base/little_endian.h"

#include <assert.h>
#include <stdlib.h>

static int begin_read(struct vm_replay *replay, const struct vm_block_request *request,
		      struct vm_replay_read *read)
{
	read->data = malloc(request->size ? request->size : 1);
	if (!read->data)
		return GW_E_NO_MEMORY;
	read->size = request->size;
	return vm_overlay_read(replay->disk, request->offset, request->size, read->data);
}

static int begin(struct vm_replay *replay, const struct vm_block_request *request,
		 struct vm_replay_read *read)
{
	switch (request->operation) {
	case VM_BLOCK_READ:
		return begin_read(replay, request, read);
	case VM_BLOCK_WRITE:
		return vm_overlay_write(replay->disk, request->offset, request->pieces,
					request->piece_count);
	case VM_BLOCK_DISCARD:
	case VM_BLOCK_ZEROES:
		return vm_overlay_clear(replay->disk, request->offset, request->size);
	case VM_BLOCK_FLUSH:
		return 0;
	}
	return GW_E_INVALID;
}

void vm_replay_request(void *context, const struct vm_block_request *request)
{
	struct vm_replay *replay = context;
	struct vm_replay_read read = {.id = request->id};
	int code = begin(replay, request, &read);

	assert(replay->read_count < VM_BLOCK_REQUESTS_MAX);
	replay->reads[replay->read_count++] = read;
	if (code < 0 && !replay->failure.code)
		gw_fail(&replay->failure, code, "%s: the overlay of the disk: %s", replay->path,
			gw_code_text(code));
}

void vm_replay_forget_reads(struct vm_replay *replay)
{
	for (size_t at = 0; at < replay->read_count; at++)
		free(replay->reads[at].data);
	replay->read_count = 0;
}

int vm_replay_answer(struct vm_replay *replay, const struct vm_log_record *record,
		     struct gw_error *error)
{
	struct vm_event event = {.kind = VM_EVENT_BLOCK,
				 .count = record->count,
				 .id = record->id,
				 .value = record->value,
				 .data = record->data};
	struct vm_replay_read read;
	size_t at = 0;
	int code = 0;

	while (at < replay->read_count && replay->reads[at].id != record->id)
		at++;
	if (at == replay->read_count)
		return vm_replay_diverged(replay, "the disk was not asked for what it answers",
					  error);
	read = replay->reads[at];
	replay->reads[at] = replay->reads[--replay->read_count];
	if (record->kind == VM_LOG_ON_DISK) {
		event.data = (struct gw_bytes){read.data, read.size};
		if (base_crc32c(0, read.data, read.size) != base_load32(record->data.data))
			code = vm_replay_diverged(replay, "the disk reads otherwise", error);
	}
	if (code == 0)
		code = vm_replay_input(replay, &event, error);
	free(read.data);
	return code;
}
