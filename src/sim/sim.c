/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sim.c - a run: its options, its events one after the other, its end.
 */
#include "inside.h"

#include <stdlib.h>

/* Which generator of the seed is for what; nodes have theirs from 100 on. */
enum { STREAM_ORDER = 1, STREAM_NET = 2, STREAM_DRAW = 3, STREAM_OPTIONS = 4 };

enum { TRACE_RECORDS = 256, TRACE_RECORDS_MAX = 1 << 24 };

static void set_default(uint64_t *field, uint64_t value)
{
	if (*field == 0)
		*field = value;
}

static void set_default32(uint32_t *field, uint32_t value)
{
	if (*field == 0)
		*field = value;
}

static void fill_defaults(struct sim_options *options)
{
	if (options->trace_records == 0)
		options->trace_records = TRACE_RECORDS;
	set_default(&options->delay_min_ns, 50 * SIM_US);
	set_default(&options->delay_mean_ns, 50 * SIM_US);
	set_default(&options->delay_local_ns, 5 * SIM_US);
	set_default32(&options->stream_buffer_bytes, 256 << 10);
	set_default32(&options->segment_bytes, 64 << 10);
	set_default32(&options->backlog, 128);
	set_default32(&options->datagram_buffer_bytes, 256 << 10);
	set_default(&options->connect_timeout_ns, 20 * SIM_SECOND);
	set_default(&options->send_timeout_ns, 60 * SIM_SECOND);
	set_default(&options->disk_bytes, UINT64_C(16) << 30);
	set_default(&options->disk_files, 1000000);
	set_default(&options->disk_delay_ns, 20 * SIM_US);
	set_default(&options->sync_delay_ns, 100 * SIM_US);
	set_default(&options->offload_delay_ns, 50 * SIM_US);
	set_default(&options->turn_delay_ns, SIM_US);
}

/* One of the values from low to high; each power of two of the range is as likely as any other. */
static uint64_t vary(struct sim_random *random, uint64_t low, uint64_t high)
{
	unsigned bits = 0;

	assert(low > 0 && low <= high);
	while (low << (bits + 1) <= high)
		bits++;
	low <<= sim_random_below(random, bits + 1);
	high = 2 * low < high ? 2 * low : high;
	return low + sim_random_below(random, high - low + 1);
}

/* Nothing in half of the runs, else up to high. */
static uint32_t vary_chance(struct sim_random *random, uint32_t high)
{
	uint64_t chance = vary(random, high / 64 + 1, high);

	return sim_random_below(random, 2) ? (uint32_t)chance : 0;
}

void sim_options_vary(struct sim_options *options, uint64_t seed)
{
	struct sim_random random;

	sim_random_seed(&random, seed, STREAM_OPTIONS);
	options->delay_min_ns = vary(&random, 5 * SIM_US, 5 * SIM_MS);
	options->delay_mean_ns = vary(&random, 5 * SIM_US, 20 * SIM_MS);
	options->delay_local_ns = vary(&random, SIM_US, 200 * SIM_US);
	options->stream_buffer_bytes = (uint32_t)vary(&random, 4 << 10, 1 << 20);
	options->segment_bytes = (uint32_t)vary(&random, 64, 64 << 10);
	options->backlog = (uint32_t)vary(&random, 1, 256);
	options->datagram_buffer_bytes = (uint32_t)vary(&random, 64 << 10, 1 << 20);
	options->connect_timeout_ns = vary(&random, 2 * SIM_SECOND, 60 * SIM_SECOND);
	options->send_timeout_ns = vary(&random, 2 * SIM_SECOND, 120 * SIM_SECOND);
	options->split_ppm = vary_chance(&random, 500000);
	options->disk_delay_ns = vary(&random, SIM_US, 2 * SIM_MS);
	options->sync_delay_ns = vary(&random, 10 * SIM_US, 20 * SIM_MS);
	options->offload_delay_ns = vary(&random, SIM_US, 5 * SIM_MS);
	options->without_direct = sim_random_below(&random, 4) == 0;
	options->batch_ppm = vary_chance(&random, 500000);
	options->turn_delay_ns = vary(&random, 100, 200 * SIM_US);
	options->wall_offset_ns_max = vary(&random, SIM_MS, 3600 * SIM_SECOND);
	options->drift_ppb_max = vary_chance(&random, 500000);
}

