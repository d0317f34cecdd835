/* SPDX-License-Identifier: Apache-2.0 */
/*
 * input.h - a split as blocks of memory that hold whole records, and a block as records.
 *
 *     struct mr_input *input;
 *     mr_input_open(&input, config, plan, store, split, error);
 *     while ((more = mr_input_next(input, &block, error)) == 1) {
 *             struct mr_records records;
 *             mr_records_init(&records, config, plan, &block);
 *             while ((one = mr_records_next(&records, &key, &value, &at, error)) == 1)
 *                     ...
 *             mr_records_done(&records);
 *     }
 *     mr_input_close(input);
 *
 * Plain files are mapped: the block is a whole piece, grown to record borders, and stays valid
 * until mr_input_close (stable). Compressed files are unpacked through a buffer that the next call
 * of mr_input_next reuses (not stable); a block then has about block_size bytes, more when one
 * record is longer. Under 64 KiB a block is read into the buffer too, since mapping costs more than
 * reading. A piece over MR_BLOCK_MAX gives several blocks.
 *
 * Which records belong to a piece is a function of the file alone: those whose first byte lies in
 * it, so the pieces of a file together give every record once. A line begins behind a newline, a
 * fixed-size record at a multiple of its size, a frame (framed.h) where its header is. A file is
 * read up to the size that it had when the plan was made; if it is shorter now, that is an error.
 */
#ifndef MR_INPUT_H
#define MR_INPUT_H

#include "columns.h"
#include "plan.h"

#include <endian.h>

struct mr_input;

/* A longer piece is given in several blocks, unless a record may be as long as the file. */
enum { MR_BLOCK_MAX = 256 << 20 };

struct mr_block {
	const char *data;
	size_t size;
	uint32_t file;   /* index in plan->files */
	uint64_t offset; /* of data[0] in the file, unpacked */
	bool stable;     /* memory stays as it is until mr_input_close */
};

int mr_input_open(struct mr_input **input, const struct mr_config *config,
		  const struct mr_plan *plan, struct mr_store *store, uint32_t split,
		  struct gw_error *error) GW_MUST_CHECK;

/* 1 and a block, 0 at the end of the split, or a negative code. A block is not empty, unless the
 * job wants to see empty files: then it is all of one. */
int mr_input_next(struct mr_input *input, struct mr_block *block,
		  struct gw_error *error) GW_MUST_CHECK;
void mr_input_close(struct mr_input *input);

/*
 * The end of the record that begins at data[begin] of a block: where the next one begins, or size.
 * With GW_MR_FRAMED begin is that of a frame, and so is what the two functions return: frames are
 * what can be cut there.
 */
size_t mr_record_end(const struct mr_config *config, const struct mr_block *block, size_t begin);

/* The beginning of the record that data[position] belongs to; used to halve a block (paper 4.6). */
size_t mr_record_begin(const struct mr_config *config, const struct mr_block *block,
		       size_t position);

/* Fields are the library's. */
struct mr_records {
	const struct mr_config *config;
	const struct mr_block *block;
	const char *data;      /* of the block */
	size_t size;
	size_t position;       /* in the block: of the next record */
	bool lines;            /* the input is GW_MR_LINES */
	const char *name;      /* of the file: the key of GW_MR_FILES */
	int64_t number;        /* the key's 8 bytes, little-endian, for GW_MR_LINES */
	size_t frame_end;      /* GW_MR_FRAMED: end of the checked frame around position */
	uint32_t frame_pairs;  /* still to come from it */
	struct mr_scratch scratch; /* GW_MR_COLUMNS: an unquoted key */
};

/* The block and the plan must outlive the records. */
void mr_records_init(struct mr_records *records, const struct mr_config *config,
		     const struct mr_plan *plan, const struct mr_block *block);
void mr_records_done(struct mr_records *records);

/* mr_records_next for what is not a line of ordinary length. */
int mr_records_next_other(struct mr_records *records, struct gw_bytes *key, struct gw_bytes *value,
			  size_t *at, struct gw_error *error) GW_MUST_CHECK;

/*
 * 1, the record and *at, its offset in block->data; 0 at the end; negative when the data is corrupt
 * (a fixed-size record that is cut off, a frame whose checksum is wrong, a quote that is not
 * closed) or a key or value is longer than MR_KEY_MAX, naming file and offset. What *key and *value
 * point to is in the block, but for a key that is a number or had to be unquoted: that lasts until
 * the next call. Inline, since a line costs little more than the search for its end.
 */
static inline int GW_MUST_CHECK mr_records_next(struct mr_records *records, struct gw_bytes *key,
						struct gw_bytes *value, size_t *at,
						struct gw_error *error)
{
	size_t position = records->position, size = records->size;
	const char *line = records->data + position, *newline;

	if (!records->lines)
		return mr_records_next_other(records, key, value, at, error);
	if (position == size)
		return 0;
	newline = (const char *)memchr(line, '\n', size - position);
	size = newline ? (size_t)(newline - line) : size - position;
	if (size > MR_KEY_MAX)
		return mr_records_next_other(records, key, value, at, error);
	records->position = position + size + (newline != NULL);
	records->number = (int64_t)htole64(records->block->offset + position);
	*key = (struct gw_bytes){&records->number, sizeof records->number};
	*value = (struct gw_bytes){line, size};
	*at = position;
	return 1;
}

#endif
