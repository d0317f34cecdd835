/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kv_run_client.c - a client of the workload kv: one call at a time, by the installed client
 * library; now and then a weak read of any member. Two of them also watch.
 */
#include "sim/workload_kv.h"

#include "task/loop.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* Longer than it takes to notice a half-open stream, also between members, and to connect again. */
enum { PATIENCE_MS = 300000, MORTAL_MS_MAX = 3000, WEAK_PERCENT = 25, SHORT_PERCENT = 15 };

struct life {
	struct kv_run_client_node *node;
	struct kv_run_state *state;
	struct io *io;
	struct gw_loop *loop;
	struct gw_kv_client *client;
	/* What was last read of each key that is swapped. */
	struct {
		uint32_t key;
		bool found;
		size_t size;
		char value[KV_RUN_VALUE_MAX];
	} seen[KV_RUN_SLOTS];
};

/* A call while it is made. */
struct asked {
	struct life *life;
	uint32_t number, slot;
	struct gw_bytes key;
	char text[KV_RUN_VALUE_MAX];
	struct gw_bytes value;
	struct kv_run_call answer;
};

/* Not sim_draw, of which the order of all nodes' draws is part: what one node draws is its own. */
static uint64_t draw(struct life *life, uint64_t n)
{
	uint64_t number;

	io_random(life->io, &number, sizeof(number));
	return number % n;
}

/* ---- Calls ---------------------------------------------------------------------------------- */

static int ends(struct asked *asked, int code)
{
	if (sim_io_alive(asked->life->io))
		kv_run_call_ends(asked->life->state, asked->number, code, &asked->answer);
	return code;
}

static void begins(struct asked *asked, const struct gw_bytes *expected)
{
	kv_run_call_begins(asked->life->state, asked->number, asked->value, expected);
}

/* What a client saw is what it swaps. */
static void remember(struct asked *asked, const struct gw_kv_value *value, bool found)
{
	struct life *life = asked->life;
	size_t size = value->item.value.size;

	if (life->state->keys[life->state->calls[asked->number].key].kind != KV_RUN_PLAIN ||
	    size > KV_RUN_VALUE_MAX)
		return;
	life->seen[asked->slot].key = life->state->calls[asked->number].key;
	life->seen[asked->slot].found = found;
	life->seen[asked->slot].size = size;
	if (size > 0)
		memcpy(life->seen[asked->slot].value, value->item.value.data, size);
}

static int get(struct asked *asked)
{
	struct life *life = asked->life;
	struct kv_run_state *state = life->state;
	bool weak = state->calls[asked->number].weak;
	struct gw_kv_read read = {.weak = weak};
	struct gw_kv_client *own = NULL;
	struct gw_kv_value value = {0};
	char number[24];
	int code = 0;

	begins(asked, NULL);
	if (weak && draw(life, 2)) { /* of any member, which may be far behind */
		const struct gw_kv_client_options options = {.insecure = true,
							     .timeout_ms = PATIENCE_MS};

		code = gw_kv_client_new(&own, state->members[draw(life, state->machines)].address,
					&options, NULL);
		assert(code == 0);
		read.min_index = draw(life, 4) == 0 ? state->told : 0;
	}
	code = gw_kv_get(own ? own : life->client, asked->key, &read, &value, NULL);
	asked->answer.found = code == 1;
	asked->answer.index = value.index;
	asked->answer.ttl_ms = value.item.ttl_ms;
	asked->answer.value = value.item.value;
	snprintf(number, sizeof(number), "%.*s", (int)value.item.value.size,
		 value.item.value.size ? (const char *)value.item.value.data : "");
	asked->answer.number = strtoll(number, NULL, 10);
	if (code >= 0 && value.index < read.min_index)
		sim_run_fail(state->run, "a weak read from %" PRIu64 " on is answered by %" PRIu64,
			     read.min_index, value.index);
	code = ends(asked, code);
	if (code >= 0)
		remember(asked, &value, code == 1);
	gw_kv_value_done(&value);
	gw_kv_client_free(own);
	return code;
}

