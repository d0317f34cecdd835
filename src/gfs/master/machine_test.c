/* SPDX-License-Identifier: Apache-2.0 */
/*
 * machine_test.c - the machine as the log drives it: calls run once, what they answer, checkpoints
 * with the rest of the log, failures.
 */
#include "support/unit.h"

#include <stdio.h>

#include "gfs/common/gfs.pb-c.h"
#include "gfs/master/machine.h"
#include "gfs/master/namespace.h"
#include "replog/answer.h"

enum { CLIENT = 7 };

struct member {
	struct gfs_machine machine;
	uint64_t index, wall_ms;
	struct base_buffer reply; /* of the last record */
	int code;
	struct gw_bytes payload;
	/* As the watch was told. */
	uint32_t applied, freed, restored;
};

static void count_applied(void *context, const struct gfs_record *record,
			  const struct gfs_done *done, int code)
{
	struct member *member = context;

	(void)record;
	(void)done;
	(void)code;
	member->applied++;
}

static void count_freed(void *context, uint32_t slot)
{
	struct member *member = context;

	assert_null(gfs_chunks_slot(&member->machine.state.chunks, slot));
	member->freed++;
}

static void count_restored(void *context)
{
	struct member *member = context;

	assert_true(gfs_machine_is_whole(&member->machine));
	member->restored++;
}

static void member_init(struct member *member)
{
	*member = (struct member){.wall_ms = 1000};
	assert_int_equal(gfs_machine_init(&member->machine, NULL, NULL), 0);
	member->machine.watch = (struct gfs_machine_watch){.applied = count_applied,
							   .freed = count_freed,
							   .restored = count_restored,
							   .context = member};
}

static void member_done(struct member *member)
{
	base_buffer_done(&member->reply);
	gfs_machine_done(&member->machine);
}

static int apply_bytes(struct member *member, struct gw_bytes bytes, struct gw_error *error)
{
	const struct replog_entry entry = {++member->index, 3, member->wall_ms, bytes};

	member->reply.size = 0;
	return gfs_replog_machine.apply(&member->machine, &entry, &member->reply, error);
}

/* What it answered. */
static int apply(struct member *member, const struct gfs_record *record)
{
	struct base_buffer bytes = {0};

	assert_int_equal(gfs_record_encode(record, &bytes, NULL), 0);
	assert_int_equal(apply_bytes(member, base_buffer_bytes(&bytes), NULL), 0);
	base_buffer_done(&bytes);
	assert_int_equal(gfs_replog_machine.run_end(&member->machine, member->index, NULL), 0);
	assert_int_equal(replog_answer_read(base_buffer_bytes(&member->reply), &member->code,
					    &member->payload, NULL), 0);
	return member->code;
}

static int apply_once(struct member *member, struct gfs_record record, uint64_t sequence)
{
	record.has_call = true;
	record.call = (struct rpc_dup_call){.client = {{CLIENT, 1}},
					    .sequence = sequence,
					    .first_incomplete = 1,
					    .fingerprint = record.kind};
	return apply(member, &record);
}

static void open_client(struct member *member)
{
	const struct gfs_record record = {.kind = GFS_RECORD_CLIENT, .client_first = CLIENT,
					  .client_second = 1};

	assert_int_equal(apply(member, &record), 0);
}

static struct gfs_record create_of(const char *path)
{
	return (struct gfs_record){.kind = GFS_RECORD_CREATE, .path = gw_string(path)};
}

static void checkpoint_of(struct member *member, struct base_buffer *out)
{
	uint8_t piece[777];
	void *snapshot;
	int size;

	*out = (struct base_buffer){0};
	assert_int_equal(gfs_replog_machine.freeze(&member->machine, &snapshot, NULL), 0);
	while ((size = gfs_replog_machine.read_piece(snapshot, piece, sizeof(piece))) > 0)
		assert_int_equal(base_buffer_append(out, piece, (size_t)size, NULL), 0);
	assert_int_equal(size, 0);
	gfs_replog_machine.thaw(&member->machine, snapshot);
}

