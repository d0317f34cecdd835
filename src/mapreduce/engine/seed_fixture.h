/* SPDX-License-Identifier: Apache-2.0 */
/*
 * seed_fixture.h - a whole job drawn from one 64-bit number: what the job is, its memory, its
 * input, and what goes wrong while it runs. The same number gives the same run. What comes out is
 * compared with what a reference makes of the same input that shares no code with the engine and is
 * too simple to be wrong.
 *
 *     seed_draw_fixture.c       the number -> struct seed_draw
 *     seed_input_fixture.c      the bytes of the input files
 *     seed_records_fixture.c    the records in them
 *     seed_user_fixture.c       the user's functions, for the engine and for the reference
 *     seed_job_fixture.c        them as a gw_mr_job
 *     seed_reference_fixture.c  what has to come out
 *     seed_run_fixture.c        the job through the engine, with faults
 *     seed_check_fixture.c      one against the other
 *     seed_list_fixture.c       seeds in files and on the command line
 */
#ifndef MR_SEED_FIXTURE_H
#define MR_SEED_FIXTURE_H

#include "fixture.h"

#include <stdio.h>

enum {
	SEED_FILES_MAX = 4,
	SEED_PARTS_MAX = 7,
	SEED_WORKERS_MAX = 3,
	SEED_MADE_MAX = 64,    /* bytes of a key or value that the map function makes itself */
	SEED_COUNTERS_MAX = 8,
	SEED_BAD_MAX = 60,
	SEED_TEXT_MAX = 512,   /* of a sentence about a run */
};

/* ---- What is drawn --------------------------------------------------------------------------- */

/* How records are cut from the files. */
enum seed_input {
	SEED_LINES,
	SEED_FIXED,
	SEED_TABS,
	SEED_CSV,
	SEED_FRAMED,
	SEED_WHOLE,
	SEED_READER
};

enum seed_map { SEED_RECORDS, SEED_BLOCKS, SEED_TOKENS };

/* The key of what a record emits. */
enum seed_emit {
	SEED_EMIT_RECORD, /* the record's key */
	SEED_EMIT_VALUE,  /* its value */
	SEED_EMIT_FIRST,  /* the first word of its value */
	SEED_EMIT_WORDS,  /* each word */
	SEED_EMIT_MADE,   /* each word backwards: bytes that do not last */
};

/* The value. */
enum seed_value { SEED_NUMBER, SEED_NOTHING, SEED_REST, SEED_COPY, SEED_MIXED };

enum seed_reduce {
	SEED_NO_REDUCE,
	SEED_SUM,   /* of numbers */
	SEED_JOIN,  /* all values in one line, written by gw_mr_write */
	SEED_EACH,  /* a pair for each value */
	SEED_FIRST_VALUE,
	SEED_COUNT_VALUES,
	SEED_ENDS,  /* the least and the greatest value */
};

enum seed_compare { SEED_BYTES, SEED_BACKWARDS, SEED_CASELESS };

/* Order of the values of a key: as emitted, or sorted. */
enum seed_values_order { SEED_AS_EMITTED, SEED_VALUE_BYTES, SEED_VALUE_BACKWARDS, SEED_VALUE_SIZE };

enum seed_text {
	SEED_FEW_KEYS,
	SEED_MANY_KEYS,
	SEED_ONE_KEY,
	SEED_LONG_KEYS,
	SEED_COMMON_PREFIX, /* keys that differ only behind many equal bytes */
	SEED_ZEROS,         /* keys that differ in how many NULs end them */
	SEED_LONG_LINES,
	SEED_EMPTY_LINES,
	SEED_BINARY,
	SEED_TEXTS,
};

struct seed_draw {
	uint64_t seed;
	/* The job. */
	enum seed_input input;
	enum seed_map map;
	enum seed_emit emit;
	enum seed_value value;
	enum seed_reduce reduce;
	bool combine;            /* the user's */
	enum gw_mr_combiner combine_with;
	uint32_t top_k;
	enum seed_compare compare;
	enum seed_values_order values;
	enum gw_mr_partition partition_by;
	bool user_partition;
	uint8_t partition_separator;
	bool map_only, whole_parts, format, finish;
	enum gw_mr_output output;
	uint32_t parts, slots;
	uint32_t record_size, key_size, key_column;
	/* The input. */
	enum seed_text text;
	uint32_t files;
	uint32_t sizes[SEED_FILES_MAX];
	enum mr_compression packed[SEED_FILES_MAX];
	bool newline_at_end;
	uint64_t split_size;
	uint32_t reader_splits;
	uint32_t skip_every;     /* of about so many records one is bad; 0: none */
	/* Memory. */
	uint64_t slot_memory, shared_max, pool_memory; /* pool_memory 0: what the options give */
	enum mr_spill_codec codec;
	/* What goes wrong. */
	bool sample;
	uint32_t fault_percent;  /* of attempts that are made to fail */
	uint32_t twice_percent;  /* of attempts that are executed twice and committed once */
	bool shuffle;            /* tasks in any order */
	uint32_t workers;
	/* Mistakes of whoever runs attempts, for job_planted_scenario.c; never drawn. */
	bool counts_uncommitted; /* counters of attempts that are not committed */
	bool keeps_failed;       /* what failed attempts left */
};

void seed_draw(struct seed_draw *draw, uint64_t seed);
/* The draw in one line, for people. */
void seed_describe(const struct seed_draw *draw, char *text, size_t size);

/* ---- Bytes ----------------------------------------------------------------------------------- */

struct seed_bytes {
	uint8_t *data;
	size_t size, capacity;
};

void seed_append(struct seed_bytes *bytes, const void *data, size_t size);
void seed_append_byte(struct seed_bytes *bytes, uint8_t byte);
void seed_bytes_done(struct seed_bytes *bytes);

