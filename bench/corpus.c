/* SPDX-License-Identifier: Apache-2.0 */
/*
 * corpus.c - makes the inputs of `make bench` that are computed, always the same bytes for the same
 * arguments, on every machine (integers only, a fixed seed):
 *
 *     bench-corpus fold < TEXT      letters in lower case, newlines, a space for every other byte
 *     bench-corpus records COUNT    records of 100 bytes to sort, each a line of text
 *     bench-corpus logs BYTES       an access log in the Combined Log Format, at most so long
 *
 * The result goes to stdout. bench/corpora.py calls it.
 */
#include <assert.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	BUFFER_SIZE = 1 << 20,
	KEY_SIZE = 10,
	KEY_ALPHABET = 95, /* ' ' to '~', as gensort's -a has it */
	NUMBER_SIZE = 32,
	RECORD_SIZE = 100,
	URL_LEVELS = 20, /* about a million different URLs at most */
	LOG_LINE_MAX = 1024,
};

/* xorshift64*: small, fast, and the same everywhere. */
static uint64_t next_random(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * UINT64_C(0x2545F4914F6CDD1D);
}

static uint32_t random_below(uint64_t *state, uint32_t limit)
{
	assert(limit > 0);
	return (uint32_t)((next_random(state) >> 32) * limit >> 32);
}

static int put(const void *data, size_t size)
{
	return fwrite(data, 1, size, stdout) == size ? 0 : -1;
}

/* ---- fold ------------------------------------------------------------------------------------ */

static void fill_fold_table(unsigned char table[256])
{
	memset(table, ' ', 256);
	table['\n'] = '\n';
	for (unsigned char letter = 'a'; letter <= 'z'; letter++) {
		table[letter] = letter;
		table[letter - 'a' + 'A'] = letter;
	}
}

static int make_folded(void)
{
	static const char no_memory[] = "bench-corpus: no memory\n";
	unsigned char table[256];
	unsigned char *buffer = malloc(BUFFER_SIZE);
	size_t got;
	int result = 0;

	if (!buffer) {
		fputs(no_memory, stderr);
		return -1;
	}
	fill_fold_table(table);
	while (result == 0 && (got = fread(buffer, 1, BUFFER_SIZE, stdin)) > 0) {
		for (size_t i = 0; i < got; i++)
			buffer[i] = table[buffer[i]];
		result = put(buffer, got);
	}
	free(buffer);
	return ferror(stdin) ? -1 : result;
}

/* ---- records --------------------------------------------------------------------------------- */

static void fill_key(char key[KEY_SIZE], uint64_t *state)
{
	for (size_t i = 0; i < KEY_SIZE; i++)
		key[i] = (char)(' ' + random_below(state, KEY_ALPHABET));
}

static void fill_number(char digits[NUMBER_SIZE], uint64_t number)
{
	for (size_t i = NUMBER_SIZE; i > 0; i--) {
		digits[i - 1] = "0123456789ABCDEF"[number & 15];
		number >>= 4;
	}
}

/*
 * Key, two spaces, the record's number, two spaces, filling, newline: no other newline, so a
 * program that sorts lines and one that sorts fixed records give the same bytes.
 */
static void fill_record(char record[RECORD_SIZE], uint64_t number, uint64_t *state)
{
	uint64_t filling = next_random(state);
	char *at = record + KEY_SIZE;

	fill_key(record, state);
	memset(at, ' ', 2);
	fill_number(at + 2, number);
	at += 2 + NUMBER_SIZE;
	memset(at, ' ', 2);
	at += 2;
	while (at < record + RECORD_SIZE - 1) {
		size_t left = (size_t)(record + RECORD_SIZE - 1 - at);
		size_t size = left < 4 ? left : 4;

		memset(at, "0123456789ABCDEF"[filling & 15], size);
		filling >>= 4;
		at += size;
	}
	*at = '\n';
}

static int make_records(uint64_t count)
{
	char record[RECORD_SIZE];
	uint64_t state = UINT64_C(0x9E3779B97F4A7C15);

	for (uint64_t number = 0; number < count; number++) {
		fill_record(record, number, &state);
		if (put(record, sizeof(record)) < 0)
			return -1;
	}
	return 0;
}

/* ---- logs ------------------------------------------------------------------------------------ */

