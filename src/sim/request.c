/* SPDX-License-Identifier: Apache-2.0 */
/*
 * request.c - the table of operations that a life's io has, and the requests that need neither disk
 * nor network. After the death another table takes its place, in which nothing has an effect.
 */
#include "net.h"

#include <errno.h>

/* ---- Jobs: a request's moment -------------------------------------------------------- */

struct job *request_job(struct life *life, struct io_request *request, event_run *run)
{
	struct job *job = (struct job *)sim_take(life->node->sim, sizeof(*job));

	assert(life->alive && !job_of(request));
	*job = (struct job){.event = {.run = run, .life = life, .is_job = true},
			    .request = request};
	request->backend[0] = (uint64_t)(uintptr_t)job;
	return job;
}

struct job *job_of(struct io_request *request)
{
	return (struct job *)(uintptr_t)request->backend[0];
}

void job_free(struct sim *sim, struct job *job)
{
	assert(!event_is_queued(&job->event));
	if (job->request)
		job->request->backend[0] = 0;
	sim_give(sim, job, sizeof(*job));
}

static void done_run(struct sim *sim, struct event *event)
{
	struct job *job = (struct job *)event;
	struct io_request *request = job->request;
	struct life *life = event->life;

	assert(job->told && life->alive);
	job_free(sim, job);
	request_finish(life, request);
}

void request_finish(struct life *life, struct io_request *request)
{
	struct sim *sim = life->node->sim;

	assert(life->pending > 0);
	life->pending--;
	if (request->state == IO_REQUEST_CANCELLED && request->result >= 0) {
		if (request->operation == IO_OPERATION_OPEN)
			disk_discard(life, request);
		else if (request->operation == IO_OPERATION_LIST)
			disk_list_free(life, (struct io_list *)request->u.path.out);
		else if (request->operation == IO_OPERATION_CONNECT ||
			 request->operation == IO_OPERATION_ACCEPT)
			net_discard(life, request);
	}
	trace_add(sim, life->node, request->operation, NULL, request->state, request->result);
	net_request_finished(request);
	io_finish(request);
}

void request_end_after(struct life *life, struct io_request *request, uint64_t delay_ns)
{
	struct sim *sim = life->node->sim;
	struct job *job = request_job(life, request, done_run);

	job->told = true;
	event_add(sim, &job->event, sim->now_ns + delay_ns);
}

void request_end(struct life *life, struct io_request *request, int result, int os_error)
{
	request->result = result;
	request->os_error = os_error;
	request_end_after(life, request, 0);
}

int code_of_os_error(int os_error)
{
	if (os_error == ECONNREFUSED || os_error == EHOSTUNREACH)
		return GW_E_UNREACHABLE;
	return gw_fail_errno(NULL, os_error, " ");
}

void request_end_errno(struct life *life, struct io_request *request, int os_error)
{
	request_end(life, request, code_of_os_error(os_error), os_error);
}

/* ---- Timers, posts, work ------------------------------------------------------------- */

void timer_run(struct sim *sim, struct event *event)
{
	struct job *job = (struct job *)event;
	struct io_request *request = job->request;
	struct life *life = event->life;

	if (request->state != IO_REQUEST_CANCELLED &&
	    clock_mono(life->node) < request->u.run.at_ns) {
		event_add(sim, event, clock_true_at(life->node, request->u.run.at_ns));
		return;
	}
	sim_counted(sim, SIM_COUNT_TIMER);
	job_free(sim, job);
	request_finish(life, request);
}

static bool timer_stop(struct io *io, struct io_request *request)
{
	struct life *life = life_of(io);
	struct sim *sim = life->node->sim;
	struct job *job = job_of(request);

	assert(job && life->pending > 0);
	life->pending--;
	event_remove(sim, &job->event);
	job_free(sim, job);
	request->state = IO_REQUEST_IDLE;
	return true;
}

static void post_run(struct sim *sim, struct event *event)
{
	struct life *life = event->life;
	struct io_request *last = life->posts_last, *request;

	/* Those that are posted meanwhile come in an event of their own. */
	do {
		request = life->posts_first;
		life->posts_first = request->next;
		if (!life->posts_first)
			life->posts_last = NULL;
		request_finish(life, request);
	} while (request != last && life->alive);
	if (life->alive && life->posts_first && !event_is_queued(event))
		event_add(sim, event, sim->now_ns);
}

static void post(struct life *life, struct io_request *request)
{
	struct sim *sim = life->node->sim;

	if (life->posts_last)
		life->posts_last->next = request;
	else
		life->posts_first = request;
	life->posts_last = request;
	life->post_event.run = post_run;
	life->post_event.life = life;
	if (!event_is_queued(&life->post_event))
		event_add(sim, &life->post_event, sim->now_ns);
}

static void offload_run(struct sim *sim, struct event *event)
{
	struct job *job = (struct job *)event;
	struct io_request *request = job->request;
	struct life *life = event->life;

	job_free(sim, job);
	if (request->state != IO_REQUEST_CANCELLED) {
		sim_counted(sim, SIM_COUNT_OFFLOAD);
		request->result = request->u.run.work(request->u.run.context);
	}
	request_finish(life, request);
}

