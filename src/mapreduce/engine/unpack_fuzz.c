/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unpack_fuzz.c - any bytes as a compressed file: unpacking ends, with data or an error, and two
 * ways to ask for the data give the same. The first byte chooses the format and how much is asked
 * for at once.
 */
#include "unpack.h"

#include "memory_store_test.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { OUT_MAX = 1 << 20 }; /* a small input may unpack to very much */

static void check(bool right)
{
	if (!right)
		__builtin_trap();
}

static int unpack(enum mr_compression compression, const uint8_t *data, size_t size, size_t step,
		  uint8_t *out, size_t *total)
{
	struct memory_store store;
	struct mr_unpack_source source = {
		.path = "f", .end = size, .compression = compression, .window_max = 8 << 20};
	struct mr_unpack *unpack = NULL;
	size_t got = step;
	int result;

	*total = 0;
	memory_store_init(&store, false);
	memory_store_add(&store, "f", data, size);
	check(memory_open(&store.store, "f", &source.file, NULL) == 0);
	result = mr_unpack_open(&unpack, &source, NULL);
	while (result == 0 && got == step && *total + step <= OUT_MAX) {
		result = mr_unpack_read(unpack, out + *total, step, &got, NULL);
		*total += result == 0 ? got : 0;
	}
	mr_unpack_free(unpack);
	mr_file_close(source.file);
	return result;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	enum mr_compression compression;
	uint8_t *whole, *out;
	size_t whole_size, out_size;
	int result;

	if (size == 0)
		return 0;
	compression = MR_GZIP + data[0] % 3;
	whole = malloc(OUT_MAX);
	out = malloc(OUT_MAX);
	check(whole && out);
	result = unpack(compression, data + 1, size - 1, OUT_MAX, whole, &whole_size);
	check(unpack(compression, data + 1, size - 1, 1 + data[0] / 3, out, &out_size) == result ||
	      out_size + 1 + data[0] / 3 > OUT_MAX);
	if (result == 0) {
		check(out_size <= whole_size || whole_size == OUT_MAX);
		check(memcmp(whole, out, out_size < whole_size ? out_size : whole_size) == 0);
	}
	free(whole);
	free(out);
	return 0;
}
