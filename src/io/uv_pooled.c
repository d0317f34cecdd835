/* SPDX-License-Identifier: Apache-2.0 */
/*
 * uv_pooled.c - requests that threads carry out: which pool they wait in, and what is done with
 * what they made.
 */
#include "io/uv_file.h"

_Static_assert((int)REAL_STAGE_LOOK_UP > (int)IO_LIST_ENTRIES_MAX, "no list is as long");

/* ---- Requests ------------------------------------------------------------------------------- */

static bool is_of_name(const struct io_request *request)
{
	switch (request->operation) {
	case IO_OPERATION_OPEN:
	case IO_OPERATION_RENAME:
	case IO_OPERATION_UNLINK:
	case IO_OPERATION_MKDIR:
	case IO_OPERATION_RMDIR:
	case IO_OPERATION_LIST:
	case IO_OPERATION_SYNC_DIRECTORY:
	case IO_OPERATION_SPACE:
		return true;
	default:
		return false;
	}
}

static uint32_t pool_of_request(struct io_uv *io, struct io_request *request)
{
	uint32_t pool;

	switch (request->operation) {
	case IO_OPERATION_OFFLOAD:
		return request->u.run.pool;
	case IO_OPERATION_RESOLVE:
		return REAL_POOL_RESOLVE;
	case IO_OPERATION_SPAWN:
		return REAL_POOL_SPAWN;
	default:
		break;
	}
	if (!is_of_name(request))
		return ((struct real_file *)request->u.file.file)->pool;
	if (real_place_known(io, request, &pool))
		return pool;
	request->backend[1] = REAL_STAGE_LOOK_UP;
	return REAL_POOL_LOOK_UP;
}

int real_pooled_send(struct io_uv *io, struct io_request *request, uint32_t pool)
{
	int wrong;

	assert(pool < io->pools_count);
	request->backend[3] = pool; /* until it has arrived: to find it when it is cancelled */
	wrong = real_pool_add(&io->pools[pool], request);
	if (wrong)
		request->backend[3] = 0;
	return wrong;
}

/* A request on a file that is written as a log is. */
static bool is_of_log(const struct io_request *request)
{
	switch (request->operation) {
	case IO_OPERATION_SYNC:
	case IO_OPERATION_PWRITEV:
	case IO_OPERATION_TRUNCATE:
	case IO_OPERATION_PREALLOCATE:
	case IO_OPERATION_PUNCH:
		return ((struct real_file *)request->u.file.file)->log;
	default:
		return false;
	}
}

void real_pooled_submit(struct io_uv *io, struct io_request *request)
{
	int wrong;

	if (is_of_log(request) && real_log_submit(io, request))
		return;
	wrong = real_pooled_send(io, request, pool_of_request(io, request));
	if (!wrong)
		return;
	request->backend[1] = 0;
	if (request->operation == IO_OPERATION_CLOSE) {
		real_file_run(request); /* it has to be closed in any case */
		real_end(io, request, request->result, request->os_error);
		return;
	}
	real_end(io, request, GW_E_NO_MEMORY, wrong);
}

void real_pooled_cancel(struct io_uv *io, struct io_request *request)
{
	/* A file is gone after its close, whatever the result. */
	if (request->operation == IO_OPERATION_CLOSE)
		return;
	if (request->backend_state == REAL_STATE_WAITING) {
		real_log_cancel(io, request);
		return;
	}
	if (!real_pool_take_back(&io->pools[request->backend[3]], request))
		return;
	request->backend[3] = 0;
	real_end(io, request, GW_E_CANCELLED, 0);
}

void real_pooled_run(struct io_uv *io, struct io_request *request)
{
	if (request->backend[1] == REAL_STAGE_LOOK_UP) {
		real_place_look_up(io, request);
		return;
	}
	switch (request->operation) {
	case IO_OPERATION_OFFLOAD:
		real_result(request, request->u.run.work(request->u.run.context));
		break;
	case IO_OPERATION_RESOLVE:
		real_resolve_run(request);
		break;
	case IO_OPERATION_SPAWN:
		real_spawn_run(io, request);
		break;
	case IO_OPERATION_OPEN:
		if (request->backend[1] == REAL_STAGE_UNDO)
			real_file_discard((struct real_file *)(uintptr_t)request->backend[0]);
		else
			real_file_open(io, request);
		break;
	default:
		if (is_of_name(request))
			real_path_run(io, request);
		else
			real_file_run(request);
		break;
	}
}

/* ---- The end of those that make something --------------------------------------------------- */

static void finish_list(struct io_uv *io, struct io_request *request)
{
	struct io_list list = {.entries = (struct io_entry *)(uintptr_t)request->backend[0],
			       .count = (size_t)request->backend[1]};

	list.memory = list.entries;
	if (request->result < 0)
		return;
	if (request->state == IO_REQUEST_CANCELLED)
		real_list_free(&io->io, &list);
	else
		*(struct io_list *)request->u.path.out = list;
}

/* False: the file is being closed again, since its opening was cancelled. */
static bool finish_open(struct io_uv *io, struct io_request *request)
{
	struct real_file *file = (struct real_file *)(uintptr_t)request->backend[0];

	if (request->result < 0 || !file || request->backend[1] == REAL_STAGE_UNDO)
		return true;
	file->pool = real_pool_of_device(io, file->device);
	if (request->state != IO_REQUEST_CANCELLED) {
		*(struct io_file **)request->u.path.out = &file->file;
		return true;
	}
	/* That may take long, so on a thread, too. */
	request->backend[1] = REAL_STAGE_UNDO;
	if (real_pooled_send(io, request, file->pool) == 0)
		return false;
	real_file_discard(file);
	return true;
}

/* It is known now which disk it is for. False: it goes there. */
static bool go_on(struct io_uv *io, struct io_request *request)
{
	uint32_t pool;
	int wrong;

	if (request->state == IO_REQUEST_CANCELLED)
		return true; /* perhaps before it was looked up */
	pool = real_place_remember(io, request);
	request->backend[0] = 0;
	request->backend[1] = 0;
	wrong = real_pooled_send(io, request, pool);
	if (!wrong)
		return false;
	request->result = GW_E_NO_MEMORY;
	request->os_error = wrong;
	return true;
}

bool real_pooled_finish(struct io_uv *io, struct io_request *request)
{
	if (is_of_name(request) && request->backend[1] == REAL_STAGE_LOOK_UP)
		return go_on(io, request);
	if (is_of_log(request))
		real_log_finish(io, request);
	switch (request->operation) {
	case IO_OPERATION_OPEN:
		return finish_open(io, request);
	case IO_OPERATION_LIST:
		finish_list(io, request);
		return true;
	case IO_OPERATION_SPAWN:
		real_spawn_finish(io, request);
		return true;
	default:
		return true;
	}
}
