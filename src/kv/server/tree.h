/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tree.h - an ordered map in memory that can be kept as it is while it goes on changing: a treap
 * whose nodes are shared by its frozen copies and copied on the way to a change. A copy takes no
 * time; what is shared never changes, so another thread may read it.
 */
#ifndef KV_SERVER_TREE_H
#define KV_SERVER_TREE_H

#include "kv/server/table.h"

struct kv_tree_node;

struct kv_tree {
	struct kv_tree_node *root;
	uint64_t seed;
};

struct kv_tree_pair {
	struct gw_bytes key;
	struct kv_item item;
};

/* Both copied. A value may be one of the tree. */
int kv_tree_put(struct kv_tree *tree, struct gw_bytes key, const struct kv_item *item,
		struct gw_error *error) GW_MUST_CHECK;
/* Whether it was there: 1, 0. */
int kv_tree_remove(struct kv_tree *tree, struct gw_bytes key, struct gw_error *error) GW_MUST_CHECK;
bool kv_tree_get(const struct kv_tree *tree, struct gw_bytes key, struct kv_tree_pair *pair);
/* The first key behind `after`, or with `equal` not before it. */
bool kv_tree_next(const struct kv_tree *tree, struct gw_bytes after, bool equal,
		  struct kv_tree_pair *pair);
/* In order from begin on, as kv_visit says. */
int kv_tree_walk(const struct kv_tree *tree, struct gw_bytes begin, kv_visit *visit, void *context);
/* A copy that stays; kv_tree_done. Both are changed and ended on one thread. */
struct kv_tree kv_tree_copy(const struct kv_tree *tree);
void kv_tree_done(struct kv_tree *tree);

#endif
