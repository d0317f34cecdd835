/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store_bytes_test.c - the bytes of format, segment and manifest: the golden files of version 1 in
 * test/corpus still read, and are what is written today; what is wrong is told.
 *
 *     store_bytes_test --make DIRECTORY     writes the golden files
 */
#include "store_format.h"
#include "store_manifest.h"
#include "store_replay.h"
#include "store_segment.h"

#include "base/crc32c.h"
#include "base/little_endian.h"
#include "support/unit.h"

#include <stdio.h>
#include <stdlib.h>

enum { SECTOR = 512, SEGMENT_BYTES = 3 * SECTOR };

static const struct raft_member member = {.id = 7, .votes = true, .address = "10.0.0.7:4000"};

/* ---- What the golden files hold ------------------------------------------------------------- */

static size_t make_format(uint8_t *out)
{
	struct replog_identity identity = {
		.cluster = "golden cluster!",
		.member = 7,
		.members = {.count = 1, .items = {member}},
	};

	return replog_format_encode(&identity, out);
}

static const struct replog_segment_head head = {
	.number = 9,
	.nonce = UINT64_C(0x0123456789abcdef),
	.sector_bytes = SECTOR,
	.cluster = "golden cluster!",
	.member = 7,
};

static size_t add(uint8_t *out, uint32_t kind, uint64_t index, uint64_t term, const char *data)
{
	struct replog_record record = {kind, index, {term, RAFT_ENTRY_COMMAND, gw_string(data)}};

	replog_record_encode(&record, out);
	return replog_record_bytes(strlen(data));
}

static void make_batch(uint8_t *segment, uint64_t offset, uint64_t sequence, uint32_t records,
		       size_t size)
{
	struct replog_batch batch = {
		offset, sequence, records,
		{segment + offset + REPLOG_BATCH_HEAD_BYTES, size}};

	replog_batch_encode(&head, &batch, (struct gw_bytes){NULL, 0}, segment + offset);
}

static size_t make_segment(uint8_t *out)
{
	uint8_t *at = out + SECTOR + REPLOG_BATCH_HEAD_BYTES, *start = at;

	memset(out, 0, SEGMENT_BYTES);
	replog_segment_encode(&head, out);
	at += add(at, REPLOG_RECORD_CLEAR, 5, 0, "");
	at += add(at, REPLOG_RECORD_ENTRY, 5, 3, "five");
	at += add(at, REPLOG_RECORD_ENTRY, 6, 3, "");
	at += add(at, REPLOG_RECORD_STATE, 2, 3, "");
	at += add(at, REPLOG_RECORD_POSITION, 7, 0, "");
	make_batch(out, SECTOR, 41, 5, (size_t)(at - start));
	start = at = out + 2 * SECTOR + REPLOG_BATCH_HEAD_BYTES;
	at += add(at, REPLOG_RECORD_CUT, 6, 0, "");
	at += add(at, REPLOG_RECORD_ENTRY, 6, 4, "six anew");
	make_batch(out, 2 * SECTOR, 42, 2, (size_t)(at - start));
	return SEGMENT_BYTES;
}

static size_t make_manifest(uint8_t *out)
{
	static const uint32_t checksums[2] = {17, 18};
	struct replog_snapshot_file files[2] = {
		{"empty", 0, checksums},
		{"table.mdb", REPLOG_PIECE_BYTES + 1, checksums},
	};
	struct replog_manifest manifest = {
		{15, 3, {.count = 1, .items = {member}}}, 2, files, {NULL, 0}};
	struct base_buffer bytes = {0};
	size_t size;

	assert_int_equal(replog_manifest_encode(&manifest, &bytes, NULL), 0);
	size = bytes.size;
	memcpy(out, bytes.data, size);
	base_buffer_done(&bytes);
	return size;
}

enum { GOLDEN_BYTES_MAX = 8192 };

static const struct golden {
	const char *name;
	size_t (*make)(uint8_t *out);
} goldens[] = {
	{"store_format/v1", make_format},
	{"store_segment/v1", make_segment},
	{"store_manifest/v1", make_manifest},
};

