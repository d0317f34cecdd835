/* SPDX-License-Identifier: Apache-2.0 */
/* run.c - see run.h. */
#include "run.h"

#include "output.h"

#include "base/crc32c.h"
#include "base/little_endian.h"

#include <assert.h>
#include <lz4.h>
#include <stdlib.h>
#include <zstd.h>

#define RUN_MAGIC UINT32_C(0x4e525747) /* "GWRN" */

enum { PACK_MIN = 256, ZSTD_LEVEL = 1, INDEX_CHUNK = 32, FETCH_AHEAD = 12 };

static void index_put(uint8_t *at, const struct mr_bucket *bucket)
{
	base_store64(at, bucket->offset);
	base_store64(at + 8, bucket->output);
	base_store32(at + 16, bucket->stored);
	base_store32(at + 20, bucket->bytes);
	base_store32(at + 24, bucket->pairs);
	base_store32(at + 28, bucket->crc);
}

static void index_get(const uint8_t *at, struct mr_bucket *bucket)
{
	bucket->offset = base_load64(at);
	bucket->output = base_load64(at + 8);
	bucket->stored = base_load32(at + 16);
	bucket->bytes = base_load32(at + 20);
	bucket->pairs = base_load32(at + 24);
	bucket->crc = base_load32(at + 28);
}

static void header_put(const struct mr_run_writer *writer, uint8_t *run, bool spilled)
{
	uint32_t count = writer->ranges->buckets;

	assert(count > 0 && count <= writer->bucket_capacity);
	for (uint32_t i = 0; i < count; i++)
		index_put(run + MR_RUN_HEADER + (size_t)i * MR_RUN_INDEX, &writer->buckets[i]);
	base_store32(run, RUN_MAGIC);
	run[4] = MR_RUN_VERSION;
	run[5] = spilled ? (uint8_t)writer->config->codec : MR_SPILL_PLAIN;
	run[6] = writer->numbers;
	run[7] = 0;
	base_store32(run + 8, count);
	base_store32(run + 12, spilled ? base_crc32c(0, run + MR_RUN_HEADER,
						     (size_t)count * MR_RUN_INDEX)
				       : 0);
}

/* ---- Writing -------------------------------------------------------------------------------- */

typedef void get_function(const void *items, size_t index, struct mr_pair *pair);
typedef void fetch_function(const void *items, size_t index);

static inline __attribute__((always_inline)) void get_pair(const void *items, size_t index,
							    struct mr_pair *pair)
{
	*pair = ((const struct mr_pair *)items)[index];
}

static inline __attribute__((always_inline)) void get_slot(const void *items, size_t index,
							    struct mr_pair *pair)
{
	const struct mr_slot *slot = (const struct mr_slot *)items + index;
	struct gw_bytes key = mr_slot_key(slot);

	pair->key = key.data;
	pair->key_size = (uint32_t)key.size;
	pair->value = (const char *)&slot->value;
	pair->value_size = sizeof slot->value;
	pair->number = 1;
}

/* Long keys of slots lie all over the split: they are fetched some slots ahead. */
static inline __attribute__((always_inline)) void fetch_slot(const void *items, size_t index)
{
	const struct mr_slot *slot = (const struct mr_slot *)items + index;

	if (slot->size_plus_1 > MR_SHORT_KEY_MAX + 1)
		__builtin_prefetch(mr_slot_key(slot).data);
}

static inline __attribute__((always_inline)) void fetch_pair(const void *items, size_t index)
{
	(void)items;
	(void)index;
}

static int grow(void **memory, size_t *capacity, size_t count, size_t each, struct gw_error *error)
{
	void *more;

	assert(each > 0 && (*memory || *capacity == 0));
	if (count <= *capacity)
		return 0;
	more = realloc(*memory, count * each);
	if (!more)
		return gw_fail(error, GW_E_NO_MEMORY, "no memory for %zu bytes of a run",
			       count * each);
	*memory = more;
	*capacity = count;
	return 0;
}

static int writer_reserve(struct mr_run_writer *writer, size_t count, struct gw_error *error)
{
	size_t buckets = writer->bucket_capacity;
	int failed = grow((void **)&writer->buckets, &buckets, writer->ranges->buckets,
			  sizeof *writer->buckets, error);

	writer->bucket_capacity = (uint32_t)buckets;
	if (failed)
		return failed;
	return grow((void **)&writer->bucket_of, &writer->pair_capacity, count,
		    sizeof *writer->bucket_of, error);
}

