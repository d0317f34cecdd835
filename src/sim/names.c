/* SPDX-License-Identifier: Apache-2.0 */
/*
 * names.c - directories as they are and as the disk has them, and the journal between (disk.h).
 */
#include "disk.h"

#include <errno.h>
#include <stdlib.h>

/* ---- Inodes -------------------------------------------------------------------------- */

struct inode *inode_new(struct disk *disk, enum inode_type type)
{
	struct inode *inode = (struct inode *)sim_allocate(sizeof(*inode));

	inode->disk = disk;
	inode->type = type;
	inode->next = disk->inodes;
	if (disk->inodes)
		disk->inodes->previous = inode;
	disk->inodes = inode;
	return inode;
}

static void names_clear(struct names *names, bool current);

static void inode_free(struct inode *inode)
{
	struct disk *disk = inode->disk;

	assert(inode->references == 0);
	pages_free(inode);
	names_clear(&inode->current, true);
	names_clear(&inode->durable, false);
	free(inode->current.entries);
	free(inode->durable.entries);
	if (inode->previous)
		inode->previous->next = inode->next;
	else
		disk->inodes = inode->next;
	if (inode->next)
		inode->next->previous = inode->previous;
	free(inode);
}

void inode_ref(struct inode *inode)
{
	inode->references++;
}

void inode_unref(struct inode *inode)
{
	assert(inode->references > 0);
	if (--inode->references == 0)
		inode_free(inode);
}

void inode_link(struct inode *inode, int links, int opens)
{
	struct disk *disk = inode->disk;
	bool before = inode->links + inode->opens > 0, after;

	inode->links += (uint32_t)links;
	assert(inode->links < UINT32_MAX / 2 && "fewer links than none");
	inode->opens += (uint32_t)opens;
	assert(inode->opens < UINT32_MAX / 2 && "fewer openers than none");
	after = inode->links + inode->opens > 0;
	if (after == before)
		return;
	disk->used_pages += after ? inode->page_count : -inode->page_count;
	disk->used_files += after ? 1 : UINT64_MAX;
}

/* ---- Entries ------------------------------------------------------------------------- */

static int compare(const struct entry *entry, const char *name, size_t size)
{
	size_t common = entry->size < size ? entry->size : size;
	int order = memcmp(entry->name, name, common);

	if (order != 0)
		return order;
	return entry->size < size ? -1 : entry->size > size;
}

