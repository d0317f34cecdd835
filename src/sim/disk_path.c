/* SPDX-License-Identifier: Apache-2.0 */
/*
 * disk_path.c - requests on names: open, rename, unlink, directories, and the names of sockets.
 */
#include "disk.h"

#include <errno.h>
#include <stdlib.h>

static struct change change_of(const struct place *place, struct inode *to)
{
	return (struct change){
		.directory = place->directory,
		.name = (char *)(uintptr_t)place->name, /* copied by names_change */
		.name_size = place->name_size,
		.to = to,
	};
}

static void set_name(struct disk *disk, const struct place *place, struct inode *to)
{
	struct change change = change_of(place, to);

	names_change(disk, &change, 1);
}

static bool disk_is_full(struct disk *disk)
{
	if (disk->used_files < disk->faults.total_files)
		return false;
	sim_counted(disk_sim(disk), SIM_COUNT_NO_SPACE);
	return true;
}

/* ---- Files --------------------------------------------------------------------------- */

static struct sim_file *file_new(struct life *life, struct inode *inode, const char *path,
				 uint32_t flags)
{
	struct sim_file *file = (struct sim_file *)sim_allocate(sizeof(*file));
	size_t size = strlen(path) + 1;

	assert(inode->type == INODE_FILE && life->alive);
	file->name = (char *)sim_allocate(size);
	memcpy(file->name, path, size);
	file->file.name = file->name;
	file->life = life;
	file->inode = inode;
	file->flags = flags;
	file->next = life->files;
	if (life->files)
		life->files->previous = file;
	life->files = file;
	inode_ref(inode);
	inode_link(inode, 0, 1);
	if (flags & IO_LOCKED)
		inode->locked = true;
	return file;
}

void disk_file_free(struct sim_file *file)
{
	assert(!file->inode || file->inode->opens > 0);
	if (file->inode) { /* the process lives */
		if (file->flags & IO_LOCKED)
			file->inode->locked = false;
		inode_link(file->inode, 0, -1);
		inode_unref(file->inode);
	}
	if (file->previous)
		file->previous->next = file->next;
	else
		file->life->files = file->next;
	if (file->next)
		file->next->previous = file->previous;
	free(file->name);
	free(file);
}

void disk_discard(struct life *life, struct io_request *request)
{
	struct io_file **file = (struct io_file **)request->u.path.out;

	assert(((struct sim_file *)*file)->life == life);
	(void)life;
	disk_file_free((struct sim_file *)*file);
	*file = NULL;
}

/* What keeps an existing name from being opened so, or 0. */
static int check_existing(const struct inode *inode, uint32_t flags)
{
	if ((flags & IO_CREATE) && (flags & IO_EXCLUSIVE))
		return EEXIST;
	if (inode->type == INODE_DIRECTORY)
		return EISDIR;
	if (inode->type == INODE_SOCKET)
		return ENXIO;
	return (flags & IO_LOCKED) && inode->locked ? EBUSY : 0;
}

static int open_file(struct life *life, struct io_request *request, struct disk *disk)
{
	uint32_t flags = request->u.path.flags;
	struct place place;
	int os_error = names_find(disk, request->u.path.path, &place);

	if (os_error == 0 && (flags & IO_DIRECT) && disk_sim(disk)->options.without_direct)
		os_error = EOPNOTSUPP;
	if (os_error == 0 && place.inode)
		os_error = check_existing(place.inode, flags);
	else if (os_error == 0 && !(flags & IO_CREATE))
		os_error = ENOENT;
	else if (os_error == 0 && disk_is_full(disk))
		os_error = ENOSPC;
	if (os_error)
		return os_error;
	if (!place.inode) {
		place.inode = inode_new(disk, INODE_FILE);
		set_name(disk, &place, place.inode);
	}
	if (flags & IO_TRUNCATE)
		pages_resize(place.inode, 0);
	*(struct io_file **)request->u.path.out =
		&file_new(life, place.inode, request->u.path.path, flags)->file;
	return 0;
}

