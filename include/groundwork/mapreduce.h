/* SPDX-License-Identifier: Apache-2.0 */
/*
 * groundwork/mapreduce.h - write a MapReduce job in C (Dean and Ghemawat, OSDI 2004).
 *
 * A job is a struct of functions and one line of main:
 *
 *     static int count_words(struct gw_mr_task *task, struct gw_bytes key, struct gw_bytes line);
 *
 *     int main(int argc, char **argv)
 *     {
 *             struct gw_mr_job job = {
 *                     .name = "wordcount", .map = count_words, .combine_with = GW_MR_SUM,
 *             };
 *             return gw_mr_main(argc, argv, &job);
 *     }
 *
 * Zero is the default of every field. The program then takes `[options] INPUT... OUTPUT_DIR`; run
 * it with --help to see the options that the library adds.
 *
 * Where user code runs. map, reduce, combine and the rest run in forked processes, one a slot,
 * never in the process that called gw_mr_main: what they do to memory is seen by no one else, and a
 * crash costs one attempt. Functions of one process are called from one thread. A task may be run
 * more than once (a failed attempt, the sample taken before the first map task), so user code must
 * not depend on being run exactly once; output, counters and side files are taken from one
 * successful attempt of each task only (paper section 3.3). With deterministic functions the output
 * is the same, byte for byte, as that of a sequential run (framed output: pair for pair).
 *
 * Errors. User functions return 0, or a negative code after gw_mr_fail said why; that ends the
 * attempt. emit and write return nothing: a failure (a full disk, say) is kept in the task and ends
 * the attempt when the user function returns.
 *
 * Ownership. Bytes passed to a user function are the library's and last until it returns; bytes
 * passed to emit may point into them, into the block of a block map, or anywhere that lasts until
 * the emit returns: the library copies what it must. Only bytes inside the record or block being
 * mapped are left where they are (no copy per pair).
 *
 * Limits: a key or value has at most 2 GiB - 1 bytes, and must fit the memory budget of a slot.
 */
#ifndef GROUNDWORK_MAPREDUCE_H
#define GROUNDWORK_MAPREDUCE_H

#include <groundwork/base.h>

