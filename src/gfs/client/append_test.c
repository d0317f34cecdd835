/* SPDX-License-Identifier: Apache-2.0 */
/* append_test.c - appends, at least once and once, against servers that fail as the test wants. */
#include "gfs/client/fake_fixture.h"

#include <stdlib.h>

enum { RECORD = FAKE_CHUNK_BYTES / 4 };

static unsigned count_calls(const struct fake *fake, enum fake_call call)
{
	unsigned count = 0;

	for (unsigned i = 0; i < FAKE_SERVERS; i++)
		count += fake->servers[i].calls[call];
	return count;
}

/* All servers' next calls of a kind fail so, one of them. */
static void fail_next(struct fake *fake, enum fake_call call, int code, bool afterwards)
{
	for (unsigned i = 0; i < FAKE_SERVERS; i++)
		fake->servers[i].failures[call] = (struct fake_failure){1, code, afterwards, false};
}

static void succeed(struct fake *fake)
{
	for (unsigned i = 0; i < FAKE_SERVERS; i++)
		memset(fake->servers[i].failures, 0, sizeof(fake->servers[i].failures));
}

/* How often a text is in a chunk of the first server. */
static unsigned occurrences(const struct fake *fake, unsigned chunk, const char *text)
{
	const struct fake_replica *replica = &fake->servers[0].chunks[chunk];
	unsigned count = 0;

	for (size_t at = 0; replica->bytes && at + strlen(text) <= replica->length; at++)
		count += memcmp(replica->bytes + at, text, strlen(text)) == 0;
	return count;
}

/* ---- At least once --------------------------------------------------------------------------- */

static int an_append_that_does_not_fit_goes_to_the_next_chunk(void *argument)
{
	struct fake fake;
	struct gw_error error = {0};
	struct gw_gfs_file *file, *other;
	char *record = calloc(1, RECORD);
	uint64_t offset;

	(void)argument;
	assert_non_null(record);
	fake_begin(&fake, FAKE_CHUNK_LOG2, NULL);
	file = fake_open(&fake);
	assert_int_equal(gw_gfs_append(file, gw_string("first"), &offset, &error), 0);
	assert_int_equal(offset, 0);
	for (uint64_t i = 0; i < 3; i++) {
		assert_int_equal(
			gw_gfs_append(file, (struct gw_bytes){record, RECORD}, &offset, &error), 0);
		assert_int_equal(offset, 5 + i * RECORD);
	}
	assert_int_equal(gw_gfs_append(file, (struct gw_bytes){record, RECORD}, &offset, &error),
			 0);
	assert_int_equal(offset, FAKE_CHUNK_BYTES);
	assert_int_equal(fake.servers[1].chunks[0].length, FAKE_CHUNK_BYTES); /* padded */
	/* Who opens it now begins there. */
	other = fake_open(&fake);
	assert_int_equal(gw_gfs_append(other, gw_string("last"), &offset, &error), 0);
	assert_int_equal(offset, FAKE_CHUNK_BYTES + RECORD);
	assert_int_equal(gw_gfs_append(file, (struct gw_bytes){record, RECORD + 1}, NULL, &error),
			 GW_E_TOO_LARGE);
	assert_int_equal(gw_gfs_append(file, (struct gw_bytes){record, 0}, NULL, &error),
			 GW_E_INVALID);
	assert_int_equal(gw_gfs_close(other, &error), 0);
	assert_int_equal(gw_gfs_close(file, &error), 0);
	free(record);
	fake_end(&fake);
	return 0;
}

