/* SPDX-License-Identifier: Apache-2.0 */
/*
 * host_message_test.c - every kind of message arrives as it was sent; what cannot be a message is
 * refused.
 */
#include "host_message.h"

#include "support/unit.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static int setup(void **state)
{
	int *sockets = calloc(2, sizeof(*sockets)), on = 1;

	assert_non_null(sockets);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, sockets), 0);
	assert_int_equal(setsockopt(sockets[0], SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)), 0);
	*state = sockets;
	return 0;
}

static int teardown(void **state)
{
	int *sockets = *state;

	close(sockets[0]);
	close(sockets[1]);
	free(sockets);
	return 0;
}

static void test_every_kind_arrives(void **state)
{
	int *sockets = *state;

	for (uint32_t kind = 0; kind < MR_MESSAGES; kind++) {
		struct mr_message sent = {.kind = kind,
					  .generation = 7,
					  .id = {MR_REDUCE, 5, 3},
					  .slot = 2,
					  .count = 1,
					  .runs = {{.task = 5, .sequence = 8}}};
		struct mr_message got;
		pid_t sender;

		assert_int_equal(mr_message_send(sockets[1], &sent, NULL), 0);
		assert_int_equal(mr_message_receive(sockets[0], &got, false, &sender, NULL), 1);
		assert_int_equal(got.kind, kind);
		assert_int_equal(got.generation, 7);
		assert_true(mr_attempt_id_equal(&got.id, &sent.id));
		assert_int_equal(sender, getpid());
		if (kind == MR_SAY_RUNS)
			assert_int_equal(got.runs[0].sequence, 8);
	}
}

static void test_nothing_there(void **state)
{
	struct mr_message got;
	int *sockets = *state;

	assert_int_equal(mr_message_receive(sockets[0], &got, false, NULL, NULL), 0);
}

static void test_the_other_side_is_gone(void **state)
{
	struct mr_message message = {.kind = MR_SAY_DONE};
	struct gw_error error = {0};
	int *sockets = *state;

	close(sockets[1]);
	sockets[1] = -1;
	assert_int_equal(mr_message_receive(sockets[0], &message, true, NULL, &error), 0);
	assert_int_equal(mr_message_receive(sockets[0], &message, false, NULL, &error),
			 GW_E_CLOSED);
	message.kind = MR_SAY_DONE;
	assert_int_equal(mr_message_send(sockets[0], &message, &error), GW_E_CLOSED);
}

static void test_what_cannot_be_a_message(void **state)
{
	struct mr_message message = {.kind = MR_SAY_RUNS, .count = 2};
	size_t head = offsetof(struct mr_message, attempt);
	const size_t sizes[] = {1, head - 1, head, head + sizeof(struct mr_run), sizeof(message)};
	struct mr_message got;
	int *sockets = *state;

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		assert_int_equal(send(sockets[1], &message, sizes[i], 0), (ssize_t)sizes[i]);
		assert_int_equal(mr_message_receive(sockets[0], &got, false, NULL, NULL),
				 GW_E_CORRUPT);
	}
	message.count = UINT32_MAX;
	assert_int_equal(send(sockets[1], &message, sizeof(message), 0), (ssize_t)sizeof(message));
	assert_int_equal(mr_message_receive(sockets[0], &got, false, NULL, NULL), GW_E_CORRUPT);
	message.kind = MR_MESSAGES;
	assert_int_equal(send(sockets[1], &message, head, 0), (ssize_t)head);
	assert_int_equal(mr_message_receive(sockets[0], &got, false, NULL, NULL), GW_E_CORRUPT);
}

int main(void)
{
#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_every_kind_arrives),
		TEST(test_nothing_there),
		TEST(test_the_other_side_is_gone),
		TEST(test_what_cannot_be_a_message),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
