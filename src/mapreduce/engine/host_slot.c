/* SPDX-License-Identifier: Apache-2.0 */
/*
 * host_slot.c - a slot: the process in which user code runs, one attempt after the other. It talks
 * to the driver alone; what it publishes goes there in batches, and counts only once the driver
 * has its DONE.
 */
#include "host_gasp.h"
#include "host_process.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <unistd.h>

struct slot {
	struct mr_processes *processes;
	uint32_t number, generation;
	int socket;
	struct mr_live *live;
	struct mr_shared_space space;
	struct mr_gasp_state *gasp;
	struct mr_message runs, outputs; /* not sent yet */
};

/* ---- Its mr_space -----------------------------------------------------------------------------
 */

static struct slot *slot_of(struct mr_space *space)
{
	return ((struct mr_shared_space *)(void *)space)->link;
}

static void address(const struct slot *slot, struct mr_message *message, enum mr_message_kind kind)
{
	assert(kind >= MR_SAY_READY && kind <= MR_SAY_GASP);
	message->kind = kind;
	message->generation = slot->generation;
	message->slot = slot->number;
	message->id = slot->space.id;
}

/* Waits for a message to this very process; what was meant for one before it is dropped. */
static int wait_for(const struct slot *slot, enum mr_message_kind kind, struct mr_message *message,
		    struct gw_error *error)
{
	for (;;) {
		int more = mr_message_receive(slot->socket, message, true, NULL, error);

		if (more <= 0)
			return more < 0 ? more : gw_fail(error, GW_E_CLOSED, "the driver is gone");
		if (message->generation == slot->generation && message->kind == kind)
			return 0;
	}
}

static int allocate(struct mr_space *space, uint64_t size, struct mr_region *region,
		    struct gw_error *error)
{
	struct slot *slot = slot_of(space);
	struct mr_message message = {.room = {0, size}};
	int code;

	address(slot, &message, MR_SAY_ALLOCATE);
	code = mr_message_send(slot->socket, &message, error);
	if (code == 0)
		code = wait_for(slot, MR_SAY_ROOM, &message, error);
	if (code < 0)
		return code;
	if (message.room.size == 0)
		return 0;
	*region = (struct mr_region){.kind = slot->space.id.kind,
				     .task = slot->space.id.task,
				     .number = slot->space.id.number,
				     .offset = message.room.offset,
				     .size = size};
	return 1;
}

static int send_batch(struct slot *slot, struct mr_message *batch, enum mr_message_kind kind,
		      struct gw_error *error)
{
	int code = 0;

	address(slot, batch, kind);
	if (batch->count > 0)
		code = mr_message_send(slot->socket, batch, error);
	batch->count = 0;
	return code;
}

static int publish_run(struct mr_space *space, const struct mr_run *run, struct gw_error *error)
{
	struct slot *slot = slot_of(space);

	assert(slot->runs.count < MR_BATCH_RUNS);
	slot->runs.runs[slot->runs.count++] = *run;
	if (slot->runs.count < MR_BATCH_RUNS)
		return 0;
	return send_batch(slot, &slot->runs, MR_SAY_RUNS, error);
}

static int publish_output(struct mr_space *space, const struct mr_region *region,
			  struct gw_error *error)
{
	struct slot *slot = slot_of(space);

	assert(slot->outputs.count < MR_BATCH_OUTPUTS);
	slot->outputs.outputs[slot->outputs.count++] = *region;
	if (slot->outputs.count < MR_BATCH_OUTPUTS)
		return 0;
	return send_batch(slot, &slot->outputs, MR_SAY_OUTPUTS, error);
}

static void make_space(struct slot *slot)
{
	const struct mr_host_setup *setup = slot->processes->setup;
	const struct mr_shared *shared = slot->processes->shared;

	mr_shared_space_init(&slot->space, setup->config, setup->store, shared);
	slot->space.link = slot;
	slot->space.space.allocate = allocate;
	slot->space.space.write = mr_shared_write;
	slot->space.space.publish_run = publish_run;
	slot->space.space.publish_output = publish_output;
}

/* ---- Attempts ---------------------------------------------------------------------------------
 */

