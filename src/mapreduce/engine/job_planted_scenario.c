/* SPDX-License-Identifier: Apache-2.0 */
/*
 * job_planted_scenario.c - mistakes as they are made in an engine like this one, each found by a
 * seed of job_seed_scenario.c. The linker puts the functions below between the engine's files
 * (room_planted_calls in meson.build), so the engine has no switches. Which mistake is on is the
 * one variable here; a test program has one thread, and each mistake gets a process of its own.
 *
 *     job_planted_scenario               each is found by a line `name seed` of
 *                                        $GW_TEST_SEEDS/mapreduce-planted.txt
 *     job_planted_scenario --find A..B   the first seed that finds each, in the form of that file
 */
#include "seed_fixture.h"
#include "sorter.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum planted {
	NOTHING,
	UNSORTED_VALUES,
	UNSTABLE_SORT,
	DEEP_SORT,
	LOST_SLOT,
	LOST_SORTED_PAIR,
	KEY_IN_TWO_RANGES,
	LOST_RUN,
	RUNS_AS_THEY_CAME,
	UNSORTED_SPLITTERS,
	WRONG_PLACE,
	NO_NUMBERS,
	LOST_RECORD,
	LOST_COMBINE,
	KEY_NOT_COPIED,
	COUNTS_UNCOMMITTED,
	KEEPS_FAILED,
	PLANTED,
};

static const struct {
	const char *name, *text;
} mistakes[PLANTED] = {
	[UNSORTED_VALUES] = {"unsorted-values", "values are not sorted"},
	[UNSTABLE_SORT] = {"unstable-sort", "equal keys change places"},
	[DEEP_SORT] = {"deep-sort", "a range's keys are thought to share a byte more"},
	[LOST_SLOT] = {"lost-slot", "a table's last slot is not written"},
	[LOST_SORTED_PAIR] = {"lost-sorted-pair", "a sorted run loses its last pair"},
	[KEY_IN_TWO_RANGES] = {"key-in-two-ranges", "a key on a border is now here, now there"},
	[LOST_RUN] = {"lost-run", "the second run of a task is forgotten"},
	[RUNS_AS_THEY_CAME] = {"runs-as-they-came", "runs are not in the order of the input"},
	[UNSORTED_SPLITTERS] = {"unsorted-splitters",
				"the first and the last splitter are swapped"},
	[WRONG_PLACE] = {"wrong-place", "output begins a byte early when the unit before was late"},
	[NO_NUMBERS] = {"no-numbers", "numbers are not printed as such"},
	[LOST_RECORD] = {"lost-record", "a record that begins where a piece does is left out"},
	[LOST_COMBINE] = {"lost-combine", "pairs that go into a combiner do not come out"},
	[KEY_NOT_COPIED] = {"key-not-copied", "a key is kept where it does not last"},
	[COUNTS_UNCOMMITTED] = {"counts-uncommitted", "attempts that are not committed count"},
	[KEEPS_FAILED] = {"keeps-failed", "what a failed attempt left is committed"},
};

static enum planted planted;

/* ---- Sorting -------------------------------------------------------------------------------- */

bool __real_mr_values_ordered(const struct gw_mr_job *job);
bool __wrap_mr_values_ordered(const struct gw_mr_job *job);

bool __wrap_mr_values_ordered(const struct gw_mr_job *job)
{
	return planted != UNSORTED_VALUES && __real_mr_values_ordered(job);
}

void __real_mr_sort(struct mr_sort_entry *entries, struct mr_sort_entry *scratch, size_t count,
		    size_t depth, mr_sort_key *key);
void __wrap_mr_sort(struct mr_sort_entry *entries, struct mr_sort_entry *scratch, size_t count,
		    size_t depth, mr_sort_key *key);