/* Bytes of output with those of one more pair; MR_OUTPUT_UNKNOWN once a pair has no fixed size. */
static inline uint64_t output_add(const struct mr_config *config, uint64_t sum,
				  const struct mr_pair *pair)
{
	uint64_t size;

	if (sum == MR_OUTPUT_UNKNOWN ||
	    (pair->number && config->job.output == GW_MR_OUT_TEXT) ||
	    !mr_output_pair_size(config, pair->key_size, pair->value_size, &size))
		return MR_OUTPUT_UNKNOWN;
	return sum + size;
}

/* First pass: the bucket of each pair, and how much goes into each bucket. */
static inline __attribute__((always_inline)) void
count_pairs(struct mr_run_writer *writer, const void *items, size_t count, get_function *get,
	    fetch_function *fetch)
{
	const struct mr_ranges *ranges = writer->ranges;

	memset(writer->buckets, 0, ranges->buckets * sizeof *writer->buckets);
	for (size_t i = 0; i < count; i++) {
		struct mr_pair pair;
		struct mr_bucket *bucket;
		uint32_t number;

		if (i + FETCH_AHEAD < count)
			fetch(items, i + FETCH_AHEAD);
		get(items, i, &pair);
		number = mr_ranges_bucket(ranges, writer->task,
					  (struct gw_bytes){pair.key, pair.key_size});
		writer->bucket_of[i] = number;
		bucket = &writer->buckets[number];
		/* `stored` is the cursor of the second pass; its bytes are counted in 64 bits. */
		bucket->offset += mr_pair_size(&pair, writer->numbers);
		bucket->pairs++;
		if (writer->exact) {
			bucket->output = output_add(writer->config, bucket->output, &pair);
		}
	}
}

/* Turns the counted sizes into places; returns the size of the run, 0 if a bucket is too large. */
static uint64_t place_buckets(struct mr_run_writer *writer)
{
	uint64_t at = MR_RUN_HEADER + (uint64_t)writer->ranges->buckets * MR_RUN_INDEX;

	for (uint32_t i = 0; i < writer->ranges->buckets; i++) {
		struct mr_bucket *bucket = &writer->buckets[i];
		uint64_t size = bucket->offset;

		if (size > UINT32_MAX)
			return 0;
		bucket->bytes = (uint32_t)size;
		bucket->stored = 0;
		bucket->offset = at;
		at += size;
	}
	return at;
}

static inline __attribute__((always_inline)) void
scatter_pairs(struct mr_run_writer *writer, const void *items, size_t count, get_function *get,
	      fetch_function *fetch, uint8_t *run)
{
	for (size_t i = 0; i < count; i++) {
		struct mr_bucket *bucket = &writer->buckets[writer->bucket_of[i]];
		uint8_t *at = run + bucket->offset + bucket->stored;
		struct mr_pair pair;

		if (i + FETCH_AHEAD < count)
			fetch(items, i + FETCH_AHEAD);
		get(items, i, &pair);
		bucket->stored += (uint32_t)(mr_put_pair(at, &pair, writer->numbers) - at);
	}
}

static size_t pack_bound(enum mr_spill_codec codec, size_t size)
{
	if (codec == MR_SPILL_LZ4)
		return (size_t)LZ4_compressBound((int)size);
	return codec == MR_SPILL_ZSTD ? ZSTD_compressBound(size) : size;
}

/* Packs size bytes; 0 when that does not pay, then they are stored as they are. */
static size_t pack(enum mr_spill_codec codec, const void *data, size_t size, void *out, size_t room)
{
	size_t packed = 0;

	assert(codec <= MR_SPILL_ZSTD);
	if (size < PACK_MIN || size > LZ4_MAX_INPUT_SIZE)
		return 0;
	if (codec == MR_SPILL_LZ4) {
		int got = LZ4_compress_default(data, out, (int)size, (int)room);

		packed = got > 0 ? (size_t)got : 0;
	} else if (codec == MR_SPILL_ZSTD) {
		packed = ZSTD_compress(out, room, data, size, ZSTD_LEVEL);
		if (ZSTD_isError(packed))
			packed = 0;
	}
	assert(packed <= room);
	return packed < size ? packed : 0;
}

/* Packs the buckets of the run in scratch towards its front, one after the other, in place: a
 * bucket never grows, so what is written never overtakes what is read. */
static uint64_t pack_run(struct mr_run_writer *writer, uint8_t *run, uint8_t *packed, size_t room)
{
	uint64_t at = MR_RUN_HEADER + (uint64_t)writer->ranges->buckets * MR_RUN_INDEX;

	for (uint32_t i = 0; i < writer->ranges->buckets; i++) {
		struct mr_bucket *bucket = &writer->buckets[i];
		uint8_t *data = run + bucket->offset;
		size_t size = pack(writer->config->codec, data, bucket->bytes, packed, room);

		assert(at <= bucket->offset && bucket->stored == bucket->bytes);
		memmove(run + at, size ? packed : data, size ? size : bucket->bytes);
		bucket->stored = size ? (uint32_t)size : bucket->bytes;
		bucket->offset = at;
		bucket->crc = base_crc32c(0, run + at, bucket->stored);
		at += bucket->stored;
	}
	return at;
}

