/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gfs_up.c - `gw gfs up`: masters and chunkservers as tasks of one loop. The directory has those of
 * each, master-1 and on, chunkserver-1 and on: nobody is left out who was there before.
 */
#include "cli/gfs.h"

#include "task/disk.h"
#include "task/home.h"
#include "task/loop.h"

#include <stdlib.h>

enum {
	MASTERS = 1,
	MASTERS_MAX = 5,
	CHUNKSERVERS = 3,
	CHUNKSERVERS_MAX = 64,
	PORT_MAX = 65535,
	HOST_BYTES_MAX = 255,
	ADDRESS_BYTES_MAX = HOST_BYTES_MAX + 8,
};

struct cluster {
	struct cli_gfs *gfs;
	struct gfs_master *masters[MASTERS_MAX];
	struct chunk_server *chunkservers[CHUNKSERVERS_MAX];
	long master_count, chunkserver_count; /* that there are to be */
	char host[HOST_BYTES_MAX + 1];
	long port;
	char addresses[MASTERS_MAX * ADDRESS_BYTES_MAX]; /* of masters that run, with commas */
};

/* ---- How many ------------------------------------------------------------------------------ */

/* The highest N of entries called PREFIX-N. */
static long highest_of(const struct io_list *list, const char *prefix)
{
	size_t size = strlen(prefix);
	long highest = 0;

	for (size_t i = 0; i < list->count; i++) {
		const char *name = list->entries[i].name;
		char *end = NULL;
		long number;

		if (strncmp(name, prefix, size) != 0 || name[size] != '-')
			continue;
		number = strtol(name + size + 1, &end, 10);
		if (*end == '\0' && number > highest)
			highest = number;
	}
	return highest;
}

static int count_of(const struct io_list *list, const char *kind, int64_t wanted, long fallback,
		    long max, long *count, struct gw_error *error)
{
	long highest = highest_of(list, kind);

	if (wanted < 0 || wanted > max || highest > max)
		return gw_fail(error, GW_E_USAGE, "--%ss has 1 to %ld", kind, max);
	if (wanted != 0 && wanted < highest)
		return gw_fail(error, GW_E_USAGE, "the directory has %ld %ss, and --%ss is %ld",
			       highest, kind, kind, (long)wanted);
	*count = wanted != 0 ? (long)wanted : highest != 0 ? highest : fallback;
	return 0;
}

static int count_all(struct cluster *cluster, struct gw_error *error)
{
	const struct cli_gfs *gfs = cluster->gfs;
	struct io_list list;
	int code = task_disk_list(gfs->directory, &list, error);

	if (code < 0)
		return code;
	code = count_of(&list, "master", gfs->masters, MASTERS, MASTERS_MAX,
			&cluster->master_count, error);
	if (code == 0)
		code = count_of(&list, "chunkserver", gfs->chunkservers, CHUNKSERVERS,
				CHUNKSERVERS_MAX, &cluster->chunkserver_count, error);
	io_list_free(task_io(), &list);
	return code;
}

/* ---- Where --------------------------------------------------------------------------------- */

static int read_listen(struct cluster *cluster, struct gw_error *error)
{
	const char *listen = cluster->gfs->listen, *colon = strrchr(listen, ':');
	char *end = NULL;
	size_t size = colon ? (size_t)(colon - listen) : 0;

	cluster->port = colon ? strtol(colon + 1, &end, 10) : -1;
	if (size == 0 || size > HOST_BYTES_MAX || end == colon + 1 || *end || cluster->port < 0 ||
	    cluster->port + cluster->master_count - 1 > PORT_MAX)
		return gw_fail(error, GW_E_USAGE, "--listen %s: HOST:PORT is wanted", listen);
	if (cluster->port == 0 && cluster->master_count > 1)
		return gw_fail(error, GW_E_USAGE,
			       "--listen %s: several masters need ports that are known", listen);
	memcpy(cluster->host, listen, size);
	return 0;
}

/* ---- Servers ------------------------------------------------------------------------------- */

static char *directory_of(const struct cluster *cluster, const char *kind, long index)
{
	char name[32];

	(void)snprintf(name, sizeof(name), "%s-%ld", kind, index + 1);
	return task_home_path(cluster->gfs->directory, name);
}

