/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tree.c - a treap with shared nodes. A node is changed in place when nothing shares it, that is
 * when it and all above it have one reference; own() makes it so on the way down.
 */
#include "kv/server/tree.h"

#include <assert.h>
#include <stdlib.h>

/* A key with its value; never changed once it is in a tree. */
struct cell {
	uint32_t references;
	uint32_t key_size;
	uint64_t priority; /* of the key: its hash */
	size_t value_size;
	uint64_t version, expires_ms;
	uint8_t bytes[]; /* key, value */
};

struct kv_tree_node {
	struct kv_tree_node *left, *right;
	struct cell *cell;
	uint32_t references;
};

static struct gw_bytes key_of(const struct kv_tree_node *node)
{
	return (struct gw_bytes){node->cell->bytes, node->cell->key_size};
}

static void pair_of(const struct kv_tree_node *node, struct kv_tree_pair *pair)
{
	const struct cell *cell = node->cell;

	*pair = (struct kv_tree_pair){
		.key = key_of(node),
		.item = {{cell->bytes + cell->key_size, cell->value_size},
			 cell->version,
			 cell->expires_ms},
	};
}

static uint64_t hash(uint64_t seed, struct gw_bytes key)
{
	const uint8_t *at = key.data;
	uint64_t sum = 14695981039346656037u ^ seed;

	for (size_t i = 0; i < key.size; i++)
		sum = (sum ^ at[i]) * 1099511628211u;
	sum = (sum ^ (sum >> 32) ^ seed) * 0x9e3779b97f4a7c15u;
	return sum ^ (sum >> 29);
}

static struct cell *cell_new(struct gw_bytes key, const struct kv_item *item, uint64_t priority)
{
	struct cell *cell = malloc(sizeof(*cell) + key.size + item->value.size);

	if (!cell)
		return NULL;
	*cell = (struct cell){.references = 1,
			      .key_size = (uint32_t)key.size,
			      .priority = priority,
			      .value_size = item->value.size,
			      .version = item->version,
			      .expires_ms = item->expires_ms};
	memcpy(cell->bytes, key.data, key.size);
	if (item->value.size > 0)
		memcpy(cell->bytes + key.size, item->value.data, item->value.size);
	return cell;
}

static void cell_unref(struct cell *cell)
{
	assert(cell->references > 0);
	if (--cell->references == 0)
		free(cell);
}

static void node_unref(struct kv_tree_node *node)
{
	while (node) {
		struct kv_tree_node *right = node->right;

		assert(node->references > 0);
		if (--node->references > 0)
			return;
		node_unref(node->left);
		cell_unref(node->cell);
		free(node);
		node = right;
	}
}

/* Makes *at a node that nothing else has; what is above it is so already. */
static bool own(struct kv_tree_node **at)
{
	struct kv_tree_node *old = *at, *copy;

	if (old->references == 1)
		return true;
	copy = malloc(sizeof(*copy));
	if (!copy)
		return false;
	*copy = *old;
	copy->references = 1;
	copy->cell->references++;
	if (copy->left)
		copy->left->references++;
	if (copy->right)
		copy->right->references++;
	old->references--;
	*at = copy;
	return true;
}

static void rotate_right(struct kv_tree_node **at)
{
	struct kv_tree_node *node = *at, *up = node->left;

	assert(node->references == 1 && up->references == 1);
	node->left = up->right;
	up->right = node;
	*at = up;
}

static void rotate_left(struct kv_tree_node **at)
{
	struct kv_tree_node *node = *at, *up = node->right;

	assert(node->references == 1 && up->references == 1);
	node->right = up->left;
	up->left = node;
	*at = up;
}

