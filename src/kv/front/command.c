/* SPDX-License-Identifier: Apache-2.0 */
/* command.c - the table of commands, those that ask nobody, and failures as replies. */
#include "kv/front/inside.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

static int say_ok(struct front_request *request, struct gw_error *error)
{
	return resp_put_text(request->reply, "OK", error);
}

static int run_ping(struct front_request *request, struct gw_error *error)
{
	if (request->count > 2)
		return gw_fail(error, GW_E_USAGE, "wrong number of arguments for 'ping' command");
	return request->count == 2 ? resp_put_bytes(request->reply, request->words[1], error)
				   : resp_put_text(request->reply, "PONG", error);
}

static int run_echo(struct front_request *request, struct gw_error *error)
{
	return resp_put_bytes(request->reply, request->words[1], error);
}

static int run_quit(struct front_request *request, struct gw_error *error)
{
	request->is_last = true;
	return say_ok(request, error);
}

static int run_select(struct front_request *request, struct gw_error *error)
{
	int64_t number;

	if (!resp_number(request->words[1], &number) || number != 0)
		return gw_fail(error, GW_E_INVALID, "DB index is out of range");
	return say_ok(request, error);
}

static int put_pair(struct base_buffer *reply, const char *name, const char *value,
		    struct gw_error *error)
{
	int code = resp_put_bytes(reply, gw_string(name), error);

	return code == 0 ? resp_put_bytes(reply, gw_string(value), error) : code;
}

/* Clients that want version 3 fall back when it is refused like this. */
static int run_hello(struct front_request *request, struct gw_error *error)
{
	struct base_buffer *reply = request->reply;
	int64_t version = 2;
	int code;

	if (request->count > 1 && (!resp_number(request->words[1], &version) || version != 2))
		return resp_put_failure(reply, "NOPROTO", "unsupported protocol version", error);
	if (request->count > 2)
		return gw_fail(error, GW_E_UNSUPPORTED, "HELLO takes a version and nothing else");
	code = resp_put_array(reply, 8, error);
	if (code == 0)
		code = put_pair(reply, "server", "redis", error);
	if (code == 0)
		code = put_pair(reply, "version", "6.2.0", error);
	if (code == 0)
		code = resp_put_bytes(reply, gw_string("proto"), error);
	if (code == 0)
		code = resp_put_number(reply, 2, error);
	return code == 0 ? put_pair(reply, "mode", "standalone", error) : code;
}

/* What redis-benchmark asks: is it durable? */
static int run_config(struct front_request *request, struct gw_error *error)
{
	static const struct {
		const char *pattern, *name, *value;
	} settings[] = {
		{"APPENDONLY", "appendonly", "yes"},
		{"APPENDFSYNC", "appendfsync", "always"},
		{"SAVE", "save", ""},
		{"DATABASES", "databases", "1"},
	};
	int code = 0;

	if (!resp_is(request->words[1], "GET") || request->count != 3)
		return gw_fail(error, GW_E_UNSUPPORTED, "CONFIG can only GET one parameter");
	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
		if (!resp_is(request->words[2], settings[i].pattern))
			continue;
		code = resp_put_array(request->reply, 2, error);
		return code == 0 ? put_pair(request->reply, settings[i].name, settings[i].value,
					    error)
				 : code;
	}
	return resp_put_array(request->reply, 0, error);
}

static int run_command(struct front_request *request, struct gw_error *error);

static int run_client(struct front_request *request, struct gw_error *error)
{
	if (resp_is(request->words[1], "SETNAME") || resp_is(request->words[1], "SETINFO"))
		return say_ok(request, error);
	if (resp_is(request->words[1], "GETNAME"))
		return resp_put_nothing(request->reply, error);
	return gw_fail(error, GW_E_UNSUPPORTED, "CLIENT can only SETNAME, SETINFO and GETNAME");
}

