/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stream_reader.h - inputs that are not cut at lines by size: NLineInputFormat (a split has so many
 * lines) and StreamXmlRecord (a record goes from one mark to another). They are readers of the
 * public API (struct gw_mr_reader) over plain files, which are mapped into memory.
 */
#ifndef MR_STREAM_READER_H
#define MR_STREAM_READER_H

#include "stream_files.h"

#include <groundwork/mapreduce.h>

struct mr_stream_reader;

struct mr_reader_setup {
	const struct mr_strings *inputs; /* files, or directories of files */
	uint64_t lines;          /* of a split; 0: records between marks */
	const char *begin, *end; /* the marks */
	uint64_t split_size;     /* bytes of a split of records between marks */
};

/* Lists the files, without those whose names begin with '.' or '_', and cuts them into splits. */
int mr_reader_new(struct mr_stream_reader **reader, const struct mr_reader_setup *setup,
		  struct gw_error *error) GW_MUST_CHECK;
void mr_reader_free(struct mr_stream_reader *reader);

/* The functions of the reader; the job's context is a struct mr_stream. A record's key is its
 * offset in the file in decimal digits, its value the line without newline, or all from mark to
 * mark. */
extern const struct gw_mr_reader mr_stream_reader_calls;

/* Where a split is. */
void mr_reader_split(const struct mr_stream_reader *reader, uint32_t split, const char **file,
		     uint64_t *offset, uint64_t *size);

/* For tests: split_count, open, next and close on a reader of one's own. */
uint32_t mr_reader_splits(const struct mr_stream_reader *reader);
int mr_reader_open(struct mr_stream_reader *reader, uint32_t split, void **state,
		   struct gw_error *error) GW_MUST_CHECK;
int mr_reader_next(void *state, struct gw_bytes *key, struct gw_bytes *value,
		   struct gw_error *error) GW_MUST_CHECK;
void mr_reader_close(void *state);

#endif
