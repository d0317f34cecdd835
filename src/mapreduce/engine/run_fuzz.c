/* SPDX-License-Identifier: Apache-2.0 */
/*
 * run_fuzz.c - any bytes as a run in a spill file: it is read or refused, and no byte outside it or
 * its buckets is touched. Checksums are mended, since they would stop nearly everything at the
 * door.
 */
#include "run.h"

#include "base/crc32c.h"
#include "base/little_endian.h"
#include "memory_space_test.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { BUCKETS_MAX = 4, UNPACKED_MAX = 1 << 20 };

static void check(bool right)
{
	if (!right)
		__builtin_trap();
}

static void mend(uint8_t *run, size_t size, uint32_t buckets)
{
	size_t index = (size_t)buckets * MR_RUN_INDEX;

	if (size < MR_RUN_HEADER + index)
		return;
	for (uint32_t i = 0; i < buckets; i++) {
		uint8_t *entry = run + MR_RUN_HEADER + (size_t)i * MR_RUN_INDEX;
		uint64_t offset = base_load64(entry);
		uint32_t stored = base_load32(entry + 16);

		if (offset >= MR_RUN_HEADER + index && offset <= size && stored <= size - offset)
			base_store32(entry + 28, base_crc32c(0, run + offset, stored));
	}
	memcpy(run, "GWRN\1", 5);
	base_store32(run + 8, buckets);
	base_store32(run + 12, base_crc32c(0, run + MR_RUN_HEADER, index));
}

static void read_bucket(struct mr_space *space, const struct mr_run *run,
			const struct mr_bucket *bucket)
{
	uint8_t *bytes, *packed;
	const uint8_t *read = NULL;
	struct gw_error error = {0};

	check(bucket->stored <= run->region.size && bucket->stored <= bucket->bytes);
	if (bucket->bytes > UNPACKED_MAX)
		return;
	bytes = malloc(bucket->bytes);
	packed = malloc(bucket->stored);
	check((bytes || !bucket->bytes) && (packed || !bucket->stored));
	if (mr_run_read_bucket(space, run, bucket, bytes, packed, &read, &error) < 0)
		check(error.text[0]);
	else
		check(read == bytes);
	free(bytes);
	free(packed);
}

/* The first two bytes say how many buckets the job has and how the run is packed. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mr_bucket buckets[BUCKETS_MAX];
	struct memory_space memory;
	struct mr_run run = {.task = 1};
	struct gw_error error = {0};
	uint32_t count;

	if (size < 2)
		return 0;
	memory_space_init(&memory, 0);
	count = 1 + data[0] % BUCKETS_MAX;
	run.codec = data[1] % (MR_SPILL_ZSTD + 1);
	check(memory.space.spill(&memory.space, data + 2, size - 2, &run.region, NULL) == 0);
	if (data[0] < 128)
		mend(memory.spilled, size - 2, count);
	if (mr_run_check(&memory.space, &run, count, buckets, &error) < 0) {
		check(error.text[0]);
	} else {
		for (uint32_t i = 0; i < count; i++)
			read_bucket(&memory.space, &run, &buckets[i]);
	}
	memory_space_done(&memory);
	return 0;
}
