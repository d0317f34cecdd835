/* SPDX-License-Identifier: Apache-2.0 */
/*
 * atlas.c - draws faults that stay within what nodes promise to bear, and ends them. What each kind
 * does to the simulator is in atlas_fault.c.
 */
#include "sim/atlas_fault.h"

#include <assert.h>

enum {
	TAME_PERCENT = 8,       /* of seeds without any fault */
	MANY_RATES = 4,
};

#define SUPERVISE_NS (100 * SIM_MS)

void sim_atlas_add(struct sim_atlas *atlas, const struct sim_group *group)
{
	assert(atlas->group_count < SIM_GROUPS_MAX);
	assert(group->nodes != 0 && (group->bears & group->beyond) == 0);
	for (uint32_t i = 0; i < atlas->group_count; i++)
		assert((atlas->groups[i].nodes & group->nodes) == 0);
	atlas->groups[atlas->group_count++] = *group;
}

bool sim_atlas_has_beyond(const struct sim_atlas *atlas)
{
	for (uint32_t i = 0; i < atlas->group_count; i++) {
		if (atlas->groups[i].beyond)
			return true;
	}
	return false;
}

const char *sim_fault_text(enum sim_fault fault)
{
	static const char *const texts[SIM_FAULTS] = {
#define FAULT_TEXT(name, text) text,
		SIM_FAULT_TABLE(FAULT_TEXT)
#undef FAULT_TEXT
	};

	assert(fault < SIM_FAULTS);
	return texts[fault];
}

/* ---- Who is down, who is damaged ------------------------------------------------------------ */

bool sim_atlas_is_down(const struct sim_atlas_node *at)
{
	assert(at->group);
	if (sim_node_state(at->node) != SIM_NODE_RUNNING)
		return true;
	for (uint32_t kind = 0; kind < SIM_FAULTS; kind++) {
		if (at->lasting[kind].active && SIM_FAULTS_DOWN & UINT32_C(1) << kind)
			return true;
	}
	return at->group->ready && !at->group->ready(at->run, at->node);
}

static uint32_t count_down(const struct sim_atlas *atlas, const struct sim_group *group)
{
	uint32_t count = 0;

	for (size_t i = 0; i < SIM_ATLAS_NODES_MAX; i++)
		count += atlas->nodes[i].group == group && sim_atlas_is_down(&atlas->nodes[i]);
	return count;
}

static uint32_t count_damaged(struct sim_atlas *atlas, const struct sim_group *group)
{
	uint32_t count = 0;

	for (size_t i = 0; i < SIM_ATLAS_NODES_MAX; i++) {
		struct sim_atlas_node *at = &atlas->nodes[i];

		if (at->group != group || !at->damaged)
			continue;
		at->damaged = !group->repaired || !group->repaired(at->run, at->node);
		count += at->damaged;
	}
	return count;
}

/* Whether a fault of the kind may hit the node now. */
static bool may_hit(struct sim_atlas *atlas, struct sim_atlas_node *at, uint32_t kind)
{
	uint32_t bit = UINT32_C(1) << kind;
	bool beyond = at->run->beyond && at->group->beyond & bit;

	if (at->lasting[kind].active || !(atlas->kinds & bit) || kind == SIM_FAULT_TEAR)
		return false;
	if (!beyond && !(at->group->bears & bit))
		return false;
	if (bit & SIM_FAULTS_DOWN && sim_atlas_is_down(at))
		return false;
	if (beyond)
		return true;
	if (bit & SIM_FAULTS_DOWN && count_down(atlas, at->group) >= at->group->down_max)
		return false;
	if (bit & SIM_FAULTS_DAMAGE && !at->damaged &&
	    count_damaged(atlas, at->group) >= at->group->damaged_max)
		return false;
	return true;
}

/* ---- Faults come and go --------------------------------------------------------------------- */

static void end_fault(void *context)
{
	struct sim_atlas_lasting *lasting = context;

	assert(lasting->owner && lasting->kind < SIM_FAULTS);
	if (!lasting->active)
		return;
	lasting->active = false;
	sim_atlas_end_fault(lasting->owner, lasting->kind);
}

static void begin_fault(struct sim_atlas *atlas, struct sim_atlas_node *at, uint32_t kind)
{
	struct sim *sim = at->run->sim;

	assert(!atlas->stopped && !at->lasting[kind].active);
	atlas->counts[kind]++;
	sim_note(sim, at->node, sim_fault_text(kind), (int64_t)atlas->counts[kind]);
	at->damaged = at->damaged || SIM_FAULTS_DAMAGE & UINT32_C(1) << kind;
	if (!sim_atlas_begin_fault(at, kind))
		return;
	at->lasting[kind].active = true;
	sim_at(sim, sim_now_ns(sim) + 1 + sim_draw(sim, 2 * atlas->lasts_ns), end_fault,
	       &at->lasting[kind]);
}

/* Nodes whose process ended by itself are started again. */
static void supervise(struct sim_atlas *atlas)
{
	for (size_t i = 0; i < SIM_ATLAS_NODES_MAX; i++) {
		struct sim_atlas_node *at = &atlas->nodes[i];
		bool ours = false;

		if (!at->group || sim_node_is_up(at->node))
			continue;
		for (uint32_t kind = 0; kind < SIM_FAULTS; kind++)
			ours = ours || (at->lasting[kind].active &&
					SIM_FAULTS_DEATH & UINT32_C(1) << kind);
		if (!ours)
			sim_node_start(at->node);
	}
}

