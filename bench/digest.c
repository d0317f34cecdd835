/* SPDX-License-Identifier: Apache-2.0 */
/*
 * digest.c - tells whether two programs gave the same answer, whatever they call it:
 *
 *     bench-digest lines FILE...         the same lines, in any order
 *     bench-digest ordered FILE...       the same lines in the same order, however cut into files
 *     bench-digest key-count FILE...     lines "key TAB count", in any order
 *     bench-digest count-key FILE...     the same as uniq -c prints it: spaces, count, space, key
 *
 * Prints "LINES HASH". The two count formats give the same hash for the same counts; an empty key
 * does not count (`tr -s` makes one of a leading space).
 */
#include <assert.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum format { LINES, ORDERED, KEY_COUNT, COUNT_KEY, FORMAT_COUNT };

struct digest {
	uint64_t lines;
	uint64_t hash;
};

static uint64_t mix(uint64_t hash, uint64_t word)
{
	hash = (hash ^ word) * UINT64_C(0x9FB21C651E98DF25);
	return hash ^ hash >> 32;
}

static uint64_t hash_bytes(uint64_t hash, const char *data, size_t size)
{
	uint64_t word;

	hash = mix(hash, size);
	for (; size >= sizeof(word); data += sizeof(word), size -= sizeof(word)) {
		memcpy(&word, data, sizeof(word));
		hash = mix(hash, word);
	}
	word = 0;
	memcpy(&word, data, size);
	return mix(mix(hash, word), 0);
}

/* Finds key and count in a line; false if it is not of the format. */
static bool cut_line(const char *line, size_t size, enum format format, const char **key,
		     size_t *key_size, const char **count, size_t *count_size)
{
	const char *end = line + size;
	const char *gap;

	if (format == KEY_COUNT) {
		gap = memrchr(line, '\t', size);
		if (!gap)
			return false;
		*key = line;
		*key_size = (size_t)(gap - line);
		*count = gap + 1;
		*count_size = (size_t)(end - gap - 1);
		return *count_size > 0;
	}
	while (line < end && *line == ' ')
		line++;
	gap = memchr(line, ' ', (size_t)(end - line));
	if (!gap || gap == line)
		return false;
	*count = line;
	*count_size = (size_t)(gap - line);
	*key = gap + 1;
	*key_size = (size_t)(end - gap - 1);
	return true;
}

static bool add_line(struct digest *digest, const char *line, size_t size, enum format format)
{
	const char *key, *count;
	size_t key_size, count_size;

	assert(format < FORMAT_COUNT);
	if (format == LINES) {
		digest->hash += hash_bytes(0, line, size);
	} else if (format == ORDERED) {
		digest->hash = hash_bytes(digest->hash, line, size);
	} else {
		if (!cut_line(line, size, format, &key, &key_size, &count, &count_size))
			return false;
		if (key_size == 0)
			return true;
		digest->hash += hash_bytes(hash_bytes(0, key, key_size), count, count_size);
	}
	digest->lines++;
	return true;
}

static int add_lines(struct digest *digest, const char *data, size_t size, enum format format)
{
	const char *end = data + size;

	while (data < end) {
		const char *stop = memchr(data, '\n', (size_t)(end - data));

		if (!stop)
			stop = end;
		if (!add_line(digest, data, (size_t)(stop - data), format))
			return -1;
		data = stop + 1;
	}
	return 0;
}

static int add_file(struct digest *digest, const char *name, enum format format)
{
	struct stat status;
	int result = -1;
	int file = open(name, O_RDONLY | O_CLOEXEC);

	if (file < 0 || fstat(file, &status) < 0)
		goto out;
	result = 0;
	if (status.st_size > 0) {
		size_t size = (size_t)status.st_size;
		void *data = mmap(NULL, size, PROT_READ, MAP_SHARED, file, 0);

		result = -1;
		if (data == MAP_FAILED)
			goto out;
		result = add_lines(digest, data, size, format);
		munmap(data, size);
	}
out:
	if (file >= 0)
		close(file);
	if (result < 0)
		fprintf(stderr, "bench-digest: %s: unreadable, or a line is not of the format\n",
			name);
	return result;
}

int main(int argc, char **argv)
{
	static const char *const names[FORMAT_COUNT] = {
		"lines", "ordered", "key-count", "count-key",
	};
	struct digest digest = {0, 0};
	int format = 0;

	while (argc > 1 && format < FORMAT_COUNT && strcmp(argv[1], names[format]) != 0)
		format++;
	if (argc < 2 || format == FORMAT_COUNT) {
		fputs("usage: bench-digest lines|ordered|key-count|count-key FILE...\n", stderr);
		return 2;
	}
	for (int i = 2; i < argc; i++)
		if (add_file(&digest, argv[i], (enum format)format) < 0)
			return 1;
	printf("%" PRIu64 " %016" PRIx64 "\n", digest.lines, digest.hash);
	return 0;
}
