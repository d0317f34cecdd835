/* SPDX-License-Identifier: Apache-2.0 */
/*
 * input.h - a split as blocks of memory that hold whole records, and a block as records.
 *
 *     struct mr_input *input;
 *     mr_input_open(&input, config, plan, store, split, error);
 *     while ((more = mr_input_next(input, &block, error)) == 1) {
 *             struct mr_records records;
 *             mr_records_init(&records, config, &block);
 *             while ((one = mr_records_next(&records, &key, &value, &at, error)) == 1)
 *                     ...
 *     }
 *     mr_input_close(input);
 *
 * Plain files are mapped: the block is a whole piece, grown to record borders, and stays valid until
 * mr_input_close (stable). Compressed files are unpacked through a buffer that the next call of
 * mr_input_next reuses (not stable); a block then has about block_size bytes, more when one record is
 * longer. Files under 64 KiB are read into the buffer too, since mapping costs more than reading.
 */
#ifndef MR_INPUT_H
#define MR_INPUT_H

#include "plan.h"

struct mr_input;

struct mr_block {
	const char *data;
	size_t size;
	uint32_t file;   /* index in plan->files */
	uint64_t offset; /* of data[0] in the file, unpacked */
	bool stable;     /* memory stays as it is until mr_input_close */
};

int mr_input_open(struct mr_input **input, const struct mr_config *config, const struct mr_plan *plan,
		  struct mr_store *store, uint32_t split, struct gw_error *error) GW_MUST_CHECK;

/* 1 and a block that is not empty, 0 at the end of the split, or a negative code. */
int mr_input_next(struct mr_input *input, struct mr_block *block, struct gw_error *error) GW_MUST_CHECK;
void mr_input_close(struct mr_input *input);

/* The end of the record that begins at data[begin] of a block: where the next one begins, or size. */
size_t mr_record_end(const struct mr_config *config, const struct mr_block *block, size_t begin);

/* The beginning of the record that data[position] belongs to; used to halve a block (paper 4.6). */
size_t mr_record_begin(const struct mr_config *config, const struct mr_block *block, size_t position);

struct mr_records {
	const struct mr_config *config;
	const struct mr_block *block;
	size_t position;   /* in the block */
	const char *name;  /* of the file: the key of GW_MR_FILES */
	int64_t number;    /* the key's 8 bytes for GW_MR_LINES */
	size_t frame_end;  /* GW_MR_FRAMED: end of the checked block of pairs around position */
	char *scratch;     /* GW_MR_COLUMNS: an unquoted key; freed by mr_records_done */
	size_t scratch_size;
};

void mr_records_init(struct mr_records *records, const struct mr_config *config,
		     const struct mr_plan *plan, const struct mr_block *block);

/* 1, the record and *at, its offset in block->data; 0 at the end; negative when the data is corrupt (a
 * fixed-size record that is cut off, a frame whose checksum is wrong), naming file and offset. */
int mr_records_next(struct mr_records *records, struct gw_bytes *key, struct gw_bytes *value, size_t *at,
		    struct gw_error *error) GW_MUST_CHECK;
void mr_records_done(struct mr_records *records);

#endif
