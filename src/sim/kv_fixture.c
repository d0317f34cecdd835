/* SPDX-License-Identifier: Apache-2.0 */
/* kv_fixture.c - see kv_fixture.h. */
#include "sim/kv_fixture.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "kv/kv.rpc.h"
#include "kv/server/inside.h"

/* ---- A member's life ------------------------------------------------------------------------ */

static void note_failed(void *context, const struct gw_error *error)
{
	struct kv_member *member = context;

	member->failures++;
	member->why = *error;
}

static int live(void *argument)
{
	struct kv_member *member = argument;
	struct gw_error error = {0};
	struct kv_server *server;
	int code = kv_server_new(&server, &member->options, &error);

	if (code < 0 && !gw_cancelled() && sim_io_alive(member->io)) {
		member->failures++;
		member->why = error;
	}
	if (code == 0)
		member->server = server;
	(void)gw_sleep_until(GW_FOREVER);
	member->server = NULL;
	if (code == 0)
		kv_server_free(server);
	return 0;
}

static void *start(struct sim_node *node, struct io *io, void *argument)
{
	struct task_loop_options options = {.name = sim_node_name(node), .pick = true,
					    .silent = true};
	struct kv_member *member = argument;

	member->io = io;
	assert_int_equal(task_loop_new(io, &options, &member->loop, NULL), 0);
	assert_int_equal(task_loop_spawn(member->loop, live, member, NULL), 0);
	return member;
}

static void stop(void *life)
{
	struct kv_member *member = life;

	assert_true(sim_end_tasks(member->io, member->loop));
	member->loop = NULL;
	assert_null(member->server);
}

/* ---- A caller's ----------------------------------------------------------------------------- */

static int call(void *argument)
{
	struct gw_rpc_client_options options = {.insecure = true};
	struct kv_caller *caller = argument;
	int code = gw_rpc_client_new(&caller->client, caller->world->addresses, &options, NULL);

	assert_int_equal(code, 0);
	(void)gw_sleep_until(GW_FOREVER);
	gw_rpc_client_free(caller->client);
	caller->client = NULL;
	return 0;
}

static void *start_caller(struct sim_node *node, struct io *io, void *argument)
{
	struct task_loop_options options = {.name = sim_node_name(node), .pick = true,
					    .silent = true};
	struct kv_caller *caller = argument;

	caller->io = io;
	assert_int_equal(task_loop_new(io, &options, &caller->loop, NULL), 0);
	assert_int_equal(task_loop_spawn(caller->loop, call, caller, NULL), 0);
	return caller;
}

static void stop_caller(void *life)
{
	struct kv_caller *caller = life;

	assert_true(sim_end_tasks(caller->io, caller->loop));
	caller->loop = NULL;
}

/* ---- The world ------------------------------------------------------------------------------ */

void kv_world_begin(struct kv_world *world, int count, uint64_t seed)
{
	assert(count <= KV_WORLD_MEMBERS);
	memset(world, 0, sizeof(*world));
	world->count = count;
	world->sim = sim_new(seed, NULL, NULL);
	assert_non_null(world->sim);
	for (int i = 0; i < count; i++) {
		struct kv_member *member = &world->members[i];
		struct sim_program program = {start, stop, member};
		size_t used = strlen(world->addresses);
		char name[8];

		snprintf(name, sizeof(name), "m%d", i + 1);
		snprintf(member->address, sizeof(member->address), "10.0.0.%d:%d", i + 1,
			 KV_WORLD_PORT);
		snprintf(world->addresses + used, sizeof(world->addresses) - used, "%s%s",
			 i ? "," : "", member->address);
		member->world = world;
		member->options = (struct kv_server_options){.directory = "kv",
							     .address = member->address,
							     .join = i ? world->addresses : NULL,
							     .table = KV_TABLE_MEMORY,
							     .insecure = true,
							     .segment_bytes = 64 << 10,
							     .failed = note_failed,
							     .context = member};
		member->node = sim_node_add(world->sim, name, &program);
	}
	for (int i = 0; i < KV_WORLD_CALLERS; i++) {
		struct kv_caller *caller = &world->callers[i];
		struct sim_program program = {start_caller, stop_caller, caller};
		char name[8];

		snprintf(name, sizeof(name), "c%d", i + 1);
		caller->world = world;
		caller->node = sim_node_add(world->sim, name, &program);
	}
}

