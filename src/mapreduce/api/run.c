/* SPDX-License-Identifier: Apache-2.0 */
/*
 * run.c - a job from its options to its report: every step is somebody else's, the order is here.
 */
#include "run.h"

#include "report.h"
#include "talk.h"

#include "mapreduce/engine/host.h"
#include "mapreduce/engine/host_look.h"

#include <assert.h>

struct running {
	struct mr_config config;
	struct mr_plan plan;
	struct mr_store store;
	struct mr_staging staging;
	struct mr_talker talker;
	struct mr_result result;
};

/* Files and stdout: asked for by name, so they are written whoever runs the job. */
static int write_report(const struct gw_mr_report *report, struct running *running,
			struct gw_error *error)
{
	const struct gw_mr_options *options = &running->config.options;
	struct base_buffer text = {0};
	int code = 0;

	if (options->json)
		code = mr_report_json(report, &text, error);
	if (code == 0)
		code = mr_put(base_buffer_bytes(&text), error);
	text.size = 0;
	if (code == 0 && options->report_html)
		code = mr_report_html(report, &text, error);
	if (code == 0 && options->report_html)
		code = mr_look_save(options->report_html, base_buffer_bytes(&text), error);
	base_buffer_done(&text);
	return code;
}

static void tell_report(const struct gw_mr_report *report, const struct running *running)
{
	struct base_buffer text = {0};

	if (!running->talker.talk->talks || running->config.options.quiet)
		return;
	if (mr_report_text(report, &text, NULL) == 0)
		mr_say(base_buffer_bytes(&text));
	base_buffer_done(&text);
}

/* What is told and written of a job that ended as `ended` says; the report too, if it is wanted. */
static int finish(struct running *running, const struct gw_error *ended,
		  struct gw_mr_report **report, struct gw_error *error)
{
	struct gw_mr_report *made;
	int code = mr_report_make(&made, running->talker.talk->name, &running->result,
				  &running->config, &running->plan, ended, error);

	if (code < 0)
		return code;
	assert(running->result.span_count == 0); /* the report has it now */
	code = write_report(made, running, error);
	if (ended->code == 0)
		tell_report(made, running);
	if (report && code == 0 && ended->code == 0)
		*report = made;
	else
		gw_mr_report_free(made);
	return code;
}

static int run_planned(struct running *running, struct mr_talk *talk, struct gw_mr_report **report,
		       struct gw_error *error)
{
	const struct gw_mr_options *options = &running->config.options;
	struct mr_host_setup setup = {
		.config = &running->config,
		.plan = &running->plan,
		.store = &running->store,
		.worker = &mr_worker_real,
		.observer = &running->talker.observer,
		.staging = &running->staging,
		.keep_spans = options->report_html != NULL,
		.measure_memory = options->json || options->report_html,
	};
	struct gw_error ended = {0};
	int code = mr_host_run(&setup, &running->result, &ended), reported;

	assert(code <= 0 && ended.code <= 0);
	mr_talker_clear(&running->talker);
	talk->signal = running->result.signal;
	if (code < 0 && ended.code == 0)
		gw_fail(&ended, code, "%s", gw_code_text(code));
	reported = finish(running, &ended, report, error);
	mr_result_done(&running->result);
	if (code == 0)
		return reported;
	if (error)
		*error = ended;
	return code;
}

/* The private directories are there no longer than the processes that clean them up. */
static int run_staged(struct running *running, struct mr_talk *talk, struct gw_mr_report **report,
		      struct gw_error *error)
{
	int code = mr_staging_make(&running->staging, &running->config.options, &running->store,
				   error);

	if (code < 0)
		return code;
	assert(running->staging.path && running->staging.home);
	running->config.staging = running->staging.path;
	code = run_planned(running, talk, report, error);
	mr_staging_remove(&running->staging, &running->store);
	mr_staging_done(&running->staging);
	return code;
}

int mr_run(const struct gw_mr_job *job, const struct gw_mr_options *options, struct mr_talk *talk,
	   struct gw_mr_report **report, struct gw_error *error)
{
	struct running running = {0};
	int code = mr_config_init(&running.config, job, options, error);

	if (code == 0)
		code = mr_staging_check(&running.config.options, error);
	if (code < 0)
		return code;
	if (!talk->name)
		talk->name = running.config.job.name;
	mr_look_standard_files();
	mr_store_local_init(&running.store);
	mr_talker_init(&running.talker, talk, &running.config.options);
	code = mr_plan_init(&running.plan, &running.config, &running.store, error);
	if (code < 0)
		return code;
	code = run_staged(&running, talk, report, error);
	mr_plan_done(&running.plan);
	return code;
}

int gw_mr_run(const struct gw_mr_job *job, const struct gw_mr_options *options,
	      struct gw_mr_report **report, struct gw_error *error)
{
	struct mr_talk talk = {0};
	struct gw_error own = {0};

	assert(job && options);
	if (report)
		*report = NULL;
	return mr_run(job, options, &talk, report, error ? error : &own);
}
