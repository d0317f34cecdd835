/* SPDX-License-Identifier: Apache-2.0 */
/*
 * host_fork.c - the driver's side of a job in processes: an event loop over the slots' sockets,
 * what they print, the keeper's reports, signals and the time. Decisions are made elsewhere
 * (driver.h, schedule.h).
 *
 * When the keeper reports a death, all that the dead process sent is in its socket already; so
 * that is read before the death is believed.
 */
#include "host_fork.h"

#include "host_look.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	MEMORY_US = 250 * 1000, /* between two looks at the processes' memory */
	PRINTED_AT_ONCE = 64,   /* reads of what one slot printed before others have their turn */
};

struct fork_slot {
	uint32_t generation;
	pid_t pid; /* as the driver sees it; 0: not known */
};

struct forked {
	const struct mr_host_setup *setup;
	struct mr_driver driver;
	struct mr_shared shared;
	struct mr_processes processes;
	struct fork_slot *slots;
	struct pollfd *polled; /* signals, keeper, slots' sockets, slots' pipes */
	int signals;           /* signalfd */
	pid_t keeper;
	uint64_t start_us;
	uint64_t tick_us, rate_us, memory_us; /* when to do what next */
};

/* ---- What the driver asks for -----------------------------------------------------------------
 */

static int tell_keeper(struct forked *forked, enum mr_message_kind kind, uint32_t slot,
		       struct gw_error *error)
{
	struct mr_message message = {
		.kind = kind, .slot = slot, .generation = forked->slots[slot].generation};
	int code = mr_message_send(forked->processes.control[0], &message, error);

	assert(slot < forked->driver.slot_count);
	if (code == GW_E_CLOSED)
		return gw_fail(error, GW_E_CRASHED,
			       "the process that keeps the slots was killed from outside");
	return code;
}

static int spawn(void *context, uint32_t slot, struct gw_error *error)
{
	struct forked *forked = context;

	assert(slot < forked->driver.slot_count);
	forked->slots[slot].generation++;
	forked->slots[slot].pid = 0;
	return tell_keeper(forked, MR_SAY_SPAWN, slot, error);
}

static int start(void *context, uint32_t slot, const struct mr_attempt *attempt,
		 struct gw_error *error)
{
	struct forked *forked = context;
	struct mr_message message = {.kind = MR_SAY_START,
				     .slot = slot,
				     .generation = forked->slots[slot].generation,
				     .id = {attempt->kind, attempt->task, attempt->number},
				     .attempt = *attempt};
	int code = mr_message_send(forked->processes.channels[slot].socket[0], &message, error);

	/* The keeper has the other end too: it is gone as well, and will be missed soon. */
	return code == GW_E_CLOSED ? 0 : code;
}

static int kill_slot(void *context, uint32_t slot, struct gw_error *error)
{
	return tell_keeper(context, MR_SAY_KILL, slot, error);
}

static const struct mr_driver_ops ops = {spawn, start, kill_slot};

/* ---- What slots say ---------------------------------------------------------------------------
 */

static void read_printed(struct forked *forked, uint32_t slot)
{
	char data[4096];

	for (int i = 0; i < PRINTED_AT_ONCE; i++) {
		ssize_t size =
			read(forked->processes.channels[slot].printed[0], data, sizeof(data));

		if (size <= 0)
			return;
		mr_driver_printed(&forked->driver, slot, data, (size_t)size);
	}
}

static int answer_allocate(struct forked *forked, uint32_t slot, const struct mr_message *asked,
			   struct gw_error *error)
{
	struct mr_message answer = {.kind = MR_SAY_ROOM,
				    .slot = slot,
				    .generation = asked->generation,
				    .id = asked->id};
	int found = mr_driver_allocate(&forked->driver, slot, &asked->id, asked->room.size,
				       &answer.room.offset, error);
	int code;

	if (found < 0)
		return found;
	assert(found <= 1);
	answer.room.size = found ? asked->room.size : 0;
	code = mr_message_send(forked->processes.channels[slot].socket[0], &answer, error);
	return code == GW_E_CLOSED ? 0 : code;
}

