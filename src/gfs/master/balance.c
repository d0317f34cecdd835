/* SPDX-License-Identifier: Apache-2.0 */
/* balance.c - see balance.h. */
#include "gfs/master/balance.h"

#include <assert.h>

uint32_t gfs_share_of(uint64_t used, uint64_t bytes)
{
	if (bytes == 0 || used >= bytes)
		return GFS_SHARE_ALL;
	return (uint32_t)((double)used * GFS_SHARE_ALL / (double)bytes);
}

/* With what is about to come, and without what is about to go. */
static uint64_t used_of(const struct gfs_plan_server *server, uint64_t chunk_bytes)
{
	uint64_t used = server->bytes - server->bytes_free;
	uint64_t coming = server->moves_in * chunk_bytes, going = server->moves_out * chunk_bytes;

	assert(server->bytes_free <= server->bytes);
	return used + coming > going ? used + coming - going : 0;
}

/* ---- All together --------------------------------------------------------------------------- */

static uint64_t chunk_bytes_of(const struct gfs_plan_server *servers, size_t count)
{
	uint64_t most = UINT64_C(1) << GFS_CHUNK_LOG2, used = 0, chunks = 0, each;

	for (size_t i = 0; i < count; i++) {
		used += servers[i].bytes - servers[i].bytes_free;
		chunks += servers[i].chunks;
	}
	each = chunks ? used / chunks : most;
	/* Other things may be on the disks, too. */
	if (each > most)
		return most;
	return each ? each : 1;
}

static uint32_t racks_of(const struct gfs_plan_server *servers, size_t count)
{
	uint32_t racks[GFS_GOAL_MAX], found = 0;

	for (size_t i = 0; i < count && found < GFS_GOAL_MAX; i++) {
		uint32_t at = 0;

		if (!servers[i].usable)
			continue;
		while (at < found && racks[at] != servers[i].rack)
			at++;
		if (at == found)
			racks[found++] = servers[i].rack;
	}
	return found;
}

static void spread_of(const struct gfs_plan_server *servers, size_t count,
		      struct gfs_balance *balance)
{
	uint64_t sum = 0;

	balance->lowest = GFS_SHARE_ALL;
	for (size_t i = 0; i < count; i++) {
		uint32_t share;

		if (!servers[i].usable)
			continue;
		share = gfs_share_of(used_of(&servers[i], balance->chunk_bytes), servers[i].bytes);
		balance->servers++;
		sum += share;
		balance->lowest = share < balance->lowest ? share : balance->lowest;
		balance->highest = share > balance->highest ? share : balance->highest;
	}
	if (balance->servers == 0)
		balance->lowest = 0;
	else
		balance->average = (uint32_t)(sum / balance->servers);
}

/* The bytes that are above or below what is allowed, whichever are more. */
static uint64_t bytes_left(const struct gfs_plan_server *servers, size_t count,
			   const struct gfs_balance *balance)
{
	uint32_t half = balance->allowed / 2;
	double above = 0, below = 0;

	for (size_t i = 0; i < count; i++) {
		double bytes = (double)servers[i].bytes / GFS_SHARE_ALL;
		uint32_t share =
			gfs_share_of(used_of(&servers[i], balance->chunk_bytes), servers[i].bytes);

		if (!servers[i].usable)
			continue;
		if (share > balance->average + half)
			above += (share - balance->average - half) * bytes;
		else if (share + half < balance->average)
			below += (balance->average - share - half) * bytes;
	}
	return (uint64_t)(above > below ? above : below);
}

void gfs_balance_of(const struct gfs_plan_server *servers, size_t count, uint32_t percent,
		    struct gfs_balance *balance)
{
	assert(percent <= 100);
	*balance = (struct gfs_balance){.allowed = percent * (GFS_SHARE_ALL / 100)};
	balance->chunk_bytes = chunk_bytes_of(servers, count);
	balance->racks = racks_of(servers, count);
	spread_of(servers, count, balance);
	if (balance->highest - balance->lowest > balance->allowed)
		balance->left = bytes_left(servers, count, balance) / balance->chunk_bytes;
}

/* ---- One chunk ------------------------------------------------------------------------------ */

