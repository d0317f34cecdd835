/* SPDX-License-Identifier: Apache-2.0 */
/*
 * uv.c - the real io: making one, its turns, the end of requests. See uv.h and uv_io.h.
 */
#include "io/uv_io.h"
#include "io/uv_stream.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { NS_PER_MS = 1000000 };

/* ---- The end of a request ----------------------------------------------------------------- */

int real_code(int os_error)
{
	return gw_fail_errno(NULL, os_error, "%s", "");
}

void real_end(struct io_uv *io, struct io_request *request, int result, int os_error)
{
	assert(request->backend_state != REAL_STATE_READY);
	request->result = result;
	request->os_error = os_error;
	request->backend_state = REAL_STATE_READY;
	real_push(&io->ready, request);
}

void real_end_errno(struct io_uv *io, struct io_request *request, int os_error)
{
	real_end(io, request, real_code(os_error), os_error);
}

/* What the operation has to do before its done; false: it is not over after all. */
static bool complete(struct io_uv *io, struct io_request *request)
{
	switch (request->operation) {
	case IO_OPERATION_CONNECT:
	case IO_OPERATION_ACCEPT:
		real_stream_made(request);
		return true;
	default:
		return real_pooled_finish(io, request);
	}
}

static void finish(struct io_uv *io, struct io_request *request)
{
	struct real_socket *socket = (struct real_socket *)(uintptr_t)request->backend[3];
	struct io_file *closed = NULL;

	request->backend_state = REAL_STATE_ELSEWHERE;
	if (!complete(io, request))
		return;
	if (request->operation == IO_OPERATION_CLOSE)
		closed = request->u.file.file;
	assert(io->requests > 0);
	io->requests--;
	io_finish(request);
	/* Names last until here. */
	free(closed);
	if (socket)
		real_socket_unuse(socket);
}

/* What is ready now; what becomes ready meanwhile waits for the next round. */
static void finish_ready(struct io_uv *io)
{
	for (size_t left = io->ready.count; left > 0 && io->ready.first; left--)
		finish(io, real_pop(&io->ready));
}

/* ---- From other threads --------------------------------------------------------------------- */

void real_arrive(struct io_uv *io, struct io_request *request)
{
	struct io_request *first;

	/* The io may see the request, and be freed for all it knows, before this thread has woken
	 * it; io_uv_free waits for the count. */
	atomic_fetch_add(&io->arriving, 1);
	first = atomic_load_explicit(&io->arrived, memory_order_relaxed);
	do
		request->next = first;
	while (!atomic_compare_exchange_weak(&io->arrived, &first, request));
	/* Either the loop sees the request before it sleeps, or we see that it sleeps. */
	if (!first && atomic_load(&io->asleep))
		(void)eventfd_write(io->wake_file, 1);
	atomic_fetch_sub(&io->arriving, 1);
}

static void take_arrived(struct io_uv *io)
{
	struct io_request *last, *first = NULL;

	if (!atomic_load_explicit(&io->arrived, memory_order_relaxed))
		return; /* whoever adds one wakes the loop */
	last = atomic_exchange(&io->arrived, NULL);
	while (last) { /* the first to come is to be the first told */
		struct io_request *before = last->next;

		last->next = first;
		first = last;
		last = before;
	}
	while (first) {
		struct io_request *next = first->next;

		if (first->operation == IO_OPERATION_POST)
			io->requests++; /* the others were counted when they were submitted */
		first->backend[3] = 0;	/* the pool */
		real_end(io, first, first->result, first->os_error);
		first = next;
	}
}

/* Waking is all; the turn looks at what arrived. It is an event of our own, since uv_async_send
 * makes the woken thread spin until the waking one is back from its system call, which on a busy
 * machine took 50 us. */
static void woken(uv_poll_t *wake, int status, int events)
{
	struct io_uv *io = wake->data;
	eventfd_t count;

	(void)status;
	(void)events;
	io->events++;
	(void)eventfd_read(io->wake_file, &count);
}

