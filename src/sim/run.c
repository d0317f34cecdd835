/* SPDX-License-Identifier: Apache-2.0 */
/*
 * run.c - one seed: set up, faults while checks look on, healing, convergence, the last check.
 */
#include "sim/run.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	BEYOND_EVERY = 6,        /* of about so many seeds one exceeds what is promised */
	SAFETY_SECONDS_MAX = 20,
	KEPT_EVENTS = 256,
};

const struct sim_workload *const sim_workloads[] = {
	&sim_chunks,
	&sim_disk_log,
	&sim_echo_counter,
	&sim_gfs,
	&sim_gfs_names,
	&sim_kv,
	&sim_raft,
	&sim_replog,
	&sim_replog_store,
	&sim_tasks,
	NULL,
};

const struct sim_workload *sim_workload_find(const char *name)
{
	for (const struct sim_workload *const *at = sim_workloads; *at; at++) {
		if (strcmp((*at)->name, name) == 0)
			return *at;
	}
	return NULL;
}

bool sim_workload_has_bug(const struct sim_workload *workload, const char *bug)
{
	for (const struct sim_bug *at = workload->bugs; at->name; at++) {
		if (strcmp(at->name, bug) == 0)
			return true;
	}
	return false;
}

void sim_run_fail(struct sim_run *run, const char *format, ...)
{
	va_list arguments;
	char text[GW_ERROR_TEXT_MAX];

	if (run->error.code)
		return;
	va_start(arguments, format);
	if (vsnprintf(text, sizeof(text), format, arguments) < 0)
		text[0] = '\0';
	va_end(arguments);
	(void)gw_fail(&run->error, GW_E_CORRUPT, "%s", text);
	sim_note(run->sim, NULL, "found wrong", 0);
}

struct recovery {
	const struct sim_run *run;
	const uint64_t *count;
};

static bool is_recovered(void *context)
{
	const struct recovery *recovery = context;

	return *recovery->count > 0 || recovery->run->error.code != 0;
}

int sim_run_recover(struct sim_run *run, struct sim_node *node, bool power, uint64_t *recoveries,
		    struct gw_error *error)
{
	struct recovery recovery = {run, recoveries};

	*recoveries = 0;
	sim_node_restart(node, power, 0);
	if (!sim_run_when(run->sim, is_recovered, &recovery,
			  sim_now_ns(run->sim) + SIM_LIVENESS_NS))
		return gw_fail(error, GW_E_CORRUPT, "no recovery after all is over");
	return 0;
}

/* ---- The phases ----------------------------------------------------------------------------- */

/* Looks at the run; false when something is wrong. */
static bool check(struct sim_run *run)
{
	struct gw_error error = {0};

	if (!run->error.code && run->workload->check_running &&
	    run->workload->check_running(run, &error) < 0)
		sim_run_fail(run, "%s", error.text);
	return run->error.code == 0;
}

static bool be_safe(struct sim_run *run)
{
	uint64_t end = sim_now_ns(run->sim) + SIM_SECOND +
		       sim_draw(run->sim, (SAFETY_SECONDS_MAX - 1) * SIM_SECOND);

	sim_note(run->sim, NULL, "the safety phase begins", 0);
	sim_atlas_begin(run);
	while (check(run) && sim_now_ns(run->sim) < end)
		sim_run_for(run->sim, SIM_CHECK_EVERY_NS);
	return run->error.code == 0;
}

static bool be_live(struct sim_run *run)
{
	uint64_t end = sim_now_ns(run->sim) + SIM_LIVENESS_NS;

	assert(!run->healed);
	sim_note(run->sim, NULL, "the liveness phase begins", 0);
	sim_atlas_heal(run);
	run->healed = true;
	while (check(run) && !run->workload->converged(run)) {
		if (sim_now_ns(run->sim) >= end) {
			sim_run_fail(run, "not done %" PRIu64 " s after all faults ended",
				     (uint64_t)(SIM_LIVENESS_NS / SIM_SECOND));
			return false;
		}
		sim_run_for(run->sim, SIM_CHECK_EVERY_NS);
	}
	return run->error.code == 0;
}

