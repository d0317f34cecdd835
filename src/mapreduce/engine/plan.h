/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plan.h - cuts the inputs into splits (paper sections 3.1 and 3.5). Done once by the driver before
 * it forks, so every slot inherits the plan and a task is named by its number alone.
 *
 * A split is a list of pieces of files. A big file gives several splits of split_size; many small
 * files share one, so that 100,000 tiny inputs are a few hundred tasks. A compressed file, or any
 * file when the job says whole_files, is one piece. A record belongs to the piece in which its
 * first byte lies.
 */
#ifndef MR_PLAN_H
#define MR_PLAN_H

#include "config.h"
#include "store.h"

enum mr_compression { MR_PLAIN, MR_GZIP, MR_ZSTD, MR_LZ4 };

struct mr_plan_file {
	const char *path;
	uint64_t size; /* bytes on disk when the plan was made */
	enum mr_compression compression;
};

struct mr_piece {
	uint32_t file;
	uint64_t offset, size; /* in the file on disk; a compressed file is whole */
};

struct mr_split {
	uint32_t first_piece, piece_count;
	uint64_t bytes; /* on disk */
};

struct mr_plan {
	struct mr_plan_file *files;
	struct mr_piece *pieces;
	struct mr_split *splits;
	uint32_t file_count, piece_count, split_count;
	uint64_t bytes; /* of all inputs, on disk */
	void *memory;   /* arena that owns all of it */
};

enum {
	MR_FILES_MAX = 1 << 30,
	MR_SPLITS_MAX = 1 << 20,
	MR_SPLITS_PER_SLOT = 4,     /* at least, so that slots end at about the same time */
	MR_SPLIT_MIN = 256 << 10,   /* but no split is made smaller than this for that */
};

/*
 * Walks config->options.inputs in their order: a directory gives its regular files, recursively, in
 * byte order of the paths, without files and directories whose name begins with '.' or '_' and
 * without links. A missing or unreadable input is an error that names it; empty files give no
 * piece, unless the job wants to see them: then one of no bytes. All splits are equally big as far
 * as whole files allow: at most split_size, and at least four a slot if none is then under 256 KiB.
 * With job.reader the splits have no pieces.
 */
int mr_plan_init(struct mr_plan *plan, const struct mr_config *config, struct mr_store *store,
		 struct gw_error *error) GW_MUST_CHECK;
void mr_plan_done(struct mr_plan *plan);

#endif
