/* SPDX-License-Identifier: Apache-2.0 */
/* store_user.c - the program of store_user.h: its life, and the log's tasks. */
#include "sim/store_user_life.h"

#include "base/crc32c.h"
#include "io/rare.h"

#include <assert.h>
#include <stdlib.h>

enum {
	STEP_RECORDS_MAX = 5,
	ENTRY_BYTES_MAX = 400,
	LARGE_BYTES = 20000, /* more than a segment has */
	STEPS_MAX = 3,         /* between two commits */
	QUIET_STEPS_MAX = 250, /* so many that a segment is soon full */
	QUIET_STEPS = 1000,    /* of which one adds entries */
};

uint64_t store_user_draw(struct store_user_life *life, uint64_t n)
{
	uint64_t number;

	io_random(life->io, &number, sizeof(number));
	return number % n;
}

int store_user_rest(struct store_user_life *life)
{
	return gw_sleep_until(gw_now_ns() + 1 + store_user_draw(life, life->user->wait_ns_max));
}

int store_user_end(struct store_user_life *life, int code)
{
	if (sim_io_alive(life->io)) {
		sim_note(sim_node_sim(life->node), life->node, "ends after a failure", code);
		sim_node_kill(life->node);
	}
	return code;
}

int store_user_end_by(struct store_user_life *life, const struct gw_error *error)
{
	if (error->code == GW_E_CORRUPT && sim_io_alive(life->io))
		store_user_wrong(life->user, "%s", error->text);
	return store_user_end(life, error->code);
}

/* ---- Adding ------------------------------------------------------------------------------- */

static int add_one(struct store_user_life *life, struct store_user_record *record,
		   struct gw_error *error)
{
	static const uint8_t kinds[] = {RAFT_ENTRY_COMMAND, RAFT_ENTRY_NOTHING};
	struct replog_store *store = life->store;
	struct raft_entry entry = {.term = record->term};
	uint8_t *bytes;
	int result;

	switch (record->kind) {
	case STORE_USER_STATE:
		return replog_store_add_state(store, record->term, record->index, error);
	case STORE_USER_CUT:
		return replog_store_add_cut(store, record->index, error);
	case STORE_USER_CLEAR:
		return replog_store_add_clear(store, record->index, error);
	default:
		break;
	}
	entry.data.size = LARGE_BYTES;
	if (store_user_draw(life, life->user->large_every) > 0)
		entry.data.size = store_user_draw(life, ENTRY_BYTES_MAX);
	entry.kind = kinds[store_user_draw(life, 2)];
	bytes = malloc(entry.data.size + 1);
	assert(bytes);
	io_random(life->io, bytes, entry.data.size);
	entry.data.data = bytes;
	record->entry = (struct store_user_entry){
		record->term, (uint32_t)entry.data.size, base_crc32c(0, bytes, entry.data.size)};
	result = replog_store_add_entry(store, record->index, &entry, error);
	free(bytes);
	return result;
}

int store_user_add(struct store_user_life *life, struct store_user_record record, bool ends_step)
{
	struct gw_error error = {0};

	record.ends_step = ends_step;
	if (add_one(life, &record, &error) < 0)
		return store_user_end_by(life, &error);
	store_user_note(life->user, &record);
	return 0;
}

static int add_state(struct store_user_life *life, bool ends_step)
{
	struct store_user_state *now = &life->user->now;
	bool same = store_user_draw(life, 2) && now->vote == 0;

	return store_user_add(life, (struct store_user_record){
		.kind = STORE_USER_STATE,
		.term = now->term + !same,
		.index = store_user_draw(life, 4),
	}, ends_step);
}

/* A term of at least the one before. */
static uint64_t term_at(struct store_user_life *life, uint64_t index)
{
	struct store_user_state *now = &life->user->now;
	uint64_t before = life->user->newest.term;

	if (index > now->first)
		before = store_user_entry(now, index - 1)->term;
	return now->term > before ? now->term : before;
}

static bool has_room(struct store_user_life *life)
{
	struct store_user *user = life->user;

	return user->now.last + STEP_RECORDS_MAX < user->now.first + STORE_USER_ENTRIES_MAX - 1 &&
	       user->record_count + STEP_RECORDS_MAX + 2 < STORE_USER_STEPS_MAX;
}

/* Entries from some index on. */
static int add_entries(struct store_user_life *life)
{
	struct store_user *user = life->user;
	uint64_t index = user->now.last + 1, count = 1 + store_user_draw(life, STEP_RECORDS_MAX);
	int result = 0;

	if (user->now.last > user->commit && store_user_draw(life, 4) == 0)
		index = user->commit + 1 + store_user_draw(life, user->now.last - user->commit);
	for (uint64_t i = 0; result == 0 && i < count; i++)
		result = store_user_add(life, (struct store_user_record){
			.kind = STORE_USER_ENTRY,
			.index = index + i,
			.term = term_at(life, index + i),
		}, i + 1 == count);
	return result;
}

/* One step: as a step of the core, all or nothing. */
static int add_step(struct store_user_life *life)
{
	struct store_user *user = life->user;
	uint64_t choice = store_user_draw(life, 10);
	int result = 0;

	if (user->is_quiet && store_user_draw(life, QUIET_STEPS) > 0)
		return add_state(life, true);
	if (choice < 3 || !has_room(life)) {
		result = add_state(life, choice > 0);
		if (result < 0 || choice > 0)
			return result;
	}
	if (!has_room(life))
		return add_state(life, true);
	if (choice == 9 && user->now.last > user->commit)
		return store_user_add(life, (struct store_user_record){
			.kind = STORE_USER_CUT,
			.index = user->commit + 1 +
				 store_user_draw(life, user->now.last - user->commit),
		}, true);
	return add_entries(life);
}