void kv_world_start(struct kv_world *world)
{
	kv_member_start(world, 0);
	(void)kv_leader_wait(world, KV_NOBODY);
	for (int i = 1; i < world->count; i++)
		kv_member_start(world, i);
	for (int i = 0; i < KV_WORLD_CALLERS; i++)
		sim_node_start(world->callers[i].node);
	kv_voters_wait(world, world->count);
	sim_run_for(world->sim, SIM_MS);
}

void kv_world_end(struct kv_world *world)
{
	sim_free(world->sim);
}

void kv_pass_ms(struct kv_world *world, uint64_t ms)
{
	sim_run_for(world->sim, ms * SIM_MS);
}

void kv_wait_until(struct kv_world *world, bool (*met)(void *context), void *context)
{
	assert_true(sim_run_when(world->sim, met, context,
				 sim_now_ns(world->sim) + 600 * SIM_SECOND));
}

void kv_member_start(struct kv_world *world, int which)
{
	sim_node_start(world->members[which].node);
	sim_run_for(world->sim, SIM_MS);
}

void kv_member_kill(struct kv_world *world, int which)
{
	sim_node_kill(world->members[which].node);
}

void kv_member_power_loss(struct kv_world *world, int which)
{
	sim_node_power_loss(world->members[which].node);
}

void kv_member_wipe(struct kv_world *world, int which)
{
	sim_node_kill(world->members[which].node);
	sim_disk_wipe(world->members[which].node);
}

/* Work in a task of a machine. */
struct visit {
	int (*run)(void *argument);
	void *argument;
	int result;
	bool is_over;
};

static int do_visit(void *argument)
{
	struct visit *visit = argument;

	visit->result = visit->run(visit->argument);
	visit->is_over = true;
	return 0;
}

static bool visit_is_over(void *context)
{
	return ((struct visit *)context)->is_over;
}

static int make_snapshot(void *argument)
{
	struct kv_member *member = argument;

	return replog_snapshot(kv_server_log(member->server), NULL);
}

void kv_member_snapshot(struct kv_world *world, int which)
{
	struct visit visit = {make_snapshot, &world->members[which], 0, false};

	assert_non_null(world->members[which].server);
	assert_int_equal(task_loop_spawn(world->members[which].loop, do_visit, &visit, NULL), 0);
	kv_wait_until(world, visit_is_over, &visit);
	assert_int_equal(visit.result, 0);
}

/* ---- Looking -------------------------------------------------------------------------------- */

static bool is_open(const struct kv_member *member)
{
	return sim_node_is_up(member->node) && member->server;
}

struct replog_state kv_state_at(struct kv_world *world, int which)
{
	struct replog_state state = {0};

	if (is_open(&world->members[which]))
		replog_state(kv_server_log(world->members[which].server), &state);
	return state;
}

int kv_leader(struct kv_world *world)
{
	int leader = KV_NOBODY;
	uint64_t term = 0;

	for (int i = 0; i < world->count; i++) {
		struct replog_state state = kv_state_at(world, i);

		if (state.ready && state.term > term) {
			leader = i;
			term = state.term;
		}
	}
	return leader;
}

struct waiting {
	struct kv_world *world;
	int which;
};

static bool another_leads(void *context)
{
	const struct waiting *waiting = context;
	int leader = kv_leader(waiting->world);

	return leader != KV_NOBODY && leader != waiting->which;
}

int kv_leader_wait(struct kv_world *world, int but)
{
	struct waiting waiting = {world, but};

	kv_wait_until(world, another_leads, &waiting);
	return kv_leader(world);
}

static bool so_many_vote(void *context)
{
	const struct waiting *waiting = context;
	struct replog_member members[RAFT_MEMBERS_MAX];
	int leader = kv_leader(waiting->world), voters = 0;
	size_t count;

	if (leader == KV_NOBODY)
		return false;
	count = replog_members(kv_server_log(waiting->world->members[leader].server), members);
	for (size_t i = 0; i < count; i++)
		voters += members[i].votes;
	return voters == waiting->which;
}

void kv_voters_wait(struct kv_world *world, int voters)
{
	struct waiting waiting = {world, voters};

	kv_wait_until(world, so_many_vote, &waiting);
}

static bool is_compared(struct kv_world *world, int which)
{
	struct replog_state state = kv_state_at(world, which);

	return is_open(&world->members[which]) && state.role != REPLOG_FAILED &&
	       state.role != REPLOG_REMOVED;
}