static int run_info(struct front_request *request, struct gw_error *error)
{
	struct kv_front *front = request->front;
	struct replog_state state;
	struct base_buffer text = {0};
	int code;

	replog_state(kv_server_log(front->server), &state);
	code = base_buffer_append_format(
		&text, error,
		"# Server\r\nredis_version:6.2.0\r\nredis_mode:standalone\r\n"
		"groundwork_version:%s\r\n\r\n# Clients\r\nconnected_clients:%u\r\n\r\n"
		"# Persistence\r\nloading:0\r\naof_enabled:1\r\n\r\n"
		"# Stats\r\ntotal_commands_processed:%" PRIu64 "\r\n\r\n"
		"# Replication\r\nrole:%s\r\nraft_role:%s\r\nraft_term:%" PRIu64
		"\r\nraft_leader:%s\r\nraft_applied:%" PRIu64 "\r\nraft_troubles:%" PRIu64
		"\r\nraft_trouble:%s\r\n\r\n"
		"# Keyspace\r\ndb0:keys=%" PRIu64 ",expires=0,avg_ttl=0\r\n",
		GW_VERSION, front->connections, front->commands,
		state.role == REPLOG_LEADER ? "master" : "slave",
		replog_role_name((enum replog_role)state.role), state.term, state.leader_address,
		state.applied, state.troubles, state.trouble.text, kv_server_keys(front->server));
	if (code == 0)
		code = resp_put_bytes(request->reply, base_buffer_bytes(&text), error);
	base_buffer_done(&text);
	return code;
}

/* In the order in which they are asked for most. */
static const struct front_command commands[] = {
	{"GET", FRONT_READ, 2, front_get},	     {"SET", FRONT_CHANGE, -3, front_set},
	{"INCR", FRONT_CHANGE, 2, front_incr},	     {"DEL", FRONT_CHANGE, -2, front_del},
	{"MGET", FRONT_READ, -2, front_mget},	     {"MSET", FRONT_CHANGE, -3, front_mset},
	{"EXPIRE", FRONT_CHANGE, 3, front_expire},   {"TTL", FRONT_READ, 2, front_ttl},
	{"EXISTS", FRONT_READ, -2, front_exists},    {"APPEND", FRONT_CHANGE, 3, front_append},
	{"SETNX", FRONT_CHANGE, 3, front_setnx},     {"SETEX", FRONT_CHANGE, 4, front_setex},
	{"PSETEX", FRONT_CHANGE, 4, front_psetex},   {"GETSET", FRONT_STEPS, 3, front_getset},
	{"UNLINK", FRONT_CHANGE, -2, front_del},     {"DECR", FRONT_CHANGE, 2, front_decr},
	{"INCRBY", FRONT_CHANGE, 3, front_incrby},   {"DECRBY", FRONT_CHANGE, 3, front_decrby},
	{"PEXPIRE", FRONT_CHANGE, 3, front_pexpire}, {"PERSIST", FRONT_STEPS, 2, front_persist},
	{"PTTL", FRONT_READ, 2, front_pttl},	     {"STRLEN", FRONT_READ, 2, front_strlen},
	{"TYPE", FRONT_READ, 2, front_type},	     {"SCAN", FRONT_READ, -2, front_scan},
	{"DBSIZE", FRONT_READ, 1, front_dbsize},     {"PING", FRONT_LOCAL, -1, run_ping},
	{"ECHO", FRONT_LOCAL, 2, run_echo},	     {"QUIT", FRONT_LOCAL, -1, run_quit},
	{"SELECT", FRONT_LOCAL, 2, run_select},	     {"HELLO", FRONT_LOCAL, -1, run_hello},
	{"INFO", FRONT_LOCAL, -1, run_info},	     {"CONFIG", FRONT_LOCAL, -2, run_config},
	{"COMMAND", FRONT_LOCAL, -1, run_command},   {"CLIENT", FRONT_LOCAL, -2, run_client},
};

enum { COMMAND_COUNT = sizeof(commands) / sizeof(commands[0]) };