/* Each joins those before it, if it was none of the cluster yet. */
static int start_master(struct cluster *cluster, long index, struct gw_error *error)
{
	struct gfs_master_options options = cli_gfs_master_options(cluster->gfs);
	char *directory = directory_of(cluster, "master", index);
	size_t used = strlen(cluster->addresses);
	char address[ADDRESS_BYTES_MAX];
	int code;

	if (!directory)
		return gw_fail(error, GW_E_NO_MEMORY, "no memory for a master");
	(void)snprintf(address, sizeof(address), "%s:%ld", cluster->host,
		       cluster->port ? cluster->port + index : 0);
	options.directory = directory;
	options.address = cli_serve_address(address);
	options.listen = address;
	options.join = index > 0 ? cluster->addresses : NULL;
	code = gfs_master_new(&cluster->masters[index], &options, error);
	if (code == 0)
		(void)snprintf(cluster->addresses + used, sizeof(cluster->addresses) - used,
			       "%s%s", used ? "," : "",
			       gfs_master_address(cluster->masters[index]));
	free(directory);
	return code;
}

static int start_chunkserver(struct cluster *cluster, long index, struct gw_error *error)
{
	char *directory = directory_of(cluster, "chunkserver", index);
	const char *directories[] = {directory};
	char address[ADDRESS_BYTES_MAX];
	const struct chunk_server_options options = {
		.directories = directories,
		.directory_count = 1,
		.masters = cluster->addresses,
		.listen = address,
		.tls = cluster->gfs->serve.tls,
		.insecure = cluster->gfs->serve.insecure,
		.heartbeat_ms = cluster->gfs->chunk_heartbeat_ms,
		.scrub_bytes_per_second = cluster->gfs->scrub_bytes ? cluster->gfs->scrub_bytes
								    : GFS_SCRUB_NEVER,
		.scrub_round_ms = cluster->gfs->scrub_round_ms,
		.troubled = cli_serve_troubled,
		.context = &cluster->gfs->serve,
	};
	int code;

	if (!directory)
		return gw_fail(error, GW_E_NO_MEMORY, "no memory for a chunkserver");
	(void)snprintf(address, sizeof(address), "%s:0", cluster->host);
	code = cli_gfs_take_directory(directory, error);
	if (code == 0)
		code = chunk_server_new(&cluster->chunkservers[index], &options, error);
	free(directory);
	return code;
}

static int start_all(struct cluster *cluster, struct gw_error *error)
{
	int code = count_all(cluster, error);

	if (code == 0)
		code = read_listen(cluster, error);
	for (long i = 0; i < cluster->master_count && code == 0; i++)
		code = start_master(cluster, i, error);
	for (long i = 0; i < cluster->chunkserver_count && code == 0; i++)
		code = start_chunkserver(cluster, i, error);
	return code;
}

/* Nobody is there to hand leadership to: to stop is to be killed. */
static void free_all(struct cluster *cluster)
{
	for (long i = cluster->chunkserver_count; i-- > 0;)
		chunk_server_free(cluster->chunkservers[i]);
	for (long i = cluster->master_count; i-- > 0;)
		gfs_master_free(cluster->masters[i]);
	free(cluster);
}

int cli_gfs_up(struct cli_serve *serve)
{
	static const struct task_home_kind kind = {"groundwork gfs up 1\n",
						   "a cluster of the file system"};
	struct cluster *cluster = calloc(1, sizeof(*cluster));
	struct io_file *lock = NULL;
	int code;

	if (!cluster)
		return gw_fail(serve->error, GW_E_NO_MEMORY, "no memory for a cluster");
	/* The first member. */
	cluster->gfs = (struct cli_gfs *)serve;
	code = task_home_open(cluster->gfs->directory, &kind, &lock, serve->error);
	if (code == 0)
		code = start_all(cluster, serve->error);
	if (code == 0) {
		printf("listening on %s\n", cluster->addresses);
		code = cli_serve_wait(serve);
	}
	free_all(cluster);
	(void)task_disk_close(lock, NULL);
	return code;
}
