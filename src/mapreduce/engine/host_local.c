/* SPDX-License-Identifier: Apache-2.0 */
/*
 * host_local.c - a job in the calling process (paper section 4.7): the same scheduler, the same
 * task runner, tasks one after the other, no fork and no signal handler, so that a debugger or
 * valgrind sees what user code does.
 */
#include "host_local.h"

#include "host_look.h"

#include <assert.h>
#include <unistd.h>

struct local {
	const struct mr_host_setup *setup;
	struct mr_driver driver;
	struct mr_shared shared;
	struct mr_shared_space space;
	struct mr_worker *worker;
	uint64_t start_us, tick_us;
};

static struct local *local_of(struct mr_space *space)
{
	return ((struct mr_shared_space *)(void *)space)->link;
}

static int allocate(struct mr_space *space, uint64_t size, struct mr_region *region,
		    struct gw_error *error)
{
	struct local *local = local_of(space);
	uint64_t offset;
	int found = mr_driver_allocate(&local->driver, 0, &local->space.id, size, &offset, error);

	if (found <= 0)
		return found;
	*region = (struct mr_region){.kind = local->space.id.kind,
				     .task = local->space.id.task,
				     .number = local->space.id.number,
				     .offset = offset,
				     .size = size};
	return 1;
}

static int publish_run(struct mr_space *space, const struct mr_run *run, struct gw_error *error)
{
	struct local *local = local_of(space);

	return mr_driver_run(&local->driver, 0, &local->space.id, run, error);
}

static int publish_output(struct mr_space *space, const struct mr_region *region,
			  struct gw_error *error)
{
	struct local *local = local_of(space);

	return mr_driver_output(&local->driver, 0, &local->space.id, region, error);
}

static int spawn(void *context, uint32_t slot, struct gw_error *error)
{
	struct local *local = context;
	struct mr_worker_setup setup = {
		.config = local->setup->config,
		.plan = local->setup->plan,
		.store = local->setup->store,
		.board = local->driver.board,
		.live = mr_shared_live(&local->shared, 0),
		.space = &local->space.space,
	};
	int code = local->setup->worker->init(&local->worker, &setup, error);

	assert(slot == 0 && (code < 0 || local->worker));
	if (code == 0)
		mr_driver_ready(&local->driver, slot);
	return code;
}

static void tick(struct local *local)
{
	const struct mr_observer *observer = local->setup->observer;
	struct mr_driver *driver = &local->driver;
	struct mr_view view;

	driver->now_us = mr_look_now_us() - local->start_us;
	mr_driver_view(driver, &view);
	if (driver->keep_spans)
		mr_result_add_rate(driver->result, &view.sums);
	if (observer && observer->tick && observer->tick_us > 0 &&
	    driver->now_us - local->tick_us >= observer->tick_us) {
		local->tick_us = driver->now_us;
		observer->tick(observer->context, &view);
	}
}

static int start(void *context, uint32_t slot, const struct mr_attempt *attempt,
		 struct gw_error *error)
{
	struct local *local = context;
	struct mr_attempt_id id = {attempt->kind, attempt->task, attempt->number};
	struct gw_error failure = {0};
	int code;

	assert(slot == 0 && local->worker);
	mr_shared_space_begin(&local->space, &id);
	code = local->setup->worker->run(local->worker, attempt, &failure);
	mr_shared_space_end(&local->space);
	tick(local);
	if (code >= 0)
		return mr_driver_committed(&local->driver, slot, &id, error);
	mr_shared_live(&local->shared, 0)->error = failure;
	mr_driver_failed(&local->driver, slot, &id, code);
	return 0;
}

/* A slot that is this process is never killed: nothing ticks while it runs. */
static int kill_slot(void *context, uint32_t slot, struct gw_error *error)
{
	(void)context;
	return gw_fail(error, GW_E_UNSUPPORTED, "slot %u is the driver", slot);
}

static const struct mr_driver_ops ops = {spawn, start, kill_slot};

static void make_space(struct local *local)
{
	const struct mr_host_setup *setup = local->setup;

	mr_shared_space_init(&local->space, setup->config, setup->store, &local->shared);
	local->space.link = local;
	local->space.space.allocate = allocate;
	local->space.space.write = mr_shared_write;
	local->space.space.publish_run = publish_run;
	local->space.space.publish_output = publish_output;
}

static int run(struct local *local, struct gw_error *error)
{
	int code = mr_driver_init(&local->driver, &local->shared, error);

	if (code < 0)
		return code;
	make_space(local);
	code = mr_driver_act(&local->driver, error);
	if (code == 0)
		code = mr_host_commit(local->setup, error);
	local->driver.now_us = mr_look_now_us() - local->start_us;
	mr_driver_finish(&local->driver);
	if (local->setup->measure_memory)
		local->driver.result->memory_peak_bytes = mr_look_memory(getpid());
	local->setup->worker->free(local->worker);
	mr_shared_space_done(&local->space);
	mr_driver_done(&local->driver);
	return code;
}

int mr_host_run_local(const struct mr_host_setup *setup, struct mr_result *result,
		      struct gw_error *error)
{
	struct local local = {
		.setup = setup,
		.start_us = mr_look_now_us(),
		.driver = {.config = setup->config,
			   .plan = setup->plan,
			   .store = setup->store,
			   .observer = setup->observer,
			   .ops = &ops,
			   .result = result,
			   .slot_count = 1,
			   .keep_spans = setup->keep_spans},
	};
	int code = mr_shared_map(&local.shared, setup->config, setup->plan, 1, error);

	local.driver.ops_context = &local;
	if (code == 0)
		code = run(&local, error);
	mr_shared_unmap(&local.shared);
	return code;
}
