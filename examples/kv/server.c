/* SPDX-License-Identifier: Apache-2.0 */
/*
 * server.c - the key/value server: kv_server ADDRESS [CA CERTIFICATE KEY]
 *
 * With the three files, which `gw cert` makes, it talks TLS, and kv.proto says who may call what.
 *
 * Each call runs in a task of its own, all of them on one loop. Handlers that do not wait, like
 * these, are never interrupted by each other and need no lock; one that did wait between reading
 * and changing the store (for a disk, for another server) would hold a gw_mutex meanwhile.
 */
#define _GNU_SOURCE 1 /* strdup */
#include <stdio.h>
#include <stdlib.h>

#include "kv.rpc.h"

struct pair {
	struct pair *next;
	char *key;
	uint8_t *value;
	size_t size;
	uint64_t version;
};

struct store {
	struct pair *pairs;
};

static struct pair *find(struct store *store, const char *key)
{
	struct pair *pair = store->pairs;

	while (pair && strcmp(pair->key, key) != 0)
		pair = pair->next;
	return pair;
}

static struct pair *find_or_add(struct store *store, const char *key)
{
	struct pair *pair = find(store, key);

	if (pair || !(pair = calloc(1, sizeof(*pair))))
		return pair;
	pair->key = strdup(key);
	if (!pair->key) {
		free(pair);
		return NULL;
	}
	pair->next = store->pairs;
	return store->pairs = pair;
}

/* The value becomes its first `kept` bytes and those of the request. */
static int change(struct pair *pair, size_t kept, const Kv__PutRequest *request,
		  Kv__PutReply *reply, struct gw_error *error)
{
	uint8_t *value = pair ? realloc(pair->value, kept + request->value.len + 1) : NULL;

	if (!value)
		return gw_fail(error, GW_E_NO_MEMORY, "no memory for %s", request->key);
	if (request->value.len > 0)
		memcpy(value + kept, request->value.data, request->value.len);
	pair->value = value;
	pair->size = kept + request->value.len;
	reply->version = ++pair->version;
	return 0;
}

static int put(struct gw_rpc_call *call, void *context, const Kv__PutRequest *request,
	       Kv__PutReply *reply, struct gw_error *error)
{
	(void)call;
	return change(find_or_add(context, request->key), 0, request, reply, error);
}

static int append(struct gw_rpc_call *call, void *context, const Kv__PutRequest *request,
		  Kv__PutReply *reply, struct gw_error *error)
{
	struct pair *pair = find_or_add(context, request->key);

	(void)call;
	return change(pair, pair ? pair->size : 0, request, reply, error);
}

/* What a reply points to has to last until it was written: longer than a value that may be changed
 * by then. */
static int get(struct gw_rpc_call *call, void *context, const Kv__GetRequest *request,
	       Kv__GetReply *reply, struct gw_error *error)
{
	const struct pair *pair = find(context, request->key);

	if (!pair)
		return gw_fail(error, GW_E_NOT_FOUND, "%s: no such key", request->key);
	reply->version = pair->version;
	reply->value.len = pair->size;
	reply->value.data = gw_rpc_allocate(call, pair->size + 1);
	if (!reply->value.data)
		return gw_fail(error, GW_E_NO_MEMORY, "no memory for %s", request->key);
	if (pair->size > 0)
		memcpy(reply->value.data, pair->value, pair->size);
	return 0;
}

struct program {
	const char *address;
	struct gw_rpc_tls_options tls;
	struct gw_error error;
};

static int start(struct program *program, struct gw_rpc_server **server, struct gw_rpc_tls **tls,
		 struct store *store)
{
	static const struct kv_handlers handlers = {.put = put, .append = append, .get = get};
	struct gw_rpc_server_options options = {0};
	int code = program->tls.key ? gw_rpc_tls_new(tls, &program->tls, &program->error) : 0;

	options.tls = *tls;
	if (code == 0)
		code = gw_rpc_server_new(server, &options, &program->error);
	if (code == 0)
		code = kv_serve(*server, &handlers, store, NULL, &program->error);
	if (code == 0)
		code = gw_rpc_server_listen(*server, program->address, &program->error);
	return code;
}

static int serve(void *argument)
{
	struct store store = {0};
	struct gw_rpc_tls *tls = NULL;
	struct gw_rpc_server *server = NULL;
	int code = start(argument, &server, &tls, &store);

	if (code == 0) {
		printf("listening at %s\n", gw_rpc_server_address(server));
		fflush(stdout);
		code = gw_sleep_until(GW_FOREVER);
	}
	gw_rpc_server_free(server);
	gw_rpc_tls_free(tls);
	return code;
}

int main(int argc, char **argv)
{
	struct program program = {.address = argc > 1 ? argv[1] : "127.0.0.1:7000"};
	int code;

	if (argc > 4)
		program.tls = (struct gw_rpc_tls_options){
			.ca = argv[2], .certificate = argv[3], .key = argv[4]};
	code = gw_run(serve, &program, NULL, &program.error);
	if (code < 0)
		fprintf(stderr, "kv_server: %s\n", program.error.text);
	return -code;
}