/* ---- Names --------------------------------------------------------------------------- */

static int check_rename(const struct place *from, const struct place *to, uint32_t flags)
{
	bool directory;

	if (!from->inode)
		return ENOENT;
	if (!from->directory || !to->directory)
		return EBUSY;
	directory = from->inode->type == INODE_DIRECTORY;
	if (to->inode && (flags & IO_RENAME_EXCLUSIVE))
		return EEXIST;
	if (to->inode && to->inode->type == INODE_DIRECTORY && !directory)
		return EISDIR;
	if (to->inode && to->inode->type != INODE_DIRECTORY && directory)
		return ENOTDIR;
	if (directory && names_is_inside(to->directory, from->inode))
		return EINVAL;
	if (to->inode && directory && to->inode->current.count > 0)
		return ENOTEMPTY;
	return 0;
}

static int rename_path(struct disk *disk, const struct io_request *request)
{
	struct place from, to;
	struct change changes[2];
	int os_error = names_find(disk, request->u.path.path, &from);

	if (os_error == 0)
		os_error = names_find(disk, request->u.path.to, &to);
	if (os_error == 0)
		os_error = check_rename(&from, &to, request->u.path.flags);
	if (os_error || from.inode == to.inode)
		return os_error;
	changes[0] = change_of(&to, from.inode);
	changes[1] = change_of(&from, NULL);
	names_change(disk, changes, 2);
	return 0;
}

static int remove_path(struct disk *disk, const struct io_request *request, bool directory)
{
	struct place place;
	int os_error = names_find(disk, request->u.path.path, &place);

	if (os_error)
		return os_error;
	if (!place.inode)
		return ENOENT;
	if (directory && place.inode->type != INODE_DIRECTORY)
		return ENOTDIR;
	if (!directory && place.inode->type == INODE_DIRECTORY)
		return EISDIR;
	if (!place.directory)
		return EBUSY;
	if (directory && place.inode->current.count > 0)
		return ENOTEMPTY;
	set_name(disk, &place, NULL);
	return 0;
}

static int make_directory(struct disk *disk, const struct io_request *request)
{
	struct place place;
	int os_error = names_find(disk, request->u.path.path, &place);

	if (os_error)
		return os_error;
	if (place.inode)
		return EEXIST;
	if (disk_is_full(disk))
		return ENOSPC;
	set_name(disk, &place, inode_new(disk, INODE_DIRECTORY));
	return 0;
}

static int find_directory(struct disk *disk, const char *path, struct inode **directory)
{
	struct place place;
	int os_error = names_find(disk, path, &place);

	if (os_error)
		return os_error;
	if (!place.inode)
		return ENOENT;
	*directory = place.inode;
	return place.inode->type == INODE_DIRECTORY ? 0 : ENOTDIR;
}

/* One block: its place in the life's list, the entries, the names. */
static void fill_list(struct life *life, const struct inode *directory, struct io_list *list)
{
	const struct names *names = &directory->current;
	size_t size = sizeof(struct list_block) + names->count * sizeof(struct io_entry);
	struct list_block *block;
	char *text;

	assert(names->count <= IO_LIST_ENTRIES_MAX);
	for (size_t i = 0; i < names->count; i++)
		size += names->entries[i].size + 1;
	block = (struct list_block *)sim_allocate(size);
	block->next = life->lists;
	if (block->next)
		block->next->previous = block;
	life->lists = block;
	list->memory = block;
	list->count = names->count;
	list->entries = (struct io_entry *)(block + 1);
	text = (char *)(list->entries + names->count);
	for (size_t i = 0; i < names->count; i++) {
		const struct entry *entry = &names->entries[i];

		memcpy(text, entry->name, entry->size + 1);
		list->entries[i].name = text;
		list->entries[i].is_directory = entry->inode->type == INODE_DIRECTORY;
		text += entry->size + 1;
	}
}