/* Takes the cell over when it returns true. */
static bool insert(struct kv_tree_node **at, struct cell *cell)
{
	struct kv_tree_node *node = *at;
	int order;

	if (!node) {
		*at = node = calloc(1, sizeof(*node));
		if (!node)
			return false;
		node->references = 1;
		node->cell = cell;
		return true;
	}
	if (!own(at))
		return false;
	node = *at;
	order = gw_bytes_compare((struct gw_bytes){cell->bytes, cell->key_size}, key_of(node));
	if (order == 0) {
		cell_unref(node->cell);
		node->cell = cell;
		return true;
	}
	if (!insert(order < 0 ? &node->left : &node->right, cell))
		return false;
	if (order < 0 && node->left->cell->priority > node->cell->priority)
		rotate_right(at);
	else if (order > 0 && node->right->cell->priority > node->cell->priority)
		rotate_left(at);
	return true;
}

int kv_tree_put(struct kv_tree *tree, struct gw_bytes key, const struct kv_item *item,
		struct gw_error *error)
{
	struct cell *cell = cell_new(key, item, hash(tree->seed, key));

	if (cell && insert(&tree->root, cell))
		return 0;
	free(cell);
	return gw_fail(error, GW_E_NO_MEMORY, "no memory for a key of %zu bytes and its value",
		       key.size);
}

/* Moves the node down until it has one child at most, which takes its place. */
static bool sink(struct kv_tree_node **at)
{
	struct kv_tree_node *node = *at, *child;

	while (node->left && node->right) {
		bool is_left = node->left->cell->priority > node->right->cell->priority;

		if (!own(is_left ? &node->left : &node->right))
			return false;
		if (is_left)
			rotate_right(at);
		else
			rotate_left(at);
		at = is_left ? &(*at)->right : &(*at)->left;
		assert(*at == node);
	}
	child = node->left ? node->left : node->right;
	node->left = node->right = NULL;
	*at = child;
	node_unref(node);
	return true;
}

int kv_tree_remove(struct kv_tree *tree, struct gw_bytes key, struct gw_error *error)
{
	struct kv_tree_node **at = &tree->root;
	struct kv_tree_pair pair;
	int order;

	if (!kv_tree_get(tree, key, &pair))
		return 0;
	for (;;) {
		assert(*at);
		if (!own(at))
			break;
		order = gw_bytes_compare(key, key_of(*at));
		if (order == 0 && sink(at))
			return 1;
		if (order == 0)
			break;
		at = order < 0 ? &(*at)->left : &(*at)->right;
	}
	return gw_fail(error, GW_E_NO_MEMORY, "no memory to remove a key");
}

bool kv_tree_get(const struct kv_tree *tree, struct gw_bytes key, struct kv_tree_pair *pair)
{
	const struct kv_tree_node *node = tree->root;

	while (node) {
		int order = gw_bytes_compare(key, key_of(node));

		if (order == 0) {
			pair_of(node, pair);
			return true;
		}
		node = order < 0 ? node->left : node->right;
	}
	return false;
}

bool kv_tree_next(const struct kv_tree *tree, struct gw_bytes after, bool equal,
		  struct kv_tree_pair *pair)
{
	const struct kv_tree_node *node = tree->root, *found = NULL;

	while (node) {
		int order = gw_bytes_compare(after, key_of(node));

		if (order < 0 || (order == 0 && equal)) {
			found = node;
			node = node->left;
		} else {
			node = node->right;
		}
	}
	if (found)
		pair_of(found, pair);
	return found != NULL;
}

static int walk(const struct kv_tree_node *node, struct gw_bytes begin, kv_visit *visit,
		void *context)
{
	while (node) {
		bool is_wanted = gw_bytes_compare(begin, key_of(node)) <= 0;
		struct kv_tree_pair pair;
		int result = is_wanted ? walk(node->left, begin, visit, context) : 0;

		if (result == 0 && is_wanted) {
			pair_of(node, &pair);
			result = visit(context, pair.key, &pair.item);
		}
		if (result != 0)
			return result;
		node = node->right;
	}
	return 0;
}

int kv_tree_walk(const struct kv_tree *tree, struct gw_bytes begin, kv_visit *visit, void *context)
{
	return walk(tree->root, begin, visit, context);
}

struct kv_tree kv_tree_copy(const struct kv_tree *tree)
{
	if (tree->root)
		tree->root->references++;
	return *tree;
}

void kv_tree_done(struct kv_tree *tree)
{
	node_unref(tree->root);
	tree->root = NULL;
}
