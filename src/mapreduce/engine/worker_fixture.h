/* SPDX-License-Identifier: Apache-2.0 */
/*
 * worker_fixture.h - what tests of the task runner share: texts, jobs over them, what they have to
 * print, and the memory that they are run in.
 */
#ifndef MR_WORKER_FIXTURE_H
#define MR_WORKER_FIXTURE_H

#include "fixture.h"

/* ---- Texts and what is expected of them; the caller frees them ------------------------------- */

/* Lines of words w0 .. w<words - 1>; every 17th word is long. */
char *worker_text(size_t size, unsigned words, uint64_t seed);
/* `word TAB count` lines in order, the obvious way. */
char *worker_count_words(const char *text);
/* Of two char *, for qsort. */
int worker_compare_strings(const void *a, const void *b);

/* ---- Functions of jobs ----------------------------------------------------------------------- */

/* Each word, 1; the second one of whole blocks, by the splitter. */
int worker_map_words(struct gw_mr_task *task, struct gw_bytes key, struct gw_bytes line);
int worker_map_tokens(struct gw_mr_task *task, const struct gw_mr_block *block);
int worker_reduce_sum(struct gw_mr_task *task, struct gw_bytes key, struct gw_mr_values *values);
/* The key is up to the first space, the value the rest of the line. */
int worker_map_first_word(struct gw_mr_task *task, struct gw_bytes key, struct gw_bytes line);
/* key=value,value,... */
int worker_join_values(struct gw_mr_task *task, struct gw_bytes key, struct gw_mr_values *values);
int worker_compare_backwards(const struct gw_mr_task *task, struct gw_bytes a, struct gw_bytes b);

/* ---- Running them ---------------------------------------------------------------------------- */

/* A test's state is a struct fixture. */
int worker_setup(void **state);
int worker_teardown(void **state);

/* The job over a file of this text; it ends well. */
void worker_run(struct fixture *fixture, const struct gw_mr_job *job, const char *text);
/* The same, and part 0 is what is expected. */
void worker_check(struct fixture *fixture, const struct gw_mr_job *job, const char *text,
		  const char *expected);

enum amount { PLENTY, LITTLE, SPILL_PLAIN, SPILL_LZ4, SPILL_ZSTD, AMOUNTS };

/* The memory that a job has: with LITTLE and below, tables and buffers overflow all the time. */
void worker_set_memory(struct fixture *fixture, enum amount amount);

#endif
