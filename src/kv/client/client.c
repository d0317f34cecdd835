/* SPDX-License-Identifier: Apache-2.0 */
/* client.c - a client is made and ended. */
#include "kv/client/client.h"

#include "kv/limits.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

static_assert((int)GW_KV_KEY_BYTES_MAX == (int)KV_KEY_BYTES_MAX &&
		      (int)GW_KV_VALUE_BYTES_MAX == (int)KV_VALUE_BYTES_MAX &&
		      (int)GW_KV_KEYS_MAX == (int)KV_KEYS_MAX &&
		      (int)GW_KV_WRITE_BYTES_MAX == (int)KV_WRITE_BYTES_MAX,
	      "the installed header says what the service takes");

static int take_cluster(const char *text, uint64_t *number, struct gw_error *error)
{
	uint8_t id[KV_CLUSTER_BYTES];
	size_t digits = text ? strspn(text, "0123456789abcdefABCDEF") : 0;

	*number = 0;
	if (!text)
		return 0;
	if (digits != 2 * sizeof(id) || text[digits] != '\0')
		return gw_fail(error, GW_E_INVALID, "%s: a cluster's id has %zu hexadecimal digits",
			       text, 2 * sizeof(id));
	for (size_t i = 0; i < sizeof(id); i++) {
		const char pair[] = {text[2 * i], text[2 * i + 1], '\0'};

		id[i] = (uint8_t)strtoul(pair, NULL, 16);
	}
	*number = kv_cluster_number(id);
	return 0;
}

int gw_kv_client_new(struct gw_kv_client **out, const char *addresses,
		     const struct gw_kv_client_options *options, struct gw_error *error)
{
	static const struct gw_kv_client_options none;
	struct gw_rpc_client_options of_rpc;
	struct gw_kv_client *client = calloc(1, sizeof(*client));
	int code;

	assert(addresses);
	*out = NULL;
	if (!client)
		return gw_fail(error, GW_E_NO_MEMORY, "no memory for a client");
	if (!options)
		options = &none;
	client->timeout_ms = options->timeout_ms ? options->timeout_ms : GW_KV_TIMEOUT_MS;
	of_rpc = (struct gw_rpc_client_options){
		.name = options->name,
		.tls = options->tls,
		.insecure = options->insecure,
		.timeout_ms = client->timeout_ms,
		.one_cluster = true,
	};
	code = take_cluster(options->cluster, &of_rpc.cluster, error);
	if (code == 0)
		code = gw_rpc_client_new(&client->rpc, addresses, &of_rpc, error);
	if (code < 0) {
		free(client);
		return code;
	}
	*out = client;
	return 0;
}

void gw_kv_client_free(struct gw_kv_client *client)
{
	if (!client)
		return;
	gw_rpc_client_free(client->rpc);
	free(client);
}

void kv_client_copy(char *to, size_t size, const char *from)
{
	assert(size > 0);
	(void)snprintf(to, size, "%s", from ? from : "");
}
