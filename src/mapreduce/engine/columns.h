/* SPDX-License-Identifier: Apache-2.0 */
/*
 * columns.h - fields of delimited text. With ',' as separator quotes are understood as RFC 4180 has
 * them: a field that begins with '"' ends at the next '"' that is not doubled, and may hold
 * separators, newlines and doubled quotes. What stands between its end and the next separator is
 * kept as it is. With any other separator nothing is special.
 */
#ifndef MR_COLUMNS_H
#define MR_COLUMNS_H

#include <groundwork/base.h>

/* Memory for an unquoted field; {0} at the start, reused by later calls. */
struct mr_scratch {
	char *data;
	size_t capacity;
};

/*
 * Field number column (from 1) of a line without its newline. The carriage return at the end of a
 * CSV line is no part of its last field. *field points into the line or, when quotes had to be
 * undone, into scratch, valid until the next call with it. Empty when the line has fewer columns;
 * column 0 has none.
 */
int mr_column(struct gw_bytes line, uint8_t separator, uint32_t column, struct mr_scratch *scratch,
	      struct gw_bytes *field, struct gw_error *error) GW_MUST_CHECK;
void mr_scratch_done(struct mr_scratch *scratch);

/*
 * The end of the CSV record at the front of data: behind the newline that ends it, or size when the
 * data ends first. *open (may be NULL) says that the data ends inside quotes.
 */
size_t mr_csv_record_end(const char *data, size_t size, bool *open);

#endif