void disk_list_free(struct life *life, struct io_list *list)
{
	struct list_block *block = (struct list_block *)list->memory;

	*list = (struct io_list){0};
	if (!block)
		return;
	if (block->previous)
		block->previous->next = block->next;
	else
		life->lists = block->next;
	if (block->next)
		block->next->previous = block->previous;
	free(block);
}

static int list_directory(struct life *life, struct disk *disk, const struct io_request *request)
{
	struct inode *directory;
	int os_error = find_directory(disk, request->u.path.path, &directory);

	if (os_error == 0 && request->state == IO_REQUEST_CANCELLED)
		return ECANCELED;
	if (os_error == 0)
		fill_list(life, directory, (struct io_list *)request->u.path.out);
	return os_error;
}

static int sync_directory(struct disk *disk, const struct io_request *request)
{
	struct inode *directory;
	int os_error = find_directory(disk, request->u.path.path, &directory);

	if (os_error)
		return os_error;
	if (disk_sync_lies(disk))
		return 0;
	sim_counted(disk_sim(disk), SIM_COUNT_SYNC);
	names_sync(disk, directory);
	return 0;
}

static int space(struct disk *disk, const struct io_request *request)
{
	struct io_space *out = (struct io_space *)request->u.path.out;
	struct place place;
	uint64_t total = disk->faults.total_bytes / PAGE_BYTES;
	int os_error = names_find(disk, request->u.path.path, &place);

	if (os_error || !place.inode)
		return os_error ? os_error : ENOENT;
	out->total_bytes = total * PAGE_BYTES;
	out->free_bytes = total > disk->used_pages ? (total - disk->used_pages) * PAGE_BYTES : 0;
	out->free_files = disk->faults.total_files > disk->used_files
				  ? disk->faults.total_files - disk->used_files
				  : 0;
	return 0;
}

int disk_path(struct life *life, struct io_request *request)
{
	struct disk *disk = life->node->disk;
	int os_error = disk_fault(disk, (enum io_operation)request->operation);

	if (os_error)
		return os_error;
	switch (request->operation) {
	case IO_OPERATION_OPEN:
		return open_file(life, request, disk);
	case IO_OPERATION_RENAME:
		return rename_path(disk, request);
	case IO_OPERATION_UNLINK:
		return remove_path(disk, request, false);
	case IO_OPERATION_RMDIR:
		return remove_path(disk, request, true);
	case IO_OPERATION_MKDIR:
		return make_directory(disk, request);
	case IO_OPERATION_LIST:
		return list_directory(life, disk, request);
	case IO_OPERATION_SYNC_DIRECTORY:
		return sync_directory(disk, request);
	default:
		assert(request->operation == IO_OPERATION_SPACE);
		return space(disk, request);
	}
}

/* ---- Sockets ------------------------------------------------------------------------- */

int disk_socket_make(struct sim_node *node, const char *path, struct inode **inode)
{
	struct place place;
	int os_error = names_find(node->disk, path, &place);

	if (os_error)
		return os_error;
	if (place.inode)
		return EADDRINUSE;
	*inode = inode_new(node->disk, INODE_SOCKET);
	inode_ref(*inode);
	set_name(node->disk, &place, *inode);
	return 0;
}

int disk_socket_find(struct sim_node *node, const char *path, struct inode **inode)
{
	struct place place;
	int os_error = names_find(node->disk, path, &place);

	if (os_error || !place.inode)
		return os_error ? os_error : ENOENT;
	*inode = place.inode;
	return place.inode->type == INODE_SOCKET ? 0 : ECONNREFUSED;
}

void disk_socket_remove(struct sim_node *node, const char *path, struct inode *inode)
{
	struct place place;

	assert(inode->type == INODE_SOCKET);
	if (names_find(node->disk, path, &place) == 0 && place.inode == inode)
		set_name(node->disk, &place, NULL);
	inode_unref(inode);
}
