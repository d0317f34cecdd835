/* SPDX-License-Identifier: Apache-2.0 */
/* front_test.c - a member alone, and what a socket at its Redis port is answered. */
#include "kv/front/inside.h"

#include "rpc/address.h"
#include "task/await.h"

#include "support/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct fixture {
	char directory[64];
	struct kv_server *server;
	struct kv_front *front;
};

static void begin(struct fixture *fixture)
{
	const struct kv_front_options of_front = {.address = "127.0.0.1:0"};
	struct gw_error error = {0};
	struct kv_server_options options = {.table = KV_TABLE_MEMORY, .segment_bytes = 1 << 20};

	(void)snprintf(fixture->directory, sizeof(fixture->directory), "/tmp/gw-front-XXXXXX");
	assert_non_null(mkdtemp(fixture->directory));
	options.directory = fixture->directory;
	if (kv_server_new(&fixture->server, &options, &error) < 0)
		fail_msg("%s", error.text);
	if (kv_front_new(&fixture->front, fixture->server, &of_front, &error) < 0)
		fail_msg("%s", error.text);
}

static void end(struct fixture *fixture)
{
	char command[128];

	kv_front_free(fixture->front);
	kv_server_free(fixture->server);
	(void)snprintf(command, sizeof(command), "rm -rf %s", fixture->directory);
	assert_int_equal(system(command), 0);
}

/* ---- A client -------------------------------------------------------------------------------- */

struct socket {
	struct io_stream *stream;
	struct io_reader reader;
	char got[2 << 20];
	size_t size;
	bool is_ended;
	struct gw_waiters waiters;
};

static struct io_buffer socket_buffer(struct io_reader *reader)
{
	struct socket *s =
		(struct socket *)(void *)((char *)reader - offsetof(struct socket, reader));

	return (struct io_buffer){s->got + s->size, sizeof(s->got) - s->size};
}

static void socket_read(struct io_reader *reader, int result)
{
	struct socket *s =
		(struct socket *)(void *)((char *)reader - offsetof(struct socket, reader));

	if (result > 0)
		s->size += (size_t)result;
	else
		s->is_ended = true;
	rpc_wake(&s->waiters);
}

static struct socket *connect_to(const struct fixture *fixture)
{
	struct socket *s = calloc(1, sizeof(*s));
	const char *text = kv_front_address(fixture->front);
	struct task_request connecting = {0};
	struct rpc_address parsed;
	struct io_addresses found;

	assert_int_equal(rpc_address_parse(&text, &parsed, NULL), 0);
	assert_int_equal(rpc_address_resolve(task_io(), &parsed, &found, GW_FOREVER, NULL), 0);
	io_connect(task_io(), &connecting.request, &found.items[0], NULL, &s->stream,
		   task_request_done);
	assert_int_equal(task_await(&connecting, GW_FOREVER), 0);
	s->reader = (struct io_reader){socket_buffer, socket_read, 0};
	io_read_start(task_io(), s->stream, &s->reader);
	return s;
}

static void hang_up(struct socket *s)
{
	io_stream_close(task_io(), s->stream);
	free(s);
}

static void say(struct socket *s, const char *bytes, size_t size)
{
	struct task_request writing = {0};
	const struct gw_bytes piece = {bytes, size};

	io_writev(task_io(), &writing.request, s->stream, &piece, 1, task_request_done);
	assert_int_equal(task_await(&writing, GW_FOREVER), 0);
}

/* Waits for exactly that. */
static void hear(struct socket *s, const char *expected)
{
	size_t size = strlen(expected);

	while (s->size < size && !s->is_ended)
		assert_int_equal(rpc_wait(&s->waiters, "for", "a reply", GW_FOREVER), 0);
	if (s->size != size || memcmp(s->got, expected, size) != 0)
		fail_msg("wanted %s, got %.*s", expected, (int)s->size, s->got);
	s->size = 0;
}

static void ask(struct socket *s, const char *line, const char *expected)
{
	say(s, line, strlen(line));
	say(s, "\r\n", 2);
	hear(s, expected);
}

/* ---- Tests ----------------------------------------------------------------------------------- */

