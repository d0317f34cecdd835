/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fixture.h - a whole job in one process and one thread, for tests: sample, maps, reduces and
 * places one after the other, over an mr_space in plain memory whose budget, spill "file" and
 * failures the test sets.
 */
#ifndef MR_FIXTURE_H
#define MR_FIXTURE_H

#include "attempt.h"
#include "board.h"

#include <sys/types.h>

enum { FIXTURE_REGIONS_MAX = 1 << 16, FIXTURE_LEFT_MAX = 1 << 12 };

struct fixture_region {
	uint8_t *bytes;
	uint64_t size, capacity;
};

/* What an executed attempt has left behind. */
struct fixture_left {
	enum mr_task_kind kind;
	uint32_t task;
	struct mr_run runs[FIXTURE_LEFT_MAX];
	uint32_t run_count;
	struct mr_region outputs[FIXTURE_LEFT_MAX];
	uint32_t output_count;
	struct mr_counters counters;
	/* Regions and bytes of the spill file before and after it. */
	uint32_t first_region, end_region;
	uint64_t first_spilled, end_spilled;
};

struct fixture {
	struct mr_space space; /* first: the space is the fixture */
	struct mr_config config;
	struct mr_plan plan;
	struct mr_store store;
	struct mr_live live;
	struct mr_board *board;
	size_t board_size;
	struct mr_worker *worker;
	struct mr_attempt attempt;
	struct mr_counters counters; /* of committed attempts */
	struct gw_mr_options options;
	char directory[64];
	char staging[128];
	char output[128];
	/* Shared memory: region.offset is the index. Spill files: one for all, region.offset is
	 * the place. */
	struct fixture_region regions[FIXTURE_REGIONS_MAX];
	uint32_t region_count;
	uint64_t shared_bytes, shared_max;
	struct fixture_region spilled;
	uint64_t spill_calls, spill_fails_at; /* the n-th spill fails with a full disk; 0: none */
	uint64_t space_calls, space_fails_at; /* the same for the n-th call of any kind */
	struct fixture_left left; /* of the attempt that was executed last */
	bool no_sample;
	uint64_t slot_memory; /* instead of what the options give; 0: that */
};

/* A fixture with a private directory; options have their defaults, one slot and little memory. */
struct fixture *fixture_new(void);
void fixture_free(struct fixture *fixture);
/* Removes the directories of fixtures that a process left behind when it crashed. */
void fixture_clean_up_after(pid_t process);

/* Writes a file into the directory and returns its path (of the fixture's, valid until the next
 * call). */
const char *fixture_file(struct fixture *fixture, const char *name, const void *data, size_t size);

/* Runs the job over the files (ended by NULL). 0, or the first failure. */
int fixture_run(struct fixture *fixture, const struct gw_mr_job *job, const char *const *inputs,
		struct gw_error *error);

/* The bytes of a part of the last run, malloc'ed, NUL-terminated. */
char *fixture_part(struct fixture *fixture, uint32_t part, size_t *size);

/* Runs one attempt as it is set in fixture->attempt; commits what it published, or gives it
 * back. */
int fixture_attempt(struct fixture *fixture, enum mr_task_kind kind, uint32_t task,
		    struct gw_error *error);

/* The halves of it. What was executed is in fixture->left; a copy of it may be committed instead,
 * and what was not committed given back, the last first. */
int fixture_execute(struct fixture *fixture, enum mr_task_kind kind, uint32_t task,
		    struct gw_error *error);
int fixture_commit(struct fixture *fixture, const struct fixture_left *left,
		   struct gw_error *error);
void fixture_give_back(struct fixture *fixture, const struct fixture_left *left);

/* The steps of fixture_run, for tests that go between them. */
int fixture_begin(struct fixture *fixture, const struct gw_mr_job *job, const char *const *inputs,
		  struct gw_error *error);
int fixture_maps(struct fixture *fixture, struct gw_error *error);
int fixture_reduces(struct fixture *fixture, struct gw_error *error);
void fixture_end(struct fixture *fixture);
/* Another worker of the job that was begun; the caller frees it. */
int fixture_worker(struct fixture *fixture, struct mr_worker **worker, struct gw_error *error);

#endif
