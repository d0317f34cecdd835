/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kv_load.c - load on a key/value service through the installed client, by one thread.
 *
 *     bench-kv-load --cluster A,B --op put|get|get-weak [--clients N] [--connections N]
 *                   [--count N | --seconds S] [--keys N] [--value BYTES] [--warm N]
 *                   [--spin US]
 *
 * Each client asks for one key after the other, each time one of `keys` by chance, and waits for
 * the answer. Clients have a connection each, or share as many as are given. Keys that are read are
 * put before. The first `warm` operations do not count. One line of JSON goes out.
 */
#include <groundwork/kv.h>
#include <groundwork/task.h>

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CLIENTS_MAX = 10000, NAME_BYTES = 32, FILL_AT_ONCE = 500 };

struct load {
	const char *cluster;
	bool reads, weak;
	uint64_t clients, connections, count, seconds, keys, value_bytes, warm, spin_us;
	struct gw_kv_client **connected;
	char *value;
	uint64_t chance;

	bool is_measured; /* else: warming up */
	uint64_t left, until_ns;
	uint32_t *taken_ns; /* by each operation */
	size_t taken_count, taken_capacity;
};

struct client {
	struct load *load;
	struct gw_kv_client *kv;
};

static void check(int result, const struct gw_error *error)
{
	if (result >= 0)
		return;
	fprintf(stderr, "bench-kv-load: %s\n", error->text);
	exit(1);
}

/* 16 bytes, as redis-benchmark has them. */
static struct gw_bytes key_of(uint64_t number, char key[NAME_BYTES])
{
	int size = snprintf(key, NAME_BYTES, "key:%012llu", (unsigned long long)number);

	return (struct gw_bytes){key, (size_t)size};
}

/* Xorshift: the same keys in each run. */
static uint64_t by_chance(struct load *load)
{
	load->chance ^= load->chance << 13;
	load->chance ^= load->chance >> 7;
	load->chance ^= load->chance << 17;
	return load->chance % load->keys;
}

static void note(struct load *load, uint64_t ns)
{
	if (load->taken_count == load->taken_capacity) {
		load->taken_capacity = load->taken_capacity ? 2 * load->taken_capacity : 1 << 16;
		load->taken_ns = realloc(load->taken_ns,
					 load->taken_capacity * sizeof(*load->taken_ns));
		if (!load->taken_ns)
			abort();
	}
	load->taken_ns[load->taken_count++] = ns < UINT32_MAX ? (uint32_t)ns : UINT32_MAX;
}

static void ask(struct client *client)
{
	struct load *load = client->load;
	char name[NAME_BYTES];
	struct gw_bytes key = key_of(by_chance(load), name);
	struct gw_error error = {0};

	if (load->reads) {
		const struct gw_kv_read read = {.weak = load->weak};
		struct gw_kv_value value;
		int found = gw_kv_get(client->kv, key, &read, &value, &error);

		check(found, &error);
		if (found != 1 || value.item.value.size != load->value_bytes)
			check(gw_fail(&error, GW_E_CORRUPT, "%s is not as it was put", name),
			      &error);
		gw_kv_value_done(&value);
	} else {
		check(gw_kv_put(client->kv, key, (struct gw_bytes){load->value, load->value_bytes},
				0, NULL, &error),
		      &error);
	}
}

static int run_client(void *argument)
{
	struct client *client = argument;
	struct load *load = client->load;
	uint64_t now_ns = gw_now_ns();

	while (load->left > 0 && now_ns < load->until_ns) {
		uint64_t begun_ns = now_ns;

		load->left--;
		ask(client);
		now_ns = gw_now_ns();
		if (load->is_measured)
			note(load, now_ns - begun_ns);
	}
	return 0;
}

/* All keys, many at once. */
static void fill(struct load *load)
{
	char(*names)[NAME_BYTES] = calloc(FILL_AT_ONCE, sizeof(*names));
	struct gw_kv_write *writes = calloc(FILL_AT_ONCE, sizeof(*writes));
	struct gw_error error = {0};

	for (uint64_t done = 0; done < load->keys;) {
		size_t count = 0, size = load->value_bytes + NAME_BYTES;

		do {
			writes[count] = (struct gw_kv_write){
				.key = key_of(done++, names[count]),
				.value = {load->value, load->value_bytes},
			};
			count++;
		} while (count < FILL_AT_ONCE && done < load->keys &&
			 (count + 1) * size <= GW_KV_WRITE_BYTES_MAX);
		check(gw_kv_write(load->connected[0], writes, count, NULL, NULL, &error), &error);
	}
	free(writes);
	free(names);
}

/* Until each member that is asked has applied what was filled: entries are applied in order. */
static void settle(struct load *load)
{
	const struct gw_kv_read weak = {.weak = true};
	struct gw_error error = {0};
	char name[NAME_BYTES];

	for (uint64_t i = 0; i < load->connections; i++) {
		int found = 0;

		while (found == 0) {
			struct gw_kv_value value;

			found = gw_kv_get(load->connected[i], key_of(load->keys - 1, name), &weak,
					  &value, &error);
			check(found, &error);
			gw_kv_value_done(&value);
		}
	}
}

/* Its members from another one on for each connection, since those who read weakly stay with the
 * first that answers. */
static char *turned(const char *cluster, uint64_t turns)
{
	size_t size = strlen(cluster);
	char *text = malloc(size + 2);
	const char *rest = cluster, *comma;

	if (!text)
		abort();
	for (; turns > 0; turns--) {
		comma = strchr(rest, ',');
		rest = comma ? comma + 1 : cluster;
	}
	if (rest == cluster)
		return strcpy(text, cluster);
	(void)snprintf(text, size + 2, "%s,%.*s", rest, (int)(rest - cluster - 1), cluster);
	return text;
}

