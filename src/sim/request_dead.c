/* SPDX-License-Identifier: Apache-2.0 */
/*
 * request_dead.c - the io of a life that has ended: clocks stand still, nothing has an effect. Code
 * that killed its own node runs on it until it returns, and stop functions may close things on it.
 */
#include "inside.h"

#include "task/loop.h"

enum { UNWIND_ROUNDS_MAX = 100000 };

/* ---- Requests of the dead ------------------------------------------------------------------ */

void request_ghost(struct life *life, struct io_request *request)
{
	assert(!life->alive);
	request->next = NULL;
	request->previous = life->ghosts_last;
	if (life->ghosts_last)
		life->ghosts_last->next = request;
	else
		life->ghosts = request;
	life->ghosts_last = request;
}

void request_ghosts(struct life *life, struct io_request *first)
{
	while (first) {
		struct io_request *next = first->next;

		request_ghost(life, first);
		first = next;
	}
}

static void ghost_leaves(struct life *life, struct io_request *request)
{
	assert(life->ghosts && life->ghosts_last);
	if (request->previous)
		request->previous->next = request->next;
	else
		life->ghosts = request->next;
	if (request->next)
		request->next->previous = request->previous;
	else
		life->ghosts_last = request->previous;
	request->next = request->previous = NULL;
}

bool sim_io_unwind(struct io *io)
{
	struct life *life = life_of(io);

	assert(!life->alive);
	for (int round = 0; round < UNWIND_ROUNDS_MAX; round++) {
		struct io_request *request = life->ghosts;
		bool more = false;

		if (request) {
			ghost_leaves(life, request);
			request->result = GW_E_CANCELLED;
			request->os_error = 0;
			io_finish(request);
		}
		if (life->turn)
			more = life->turn->run(life->turn);
		if (!more && !life->ghosts)
			return true;
	}
	return false;
}

bool sim_end_tasks(struct io *io, struct gw_loop *loop)
{
	bool is_done;

	task_loop_cancel(loop);
	is_done = sim_io_unwind(io) && task_loop_tasks(loop) == 0;
	task_loop_free(loop);
	return is_done;
}

/* ---- The table ----------------------------------------------------------------------------- */

static void dead_submit(struct io *io, struct io_request *request)
{
	request_ghost(life_of(io), request);
}

static void dead_cancel(struct io *io, struct io_request *request)
{
	(void)io;
	(void)request;
}

static bool dead_timer_stop(struct io *io, struct io_request *request)
{
	ghost_leaves(life_of(io), request);
	request->state = IO_REQUEST_IDLE;
	return true;
}

static void dead_list_free(struct io *io, struct io_list *list)
{
	disk_list_free(life_of(io), list);
}

static uint64_t dead_now(struct io *io)
{
	return life_of(io)->died_mono_ns;
}

static int64_t dead_wall(struct io *io)
{
	return life_of(io)->died_wall_ns;
}

static void dead_boot_id(struct io *io, uint8_t id[16])
{
	memcpy(id, life_of(io)->node->boot_id, 16);
}

static void dead_random(struct io *io, void *data, size_t size)
{
	(void)io;
	memset(data, 0, size);
}

static uint32_t dead_pick(struct io *io, uint32_t n)
{
	(void)io;
	(void)n;
	return 0;
}

static uint32_t dead_pool_of(struct io *io, const char *path)
{
	(void)io;
	(void)path;
	return IO_POOL_CPU + 1;
}

static void dead_set_turn(struct io *io, struct io_turn *turn)
{
	life_of(io)->turn = turn;
}

static size_t dead_pending(struct io *io)
{
	return life_of(io)->ghosts != NULL;
}

static int dead_listen(struct io *io, const struct io_address *address,
		       struct io_listener **listener, struct gw_error *error)
{
	(void)address;
	(void)listener;
	return gw_fail(error, GW_E_CANCELLED, "%s has died", life_of(io)->node->name);
}

static void dead_listener_address(struct io *io, struct io_listener *listener,
				  struct io_address *address)
{
	(void)io;
	(void)listener;
	memset(address, 0, sizeof(*address));
}

static void dead_listener_close(struct io *io, struct io_listener *listener)
{
	(void)io;
	(void)listener;
}

static void dead_peer(struct io *io, struct io_stream *stream, struct io_peer *peer)
{
	(void)io;
	(void)stream;
	memset(peer, 0, sizeof(*peer));
}

static void dead_read_start(struct io *io, struct io_stream *stream, struct io_reader *reader)
{
	(void)io;
	(void)stream;
	(void)reader;
}

static void dead_read_stop(struct io *io, struct io_stream *stream)
{
	(void)io;
	(void)stream;
}

static void dead_stream_close(struct io *io, struct io_stream *stream, bool reset)
{
	(void)io;
	(void)stream;
	(void)reset;
}

static int dead_datagrams_open(struct io *io, const struct io_address *address,
			       struct io_datagrams **datagrams, struct gw_error *error)
{
	(void)address;
	(void)datagrams;
	return gw_fail(error, GW_E_CANCELLED, "%s has died", life_of(io)->node->name);
}

static void dead_datagrams_address(struct io *io, struct io_datagrams *datagrams,
				   struct io_address *address)
{
	(void)io;
	(void)datagrams;
	memset(address, 0, sizeof(*address));
}

static void dead_datagrams_close(struct io *io, struct io_datagrams *datagrams)
{
	(void)io;
	(void)datagrams;
}

static int dead_kill(struct io *io, struct io_process *process, int signal, struct gw_error *error)
{
	(void)process;
	(void)signal;
	return gw_fail(error, GW_E_CANCELLED, "%s has died", life_of(io)->node->name);
}

static void dead_process_close(struct io *io, struct io_process *process)
{
	(void)io;
	(void)process;
}

const struct io_operations sim_io_operations_dead = {
	.submit = dead_submit,
	.cancel = dead_cancel,
	.timer_stop = dead_timer_stop,
	.list_free = dead_list_free,
	.now_ns = dead_now,
	.wall_ns = dead_wall,
	.boot_id = dead_boot_id,
	.random = dead_random,
	.pick = dead_pick,
	.pool_of = dead_pool_of,
	.set_turn = dead_set_turn,
	.pending = dead_pending,
	.listen = dead_listen,
	.listener_address = dead_listener_address,
	.listener_close = dead_listener_close,
	.peer = dead_peer,
	.read_start = dead_read_start,
	.read_stop = dead_read_stop,
	.stream_close = dead_stream_close,
	.datagrams_open = dead_datagrams_open,
	.datagrams_address = dead_datagrams_address,
	.datagrams_close = dead_datagrams_close,
	.kill = dead_kill,
	.process_close = dead_process_close,
};
