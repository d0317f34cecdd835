/* SPDX-License-Identifier: Apache-2.0 */
/*
 * report_text.c - the report for people: a few aligned lines behind the job.
 */
#include "report.h"
#include "text.h"

#include <assert.h>
#include <inttypes.h>

enum { SKIPPED_SHOWN = 20 };

static void add_tasks(struct mr_text *text, const struct gw_mr_report *report)
{
	static const enum mr_task_kind kinds[] = {MR_MAP, MR_REDUCE};
	const char *comma = "  tasks    ";
	char number[MR_NUMBER_MAX];

	for (unsigned i = 0; i < 2; i++) {
		const struct mr_result *result = &report->result;

		if (result->attempts[kinds[i]] == 0)
			continue;
		mr_text_add(text, "%s%s %s", comma,
			    mr_format_count(result->tasks[kinds[i]], number),
			    mr_kind_name(kinds[i]));
		if (result->failures[kinds[i]] > 0)
			mr_text_add(text, " (%s failed)",
				    mr_format_count(result->failures[kinds[i]], number));
		comma = ", ";
	}
	mr_text_add(text, " in %u slot%s\n", report->slots, report->slots == 1 ? "" : "s");
}

static void add_flow(struct mr_text *text, const struct gw_mr_report *report)
{
	const int64_t *counts = report->result.counters.automatic;
	uint64_t read = (uint64_t)counts[MR_COUNT_MAP_BYTES_IN], us = report->result.end_us;
	uint64_t records = (uint64_t)counts[MR_COUNT_MAP_RECORDS_IN];
	uint64_t written = (uint64_t)counts[MR_COUNT_OUTPUT_BYTES];
	char a[MR_NUMBER_MAX], b[MR_NUMBER_MAX], c[MR_NUMBER_MAX], d[MR_NUMBER_MAX];

	mr_text_add(text, "  input    %s", mr_format_bytes(read, a));
	if (records > 0)
		mr_text_add(text, ", %s records", mr_format_count(records, b));
	mr_text_add(text, " (%s/s", mr_format_bytes(mr_rate_of(read, us), c));
	if (records > 0)
		mr_text_add(text, ", %s records/s", mr_format_count(mr_rate_of(records, us), d));
	mr_text_add(text, ")\n");
	if (counts[MR_COUNT_SHUFFLE_BYTES] > 0)
		mr_text_add(text, "  shuffle  %s",
			    mr_format_bytes((uint64_t)counts[MR_COUNT_SHUFFLE_BYTES], a));
	if (counts[MR_COUNT_SHUFFLE_BYTES] > 0 && counts[MR_COUNT_SPILLED_BYTES] > 0)
		mr_text_add(text, ", %s of it through files",
			    mr_format_bytes((uint64_t)counts[MR_COUNT_SPILLED_BYTES], b));
	if (counts[MR_COUNT_SHUFFLE_BYTES] > 0)
		mr_text_add(text, "\n");
	mr_text_add(text, "  output   %s, %s pairs, %u part%s%s%s\n", mr_format_bytes(written, a),
		    mr_format_count((uint64_t)counts[MR_COUNT_REDUCE_PAIRS_OUT], b), report->parts,
		    report->parts == 1 ? "" : "s", report->only[0] ? "" : " in ",
		    report->only[0] ? "" : report->output);
}

static void add_time(struct mr_text *text, const struct gw_mr_report *report)
{
	char number[MR_NUMBER_MAX];
	const char *before = " (";

	mr_text_add(text, "  time     %s", mr_format_us(report->result.end_us, number));
	for (unsigned phase = 0; phase < MR_PHASE_OVER; phase++) {
		uint64_t from, to;

		if (!mr_report_phase(report, phase, &from, &to) || to == from)
			continue;
		mr_text_add(text, "%s%s %s", before, mr_phase_name(phase),
			    mr_format_us(to - from, number));
		before = ", ";
	}
	mr_text_add(text, "%s\n", before[0] == ',' ? ")" : "");
	if (report->result.memory_peak_bytes > 0)
		mr_text_add(text, "  memory   %s at most when looked at\n",
			    mr_format_bytes(report->result.memory_peak_bytes, number));
}

static void add_counters(struct mr_text *text, const struct gw_mr_report *report)
{
	const struct mr_user_counter *user = report->result.counters.user;
	const char *title = "  counters ";

	for (unsigned i = 0; i < MR_USER_COUNTERS_MAX && user[i].name[0]; i++) {
		mr_text_add(text, "%s%s %" PRId64 "\n", title, user[i].name, user[i].value);
		title = "           ";
	}
}

static void add_skipped(struct mr_text *text, const struct gw_mr_report *report)
{
	uint64_t total = report->result.skipped_total;
	char number[MR_NUMBER_MAX];

	assert(report->skipped_count <= total);
	if (total == 0)
		return;
	mr_text_add(text, "  skipped  %s bad record%s\n", mr_format_count(total, number),
		    total == 1 ? "" : "s");
	for (size_t i = 0; i < report->skipped_count && i < SKIPPED_SHOWN; i++)
		mr_text_add(text, "           %s\n", report->skipped[i]);
	if (total > SKIPPED_SHOWN)
		mr_text_add(text, "           ... (--json lists up to %d)\n", MR_SKIPPED_MAX);
}

int mr_report_text(const struct gw_mr_report *report, struct base_buffer *out,
		   struct gw_error *error)
{
	struct mr_text text = {.out = out, .error = error};

	assert(report->title);
	mr_text_add(&text, "%s: %s\n", report->title,
		    report->only[0]           ? report->only
		    : report->error.code == 0 ? "done"
					      : "failed");
	add_tasks(&text, report);
	add_flow(&text, report);
	add_time(&text, report);
	add_counters(&text, report);
	add_skipped(&text, report);
	return text.code;
}