static size_t load(const char *name, uint8_t *out)
{
	const char *seeds = getenv("GW_TEST_SEEDS"); /* beside it is the corpus */
	char path[1024];
	FILE *file;
	size_t size;

	assert_non_null(seeds);
	snprintf(path, sizeof(path), "%s/../corpus/%s", seeds, name);
	file = fopen(path, "rb");
	assert_non_null(file);
	size = fread(out, 1, GOLDEN_BYTES_MAX, file);
	fclose(file);
	return size;
}

static void what_is_written_today_is_version_1(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(goldens) / sizeof(goldens[0]); i++) {
		uint8_t golden[GOLDEN_BYTES_MAX], made[GOLDEN_BYTES_MAX];
		size_t size = load(goldens[i].name, golden);

		/* A segment's fuzzer wants a byte in front. */
		bool shifted = goldens[i].make == make_segment;

		assert_int_equal(goldens[i].make(made) + shifted, size);
		assert_memory_equal(made, golden + shifted, size - shifted);
	}
}

static void version_1_still_reads(void **state)
{
	uint8_t bytes[GOLDEN_BYTES_MAX];
	struct replog_identity identity;
	struct replog_manifest *manifest;
	size_t size = load("store_format/v1", bytes);

	(void)state;
	assert_int_equal(replog_format_decode("v1", (struct gw_bytes){bytes, size}, &identity,
					      NULL), 0);
	assert_int_equal(identity.member, 7);
	assert_string_equal((const char *)identity.cluster, "golden cluster!");
	assert_string_equal(identity.members.items[0].address, "10.0.0.7:4000");
	size = load("store_manifest/v1", bytes);
	assert_int_equal(replog_manifest_decode("v1", (struct gw_bytes){bytes, size}, &manifest,
						NULL), 0);
	assert_int_equal(manifest->snapshot.index, 15);
	assert_int_equal(manifest->snapshot.members.count, 1);
	assert_int_equal(manifest->file_count, 2);
	assert_string_equal(manifest->files[1].name, "table.mdb");
	assert_int_equal(manifest->files[1].piece_checksums[1], 18);
	replog_manifest_free(manifest);
}

static void a_segment_of_version_1_still_reads(void **state)
{
	uint8_t bytes[GOLDEN_BYTES_MAX];
	struct replog_segment_head read;
	struct replog_replay replay = {0};
	struct replog_batch batch;
	struct gw_bytes in = {bytes + 1, load("store_segment/v1", bytes) - 1};

	(void)state;
	assert_int_equal(replog_segment_decode("v1", in, &read, NULL), 0);
	assert_int_equal(read.number, 9);
	for (uint64_t at = SECTOR; at < in.size; at += SECTOR) {
		assert_true(replog_batch_decode(&read, in, at, &batch));
		assert_int_equal(replog_replay_batch(&replay, &batch, NULL), 0);
	}
	assert_int_equal(batch.sequence, 42);
	assert_int_equal(replay.base, 5);
	assert_int_equal(replay.count, 2);
	assert_int_equal(replay.term, 3);
	assert_int_equal(replay.vote, 2);
	assert_memory_equal(replog_replay_entry(&replay, 6)->data.data, "six anew", 8);
	assert_null(replog_replay_entry(&replay, 4));
	replog_replay_done(&replay);
}

/* ---- What is wrong -------------------------------------------------------------------------- */

static void a_batch_of_another_place_or_life_is_none(void **state)
{
	uint8_t bytes[SEGMENT_BYTES], moved[SEGMENT_BYTES];
	struct replog_segment_head other = head;
	struct replog_batch batch;
	struct gw_bytes in = {bytes, make_segment(bytes)};

	(void)state;
	assert_true(replog_batch_decode(&head, in, SECTOR, &batch));
	other.nonce++;
	assert_false(replog_batch_decode(&other, in, SECTOR, &batch));
	memcpy(moved, bytes, sizeof(moved));
	memcpy(moved + SECTOR, bytes + 2 * SECTOR, SECTOR);
	assert_false(replog_batch_decode(&head, (struct gw_bytes){moved, sizeof(moved)}, SECTOR,
					 &batch));
	/* Behind it the later one is found, and only by who looks for later ones. */
	assert_true(replog_batch_search(&head, in, SECTOR, 41, &batch));
	assert_int_equal(batch.offset, 2 * SECTOR);
	assert_false(replog_batch_search(&head, in, SECTOR, 42, &batch));
}