/* Where the name is, or should be. */
static size_t search(const struct names *names, const char *name, size_t size, bool *found)
{
	size_t low = 0, high = names->count;

	*found = false;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = compare(&names->entries[middle], name, size);

		if (order == 0) {
			*found = true;
			return middle;
		}
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static char *copy_name(const char *name, size_t size)
{
	char *copy = (char *)sim_allocate(size + 1);

	memcpy(copy, name, size);
	return copy;
}

static void entry_let_go(struct entry *entry, bool current)
{
	if (current)
		inode_link(entry->inode, -1, 0);
	inode_unref(entry->inode);
}

static void names_remove(struct names *names, size_t at, bool current)
{
	struct entry entry = names->entries[at];

	assert(at < names->count);
	names->count--;
	memmove(names->entries + at, names->entries + at + 1,
		(names->count - at) * sizeof(entry));
	free(entry.name);
	entry_let_go(&entry, current);
}

static void names_clear(struct names *names, bool current)
{
	while (names->count > 0)
		names_remove(names, names->count - 1, current);
}

static void names_insert(struct names *names, size_t at, const char *name, size_t size,
			 struct inode *inode)
{
	assert(at <= names->count && size > 0 && size <= NAME_BYTES_MAX);
	if (names->count == names->capacity) {
		names->capacity = names->capacity ? 2 * names->capacity : 8;
		names->entries =
			realloc(names->entries, names->capacity * sizeof(*names->entries));
		assert(names->entries && "no memory for the simulator");
	}
	memmove(names->entries + at + 1, names->entries + at,
		(names->count - at) * sizeof(*names->entries));
	names->entries[at] = (struct entry){copy_name(name, size), size, inode};
	names->count++;
}

/* The name now means that inode, or nothing. */
static void names_set(struct names *names, const struct change *change, bool current)
{
	bool found;
	size_t at = search(names, change->name, change->name_size, &found);

	assert(change->directory->type == INODE_DIRECTORY);
	if (change->to) {
		inode_ref(change->to);
		if (current)
			inode_link(change->to, 1, 0);
	}
	if (found && change->to) {
		struct entry old = names->entries[at];

		names->entries[at].inode = change->to;
		entry_let_go(&old, current);
	} else if (found) {
		names_remove(names, at, current);
	} else if (change->to) {
		names_insert(names, at, change->name, change->name_size, change->to);
	}
}

static struct inode *lookup(struct inode *directory, const char *name, size_t size)
{
	bool found;
	size_t at = search(&directory->current, name, size, &found);

	assert(directory->type == INODE_DIRECTORY);
	return found ? directory->current.entries[at].inode : NULL;
}

/* ---- Paths --------------------------------------------------------------------------- */

static size_t name_length(const char *path)
{
	size_t size = 0;

	while (path[size] && path[size] != '/')
		size++;
	return size;
}

int names_find(struct disk *disk, const char *path, struct place *place)
{
	struct inode *trail[IO_PATH_BYTES_MAX / 2 + 1];
	size_t depth = 0;

	if (strlen(path) >= IO_PATH_BYTES_MAX)
		return ENAMETOOLONG;
	if (!*path)
		return ENOENT;
	*place = (struct place){.inode = disk->root};
	while (*path) {
		size_t size = name_length(path);

		if (size > NAME_BYTES_MAX)
			return ENAMETOOLONG;
		if (size > 0 && !place->inode)
			return ENOENT;
		if (size > 0 && place->inode->type != INODE_DIRECTORY)
			return ENOTDIR;
		if (size == 2 && memcmp(path, "..", 2) == 0) {
			*place = (struct place){.inode = depth ? trail[--depth] : disk->root};
		} else if (size > 0 && !(size == 1 && *path == '.')) {
			trail[depth++] = place->inode;
			place->directory = place->inode;
			place->name = path;
			place->name_size = size;
			place->inode = lookup(place->directory, path, size);
		}
		path += size;
		while (*path == '/')
			path++;
	}
	return 0;
}

bool names_is_inside(struct inode *directory, struct inode *tree)
{
	if (directory == tree)
		return true;
	for (size_t i = 0; i < tree->current.count; i++) {
		struct inode *inode = tree->current.entries[i].inode;

		if (inode->type == INODE_DIRECTORY && names_is_inside(directory, inode))
			return true;
	}
	return false;
}

/* ---- The journal --------------------------------------------------------------------- */

static void journal_entry_done(struct journal_entry *entry)
{
	for (uint32_t i = 0; i < entry->count; i++) {
		free(entry->changes[i].name);
		inode_unref(entry->changes[i].directory);
		if (entry->changes[i].to)
			inode_unref(entry->changes[i].to);
	}
}

static void journal_commit(struct journal_entry *entry)
{
	for (uint32_t i = 0; i < entry->count; i++)
		names_set(&entry->changes[i].directory->durable, &entry->changes[i], false);
	journal_entry_done(entry);
}

static void journal_drop_first(struct disk *disk)
{
	assert(disk->journal_count > 0);
	journal_commit(&disk->journal[0]);
	disk->journal_count--;
	memmove(disk->journal, disk->journal + 1, disk->journal_count * sizeof(*disk->journal));
}

void names_change(struct disk *disk, const struct change *changes, uint32_t count)
{
	struct journal_entry *entry;

	assert(count == 1 || count == 2);
	if (disk->journal_count == JOURNAL_CHANGES_MAX)
		journal_drop_first(disk);
	if (disk->journal_count == disk->journal_capacity) {
		disk->journal_capacity = disk->journal_capacity ? 2 * disk->journal_capacity : 16;
		disk->journal =
			realloc(disk->journal, disk->journal_capacity * sizeof(*disk->journal));
		assert(disk->journal && "no memory for the simulator");
	}
	entry = &disk->journal[disk->journal_count++];
	*entry = (struct journal_entry){.count = count};
	for (uint32_t i = 0; i < count; i++) {
		struct change *change = &entry->changes[i];

		*change = changes[i];
		change->name = copy_name(change->name, change->name_size);
		inode_ref(change->directory);
		if (change->to)
			inode_ref(change->to);
		if (count > 1 && change->to && change->to->type == INODE_DIRECTORY)
			entry->moves_directory = true;
	}
	for (uint32_t i = 0; i < count; i++)
		names_set(&entry->changes[i].directory->current, &entry->changes[i], true);
}

static bool same_name(const struct change *a, const struct change *b)
{
	return a->directory == b->directory && a->name_size == b->name_size &&
	       memcmp(a->name, b->name, a->name_size) == 0;
}

/* Whether one of the two entries says something about a name of the other. */
static bool touches(const struct journal_entry *a, const struct journal_entry *b)
{
	for (uint32_t i = 0; i < a->count; i++)
		for (uint32_t j = 0; j < b->count; j++)
			if (same_name(&a->changes[i], &b->changes[j]))
				return true;
	return false;
}

static bool is_in(const struct journal_entry *entry, const struct inode *directory)
{
	for (uint32_t i = 0; i < entry->count; i++)
		if (entry->changes[i].directory == directory)
			return true;
	return false;
}

/* Commits those that are marked, in order, and forgets them; with forget, the others as well. */
static void journal_settle(struct disk *disk, const bool *marked, bool forget)
{
	size_t left = 0;

	for (size_t i = 0; i < disk->journal_count; i++) {
		if (marked[i])
			journal_commit(&disk->journal[i]);
		else if (forget)
			journal_entry_done(&disk->journal[i]);
		else
			disk->journal[left++] = disk->journal[i];
	}
	disk->journal_count = left;
}

/* What the directory's changes build on is written with them. */
void names_sync(struct disk *disk, struct inode *directory)
{
	size_t count = disk->journal_count;
	bool *marked;

	if (count == 0)
		return;
	marked = (bool *)sim_allocate(count * sizeof(*marked));
	for (size_t i = count; i-- > 0;) {
		const struct journal_entry *entry = &disk->journal[i];

		marked[i] = is_in(entry, directory);
		for (size_t later = i + 1; later < count && !marked[i]; later++)
			marked[i] = marked[later] && (touches(entry, &disk->journal[later]) ||
						      disk->journal[later].moves_directory);
	}
	journal_settle(disk, marked, false);
	free(marked);
}

static void choose_kept(struct disk *disk, bool *kept)
{
	bool dropped_one = false;

	for (size_t i = 0; i < disk->journal_count; i++) {
		const struct journal_entry *entry = &disk->journal[i];

		kept[i] = sim_random_chance(&disk->node->disk_random, disk->faults.keep_ppm);
		if (dropped_one && (disk->faults.in_order || entry->moves_directory))
			kept[i] = false;
		for (size_t before = 0; before < i && kept[i]; before++)
			kept[i] = kept[before] || !touches(&disk->journal[before], entry);
		dropped_one |= !kept[i];
		sim_counted(disk_sim(disk),
			    kept[i] ? SIM_COUNT_NAME_KEPT : SIM_COUNT_NAME_DROPPED);
	}
}

/* The directory is now what the disk has of it. */
static void forget_current(struct inode *directory)
{
	names_clear(&directory->current, true);
	for (size_t i = 0; i < directory->durable.count; i++) {
		const struct entry *entry = &directory->durable.entries[i];

		inode_ref(entry->inode);
		inode_link(entry->inode, 1, 0);
		names_insert(&directory->current, i, entry->name, entry->size, entry->inode);
	}
}

void names_power_lost(struct disk *disk)
{
	bool *kept = (bool *)sim_allocate(disk->journal_count * sizeof(*kept) + 1);
	struct inode *inode;

	/* Held while directories are rebuilt, so that the list of inodes stays as it is. */
	for (inode = disk->inodes; inode; inode = inode->next)
		inode_ref(inode);
	choose_kept(disk, kept);
	journal_settle(disk, kept, true);
	assert(disk->journal_count == 0);
	free(kept);
	for (inode = disk->inodes; inode; inode = inode->next)
		if (inode->type == INODE_DIRECTORY)
			forget_current(inode);
	for (inode = disk->inodes; inode;) {
		struct inode *next = inode->next;

		/* The next one may go with this one, so hold it till its turn: it is held. */
		inode_unref(inode);
		inode = next;
	}
}

void names_free_all(struct disk *disk)
{
	for (size_t i = 0; i < disk->journal_count; i++)
		journal_entry_done(&disk->journal[i]);
	free(disk->journal);
	disk->journal = NULL;
	disk->journal_count = disk->journal_capacity = 0;
	for (struct inode *inode = disk->inodes; inode; inode = inode->next)
		inode_ref(inode);
	for (struct inode *inode = disk->inodes; inode; inode = inode->next) {
		names_clear(&inode->current, true);
		names_clear(&inode->durable, false);
	}
	while (disk->inodes) {
		struct inode *inode = disk->inodes;

		inode->references = 1;
		inode_unref(inode);
	}
	disk->root = NULL;
}