static int restore(struct member *member, struct gw_bytes bytes, uint64_t index, bool complete,
		   struct gw_error *error)
{
	const uint8_t *at = bytes.data;
	int code = gfs_replog_machine.restore_begin(&member->machine, index, error), end;

	assert_int_equal(code, 0);
	for (size_t left = bytes.size; left > 0 && code == 0;) {
		size_t some = left < 501 ? left : 501;

		code = gfs_replog_machine.restore_piece(&member->machine,
							(struct gw_bytes){at, some}, error);
		at += some;
		left -= some;
	}
	end = gfs_replog_machine.restore_end(&member->machine, index, complete && code == 0,
					     error);
	member->index = index;
	return code < 0 ? code : end;
}

static void same(struct member *a, struct member *b)
{
	struct base_buffer x, y;

	checkpoint_of(a, &x);
	checkpoint_of(b, &y);
	assert_int_equal(x.size, y.size);
	assert_memory_equal(x.data, y.data, x.size);
	base_buffer_done(&x);
	base_buffer_done(&y);
}

/* ---- Tests ---------------------------------------------------------------------------------- */

static void a_call_that_comes_twice_has_one_effect(void **state)
{
	struct member member;
	struct base_buffer first = {0};

	(void)state;
	member_init(&member);
	open_client(&member);
	assert_int_equal(apply_once(&member, create_of("/a"), 1), 0);
	assert_int_equal(base_buffer_append(&first, member.payload.data, member.payload.size,
					    NULL), 0);
	assert_int_equal(apply_once(&member, create_of("/a"), 1), 0);
	assert_int_equal(gw_bytes_compare(base_buffer_bytes(&first), member.payload), 0);
	assert_int_equal(member.machine.state.files, 1);
	/* Another call of the same is another try. */
	assert_int_equal(apply_once(&member, create_of("/a"), 2), GW_E_EXISTS);
	base_buffer_done(&first);
	member_done(&member);
}

static void a_refusal_is_remembered_as_one(void **state)
{
	struct gw_error error = {0};
	struct member member;

	(void)state;
	member_init(&member);
	open_client(&member);
	assert_int_equal(apply_once(&member, create_of("/no/a"), 1), GW_E_NOT_FOUND);
	assert_int_equal(apply(&member, &(struct gfs_record){.kind = GFS_RECORD_MKDIR,
							     .path = gw_string("/no")}), 0);
	assert_int_equal(apply_once(&member, create_of("/no/a"), 1), GW_E_NOT_FOUND);
	assert_int_equal(replog_answer_refused(member.code, member.payload, &error),
			 GW_E_NOT_FOUND);
	assert_non_null(strstr(error.text, "/no"));
	assert_int_equal(member.machine.state.files, 0);
	member_done(&member);
}

static void a_client_that_nobody_knows_changes_nothing(void **state)
{
	struct member member;

	(void)state;
	member_init(&member);
	assert_int_equal(apply_once(&member, create_of("/a"), 1), GW_E_STALE);
	assert_int_equal(member.machine.state.files, 0);
	member_done(&member);
}

static void an_answer_has_the_index_of_its_entry(void **state)
{
	Gfs__CreateReply *created;
	Gfs__ChangeReply *changed;
	struct member member;

	(void)state;
	member_init(&member);
	assert_int_equal(apply(&member, &(struct gfs_record){.kind = GFS_RECORD_TICK}), 0);
	assert_int_equal(apply(&member, (struct gfs_record[]){create_of("/a")}), 0);
	created = gfs__create_reply__unpack(NULL, member.payload.size, member.payload.data);
	assert_non_null(created);
	assert_int_equal(created->index, 2);
	assert_int_equal(created->id, 2); /* the root is 1 */
	assert_null(created->lease);
	gfs__create_reply__free_unpacked(created, NULL);
	assert_int_equal(apply(&member, &(struct gfs_record){.kind = GFS_RECORD_RENAME,
							     .path = gw_string("/a"),
							     .to = gw_string("/b")}), 0);
	changed = gfs__change_reply__unpack(NULL, member.payload.size, member.payload.data);
	assert_non_null(changed);
	assert_int_equal(changed->index, 3);
	assert_int_equal(changed->id, 2);
	gfs__change_reply__free_unpacked(changed, NULL);
	member_done(&member);
}