static bool are_level(void *context)
{
	struct kv_world *world = ((struct waiting *)context)->world;
	int leader = kv_leader(world);
	uint64_t applied;

	if (leader == KV_NOBODY)
		return false;
	applied = kv_state_at(world, leader).applied;
	for (int i = 0; i < world->count; i++)
		if (sim_node_is_up(world->members[i].node) &&
		    (!world->members[i].server ||
		     (is_compared(world, i) && kv_state_at(world, i).applied != applied)))
			return false;
	return true;
}

static void snapshot_at(struct kv_world *world, int which, struct base_buffer *out)
{
	struct kv_snapshot_writer *writer;
	char piece[4096];
	int code = kv_state_snapshot(&world->members[which].server->state, &writer, NULL);

	*out = (struct base_buffer){0};
	assert_int_equal(code, 0);
	while ((code = kv_snapshot_read(writer, piece, sizeof(piece))) > 0)
		assert_int_equal(base_buffer_append(out, piece, (size_t)code, NULL), 0);
	assert_int_equal(code, 0);
	kv_snapshot_writer_free(writer);
}

void kv_all_equal(struct kv_world *world)
{
	struct waiting waiting = {world, 0};
	struct base_buffer first, other;

	kv_wait_until(world, are_level, &waiting);
	snapshot_at(world, kv_leader(world), &first);
	for (int i = 0; i < world->count; i++) {
		if (!is_compared(world, i))
			continue;
		snapshot_at(world, i, &other);
		assert_int_equal(other.size, first.size);
		assert_memory_equal(other.data, first.data, first.size);
		base_buffer_done(&other);
	}
	base_buffer_done(&first);
}

/* ---- Deeds ---------------------------------------------------------------------------------- */

static ProtobufCBinaryData data_of(const char *text)
{
	return (ProtobufCBinaryData){text ? strlen(text) : 0, (uint8_t *)(uintptr_t)text};
}

static int take_change(struct kv_deed *deed, int code, Kv__ChangeReply *reply)
{
	if (code == 0) {
		deed->index = reply->index;
		deed->found = reply->existed;
	}
	gw_rpc_reply_free(reply);
	return code;
}

int kv_do_put(struct kv_deed *deed, struct gw_rpc_client *client,
	      const struct gw_rpc_call_options *options)
{
	Kv__PutRequest request = KV__PUT_REQUEST__INIT;
	Kv__ChangeReply *reply = NULL;
	int code;

	request.key = data_of(deed->key);
	request.value = data_of(deed->value);
	request.ttl_ms = deed->ttl_ms;
	code = kv_put_with(client, &request, options, &reply, &deed->error);
	return take_change(deed, code, reply);
}

int kv_do_append(struct kv_deed *deed, struct gw_rpc_client *client,
		 const struct gw_rpc_call_options *options)
{
	Kv__AppendRequest request = KV__APPEND_REQUEST__INIT;
	Kv__ChangeReply *reply = NULL;
	int code;

	request.key = data_of(deed->key);
	request.value = data_of(deed->value);
	code = kv_append_with(client, &request, options, &reply, &deed->error);
	return take_change(deed, code, reply);
}

int kv_do_delete(struct kv_deed *deed, struct gw_rpc_client *client,
		 const struct gw_rpc_call_options *options)
{
	Kv__DeleteRequest request = KV__DELETE_REQUEST__INIT;
	Kv__ChangeReply *reply = NULL;
	int code;

	request.key = data_of(deed->key);
	code = kv_delete_with(client, &request, options, &reply, &deed->error);
	return take_change(deed, code, reply);
}

int kv_do_swap(struct kv_deed *deed, struct gw_rpc_client *client,
	       const struct gw_rpc_call_options *options)
{
	Kv__CompareAndSwapRequest request = KV__COMPARE_AND_SWAP_REQUEST__INIT;
	Kv__CompareAndSwapReply *reply = NULL;
	int code;

	request.key = data_of(deed->key);
	request.value = data_of(deed->value);
	if (deed->expected) {
		request.expected_case = KV__COMPARE_AND_SWAP_REQUEST__EXPECTED_VALUE_EXPECTED;
		request.value_expected = data_of(deed->expected);
	}
	code = kv_compare_and_swap_with(client, &request, options, &reply, &deed->error);
	if (code == 0) {
		deed->swapped = reply->swapped;
		deed->index = reply->index;
	}
	gw_rpc_reply_free(reply);
	return code;
}