#ifdef __cplusplus
extern "C" {
#endif

struct gw_mr_task;   /* one attempt of a map or reduce task, as user code sees it */
struct gw_mr_values; /* the values of one key, read once from front to back */
struct gw_mr_report; /* what a finished job has to tell */

/* ---- Input (paper section 4.4) --------------------------------------------------------------- */

enum gw_mr_input {
	GW_MR_LINES,   /* key: byte offset as int64 (gw_mr_i64); value: line without newline */
	GW_MR_FILES,   /* key: file name; value: the whole file */
	GW_MR_FIXED,   /* record_size bytes; key: the first key_size of them; value: the rest */
	GW_MR_COLUMNS, /* delimited text, a record a line (RFC 4180 quotes); key: key_column */
	GW_MR_FRAMED,  /* key/value pairs as GW_MR_OUT_FRAMED wrote them */
};

/*
 * An input that need not be files: a range of numbers, a database. Splits are numbered from 0; each
 * is opened, read to its end and closed by one attempt, in a slot's process. `open` makes the state
 * of one split; `next` gives 1 and a record (valid until the next call), 0 at the end, or a
 * negative code.
 */
struct gw_mr_reader {
	uint32_t (*split_count)(void *context);
	int (*open)(void *context, uint32_t split, void **state, struct gw_error *error);
	int (*next)(void *state, struct gw_bytes *key, struct gw_bytes *value,
		    struct gw_error *error);
	void (*close)(void *state);
};

/* A whole split, or as much of it as is in memory at once: whole records only. */
struct gw_mr_block {
	const char *data;
	size_t size;
	const char *file; /* name of the input file */
	uint64_t offset;  /* of data[0] in the file (in the unpacked stream if it is compressed) */
};

/* ---- Output ------------------------------------------------------------------------------- */

enum gw_mr_output {
	GW_MR_OUT_TEXT,   /* key TAB value NEWLINE; only key NEWLINE when the value is empty */
	GW_MR_OUT_FRAMED, /* length-framed pairs in checksummed blocks, input of another job */
	GW_MR_OUT_FIXED,  /* key and value, nothing between: what GW_MR_FIXED reads */
};

/* ---- Partitioning, combining -------------------------------------------------------------- */

enum gw_mr_partition {
	GW_MR_BY_HASH,   /* hash of the key modulo the number of parts */
	GW_MR_BY_PREFIX, /* hash of the key up to the first partition_separator byte */
	GW_MR_BY_HOST,   /* hash of the host of a key that is a URL (paper section 4.1) */
	GW_MR_BY_RANGE,  /* sampled ranges: the parts in order are totally ordered */
};

/*
 * Combiners that run inside the library, at every emit. SUM, MIN, MAX and COUNT make one int64 per
 * key (emit with gw_mr_emit_i64; COUNT ignores the value); SET_UNION keeps each distinct value of a
 * key once, in byte order; TOP_K keeps the top_k greatest values in byte order, greatest first
 * (start a value with gw_mr_put_ordered_i64 to rank by number). If reduce is NULL the result is the
 * output.
 */
enum gw_mr_combiner {
	GW_MR_NO_COMBINER,
	GW_MR_SUM,
	GW_MR_MIN,
	GW_MR_MAX,
	GW_MR_COUNT,
	GW_MR_SET_UNION,
	GW_MR_TOP_K,
};

/* ---- The job ------------------------------------------------------------------------------ */

struct gw_mr_job {
	const char *name;    /* one word; names the job in reports */
	const char *summary; /* one line for --help */

	/* The map function: exactly one of the two. A block map gets a whole split at once (a
	 * grep need not see lines until there is a hit) and may be called several times for one
	 * split. */
	int (*map)(struct gw_mr_task *task, struct gw_bytes key, struct gw_bytes value);
	int (*map_block)(struct gw_mr_task *task, const struct gw_mr_block *block);

	/* Called once for each key of a partition, keys in order. NULL: each pair as it is
	 * (identity), or what combine_with made. */
	int (*reduce)(struct gw_mr_task *task, struct gw_bytes key, struct gw_mr_values *values);

	/* Partial merging before the data moves (paper section 4.3): a built-in one, or the
	 * user's, which emits pairs with the same key and may be called any number of times,
	 * also never. */
	enum gw_mr_combiner combine_with;
	uint32_t top_k; /* for GW_MR_TOP_K; default 10 */
	int (*combine)(struct gw_mr_task *task, struct gw_bytes key, struct gw_mr_values *values);

	/* Which of `parts` output files a key goes to; NULL: as partition_by says. */
	uint32_t (*partition)(const struct gw_mr_task *task, struct gw_bytes key, uint32_t parts);
	enum gw_mr_partition partition_by;
	uint8_t partition_separator;

	/* Order of keys within a part (NULL: as bytes); keys that compare equal are one group under
	 * the first of them (with a combiner of numbers: the least as bytes). */
	int (*compare)(const struct gw_mr_task *task, struct gw_bytes a, struct gw_bytes b);
	/* Secondary sort: values of a key arrive in this order. sort_values alone: as bytes.
	 * Otherwise in the order of the input and of emission. */
	bool sort_values;
	int (*compare_values)(const struct gw_mr_task *task, struct gw_bytes a, struct gw_bytes b);

	enum gw_mr_input input;
	uint64_t record_size; /* GW_MR_FIXED */
	uint64_t key_size;    /* GW_MR_FIXED */
	uint8_t separator;    /* GW_MR_COLUMNS: ',' by default, and then quotes are understood */
	uint32_t key_column;  /* GW_MR_COLUMNS: counted from 1; 0: the byte offset is the key */
	bool whole_files;     /* never cut a file into several splits */
	bool empty_files;     /* map_block is called, with no bytes, for files without any */
	/* Instead of files; the program then takes only OUTPUT_DIR. */
	const struct gw_mr_reader *reader;

	enum gw_mr_output output;
	/* Formats one pair with gw_mr_write, instead of `output`. */
	int (*format)(struct gw_mr_task *task, struct gw_bytes key, struct gw_bytes value);

	bool map_only; /* no reduce: what map emits is the output, in the order of the input */
	/* A part is reduced by one attempt from its first key to its last. Otherwise a big part
	 * is cut into ranges of keys that are reduced side by side, each with its own start and
	 * finish. */
	bool whole_parts;

	/* Called at the start and at the successful end of each attempt; *state is the attempt's
	 * own. */
	int (*start)(struct gw_mr_task *task, void **state);
	int (*finish)(struct gw_mr_task *task, void *state);

	void *context;                   /* the user's; as it was when the job started */
	const struct gw_option *options; /* the program's own, stored into *context; or NULL */
	/* Called after the options were parsed, before anything starts; may change the job. The
	 * operands include OUTPUT_DIR; take some off the front by raising *operands and lowering
	 * *count. */
	int (*prepare)(struct gw_mr_job *job, char ***operands, size_t *count,
		       struct gw_error *error);
};

/* Runs the job that the command line describes, reports on stderr, returns the exit status. */
int gw_mr_main(int argc, char **argv, const struct gw_mr_job *job) GW_MUST_CHECK;

/* ---- What a running function may call ----------------------------------------------------- */

/* Emits a pair from map or combine, or writes one from reduce in the output format. */
void gw_mr_emit(struct gw_mr_task *task, struct gw_bytes key, struct gw_bytes value);

/* The same with a number as value: 8 bytes, little-endian, printed in decimal by GW_MR_OUT_TEXT. */
void gw_mr_emit_i64(struct gw_mr_task *task, struct gw_bytes key, int64_t value);

/* Writes bytes to the output as they are, from reduce, from format, or from the map of a
 * map-only job. */
void gw_mr_write(struct gw_mr_task *task, const void *data, size_t size);

/* The next value of the key: true, and *value valid until the next call; false at the end. */
bool gw_mr_next(struct gw_mr_values *values, struct gw_bytes *value);

/* The next value as a number. */
bool gw_mr_next_i64(struct gw_mr_values *values, int64_t *value);

/* The number in the 8 bytes of a value or key; 0 when the size is not 8. */
int64_t gw_mr_i64(struct gw_bytes value);

/* Writes number as 8 bytes whose byte order is the order of numbers. */
void gw_mr_put_ordered_i64(uint8_t out[8], int64_t number);
int64_t gw_mr_get_ordered_i64(const uint8_t in[8]);

/* Adds to a counter (paper section 4.9); the report sums those of successful attempts only.
 * Group and name are copied; at most 64 distinct counters a job, names of at most 47 bytes. */
void gw_mr_count(struct gw_mr_task *task, const char *name, int64_t delta);

/* Sets the status text of the running task, shown by the progress line; cut after 127 bytes. */
void gw_mr_status(struct gw_mr_task *task, const char *text);

/* Why the user function is about to fail; returns GW_E_USER_CODE to be returned by it. */
int gw_mr_fail(struct gw_mr_task *task, const char *format, ...) GW_PRINTF(2, 3);

/* For a block map: the record being worked on starts at data (inside the block). A crash then
 * names it. */
void gw_mr_at(struct gw_mr_task *task, const void *data);

/* For a block map: it is done with the block's bytes before data, or at them. That moves the
 * progress line within a block, and nothing else; gw_mr_at and gw_mr_emit_tokens_i64 do so too. */
void gw_mr_progress(struct gw_mr_task *task, const void *data);

/* A side file (paper section 4.5): a descriptor open for writing, which the library closes; it
 * becomes OUTPUT_DIR/name by rename when the attempt succeeds. name holds no '/', and is not
 * that of a part. */
int gw_mr_side_file(struct gw_mr_task *task, const char *name, struct gw_error *error)
	GW_MUST_CHECK;

void *gw_mr_context(const struct gw_mr_task *task);          /* job.context */
void *gw_mr_state(const struct gw_mr_task *task);            /* what start made */
const char *gw_mr_input_name(const struct gw_mr_task *task); /* file being mapped; "" in reduce */
uint32_t gw_mr_task_number(const struct gw_mr_task *task);   /* split, or part */
uint32_t gw_mr_attempt_number(const struct gw_mr_task *task);
bool gw_mr_sampling(const struct gw_mr_task *task); /* the sample before the first task */

/* A private directory for temporary files of this run of the job; it is removed when the job
 * ends, in whatever way. All tasks share it: names in it begin with "user", and are to differ
 * from each other. */
const char *gw_mr_directory(const struct gw_mr_task *task);

/* Field number column (from 1) of a line of delimited text, unquoted into the task's scratch
 * memory if need be; valid until the function that was called with the line returns. Empty if
 * there is none. */
struct gw_bytes gw_mr_column(struct gw_mr_task *task, struct gw_bytes line, uint8_t separator,
			     uint32_t column);

/* ---- The splitter: words at the speed of the vector unit ---------------------------------- */

/* A set of bytes that separate tokens; prepared once, read-only afterwards. */
struct gw_splitter {
	uint8_t member[256];    /* 1: a separator */
	uint8_t low[2][16];     /* the same as nibble tables: see src/mapreduce/engine/splitter.c */
	uint8_t kernel;         /* chosen for this machine by init */
};

struct gw_token {
	uint32_t offset; /* from the start of the data */
	uint32_t size;   /* at least 1 */
};

/* The separators of set. */
void gw_splitter_init(struct gw_splitter *splitter, struct gw_bytes set);
/* What C's isspace takes in the "C" locale: space \t \n \v \f \r. */
void gw_splitter_init_space(struct gw_splitter *splitter);

/*
 * Cuts data[*position..size) into maximal runs of bytes that are no separators; stores at most max
 * of them, returns how many, and moves *position to where the next call goes on (size at the end).
 * A token that reaches the end of data is complete. size is at most 4 GiB - 1. max is at least 64.
 * Reads no byte outside data[0..size).
 */
size_t gw_split(const struct gw_splitter *splitter, const char *data, size_t size, size_t *position,
		struct gw_token *tokens, size_t max);

/* gw_mr_emit_i64 for each token of data: the fast way to count. */
void gw_mr_emit_tokens_i64(struct gw_mr_task *task, const char *data, const struct gw_token *tokens,
			   size_t count, int64_t value);

/* ---- Running a job from a program --------------------------------------------------------- */

struct gw_mr_options {
	const char *const *inputs; /* files and directories */
	size_t input_count;
	const char *output;          /* directory; must not exist */
	int64_t jobs;                /* slots; default: the cores this process may use */
	int64_t parts;               /* output files, the paper's R; default 1 */
	uint64_t memory;             /* bytes, anonymous and shared; default a quarter of RAM */
	uint64_t split_size;         /* bytes; default 64 MiB, less for small inputs */
	const char *temporary;       /* directory of spill files; default: beside the output */
	const char *compress_spill;  /* "lz4" (default), "zstd" or "none" */
	bool skip_bad_records;       /* paper section 4.6 */
	uint64_t record_timeout_ms;  /* a record that takes longer is bad; 0: no limit */
	int64_t attempts;            /* tries of a task before the job fails; default 4 */
	bool in_process;             /* tasks one by one in this process (paper section 4.7) */
	int64_t only_map;            /* run this map task alone, commit nothing; -1: run the job */
	int64_t only_reduce;         /* run the maps, then this part alone; -1: the job */
	bool show_stderr;            /* pass on what tasks print; else kept for failures */
	bool json;                   /* report as one JSON object on stdout */
	bool quiet;                  /* no progress, no report; errors only */
	const char *report_html;     /* file for the report with the rates drawn over time */
};

/* The defaults. */
void gw_mr_options_init(struct gw_mr_options *options);

/* Runs the job; blocks until it ended. On success *report (if not NULL) is a report to be freed.
 * The calling process must have one thread. */
int gw_mr_run(const struct gw_mr_job *job, const struct gw_mr_options *options,
	      struct gw_mr_report **report, struct gw_error *error) GW_MUST_CHECK;

/* The value of a counter of the job, the user's or an automatic one (docs/mapreduce.md lists
 * them); 0 if there is none. */
int64_t gw_mr_report_counter(const struct gw_mr_report *report, const char *name);
void gw_mr_report_free(struct gw_mr_report *report);

#ifdef __cplusplus
}
#endif

#endif