/* ---- The input ------------------------------------------------------------------------------- */

struct seed_files {
	struct seed_bytes plain[SEED_FILES_MAX]; /* unpacked */
};

void seed_files_make(const struct seed_draw *draw, struct seed_files *files);
void seed_files_done(struct seed_files *files);
/* CRC-32C, a bit at a time. */
uint32_t seed_crc32c(uint32_t crc, const uint8_t *data, size_t size);

/* One record as the reference finds it. */
struct seed_record {
	uint32_t file;        /* with the reader: the split */
	uint64_t offset;      /* in the unpacked file; with the reader: number in the split */
	struct gw_bytes key, value;
	bool bad;             /* one of those that are to be left out */
};

typedef void seed_record_function(void *context, const struct seed_record *record);

/* Calls function for every record of all files in order. At most SEED_BAD_MAX are bad. */
void seed_records(const struct seed_draw *draw, const struct seed_files *files,
		  seed_record_function *function, void *context);
/* Column number `column` (from 1) of a line, quotes undone in CSV; appended to field. */
void seed_column(const struct seed_draw *draw, struct gw_bytes line, uint32_t column,
		 struct seed_bytes *field);
/* What a file of the draw is called. */
void seed_file_name(const struct seed_draw *draw, uint32_t file, char *name, size_t size);

/* ---- The user's functions -------------------------------------------------------------------- */

/* Where they put what they make: into the engine or into the reference. */
struct seed_out {
	void (*pair)(struct seed_out *out, struct gw_bytes key, struct gw_bytes value, bool number);
	void (*write)(struct seed_out *out, const void *data, size_t size);
	void (*count)(struct seed_out *out, const char *name, int64_t delta);
};

struct seed_values {
	bool (*next)(struct seed_values *values, struct gw_bytes *value);
};

void seed_map_record(const struct seed_draw *draw, struct seed_out *out, struct gw_bytes key,
		     struct gw_bytes value);
/* What the block map for tokens emits for a stretch of text. */
void seed_map_tokens(struct seed_out *out, struct gw_bytes text);
void seed_reduce_key(const struct seed_draw *draw, struct seed_out *out, struct gw_bytes key,
		     struct seed_values *values);
void seed_combine_key(const struct seed_draw *draw, struct seed_out *out, struct gw_bytes key,
		      struct seed_values *values);
void seed_format_pair(struct seed_out *out, struct gw_bytes key, struct gw_bytes value);
void seed_finish_pair(struct seed_out *out);
int seed_compare_keys(const struct seed_draw *draw, struct gw_bytes a, struct gw_bytes b);
int seed_compare_values(const struct seed_draw *draw, struct gw_bytes a, struct gw_bytes b);
uint32_t seed_user_part(const struct seed_draw *draw, struct gw_bytes key);

enum { SEED_TOKEN_NUMBER = 3 }; /* the value that the map of tokens emits */

/* The job's context. */
struct seed_user {
	const struct seed_draw *draw;
	const struct seed_files *files;
	uint64_t calls, fails_at; /* the n-th call of a user function fails; 0: none */
	bool returns;             /* by what it returns, else by gw_mr_fail */
	bool failed;
};

void seed_job(const struct seed_draw *draw, struct seed_user *user, struct gw_mr_job *job);

/* ---- What comes out ------------------------------------------------------------------------- */

struct seed_counter {
	const char *name;
	int64_t value;
};

/* Framed parts are kept as the pairs in them: u32 size of key, u32 size of value, both. */
struct seed_result {
	struct seed_bytes parts[SEED_PARTS_MAX];
	struct seed_counter user[SEED_COUNTERS_MAX];
	int64_t records, bytes_in, map_pairs, groups, reduce_pairs, bad;
};

/* Splitters in order, as the sample chose them; ranges a part. The reference is told, not the
 * engine. */
struct seed_ranges {
	struct gw_bytes *splitters; /* owned; they point into the board */
	uint32_t count, ranges;
};

void seed_reference(const struct seed_draw *draw, const struct seed_files *files,
		    const struct seed_ranges *ranges, uint32_t splits, struct seed_result *result);
void seed_result_done(struct seed_result *result);
void seed_count(struct seed_result *result, const char *name, int64_t delta);

/* ---- A run ---------------------------------------------------------------------------------- */

struct seed_run {
	const struct seed_draw *draw;
	struct seed_files files;
	struct seed_user user;
	struct gw_mr_job job;
	struct fixture *fixture;
	struct mr_worker *workers[SEED_WORKERS_MAX]; /* fixture->worker is one of them */
	struct fixture_left *first; /* of two executions of one attempt */
	uint64_t random;
	uint32_t attempts, failures, executed_twice;
	uint64_t hash;       /* of all outputs and counters */
	char what[SEED_TEXT_MAX]; /* why it failed; "": it did not */
};

/* Runs the seed and checks what it made: true if all is well, else run->what says what is not. */
bool seed_run(struct seed_run *run, const struct seed_draw *draw);

/* The job's steps, with faults; 0 or a failure that run->what tells. */
int seed_run_job(struct seed_run *run);
/* Compares all parts and counters with the reference. */
void seed_check(struct seed_run *run);
void seed_complain(struct seed_run *run, const char *format, ...) GW_PRINTF(2, 3);

/* ---- Lists of seeds ------------------------------------------------------------------------- */

/* The file of $GW_TEST_SEEDS, or NULL. */
FILE *seed_open_list(const char *name);
/* The next line that is not empty without its comment, which # begins; false at the end. */
bool seed_next_line(FILE *file, char *line, int size);
/* "A..B" or "A". */
bool seed_read_range(const char *text, uint64_t *first, uint64_t *last);

#endif