int kv_do_get(struct kv_deed *deed, struct gw_rpc_client *client,
	      const struct gw_rpc_call_options *options)
{
	Kv__GetRequest request = KV__GET_REQUEST__INIT;
	Kv__GetReply *reply = NULL;
	int code;

	request.key = data_of(deed->key);
	request.weak = deed->weak;
	request.min_index = deed->min_index;
	code = kv_get_with(client, &request, options, &reply, &deed->error);
	if (code == 0) {
		deed->found = reply->found;
		deed->index = reply->index;
		assert(reply->value.len < sizeof(deed->text));
		if (reply->value.len > 0)
			memcpy(deed->text, reply->value.data, reply->value.len);
		deed->text[reply->value.len] = '\0';
	}
	gw_rpc_reply_free(reply);
	return code;
}

int kv_do_remove_member(struct kv_deed *deed, struct gw_rpc_client *client,
			const struct gw_rpc_call_options *options)
{
	Kv__MemberRemoveRequest request = KV__MEMBER_REMOVE_REQUEST__INIT;
	Kv__MemberReply *reply = NULL;
	int code;

	request.id = deed->version;
	code = kv_member_remove_with(client, &request, options, &reply, &deed->error);
	gw_rpc_reply_free(reply);
	return code;
}

int kv_do_replace_member(struct kv_deed *deed, struct gw_rpc_client *client,
			 const struct gw_rpc_call_options *options)
{
	Kv__MemberReplaceRequest request = KV__MEMBER_REPLACE_REQUEST__INIT;
	Kv__MemberReply *reply = NULL;
	int code;

	request.id = deed->version;
	code = kv_member_replace_with(client, &request, options, &reply, &deed->error);
	if (code == 0)
		deed->index = reply->id;
	gw_rpc_reply_free(reply);
	return code;
}

static int do_deed(void *argument)
{
	const struct gw_rpc_client_options of_client = {.insecure = true};
	struct kv_deed *deed = argument;
	struct gw_rpc_call_options options = {
		.deadline_ns = gw_after_ms(deed->timeout_ms ? deed->timeout_ms : 60000)};
	struct gw_rpc_client *client = deed->world->callers[deed->caller].client, *own = NULL;
	int code = 0;

	if (deed->at > 0) {
		code = gw_rpc_client_new(&own, deed->world->members[deed->at - 1].address,
					 &of_client, &deed->error);
		client = own;
	}
	deed->result = code < 0 ? code : deed->run(deed, client, &options);
	gw_rpc_client_free(own);
	deed->is_over = true;
	return 0;
}

void kv_deed_start(struct kv_world *world, struct kv_deed *deed, kv_run *run)
{
	deed->world = world;
	deed->run = run;
	assert_non_null(world->callers[deed->caller].client);
	assert_int_equal(task_loop_spawn(world->callers[deed->caller].loop, do_deed, deed, NULL),
			 0);
}

static bool deed_is_over(void *context)
{
	return ((struct kv_deed *)context)->is_over;
}

int kv_deed_wait(struct kv_deed *deed)
{
	kv_wait_until(deed->world, deed_is_over, deed);
	return deed->result;
}

int kv_deed_do(struct kv_world *world, struct kv_deed *deed, kv_run *run)
{
	kv_deed_start(world, deed, run);
	return kv_deed_wait(deed);
}

static void must(struct kv_world *world, struct kv_deed *deed, kv_run *run)
{
	if (kv_deed_do(world, deed, run) < 0)
		fail_msg("%s: %s", gw_code_name(deed->result), deed->error.text);
}

void kv_put_pair(struct kv_world *world, const char *key, const char *value)
{
	struct kv_deed deed = {.key = key, .value = value};

	must(world, &deed, kv_do_put);
}

void kv_append_to(struct kv_world *world, const char *key, const char *value)
{
	struct kv_deed deed = {.key = key, .value = value};

	must(world, &deed, kv_do_append);
}

void kv_expect(struct kv_world *world, const char *key, const char *value)
{
	struct kv_deed deed = {.key = key};

	must(world, &deed, kv_do_get);
	assert_int_equal(deed.found, value != NULL);
	if (value)
		assert_string_equal(deed.text, value);
}

void kv_put_many(struct kv_world *world, int count)
{
	char key[24];

	for (int i = 0; i < count; i++) {
		snprintf(key, sizeof(key), "key%d", i);
		kv_put_pair(world, key, "value");
	}
}