static int strings_are_set_and_got(void *argument)
{
	struct fixture fixture;
	struct socket *s;

	(void)argument;
	begin(&fixture);
	s = connect_to(&fixture);
	ask(s, "PING", "+PONG\r\n");
	ask(s, "GET k", "$-1\r\n");
	ask(s, "set k v", "+OK\r\n");
	ask(s, "GET k", "$1\r\nv\r\n");
	ask(s, "APPEND k w", ":2\r\n");
	ask(s, "STRLEN k", ":2\r\n");
	ask(s, "SETNX k x", ":0\r\n");
	ask(s, "SETNX n x", ":1\r\n");
	ask(s, "MSET a 1 b 2", "+OK\r\n");
	ask(s, "MGET a none b", "*3\r\n$1\r\n1\r\n$-1\r\n$1\r\n2\r\n");
	ask(s, "EXISTS a a none", ":2\r\n");
	ask(s, "DEL a b none", ":2\r\n");
	ask(s, "DEL k", ":1\r\n");
	ask(s, "TYPE n", "+string\r\n");
	ask(s, "GETSET n y", "$1\r\nx\r\n");
	ask(s, "DBSIZE", ":1\r\n");
	hang_up(s);
	end(&fixture);
	return 0;
}

static int a_set_depends_on_what_is_there(void *argument)
{
	struct fixture fixture;
	struct socket *s;

	(void)argument;
	begin(&fixture);
	s = connect_to(&fixture);
	ask(s, "SET k v XX", "$-1\r\n");
	ask(s, "SET k v NX", "+OK\r\n");
	ask(s, "SET k w NX", "$-1\r\n");
	ask(s, "SET k w NX GET", "$1\r\nv\r\n");
	ask(s, "SET k w XX", "+OK\r\n");
	ask(s, "SET k x GET", "$1\r\nw\r\n");
	ask(s, "SET none x GET", "$-1\r\n");
	ask(s, "GET none", "$1\r\nx\r\n");
	ask(s, "SET k x NX XX", "-ERR syntax error\r\n");
	ask(s, "SET k x KEEPTTL", "-ERR SET knows no KEEPTTL, EXAT, PXAT\r\n");
	ask(s, "SET k x EX 0", "-ERR invalid expire time in 'set' command\r\n");
	ask(s, "SET k x EX", "-ERR syntax error\r\n");
	hang_up(s);
	end(&fixture);
	return 0;
}

static int numbers_are_added(void *argument)
{
	struct fixture fixture;
	struct socket *s;

	(void)argument;
	begin(&fixture);
	s = connect_to(&fixture);
	ask(s, "INCR n", ":1\r\n");
	ask(s, "INCRBY n 10", ":11\r\n");
	ask(s, "DECR n", ":10\r\n");
	ask(s, "DECRBY n 15", ":-5\r\n");
	ask(s, "DECRBY n -9223372036854775808", "-ERR decrement would overflow\r\n");
	ask(s, "INCRBY n x", "-ERR value is not an integer or out of range\r\n");
	ask(s, "SET s text", "+OK\r\n");
	ask(s, "INCR s", "-ERR value is not an integer or out of range\r\n");
	ask(s, "SET m 9223372036854775807", "+OK\r\n");
	ask(s, "INCR m", "-ERR value is not an integer or out of range\r\n");
	hang_up(s);
	end(&fixture);
	return 0;
}

static int keys_have_times(void *argument)
{
	struct fixture fixture;
	struct socket *s;

	(void)argument;
	begin(&fixture);
	s = connect_to(&fixture);
	ask(s, "TTL k", ":-2\r\n");
	ask(s, "EXPIRE k 10", ":0\r\n");
	ask(s, "SET k v", "+OK\r\n");
	ask(s, "TTL k", ":-1\r\n");
	ask(s, "PERSIST k", ":0\r\n");
	ask(s, "EXPIRE k 1000000", ":1\r\n");
	ask(s, "TTL k", ":1000000\r\n");
	ask(s, "PERSIST k", ":1\r\n");
	ask(s, "TTL k", ":-1\r\n");
	ask(s, "SETEX k 5000 w", "+OK\r\n");
	ask(s, "TTL k", ":5000\r\n");
	ask(s, "SET k v EX 700000", "+OK\r\n");
	ask(s, "TTL k", ":700000\r\n");
	ask(s, "EXPIRE k -1", ":1\r\n");
	ask(s, "EXISTS k", ":0\r\n");
	hang_up(s);
	end(&fixture);
	return 0;
}

