/* SPDX-License-Identifier: Apache-2.0 */
/*
 * report.h - what a finished job has to tell, made once from the engine's result, and the forms it
 * is told in: text for people, one JSON object for programs, an HTML page with the rates over time
 * (paper figures 2 and 3). All of it can be rendered after everything else of the job is gone.
 */
#ifndef MR_REPORT_H
#define MR_REPORT_H

#include "base/buffer.h"
#include "mapreduce/engine/board.h"
#include "mapreduce/engine/result.h"

struct gw_mr_report {
	struct mr_result result;
	char *name;     /* of the job */
	char *title;    /* what it was called as: "gw mr sort" */
	char *output;   /* OUTPUT_DIR */
	char **skipped; /* where each listed bad record is, in words */
	size_t skipped_count;
	uint64_t input_bytes; /* on disk */
	uint32_t input_files, splits, slots, parts;
	uint64_t memory_bytes; /* --memory */
	char only[64];         /* "map task 17" when that was all; "" for the whole job */
	struct gw_error error; /* code 0: the job succeeded */
};

/* Takes the result over. title is what people know the job as; ended is how the job ended ({0}:
 * well). */
int mr_report_make(struct gw_mr_report **report, const char *title, struct mr_result *result,
		   const struct mr_config *config, const struct mr_plan *plan,
		   const struct gw_error *ended, struct gw_error *error) GW_MUST_CHECK;

/* Each appends its form to the buffer. */
int mr_report_text(const struct gw_mr_report *report, struct base_buffer *out,
		   struct gw_error *error) GW_MUST_CHECK;
int mr_report_json(const struct gw_mr_report *report, struct base_buffer *out,
		   struct gw_error *error) GW_MUST_CHECK;
int mr_report_html(const struct gw_mr_report *report, struct base_buffer *out,
		   struct gw_error *error) GW_MUST_CHECK;

/* Names of kinds of task and of phases, and when a phase ended. */
const char *mr_kind_name(enum mr_task_kind kind);
/* The phases that took place: *from_us and *to_us; false: it did not. */
bool mr_report_phase(const struct gw_mr_report *report, enum mr_phase phase, uint64_t *from_us,
		     uint64_t *to_us);
const char *mr_phase_name(enum mr_phase phase);

/* The name of an automatic counter. */
const char *mr_counter_name(enum mr_counter counter);

/* "1.5 GiB", "12,345", "1.25 s" into text; returns text. */
enum { MR_NUMBER_MAX = 32 };
const char *mr_format_bytes(uint64_t bytes, char text[MR_NUMBER_MAX]);
const char *mr_format_count(uint64_t count, char text[MR_NUMBER_MAX]);
const char *mr_format_us(uint64_t us, char text[MR_NUMBER_MAX]);
/* amount in us microseconds, a second. */
uint64_t mr_rate_of(uint64_t amount, uint64_t us);

#endif