/* Sets up; a failure here is the run's. */
static bool set_up(struct sim_run *run)
{
	struct gw_error error = {0};
	int code = run->workload->setup(run, &error);

	if (code == 0 && run->workload->client)
		code = run->workload->client(run, &error);
	if (code < 0 && !run->error.code)
		run->error = error;
	return run->error.code == 0;
}

static void run_phases(struct sim_run *run)
{
	struct gw_error error = {0};

	if (!set_up(run))
		return;
	run->beyond = run->beyond && sim_atlas_has_beyond(&run->atlas);
	if (!be_safe(run) || !be_live(run))
		return;
	if (run->workload->check_end(run, &error) < 0)
		sim_run_fail(run, "%s", error.text);
}

/* ---- What is told --------------------------------------------------------------------------- */

static void tell(const struct sim_run_options *options, const char *line)
{
	if (options->tell)
		options->tell(options->context, line);
}

static void tell_trace(const struct sim_run_options *options, const struct sim *sim, bool failed)
{
	char line[SIM_TRACE_LINE_MAX];
	size_t lines = options->tell_lines;

	if (failed && lines == 0)
		lines = SIM_TAIL_LINES;
	while (lines-- > 0) {
		if (sim_trace_line(sim, lines, line))
			tell(options, line);
	}
}

static void tell_counts(const struct sim_run_options *options, const struct sim *sim)
{
	char line[SIM_TRACE_LINE_MAX];

	if (options->tell_lines == 0)
		return;
	for (int i = 0; i < SIM_COUNTS; i++) {
		if (sim_count(sim, (enum sim_count)i) == 0)
			continue;
		snprintf(line, sizeof(line), "%" PRIu64 " %s", sim_count(sim, (enum sim_count)i),
			 sim_count_text((enum sim_count)i));
		tell(options, line);
	}
}

static void note_result(const struct sim_run *run, const struct sim_switches *switches,
			struct sim_result *result)
{
	assert(switches->count <= SIM_SWITCHES_MAX);
	result->hash = sim_hash(run->sim);
	result->events = sim_events(run->sim);
	result->simulated_ns = sim_now_ns(run->sim);
	result->beyond = run->beyond;
	result->error = run->error;
	memcpy(result->faults, run->atlas.counts, sizeof(result->faults));
	for (size_t i = 0; i < switches->count; i++) {
		const struct sim_switch *item = &switches->items[i];
		struct sim_count_named *named = &result->named[result->named_count++];

		snprintf(named->name, sizeof(named->name), "%s", item->literal);
		named->kind = item->kind;
		named->count = item->count;
	}
}

/* ---- One seed ------------------------------------------------------------------------------- */

static void draw_options(const struct sim_run_options *options, struct sim_switches *switches,
			 struct sim_options *drawn)
{
	*drawn = (struct sim_options){0};
	sim_options_vary(drawn, options->seed);
	if (options->workload->options)
		options->workload->options(drawn, options->seed);
	drawn->rare = &switches->rare;
	drawn->trace_records = options->tell_lines > KEPT_EVENTS ? options->tell_lines
								 : KEPT_EVENTS;
}

static int no_memory(struct sim_result *result)
{
	return gw_fail(&result->error, GW_E_NO_MEMORY, "no memory for a run");
}

int sim_run_seed(const struct sim_run_options *options, struct sim_result *result)
{
	struct sim_switches *switches = malloc(sizeof(*switches));
	struct sim_run *run = calloc(1, sizeof(*run));
	struct sim_options drawn;

	assert(options->workload && options->workload->setup && options->workload->converged);
	assert(options->workload->check_end && options->workload->done);
	*result = (struct sim_result){.seed = options->seed};
	if (!switches || !run) {
		free(switches);
		free(run);
		return no_memory(result);
	}
	sim_switches_init(switches, options->seed, options->bug);
	draw_options(options, switches, &drawn);
	run->sim = sim_new(options->seed, &drawn, &result->error);
	if (run->sim) {
		run->workload = options->workload;
		run->seed = options->seed;
		run->beyond = sim_draw(run->sim, BEYOND_EVERY) == 0;
		run_phases(run);
		note_result(run, switches, result);
		tell_trace(options, run->sim, run->error.code != 0);
		tell_counts(options, run->sim);
		sim_free(run->sim);
		options->workload->done(run);
	}
	sim_history_done(&run->history);
	free(run);
	free(switches);
	return result->error.code;
}