static int finish(struct slot *slot, int code, struct gw_error *error)
{
	struct mr_message message = {.code = code};

	assert(!slot->space.spill_file);
	if (code >= 0)
		code = send_batch(slot, &slot->runs, MR_SAY_RUNS, error);
	if (code >= 0)
		code = send_batch(slot, &slot->outputs, MR_SAY_OUTPUTS, error);
	slot->runs.count = slot->outputs.count = 0;
	address(slot, &message, code < 0 ? MR_SAY_FAILED : MR_SAY_DONE);
	return mr_message_send(slot->socket, &message, error);
}

static int run(struct slot *slot, struct mr_worker *worker, const struct mr_attempt *attempt,
	       struct gw_error *error)
{
	struct mr_attempt_id id = {attempt->kind, attempt->task, attempt->number};
	int code;

	mr_shared_space_begin(&slot->space, &id);
	slot->gasp->message.id = id;
	if (id.kind == MR_SAMPLE)
		mr_shared_open_board(slot->processes->shared, true);
	code = slot->processes->setup->worker->run(worker, attempt, error);
	if (id.kind == MR_SAMPLE)
		mr_shared_open_board(slot->processes->shared, false);
	if (code < 0)
		slot->live->error = *error;
	/* What user code printed is to be in the pipe before the driver hears of the end. */
	fflush(stdout);
	fflush(stderr);
	mr_shared_space_end(&slot->space);
	return finish(slot, code, error);
}

static int work(struct slot *slot, struct mr_worker *worker, struct gw_error *error)
{
	int code = 0;

	while (code >= 0) {
		struct mr_message message;

		code = wait_for(slot, MR_SAY_START, &message, error);
		*error = (struct gw_error){0};
		if (code >= 0)
			code = run(slot, worker, &message.attempt, error);
	}
	return code;
}

/* ---- Birth ------------------------------------------------------------------------------------
 */

/* stdin is empty; what is printed goes to the driver, which keeps the end of it for failure
 * reports. */
static int redirect(struct slot *slot, struct gw_error *error)
{
	struct mr_channel *own = &slot->processes->channels[slot->number];
	int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);

	slot->socket = own->socket[1];
	if (nothing < 0 || dup2(nothing, STDIN_FILENO) < 0 ||
	    dup2(own->printed[1], STDOUT_FILENO) < 0 || dup2(own->printed[1], STDERR_FILENO) < 0)
		return gw_fail_errno(error, errno, "the standard files of a slot");
	close(nothing);
	close(own->printed[1]);
	own->printed[1] = -1;
	mr_channels_close(slot->processes, 1, slot->number);
	return 0;
}

static int prepare(struct slot *slot, struct mr_worker **worker, struct gw_error *error)
{
	const struct mr_host_setup *setup = slot->processes->setup;
	struct mr_worker_setup worker_setup = {
		.config = setup->config,
		.plan = setup->plan,
		.store = setup->store,
		.board = slot->processes->board,
		.live = slot->live,
		.space = &slot->space.space,
	};
	struct mr_message ready = {0};
	int code = redirect(slot, error);

	if (code == 0)
		code = mr_gasp_install(&slot->gasp, slot->socket, slot->generation, error);
	if (code < 0)
		return code;
	make_space(slot);
	mr_shared_protect(slot->processes->shared, slot->number);
	code = setup->worker->init(worker, &worker_setup, error);
	if (code < 0)
		return code;
	address(slot, &ready, MR_SAY_READY);
	return mr_message_send(slot->socket, &ready, error);
}

_Noreturn void mr_slot_main(struct mr_processes *processes, uint32_t number, uint32_t generation,
			    pid_t parent)
{
	struct slot slot = {.processes = processes,
			    .number = number,
			    .generation = generation,
			    .live = mr_shared_live(processes->shared, number)};
	struct mr_worker *worker = NULL;
	struct gw_error error = {0};

	assert(number < processes->slots && generation > 0);
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1); /* it died before we asked to be told */
	(void)setsid(); /* what this process starts is known by that */
	(void)prctl(PR_SET_NAME, "gw-slot");
	mr_original_restore(&processes->original);
	/* A limit on the size of files is an error that names the file, not a death. */
	(void)signal(SIGXFSZ, SIG_IGN);
	if (prepare(&slot, &worker, &error) < 0) {
		slot.live->error = error;
		_exit(1);
	}
	(void)work(&slot, worker, &error);
	_exit(0); /* the driver is gone */
}
