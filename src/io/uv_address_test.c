/* SPDX-License-Identifier: Apache-2.0 */
/*
 * uv_address_test.c - addresses survive the way to the system and back, and read as people write
 * them; sockets at addresses that are none are refused by name.
 */
#include "io/uv_stream.h"
#include "support/unit.h"

#include <netinet/in.h>
#include <netinet/tcp.h>

static struct io_address ip4(uint8_t last, uint16_t port)
{
	return (struct io_address){.family = IO_FAMILY_IP4, .port = port, .ip = {10, 0, 0, last}};
}

static struct io_address local(const char *path)
{
	struct io_address address = {.family = IO_FAMILY_UNIX};

	assert_true(strlen(path) < sizeof(address.path));
	memcpy(address.path, path, strlen(path));
	return address;
}

static void an_address_comes_back_as_it_went(void **state)
{
	char longest[IO_UNIX_PATH_BYTES_MAX];
	struct io_address addresses[] = {
		ip4(1, 0),
		ip4(255, 65535),
		{.family = IO_FAMILY_IP6, .port = 80, .ip = {0xfe, 0x80, [15] = 9}, .scope = 2},
		local("s"),
		{0},
	};

	(void)state;
	memset(longest, 'x', sizeof(longest));
	longest[sizeof(longest) - 1] = 0;
	addresses[4] = local(longest);
	for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
		struct sockaddr_storage storage;
		struct io_address back;
		socklen_t size;

		assert_int_equal(real_address_to(&addresses[i], &storage, &size), 0);
		assert_true(size <= sizeof(storage));
		memset(&back, 0xee, sizeof(back));
		real_address_from(&back, &storage, size);
		assert_true(io_address_equal(&back, &addresses[i]));
	}
}

static void a_socket_without_a_name_has_an_empty_path(void **state)
{
	struct sockaddr_storage storage = {.ss_family = AF_UNIX};
	struct io_address address;

	(void)state;
	real_address_from(&address, &storage, sizeof(sa_family_t));
	assert_int_equal(address.family, IO_FAMILY_UNIX);
	assert_int_equal(address.path[0], 0);
	real_address_from(&address, &storage, 0);
	assert_int_equal(address.family, IO_FAMILY_NONE);
}

static void addresses_read_as_people_write_them(void **state)
{
	const struct io_address six = {.family = IO_FAMILY_IP6, .port = 80, .ip = {[15] = 1}};
	const struct io_address rows[] = {ip4(3, 7002), six, local("/run/gw"), {0}};
	static const char *const texts[] = {"10.0.0.3:7002", "[::1]:80", "unix:/run/gw",
					    "no address"};

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		char text[REAL_NAME_BYTES_MAX];

		real_address_text(&rows[i], text);
		assert_string_equal(text, texts[i]);
	}
}

static void what_is_no_address_is_refused_by_name(void **state)
{
	struct io_address wrong[3] = {{0}, {.family = 77}, {.family = IO_FAMILY_UNIX}};
	struct io *io;

	(void)state;
	assert_int_equal(io_uv_new(&io, NULL, NULL), 0);
	for (size_t i = 0; i < 3; i++) {
		struct io_listener *listener;
		struct io_datagrams *datagrams;
		struct gw_error error = {0};

		assert_int_equal(io_listen(io, &wrong[i], &listener, &error), GW_E_INVALID);
		assert_non_null(strstr(error.text, "is no address to bind to"));
		assert_int_equal(io_datagrams_open(io, &wrong[i], &datagrams, NULL), GW_E_INVALID);
	}
	io_uv_free(io);
}

static void note(struct io_request *request, int result)
{
	*(int *)request->data = result;
}

static void tcp_streams_send_small_things_at_once(void **state)
{
	struct io_address address = {.family = IO_FAMILY_IP4, .ip = {127, 0, 0, 1}};
	struct io_listener *listener;
	struct io_stream *pair[2];
	struct io_request requests[2] = {{0}};
	int results[2] = {1, 1}, value;
	socklen_t size = sizeof(value);
	struct io *io;

	(void)state;
	assert_int_equal(io_uv_new(&io, NULL, NULL), 0);
	assert_int_equal(io_listen(io, &address, &listener, NULL), 0);
	io_listener_address(io, listener, &address);
	for (size_t i = 0; i < 2; i++)
		requests[i].data = &results[i];
	io_accept(io, &requests[0], listener, &pair[0], note);
	io_connect(io, &requests[1], &address, NULL, &pair[1], note);
	io_uv_run(io); /* until nothing is pending */
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(results[i], 0);
		assert_int_equal(getsockopt(((struct real_stream *)pair[i])->socket.fd, IPPROTO_TCP,
					    TCP_NODELAY, &value, &size),
				 0);
		assert_true(value != 0);
	}
	io_uv_free(io);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_address_comes_back_as_it_went),
		cmocka_unit_test(a_socket_without_a_name_has_an_empty_path),
		cmocka_unit_test(addresses_read_as_people_write_them),
		cmocka_unit_test(what_is_no_address_is_refused_by_name),
		cmocka_unit_test(tcp_streams_send_small_things_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