static int take_published(struct forked *forked, uint32_t slot, const struct mr_message *message,
			  struct gw_error *error)
{
	int code = 0;

	for (uint32_t i = 0; code == 0 && i < message->count; i++) {
		if (message->kind == MR_SAY_RUNS)
			code = mr_driver_run(&forked->driver, slot, &message->id, &message->runs[i],
					     error);
		else
			code = mr_driver_output(&forked->driver, slot, &message->id,
						&message->outputs[i], error);
	}
	return code;
}

static int take_message(struct forked *forked, uint32_t slot, const struct mr_message *message,
			pid_t sender, struct gw_error *error)
{
	struct mr_driver *driver = &forked->driver;

	if (message->generation != forked->slots[slot].generation)
		return 0; /* of a process that is gone */
	switch (message->kind) {
	case MR_SAY_READY:
		forked->slots[slot].pid = sender;
		mr_driver_ready(driver, slot);
		return 0;
	case MR_SAY_ALLOCATE:
		return answer_allocate(forked, slot, message, error);
	case MR_SAY_RUNS:
	case MR_SAY_OUTPUTS:
		return take_published(forked, slot, message, error);
	case MR_SAY_DONE:
		read_printed(forked, slot);
		return mr_driver_committed(driver, slot, &message->id, error);
	case MR_SAY_FAILED:
		read_printed(forked, slot);
		mr_driver_failed(driver, slot, &message->id, message->code);
		return 0;
	case MR_SAY_GASP:
		mr_driver_gasp(driver, slot, &message->id, message->gasp.address);
		return 0;
	default:
		return 0; /* user code found the socket */
	}
}

static int read_slot(struct forked *forked, uint32_t slot, struct gw_error *error)
{
	for (;;) {
		struct mr_message message;
		pid_t sender;
		int more = mr_message_receive(forked->processes.channels[slot].socket[0], &message,
					      false, &sender, error);

		if (more == GW_E_CORRUPT) /* user code found the socket */
			more = kill_slot(forked, slot, error);
		else if (more > 0)
			more = take_message(forked, slot, &message, sender, error);
		else if (more == 0 || more == GW_E_CLOSED)
			return 0;
		if (more < 0)
			return more;
	}
}

/* ---- What the keeper says ---------------------------------------------------------------------
 */

static int bury(struct forked *forked, const struct mr_message *message, struct gw_error *error)
{
	uint32_t slot = message->slot;
	int status = message->status, code;

	if (slot >= forked->driver.slot_count ||
	    message->generation != forked->slots[slot].generation)
		return 0;
	code = read_slot(forked, slot, error);
	if (code < 0)
		return code;
	read_printed(forked, slot);
	forked->slots[slot].pid = 0;
	if (message->code != 0) {
		gw_fail_errno(&forked->driver.slots[slot].live->error, message->code,
			      "slot %u: fork", slot);
		mr_driver_died(&forked->driver, slot, MR_CAUSE_LOST, 0, true);
	} else if (WIFSIGNALED(status)) {
		mr_driver_died(&forked->driver, slot, MR_CAUSE_SIGNAL, WTERMSIG(status),
			       WTERMSIG(status) == SIGKILL);
	} else {
		mr_driver_died(&forked->driver, slot, MR_CAUSE_EXIT, WEXITSTATUS(status), false);
	}
	return 0;
}

static int read_keeper(struct forked *forked, struct gw_error *error)
{
	for (;;) {
		struct mr_message message;
		int more = mr_message_receive(forked->processes.control[0], &message, false, NULL,
					      error);

		if (more == GW_E_CLOSED)
			return gw_fail(error, GW_E_CRASHED,
				       "the process that keeps the slots was killed from outside");
		if (more > 0 && message.kind == MR_SAY_DIED)
			more = bury(forked, &message, error);
		else if (more == 0)
			return 0;
		if (more < 0)
			return more;
	}
}

/* ---- Time -------------------------------------------------------------------------------------
 */