void __wrap_mr_sort(struct mr_sort_entry *entries, struct mr_sort_entry *scratch, size_t count,
		    size_t depth, mr_sort_key *key)
{
	__real_mr_sort(entries, scratch, count, depth, key);
	for (size_t i = 1; planted == UNSTABLE_SORT && i < count; i++) {
		struct mr_sort_entry entry = entries[i];

		if (gw_bytes_compare(key(entries[i - 1].item), key(entry.item)) != 0)
			continue;
		entries[i] = entries[i - 1];
		entries[i - 1] = entry;
		return;
	}
}

int __real_mr_merge_add_run(struct mr_sorter *sorter, struct gw_error *error);
int __wrap_mr_merge_add_run(struct mr_sorter *sorter, struct gw_error *error);

int __wrap_mr_merge_add_run(struct mr_sorter *sorter, struct gw_error *error)
{
	if (planted == LOST_SORTED_PAIR && sorter->count > 1)
		sorter->count--;
	return __real_mr_merge_add_run(sorter, error);
}

/* ---- Ranges --------------------------------------------------------------------------------- */

size_t __real_mr_ranges_common(const struct mr_ranges *ranges, uint32_t bucket);
size_t __wrap_mr_ranges_common(const struct mr_ranges *ranges, uint32_t bucket);

size_t __wrap_mr_ranges_common(const struct mr_ranges *ranges, uint32_t bucket)
{
	return __real_mr_ranges_common(ranges, bucket) + (planted == DEEP_SORT);
}

uint32_t __real_mr_ranges_bucket(const struct mr_ranges *ranges, const struct gw_mr_task *task,
				 struct gw_bytes key);
uint32_t __wrap_mr_ranges_bucket(const struct mr_ranges *ranges, const struct gw_mr_task *task,
				 struct gw_bytes key);

uint32_t __wrap_mr_ranges_bucket(const struct mr_ranges *ranges, const struct gw_mr_task *task,
				 struct gw_bytes key)
{
	uint32_t bucket = __real_mr_ranges_bucket(ranges, task, key);
	uint32_t range = bucket % ranges->ranges;

	if (planted == KEY_IN_TWO_RANGES && range > 0 && range <= ranges->count &&
	    task->attempt->task % 2 &&
	    gw_bytes_compare(ranges->splitters[range - 1], key) == 0)
		bucket--;
	return bucket;
}

int __real_mr_board_set_ranges(struct mr_board *board, uint32_t ranges,
			       const struct gw_bytes *splitters, uint32_t count,
			       struct gw_error *error);
int __wrap_mr_board_set_ranges(struct mr_board *board, uint32_t ranges,
			       const struct gw_bytes *splitters, uint32_t count,
			       struct gw_error *error);

int __wrap_mr_board_set_ranges(struct mr_board *board, uint32_t ranges,
			       const struct gw_bytes *splitters, uint32_t count,
			       struct gw_error *error)
{
	struct gw_bytes *swapped = (struct gw_bytes *)(uintptr_t)splitters;

	if (planted == UNSORTED_SPLITTERS && count > 1) {
		struct gw_bytes first = swapped[0];

		swapped[0] = swapped[count - 1];
		swapped[count - 1] = first;
	}
	return __real_mr_board_set_ranges(board, ranges, splitters, count, error);
}

/* ---- Runs ----------------------------------------------------------------------------------- */

int __real_mr_run_write_slots(struct mr_run_writer *writer, const struct mr_slot *slots,
			      size_t count, struct gw_error *error);
int __wrap_mr_run_write_slots(struct mr_run_writer *writer, const struct mr_slot *slots,
			      size_t count, struct gw_error *error);

int __wrap_mr_run_write_slots(struct mr_run_writer *writer, const struct mr_slot *slots,
			      size_t count, struct gw_error *error)
{
	if (planted == LOST_SLOT && count > 1)
		count--;
	return __real_mr_run_write_slots(writer, slots, count, error);
}

int __real_mr_board_add_run(struct mr_board *board, const struct mr_run *run,
			    struct gw_error *error);
int __wrap_mr_board_add_run(struct mr_board *board, const struct mr_run *run,
			    struct gw_error *error);

