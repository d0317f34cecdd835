/* SPDX-License-Identifier: Apache-2.0 */
/*
 * locks.c - path locks: a queue for each path that somebody holds or waits for.
 */
#include "gfs/master/locks.h"

#include <stdlib.h>

#include "rpc/waiting.h"

/* Of one path; there while somebody holds it or waits. */
struct node {
	struct claim *first, *last; /* in the order they came; the granted ones are in front */
	uint32_t readers;
	bool written;
};

/* Of one set on one path. */
struct claim {
	struct gw_bytes path; /* while the set is made: the caller's */
	struct node *node;    /* NULL: not asked for yet */
	struct claim *next, *previous;
	struct gw_waiters granted_now;
	uint32_t depth;
	bool write, granted;
};

struct gfs_lock_set {
	size_t count;
	struct claim claims[];
};

void gfs_locks_init(struct gfs_locks *locks, uint64_t seed)
{
	*locks = (struct gfs_locks){.paths = {.seed = seed}};
}

void gfs_locks_done(struct gfs_locks *locks)
{
	assert(locks->paths.count == 0);
	base_map_done(&locks->paths);
}

/* ---- One path ------------------------------------------------------------------------------- */

static bool may_have(const struct node *node, const struct claim *claim)
{
	if (claim->previous && !claim->previous->granted)
		return false;
	return !node->written && (!claim->write || node->readers == 0);
}

static void grant(struct node *node, struct claim *claim)
{
	assert(!claim->granted);
	claim->granted = true;
	if (claim->write)
		node->written = true;
	else
		node->readers++;
	rpc_wake(&claim->granted_now);
}

static void grant_those_in_turn(struct node *node)
{
	for (struct claim *claim = node->first; claim; claim = claim->next) {
		if (claim->granted)
			continue;
		if (!may_have(node, claim))
			return;
		grant(node, claim);
	}
}

static int node_of(struct gfs_locks *locks, struct gw_bytes path, struct node **out,
		   struct gw_error *error)
{
	struct node *node = base_map_get(&locks->paths, path);
	int code;

	*out = node;
	if (node)
		return 0;
	*out = node = calloc(1, sizeof(*node));
	if (!node)
		return gw_fail(error, GW_E_NO_MEMORY, "no memory for a lock");
	code = base_map_put(&locks->paths, path, node, error);
	if (code < 0)
		free(node);
	return code;
}

/* Held, or only waited for. */
static void leave(struct gfs_locks *locks, struct claim *claim)
{
	struct node *node = claim->node;

	if (claim->granted && claim->write)
		node->written = false;
	else if (claim->granted)
		node->readers--;
	if (claim->previous)
		claim->previous->next = claim->next;
	else
		node->first = claim->next;
	if (claim->next)
		claim->next->previous = claim->previous;
	else
		node->last = claim->previous;
	claim->node = NULL;
	if (!node->first) {
		bool found = base_map_remove(&locks->paths, claim->path, NULL);

		assert(found && node->readers == 0 && !node->written);
		free(node);
		return;
	}
	grant_those_in_turn(node);
}

static int take(struct gfs_locks *locks, struct claim *claim, uint64_t deadline_ns,
		struct gw_error *error)
{
	struct node *node;
	int code = node_of(locks, claim->path, &node, error);

	if (code < 0)
		return code;
	claim->node = node;
	claim->previous = node->last;
	if (node->last)
		node->last->next = claim;
	else
		node->first = claim;
	node->last = claim;
	grant_those_in_turn(node);
	while (!claim->granted && code == 0)
		code = rpc_wait(&claim->granted_now, "for the lock of", NULL, deadline_ns);
	if (code < 0)
		return gw_fail(error, code, "%.*s is locked by another call",
			       (int)claim->path.size, (const char *)claim->path.data);
	return 0;
}

/* ---- Sets ----------------------------------------------------------------------------------- */

static int compare(const void *left, const void *right)
{
	const struct claim *a = left, *b = right;

	if (a->depth != b->depth)
		return a->depth < b->depth ? -1 : 1;
	return gw_bytes_compare(a->path, b->path);
}

static uint32_t depth_of(struct gw_bytes path)
{
	const uint8_t *bytes = path.data;
	uint32_t depth = 0;

	for (size_t i = 0; i < path.size && path.size > 1; i++)
		depth += bytes[i] == '/';
	return depth;
}

/* A path and all above it. */
static void add(struct gfs_lock_set *set, struct gw_bytes path, bool write)
{
	for (uint32_t depth = depth_of(path);; depth--) {
		set->claims[set->count++] = (struct claim){.path = path, .depth = depth,
							   .write = write};
		if (depth == 0)
			return;
		path = gfs_path_parent(path);
		write = false;
	}
}

/* In order, each path once. */
static void sort(struct gfs_lock_set *set)
{
	size_t count = 0;

	qsort(set->claims, set->count, sizeof(set->claims[0]), compare);
	for (size_t i = 0; i < set->count; i++) {
		struct claim *last = count > 0 ? &set->claims[count - 1] : NULL;

		if (last && gw_bytes_compare(last->path, set->claims[i].path) == 0)
			last->write |= set->claims[i].write;
		else
			set->claims[count++] = set->claims[i];
	}
	set->count = count;
}

/* The paths are copied behind the claims; those above a path are its beginnings. */
static struct gfs_lock_set *set_new(const struct gfs_lock_path *paths, size_t count)
{
	struct gfs_lock_set *set;
	size_t claims = 0, bytes = 0;
	uint8_t *copy;

	for (size_t i = 0; i < count; i++) {
		claims += depth_of(paths[i].path) + 1;
		bytes += paths[i].path.size;
	}
	set = calloc(1, sizeof(*set) + claims * sizeof(set->claims[0]) + bytes);
	if (!set)
		return NULL;
	copy = (uint8_t *)&set->claims[claims];
	for (size_t i = 0; i < count; i++) {
		memcpy(copy, paths[i].path.data, paths[i].path.size);
		add(set, (struct gw_bytes){copy, paths[i].path.size}, paths[i].write);
		copy += paths[i].path.size;
	}
	assert(set->count == claims);
	sort(set);
	return set;
}

int gfs_locks_take(struct gfs_locks *locks, const struct gfs_lock_path *paths, size_t count,
		   uint64_t deadline_ns, struct gfs_lock_set **out, struct gw_error *error)
{
	struct gfs_lock_set *set;

	assert(count > 0 && count <= GFS_LOCK_PATHS_MAX);
	*out = NULL;
	set = set_new(paths, count);
	if (!set)
		return gw_fail(error, GW_E_NO_MEMORY, "no memory for locks");
	for (size_t i = 0; i < set->count; i++) {
		int code = take(locks, &set->claims[i], deadline_ns, error);

		if (code < 0) {
			gfs_locks_drop(locks, set);
			return code;
		}
	}
	*out = set;
	return 0;
}

void gfs_locks_drop(struct gfs_locks *locks, struct gfs_lock_set *set)
{
	if (!set)
		return;
	for (size_t i = set->count; i-- > 0;)
		if (set->claims[i].node)
			leave(locks, &set->claims[i]);
	free(set);
}
