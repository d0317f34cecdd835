/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sim.c - `gw sim`: runs seeds of a workload in the simulator and prints a line for each.
 */
#include "cli/sim.h"

#include "cli/action.h"
#include "sim/jobs.h"
#include "sim/seeds.h"

#include <inttypes.h>
#include <stdlib.h>

enum { VERBOSE_LINES = 100000 };

struct command {
	bool help, list, verbose, keep_going;
	const char *seeds, *workload, *bug;
	int64_t jobs, twice;
};

/* What is known while the seeds run; begins with the jobs, so that callbacks find it. */
struct report {
	struct sim_jobs jobs;
	const struct command *command;
	uint64_t right, failed, beyond, events, simulated_ns;
	uint64_t faults[SIM_FAULTS];
	uint32_t named_count;
	struct sim_count_named named[SIM_SWITCHES_MAX];
};

static const struct gw_option sim_options[] = {
	{"seeds", 0, GW_OPTION_STRING, offsetof(struct command, seeds), "A..B",
	 "The seeds to run (1..100)", NULL},
	{"jobs", 'j', GW_OPTION_INT, offsetof(struct command, jobs), "N",
	 "Processes that run them (1)", NULL},
	{"workload", 'w', GW_OPTION_STRING, offsetof(struct command, workload), "NAME",
	 "What the simulated machines do; --list names all (the first)", NULL},
	{"bug", 0, GW_OPTION_STRING, offsetof(struct command, bug), "NAME",
	 "Switch on a planted bug of the workload", NULL},
	{"twice", 0, GW_OPTION_INT, offsetof(struct command, twice), "N",
	 "Run every N-th seed twice: the hashes must be the same (0: none)", NULL},
	{"keep-going", 'k', GW_OPTION_FLAG, offsetof(struct command, keep_going), NULL,
	 "Do not stop at the first seed that fails", NULL},
	{"verbose", 'v', GW_OPTION_FLAG, offsetof(struct command, verbose), NULL,
	 "Print the events of each seed, too", NULL},
	{"list", 0, GW_OPTION_FLAG, offsetof(struct command, list), NULL,
	 "Print the workloads and their planted bugs", NULL},
	{"help", 0, GW_OPTION_FLAG, offsetof(struct command, help), NULL, "Print this help", NULL},
	{0},
};

/* ---- What is printed ------------------------------------------------------------------------ */

static void print_list(void)
{
	for (const struct sim_workload *const *at = sim_workloads; *at; at++) {
		printf("%-34s %s\n", (*at)->name, (*at)->about);
		for (const struct sim_bug *bug = (*at)->bugs; bug->name; bug++)
			printf("  --bug %-26s %s\n", bug->name, bug->about);
	}
}

static void print_line(struct sim_jobs *jobs, const char *line)
{
	(void)jobs;
	printf("    %s\n", line);
}

static void print_again(const struct report *report, uint64_t seed)
{
	const char *bug = report->command->bug;

	printf("    again: gw sim --workload %s --seeds %" PRIu64 "%s%s --verbose\n",
	       report->jobs.workload->name, seed, bug ? " --bug " : "", bug ? bug : "");
}

static void add_named(struct report *report, const struct sim_count_named *named)
{
	for (uint32_t i = 0; i < report->named_count; i++) {
		struct sim_count_named *at = &report->named[i];

		if (at->kind == named->kind && strcmp(at->name, named->name) == 0) {
			at->count += named->count;
			return;
		}
	}
	if (report->named_count < SIM_SWITCHES_MAX)
		report->named[report->named_count++] = *named;
}

static bool print_result(struct sim_jobs *jobs, const struct sim_result *result)
{
	struct report *report = (struct report *)jobs;
	bool right = result->error.code == 0;

	printf("%s %" PRIu64 " %016" PRIx64 " %s %.1f s %" PRIu64 " events%s%s%s\n",
	       jobs->workload->name, result->seed, result->hash, right ? "ok" : "FAILED",
	       (double)result->simulated_ns / 1e9, result->events,
	       result->beyond ? " beyond" : "", right ? "" : ": ", result->error.text);
	if (!right)
		print_again(report, result->seed);
	*(right ? &report->right : &report->failed) += 1;
	report->beyond += result->beyond;
	report->events += result->events;
	report->simulated_ns += result->simulated_ns;
	for (int i = 0; i < SIM_FAULTS; i++)
		report->faults[i] += result->faults[i];
	for (uint32_t i = 0; i < result->named_count; i++)
		add_named(report, &result->named[i]);
	return right || report->command->keep_going;
}

