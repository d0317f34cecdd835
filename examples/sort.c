/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sort.c - sorts lines by their bytes (paper section 5.3).
 *
 *     cc sort.c -o sort $(pkg-config --cflags --libs groundwork)
 *     ./sort --parts 4 /usr/share/dict sorted && cat sorted/part-*
 *
 * The map function makes the line the key; the library sorts keys. Ranges of keys, found by a
 * sample of the input, take the place of the hash, so the parts one behind the other are the sorted
 * output.
 */
#include <groundwork/mapreduce.h>

static int emit_line(struct gw_mr_task *task, struct gw_bytes offset, struct gw_bytes line)
{
	(void)offset;
	gw_mr_emit(task, line, (struct gw_bytes){0});
	return 0;
}

int main(int argc, char **argv)
{
	struct gw_mr_job job = {
		.name = "sort",
		.summary = "Sort lines by their bytes",
		.map = emit_line,
		.partition_by = GW_MR_BY_RANGE,
	};

	return gw_mr_main(argc, argv, &job);
}