/* A file with two chunks that servers 1 and 2 hold. */
static void file_with_chunks(struct member *member)
{
	const struct gfs_record servers[] = {
		{.kind = GFS_RECORD_SERVER, .uuid = {"0123456789abcdef", 16},
		 .address = gw_string("h:1"), .rack = gw_string("r")},
		{.kind = GFS_RECORD_SERVER, .uuid = {"fedcba9876543210", 16},
		 .address = gw_string("h:2")},
	};
	struct gfs_record create = create_of("/f");
	struct gfs_record add = {.kind = GFS_RECORD_CHUNK_ADD, .index = 1,
				 .path = gw_string("/f"), .incarnation = 5,
				 .set = {2, {2, 1}}};

	assert_int_equal(apply(member, &servers[0]), 0);
	assert_int_equal(apply(member, &servers[1]), 0);
	create.options = GFS_WITH_CHUNK;
	create.incarnation = 9;
	create.set = (struct gfs_set){2, {1, 2}};
	assert_int_equal(apply(member, &create), 0);
	assert_int_equal(apply(member, &add), 0);
}

static void an_answer_of_a_grant_names_its_servers(void **state)
{
	Gfs__LeaseReply *reply;
	struct member member;

	(void)state;
	member_init(&member);
	file_with_chunks(&member);
	reply = gfs__lease_reply__unpack(NULL, member.payload.size, member.payload.data);
	assert_non_null(reply);
	assert_int_equal(reply->chunk_log2, GFS_CHUNK_LOG2);
	assert_int_equal(reply->lease->primary, 2);
	assert_int_equal(reply->lease->term, 3);
	assert_int_equal(reply->lease->chunk->index, 1);
	assert_int_equal(reply->lease->chunk->version, 1);
	assert_int_equal(reply->lease->chunk->n_places, 2);
	assert_string_equal(reply->lease->chunk->places[0]->address, "h:2");
	assert_string_equal(reply->lease->chunk->places[1]->address, "h:1");
	assert_string_equal(reply->lease->chunk->places[1]->rack, "r");
	gfs__lease_reply__free_unpacked(reply, NULL);
	member_done(&member);
}

static void chunks_that_are_freed_are_told(void **state)
{
	struct gfs_record delete = {.kind = GFS_RECORD_DELETE, .options = GFS_NOW,
				    .path = gw_string("/f")};
	struct gfs_record collect = {.kind = GFS_RECORD_COLLECT, .count = 10};
	struct member member;

	(void)state;
	member_init(&member);
	file_with_chunks(&member);
	assert_int_equal(member.applied, 4);
	assert_int_equal(apply(&member, &delete), 0);
	assert_int_equal(member.freed, 0);
	member.wall_ms++;
	assert_int_equal(apply(&member, &collect), 0);
	assert_int_equal(member.freed, 2);
	assert_int_equal(member.machine.state.chunks.count, 0);
	member_done(&member);
}

/* The n-th of some hundred records: one half are calls, every seventh comes a second time. */
static void apply_drawn(struct member *member, int n)
{
	struct gfs_record record = {.kind = GFS_RECORD_CREATE};
	char path[32];

	member->wall_ms += (uint64_t)(n % 5) * 700;
	if (n % 11 == 0)
		record.kind = GFS_RECORD_MKDIR;
	else if (n % 4 == 0)
		record.kind = GFS_RECORD_DELETE;
	else if (n % 9 == 0)
		record.kind = GFS_RECORD_WRITER_OPEN;
	if (record.kind == GFS_RECORD_MKDIR)
		snprintf(path, sizeof(path), "/d%d", n % 3);
	else
		snprintf(path, sizeof(path), "/d%d/f%d", n % 3, n % 40);
	record.path = gw_string(path);
	if (n % 2 == 0)
		(void)apply_once(member, record, (uint64_t)(n % 7 == 0 ? n : n + 1));
	else
		(void)apply(member, &record);
}