static uint32_t distinct(const uint32_t *racks, uint32_t count)
{
	uint32_t found = 0;

	for (uint32_t i = 0; i < count; i++) {
		uint32_t before = 0;

		while (before < i && racks[before] != racks[i])
			before++;
		found += before == i;
	}
	return found;
}

bool gfs_balance_is_crowded(const struct gfs_balance *balance, const uint32_t *racks,
			    uint32_t count)
{
	uint32_t most = count < balance->racks ? count : balance->racks;

	return distinct(racks, count) < most;
}

struct place {
	uint32_t count;
	const struct gfs_plan_server *servers[GFS_GOAL_MAX];
	uint32_t racks[GFS_GOAL_MAX];
};

/* False: nothing is known of one of them, or it is to be left anyhow. */
static bool find_place(const struct gfs_plan_server *servers, size_t count,
		       const struct gfs_set *has, struct place *place)
{
	place->count = 0;
	for (uint32_t i = 0; i < has->count; i++) {
		size_t at = 0;

		while (at < count && servers[at].number != has->servers[i])
			at++;
		if (at == count || !servers[at].usable)
			return false;
		place->servers[place->count] = &servers[at];
		place->racks[place->count++] = servers[at].rack;
	}
	return place->count > 0;
}

struct candidate {
	struct gfs_move move;
	uint32_t racks; /* afterwards */
	uint32_t gain;  /* by which the share of space that it leaves is higher */
	uint64_t tie;
};

static bool is_better(const struct candidate *one, const struct candidate *other)
{
	if (one->racks != other->racks)
		return one->racks > other->racks;
	if (one->gain != other->gain)
		return one->gain > other->gain;
	return one->tie < other->tie;
}

/* Of one replica to one server; false: that is no better. */
static bool consider(const struct gfs_balance *balance, const struct place *place, uint32_t from,
		     const struct gfs_plan_server *to, struct candidate *candidate)
{
	const struct gfs_plan_server *leaves = place->servers[from];
	uint64_t bytes = balance->chunk_bytes;
	uint64_t used_there = used_of(to, bytes), used_here = used_of(leaves, bytes);
	uint32_t share_there = gfs_share_of(used_there, to->bytes);
	uint32_t share_here = gfs_share_of(used_here, leaves->bytes);
	uint32_t now = distinct(place->racks, place->count);
	struct place after = *place;

	after.racks[from] = to->rack;
	candidate->racks = distinct(after.racks, after.count);
	candidate->gain = share_here > share_there ? share_here - share_there : 0;
	candidate->move = (struct gfs_move){leaves->number, to->number};
	if (candidate->racks != now)
		return candidate->racks > now;
	return candidate->gain > balance->allowed && used_here >= bytes &&
	       gfs_share_of(used_here - bytes, leaves->bytes) >=
		       gfs_share_of(used_there + bytes, to->bytes);
}

/* Mixes a number that is drawn with a server's. */
static uint64_t tie(uint64_t draw, uint32_t number)
{
	uint64_t mixed = (draw + number) * 0x9e3779b97f4a7c15;

	return mixed ^ (mixed >> 31);
}

bool gfs_balance_move(const struct gfs_plan_server *servers, size_t count,
		      const struct gfs_balance *balance, const struct gfs_set *has, uint64_t draw,
		      struct gfs_move *move)
{
	struct candidate best = {0}, candidate;
	struct place place;
	bool is_found = false;

	if (!find_place(servers, count, has, &place))
		return false;
	for (size_t i = 0; i < count; i++) {
		if (gfs_set_has(has, servers[i].number) ||
		    !gfs_plan_has_room(&servers[i], balance->chunk_bytes))
			continue;
		for (uint32_t from = 0; from < place.count; from++) {
			candidate.tie = tie(draw, servers[i].number);
			if (!consider(balance, &place, from, &servers[i], &candidate) ||
			    (is_found && !is_better(&candidate, &best)))
				continue;
			best = candidate;
			is_found = true;
		}
	}
	if (is_found)
		*move = best.move;
	return is_found;
}

uint64_t gfs_balance_ms_left(uint64_t done, uint64_t elapsed_ms, uint64_t left)
{
	double ms;

	if (done == 0)
		return 0;
	ms = (double)elapsed_ms / (double)done * (double)left;
	return ms < (double)(UINT64_MAX / 2) ? (uint64_t)ms : UINT64_MAX / 2;
}