/* One of the nodes that a group names; NULL when there is none. */
static struct sim_atlas_node *draw_node(struct sim_atlas *atlas, struct sim *sim)
{
	size_t count = 0, which;

	for (size_t i = 0; i < SIM_ATLAS_NODES_MAX; i++)
		count += atlas->nodes[i].group != NULL;
	if (count == 0)
		return NULL;
	which = sim_draw(sim, count);
	for (size_t i = 0;; i++) {
		assert(i < SIM_ATLAS_NODES_MAX);
		if (atlas->nodes[i].group && which-- == 0)
			return &atlas->nodes[i];
	}
}

static void hit(struct sim_atlas *atlas, struct sim *sim)
{
	struct sim_atlas_node *at = draw_node(atlas, sim);
	uint32_t possible[SIM_FAULTS], count = 0;

	for (uint32_t kind = 0; at && kind < SIM_FAULTS; kind++) {
		if (may_hit(atlas, at, kind))
			possible[count++] = kind;
	}
	if (count > 0)
		begin_fault(atlas, at, possible[sim_draw(sim, count)]);
}

static void tick(void *context)
{
	struct sim_run *run = context;
	struct sim_atlas *atlas = &run->atlas;
	uint64_t wait_ns = SUPERVISE_NS;

	supervise(atlas);
	if (!atlas->stopped && atlas->kinds) {
		hit(atlas, run->sim);
		wait_ns = 1 + sim_draw(run->sim, 2 * atlas->every_ns);
	}
	sim_at(run->sim, sim_now_ns(run->sim) + wait_ns, tick, run);
}

/* ---- The plan of a seed --------------------------------------------------------------------- */

static void draw_plan(struct sim_atlas *atlas, struct sim *sim)
{
	static const uint64_t rates_ms[MANY_RATES] = {20, 100, 500, 2000};
	static const uint64_t lengths_ms[MANY_RATES] = {10, 100, 1000, 5000};
	static const uint32_t shares_ppm[MANY_RATES] = {100000, 300000, 600000, SIM_PPM};
	uint32_t share = shares_ppm[sim_draw(sim, MANY_RATES)];

	atlas->every_ns = rates_ms[sim_draw(sim, MANY_RATES)] * SIM_MS;
	atlas->lasts_ns = lengths_ms[sim_draw(sim, MANY_RATES)] * SIM_MS;
	atlas->kinds = 0;
	for (uint32_t kind = 0; kind < SIM_FAULTS; kind++)
		atlas->kinds |= (uint32_t)sim_chance(sim, share) << kind;
	if (sim_draw(sim, 100) < TAME_PERCENT)
		atlas->kinds = 0;
}

/* The kinds that no one begins: what a power loss does to a node's disk. */
static void prepare_disk(struct sim_atlas *atlas, struct sim_atlas_node *at)
{
	static const uint32_t keeps_ppm[MANY_RATES] = {0, 100000, 500000, 900000};
	struct sim *sim = at->run->sim;
	struct sim_disk *disk = sim_disk(at->node);
	bool tears = at->group->bears & atlas->kinds & SIM_FAULT_BIT(TEAR);

	disk->keep_ppm = keeps_ppm[sim_draw(sim, MANY_RATES)];
	disk->tear_ppm = tears ? (uint32_t)sim_draw(sim, (SIM_PPM - disk->keep_ppm)) : 0;
	disk->in_order = at->group->in_order;
	at->disk = *disk;
}

void sim_atlas_begin(struct sim_run *run)
{
	struct sim_atlas *atlas = &run->atlas;
	uint32_t count = sim_node_count(run->sim);

	assert(count > 0);
	draw_plan(atlas, run->sim);
	atlas->link = *sim_link(sim_node_at(run->sim, 0), sim_node_at(run->sim, count - 1));
	for (uint32_t i = 0; i < count && i < SIM_ATLAS_NODES_MAX; i++) {
		struct sim_atlas_node *at = &atlas->nodes[i];

		at->run = run;
		at->node = sim_node_at(run->sim, i);
		for (uint32_t kind = 0; kind < SIM_FAULTS; kind++)
			at->lasting[kind] = (struct sim_atlas_lasting){.owner = at,
								       .kind = (uint8_t)kind};
		for (uint32_t group = 0; group < atlas->group_count; group++) {
			if (atlas->groups[group].nodes >> i & 1)
				at->group = &atlas->groups[group];
		}
		if (at->group)
			prepare_disk(atlas, at);
	}
	sim_at(run->sim, sim_now_ns(run->sim) + SUPERVISE_NS, tick, run);
}

void sim_atlas_heal(struct sim_run *run)
{
	struct sim_atlas *atlas = &run->atlas;

	assert(!atlas->stopped);
	atlas->stopped = true;
	for (size_t i = 0; i < SIM_ATLAS_NODES_MAX; i++) {
		struct sim_atlas_node *at = &atlas->nodes[i];

		if (!at->group)
			continue;
		for (uint32_t kind = 0; kind < SIM_FAULTS; kind++)
			end_fault(&at->lasting[kind]);
		sim_atlas_mend(at);
	}
	sim_heal(run->sim);
}