int __wrap_mr_board_add_run(struct mr_board *board, const struct mr_run *run,
			    struct gw_error *error)
{
	if (planted == LOST_RUN && run->sequence == 1)
		return 0;
	return __real_mr_board_add_run(board, run, error);
}

int __real_mr_board_plan_reduces(struct mr_board *board, const struct mr_config *config,
				 struct mr_space *space, struct gw_error *error);
int __wrap_mr_board_plan_reduces(struct mr_board *board, const struct mr_config *config,
				 struct mr_space *space, struct gw_error *error);

int __wrap_mr_board_plan_reduces(struct mr_board *board, const struct mr_config *config,
				 struct mr_space *space, struct gw_error *error)
{
	int failed = __real_mr_board_plan_reduces(board, config, space, error);

	if (planted != RUNS_AS_THEY_CAME)
		return failed;
	for (uint32_t i = 0, k = board->run_count; k > 0 && i < --k; i++) {
		struct mr_run run = board->runs[i];

		board->runs[i] = board->runs[k];
		board->runs[k] = run;
	}
	return failed;
}

/* ---- Pairs in and out ----------------------------------------------------------------------- */

int __real_mr_input_next(struct mr_input *input, struct mr_block *block, struct gw_error *error);
int __wrap_mr_input_next(struct mr_input *input, struct mr_block *block, struct gw_error *error);

int __wrap_mr_input_next(struct mr_input *input, struct mr_block *block, struct gw_error *error)
{
	int more = __real_mr_input_next(input, block, error);

	if (planted == LOST_RECORD && more == 1 && block->offset > 0) {
		const char *newline = memchr(block->data, '\n', block->size);

		if (newline) {
			size_t lost = (size_t)(newline + 1 - block->data);

			block->data += lost;
			block->offset += lost;
			block->size -= lost;
		}
	}
	return more;
}

int __real_mr_groups(struct gw_mr_task *task, struct mr_cursor *cursor, enum mr_group_use use,
		     uint64_t *first_key, struct gw_error *error);
int __wrap_mr_groups(struct gw_mr_task *task, struct mr_cursor *cursor, enum mr_group_use use,
		     uint64_t *first_key, struct gw_error *error);

int __wrap_mr_groups(struct gw_mr_task *task, struct mr_cursor *cursor, enum mr_group_use use,
		     uint64_t *first_key, struct gw_error *error)
{
	if (planted == LOST_COMBINE && use == MR_GROUP_COMBINE && task->writer.sequence > 0)
		return 0;
	return __real_mr_groups(task, cursor, use, first_key, error);
}

int __real_mr_pairs_add(struct mr_pairs *pairs, const struct mr_pair *pair, bool keep_key,
			bool keep_value, struct gw_error *error);
int __wrap_mr_pairs_add(struct mr_pairs *pairs, const struct mr_pair *pair, bool keep_key,
			bool keep_value, struct gw_error *error);

int __wrap_mr_pairs_add(struct mr_pairs *pairs, const struct mr_pair *pair, bool keep_key,
			bool keep_value, struct gw_error *error)
{
	return __real_mr_pairs_add(pairs, pair, keep_key || planted == KEY_NOT_COPIED, keep_value,
				   error);
}

int __real_mr_output_pair_other(struct mr_output *output, struct gw_bytes key,
				struct gw_bytes value, bool number, struct gw_error *error);
int __wrap_mr_output_pair_other(struct mr_output *output, struct gw_bytes key,
				struct gw_bytes value, bool number, struct gw_error *error);

int __wrap_mr_output_pair_other(struct mr_output *output, struct gw_bytes key,
				struct gw_bytes value, bool number, struct gw_error *error)
{
	return __real_mr_output_pair_other(output, key, value, number && planted != NO_NUMBERS,
					   error);
}

void __real_mr_board_unit_done(struct mr_board *board, uint32_t unit);
void __wrap_mr_board_unit_done(struct mr_board *board, uint32_t unit);