static int check(const struct sim_options *options, struct gw_error *error)
{
	if (options->split_ppm > SIM_PPM || options->batch_ppm > SIM_PPM)
		return gw_fail(error, GW_E_INVALID, "a chance is over %d millionths",
			       SIM_PPM);
	if (options->drift_ppb_max > 400000000)
		return gw_fail(error, GW_E_INVALID, "a clock cannot drift by %u billionths",
			       options->drift_ppb_max);
	if (options->trace_records > TRACE_RECORDS_MAX)
		return gw_fail(error, GW_E_TOO_LARGE, "the simulator keeps at most %d records",
			       TRACE_RECORDS_MAX);
	return 0;
}

struct sim *sim_new(uint64_t seed, const struct sim_options *options, struct gw_error *error)
{
	struct sim *sim;

	if (options && check(options, error) < 0)
		return NULL;
	sim = (struct sim *)sim_allocate(sizeof(*sim));
	if (options)
		sim->options = *options;
	fill_defaults(&sim->options);
	sim->seed = seed;
	sim_random_seed(&sim->order, seed, STREAM_ORDER);
	sim_random_seed(&sim->net, seed, STREAM_NET);
	sim_random_seed(&sim->draw, seed, STREAM_DRAW);
	trace_start(&sim->trace, seed, sim->options.trace_records);
	return sim;
}

static void node_free(struct sim_node *node)
{
	while (node->life) {
		struct life *life = node->life;

		node->life = life->older;
		free(life);
	}
	disk_free(node);
	free(node->links);
	free(node);
}

/* What is left in the queue belongs to no life: calls of sim_at. */
static void drop_actions(struct sim *sim)
{
	struct event *event;

	while ((event = event_next(sim, UINT64_MAX)))
		if (event->is_job)
			job_free(sim, (struct job *)event);
}

void sim_free(struct sim *sim)
{
	if (!sim)
		return;
	assert(!sim->stepping);
	for (uint32_t i = 0; i < sim->node_count; i++)
		sim_node_kill(sim->nodes[i]);
	net_free(sim);
	drop_actions(sim);
	for (uint32_t i = 0; i < sim->node_count; i++)
		node_free(sim->nodes[i]);
	sim_memory_done(sim);
	free(sim->heap);
	free(sim->trace.records);
	free(sim);
}

/* ---- Events -------------------------------------------------------------------------- */

static bool step(struct sim *sim, uint64_t until_ns)
{
	struct event *event;
	struct life *life;

	assert(!sim->stepping && "the simulator is run from inside itself");
	event = event_next(sim, until_ns);
	if (!event)
		return false;
	sim->stepping = true;
	sim->now_ns = event->at_ns;
	sim->trace.events++;
	life = event->life;
	if (life) {
		bool is_turn = event == &life->turn_event;

		assert(life->alive);
		sim->running = life;
		event->run(sim, event);
		if (life->alive && !is_turn)
			life_turn(life);
		sim->running = NULL;
	} else {
		event->run(sim, event);
	}
	life_bury_dying(sim);
	assert(!sim->running);
	net_collect(sim);
	sim->stepping = false;
	return true;
}

bool sim_step(struct sim *sim)
{
	return step(sim, UINT64_MAX);
}

void sim_run_until(struct sim *sim, uint64_t at_ns)
{
	while (step(sim, at_ns))
		;
	if (sim->now_ns < at_ns)
		sim->now_ns = at_ns;
}

void sim_run_for(struct sim *sim, uint64_t ns)
{
	sim_run_until(sim, sim->now_ns + ns);
}

bool sim_run_idle(struct sim *sim, uint64_t at_ns)
{
	while (step(sim, at_ns))
		;
	if (sim->heap_count == 0)
		return true;
	if (sim->now_ns < at_ns)
		sim->now_ns = at_ns;
	return false;
}

bool sim_run_when(struct sim *sim, bool (*met)(void *context), void *context, uint64_t at_ns)
{
	while (!met(context))
		if (!step(sim, at_ns))
			return met(context);
	return true;
}

static void action_run(struct sim *sim, struct event *event)
{
	struct job *job = (struct job *)event;
	void (*action)(void *) = job->action;
	void *context = job->context;

	job_free(sim, job);
	action(context);
}

void sim_at(struct sim *sim, uint64_t at_ns, void (*run)(void *context), void *context)
{
	struct job *job = (struct job *)sim_take(sim, sizeof(*job));

	*job = (struct job){.event = {.run = action_run, .is_job = true},
			    .action = run,
			    .context = context};
	event_add(sim, &job->event, at_ns);
}

uint64_t sim_now_ns(const struct sim *sim)
{
	return sim->now_ns;
}

uint64_t sim_draw(struct sim *sim, uint64_t n)
{
	return sim_random_below(&sim->draw, n);
}

bool sim_chance(struct sim *sim, uint32_t ppm)
{
	return sim_random_chance(&sim->draw, ppm);
}