static void every_cut_and_bit_of_a_golden_file_is_told(void **state)
{
	uint8_t bytes[GOLDEN_BYTES_MAX];
	struct replog_identity identity;
	struct replog_manifest *manifest;
	size_t format = make_format(bytes);

	(void)state;
	for (size_t size = 0; size < format; size++)
		assert_true(replog_format_decode("cut", (struct gw_bytes){bytes, size}, &identity,
						 NULL) < 0);
	for (size_t bit = 0; bit < format * 8; bit++) {
		bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_true(replog_format_decode("bit", (struct gw_bytes){bytes, format},
						 &identity, NULL) < 0);
		bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	format = make_manifest(bytes);
	for (size_t size = 0; size < format; size++)
		assert_true(replog_manifest_decode("cut", (struct gw_bytes){bytes, size},
						   &manifest, NULL) < 0);
	for (size_t bit = 0; bit < format * 8; bit++) {
		bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_true(replog_manifest_decode("bit", (struct gw_bytes){bytes, format},
						   &manifest, NULL) < 0);
		bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
}

/* A record whose checksum is right and whose fields are not. */
static void assert_refused(uint32_t kind, uint64_t index, uint64_t term, const char *part)
{
	uint8_t bytes[64];
	struct replog_replay replay = {.term = 5, .base = 10};
	struct replog_batch batch = {SECTOR, 1, 1, {bytes, add(bytes, kind, index, term, "")}};
	struct gw_error error = {0};

	assert_int_equal(replog_replay_batch(&replay, &batch, &error), GW_E_CORRUPT);
	if (!strstr(error.text, part))
		fail_msg("\"%s\" is not in \"%s\"", part, error.text);
	replog_replay_done(&replay);
}

static void records_that_contradict_the_log_are_told(void **state)
{
	(void)state;
	assert_refused(REPLOG_RECORD_ENTRY, 0, 5, "fields that do not fit");
	assert_refused(REPLOG_RECORD_ENTRY, 12, 5, "those between are missing");
	assert_refused(REPLOG_RECORD_STATE, 1, 4, "the term goes back from 5 to 4");
	assert_refused(REPLOG_RECORD_POSITION, 11, 0, "the next entry is 11, and not 10");
	assert_refused(REPLOG_RECORD_CLEAR, 0, 0, "fields that do not fit");
}

static void a_batch_with_too_few_records_is_told(void **state)
{
	uint8_t bytes[64];
	struct replog_replay replay = {0};
	struct replog_batch batch = {SECTOR, 1, 2,
				     {bytes, add(bytes, REPLOG_RECORD_STATE, 1, 1, "")}};
	struct gw_error error = {0};

	(void)state;
	assert_int_equal(replog_replay_batch(&replay, &batch, &error), GW_E_CORRUPT);
	assert_string_equal(error.text, "1 records, not 2");
	batch.body.size--;
	assert_int_equal(replog_replay_batch(&replay, &batch, &error), GW_E_CORRUPT);
	assert_string_equal(error.text, "record at byte 0 of the batch is cut");
	replog_replay_done(&replay);
}

static int make_goldens(const char *directory)
{
	for (size_t i = 0; i < sizeof(goldens) / sizeof(goldens[0]); i++) {
		uint8_t bytes[GOLDEN_BYTES_MAX];
		size_t size = goldens[i].make(bytes);
		char path[1024];
		FILE *file;

		snprintf(path, sizeof(path), "%s/%s", directory, goldens[i].name);
		file = fopen(path, "wb");
		if (!file)
			return 1;
		if (goldens[i].make == make_segment)
			fputc(0, file);
		fwrite(bytes, 1, size, file);
		fclose(file);
	}
	return 0;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_today_is_version_1),
		cmocka_unit_test(version_1_still_reads),
		cmocka_unit_test(a_segment_of_version_1_still_reads),
		cmocka_unit_test(a_batch_of_another_place_or_life_is_none),
		cmocka_unit_test(every_cut_and_bit_of_a_golden_file_is_told),
		cmocka_unit_test(records_that_contradict_the_log_are_told),
		cmocka_unit_test(a_batch_with_too_few_records_is_told),
	};

	if (argc == 3 && strcmp(argv[1], "--make") == 0)
		return make_goldens(argv[2]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
