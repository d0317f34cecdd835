/* SPDX-License-Identifier: Apache-2.0 */
/*
 * grep.h - what the parts of `gw mr grep` share: grep.c has the options and the job,
 * grep_lines.c the map function, grep_count.c what -c adds.
 */
#ifndef MR_GREP_H
#define MR_GREP_H

#include "pattern.h"

#include <groundwork/mapreduce.h>

/* The job's context: the options, and what is made of them before anything starts; read-only
 * then. */
struct grep {
	struct gw_option_list patterns; /* -e */
	bool fixed, ignore_case, whole_word, whole_line;
	bool invert, count, line_numbers;
	bool with_names, without_names;
	const char *only_input; /* the operand, when there is one: a file or a directory */
	struct mr_pattern pattern;
};

/* Room behind a name for the longest number, what follows it and a NUL. */
enum { GREP_NUMBER_SIZE = 24 };

/* The state of an attempt. */
struct grep_state {
	const struct grep *grep;
	struct mr_matcher matcher;
	enum mr_search_kernel kernel; /* for counting lines */
	/* The file that is being mapped, or whose count is being summed up. */
	bool has_file;
	bool names;           /* its name is printed */
	char *prefix;         /* "name:", and room for a number */
	size_t name_size;
	uint32_t file_number; /* of those that this attempt has seen, from 1 */
	bool begins;          /* this attempt has seen its first byte */
	uint64_t offset;      /* where its next block is expected */
	uint64_t lines;       /* -n: its lines up to `counted` */
	const char *counted;
	int64_t matches; /* -c, in reduce: what is to be printed for it */
};

int grep_start(struct gw_mr_task *task, void **state);
int grep_finish(struct gw_mr_task *task, void *state);
/* The next file; GW_E_USER_CODE when there is no memory for its name. */
int grep_begin_file(struct gw_mr_task *task, struct grep_state *state, struct gw_bytes name);

/* grep_lines.c */
int grep_map(struct gw_mr_task *task, const struct gw_mr_block *block);

/* grep_count.c */
int grep_emit_count(struct gw_mr_task *task, const struct grep_state *state, int64_t lines);
int grep_sum_counts(struct gw_mr_task *task, struct gw_bytes key, struct gw_mr_values *values);
int grep_finish_counts(struct gw_mr_task *task, struct grep_state *state);
uint32_t grep_count_part(const struct gw_mr_task *task, struct gw_bytes key, uint32_t parts);

#endif