static void print_summary(const struct report *report)
{
	static const char *const kinds[] = {"rare path taken", "planted bug reached",
					    "probe reached"};

	for (int i = 0; i < SIM_FAULTS; i++) {
		if (report->faults[i])
			printf("%10" PRIu64 " faults: %s\n", report->faults[i],
			       sim_fault_text((enum sim_fault)i));
	}
	for (uint32_t i = 0; i < report->named_count; i++) {
		const struct sim_count_named *named = &report->named[i];

		printf("%10" PRIu64 " times %s: %s\n", named->count, kinds[named->kind],
		       named->name);
	}
	printf("%s: %" PRIu64 " seeds right, %" PRIu64 " failed; %" PRIu64
	       " exceeded the promise; %.0f simulated seconds, %" PRIu64 " events\n",
	       report->jobs.workload->name, report->right, report->failed, report->beyond,
	       (double)report->simulated_ns / 1e9, report->events);
}

/* ---- The command ---------------------------------------------------------------------------- */

static int run(const struct command *command, struct gw_error *error)
{
	struct report report = {.command = command};
	uint64_t *seeds = NULL;
	int code;

	report.jobs = (struct sim_jobs){
		.workload = command->workload ? sim_workload_find(command->workload)
					      : sim_workloads[0],
		.jobs = (uint32_t)command->jobs,
		.bug = command->bug,
		.twice_every = (uint32_t)command->twice,
		.tell_lines = command->verbose ? VERBOSE_LINES : 0,
		.tell = print_line,
		.result = print_result,
	};
	if (!report.jobs.workload)
		return gw_fail(error, GW_E_USAGE, "--workload %s: there is none; see --list",
			       command->workload);
	if (command->bug && !sim_workload_has_bug(report.jobs.workload, command->bug))
		return gw_fail(error, GW_E_USAGE, "--bug %s: not one of %s; see --list",
			       command->bug, report.jobs.workload->name);
	code = sim_seeds_parse(command->seeds ? command->seeds : "1..100", &seeds,
			       &report.jobs.count, error);
	report.jobs.seeds = seeds;
	if (code == 0)
		code = sim_jobs_run(&report.jobs, error);
	if (code == 0) {
		print_summary(&report);
		if (report.failed)
			code = gw_fail(error, GW_E_FAILED, "%" PRIu64 " seeds failed",
				       report.failed);
	}
	free(seeds);
	return code;
}

static int check(const struct command *command, struct gw_error *error)
{
	if (command->jobs < 1 || command->jobs > SIM_JOBS_MAX)
		return gw_fail(error, GW_E_USAGE, "--jobs %" PRId64 ": 1 to %d are possible",
			       command->jobs, SIM_JOBS_MAX);
	if (command->twice < 0 || command->twice > UINT32_MAX)
		return gw_fail(error, GW_E_USAGE, "--twice %" PRId64 ": not possible",
			       command->twice);
	return 0;
}

static int start(void *values, char **operands, size_t count, struct gw_error *error)
{
	const struct command *command = values;
	int code = check(command, error);

	(void)operands;
	(void)count;
	if (code == 0 && command->list)
		print_list();
	else if (code == 0)
		code = run(command, error);
	return code;
}

static const struct command defaults = {.jobs = 1};

static const struct cli_action action = {
	.name = "gw sim",
	.operands = "",
	.help = "Runs whole clusters in the simulator, one for each seed, while all goes\n"
		"wrong that may, and checks that no promise is broken.\n\n",
	.options = sim_options,
	.values_bytes = sizeof(struct command),
	.defaults = &defaults,
	.run = start,
};

int cli_sim(int argc, char **argv)
{
	return cli_action_run(&action, argc, argv);
}

void cli_sim_words(int argc, char **argv, FILE *file)
{
	const char *last = argv[argc - 1];

	if (argc > 1 && (strcmp(last, "--workload") == 0 || strcmp(last, "-w") == 0)) {
		for (const struct sim_workload *const *at = sim_workloads; *at; at++)
			fprintf(file, "%s\n", (*at)->name);
		return;
	}
	if (argc > 1 && strcmp(last, "--bug") == 0) {
		for (const struct sim_workload *const *at = sim_workloads; *at; at++) {
			for (const struct sim_bug *bug = (*at)->bugs; bug->name; bug++)
				fprintf(file, "%s\n", bug->name);
		}
		return;
	}
	cli_action_words(&action, argc, argv, file);
}