static int an_append_has_a_quarter_of_a_chunk_at_most(void *argument)
{
	const size_t quarter = FAKE_LARGE_BYTES; /* of chunks four times as large */
	uint8_t *record = calloc(1, GW_GFS_APPEND_BYTES_MAX + 1);
	struct fake fake;
	struct gw_error error = {0};
	struct gw_gfs_file *file;
	struct gw_gfs_writer *writer;
	uint64_t offset;

	(void)argument;
	assert_non_null(record);
	memcpy(record + quarter - 4, "end.", 4);
	fake_begin(&fake, FAKE_LARGE_LOG2 + 2, NULL);
	file = fake_open(&fake);
	assert_int_equal(gw_gfs_writer_new(&writer, fake.client, &error), 0);
	assert_int_equal(gw_gfs_append(file, (struct gw_bytes){record, quarter}, &offset, &error),
			 0);
	assert_int_equal(offset, 0);
	assert_int_equal(gw_gfs_append_once(writer, file, 1, (struct gw_bytes){record, quarter},
					    &offset, &error),
			 0);
	assert_int_equal(offset, quarter);
	assert_int_equal(count_calls(&fake, FAKE_PUSH), 2);
	for (unsigned i = 0; i < FAKE_SERVERS; i++)
		assert_memory_equal(fake.servers[i].chunks[0].bytes + 2 * quarter - 4, "end.", 4);
	assert_int_equal(gw_gfs_append(file, (struct gw_bytes){record, quarter + 1}, NULL, &error),
			 GW_E_TOO_LARGE);
	assert_int_equal(gw_gfs_append_once(writer, file, 2,
					    (struct gw_bytes){record, quarter + 1}, NULL, &error),
			 GW_E_TOO_LARGE);
	gw_gfs_writer_free(writer);
	assert_int_equal(gw_gfs_close(file, &error), 0);
	fake_end(&fake);
	fake_begin(&fake, GW_GFS_CHUNK_LOG2_MAX, NULL);
	file = fake_open(&fake);
	assert_int_equal(gw_gfs_append(file,
				       (struct gw_bytes){record, GW_GFS_APPEND_BYTES_MAX + 1},
				       NULL, &error),
			 GW_E_TOO_LARGE);
	assert_int_equal(count_calls(&fake, FAKE_PUSH), 0);
	assert_int_equal(gw_gfs_close(file, &error), 0);
	fake_end(&fake);
	free(record);
	return 0;
}

static int an_append_whose_answer_is_lost_is_there_twice(void *argument)
{
	struct fake fake;
	struct gw_error error = {0};
	struct gw_gfs_file *file;
	uint64_t offset;

	(void)argument;
	fake_begin(&fake, FAKE_CHUNK_LOG2, NULL);
	file = fake_open(&fake);
	fail_next(&fake, FAKE_APPEND, GW_E_TIMEOUT, true);
	assert_int_equal(gw_gfs_append(file, gw_string("again"), &offset, &error), 0);
	assert_int_equal(offset, 5);
	assert_int_equal(occurrences(&fake, 0, "again"), 2);
	assert_int_equal(gw_gfs_close(file, &error), 0);
	fake_end(&fake);
	return 0;
}

/* ---- Once ------------------------------------------------------------------------------------ */

struct once {
	struct fake fake;
	struct gw_gfs_file *file;
	struct gw_gfs_writer *writer;
	char record[RECORD];
};

static struct once *once_begin(void)
{
	struct once *once = calloc(1, sizeof(*once));
	struct gw_error error = {0};

	assert_non_null(once);
	fake_begin(&once->fake, FAKE_CHUNK_LOG2, NULL);
	once->file = fake_open(&once->fake);
	assert_int_equal(gw_gfs_writer_new(&once->writer, once->fake.client, &error), 0);
	assert_int_equal(gw_gfs_writer_id(once->writer), 3);
	return once;
}

static void once_end(struct once *once)
{
	gw_gfs_writer_free(once->writer);
	assert_int_equal(gw_gfs_close(once->file, NULL), 0);
	fake_end(&once->fake);
	free(once);
}

static int append_once(struct once *once, uint64_t sequence, const char *text, uint64_t *offset)
{
	return gw_gfs_append_once(once->writer, once->file, sequence, gw_string(text), offset,
				  NULL);
}

static int the_same_sequence_is_there_once(void *argument)
{
	struct once *once = once_begin();
	uint64_t offset = 99;

	(void)argument;
	fail_next(&once->fake, FAKE_APPEND, GW_E_TIMEOUT, true);
	assert_int_equal(append_once(once, 1, "once", &offset), 0);
	assert_int_equal(offset, 0);
	assert_int_equal(occurrences(&once->fake, 0, "once"), 1);
	assert_int_equal(append_once(once, 3, "third", &offset), 0); /* not the second */
	assert_int_equal(offset, 4);
	assert_int_equal(append_once(once, 3, "third", &offset), 0);
	assert_int_equal(offset, 4);
	assert_int_equal(append_once(once, 1, "once", &offset), GW_E_INVALID); /* is forgotten */
	assert_int_equal(append_once(once, 2 + GW_GFS_WRITER_WINDOW, "far", &offset), GW_E_BUSY);
	assert_int_equal(append_once(once, 2, "second", &offset), 0);
	assert_int_equal(append_once(once, 3, "third", &offset), GW_E_INVALID);
	once_end(once);
	return 0;
}

