/* SPDX-License-Identifier: Apache-2.0 */
/*
 * client.c - asks the key/value server:
 *
 *     kv_client ADDRESS put KEY VALUE | append KEY VALUE | get KEY
 */
#include <stdio.h>

#include "kv.rpc.h"

static int connect_to(struct gw_rpc_client **client, const char *address, struct gw_error *error)
{
	return gw_rpc_client_new(client, address, NULL, error);
}

static int put(struct gw_rpc_client *client, bool append, char *key, char *value,
	       struct gw_error *error)
{
	Kv__PutRequest request = KV__PUT_REQUEST__INIT;
	Kv__PutReply *reply;
	int code;

	request.key = key;
	request.value = (ProtobufCBinaryData){strlen(value), (uint8_t *)value};
	if (append)
		code = kv_append(client, &request, &reply, error);
	else
		code = kv_put(client, &request, &reply, error);
	if (code == 0)
		printf("version %llu\n", (unsigned long long)reply->version);
	gw_rpc_reply_free(reply);
	return code;
}

static int get(struct gw_rpc_client *client, char *key, struct gw_error *error)
{
	Kv__GetRequest request = KV__GET_REQUEST__INIT;
	Kv__GetReply *reply;
	int code;

	request.key = key;
	code = kv_get(client, &request, &reply, error);
	if (code == 0) {
		fwrite(reply->value.data, 1, reply->value.len, stdout);
		putchar('\n');
	}
	gw_rpc_reply_free(reply);
	return code;
}

struct program {
	int argc;
	char **argv;
	struct gw_error error;
};

static int ask(void *argument)
{
	struct program *program = argument;
	char **word = program->argv;
	struct gw_rpc_client *client = NULL;
	int code = program->argc < 4 ? gw_fail(&program->error, GW_E_USAGE,
					       "ADDRESS put|append|get KEY [VALUE] is wanted")
				     : connect_to(&client, word[1], &program->error);

	if (code == 0 && strcmp(word[2], "get") == 0)
		code = get(client, word[3], &program->error);
	else if (code == 0 && program->argc > 4)
		code = put(client, strcmp(word[2], "append") == 0, word[3], word[4],
			   &program->error);
	else if (code == 0)
		code = gw_fail(&program->error, GW_E_USAGE, "%s: a VALUE is wanted", word[2]);
	gw_rpc_client_free(client);
	return code;
}

int main(int argc, char **argv)
{
	struct program program = {.argc = argc, .argv = argv};
	int code = gw_run(ask, &program, NULL, &program.error);

	if (code < 0)
		fprintf(stderr, "kv_client: %s\n", program.error.text);
	return -code;
}