/* Clients ask for a description of all commands, and do without. */
static int run_command(struct front_request *request, struct gw_error *error)
{
	if (request->count > 1 && resp_is(request->words[1], "COUNT"))
		return resp_put_number(request->reply, COMMAND_COUNT, error);
	return resp_put_array(request->reply, 0, error);
}

const struct front_command *front_find(struct gw_bytes name)
{
	for (size_t i = 0; i < COMMAND_COUNT; i++) {
		if (resp_is(name, commands[i].name))
			return &commands[i];
	}
	return NULL;
}

static bool has_words(const struct front_request *request)
{
	int words = request->command->words;

	return words < 0 ? request->count >= (size_t)-words : request->count == (size_t)words;
}

enum front_kind front_kind_of(const struct front_request *request)
{
	const struct front_command *command = request->command;

	/* What cannot run asks nobody. */
	if (!command || !has_words(request))
		return FRONT_LOCAL;
	/* A SET with conditions may have to read first. */
	if (command->run == front_set && request->count > 3)
		return FRONT_STEPS;
	return (enum front_kind)command->kind;
}

/* ---- Running --------------------------------------------------------------------------------- */

void front_put_failure(struct front_request *request, int code, const struct gw_error *error)
{
	struct base_buffer *reply = request->reply;
	const char *leader = replog_leader_address(kv_server_log(request->front->server));
	char text[GW_ERROR_TEXT_MAX];

	assert(code < 0 && reply->size >= request->reply_begin);
	reply->size = request->reply_begin;
	if (code == GW_E_NOT_LEADER) {
		(void)snprintf(text, sizeof(text), "this member does not lead; %s",
			       leader[0] ? leader : "nobody does now");
		code = resp_put_failure(reply, "READONLY", text, NULL);
	} else if (code == GW_E_TIMEOUT || code == GW_E_OUTCOME_UNKNOWN || code == GW_E_CANCELLED) {
		code = resp_put_failure(reply, "UNKNOWN", "it may or may not have happened", NULL);
	} else {
		code = resp_put_failure(reply, "ERR",
					error->text[0] ? error->text : gw_code_text(code), NULL);
	}
	if (code < 0)
		reply->size = request->reply_begin;
	request->is_unanswered = code < 0;
}

static int run_checked(struct front_request *request, struct gw_error *error)
{
	const struct gw_bytes *name = &request->words[0];

	if (!request->command)
		return gw_fail(error, GW_E_NOT_FOUND, "unknown command '%.*s'",
			       (int)(name->size < 128 ? name->size : 128),
			       (const char *)name->data);
	if (!has_words(request))
		return gw_fail(error, GW_E_USAGE, "wrong number of arguments for '%s' command",
			       request->command->name);
	return request->command->run(request, error);
}

void front_begin_reply(struct front_request *request)
{
	struct base_buffer *reply = request->reply;

	request->reply_begin = reply->size;
	reply->size_max = reply->size + FRONT_REPLY_BYTES_MAX;
}

void front_run(struct front_request *request)
{
	struct gw_error error = {0};
	int code;

	front_begin_reply(request);
	code = run_checked(request, &error);
	if (code < 0)
		front_put_failure(request, code, &error);
}

size_t front_run_reads(struct front_request *requests, size_t count)
{
	const struct kv_read read = {.deadline_ns = gw_after_ms(FRONT_TIMEOUT_MS)};
	struct kv_server *server = requests[0].front->server;
	const struct base_buffer *reply = requests[0].reply;
	size_t n = 0, begin = reply->size;
	struct gw_error error = {0};
	int code = kv_server_read_begin(server, &read, NULL, &error);

	do {
		struct front_request *request = &requests[n++];

		assert(request->reply == reply);
		if (code < 0) {
			front_begin_reply(request);
			front_put_failure(request, code, &error);
		} else {
			front_run(request);
		}
		if (request->is_unanswered)
			break;
	} while (n < count && reply->size - begin < FRONT_FLUSH_BYTES &&
		 front_kind_of(&requests[n]) == FRONT_READ);
	if (code >= 0)
		kv_server_read_end(server);
	return n;
}