static void checkpoint_and_the_rest_of_the_log_are_what_is_in_memory(void **state)
{
	enum { RECORDS = 300, AT = 170 };
	struct member one, replayed, restored;
	struct base_buffer checkpoint = {0};
	uint64_t index = 0, wall_ms = 0;

	(void)state;
	member_init(&one);
	member_init(&replayed);
	member_init(&restored);
	open_client(&one);
	open_client(&replayed);
	for (int n = 0; n < RECORDS; n++) {
		apply_drawn(&one, n);
		apply_drawn(&replayed, n);
		if (n == AT) {
			checkpoint_of(&one, &checkpoint);
			index = one.index;
			wall_ms = one.wall_ms;
		}
	}
	assert_true(one.machine.state.files > 10);
	same(&one, &replayed);
	assert_int_equal(apply(&restored, (struct gfs_record[]){create_of("/other")}), 0);
	assert_int_equal(restore(&restored, base_buffer_bytes(&checkpoint), index, true, NULL), 0);
	assert_int_equal(restored.restored, 1);
	restored.wall_ms = wall_ms;
	for (int n = AT + 1; n < RECORDS; n++)
		apply_drawn(&restored, n);
	same(&one, &restored);
	base_buffer_done(&checkpoint);
	member_done(&one);
	member_done(&replayed);
	member_done(&restored);
}

static void a_checkpoint_that_is_cut_leaves_nothing_to_read(void **state)
{
	struct base_buffer checkpoint;
	struct gw_error error = {0};
	struct member member;

	(void)state;
	member_init(&member);
	file_with_chunks(&member);
	checkpoint_of(&member, &checkpoint);
	for (size_t size = 0; size < checkpoint.size; size++) {
		assert_true(restore(&member, (struct gw_bytes){checkpoint.data, size}, 4, true,
				    &error) < 0);
		assert_false(gfs_machine_is_whole(&member.machine));
	}
	assert_int_equal(restore(&member, base_buffer_bytes(&checkpoint), 4, false, NULL), 0);
	assert_false(gfs_machine_is_whole(&member.machine));
	/* One that is of a later entry than the log says. */
	assert_int_equal(restore(&member, base_buffer_bytes(&checkpoint), 3, true, &error),
			 GW_E_CORRUPT);
	assert_int_equal(member.restored, 0);
	assert_int_equal(restore(&member, base_buffer_bytes(&checkpoint), 4, true, NULL), 0);
	assert_true(gfs_machine_is_whole(&member.machine));
	assert_int_equal(member.machine.state.files, 1);
	base_buffer_done(&checkpoint);
	member_done(&member);
}

static void a_record_that_is_none_breaks_the_machine(void **state)
{
	struct gw_error error = {0};
	struct member member;

	(void)state;
	member_init(&member);
	assert_int_equal(apply_bytes(&member, gw_string("this is no record"), &error),
			 GW_E_CORRUPT);
	assert_non_null(strstr(error.text, "entry 1"));
	assert_false(gfs_machine_is_whole(&member.machine));
	member_done(&member);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_call_that_comes_twice_has_one_effect),
		cmocka_unit_test(a_refusal_is_remembered_as_one),
		cmocka_unit_test(a_client_that_nobody_knows_changes_nothing),
		cmocka_unit_test(an_answer_has_the_index_of_its_entry),
		cmocka_unit_test(an_answer_of_a_grant_names_its_servers),
		cmocka_unit_test(chunks_that_are_freed_are_told),
		cmocka_unit_test(checkpoint_and_the_rest_of_the_log_are_what_is_in_memory),
		cmocka_unit_test(a_checkpoint_that_is_cut_leaves_nothing_to_read),
		cmocka_unit_test(a_record_that_is_none_breaks_the_machine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
