/* SPDX-License-Identifier: Apache-2.0 */
/*
 * report_json.c - the report for programs: one JSON object. Names carry their units; a field that
 * is there stays there.
 */
#include "report.h"

#include <assert.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

static double seconds(uint64_t us)
{
	return (double)us / 1000000;
}

static json_int_t number(uint64_t value)
{
	return value > INT64_MAX ? INT64_MAX : (json_int_t)value;
}

static json_t *tasks_of(const struct mr_result *result)
{
	json_t *tasks = json_object();

	for (unsigned kind = 0; kind <= MR_PLACE; kind++)
		json_object_set_new(tasks, mr_kind_name(kind),
				    json_pack("{sIsIsI}", "committed",
					      (json_int_t)result->tasks[kind], "attempts",
					      (json_int_t)result->attempts[kind], "failed",
					      (json_int_t)result->failures[kind]));
	return tasks;
}

static json_t *phases_of(const struct gw_mr_report *report)
{
	json_t *phases = json_array();

	for (unsigned phase = 0; phase < MR_PHASE_OVER; phase++) {
		uint64_t from, to;

		if (mr_report_phase(report, phase, &from, &to))
			json_array_append_new(phases,
					      json_pack("{sssfsf}", "name", mr_phase_name(phase),
							"from_seconds", seconds(from), "seconds",
							seconds(to - from)));
	}
	return phases;
}

static json_t *counters_of(const struct mr_counters *counters)
{
	json_t *object = json_object();

	for (unsigned i = 0; i < MR_COUNTERS; i++)
		json_object_set_new(object, mr_counter_name(i),
				    json_integer(counters->automatic[i]));
	return object;
}

static json_t *user_counters_of(const struct mr_counters *counters)
{
	json_t *object = json_object();

	for (unsigned i = 0; i < MR_USER_COUNTERS_MAX && counters->user[i].name[0]; i++) {
		char name[MR_COUNTER_NAME_MAX + 1];
		json_t *value = json_integer(counters->user[i].value);

		snprintf(name, sizeof(name), "%.*s", MR_COUNTER_NAME_MAX, counters->user[i].name);
		/* A name that is no UTF-8 cannot be said in JSON. */
		if (json_object_set_new(object, name, value) < 0)
			json_object_set_new(object, "?", json_integer(counters->user[i].value));
	}
	return object;
}

/* Bytes that are no UTF-8 become '?': file names may hold anything. */
static json_t *string_of(const char *text)
{
	json_t *string = json_string(text);
	char *copy;

	if (string)
		return string;
	copy = strdup(text);
	for (char *at = copy; at && *at; at++) {
		if ((unsigned char)*at >= 0x80)
			*at = '?';
	}
	string = copy ? json_string(copy) : NULL;
	free(copy);
	return string;
}

static json_t *skipped_of(const struct gw_mr_report *report)
{
	json_t *list = json_array();

	assert(report->skipped_count <= report->result.skipped_total);
	for (size_t i = 0; i < report->skipped_count; i++)
		json_array_append_new(list, string_of(report->skipped[i]));
	return json_pack("{sIso}", "count", number(report->result.skipped_total), "records", list);
}

static json_t *error_of(const struct gw_error *error)
{
	assert(error->code <= 0);
	if (error->code == 0)
		return json_null();
	return json_pack("{sissso}", "code", -error->code, "name", gw_code_name(error->code),
			 "message", string_of(error->text));
}

static json_t *object_of(const struct gw_mr_report *report)
{
	const struct mr_result *result = &report->result;
	const int64_t *counts = result->counters.automatic;
	uint64_t read = (uint64_t)counts[MR_COUNT_MAP_BYTES_IN];
	uint64_t records = (uint64_t)counts[MR_COUNT_MAP_RECORDS_IN];

	return json_pack("{so so so so so sf so sI sI sI sI so so so sI sI sI sI sI sI so}", "job",
			 string_of(report->name), "succeeded",
			 json_boolean(report->error.code == 0), "error", error_of(&report->error),
			 "output", string_of(report->output), "only", string_of(report->only),
			 "seconds", seconds(result->end_us), "phases", phases_of(report), "slots",
			 (json_int_t)report->slots, "parts", (json_int_t)report->parts, "splits",
			 (json_int_t)report->splits, "memory_bytes", number(report->memory_bytes),
			 "tasks", tasks_of(result), "counters", counters_of(&result->counters),
			 "user_counters", user_counters_of(&result->counters), "input_files",
			 (json_int_t)report->input_files, "input_bytes_on_disk",
			 number(report->input_bytes), "input_bytes_per_second",
			 number(mr_rate_of(read, result->end_us)), "records_per_second",
			 number(mr_rate_of(records, result->end_us)), "memory_peak_bytes",
			 number(result->memory_peak_bytes), "pool_peak_bytes",
			 number(result->pool_peak_bytes), "skipped", skipped_of(report));
}

int mr_report_json(const struct gw_mr_report *report, struct base_buffer *out,
		   struct gw_error *error)
{
	json_t *object = object_of(report);
	char *text = object ? json_dumps(object, JSON_INDENT(2) | JSON_REAL_PRECISION(9)) : NULL;
	int code = 0;

	json_decref(object);
	if (!text)
		return gw_fail(error, GW_E_NO_MEMORY, "no memory for the report");
	code = base_buffer_append_string(out, text, error);
	if (code == 0)
		code = base_buffer_append_string(out, "\n", error);
	free(text);
	return code;
}
