/* SPDX-License-Identifier: Apache-2.0 */
/*
 * report_html.c - the report as a page: the rates of input, shuffle and output over time as the
 * paper's figures 2 and 3 draw them, what each slot did when, counters. One file that needs
 * nothing else: no script, no font, no picture from elsewhere.
 */
#include "report.h"
#include "text.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

enum {
	WIDTH = 900, /* of a chart, in pixels */
	LEFT = 70,   /* for the scale */
	CHART = 110, /* height of a chart of rates */
	LANE = 14,   /* height of a slot's lane */
	BINS_MAX = 300,
	BARS_MAX = 5000, /* attempts drawn */
	SKIPPED_SHOWN = 1000,
};

static const char head[] =
	"<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
	"<meta name=\"viewport\" content=\"width=device-width\">\n<style>\n"
	"body{font:14px/1.5 system-ui,sans-serif;max-width:1000px;margin:2em auto;padding:0 1em;"
	"color:#1b1f24;background:#fff}\n"
	"h1{font-size:20px}h2{font-size:16px;margin:1.6em 0 .3em}\n"
	"table{border-collapse:collapse}td,th{padding:2px 14px 2px 0;text-align:left;"
	"vertical-align:top}td.n{text-align:right;font-variant-numeric:tabular-nums}\n"
	"svg{display:block;max-width:100%;height:auto}svg text{font:11px system-ui,sans-serif;"
	"fill:#57606a}\n"
	".grid{stroke:#d0d7de;stroke-width:1}.input{fill:#4c8eda}.shuffle{fill:#d9822b}"
	".output{fill:#3f9c5a}\n"
	".sample{fill:#8a8f98}.map{fill:#4c8eda}.reduce{fill:#3f9c5a}.place{fill:#9a6fc9}"
	".bad{fill:#cf3a3a}.dropped{fill:#c9ced6}\n"
	".key{display:inline-block;width:10px;height:10px;margin:0 4px 0 12px}\n"
	"@media(prefers-color-scheme:dark){body{color:#e6edf3;background:#0d1117}"
	"svg text{fill:#9198a1}.grid{stroke:#30363d}}\n"
	"</style>\n";

/* ---- Rates ------------------------------------------------------------------------------------
 */

struct series {
	const char *title, *style;
	size_t offset; /* in struct mr_rate */
};

static const struct series all_series[] = {
	{"Input", "input", offsetof(struct mr_rate, input_bytes)},
	{"Shuffle", "shuffle", offsetof(struct mr_rate, shuffle_bytes)},
	{"Output", "output", offsetof(struct mr_rate, output_bytes)},
};

static uint64_t sum_of(const struct mr_rate *rate, const struct series *series)
{
	uint64_t sum;

	memcpy(&sum, (const char *)rate + series->offset, sizeof(sum));
	return sum;
}

/* The sum at a time, on the line between the samples around it. *hint: where to look first. */
static double sum_at(const struct mr_result *result, const struct series *series, double at_us,
		     size_t *hint)
{
	const struct mr_rate *rates = result->rates;
	double from_us, to_us, from, to;

	assert(result->rate_count > 0 && *hint <= result->rate_count);
	while (*hint < result->rate_count && (double)rates[*hint].at_us < at_us)
		++*hint;
	if (*hint == result->rate_count)
		return (double)sum_of(&rates[*hint - 1], series);
	from_us = *hint > 0 ? (double)rates[*hint - 1].at_us : 0;
	from = *hint > 0 ? (double)sum_of(&rates[*hint - 1], series) : 0;
	to_us = (double)rates[*hint].at_us;
	to = (double)sum_of(&rates[*hint], series);
	return to_us > from_us ? from + (to - from) * (at_us - from_us) / (to_us - from_us) : to;
}

/* Bytes a second in each of count bins over the time of the job; returns the greatest. */
static double fill_bins(const struct gw_mr_report *report, const struct series *series,
			double *bins, unsigned count)
{
	double width_us = (double)report->result.end_us / count, before = 0, most = 0;
	size_t hint = 0;

	assert(count > 0 && count <= BINS_MAX && width_us > 0);
	for (unsigned i = 0; i < count; i++) {
		double now = sum_at(&report->result, series, width_us * (i + 1), &hint);

		bins[i] = now > before ? (now - before) * 1000000 / width_us : 0;
		most = bins[i] > most ? bins[i] : most;
		before = now;
	}
	return most;
}

static void add_scale(struct mr_text *text, double most)
{
	char number[MR_NUMBER_MAX];

	mr_text_add(text,
		    "<line class=\"grid\" x1=\"%d\" x2=\"%d\" y1=\"4\" y2=\"4\"/>"
		    "<line class=\"grid\" x1=\"%d\" x2=\"%d\" y1=\"%d\" y2=\"%d\"/>"
		    "<text x=\"%d\" y=\"12\" text-anchor=\"end\">%s/s</text>\n",
		    LEFT, LEFT + WIDTH, LEFT, LEFT + WIDTH, CHART, CHART, LEFT - 6,
		    mr_format_bytes((uint64_t)most, number));
}