static size_t largest_bucket(const struct mr_run_writer *writer)
{
	uint32_t largest = 0;

	for (uint32_t i = 0; i < writer->ranges->buckets; i++) {
		if (writer->buckets[i].bytes > largest)
			largest = writer->buckets[i].bytes;
	}
	return largest;
}

/* Scratch memory to compose the run in, with room behind it for one packed bucket. A run that
 * stays in shared memory is composed here too: writing to fresh shared memory costs half of
 * touching it. */
static int reserve_scratch(struct mr_run_writer *writer, uint64_t size, bool spilled,
			   size_t *packed_room, struct gw_error *error)
{
	*packed_room = spilled ? pack_bound(writer->config->codec, largest_bucket(writer)) : 0;
	return grow((void **)&writer->scratch, &writer->scratch_capacity, size + *packed_room, 1,
		    error);
}

/* Puts the composed run into its region, or packed into the spill file, and publishes it. */
static int put_run(struct mr_run_writer *writer, struct mr_region *region, uint64_t size,
		   size_t packed_room, bool spilled, struct gw_error *error)
{
	struct mr_run run = {.task = writer->number, .sequence = writer->sequence};
	struct mr_space *space = writer->space;
	uint8_t *memory = writer->scratch;
	int failed;

	assert(spilled || (size <= region->size && packed_room == 0));
	assert(size + packed_room <= writer->scratch_capacity);
	run.codec = spilled ? (uint32_t)writer->config->codec : MR_SPILL_PLAIN;
	if (spilled)
		size = pack_run(writer, memory, memory + size, packed_room);
	header_put(writer, memory, spilled);
	if (spilled)
		failed = space->spill(space, memory, size, region, error);
	else
		failed = space->write(space, region, memory, size, error);
	if (failed)
		return failed;
	if (spilled)
		writer->counters->automatic[MR_COUNT_SPILLED_BYTES] += (int64_t)size;
	writer->counters->automatic[MR_COUNT_SHUFFLE_BYTES] += (int64_t)size;
	assert(region->size >= size && region->spilled == spilled);
	writer->sequence++;
	run.region = *region;
	return space->publish_run(space, &run, error);
}

static inline __attribute__((always_inline)) int write_run(struct mr_run_writer *writer,
							    const void *items, size_t count,
							    get_function *get,
							    fetch_function *fetch,
							    struct gw_error *error)
{
	struct mr_region region = {0};
	size_t packed_room = 0;
	uint64_t size;
	bool spilled;
	int got;

	if (count == 0)
		return 0;
	got = writer_reserve(writer, count, error);
	if (got < 0)
		return got;
	count_pairs(writer, items, count, get, fetch);
	size = place_buckets(writer);
	if (size == 0)
		return gw_fail(error, GW_E_TOO_LARGE, "over 4 GiB of pairs in one bucket");
	got = writer->space->allocate(writer->space, size, &region, error);
	if (got < 0)
		return got;
	spilled = got == 0;
	got = reserve_scratch(writer, size, spilled, &packed_room, error);
	if (got < 0)
		return got;
	assert(count <= writer->pair_capacity && size <= writer->scratch_capacity);
	scatter_pairs(writer, items, count, get, fetch, writer->scratch);
	return put_run(writer, &region, size, packed_room, spilled, error);
}

int mr_run_write_pairs(struct mr_run_writer *writer, const struct mr_pair *pairs, size_t count,
		       struct gw_error *error)
{
	return write_run(writer, pairs, count, get_pair, fetch_pair, error);
}

int mr_run_write_slots(struct mr_run_writer *writer, const struct mr_slot *slots, size_t count,
		       struct gw_error *error)
{
	return write_run(writer, slots, count, get_slot, fetch_slot, error);
}

void mr_run_writer_done(struct mr_run_writer *writer)
{
	free(writer->buckets);
	free(writer->bucket_of);
	free(writer->scratch);
	*writer = (struct mr_run_writer){0};
}

/* ---- Reading -------------------------------------------------------------------------------- */

static int run_corrupt(const struct mr_run *run, const char *what, struct gw_error *error)
{
	return gw_fail(error, GW_E_CORRUPT, "spilled run %u of map task %u: %s", run->sequence,
		       run->task, what);
}

