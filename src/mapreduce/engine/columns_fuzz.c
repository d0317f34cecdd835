/* SPDX-License-Identifier: Apache-2.0 */
/*
 * columns_fuzz.c - any bytes as CSV: the records follow each other to the end, each record's
 * columns lie in it and are no longer than it is.
 */
#include "columns.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool right)
{
	if (!right)
		__builtin_trap();
}

static void read_columns(struct gw_bytes line, uint8_t separator)
{
	struct mr_scratch scratch = {0};
	struct gw_bytes field;
	size_t total = 0;

	for (uint32_t column = 0; column < 8; column++) {
		check(mr_column(line, separator, column, &scratch, &field, NULL) == 0);
		total += field.size;
	}
	check(total <= line.size);
	mr_scratch_done(&scratch);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* Copies of exactly that size, so that one byte too many is seen. */
	char *copy = malloc(size ? size : 1);
	size_t begin = 0;

	check(copy != NULL);
	if (size)
		memcpy(copy, data, size);
	while (begin < size) {
		bool open;
		size_t end = begin + mr_csv_record_end(copy + begin, size - begin, &open);

		check(end > begin && end <= size);
		check(!open || end == size);
		read_columns((struct gw_bytes){copy + begin, end - begin}, ',');
		read_columns((struct gw_bytes){copy + begin, end - begin}, '\t');
		begin = end;
	}
	free(copy);
	return 0;
}