static int a_scan_goes_through_all_keys(void *argument)
{
	struct fixture fixture;
	struct socket *s;

	(void)argument;
	begin(&fixture);
	s = connect_to(&fixture);
	ask(s, "MSET a 1 b 2 c 3 d 4", "+OK\r\n");
	ask(s, "SCAN 0 COUNT 3", "*2\r\n$1\r\n1\r\n*3\r\n$1\r\na\r\n$1\r\nb\r\n$1\r\nc\r\n");
	ask(s, "SCAN 1", "*2\r\n$1\r\n0\r\n*1\r\n$1\r\nd\r\n");
	ask(s, "SCAN 1 MATCH [a-c]", "*2\r\n$1\r\n0\r\n*0\r\n");
	ask(s, "SCAN 0 TYPE hash", "*2\r\n$1\r\n0\r\n*0\r\n");
	ask(s, "SCAN 99", "-ERR invalid cursor: it was forgotten, begin again with 0\r\n");
	ask(s, "SCAN x", "-ERR invalid cursor\r\n");
	ask(s, "SCAN 0 COUNT 0", "-ERR syntax error\r\n");
	ask(s, "SCAN 0 COUNT", "-ERR syntax error\r\n");
	hang_up(s);
	end(&fixture);
	return 0;
}

static int clients_ask_their_first_questions(void *argument)
{
	struct fixture fixture;
	struct socket *s;

	(void)argument;
	begin(&fixture);
	s = connect_to(&fixture);
	ask(s, "HELLO 3", "-NOPROTO unsupported protocol version\r\n");
	ask(s, "CONFIG GET save", "*2\r\n$4\r\nsave\r\n$0\r\n\r\n");
	ask(s, "CONFIG GET maxmemory", "*0\r\n");
	ask(s, "COMMAND DOCS", "*0\r\n");
	ask(s, "CLIENT SETNAME me", "+OK\r\n");
	ask(s, "SELECT 0", "+OK\r\n");
	ask(s, "SELECT 1", "-ERR DB index is out of range\r\n");
	ask(s, "ECHO hi", "$2\r\nhi\r\n");
	ask(s, "PING hi", "$2\r\nhi\r\n");
	ask(s, "FLUSHALL", "-ERR unknown command 'FLUSHALL'\r\n");
	ask(s, "GET", "-ERR wrong number of arguments for 'GET' command\r\n");
	ask(s, "GET a b", "-ERR wrong number of arguments for 'GET' command\r\n");
	ask(s, "QUIT", "+OK\r\n");
	while (!s->is_ended)
		assert_int_equal(rpc_wait(&s->waiters, "for", "the end", GW_FOREVER), 0);
	hang_up(s);
	end(&fixture);
	return 0;
}

static int replies_have_the_order_of_commands(void *argument)
{
	static const char commands[] =
		"SET k 0\r\nINCR k\r\nGET k\r\nAPPEND k x\r\nSET k 5 XX\r\nSET k 7\r\nGET k\r\n"
		"INCR k\r\nINCR k\r\nINCR k\r\nDEL k\r\nGET k\r\nPING\r\nINCR k\r\nSETNX k 2\r\n";
	static const char replies[] = "+OK\r\n:1\r\n$1\r\n1\r\n:2\r\n+OK\r\n+OK\r\n$1\r\n7\r\n"
				      ":8\r\n:9\r\n:10\r\n:1\r\n$-1\r\n+PONG\r\n:1\r\n:0\r\n";
	struct fixture fixture;
	struct socket *s;

	(void)argument;
	begin(&fixture);
	s = connect_to(&fixture);
	say(s, commands, sizeof(commands) - 1);
	hear(s, replies);
	hang_up(s);
	end(&fixture);
	return 0;
}