/* ---- The log's task ------------------------------------------------------------------------- */

static int commit(struct store_user_life *life)
{
	struct store_user *user = life->user;
	uint32_t count = user->record_count;
	struct gw_error error = {0};
	uint64_t stable;
	int result;

	if (IO_BUG(life->io, "replog.reported-early"))
		store_user_note_durable(user, count), count = 0;
	while ((result = replog_store_commit(life->store, &error)) == GW_E_NO_SPACE &&
	       !replog_store_is_broken(life->store)) {
		user->no_space++;
		assert(user->record_count == 0 || replog_store_added_bytes(life->store) > 0);
		if (gw_sleep_ms(STORE_USER_RETRY_MS) < 0)
			return GW_E_CANCELLED;
	}
	if (result < 0)
		return store_user_end_by(life, &error);
	user->commits++;
	store_user_note_durable(user, count);
	sim_note(sim_node_sim(life->node), life->node, "durable up to",
		 (int64_t)user->durable.last);
	stable = store_user_stable(user);
	if (!life->fetching && stable > user->commit)
		user->commit += user->is_quiet ? stable - user->commit
					       : store_user_draw(life, stable - user->commit + 1);
	return 0;
}

static int run_log(void *argument)
{
	struct store_user_life *life = argument;
	uint64_t steps;
	int result = 0;

	while (result == 0) {
		steps = store_user_draw(life, life->user->is_quiet ? QUIET_STEPS_MAX : STEPS_MAX);
		for (uint64_t i = steps; result == 0 && i > 0; i--)
			result = add_step(life);
		if (result == 0)
			result = commit(life);
		if (result == 0)
			result = store_user_rest(life);
	}
	return result;
}

/* Adds while a commit is under way. */
static int run_adder(void *argument)
{
	struct store_user_life *life = argument;
	int result = 0;

	while (result == 0) {
		if (life->user->record_count < STORE_USER_STEPS_MAX / 2)
			result = add_step(life);
		if (result == 0)
			result = store_user_rest(life);
	}
	return result;
}

/* ---- A life ------------------------------------------------------------------------------- */

static int create(struct store_user_life *life)
{
	struct replog_identity identity = {.cluster = "simulated", .member = 3};
	struct gw_error error = {0};
	int result;

	if (life->user->created)
		return 0;
	result = replog_store_create("data", &identity, &error);
	if (result == GW_E_EXISTS && replog_store_identity("data", &identity, NULL) == 0)
		result = 0; /* it was done, and nobody heard of it */
	if (result < 0)
		return store_user_end_by(life, &error);
	life->user->created = true;
	return 0;
}

static int open_store(struct store_user_life *life)
{
	struct replog_store_options options = {.segment_bytes = life->user->segment_bytes};
	struct replog_recovered recovered;
	struct gw_error error = {0};
	int result = replog_store_open(&life->store, "data", &options, &recovered, &error);
	bool right;

	if (result == GW_E_NOT_FOUND && sim_io_alive(life->io))
		store_user_wrong(life->user, "the directory is gone: %s", error.text);
	if (result < 0) {
		life->store = NULL;
		return store_user_end_by(life, &error);
	}
	right = store_user_compare(life->user, &recovered);
	replog_recovered_done(&recovered);
	life->user->recoveries++;
	sim_note(sim_node_sim(life->node), life->node, "recovered up to",
		 (int64_t)life->user->now.last);
	return right ? store_user_check_snapshot(life) : GW_E_CORRUPT;
}

static int live(void *argument)
{
	struct store_user_life *life = argument;
	int result = create(life);

	if (result == 0)
		result = open_store(life);
	if (result == 0)
		result = gw_spawn(&life->group, run_log, life, NULL);
	if (result == 0)
		result = gw_spawn(&life->group, run_adder, life, NULL);
	if (result == 0 && !life->user->without_snapshots)
		result = gw_spawn(&life->group, store_user_run_snapshots, life, NULL);
	if (result == 0 && !life->user->without_snapshots && life->user->is_quiet)
		result = gw_spawn(&life->group, store_user_run_compaction, life, NULL);
	if (result == 0)
		result = gw_group_wait(&life->group, GW_FOREVER);
	(void)gw_group_done(&life->group);
	replog_store_close(life->store);
	return result;
}

static void *start(struct sim_node *node, struct io *io, void *argument)
{
	struct task_loop_options options = {.name = sim_node_name(node), .pick = true,
					    .silent = true};
	struct store_user_life *life = calloc(1, sizeof(*life));
	int code;

	assert(life);
	life->buffer = malloc(REPLOG_PIECE_BYTES);
	assert(life->buffer);
	life->user = argument;
	life->node = node;
	life->io = io;
	code = task_loop_new(io, &options, &life->loop, NULL);
	assert(code == 0);
	code = task_loop_spawn(life->loop, live, life, NULL);
	assert(code == 0);
	return life;
}

static void stop(void *argument)
{
	struct store_user_life *life = argument;

	if (!sim_end_tasks(life->io, life->loop))
		store_user_wrong(life->user, "the tasks of a dead machine do not end");
	free(life->buffer);
	free(life);
}

const struct sim_program store_user_program = {start, stop, NULL};