static void start_at(struct life *life, struct io_request *request, event_run *run, uint64_t at_ns)
{
	event_add(life->node->sim, &request_job(life, request, run)->event, at_ns);
}

/* ---- The table ----------------------------------------------------------------------- */

/* For the trace: where on the disk, or how many bytes into the network. */
static int64_t size_of(const struct io_request *request)
{
	int64_t size = 0;

	switch (request->operation) {
	case IO_OPERATION_PWRITEV:
	case IO_OPERATION_PREADV:
		return (int64_t)request->u.file.offset;
	case IO_OPERATION_WRITEV:
	case IO_OPERATION_SEND:
		for (uint32_t i = 0; i < request->u.net.count; i++)
			size += (int64_t)request->u.net.pieces[i].size;
		return size;
	default:
		return 0;
	}
}

static void submit(struct io *io, struct io_request *request)
{
	struct life *life = life_of(io);
	struct sim *sim = life->node->sim;

	assert(life->alive && request->state == IO_REQUEST_UNDER_WAY);
	life->pending++;
	request->next = request->previous = NULL;
	request->backend_state = 0;
	request->backend[0] = 0;
	trace_add(sim, life->node, TRACE_SUBMIT, NULL, request->operation, size_of(request));
	switch (request->operation) {
	case IO_OPERATION_TIMER:
		start_at(life, request, timer_run,
			 clock_true_at(life->node, request->u.run.at_ns));
		break;
	case IO_OPERATION_POST:
		post(life, request);
		break;
	case IO_OPERATION_OFFLOAD:
		start_at(life, request, offload_run,
			 sim->now_ns + sim_random_exponential(&life->node->random,
							      sim->options.offload_delay_ns));
		break;
	case IO_OPERATION_CONNECT:
	case IO_OPERATION_ACCEPT:
	case IO_OPERATION_WRITEV:
	case IO_OPERATION_SHUTDOWN:
	case IO_OPERATION_SEND:
	case IO_OPERATION_RECEIVE:
	case IO_OPERATION_RESOLVE:
		net_submit(life, request);
		break;
	case IO_OPERATION_SPAWN:
	case IO_OPERATION_WAIT:
	case IO_OPERATION_POLL:
		request_end(life, request, GW_E_UNSUPPORTED, 0);
		break;
	default:
		disk_submit(life, request);
		break;
	}
}

static void cancel(struct io *io, struct io_request *request)
{
	struct life *life = life_of(io);
	struct sim *sim = life->node->sim;

	switch (request->operation) {
	case IO_OPERATION_TIMER:
	case IO_OPERATION_OFFLOAD:
		event_move(sim, &job_of(request)->event, sim->now_ns);
		break;
	case IO_OPERATION_CONNECT:
	case IO_OPERATION_ACCEPT:
	case IO_OPERATION_WRITEV:
	case IO_OPERATION_SHUTDOWN:
	case IO_OPERATION_RECEIVE:
		net_cancel(life, request);
		break;
	default: /* ends by itself, soon or when the disk moves again */
		break;
	}
}

static void list_free(struct io *io, struct io_list *list)
{
	disk_list_free(life_of(io), list);
}

static uint64_t now_ns(struct io *io)
{
	return clock_mono(life_of(io)->node);
}

static int64_t wall_ns(struct io *io)
{
	return clock_wall(life_of(io)->node);
}

static void boot_id(struct io *io, uint8_t id[16])
{
	memcpy(id, life_of(io)->node->boot_id, 16);
}

static void random_bytes(struct io *io, void *data, size_t size)
{
	sim_random_bytes(&life_of(io)->node->random, data, size);
}

static uint32_t pick(struct io *io, uint32_t n)
{
	return (uint32_t)sim_random_below(&life_of(io)->node->sim->order, n);
}

static uint32_t pool_of(struct io *io, const char *path)
{
	(void)io;
	(void)path;
	return IO_POOL_CPU + 1;
}

static void set_turn(struct io *io, struct io_turn *turn)
{
	life_of(io)->turn = turn;
	life_start_turns(life_of(io));
}

static size_t pending(struct io *io)
{
	return life_of(io)->pending;
}

static int kill_process(struct io *io, struct io_process *process, int signal,
			struct gw_error *error)
{
	(void)io;
	(void)signal;
	return gw_fail(error, GW_E_UNSUPPORTED, "%s: the simulator runs no programs",
		       process->name);
}

static void process_close(struct io *io, struct io_process *process)
{
	(void)io;
	(void)process;
}

const struct io_operations sim_io_operations = {
	.submit = submit,
	.cancel = cancel,
	.timer_stop = timer_stop,
	.list_free = list_free,
	.now_ns = now_ns,
	.wall_ns = wall_ns,
	.boot_id = boot_id,
	.random = random_bytes,
	.pick = pick,
	.pool_of = pool_of,
	.set_turn = set_turn,
	.pending = pending,
	.listen = net_listen,
	.listener_address = net_listener_address,
	.listener_close = net_listener_close,
	.peer = net_peer,
	.read_start = net_read_start,
	.read_stop = net_read_stop,
	.stream_close = net_stream_close,
	.datagrams_open = net_datagrams_open,
	.datagrams_address = net_datagrams_address,
	.datagrams_close = net_datagrams_close,
	.kill = kill_process,
	.process_close = process_close,
};
