/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plan.c - placement and the order of clones.
 */
#include "gfs/master/plan.h"

#include <assert.h>

/* ---- Placement ------------------------------------------------------------------------------ */

static const struct gfs_plan_server *find(const struct gfs_plan_server *servers, size_t count,
					  uint32_t number)
{
	for (size_t i = 0; i < count; i++)
		if (servers[i].number == number)
			return &servers[i];
	return NULL;
}

/* How many of a set are in a rack. */
static uint32_t in_rack(const struct gfs_plan_server *servers, size_t count,
			const struct gfs_set *set, uint32_t rack)
{
	uint32_t found = 0;

	for (uint32_t i = 0; i < set->count; i++) {
		const struct gfs_plan_server *server = find(servers, count, set->servers[i]);

		found += server && server->rack == rack;
	}
	return found;
}

static uint32_t used_percent(const struct gfs_plan_server *server)
{
	return server->bytes == 0
		       ? 100
		       : (uint32_t)((double)(server->bytes - server->bytes_free) * 100 /
				    (double)server->bytes);
}

static uint32_t average_percent(const struct gfs_plan_server *servers, size_t count)
{
	uint64_t sum = 0, usable = 0;

	for (size_t i = 0; i < count; i++) {
		sum += servers[i].usable ? used_percent(&servers[i]) : 0;
		usable += servers[i].usable;
	}
	return usable > 0 ? (uint32_t)(sum / usable) : 0;
}

bool gfs_plan_has_room(const struct gfs_plan_server *server, uint64_t bytes)
{
	uint64_t kept = server->bytes / 100 * GFS_PLAN_FREE_PERCENT;

	assert(server->bytes_free <= server->bytes);
	return server->usable && server->bytes_free >= kept &&
	       server->bytes_free - kept >= bytes;
}

/* Mixes a number that is drawn with a server's. */
static uint64_t tie(uint64_t draw, uint32_t number)
{
	uint64_t mixed = (draw + number) * 0x9e3779b97f4a7c15;

	return mixed ^ (mixed >> 31);
}

struct rank {
	uint32_t rack;   /* replicas in its rack */
	uint32_t recent;
	uint32_t above;  /* in use above the average */
	uint64_t tie;
};

static bool before(const struct rank *a, const struct rank *b)
{
	if (a->rack != b->rack)
		return a->rack < b->rack;
	if (a->recent != b->recent)
		return a->recent < b->recent;
	if (a->above != b->above)
		return a->above < b->above;
	return a->tie < b->tie;
}

uint32_t gfs_plan_place(const struct gfs_plan_server *servers, size_t count,
			const struct gfs_place_request *request, struct gfs_set *set)
{
	struct gfs_set taken = request->has;
	uint32_t average = average_percent(servers, count);

	assert(taken.count <= GFS_GOAL_MAX);
	*set = (struct gfs_set){0};
	while (set->count < request->count && taken.count < GFS_GOAL_MAX) {
		const struct gfs_plan_server *best = NULL;
		struct rank best_rank = {0};

		for (size_t i = 0; i < count; i++) {
			const struct gfs_plan_server *at = &servers[i];
			uint32_t used = used_percent(at);
			struct rank rank = {
				.rack = in_rack(servers, count, &taken, at->rack),
				.recent = at->recent,
				.above = used > average ? used - average : 0,
				.tie = tie(request->draw, at->number),
			};

			if (!gfs_plan_has_room(at, request->bytes_needed) ||
			    gfs_set_has(&taken, at->number))
				continue;
			if (!best || before(&rank, &best_rank)) {
				best = at;
				best_rank = rank;
			}
		}
		if (!best)
			break;
		set->servers[set->count++] = (uint16_t)best->number;
		taken.servers[taken.count++] = (uint16_t)best->number;
	}
	return set->count;
}

uint32_t gfs_plan_drop(const struct gfs_plan_server *servers, size_t count,
		       const struct gfs_set *has)
{
	uint32_t worst = 0, worst_rack = 0, worst_used = 0;

	for (uint32_t i = 0; i < has->count; i++) {
		const struct gfs_plan_server *at = find(servers, count, has->servers[i]);
		uint32_t rack, used;

		if (!at || !at->usable)
			return has->servers[i];
		rack = in_rack(servers, count, has, at->rack);
		used = used_percent(at);
		if (worst == 0 || rack > worst_rack || (rack == worst_rack && used > worst_used)) {
			worst = at->number;
			worst_rack = rack;
			worst_used = used;
		}
	}
	return worst;
}

/* ---- Clones --------------------------------------------------------------------------------- */

enum gfs_clone_class gfs_plan_class(const struct gfs_clone_need *need)
{
	assert(need->draining <= need->replicas);
	if (need->replicas == 0)
		return GFS_CLONE_NONE;
	if (need->replicas == 1 && need->goal > 1)
		return need->is_live ? GFS_CLONE_LAST_LIVE : GFS_CLONE_LAST;
	if (need->replicas < need->goal)
		return need->is_live ? GFS_CLONE_SHORT_LIVE : GFS_CLONE_SHORT;
	if (need->replicas - need->draining < need->goal)
		return GFS_CLONE_DRAIN;
	return GFS_CLONE_NONE;
}

static uint32_t lacks(const struct gfs_clone_need *need)
{
	uint32_t good = need->replicas - need->draining;

	return need->goal > good ? need->goal - good : 0;
}

int gfs_plan_compare(const struct gfs_clone_need *a, const struct gfs_clone_need *b)
{
	enum gfs_clone_class x = gfs_plan_class(a), y = gfs_plan_class(b);

	assert(x != GFS_CLONE_NONE && y != GFS_CLONE_NONE);
	if (x != y)
		return x < y ? -1 : 1;
	if (a->blocks_client != b->blocks_client)
		return a->blocks_client ? -1 : 1;
	if (lacks(a) != lacks(b))
		return lacks(a) > lacks(b) ? -1 : 1;
	return a->handle < b->handle ? -1 : a->handle > b->handle;
}

bool gfs_plan_may_clone(const struct gfs_clone_limits *limits, const struct gfs_clone_state *state,
			enum gfs_clone_class class, const struct gfs_plan_server *from,
			const struct gfs_plan_server *to)
{
	bool is_urgent = class == GFS_CLONE_LAST_LIVE || class == GFS_CLONE_LAST;
	bool is_narrow = state->is_busy && !is_urgent;
	uint32_t all = is_narrow ? limits->all_busy : limits->all;
	uint32_t each = is_narrow ? limits->each_busy : limits->each;

	assert(class != GFS_CLONE_NONE && from->number != to->number);
	return state->under_way < all && from->sends < each && to->receives < each;
}