/* A run of SETs is one entry; what stands between or is refused is none of it. */
static int sets_that_follow_each_other_go_together(void *argument)
{
	static const char before[] = "SET a 1\r\nSET b 2\r\nSET a 3\r\nSET ";
	static const char after[] =
		" x\r\nSET a\r\nSET b 4\r\nSET c 5\r\nINCR c\r\nSET a 6 EX 100\r\nSET d 7\r\n"
		"SET d 8\r\nMGET a b c d\r\n";
	static const char replies[] =
		"+OK\r\n+OK\r\n+OK\r\n-ERR a key of 501 bytes; 500 are the most\r\n"
		"-ERR wrong number of arguments for 'SET' command\r\n+OK\r\n+OK\r\n:6\r\n"
		"+OK\r\n+OK\r\n+OK\r\n"
		"*4\r\n$1\r\n6\r\n$1\r\n4\r\n$1\r\n6\r\n$1\r\n8\r\n";
	char commands[1024], key[KV_KEY_BYTES_MAX + 2];
	struct replog_state begun, ended;
	struct fixture fixture;
	struct socket *s;
	int size;

	(void)argument;
	memset(key, 'k', sizeof(key) - 1);
	key[sizeof(key) - 1] = '\0';
	size = snprintf(commands, sizeof(commands), "%s%s%s", before, key, after);
	begin(&fixture);
	s = connect_to(&fixture);
	replog_state(kv_server_log(fixture.server), &begun);
	say(s, commands, (size_t)size);
	hear(s, replies);
	replog_state(kv_server_log(fixture.server), &ended);
	/* Three SETs; two SETs; INCR; a SET with an option; two SETs. */
	assert_int_equal(ended.applied - begun.applied, 5);
	hang_up(s);
	end(&fixture);
	return 0;
}

static int more_than_a_batch_is_answered(void *argument)
{
	enum { COMMANDS = 3 * FRONT_BATCH_MAX + 5 };
	struct base_buffer commands = {0}, replies = {0};
	struct gw_error error = {0};
	struct fixture fixture;
	struct socket *s;

	(void)argument;
	begin(&fixture);
	s = connect_to(&fixture);
	for (int i = 1; i <= COMMANDS; i++) {
		assert_int_equal(base_buffer_append_string(
					 &commands, "*2\r\n$4\r\nINCR\r\n$1\r\nn\r\n", &error),
				 0);
		assert_int_equal(base_buffer_append_format(&replies, &error, ":%d\r\n", i), 0);
	}
	assert_int_equal(base_buffer_append(&replies, "", 1, &error), 0);
	say(s, (const char *)commands.data, commands.size);
	hear(s, (const char *)replies.data);
	base_buffer_done(&commands);
	base_buffer_done(&replies);
	hang_up(s);
	end(&fixture);
	return 0;
}

static int commands_come_in_pieces(void *argument)
{
	static const char command[] = "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$5\r\nvalue\r\n";
	struct fixture fixture;
	struct socket *s;

	(void)argument;
	begin(&fixture);
	s = connect_to(&fixture);
	for (size_t cut = 1; cut < sizeof(command) - 1; cut++) {
		say(s, command, cut);
		(void)gw_yield();
		say(s, command + cut, sizeof(command) - 1 - cut);
		hear(s, "+OK\r\n");
	}
	hang_up(s);
	end(&fixture);
	return 0;
}

static int garbage_ends_its_connection_and_no_other(void *argument)
{
	struct fixture fixture;
	struct socket *s, *other;

	(void)argument;
	begin(&fixture);
	s = connect_to(&fixture);
	other = connect_to(&fixture);
	ask(s, "PING\r\n*1\r\n:1", "+PONG\r\n-ERR Protocol error: expected '$', got ':'\r\n");
	while (!s->is_ended)
		assert_int_equal(rpc_wait(&s->waiters, "for", "the end", GW_FOREVER), 0);
	ask(other, "PING", "+PONG\r\n");
	hang_up(s);
	/* One that goes in the middle of a command. */
	say(other, "*2\r\n$3\r\nGET\r\n$10\r\nab", 20);
	hang_up(other);
	s = connect_to(&fixture);
	ask(s, "PING", "+PONG\r\n");
	hang_up(s);
	end(&fixture);
	return 0;
}