/* Looks for events until then, or until the first timer is due. False: there were none. */
static bool look(struct io_uv *io, uint64_t until_ns)
{
	uint64_t events = io->events, alarm_ns = UINT64_MAX, now_ns;

	if (io->timers.first)
		alarm_ns = io->timers.first->u.run.at_ns;
	do {
		uv_run(&io->loop, UV_RUN_NOWAIT);
		now_ns = uv_hrtime();
		if (io->events != events || now_ns >= alarm_ns ||
		    atomic_load_explicit(&io->arrived, memory_order_relaxed) ||
		    real_log_has_events(&io->log))
			return true;
		sched_yield(); /* who is to bring the event may need this very processor */
	} while (now_ns < until_ns);
	return false;
}

/* Sleeps until there is an event, if nothing has arrived meanwhile from other threads. */
static void sleep_for_events(struct io_uv *io)
{
	bool nothing;

	atomic_store(&io->asleep, true);
	nothing = !atomic_load(&io->arrived);
	uv_run(&io->loop, nothing ? UV_RUN_ONCE : UV_RUN_NOWAIT);
	atomic_store(&io->asleep, false);
}

static void wait_for_events(struct io_uv *io)
{
	bool looks = real_spin_wanted(&io->spin), found = false;
	uint64_t begun_ns;

	if (io->spin.limit_ns == 0) {
		sleep_for_events(io);
		return;
	}
	begun_ns = uv_hrtime();
	if (looks)
		found = look(io, begun_ns + io->spin.limit_ns);
	if (!found)
		sleep_for_events(io);
	real_spin_waited(&io->spin, uv_hrtime() - begun_ns, looks, found);
}

static void post(struct io_uv *io, struct io_request *request)
{
	if (!pthread_equal(pthread_self(), io->thread)) {
		real_arrive(io, request);
		return;
	}
	io->requests++;
	real_end(io, request, 0, 0);
}

/* ---- Timers --------------------------------------------------------------------------------- */

static void end_due(struct io_uv *io)
{
	uint64_t now;

	if (!io->timers.first)
		return;
	now = uv_hrtime();
	while (io->timers.first && io->timers.first->u.run.at_ns <= now) {
		struct io_request *request = io->timers.first;

		real_heap_remove(&io->timers, request);
		real_end(io, request, 0, 0);
	}
}

/* libuv runs timers that are due before it asks the kernel for events, and would then wait although
 * there is something to do; being stopped, it only looks. */
static void alarmed(uv_timer_t *alarm)
{
	uv_stop(alarm->loop);
}

/* The loop's clock counts whole milliseconds, so it wakes within one behind the first timer. An
 * alarm that is set too early, for a timer that was stopped, is left: it costs one look, while
 * setting it anew would cost something each turn. */
static void set_alarm(struct io_uv *io)
{
	uint64_t at_ms, now_ms = uv_now(&io->loop);

	if (!io->timers.first)
		return;
	at_ms = io->timers.first->u.run.at_ns / NS_PER_MS;
	at_ms += io->timers.first->u.run.at_ns % NS_PER_MS != 0;
	if (uv_is_active((uv_handle_t *)&io->alarm) && io->alarm_ms <= at_ms)
		return;
	io->alarm_ms = at_ms;
	uv_timer_start(&io->alarm, alarmed, at_ms > now_ms ? at_ms - now_ms : 0, 0);
}

static bool timer_stop(struct io *io, struct io_request *request)
{
	struct io_uv *uv = real_of(io);

	if (request->backend_state == REAL_STATE_TIMED)
		real_heap_remove(&uv->timers, request);
	else
		real_remove(&uv->ready, request);
	request->backend_state = REAL_STATE_ELSEWHERE;
	request->state = IO_REQUEST_IDLE;
	uv->requests--;
	return true;
}

/* ---- Turns ---------------------------------------------------------------------------------- */

/* True: there is more to do at once. */
static bool turn(struct io_uv *io)
{
	bool more = false;

	for (int round = 0; round < IO_UV_ROUNDS_MAX; round++) {
		take_arrived(io);
		real_log_reap(io);
		end_due(io);
		finish_ready(io);
		more = io->turn && io->turn->run(io->turn);
		real_streams_flush(io);
		if (!io->ready.first || io->stopped)
			break;
	}
	return more || io->ready.first;
}