/* Fills chunk 0 up to where a record of RECORD bytes does not fit. */
static void fill(struct once *once)
{
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(gw_gfs_append(once->file,
					       (struct gw_bytes){once->record, RECORD - 1}, NULL,
					       NULL),
				 0);
	assert_int_equal(gw_gfs_append(once->file, gw_string("four"), NULL, NULL), 0);
}

static int once_record(struct once *once, uint64_t sequence, uint64_t *offset)
{
	memset(once->record, 'x', sizeof(once->record));
	return gw_gfs_append_once(once->writer, once->file, sequence,
				  (struct gw_bytes){once->record, RECORD}, offset, NULL);
}

static int a_full_chunk_that_was_not_tried_before_needs_no_fence(void *argument)
{
	struct once *once = once_begin();
	uint64_t offset;

	(void)argument;
	fill(once);
	assert_int_equal(once_record(once, 1, &offset), 0);
	assert_int_equal(offset, FAKE_CHUNK_BYTES);
	assert_int_equal(count_calls(&once->fake, FAKE_OUTCOME), 0);
	once_end(once);
	return 0;
}

/* The first try is not heard of; the second finds the chunk full. */
static int a_chunk_that_may_have_it_is_fenced_before_the_next_is_tried(void *argument)
{
	struct once *once = once_begin();
	uint64_t offset;

	(void)argument;
	fill(once);
	fail_next(&once->fake, FAKE_APPEND, GW_E_TIMEOUT, false);
	assert_int_equal(once_record(once, 1, &offset), 0);
	assert_int_equal(offset, FAKE_CHUNK_BYTES);
	assert_int_equal(count_calls(&once->fake, FAKE_OUTCOME), 1);
	assert_true(once->fake.servers[0].chunks[0].records[0].fenced);
	once_end(once);
	return 0;
}

/* The record is in chunk 0, the chunk is full, and the answer was lost. */
static int an_outcome_that_is_done_is_the_answer(void *argument)
{
	struct once *once = once_begin();
	struct fake_replica *replica;
	uint64_t offset;

	(void)argument;
	fill(once);
	once->fake.is_blind = true;
	fail_next(&once->fake, FAKE_APPEND, GW_E_TIMEOUT, false);
	for (unsigned i = 0; i < FAKE_SERVERS; i++) {
		replica = &once->fake.servers[i].chunks[0];
		replica->records[replica->record_count++] = (struct fake_record){3, 1, 123, false};
	}
	assert_int_equal(once_record(once, 1, &offset), 0);
	assert_int_equal(offset, 123);
	assert_int_equal(once->fake.chunks[1].version, 0);
	once_end(once);
	return 0;
}

static int a_chunk_that_cannot_be_asked_is_not_given_up(void *argument)
{
	struct once *once = once_begin();
	uint64_t offset;

	(void)argument;
	for (unsigned i = 0; i < FAKE_SERVERS; i++)
		once->fake.servers[i].failures[FAKE_APPEND] =
			(struct fake_failure){99, GW_E_IO, true, false};
	(void)gw_deadline_set(gw_after_ms(250));
	assert_int_equal(append_once(once, 1, "once", &offset), GW_E_OUTCOME_UNKNOWN);
	(void)gw_deadline_set(GW_FOREVER);
	succeed(&once->fake);
	assert_int_equal(append_once(once, 1, "once", &offset), 0);
	assert_int_equal(offset, 0);
	assert_int_equal(occurrences(&once->fake, 0, "once"), 1);
	once_end(once);
	return 0;
}

static int a_writer_is_kept_until_the_masters_forget_it(void *argument)
{
	struct once *once = once_begin();

	(void)argument;
	while (once->fake.keeps < 3)
		assert_int_equal(gw_sleep_ms(1), 0);
	once->fake.keep_code = GW_E_STALE;
	while (append_once(once, 1, "once", NULL) != GW_E_STALE)
		assert_int_equal(gw_sleep_ms(1), 0);
	once_end(once);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_a_task(an_append_that_does_not_fit_goes_to_the_next_chunk),
		in_a_task(an_append_has_a_quarter_of_a_chunk_at_most),
		in_a_task(an_append_whose_answer_is_lost_is_there_twice),
		in_a_task(the_same_sequence_is_there_once),
		in_a_task(a_full_chunk_that_was_not_tried_before_needs_no_fence),
		in_a_task(a_chunk_that_may_have_it_is_fenced_before_the_next_is_tried),
		in_a_task(an_outcome_that_is_done_is_the_answer),
		in_a_task(a_chunk_that_cannot_be_asked_is_not_given_up),
		in_a_task(a_writer_is_kept_until_the_masters_forget_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