/* Replies that are many leave before the batch is done; what is wrong behind them is said once. */
static int what_is_wrong_is_said_behind_many_replies(void *argument)
{
	static const char failure[] = "-ERR Protocol error: expected '$', got ':'\r\n";
	enum { VALUE = 300000, GETS = 6, REPLY = VALUE + 11 };
	char *value = calloc(1, VALUE + 1);
	struct fixture fixture;
	struct socket *s;

	(void)argument;
	assert_non_null(value);
	begin(&fixture);
	s = connect_to(&fixture);
	memset(value, 'x', VALUE);
	say(s, "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$300000\r\n", 29);
	ask(s, value, "+OK\r\n");
	for (int i = 0; i < GETS; i++)
		memcpy(value + 7 * i, "GET k\r\n", 7);
	memcpy(value + 7 * GETS, "*1\r\n:1\r\n", 8);
	say(s, value, 7 * GETS + 8);
	while (!s->is_ended)
		assert_int_equal(rpc_wait(&s->waiters, "for", "the end", GW_FOREVER), 0);
	assert_int_equal(s->size, GETS * REPLY + sizeof(failure) - 1);
	assert_memory_equal(s->got + GETS * REPLY, failure, sizeof(failure) - 1);
	free(value);
	hang_up(s);
	end(&fixture);
	return 0;
}

static int large_values_go_through(void *argument)
{
	struct base_buffer command = {0};
	struct gw_error error = {0};
	struct fixture fixture;
	struct socket *s;
	size_t size = KV_VALUE_BYTES_MAX - 100;

	(void)argument;
	begin(&fixture);
	s = connect_to(&fixture);
	assert_int_equal(base_buffer_append_format(&command, &error,
						   "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$%zu\r\n", size),
			 0);
	assert_int_equal(base_buffer_reserve(&command, size + 2, &error), 0);
	memset(command.data + command.size, 'x', size + 2);
	command.size += size + 2;
	say(s, (const char *)command.data, command.size);
	hear(s, "+OK\r\n");
	ask(s, "STRLEN k", ":1048476\r\n");
	/* One byte over what a value may have is a failure and nothing worse. */
	command.size = 0;
	assert_int_equal(base_buffer_append_format(&command, &error,
						   "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$%d\r\n",
						   KV_VALUE_BYTES_MAX + 1),
			 0);
	assert_int_equal(base_buffer_reserve(&command, KV_VALUE_BYTES_MAX + 3, &error), 0);
	memset(command.data + command.size, 'x', KV_VALUE_BYTES_MAX + 3);
	command.size += KV_VALUE_BYTES_MAX + 3;
	say(s, (const char *)command.data, command.size);
	while (s->size < 4 || s->got[s->size - 1] != '\n')
		assert_int_equal(rpc_wait(&s->waiters, "for", "a reply", GW_FOREVER), 0);
	assert_memory_equal(s->got, "-ERR ", 5);
	s->size = 0;
	ask(s, "PING", "+PONG\r\n");
	base_buffer_done(&command);
	hang_up(s);
	end(&fixture);
	return 0;
}

static int only_this_machine_is_let_in(void *argument)
{
	struct kv_front_options options = {.address = "0.0.0.0:0"};
	struct gw_error error = {0};
	struct fixture fixture;
	struct kv_front *front;

	(void)argument;
	begin(&fixture);
	assert_int_equal(kv_front_new(&front, fixture.server, &options, &error), GW_E_DENIED);
	options.insecure = true;
	assert_int_equal(kv_front_new(&front, fixture.server, &options, &error), 0);
	kv_front_free(front);
	options.address = "127.0.0.1:0,127.0.0.1:0";
	assert_int_equal(kv_front_new(&front, fixture.server, &options, &error), GW_E_INVALID);
	end(&fixture);
	return 0;
}

static void run_in_a_task(void **state)
{
	const struct gw_run_options options = {.stack_bytes = 256 << 10};

	assert_int_equal(gw_run((gw_task_function *)*state, NULL, &options, NULL), 0);
}

#define in_a_task(function)                                                                        \
	{                                                                                          \
#function, run_in_a_task, NULL, NULL, (void *)(function)                           \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_a_task(strings_are_set_and_got),
		in_a_task(a_set_depends_on_what_is_there),
		in_a_task(numbers_are_added),
		in_a_task(keys_have_times),
		in_a_task(a_scan_goes_through_all_keys),
		in_a_task(clients_ask_their_first_questions),
		in_a_task(replies_have_the_order_of_commands),
		in_a_task(sets_that_follow_each_other_go_together),
		in_a_task(more_than_a_batch_is_answered),
		in_a_task(commands_come_in_pieces),
		in_a_task(garbage_ends_its_connection_and_no_other),
		in_a_task(what_is_wrong_is_said_behind_many_replies),
		in_a_task(large_values_go_through),
		in_a_task(only_this_machine_is_let_in),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