static int put(struct asked *asked)
{
	struct life *life = asked->life;
	const struct kv_run_call *call = &life->state->calls[asked->number];
	bool ends_by_itself = life->state->keys[call->key].kind == KV_RUN_MORTAL;
	struct gw_kv_change change = {0};
	int code;

	begins(asked, NULL);
	code = gw_kv_put(life->client, asked->key, asked->value,
			 ends_by_itself ? 1 + draw(life, MORTAL_MS_MAX) : 0, &change, NULL);
	asked->answer.index = change.index;
	return ends(asked, code);
}

static int append(struct asked *asked)
{
	struct gw_kv_change change = {0};
	int code;

	begins(asked, NULL);
	code = gw_kv_append(asked->life->client, asked->key, asked->value, &change, NULL);
	asked->answer.index = change.index;
	return ends(asked, code);
}

static int swap(struct asked *asked)
{
	struct life *life = asked->life;
	const struct kv_run_call *call = &life->state->calls[asked->number];
	struct gw_kv_swap swap = {.key = asked->key, .condition = GW_KV_IF_ABSENT,
				  .value = asked->value};
	struct gw_kv_value value = {0};
	bool expects = life->seen[asked->slot].key == call->key && life->seen[asked->slot].found;
	int code;

	if (expects) {
		swap.condition = GW_KV_IF_VALUE;
		swap.expected = (struct gw_bytes){life->seen[asked->slot].value,
						  life->seen[asked->slot].size};
	}
	begins(asked, expects ? &swap.expected : NULL);
	code = gw_kv_compare_and_swap(life->client, &swap, &value, NULL);
	asked->answer.found = code == 1;
	asked->answer.index = value.index;
	code = ends(asked, code);
	if (code == 0)
		remember(asked, &value, value.item.found);
	gw_kv_value_done(&value);
	return code;
}

static int delete(struct asked *asked)
{
	struct gw_kv_change change = {0};
	int code;

	begins(asked, NULL);
	code = gw_kv_delete(asked->life->client, asked->key, &change, NULL);
	asked->answer.index = change.index;
	asked->answer.found = change.existed;
	return ends(asked, code);
}

/* Its answer does not tell the entry. */
static int increment(struct asked *asked)
{
	int code;

	begins(asked, NULL);
	code = gw_kv_increment(asked->life->client, asked->key, 1, &asked->answer.number, NULL);
	asked->answer.index = asked->life->state->calls[asked->number].must_see;
	return ends(asked, code);
}

/* ---- One after the other -------------------------------------------------------------------- */

static enum kv_run_kind draw_kind(struct life *life, enum kv_run_key_kind kind)
{
	uint64_t which = draw(life, 100);

	if (which < 40)
		return KV_RUN_GET;
	if (kind == KV_RUN_LOG)
		return KV_RUN_APPEND;
	if (kind == KV_RUN_COUNT)
		return KV_RUN_INCREMENT;
	if (kind == KV_RUN_MORTAL || which < 70)
		return KV_RUN_PUT;
	return which < 90 ? KV_RUN_SWAP : KV_RUN_DELETE;
}

static uint64_t draw_timeout(struct life *life)
{
	if (life->state->run->healed)
		return PATIENCE_MS;
	if (draw(life, 100) < SHORT_PERCENT)
		return 1 + draw(life, 20);
	return 10 + draw(life, life->state->tuning.timeout_ms_max);
}