void io_uv_run(struct io *io)
{
	struct io_uv *uv = real_of(io);
	bool more = true;

	assert(pthread_equal(pthread_self(), uv->thread));
	do {
		if (!more)
			set_alarm(uv);
		if (more)
			uv_run(&uv->loop, UV_RUN_NOWAIT);
		else
			wait_for_events(uv);
		more = turn(uv);
	} while (!uv->stopped && (more || uv->holds || io_pending(io) > 0));
	uv->stopped = false;
}

void io_uv_stop(struct io *io)
{
	real_of(io)->stopped = true;
}

void io_uv_hold(struct io *io)
{
	real_of(io)->holds++;
}

void io_uv_release(struct io *io)
{
	assert(real_of(io)->holds > 0);
	real_of(io)->holds--;
}

static size_t pending(struct io *io)
{
	struct io_uv *uv = real_of(io);
	size_t count = uv->requests + uv->readers;
	const struct io_request *request = atomic_load(&uv->arrived);

	/* Only this thread takes them away, so the list can be walked. */
	for (; request; request = request->next)
		count += request->operation == IO_OPERATION_POST;
	return count;
}

static void set_turn(struct io *io, struct io_turn *turn_function)
{
	real_of(io)->turn = turn_function;
}

/* ---- The table ------------------------------------------------------------------------------ */

static void submit(struct io *io, struct io_request *request)
{
	struct io_uv *uv = real_of(io);

	request->backend_state = REAL_STATE_ELSEWHERE;
	memset(request->backend, 0, sizeof(request->backend));
	if (request->operation == IO_OPERATION_POST) {
		post(uv, request);
		return;
	}
	assert(pthread_equal(pthread_self(), uv->thread));
	uv->requests++;
	switch (request->operation) {
	case IO_OPERATION_TIMER:
		request->backend_state = REAL_STATE_TIMED;
		real_heap_add(&uv->timers, request);
		break;
	case IO_OPERATION_CONNECT:
	case IO_OPERATION_WRITEV:
	case IO_OPERATION_SHUTDOWN:
		real_stream_submit(uv, request);
		break;
	case IO_OPERATION_ACCEPT:
		real_accept_submit(uv, request);
		break;
	case IO_OPERATION_SEND:
	case IO_OPERATION_RECEIVE:
		real_datagrams_submit(uv, request);
		break;
	case IO_OPERATION_WAIT:
		real_process_submit(uv, request);
		break;
	case IO_OPERATION_POLL:
		real_poll_submit(uv, request);
		break;
	default:
		real_pooled_submit(uv, request);
		break;
	}
}

static void cancel(struct io *io, struct io_request *request)
{
	struct io_uv *uv = real_of(io);

	if (request->backend_state == REAL_STATE_READY)
		return;
	switch (request->operation) {
	case IO_OPERATION_POST:
		break; /* on its way */
	case IO_OPERATION_TIMER:
		real_heap_remove(&uv->timers, request);
		real_end(uv, request, GW_E_CANCELLED, 0);
		break;
	case IO_OPERATION_CONNECT:
	case IO_OPERATION_WRITEV:
	case IO_OPERATION_SHUTDOWN:
		real_stream_cancel(uv, request);
		break;
	case IO_OPERATION_ACCEPT:
		real_accept_cancel(uv, request);
		break;
	case IO_OPERATION_SEND:
	case IO_OPERATION_RECEIVE:
		real_datagrams_cancel(uv, request);
		break;
	case IO_OPERATION_WAIT:
		real_process_cancel(uv, request);
		break;
	case IO_OPERATION_POLL:
		real_poll_cancel(uv, request);
		break;
	default:
		real_pooled_cancel(uv, request);
		break;
	}
}

static const struct io_operations operations = {
	.submit = submit,
	.cancel = cancel,
	.timer_stop = timer_stop,
	.list_free = real_list_free,
	.now_ns = real_now_ns,
	.wall_ns = real_wall_ns,
	.boot_id = real_boot_id,
	.random = real_random_bytes,
	.pick = real_pick,
	.pool_of = real_pool_of,
	.set_turn = set_turn,
	.pending = pending,
	.listen = real_listen_at,
	.listener_address = real_listener_address,
	.listener_close = real_listener_close,
	.peer = real_stream_peer,
	.read_start = real_stream_read_start,
	.read_stop = real_stream_read_stop,
	.stream_close = real_stream_close,
	.datagrams_open = real_datagrams_open,
	.datagrams_address = real_datagrams_address,
	.datagrams_close = real_datagrams_close,
	.kill = real_kill_process,
	.process_close = real_process_close,
};