/* The time under a chart whose bottom is at y. */
static void add_times(struct mr_text *text, const struct gw_mr_report *report, int y)
{
	char number[MR_NUMBER_MAX];

	for (int i = 0; i <= 4; i++)
		mr_text_add(text, "<text x=\"%d\" y=\"%d\" text-anchor=\"%s\">%s</text>\n",
			    LEFT + WIDTH * i / 4, y + 14,
			    i == 0   ? "start"
			    : i == 4 ? "end"
				     : "middle",
			    mr_format_us(report->result.end_us * (unsigned)i / 4, number));
}

static void add_rate_chart(struct mr_text *text, const struct gw_mr_report *report,
			   const struct series *series, bool last)
{
	unsigned count = report->result.rate_count < BINS_MAX ? (unsigned)report->result.rate_count
							      : BINS_MAX;
	double bins[BINS_MAX], most = fill_bins(report, series, bins, count);

	mr_text_add(text, "<svg viewBox=\"0 0 %d %d\" role=\"img\"><title>%s rate</title>\n",
		    LEFT + WIDTH, CHART + (last ? 20 : 4), series->title);
	add_scale(text, most);
	mr_text_add(text, "<text x=\"%d\" y=\"28\" text-anchor=\"end\">%s</text>\n", LEFT - 6,
		    series->title);
	mr_text_add(text, "<path class=\"%s\" d=\"M%d %d", series->style, LEFT, CHART);
	for (unsigned i = 0; i < count; i++) {
		double height = most > 0 ? bins[i] * (CHART - 4) / most : 0;

		mr_text_add(text, "L%.1f %.1fL%.1f %.1f", LEFT + (double)WIDTH * i / count,
			    CHART - height, LEFT + (double)WIDTH * (i + 1) / count, CHART - height);
	}
	mr_text_add(text, "L%d %dZ\"/>\n", LEFT + WIDTH, CHART);
	if (last)
		add_times(text, report, CHART);
	mr_text_put(text, "</svg>\n");
}

static void add_rates(struct mr_text *text, const struct gw_mr_report *report)
{
	mr_text_put(text, "<h2>Rates</h2>\n");
	if (report->result.rate_count == 0 || report->result.end_us == 0) {
		mr_text_put(text, "<p>The job was over before the first sample.</p>\n");
		return;
	}
	for (unsigned i = 0; i < 3; i++)
		add_rate_chart(text, report, &all_series[i], i == 2);
}

/* ---- Slots ------------------------------------------------------------------------------------
 */

static const char *style_of(const struct mr_span *span)
{
	if (span->outcome == MR_FAILED)
		return "bad";
	return span->outcome == MR_DROPPED ? "dropped" : mr_kind_name(span->kind);
}

static void add_bar(struct mr_text *text, const struct gw_mr_report *report,
		    const struct mr_span *span)
{
	double scale = (double)WIDTH / (double)report->result.end_us;
	double width = (double)(span->to_us - span->from_us) * scale;
	char number[MR_NUMBER_MAX];

	assert(span->to_us >= span->from_us && report->result.end_us > 0);
	mr_text_add(text,
		    "<rect class=\"%s\" x=\"%.1f\" y=\"%d\" width=\"%.1f\" height=\"%d\">"
		    "<title>%s %u, attempt %u: %s</title></rect>\n",
		    style_of(span), LEFT + (double)span->from_us * scale, span->slot * LANE + 1,
		    width < 0.6 ? 0.6 : width - 0.3, LANE - 2, mr_kind_name(span->kind), span->task,
		    span->number, mr_format_us(span->to_us - span->from_us, number));
}

static void add_slots(struct mr_text *text, const struct gw_mr_report *report)
{
	const struct mr_result *result = &report->result;
	size_t drawn = result->span_count < BARS_MAX ? result->span_count : BARS_MAX;
	int height = (int)report->slots * LANE;

	if (drawn == 0 || result->end_us == 0)
		return;
	mr_text_put(text, "<h2>Attempts</h2>\n<p>One lane a slot."
			  "<span class=\"key\" style=\"background:#4c8eda\"></span>map"
			  "<span class=\"key\" style=\"background:#3f9c5a\"></span>reduce"
			  "<span class=\"key\" style=\"background:#9a6fc9\"></span>place"
			  "<span class=\"key\" style=\"background:#cf3a3a\"></span>failed");
	if (drawn < result->span_count || result->spans_lost > 0)
		mr_text_add(text, ". The first %zu of %" PRIu64 " are drawn", drawn,
			    result->span_count + result->spans_lost);
	mr_text_add(text, "</p>\n<svg viewBox=\"0 0 %d %d\" role=\"img\"><title>Attempts</title>\n",
		    LEFT + WIDTH, height + 20);
	for (uint32_t i = 0; i < report->slots; i++)
		mr_text_add(text, "<text x=\"%d\" y=\"%d\" text-anchor=\"end\">slot %u</text>\n",
			    LEFT - 6, (int)i * LANE + 11, i);
	for (size_t i = 0; i < drawn; i++)
		add_bar(text, report, &result->spans[i]);
	add_times(text, report, height);
	mr_text_put(text, "</svg>\n");
}