static int ask(struct life *life)
{
	static int (*const make[KV_RUN_KINDS])(struct asked *) = {get,  put,    append,
								  swap, delete, increment};
	struct kv_run_state *state = life->state;
	enum kv_run_key_kind of_key = (enum kv_run_key_kind)draw(life, KV_RUN_KEY_KINDS);
	enum kv_run_kind kind = draw_kind(life, of_key);
	struct asked asked = {.life = life, .slot = (uint32_t)draw(life, state->slots)};
	bool weak = kind == KV_RUN_GET && draw(life, 100) < WEAK_PERCENT;
	uint32_t key = kv_run_key_take(state, of_key, asked.slot);
	char name[KV_RUN_KEY_BYTES];
	int code, used;

	asked.number = kv_run_call_new(state, life->node->number, kind, key, weak);
	kv_run_key_name(state, key, name);
	asked.key = gw_string(name);
	used = snprintf(asked.text, sizeof(asked.text), "%" PRIu32 ";", asked.number);
	asked.value = (struct gw_bytes){asked.text, (size_t)used};
	if (kind != KV_RUN_APPEND && state->padding_bytes) {
		uint64_t padding = draw(life, state->padding_bytes);

		memset(asked.text + used, '.', padding);
		asked.value.size += padding;
	}
	(void)gw_deadline_set(gw_after_ms(draw_timeout(life)));
	code = make[kind](&asked);
	(void)gw_deadline_set(GW_FOREVER);
	return code;
}

/* A client that was forgotten is made anew. */
static int begin_anew(struct life *life)
{
	const struct gw_kv_client_options options = {.insecure = true,
						     .timeout_ms = PATIENCE_MS};

	gw_kv_client_free(life->client);
	return gw_kv_client_new(&life->client, life->state->addresses, &options, NULL);
}

static int ask_again_and_again(void *argument)
{
	struct life *life = argument;
	struct kv_run_state *state = life->state;
	int code = 0;

	while (!gw_cancelled() && code >= 0) {
		bool healed = state->run->healed;

		code = ask(life);
		if (code == GW_E_TIMEOUT && healed && sim_io_alive(life->io))
			sim_run_fail(state->run, "a call waits in vain, and nothing is wrong");
		if (code >= 0 && healed)
			life->node->done_healed++;
		code = code == GW_E_STALE && sim_io_alive(life->io) ? begin_anew(life) : 0;
		if (gw_sleep_until(gw_now_ns() + 1 + draw(life, state->tuning.pause_ns_max)) < 0)
			break;
	}
	return 0;
}

/* ---- The program ---------------------------------------------------------------------------- */

static int live(void *argument)
{
	struct life *life = argument;
	struct gw_group group = {.name = "calls"};
	int code = begin_anew(life);

	if (code == 0)
		code = gw_spawn(&group, ask_again_and_again, life, NULL);
	if (code == 0 && life->node->number < KV_RUN_WATCHERS)
		code = gw_spawn(&group, kv_run_watch, &life->state->watchers[life->node->number],
				NULL);
	if (code < 0 && sim_io_alive(life->io))
		sim_run_fail(life->state->run, "a client cannot start");
	(void)gw_group_wait(&group, GW_FOREVER);
	(void)gw_group_done(&group);
	gw_kv_client_free(life->client);
	return 0;
}

static void *start(struct sim_node *node, struct io *io, void *argument)
{
	struct task_loop_options options = {.name = sim_node_name(node), .pick = true,
					    .silent = true};
	struct life *life = calloc(1, sizeof(*life));
	int code;

	assert(life);
	life->node = argument;
	life->state = life->node->state;
	life->io = io;
	for (uint32_t i = 0; i < KV_RUN_SLOTS; i++)
		life->seen[i].key = KV_NO_KEY;
	code = task_loop_new(io, &options, &life->loop, NULL);
	assert(code == 0);
	code = task_loop_spawn(life->loop, live, life, NULL);
	assert(code == 0);
	return life;
}

static void stop(void *argument)
{
	struct life *life = argument;

	if (!sim_end_tasks(life->io, life->loop))
		sim_run_fail(life->state->run, "the tasks of a dead client do not end");
	free(life);
}

const struct sim_program kv_run_client_program = {start, stop, NULL};