static int header_check(const struct mr_run *run, const uint8_t *header, uint32_t count,
			struct gw_error *error)
{
	if (base_load32(header) != RUN_MAGIC)
		return run_corrupt(run, "no run begins here", error);
	if (header[4] != MR_RUN_VERSION)
		return gw_fail(error, GW_E_VERSION,
			       "spilled run %u of map task %u: version %u, not %u", run->sequence,
			       run->task, header[4], MR_RUN_VERSION);
	if (header[5] != run->codec)
		return run_corrupt(run, "it is packed in another way", error);
	if (base_load32(header + 8) != count)
		return run_corrupt(run, "it has not the buckets of the job", error);
	return 0;
}

static int index_check(const struct mr_run *run, const struct mr_bucket *bucket,
		       struct gw_error *error)
{
	if (bucket->offset > run->region.size ||
	    bucket->stored > run->region.size - bucket->offset || bucket->stored > bucket->bytes)
		return run_corrupt(run, "its index leads outside", error);
	return 0;
}

/* Reads count entries from `first` on and goes on with the checksum of the index. */
static int index_read(struct mr_space *space, const struct mr_run *run, uint32_t first,
		      uint32_t count, struct mr_bucket *buckets, uint32_t *crc,
		      struct gw_error *error)
{
	assert(count <= UINT32_MAX - first);
	for (uint32_t i = 0, some; i < count; i += some) {
		uint8_t entries[INDEX_CHUNK * MR_RUN_INDEX];
		int failed;

		some = count - i < INDEX_CHUNK ? count - i : INDEX_CHUNK;
		failed = space->read(space, &run->region,
				     MR_RUN_HEADER + (uint64_t)(first + i) * MR_RUN_INDEX, entries,
				     (size_t)some * MR_RUN_INDEX, error);
		if (!failed && crc)
			*crc = base_crc32c(*crc, entries, (size_t)some * MR_RUN_INDEX);
		for (uint32_t k = 0; k < some && !failed; k++) {
			index_get(entries + (size_t)k * MR_RUN_INDEX, &buckets[i + k]);
			failed = index_check(run, &buckets[i + k], error);
		}
		if (failed)
			return failed;
	}
	return 0;
}

int mr_run_check(struct mr_space *space, const struct mr_run *run, uint32_t count,
		 struct mr_bucket *buckets, struct gw_error *error)
{
	uint8_t header[MR_RUN_HEADER];
	uint32_t crc = 0;
	int failed = space->read(space, &run->region, 0, header, sizeof header, error);

	if (!failed)
		failed = header_check(run, header, count, error);
	if (!failed)
		failed = index_read(space, run, 0, count, buckets, &crc, error);
	if (!failed && run->region.spilled && crc != base_load32(header + 12))
		failed = run_corrupt(run, "the checksum of its index is wrong", error);
	return failed;
}

int mr_run_read_index(struct mr_space *space, const struct mr_run *run, uint32_t first,
		      uint32_t count, struct mr_bucket *buckets, struct gw_error *error)
{
	return index_read(space, run, first, count, buckets, NULL, error);
}

static int unpack(const struct mr_run *run, const void *packed, const struct mr_bucket *bucket,
		  void *buffer, struct gw_error *error)
{
	size_t got = 0;

	if (run->codec == MR_SPILL_LZ4) {
		int size = LZ4_decompress_safe(packed, buffer, (int)bucket->stored,
					       (int)bucket->bytes);

		got = size > 0 ? (size_t)size : 0;
	} else if (run->codec == MR_SPILL_ZSTD) {
		got = ZSTD_decompress(buffer, bucket->bytes, packed, bucket->stored);
	}
	return got == bucket->bytes ? 0 : run_corrupt(run, "a bucket does not unpack", error);
}

int mr_run_read_bucket(struct mr_space *space, const struct mr_run *run,
		       const struct mr_bucket *bucket, void *buffer, void *packed,
		       const uint8_t **data, struct gw_error *error)
{
	bool plain = bucket->stored == bucket->bytes;
	void *target = plain ? buffer : packed;
	struct gw_bytes whole;
	int failed;

	assert(bucket->stored <= bucket->bytes);
	if (!run->region.spilled) {
		failed = space->map(space, &run->region, &whole, error);
		if (!failed)
			*data = (const uint8_t *)whole.data + bucket->offset;
		return failed;
	}
	failed = space->read(space, &run->region, bucket->offset, target, bucket->stored, error);
	if (!failed && base_crc32c(0, target, bucket->stored) != bucket->crc)
		failed = run_corrupt(run, "a bucket's checksum is wrong", error);
	*data = buffer;
	if (failed || plain)
		return failed;
	return unpack(run, packed, bucket, buffer, error);
}