static void look_at_memory(struct forked *forked)
{
	uint64_t sum = mr_look_memory(getpid()) + mr_look_memory(forked->keeper);

	assert(forked->keeper > 0);
	for (uint32_t i = 0; i < forked->driver.slot_count; i++) {
		if (forked->slots[i].pid > 0)
			sum += mr_look_memory(forked->slots[i].pid);
	}
	if (sum > forked->driver.result->memory_peak_bytes)
		forked->driver.result->memory_peak_bytes = sum;
	/* Looking takes longer the more there is: never more than a tenth of the time. */
	forked->memory_us = mr_look_now_us() - forked->start_us;
	forked->memory_us += MEMORY_US + 10 * (forked->memory_us - forked->driver.now_us);
}

static void tick(struct forked *forked)
{
	const struct mr_observer *observer = forked->setup->observer;
	struct mr_driver *driver = &forked->driver;
	struct mr_view view;

	mr_driver_tick(driver);
	if (forked->setup->keep_spans && driver->now_us >= forked->rate_us) {
		mr_driver_view(driver, &view);
		mr_result_add_rate(driver->result, &view.sums);
		forked->rate_us = driver->now_us + MR_RATE_US;
	}
	if (observer && observer->tick_us > 0 && driver->now_us >= forked->tick_us) {
		mr_driver_view(driver, &view);
		observer->tick(observer->context, &view);
		forked->tick_us = driver->now_us + observer->tick_us;
	}
	if (forked->setup->measure_memory && driver->now_us >= forked->memory_us)
		look_at_memory(forked);
}

/* Milliseconds for poll until something is to be done that no event announces; -1: nothing is. */
static int timeout_ms(const struct forked *forked)
{
	const struct mr_observer *observer = forked->setup->observer;
	uint64_t now_us = mr_look_now_us() - forked->start_us;
	uint64_t wake_us = mr_driver_wake(&forked->driver);

	if (forked->setup->keep_spans && forked->rate_us < wake_us)
		wake_us = forked->rate_us;
	if (observer && observer->tick_us > 0 && forked->tick_us < wake_us)
		wake_us = forked->tick_us;
	if (forked->setup->measure_memory && forked->memory_us < wake_us)
		wake_us = forked->memory_us;
	if (wake_us == UINT64_MAX)
		return -1;
	if (wake_us <= now_us)
		return 0;
	return wake_us - now_us > 1000000 ? 1000 : (int)((wake_us - now_us + 999) / 1000);
}

/* ---- The loop ---------------------------------------------------------------------------------
 */

static int take_signal(struct forked *forked, struct gw_error *error)
{
	struct signalfd_siginfo info;

	if (read(forked->signals, &info, sizeof(info)) != (ssize_t)sizeof(info))
		return 0;
	forked->driver.result->signal = (int)info.ssi_signo;
	return gw_fail(error, GW_E_CANCELLED, "interrupted by SIG%s",
		       sigabbrev_np((int)info.ssi_signo));
}

static int take_events(struct forked *forked, struct gw_error *error)
{
	uint32_t slots = forked->driver.slot_count;
	const struct pollfd *sockets = forked->polled + 2, *pipes = sockets + slots;
	int code = 0;

	assert(forked->polled[0].fd == forked->signals);
	assert(forked->polled[1].fd == forked->processes.control[0]);
	if (forked->polled[0].revents)
		code = take_signal(forked, error);
	for (uint32_t i = 0; code == 0 && i < slots; i++) {
		if (pipes[i].revents)
			read_printed(forked, i);
		if (sockets[i].revents)
			code = read_slot(forked, i, error);
	}
	if (code == 0 && forked->polled[1].revents)
		code = read_keeper(forked, error);
	return code;
}

static int loop(struct forked *forked, struct gw_error *error)
{
	struct mr_driver *driver = &forked->driver;
	nfds_t count = 2 + 2 * (nfds_t)driver->slot_count;
	int code = 0;

	for (;;) {
		code = mr_driver_act(driver, error);
		if (code < 0 || driver->over)
			return code;
		if (poll(forked->polled, count, timeout_ms(forked)) < 0 && errno != EINTR)
			return gw_fail_errno(error, errno, "waiting for slots");
		driver->now_us = mr_look_now_us() - forked->start_us;
		code = take_events(forked, error);
		if (code < 0)
			return code;
		tick(forked);
	}
}

