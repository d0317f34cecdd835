/* SPDX-License-Identifier: Apache-2.0 */
/*
 * replicas.c - servers by slot; 0 ends a list that is shorter than its place.
 */
#include "gfs/master/replicas.h"

struct place {
	uint16_t servers[GFS_GOAL_MAX];
};

enum { PLACES_PER_PAGE = GFS_PAGE_BYTES / sizeof(struct place) };

_Static_assert(sizeof(struct place) == 16, "16 bytes a chunk");

/* NULL: nobody told of it. */
static struct place *place_of(const struct gfs_replicas *replicas, uint32_t slot)
{
	uint32_t page = slot / PLACES_PER_PAGE;
	struct place *places;

	if (page >= replicas->pages.count)
		return NULL;
	places = (struct place *)(void *)replicas->pages.pages[page]; /* never frozen */
	return &places[slot % PLACES_PER_PAGE];
}

static uint32_t count_of(const struct place *place)
{
	uint32_t count = 0;

	while (count < GFS_GOAL_MAX && place->servers[count] != 0)
		count++;
	return count;
}

void gfs_replicas_of(const struct gfs_replicas *replicas, uint32_t slot, struct gfs_set *set)
{
	const struct place *place = place_of(replicas, slot);

	*set = (struct gfs_set){.count = place ? count_of(place) : 0};
	if (place)
		memcpy(set->servers, place->servers, sizeof(set->servers));
}

int gfs_replicas_add(struct gfs_replicas *replicas, uint32_t slot, uint16_t server,
		     struct gw_error *error)
{
	struct place *place;
	uint32_t count;

	assert(server != 0);
	while (!(place = place_of(replicas, slot)))
		if (gfs_pages_new(&replicas->pages) == GFS_PAGE_NONE)
			return gw_fail(error, GW_E_NO_MEMORY, "no memory to note a replica");
	count = count_of(place);
	for (uint32_t i = 0; i < count; i++)
		if (place->servers[i] == server)
			return 0;
	if (count == GFS_GOAL_MAX)
		return gw_fail(error, GW_E_TOO_LARGE, "a chunk with over %d replicas",
			       GFS_GOAL_MAX);
	place->servers[count] = server;
	replicas->count++;
	return 1;
}

bool gfs_replicas_remove(struct gfs_replicas *replicas, uint32_t slot, uint16_t server)
{
	struct place *place = place_of(replicas, slot);
	uint32_t count = place ? count_of(place) : 0;

	for (uint32_t i = 0; i < count; i++) {
		if (place->servers[i] != server)
			continue;
		place->servers[i] = place->servers[count - 1];
		place->servers[count - 1] = 0;
		assert(replicas->count > 0);
		replicas->count--;
		return true;
	}
	return false;
}

void gfs_replicas_forget(struct gfs_replicas *replicas, uint32_t slot)
{
	struct place *place = place_of(replicas, slot);

	if (!place)
		return;
	assert(replicas->count >= count_of(place));
	replicas->count -= count_of(place);
	*place = (struct place){0};
}

void gfs_replicas_lose(struct gfs_replicas *replicas, uint16_t server, uint32_t from, uint32_t to,
		       void (*lost)(void *context, uint32_t slot), void *context)
{
	for (uint32_t slot = from; slot < to && place_of(replicas, slot); slot++)
		if (gfs_replicas_remove(replicas, slot, server))
			lost(context, slot);
}

void gfs_replicas_done(struct gfs_replicas *replicas)
{
	gfs_pages_done(&replicas->pages);
	replicas->count = 0;
}
