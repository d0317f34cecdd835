/* SPDX-License-Identifier: Apache-2.0 */
/*
 * report.c - the report of a job: made, asked, told as text.
 */
#include "report.h"

#include "mapreduce/engine/explain.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

const char *mr_kind_name(enum mr_task_kind kind)
{
	static const char *const names[] = {"sample", "map", "reduce", "place"};

	assert((size_t)kind < sizeof(names) / sizeof(names[0]));
	return names[kind];
}

const char *mr_phase_name(enum mr_phase phase)
{
	static const char *const names[] = {"sample", "map", "plan", "reduce", "end"};

	assert((size_t)phase < sizeof(names) / sizeof(names[0]));
	return names[phase];
}

const char *mr_counter_name(enum mr_counter counter)
{
	static const char *const names[] = {
#define COUNTER_NAME(name, text) text,
		MR_COUNTER_TABLE(COUNTER_NAME)
#undef COUNTER_NAME
	};

	_Static_assert(sizeof(names) / sizeof(names[0]) == MR_COUNTERS, "a name a counter");
	assert(counter < MR_COUNTERS);
	return names[counter];
}

bool mr_report_phase(const struct gw_mr_report *report, enum mr_phase phase, uint64_t *from_us,
		     uint64_t *to_us)
{
	const uint64_t *begins = report->result.phase_us;
	unsigned next = (unsigned)phase + 1;

	assert(phase < MR_PHASE_OVER);
	*from_us = begins[phase];
	while (next <= MR_PHASE_OVER && begins[next] == 0)
		next++;
	*to_us = next <= MR_PHASE_OVER ? begins[next] : report->result.end_us;
	assert(*to_us >= *from_us);
	if (phase == MR_PHASE_SAMPLE)
		return report->result.attempts[MR_SAMPLE] > 0;
	if (phase == MR_PHASE_MAP)
		return report->result.attempts[MR_MAP] > 0; /* maybe from the very beginning */
	if (phase == MR_PHASE_PLAN && *to_us == *from_us)
		return false; /* over at once */
	return begins[phase] > 0;
}

/* ---- Making -----------------------------------------------------------------------------------
 */

static int list_skipped(struct gw_mr_report *report, const struct mr_names *names,
			struct gw_error *error)
{
	const struct mr_result *result = &report->result;

	assert(!report->skipped && result->skipped_count <= result->skipped_total);
	if (result->skipped_count == 0)
		return 0;
	report->skipped = calloc(result->skipped_count, sizeof(*report->skipped));
	if (!report->skipped)
		return gw_fail(error, GW_E_NO_MEMORY, "no memory for the report");
	for (size_t i = 0; i < result->skipped_count; i++) {
		char text[MR_WHERE_MAX];

		mr_explain_position(names, &result->skipped[i], text, sizeof(text));
		report->skipped[i] = strdup(text);
		if (!report->skipped[i])
			return gw_fail(error, GW_E_NO_MEMORY, "no memory for the report");
		report->skipped_count++;
	}
	return 0;
}

static void note_only(struct gw_mr_report *report, const struct gw_mr_options *options)
{
	if (options->only_map >= 0)
		snprintf(report->only, sizeof(report->only), "map task %" PRId64,
			 options->only_map);
	else if (options->only_reduce >= 0)
		snprintf(report->only, sizeof(report->only), "part %" PRId64, options->only_reduce);
}

int mr_report_make(struct gw_mr_report **report, const char *title, struct mr_result *result,
		   const struct mr_config *config, const struct mr_plan *plan,
		   const struct gw_error *ended, struct gw_error *error)
{
	struct gw_mr_report *made = calloc(1, sizeof(*made));
	struct mr_names names = {.config = config, .plan = plan};
	int code;

	assert(title && config->job.name && config->options.output && ended->code <= 0);
	if (!made)
		return gw_fail(error, GW_E_NO_MEMORY, "no memory for the report");
	made->result = *result;
	*result = (struct mr_result){0};
	made->input_bytes = plan->bytes;
	made->input_files = plan->file_count;
	made->splits = plan->split_count;
	made->slots = config->options.in_process ? 1 : config->slots;
	made->parts = config->parts;
	made->memory_bytes = config->options.memory;
	made->error = *ended;
	note_only(made, &config->options);
	made->name = strdup(config->job.name);
	made->title = strdup(title);
	made->output = strdup(config->options.output);
	code = list_skipped(made, &names, error);
	if (code == 0 && (!made->name || !made->title || !made->output))
		code = gw_fail(error, GW_E_NO_MEMORY, "no memory for the report");
	if (code < 0) {
		gw_mr_report_free(made);
		return code;
	}
	*report = made;
	return 0;
}

void gw_mr_report_free(struct gw_mr_report *report)
{
	if (!report)
		return;
	for (size_t i = 0; i < report->skipped_count; i++)
		free(report->skipped[i]);
	free(report->skipped);
	free(report->name);
	free(report->title);
	free(report->output);
	mr_result_done(&report->result);
	free(report);
}

int64_t gw_mr_report_counter(const struct gw_mr_report *report, const char *name)
{
	const struct mr_counters *counters = &report->result.counters;

	for (unsigned i = 0; i < MR_COUNTERS; i++) {
		if (strcmp(mr_counter_name(i), name) == 0)
			return counters->automatic[i];
	}
	for (unsigned i = 0; i < MR_USER_COUNTERS_MAX && counters->user[i].name[0]; i++) {
		if (strcmp(counters->user[i].name, name) == 0)
			return counters->user[i].value;
	}
	return 0;
}