/* ---- Making and freeing one ----------------------------------------------------------------- */

static unsigned processors(void)
{
	cpu_set_t set;
	int count = sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : 1;

	return count > 0 ? (unsigned)count : 1;
}

static int make_pools(struct io_uv *uv, const struct io_uv_options *options, struct gw_error *error)
{
	unsigned threads[REAL_POOL_DISKS] = {
		[IO_POOL_CPU] = options->cpu_threads ? options->cpu_threads : processors(),
		[REAL_POOL_RESOLVE] = 4,
		[REAL_POOL_SPAWN] = 1,
		[REAL_POOL_LOOK_UP] = 8,
	};

	uv->disk_threads = options->disk_threads ? options->disk_threads : 4;
	for (; uv->pools_count < REAL_POOL_DISKS; uv->pools_count++) {
		int code = real_pool_init(&uv->pools[uv->pools_count], uv, threads[uv->pools_count],
					  error);

		if (code < 0)
			return code;
	}
	return 0;
}

static int make_loop(struct io_uv *uv, struct gw_error *error)
{
	int wrong = uv_loop_init(&uv->loop);

	if (wrong)
		return gw_fail_errno(error, -wrong, "cannot make an event loop");
	uv->wake_file = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	uv->wake.data = uv;
	wrong = uv->wake_file < 0 ? -errno
				  : uv_poll_init(&uv->loop, &uv->wake, uv->wake_file);
	if (wrong) {
		if (uv->wake_file >= 0)
			close(uv->wake_file);
		uv_loop_close(&uv->loop);
		return gw_fail_errno(error, -wrong, "cannot make an event loop");
	}
	wrong = uv_poll_start(&uv->wake, UV_READABLE, woken);
	assert(wrong == 0 && "fails only for a descriptor that is watched already");
	uv_timer_init(&uv->loop, &uv->alarm);
	return 0;
}

static void free_parts(struct io_uv *uv)
{
	for (uint32_t i = 0; i < uv->pools_count; i++)
		real_pool_done(&uv->pools[i]);
	real_log_done(&uv->log);
	if (uv->directory >= 0)
		close(uv->directory);
	free(uv);
}

int io_uv_new(struct io **io, const struct io_uv_options *options, struct gw_error *error)
{
	struct io_uv_options none = {0};
	struct io_uv *uv = calloc(1, sizeof(*uv));
	int code;

	*io = NULL;
	if (!uv)
		return gw_fail(error, GW_E_NO_MEMORY, "no memory for an event loop");
	if (!options)
		options = &none;
	uv->io.operations = &operations;
	uv->thread = pthread_self();
	uv->spin.limit_ns = (uint64_t)options->spin_us * 1000;
	uv->engine = options->engine ? options->engine : real_socket_engine();
	uv->log.engine = options->log_engine ? options->log_engine : real_log_engine();
	uv->directory = AT_FDCWD;
	code = real_boot_id_read(uv, error);
	if (code == 0 && options->directory) {
		uv->directory = open(options->directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (uv->directory < 0) {
			code = gw_fail_errno(error, errno, "cannot use directory %s",
					     options->directory);
		}
	}
	if (code == 0)
		code = make_pools(uv, options, error);
	if (code == 0)
		code = make_loop(uv, error);
	if (code < 0) {
		free_parts(uv);
		return code;
	}
	*io = &uv->io;
	return 0;
}

void io_uv_free(struct io *io)
{
	struct io_uv *uv;

	if (!io)
		return;
	uv = real_of(io);
	assert(pthread_equal(pthread_self(), uv->thread));
	while (atomic_load(&uv->arriving) > 0)
		sched_yield();
	while (uv->sockets)
		uv->sockets->close(uv->sockets);
	assert(uv->requests == 0 && !atomic_load(&uv->arrived));
	uv_close((uv_handle_t *)&uv->wake, NULL);
	uv_close((uv_handle_t *)&uv->alarm, NULL);
	uv_run(&uv->loop, UV_RUN_DEFAULT);
	close(uv->wake_file);
	if (uv_loop_close(&uv->loop) != 0)
		assert(!"all handles of the loop are closed");
	free_parts(uv);
}