void __wrap_mr_board_unit_done(struct mr_board *board, uint32_t unit)
{
	struct mr_unit *next = &board->units[unit + 1];
	bool waits = unit + 1 < board->unit_count && next->done && !next->placed;

	__real_mr_board_unit_done(board, unit);
	if (planted == WRONG_PLACE && waits && next->placed && next->offset > 0)
		next->offset--;
}

/* ---- Finding them --------------------------------------------------------------------------- */

enum { SECONDS_MAX = 120 }; /* a seed that takes longer hangs */

/* Whether the seed fails with the mistake on, in a process of its own. */
static bool fails(uint64_t seed, enum planted mistake)
{
	struct seed_draw draw;
	struct seed_run run;
	int status;
	pid_t child;

	fflush(stdout);
	child = fork();
	if (child == 0) {
		if (!freopen("/dev/null", "w", stderr))
			_exit(0);
		alarm(SECONDS_MAX);
		planted = mistake;
		seed_draw(&draw, seed);
		draw.counts_uncommitted = mistake == COUNTS_UNCOMMITTED;
		draw.keeps_failed = mistake == KEEPS_FAILED;
		_exit(seed_run(&run, &draw) ? 0 : 1);
	}
	if (child < 0 || waitpid(child, &status, 0) != child)
		exit(1);
	fixture_clean_up_after(child);
	return !WIFEXITED(status) || WEXITSTATUS(status) != 0;
}

static enum planted find_mistake(const char *name)
{
	for (int i = NOTHING + 1; i < PLANTED; i++) {
		if (strcmp(mistakes[i].name, name) == 0)
			return (enum planted)i;
	}
	return NOTHING;
}

/* A line of the file: the mistake is found, and the seed is right without it. */
static bool check_line(const char *name, uint64_t seed, uint64_t *found_all)
{
	enum planted mistake = find_mistake(name);
	bool found = mistake != NOTHING && fails(seed, mistake);
	bool right = !fails(seed, NOTHING);

	if (found)
		*found_all |= UINT64_C(1) << mistake;
	printf("%sok - %s: seed %" PRIu64 " %s\n", found && right ? "" : "not ", name, seed,
	       !found ? "does not find it" : right ? "finds it" : "fails without it");
	return found && right;
}

static bool check_file(void)
{
	FILE *file = seed_open_list("mapreduce-planted.txt");
	uint64_t found = 0, tests = 0;
	bool right = file != NULL;
	char line[256], *seed;

	if (!file)
		printf("not ok - GW_TEST_SEEDS is not the folder of mapreduce-planted.txt\n");
	while (file && seed_next_line(file, line, sizeof line)) {
		seed = line + strcspn(line, " ");
		if (*seed)
			*seed++ = 0;
		right &= check_line(line, strtoull(seed, NULL, 10), &found);
		tests++;
	}
	if (file)
		fclose(file);
	for (int i = NOTHING + 1; i < PLANTED; i++) {
		if (found >> i & 1)
			continue;
		printf("not ok - %s: has no recorded seed that finds it\n", mistakes[i].name);
		right = false;
		tests++;
	}
	printf("1..%" PRIu64 "\n", tests + (file == NULL));
	return right;
}

static bool find_first(uint64_t first, uint64_t last)
{
	bool all = true;

	for (int i = NOTHING + 1; i < PLANTED; i++) {
		uint64_t seed = first;

		while (seed <= last && !fails(seed, (enum planted)i))
			seed++;
		if (seed <= last)
			printf("%s %" PRIu64 " # %s\n", mistakes[i].name, seed, mistakes[i].text);
		else
			printf("# %s: not found\n", mistakes[i].name);
		all &= seed <= last;
	}
	return all;
}

int main(int argc, char **argv)
{
	uint64_t first, last;

	if (argc == 1)
		return check_file() ? 0 : 1;
	if (argc == 3 && strcmp(argv[1], "--find") == 0 && seed_read_range(argv[2], &first, &last))
		return find_first(first, last) ? 0 : 1;
	fprintf(stderr, "usage: %s [--find A..B]\n", argv[0]);
	return 2;
}