/* ---- Tables -----------------------------------------------------------------------------------
 */

static void add_row(struct mr_text *text, const char *name, const char *value)
{
	mr_text_put(text, "<tr><th>");
	mr_text_escape(text, name);
	mr_text_put(text, "</th><td class=\"n\">");
	mr_text_escape(text, value);
	mr_text_put(text, "</td></tr>\n");
}

static void add_summary(struct mr_text *text, const struct gw_mr_report *report)
{
	const struct mr_result *result = &report->result;
	char a[MR_NUMBER_MAX], name[MR_NUMBER_MAX];

	mr_text_put(text, "<table>\n");
	add_row(text, "Time", mr_format_us(result->end_us, a));
	for (unsigned phase = 0; phase < MR_PHASE_OVER; phase++) {
		uint64_t from, to;

		if (!mr_report_phase(report, phase, &from, &to))
			continue;
		snprintf(name, sizeof(name), "Time of %s", mr_phase_name(phase));
		add_row(text, name, mr_format_us(to - from, a));
	}
	add_row(text, "Input on disk", mr_format_bytes(report->input_bytes, a));
	add_row(text, "Input files", mr_format_count(report->input_files, a));
	add_row(text, "Slots", mr_format_count(report->slots, a));
	add_row(text, "Map tasks", mr_format_count(result->tasks[MR_MAP], a));
	add_row(text, "Reduce tasks", mr_format_count(result->tasks[MR_REDUCE], a));
	add_row(text, "Failed attempts",
		mr_format_count((uint64_t)result->failures[MR_MAP] + result->failures[MR_REDUCE] +
					result->failures[MR_PLACE],
				a));
	add_row(text, "Memory allowed", mr_format_bytes(report->memory_bytes, a));
	add_row(text, "Memory at most, when looked at",
		mr_format_bytes(result->memory_peak_bytes, a));
	mr_text_put(text, "</table>\n");
}

static void add_counters(struct mr_text *text, const struct gw_mr_report *report)
{
	const struct mr_counters *counters = &report->result.counters;
	char number[32];

	mr_text_put(text, "<h2>Counters</h2>\n<table>\n");
	for (unsigned i = 0; i < MR_COUNTERS; i++) {
		snprintf(number, sizeof(number), "%" PRId64, counters->automatic[i]);
		add_row(text, mr_counter_name(i), number);
	}
	for (unsigned i = 0; i < MR_USER_COUNTERS_MAX && counters->user[i].name[0]; i++) {
		snprintf(number, sizeof(number), "%" PRId64, counters->user[i].value);
		add_row(text, counters->user[i].name, number);
	}
	mr_text_put(text, "</table>\n");
}

static void add_skipped(struct mr_text *text, const struct gw_mr_report *report)
{
	uint64_t total = report->result.skipped_total;

	assert(report->skipped_count <= total);
	if (total == 0)
		return;
	mr_text_add(text, "<h2>Bad records</h2>\n<p>%" PRIu64 " left out.</p>\n<ul>\n", total);
	for (size_t i = 0; i < report->skipped_count && i < SKIPPED_SHOWN; i++) {
		mr_text_put(text, "<li>");
		mr_text_escape(text, report->skipped[i]);
		mr_text_put(text, "</li>\n");
	}
	mr_text_put(text, "</ul>\n");
}

int mr_report_html(const struct gw_mr_report *report, struct base_buffer *out,
		   struct gw_error *error)
{
	struct mr_text text = {.out = out, .error = error};

	assert(report->title);
	mr_text_put(&text, head);
	mr_text_put(&text, "<title>");
	mr_text_escape(&text, report->title);
	mr_text_put(&text, "</title></head>\n<body>\n<h1>");
	mr_text_escape(&text, report->title);
	mr_text_put(&text, report->error.code == 0 ? "</h1>\n" : ": failed</h1>\n<p>");
	if (report->error.code != 0) {
		mr_text_escape(&text, report->error.text);
		mr_text_put(&text, "</p>\n");
	}
	add_summary(&text, report);
	add_rates(&text, report);
	add_slots(&text, report);
	add_counters(&text, report);
	add_skipped(&text, report);
	mr_text_put(&text, "</body></html>\n");
	return text.code;
}
