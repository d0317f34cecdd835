/* SPDX-License-Identifier: Apache-2.0 */
/*
 * seeds_fixture.c - see seeds_fixture.h.
 */
#include "seeds_fixture.h"

#include <limits.h>
#include <stdlib.h>

FILE *seeds_open(const char *name)
{
	const char *directory = getenv("GW_TEST_SEEDS");
	char path[PATH_MAX];

	if (!directory)
		return NULL;
	snprintf(path, sizeof(path), "%s/%s", directory, name);
	return fopen(path, "re");
}

bool seeds_next(FILE *file, struct seeds_line *line)
{
	char text[256];

	while (fgets(text, sizeof(text), file)) {
		int words;

		text[strcspn(text, "#\n")] = '\0';
		words = sscanf(text, "%63s %63s %63s", line->word[0], line->word[1],
			       line->word[2]);
		if (words > 0) {
			line->words = (uint32_t)words;
			return true;
		}
	}
	return false;
}

/* A run of one seed; begins with the jobs. */
struct one {
	struct sim_jobs jobs;
	struct sim_result result;
};

static bool keep(struct sim_jobs *jobs, const struct sim_result *result)
{
	((struct one *)jobs)->result = *result;
	return true;
}

struct sim_result seeds_run_one(const struct sim_workload *workload, uint64_t seed,
				const char *bug, uint32_t twice_every)
{
	struct one one = {.jobs = {.workload = workload,
				   .seeds = &seed,
				   .count = 1,
				   .bug = bug,
				   .twice_every = twice_every,
				   .result = keep}};
	struct gw_error error = {0};

	if (sim_jobs_run(&one.jobs, &error) < 0) {
		printf("Bail out! %s\n", error.text);
		exit(1);
	}
	return one.result;
}
