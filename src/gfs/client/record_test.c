/* SPDX-License-Identifier: Apache-2.0 */
/* record_test.c - records written and read while appends fail. */
#include "gfs/client/fake_fixture.h"

#include <stdlib.h>

struct records {
	struct fake fake;
	struct gw_gfs_file *file;
	struct gw_gfs_record_writer *writer;
	struct gw_gfs_record_reader *reader;
};

static struct records *begin(const struct gw_gfs_record_options *options)
{
	struct records *records = calloc(1, sizeof(*records));
	struct gw_error error = {0};

	assert_non_null(records);
	fake_begin(&records->fake, FAKE_CHUNK_LOG2, NULL);
	records->file = fake_open(&records->fake);
	assert_int_equal(gw_gfs_record_writer_new(&records->writer, records->file, &error), 0);
	assert_int_equal(
		gw_gfs_record_reader_new(&records->reader, records->file, options, &error), 0);
	return records;
}

static void end(struct records *records)
{
	gw_gfs_record_reader_free(records->reader);
	gw_gfs_record_writer_free(records->writer);
	assert_int_equal(gw_gfs_close(records->file, NULL), 0);
	fake_end(&records->fake);
	free(records);
}

static void put(struct records *records, const char *text)
{
	assert_int_equal(gw_gfs_record_append(records->writer, gw_string(text), NULL, NULL), 0);
}

static void expect(struct records *records, const char *text)
{
	struct gw_gfs_record record;
	struct gw_error error = {0};
	int code = gw_gfs_record_next(records->reader, &record, &error);

	if (code < 0)
		fail_msg("%s", error.text);
	assert_int_equal(code, text != NULL);
	if (!text)
		return;
	assert_int_equal(record.data.size, strlen(text));
	assert_memory_equal(record.data.data, text, strlen(text));
}

static int records_come_back_as_the_file_grows(void *argument)
{
	struct records *records = begin(NULL);

	(void)argument;
	expect(records, NULL);
	put(records, "one");
	put(records, "");
	expect(records, "one");
	expect(records, "");
	expect(records, NULL);
	put(records, "three");
	expect(records, "three");
	expect(records, NULL);
	assert_int_equal(gw_gfs_record_position(records->reader),
			 3 * GW_GFS_RECORD_FRAME_BYTES + 8);
	assert_int_equal(gw_gfs_record_skipped(records->reader), 0);
	end(records);
	return 0;
}

static int copies_padding_and_parts_are_skipped(void *argument)
{
	struct records *records = begin(NULL);
	char *large = calloc(1, FAKE_CHUNK_BYTES / 4);
	const size_t size = FAKE_CHUNK_BYTES / 4 - GW_GFS_RECORD_FRAME_BYTES;

	(void)argument;
	assert_non_null(large);
	memset(large, 'l', size);
	for (unsigned i = 0; i < FAKE_SERVERS; i++)
		records->fake.servers[i].failures[FAKE_APPEND] =
			(struct fake_failure){1, GW_E_TIMEOUT, true, false};
	put(records, "twice");
	assert_int_equal(gw_gfs_append(records->file, gw_string("GWr1 no frame"), NULL, NULL), 0);
	for (unsigned i = 0; i < 4; i++)
		put(records, large); /* the last does not fit into the chunk */
	put(records, "last");
	expect(records, "twice");
	for (unsigned i = 0; i < 4; i++)
		expect(records, large);
	expect(records, "last");
	expect(records, NULL);
	assert_int_equal(gw_gfs_record_skipped(records->reader),
			 FAKE_CHUNK_BYTES - 3 * (FAKE_CHUNK_BYTES / 4) -
				 GW_GFS_RECORD_FRAME_BYTES - 5);
	free(large);
	end(records);
	return 0;
}

/* Of what a writer left that died, when the file has no more. */
static int a_part_does_not_hide_records_behind_it(void *argument)
{
	static const uint8_t part[GW_GFS_RECORD_FRAME_BYTES] = {'G', 'W', 'r', '1', 100};
	struct records *records = begin(NULL);

	(void)argument;
	put(records, "before");
	assert_int_equal(gw_gfs_append(records->file, (struct gw_bytes){part, sizeof(part)}, NULL,
				       NULL), 0);
	expect(records, "before");
	expect(records, NULL);
	put(records, "behind");
	put(records, "and more");
	expect(records, "behind");
	expect(records, "and more");
	expect(records, NULL);
	end(records);
	return 0;
}

static int a_reader_goes_to_the_last_checkpoint_only(void *argument)
{
	struct records *records = begin(&(struct gw_gfs_record_options){.to_checkpoint = true});

	(void)argument;
	put(records, "one");
	expect(records, NULL);
	assert_int_equal(gw_gfs_record_checkpoint(records->writer, NULL), 0);
	assert_int_equal(records->fake.servers[0].calls[FAKE_SYNC], 1);
	put(records, "two");
	expect(records, "one");
	expect(records, NULL);
	expect(records, NULL);
	put(records, "three");
	assert_int_equal(gw_gfs_record_checkpoint(records->writer, NULL), 0);
	put(records, "four");
	expect(records, "two");
	expect(records, "three");
	expect(records, NULL);
	end(records);
	return 0;
}

static int a_reader_begins_where_another_has_ended(void *argument)
{
	struct records *records = begin(NULL);
	struct gw_gfs_record_options options = {0};

	(void)argument;
	put(records, "one");
	put(records, "two");
	expect(records, "one");
	options.from = gw_gfs_record_position(records->reader);
	gw_gfs_record_reader_free(records->reader);
	assert_int_equal(
		gw_gfs_record_reader_new(&records->reader, records->file, &options, NULL), 0);
	expect(records, "two");
	expect(records, NULL);
	end(records);
	return 0;
}

static int a_record_is_not_larger_than_an_append(void *argument)
{
	struct records *records = begin(NULL);
	const size_t size = FAKE_CHUNK_BYTES / 4 - GW_GFS_RECORD_FRAME_BYTES;
	char *large = calloc(1, size + 1);

	(void)argument;
	assert_non_null(large);
	assert_int_equal(gw_gfs_record_append(records->writer, (struct gw_bytes){large, size + 1},
					      NULL, NULL),
			 GW_E_TOO_LARGE);
	assert_int_equal(gw_gfs_record_append(records->writer, (struct gw_bytes){large, 1 << 20},
					      NULL, NULL),
			 GW_E_TOO_LARGE);
	assert_int_equal(gw_gfs_record_append(records->writer, (struct gw_bytes){large, size},
					      NULL, NULL), 0);
	free(large);
	end(records);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_a_task(records_come_back_as_the_file_grows),
		in_a_task(copies_padding_and_parts_are_skipped),
		in_a_task(a_part_does_not_hide_records_behind_it),
		in_a_task(a_reader_goes_to_the_last_checkpoint_only),
		in_a_task(a_reader_begins_where_another_has_ended),
		in_a_task(a_record_is_not_larger_than_an_append),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
