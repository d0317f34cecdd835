/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tally.c - counts the words of standard input in the key/value service, line by line, and prints
 * each one's count, also what others have counted before:
 *
 *     gw kv serve --dir data &
 *     tally 127.0.0.1:7000 < words
 *
 * A word is counted exactly once, whatever is lost or fails over between here and there.
 */
#include <groundwork/kv.h>
#include <groundwork/task.h>

#include <stdio.h>

static int count(struct gw_kv_client *client, struct gw_bytes word, struct gw_error *error)
{
	int64_t times;
	int code = gw_kv_increment(client, word, 1, &times, error);

	if (code == 0)
		printf("%.*s %lld\n", (int)word.size, (const char *)word.data, (long long)times);
	return code;
}

static int count_words(struct gw_kv_client *client, struct gw_error *error)
{
	static const char spaces[] = " \t\n";
	char line[4096];
	int code = 0;

	while (code == 0 && fgets(line, sizeof(line), stdin)) {
		const char *word = line + strspn(line, spaces);

		while (*word && code == 0) {
			size_t size = strcspn(word, spaces);

			code = count(client, (struct gw_bytes){word, size}, error);
			word += size + strspn(word + size, spaces);
		}
		fflush(stdout);
	}
	return code;
}

static int tally(void *argument)
{
	struct gw_error error = {0};
	struct gw_kv_client *client = NULL;
	int code = gw_kv_client_new(&client, argument, NULL, &error);

	if (code == 0)
		code = count_words(client, &error);
	if (code < 0)
		fprintf(stderr, "tally: %s\n", error.text);
	gw_kv_client_free(client);
	return code;
}

int main(int argc, char **argv)
{
	if (argc != 2) {
		fprintf(stderr, "usage: tally ADDRESS,...\n");
		return -GW_E_USAGE;
	}
	return -gw_run(tally, argv[1], NULL, NULL);
}