/* ---- Beginning and end ------------------------------------------------------------------------
 */

static void watch(struct pollfd *polled, int descriptor)
{
	assert(descriptor >= 0);
	*polled = (struct pollfd){.fd = descriptor, .events = POLLIN};
}

static int prepare(struct forked *forked, struct gw_error *error)
{
	uint32_t slots = forked->driver.slot_count;
	sigset_t set;
	int code;

	assert(slots == forked->processes.slots && !forked->slots && !forked->polled);
	forked->slots = calloc(slots, sizeof(*forked->slots));
	forked->polled = calloc(2 + 2 * (size_t)slots, sizeof(*forked->polled));
	if (!forked->slots || !forked->polled)
		return gw_fail(error, GW_E_NO_MEMORY, "no memory for %u slots", slots);
	code = mr_channels_open(&forked->processes, error);
	if (code < 0)
		return code;
	mr_original_block(&forked->processes.original, &set);
	forked->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (forked->signals < 0)
		return gw_fail_errno(error, errno, "a descriptor for signals");
	watch(&forked->polled[0], forked->signals);
	watch(&forked->polled[1], forked->processes.control[0]);
	for (uint32_t i = 0; i < slots; i++) {
		watch(&forked->polled[2 + i], forked->processes.channels[i].socket[0]);
		watch(&forked->polled[2 + slots + i], forked->processes.channels[i].printed[0]);
	}
	return mr_keeper_start(&forked->processes, &forked->keeper, error);
}

/* The keeper ends when it sees its socket close, and all others before it. */
static void end_processes(struct forked *forked)
{
	mr_channels_free(&forked->processes);
	while (forked->keeper > 0 && waitpid(forked->keeper, NULL, 0) < 0 && errno == EINTR)
		continue;
	if (forked->signals >= 0)
		close(forked->signals);
}

static int run(struct forked *forked, struct gw_error *error)
{
	const struct mr_host_setup *setup = forked->setup;
	int code = mr_driver_init(&forked->driver, &forked->shared, error);

	if (code < 0)
		return code;
	forked->processes.board = forked->driver.board;
	mr_original_save(&forked->processes.original);
	code = prepare(forked, error);
	if (code == 0)
		code = loop(forked, error);
	if (setup->measure_memory && forked->keeper > 0)
		look_at_memory(forked);
	/* While the keeper lives: if this process is killed now, it cleans up what is left. */
	if (code == 0)
		code = mr_host_commit(setup, error);
	forked->driver.now_us = mr_look_now_us() - forked->start_us;
	mr_driver_finish(&forked->driver);
	end_processes(forked);
	mr_original_restore(&forked->processes.original);
	mr_driver_done(&forked->driver);
	return code;
}

int mr_host_run_forked(const struct mr_host_setup *setup, struct mr_result *result,
		       struct gw_error *error)
{
	uint32_t slots = setup->config->slots;
	struct forked forked = {
		.setup = setup,
		.start_us = mr_look_now_us(),
		.signals = -1,
		.tick_us = setup->observer ? setup->observer->tick_us : 0,
		.memory_us = MEMORY_US,
		.driver = {.config = setup->config,
			   .plan = setup->plan,
			   .store = setup->store,
			   .observer = setup->observer,
			   .ops = &ops,
			   .result = result,
			   .slot_count = slots,
			   .keep_spans = setup->keep_spans},
		.processes = {.setup = setup, .slots = slots, .control = {-1, -1}},
	};
	int code = mr_shared_map(&forked.shared, setup->config, setup->plan, slots, error);

	assert(slots > 0);
	forked.driver.ops_context = &forked;
	forked.processes.shared = &forked.shared;
	if (code == 0)
		code = run(&forked, error);
	free(forked.slots);
	free(forked.polled);
	mr_shared_unmap(&forked.shared);
	return code;
}
