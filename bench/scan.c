/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scan.c - the floor under every figure of `make bench`: how long this machine needs to look at
 * each byte of a file that is in the page cache, and do nothing else.
 *
 *     bench-scan THREADS FILE
 *
 * Each thread ORs its share of the mapped file. (Mapping pages ahead by madvise, or read() into a
 * small buffer, cost the same or more.) Prints the result, so that no compiler leaves the work out.
 */
#include <assert.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	THREADS_MAX = 64,
	STEP = 1 << 20, /* shares are cut at its multiples */
	LANES = 8,
};

struct share {
	pthread_t thread;
	const uint8_t *data;
	size_t size;
	uint64_t bits;
};

static uint64_t or_bytes(const uint8_t *data, size_t size)
{
	uint64_t lanes[LANES] = {0};
	uint64_t bits = 0;
	size_t at = 0;

	for (; size - at >= sizeof(lanes); at += sizeof(lanes)) {
		uint64_t words[LANES];

		memcpy(words, data + at, sizeof(words));
		for (size_t lane = 0; lane < LANES; lane++)
			lanes[lane] |= words[lane];
	}
	for (; at < size; at++)
		bits |= data[at];
	for (size_t lane = 0; lane < LANES; lane++)
		bits |= lanes[lane];
	return bits;
}

static void *scan_share(void *argument)
{
	struct share *share = argument;

	share->bits = or_bytes(share->data, share->size);
	return NULL;
}

/* Cuts data into a share for each thread, at borders of STEP, and scans them side by side. */
static int scan(const uint8_t *data, size_t size, size_t threads, uint64_t *bits)
{
	struct share shares[THREADS_MAX] = {{.size = 0}};
	size_t steps = size / STEP / threads + 1;
	size_t started = 0, at = 0;

	assert(threads > 0 && threads <= THREADS_MAX);
	for (; started < threads; started++) {
		struct share *share = &shares[started];

		share->data = data + at;
		share->size = size - at < steps * STEP ? size - at : steps * STEP;
		at += share->size;
		if (pthread_create(&share->thread, NULL, scan_share, share) != 0)
			break;
	}
	*bits = 0;
	for (size_t i = 0; i < started; i++) {
		pthread_join(shares[i].thread, NULL);
		*bits |= shares[i].bits;
	}
	return started == threads && at == size ? 0 : -1;
}

static int scan_file(const char *name, size_t threads)
{
	struct stat status;
	uint64_t bits = 0;
	void *data;
	int result = -1;
	int file = open(name, O_RDONLY | O_CLOEXEC);

	if (file < 0 || fstat(file, &status) < 0 || status.st_size == 0)
		goto out;
	data = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_SHARED, file, 0);
	if (data == MAP_FAILED)
		goto out;
	result = scan(data, (size_t)status.st_size, threads, &bits);
	munmap(data, (size_t)status.st_size);
	printf("%016" PRIx64 "\n", bits);
out:
	if (file >= 0)
		close(file);
	return result;
}

int main(int argc, char **argv)
{
	size_t threads = argc == 3 ? strtoul(argv[1], NULL, 10) : 0;

	if (threads < 1 || threads > THREADS_MAX) {
		fputs("usage: bench-scan THREADS FILE\n", stderr);
		return 2;
	}
	if (scan_file(argv[2], threads) < 0) {
		fprintf(stderr, "bench-scan: %s: cannot be scanned\n", argv[2]);
		return 1;
	}
	return 0;
}