static void run_all(struct load *load, struct client *clients)
{
	struct gw_group group = {0};
	struct gw_error error = {0};

	for (uint64_t i = 0; i < load->clients; i++) {
		clients[i] = (struct client){load, load->connected[i % load->connections]};
		check(gw_spawn(&group, run_client, &clients[i], NULL), &error);
	}
	check(gw_group_wait(&group, GW_FOREVER), &error);
}

static int by_size(const void *a, const void *b)
{
	const uint32_t *left = a, *right = b;

	return (*left > *right) - (*left < *right);
}

static double quantile_us(const struct load *load, double quantile)
{
	return load->taken_ns[(size_t)(quantile * (double)(load->taken_count - 1))] / 1e3;
}

static void print(struct load *load, uint64_t ns)
{
	if (load->taken_count == 0)
		return;
	qsort(load->taken_ns, load->taken_count, sizeof(*load->taken_ns), by_size);
	printf("{\"op\": \"%s\", \"clients\": %llu, \"connections\": %llu, \"value\": %llu, "
	       "\"ops\": %zu, \"seconds\": %.6f, \"per_second\": %.0f, \"p50_us\": %.1f, "
	       "\"p99_us\": %.1f}\n",
	       load->reads ? "get" : "put", (unsigned long long)load->clients,
	       (unsigned long long)load->connections, (unsigned long long)load->value_bytes,
	       load->taken_count, (double)ns / 1e9, (double)load->taken_count * 1e9 / (double)ns,
	       quantile_us(load, 0.5), quantile_us(load, 0.99));
}

static int run(void *argument)
{
	struct load *load = argument;
	struct client *clients = calloc(load->clients, sizeof(*clients));
	struct gw_error error = {0};
	uint64_t begun_ns;

	load->connected = calloc(load->connections, sizeof(*load->connected));
	load->value = malloc(load->value_bytes + 1);
	if (!clients || !load->connected || !load->value)
		abort();
	memset(load->value, 'v', load->value_bytes + 1);
	for (uint64_t i = 0; i < load->connections; i++) {
		char *cluster = turned(load->cluster, i);

		check(gw_kv_client_new(&load->connected[i], cluster, NULL, &error), &error);
		free(cluster);
	}
	if (load->reads)
		fill(load);
	if (load->weak)
		settle(load);
	load->until_ns = GW_FOREVER;
	load->left = load->warm;
	run_all(load, clients);
	load->is_measured = true;
	begun_ns = gw_now_ns();
	load->left = load->count ? load->count : UINT64_MAX;
	load->until_ns = load->count ? GW_FOREVER : gw_after_ms(load->seconds * 1000);
	run_all(load, clients);
	print(load, gw_now_ns() - begun_ns);
	for (uint64_t i = 0; i < load->connections; i++)
		gw_kv_client_free(load->connected[i]);
	free(load->taken_ns);
	free(load->value);
	free(load->connected);
	free(clients);
	return 0;
}

static int usage(void)
{
	fprintf(stderr, "usage: bench-kv-load --cluster A,B --op put|get|get-weak [--clients N]"
			" [--connections N]\n    [--count N | --seconds S] [--keys N]"
			" [--value BYTES] [--warm N] [--spin US]\n");
	return 2;
}

/* false: the command line is none of ours. */
static bool parse(struct load *load, int argc, char **argv)
{
	enum { CLUSTER, OP, CLIENTS, CONNECTIONS, COUNT, SECONDS, KEYS, VALUE, WARM, SPIN };
	static const struct option options[] = {
		{"cluster", 1, NULL, CLUSTER}, {"op", 1, NULL, OP},
		{"clients", 1, NULL, CLIENTS}, {"connections", 1, NULL, CONNECTIONS},
		{"count", 1, NULL, COUNT},     {"seconds", 1, NULL, SECONDS},
		{"keys", 1, NULL, KEYS},       {"value", 1, NULL, VALUE},
		{"warm", 1, NULL, WARM},       {"spin", 1, NULL, SPIN},
		{0},
	};
	uint64_t *const numbers[] = {
		[CLIENTS] = &load->clients, [CONNECTIONS] = &load->connections,
		[COUNT] = &load->count,     [SECONDS] = &load->seconds,
		[KEYS] = &load->keys,       [VALUE] = &load->value_bytes,
		[WARM] = &load->warm,       [SPIN] = &load->spin_us,
	};
	const char *op = "";
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		if (option == CLUSTER)
			load->cluster = optarg;
		else if (option == OP)
			op = optarg;
		else if (option <= SPIN)
			*numbers[option] = strtoull(optarg, NULL, 10);
		else
			return false;
	}
	load->weak = strcmp(op, "get-weak") == 0;
	load->reads = load->weak || strcmp(op, "get") == 0;
	if (!load->reads && strcmp(op, "put") != 0)
		return false;
	if (load->connections == 0 || load->connections > load->clients)
		load->connections = load->clients;
	return optind == argc && load->cluster && load->clients > 0 &&
	       load->clients <= CLIENTS_MAX && load->keys > 0 &&
	       load->value_bytes <= GW_KV_VALUE_BYTES_MAX;
}

int main(int argc, char **argv)
{
	struct load load = {
		.clients = 1,
		.seconds = 5,
		.keys = 10000,
		.value_bytes = 100,
		.warm = 1000,
		.chance = 88172645463325252,
	};
	struct gw_run_options options = {0};
	struct gw_error error = {0};

	if (!parse(&load, argc, argv))
		return usage();
	options.spin_us = (unsigned)load.spin_us;
	return -gw_run(run, &load, &options, &error);
}