/*
 * The rank of a URL, 1 the most wanted: each power of two is as likely as the next, so the rank r
 * turns up about 1/r of the time, as in real logs (Zipf).
 */
static uint32_t pick_rank(uint64_t *state)
{
	uint32_t level = random_below(state, URL_LEVELS);

	return UINT32_C(1) << level | random_below(state, UINT32_C(1) << level);
}

/* The URL of a rank is a function of the rank alone. */
static void fill_url(char *url, size_t size, uint32_t rank)
{
	static const char *const folders[] = {
		"docs", "images", "shop/item", "blog/2026", "api/v1", "static",
	};
	static const char *const endings[] = {".html", ".png", "", "/", "?page=2&sort=asc", ".js"};
	uint64_t state = rank * UINT64_C(0x9E3779B97F4A7C15);
	uint32_t kind = random_below(&state, 6);
	uint32_t name = random_below(&state, UINT32_MAX);

	if (rank == 1)
		snprintf(url, size, "/");
	else
		snprintf(url, size, "/%s/%08" PRIx32 "-%" PRIu32 "%s", folders[kind], name, rank,
			 endings[kind]);
}

/* The time stamp of the log, second by second through November 2026. */
static void fill_time(char *text, size_t size, uint64_t second)
{
	snprintf(text, size, "%02u/Nov/2026:%02u:%02u:%02u +0000",
		 (unsigned int)(1 + second / 86400 % 30), (unsigned int)(second / 3600 % 24),
		 (unsigned int)(second / 60 % 60), (unsigned int)(second % 60));
}

static int fill_log_line(char *line, size_t size, uint64_t number, uint64_t *state)
{
	static const char *const methods[] = {"GET", "GET", "GET", "GET", "GET", "HEAD", "POST"};
	static const unsigned int statuses[] = {200, 200, 200, 200, 200, 200, 304, 301, 404, 500};
	static const char *const agents[] = {
		"Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/130.0",
		"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15",
		"curl/7.88.1",
	};
	char url[128], referrer[128] = "-", when[32];
	/* Drawn one after the other: the order of the arguments of a call is the compiler's. */
	uint32_t address = random_below(state, UINT32_C(1) << 24);
	const char *method = methods[random_below(state, 7)];
	unsigned int status = statuses[random_below(state, 10)];
	uint32_t bytes = 200 + random_below(state, 60000);
	const char *agent = agents[random_below(state, 4)];

	fill_url(url, sizeof(url), pick_rank(state));
	fill_time(when, sizeof(when), number / 8);
	if (random_below(state, 2))
		fill_url(referrer, sizeof(referrer), pick_rank(state));
	return snprintf(line, size,
			"10.%u.%u.%u - - [%s] \"%s %s HTTP/1.1\" %u %u \"%s%s\" \"%s\"\n",
			address >> 16, address >> 8 & 255, address & 255, when, method, url,
			status, bytes, referrer[0] == '-' ? "" : "https://www.example.com",
			referrer, agent);
}

static int make_logs(uint64_t bytes)
{
	char line[LOG_LINE_MAX];
	uint64_t state = UINT64_C(0xD1B54A32D192ED03);
	uint64_t done = 0;

	for (uint64_t number = 0;; number++) {
		int size = fill_log_line(line, sizeof(line), number, &state);

		assert(size > 0 && size < LOG_LINE_MAX);
		if ((uint64_t)size > bytes - done)
			return 0;
		if (put(line, (size_t)size) < 0)
			return -1;
		done += (uint64_t)size;
	}
}

/* ---- The command ----------------------------------------------------------------------------- */

static int usage(void)
{
	fputs("usage: bench-corpus fold < TEXT | records COUNT | logs BYTES\n", stderr);
	return 2;
}

int main(int argc, char **argv)
{
	uint64_t number = argc > 2 ? strtoull(argv[2], NULL, 10) : 0;
	int result;

	if (argc == 2 && strcmp(argv[1], "fold") == 0)
		result = make_folded();
	else if (argc == 3 && strcmp(argv[1], "records") == 0)
		result = make_records(number);
	else if (argc == 3 && strcmp(argv[1], "logs") == 0)
		result = make_logs(number);
	else
		return usage();
	if (result < 0 || fflush(stdout) != 0) {
		perror("bench-corpus");
		return 1;
	}
	return 0;
}
