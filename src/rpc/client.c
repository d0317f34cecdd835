/* SPDX-License-Identifier: Apache-2.0 */
/* client.c - the life of a client. */
#include "rpc/client.h"

#include <assert.h>
#include <stdlib.h>

static void fill_in(struct gw_rpc_client_options *options)
{
	if (!options->timeout_ms)
		options->timeout_ms = GW_RPC_TIMEOUT_MS;
	if (!options->connect_timeout_ms)
		options->connect_timeout_ms = GW_RPC_CONNECT_TIMEOUT_MS;
	if (!options->patience_ms)
		options->patience_ms = GW_RPC_PATIENCE_MS;
	if (!options->keepalive_ms)
		options->keepalive_ms = GW_RPC_KEEPALIVE_MS;
	if (!options->backoff_ms_min)
		options->backoff_ms_min = GW_RPC_BACKOFF_MS_MIN;
	if (!options->backoff_ms_max)
		options->backoff_ms_max = GW_RPC_BACKOFF_MS_MAX;
	if (options->backoff_ms_max < options->backoff_ms_min)
		options->backoff_ms_max = options->backoff_ms_min;
	if (!options->message_bytes_max)
		options->message_bytes_max = GW_RPC_MESSAGE_BYTES_MAX;
	if (!options->attachment_bytes_max)
		options->attachment_bytes_max = GW_RPC_ATTACHMENT_BYTES_MAX;
	if (!options->calls_max)
		options->calls_max = GW_RPC_CALLS_MAX;
}

static int parse_addresses(struct gw_rpc_client *client, const char *text, struct gw_error *error)
{
	const char *at = text;

	do {
		int result;

		if (client->address_count == GW_RPC_ADDRESSES_MAX)
			return gw_fail(error, GW_E_INVALID, "more than %u addresses: %.100s...",
				       GW_RPC_ADDRESSES_MAX, text);
		result = rpc_address_parse(&at, &client->addresses[client->address_count], error);
		if (result < 0)
			return result;
		client->address_count++;
	} while (*at || at[-1] == ',');
	return 0;
}

int gw_rpc_client_new(struct gw_rpc_client **out, const char *address,
		      const struct gw_rpc_client_options *options, struct gw_error *error)
{
	struct gw_rpc_client *client = calloc(1, sizeof(*client));
	const char *name = options && options->name ? options->name : address;
	int result = 0;

	*out = NULL;
	if (client)
		client->name = strdup(name);
	if (!client || !client->name) {
		free(client);
		return gw_fail(error, GW_E_NO_MEMORY, "client of %s: out of memory", address);
	}
	if (options)
		client->options = *options;
	fill_in(&client->options);
	client->io = task_io();
	client->loop = task_loop();
	client->flusher.loop = client->loop;
	client->flusher.io = client->io;
	io_random(client->io, &client->trace, sizeof(client->trace));
	result = parse_addresses(client, address, error);
	if (result < 0) {
		free(client->name);
		free(client);
		return result;
	}
	*out = client;
	return 0;
}

static void client_forget(struct gw_rpc_client *client)
{
	assert(!client->lines && client->calls == 0 && !client->is_connecting);
	while (client->sessions) {
		struct rpc_session *session = client->sessions;

		client->sessions = session->next;
		rpc_session_unref(session);
	}
	free(client->name);
	free(client);
}

void gw_rpc_client_free(struct gw_rpc_client *client)
{
	struct gw_error why = {0};

	if (!client)
		return;
	assert(client->loop == task_loop());
	client->is_closing = true;
	(void)gw_fail(&why, GW_E_CANCELLED, "the client of %s was freed", client->name);
	while (client->lines)
		rpc_connection_close(client->lines->connection, &why);
	rpc_wake(&client->ready);
	for (struct rpc_session *session = client->sessions; session; session = session->next)
		rpc_wake(&session->waiters);
	(void)gw_group_done(&client->group);
	gw_shield_begin();
	while (client->calls > 0)
		(void)rpc_wait(&client->idle, "for the last call of", client->name, GW_FOREVER);
	gw_shield_end();
	rpc_flusher_join(&client->flusher);
	client_forget(client);
}
